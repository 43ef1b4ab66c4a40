"""Restoring: turns lights and switches on again as they were."""

import asyncio
from collections.abc import Iterable
import logging
from typing import Any

from homeassistant.core import Context, HomeAssistant, State
from homeassistant.helpers.state import async_reproduce_state

from ..errors import PartlyFailedError
from .control import NOT_ALLOWED, async_split_by_permission
from .recalled import Recalled

_LOGGER = logging.getLogger(__name__)


async def async_restore(hass: HomeAssistant, recalled: Recalled, context: Context) -> dict[str, Any]:
    """Restore what was recalled, each light in its own mode.

    Returns:
        `on`, the entity ids that were `switched`, and those that were left alone: because somebody has `changed` them,
        because they are `unavailable` or `gone`, or because what was remembered has `expired`.

    Raises:
        PartlyFailedError: Some failed, or the user may not switch them. Its result names them with their errors.

    """
    failed = await async_restore_states(hass, recalled.states, context)
    result = {
        "on": True,
        "switched": sorted(state.entity_id for state in recalled.states if state.entity_id not in failed),
        "unavailable": sorted(state.entity_id for state in recalled.unavailable),
        "changed": sorted(recalled.changed),
        "gone": sorted(recalled.gone),
        "expired": sorted(recalled.expired),
    }
    if failed:
        raise PartlyFailedError(translation_key="not_switched", errors=failed, result={**result, "failed": failed})
    return result


async def async_restore_states(hass: HomeAssistant, states: Iterable[State], context: Context) -> dict[str, str]:
    """Restore states, and return the error of each entity that failed."""
    by_id = {state.entity_id: state for state in states}
    allowed, not_allowed = await async_split_by_permission(hass, sorted(by_id), context)
    errors = await asyncio.gather(*(_async_restore_state(hass, by_id[entity_id], context) for entity_id in allowed))
    return {
        **dict.fromkeys(not_allowed, NOT_ALLOWED),
        **{entity_id: error for entity_id, error in zip(allowed, errors, strict=True) if error is not None},
    }


async def _async_restore_state(hass: HomeAssistant, state: State, context: Context) -> str | None:
    try:
        await async_reproduce_state(hass, state, context=context)
    except Exception as err:
        _LOGGER.debug("%s could not be restored", state.entity_id, exc_info=True)
        return str(err) or type(err).__name__
    return None
