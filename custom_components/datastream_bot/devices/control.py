"""Control: switches or restores many entities, and tells which failed."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from itertools import batched
import logging
from typing import Any, Final

from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.core import Context, HomeAssistant, State
from homeassistant.helpers.state import async_reproduce_state

from .domains import DOMAINS, domain_of, is_as_wanted

_LOGGER = logging.getLogger(__name__)

_AT_ONCE: Final = 100
"""How many entities a call names at most, as Home Assistant compares each of them with all others of the call."""


async def async_switch(hass: HomeAssistant, entity_ids: Iterable[str], *, on: bool, context: Context) -> dict[str, str]:
    """Turn entities on or off, and return the error of each that failed.

    There is one call for each hundred of a domain, and none waits for another.
    """
    ordered = sorted(entity_ids)
    calls: list[asyncio.Task[dict[str, str]]] = []
    async with asyncio.TaskGroup() as calling:
        for prefix in [f"{name}." for name in DOMAINS]:
            of_domain = [entity_id for entity_id in ordered if entity_id.startswith(prefix)]
            for batch in batched(of_domain, _AT_ONCE, strict=False):
                if calls:
                    # What switches at once is done before more begins, while the processor still has it at hand.
                    await asyncio.sleep(0)
                call = _async_switch_batch(hass, list(batch), on=on, context=context)
                calls.append(calling.create_task(call, eager_start=True))
    return {entity_id: error for call in calls for entity_id, error in call.result().items()}


async def _async_switch_batch(
    hass: HomeAssistant, entity_ids: list[str], *, on: bool, context: Context
) -> dict[str, str]:
    """Call the action of a domain, and return the error of each entity that is not as wanted afterwards.

    Home Assistant calls all entities and raises one error, which does not name the entity. None is called once more: it
    may be a push button, or a newer message may have come.
    """
    name = domain_of(entity_ids[0])
    domain = DOMAINS[name]
    try:
        await hass.services.async_call(
            name,
            domain.turn_on if on else domain.turn_off,
            {ATTR_ENTITY_ID: entity_ids},
            blocking=True,
            context=context,
        )
    except Exception as err:
        _LOGGER.debug("Not all of %s could be switched", entity_ids, exc_info=True)
        error = str(err) or type(err).__name__
        return {
            entity_id: error
            for entity_id in entity_ids
            if len(entity_ids) == 1 or not is_as_wanted(hass.states.get(entity_id), on=on)
        }
    return {}


async def async_restore(hass: HomeAssistant, states: Iterable[State], context: Context) -> dict[str, str]:
    """Restore the states of entities, each light in its own color mode, and return the error of each that failed."""
    return await async_gather_errors(
        {state.entity_id: async_reproduce_state(hass, state, context=context) for state in states}
    )


async def async_gather_errors(calls: Mapping[str, Coroutine[Any, Any, object]]) -> dict[str, str]:
    """Await named calls together, and return the error of each that failed, by name."""
    results = await asyncio.gather(*calls.values(), return_exceptions=True)
    return {
        name: str(error) or type(error).__name__
        for name, error in zip(calls, results, strict=True)
        if isinstance(error, Exception)
    }
