"""Confirmation: whether entities are as they were asked to be, when the calls are over."""

import asyncio
from collections.abc import Collection, Iterable
from contextlib import suppress

from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers.event import async_track_state_change_event

from .domains import is_as_wanted, not_as_wanted
from .groups import Groups


class Confirmation:
    """Checks that entities are as the newest message about them wants."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Initialize it with nothing wanted."""
        self._hass = hass
        self._wanted: dict[str, bool] = {}

    @callback
    def async_want(self, entity_ids: Iterable[str], *, on: bool) -> None:
        """Note what the newest message wants of entities.

        Args:
            entity_ids: The entities, with the members of groups in their place.
            on: Whether they should be on.

        """
        self._wanted |= dict.fromkeys(entity_ids, on)

    async def async_confirm(
        self, entity_ids: Collection[str], groups: Groups, *, on: bool, within: float
    ) -> tuple[list[str], list[str]]:
        """Return the entities that are as a message wanted, now or within some seconds, and those that are not.

        What a newer message wants the opposite of by then is in neither: nobody waits for it any more.
        """
        late = not_as_wanted(self._hass, entity_ids, on=on)
        if late:
            late = await self._async_late(late, on=on, within=within)
        reached = [entity_id for entity_id in entity_ids if entity_id not in late]
        return reached, sorted(entity_id for entity_id in late if not self._is_overtaken(entity_id, groups, on=on))

    async def _async_late(self, missing: Collection[str], *, on: bool, within: float) -> set[str]:
        """Return the entities that have not become as wanted within some seconds."""
        late = {*missing}
        all_reached = asyncio.Event()

        @callback
        def state_changed(event: Event[EventStateChangedData]) -> None:
            if is_as_wanted(event.data["new_state"], on=on):
                late.discard(event.data["entity_id"])
                if not late:
                    all_reached.set()

        stop_listening = async_track_state_change_event(self._hass, missing, state_changed)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(within):
                    await all_reached.wait()
        finally:
            stop_listening()
        return late

    def _is_overtaken(self, entity_id: str, groups: Groups, *, on: bool) -> bool:
        return any(self._wanted.get(one, on) is not on for one in (entity_id, *groups.members(entity_id)))
