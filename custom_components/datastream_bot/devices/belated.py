"""Belated: restores what could not be restored at once, as soon as it can be, for a while."""

from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import datetime
from typing import Final

from homeassistant.core import CALLBACK_TYPE, Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_call_later, async_track_state_change_event

from ..const import DOMAIN
from .snapshot import IS_OFF, is_turned_on

_WAIT: Final = 300.0

type Restore = Callable[[list[str]], Awaitable[object]]
"""Restores entities."""


class Belated:
    """Waits for lights and switches to be off, as long as nobody wants anything else of them."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Initialize it with nothing to wait for."""
        self._hass = hass
        self._waiting: dict[str, CALLBACK_TYPE] = {}

    @callback
    def async_wait(self, entity_ids: Iterable[str], restore: Restore) -> None:
        """Restore each of these once it says that it is off, unless that takes it more than five minutes."""
        for entity_id in entity_ids:
            self.async_give_up([entity_id])
            self._waiting[entity_id] = self._async_wait(entity_id, restore)

    @callback
    def async_give_up(self, entity_ids: Iterable[str] | None = None) -> None:
        """Wait no longer for these, or for any."""
        given_up = self._waiting.keys() if entity_ids is None else self._waiting.keys() & entity_ids
        for entity_id in list(given_up):
            self._waiting.pop(entity_id)()

    def _async_wait(self, entity_id: str, restore: Restore) -> CALLBACK_TYPE:
        async def async_restore() -> None:
            # What comes of it is to be seen from the state.
            with suppress(HomeAssistantError):
                await restore([entity_id])

        @callback
        def changed(event: Event[EventStateChangedData]) -> None:
            new = event.data["new_state"]
            if is_turned_on(event):
                self.async_give_up([entity_id])
            elif new is not None and new.state in IS_OFF:
                self.async_give_up([entity_id])
                self._hass.async_create_task(async_restore(), f"{DOMAIN} belated")

        @callback
        def too_late(_: datetime) -> None:
            self.async_give_up([entity_id])

        stop_listening = async_track_state_change_event(self._hass, entity_id, changed)
        stop_timer = async_call_later(self._hass, _WAIT, too_late)

        @callback
        def stop() -> None:
            stop_listening()
            stop_timer()

        return stop
