"""Switching: turns many lights and switches on or off, and tells which it could not."""

import asyncio
from collections.abc import Iterable
from itertools import batched, groupby
import logging
from typing import Any, Final

from homeassistant.auth.permissions.const import POLICY_CONTROL
from homeassistant.const import (
    ATTR_ENTITY_ID,
    SERVICE_TURN_OFF,
    SERVICE_TURN_ON,
    STATE_OFF,
    STATE_ON,
    STATE_UNAVAILABLE,
)
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import UnknownUser

from ..errors import PartlyFailedError

_LOGGER = logging.getLogger(__name__)

_AT_ONCE: Final = 100
"""Entities that a call names at most, as Home Assistant compares each of them with all others of the call."""

NOT_ALLOWED: Final = "not allowed"
"""What is told of entities that the user may not switch."""


async def async_switch(hass: HomeAssistant, entity_ids: Iterable[str], *, on: bool, context: Context) -> dict[str, Any]:
    """Turn entities on or off, with one call for each hundred of a domain, none of which waits for another.

    Returns:
        `on`, and the entity ids that were `switched` and those that are `unavailable`.

    Raises:
        PartlyFailedError: Some failed, or the user may not switch them. Its result names them with their errors.

    """
    allowed, not_allowed = await async_split_by_permission(hass, sorted(entity_ids), context)
    available: list[str] = []
    unavailable: list[str] = []
    for entity_id in allowed:
        if (state := hass.states.get(entity_id)) is None or state.state == STATE_UNAVAILABLE:
            unavailable.append(entity_id)
        else:
            available.append(entity_id)
    calls: list[asyncio.Task[dict[str, str]]] = []
    async with asyncio.TaskGroup() as calling:
        for domain, of_domain in groupby(available, _domain_of):
            for members in batched(of_domain, _AT_ONCE, strict=False):
                calls.append(calling.create_task(_async_call(hass, domain, list(members), on=on, context=context)))
                # What switches at once is done before more begins, while the processor still has it at hand.
                await asyncio.sleep(0)
    failed = dict.fromkeys(not_allowed, NOT_ALLOWED)
    for call in calls:
        failed |= call.result()
    result = {
        "on": on,
        "switched": [entity_id for entity_id in available if entity_id not in failed],
        "unavailable": unavailable,
    }
    if failed:
        raise PartlyFailedError(translation_key="not_switched", errors=failed, result={**result, "failed": failed})
    return result


def _domain_of(entity_id: str) -> str:
    return entity_id.partition(".")[0]


async def async_split_by_permission(
    hass: HomeAssistant, entity_ids: list[str], context: Context
) -> tuple[list[str], list[str]]:
    """Return what the context's user may switch, and what not.

    Home Assistant's actions check the user as well, but refuse a call as a whole.
    """
    if context.user_id is None:
        return entity_ids, []
    if (user := await hass.auth.async_get_user(context.user_id)) is None:
        raise UnknownUser(context=context)
    may_control = user.permissions.check_entity
    allowed: list[str] = []
    not_allowed: list[str] = []
    for entity_id in entity_ids:
        (allowed if may_control(entity_id, POLICY_CONTROL) else not_allowed).append(entity_id)
    return allowed, not_allowed


async def _async_call(
    hass: HomeAssistant, domain: str, entity_ids: list[str], *, on: bool, context: Context
) -> dict[str, str]:
    """Call the action of a domain, and return the error of each entity that it left as it was.

    Home Assistant calls all entities and raises one error that does not name the entity, so those that are not as
    wanted are named. None is called once more: it may be a push button, or a newer message may have come.
    """
    try:
        await hass.services.async_call(
            domain,
            SERVICE_TURN_ON if on else SERVICE_TURN_OFF,
            {ATTR_ENTITY_ID: entity_ids},
            blocking=True,
            context=context,
        )
    except Exception as err:
        _LOGGER.debug("Not all of %s could be switched", entity_ids, exc_info=True)
        wanted = STATE_ON if on else STATE_OFF
        return {
            entity_id: str(err) or type(err).__name__
            for entity_id in entity_ids
            if len(entity_ids) == 1 or (state := hass.states.get(entity_id)) is None or state.state != wanted
        }
    return {}
