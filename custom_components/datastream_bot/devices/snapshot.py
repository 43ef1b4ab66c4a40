"""The snapshot: what was on when it was turned off, to be turned on again as it was."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import CALLBACK_TYPE, Event, EventStateChangedData, HomeAssistant, State, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.util import dt as dt_util

from .look import look_of
from .recalled import Recalled
from .snapshot_memory import AT, ATTRIBUTES, CHANGED, ID, snapshot_memory

_HOUR: Final = 3600.0
_BOUNCE: Final = timedelta(minutes=1)

IS_OFF: Final = (STATE_OFF, STATE_UNKNOWN)
"""States of what can be turned on; what tells nothing may be off."""


class Snapshot:
    """Remembers lights and switches that are turned off, each until it is restored or somebody turns it on."""

    def __init__(self, hass: HomeAssistant, bot_id: str, remember_for: float) -> None:
        """Initialize the snapshot, which keeps each entity for some hours."""
        self._hass = hass
        self._remember_for = remember_for * _HOUR
        self._memory = snapshot_memory(hass, bot_id)
        self._entries: dict[str, dict[str, Any]] = {}
        self._restoring: set[str] = set()
        self._turning_off: set[str] = set()
        self._bounced: set[str] = set()
        self._is_stopped = False
        self._stop_listening: CALLBACK_TYPE | None = None
        self._stop_following: CALLBACK_TYPE

    @property
    def entity_ids(self) -> list[str]:
        """Return the entity ids of all that is remembered."""
        return sorted(self._entries)

    async def async_start(self) -> None:
        """Remember what was remembered before a restart."""
        self._entries = await self._memory.async_load() or {}
        self._stop_following = self._hass.bus.async_listen(er.EVENT_ENTITY_REGISTRY_UPDATED, self._registry_updated)
        self._follow_renames()
        self._listen()

    async def async_stop(self, *, forget: bool) -> None:
        """Listen no longer, and leave nothing half stored.

        Args:
            forget: What was on is not to be restored later, perhaps after weeks.

        """
        self._is_stopped = True
        self._stop_following()
        self._stop()
        if self._entries:
            await self._memory.async_save({} if forget else self._entries)

    async def async_remember(self, entity_ids: Iterable[str]) -> None:
        """Remember which of these are on, and how, before they are turned off.

        What is remembered already stays as it is, unless somebody has turned it on since.
        """
        now = dt_util.utcnow().timestamp()
        registry = er.async_get(self._hass)
        for entity_id in entity_ids:
            state = self._hass.states.get(entity_id)
            if state is not None and state.state == STATE_ON and not self._is_live(entity_id, now):
                entity = registry.async_get(entity_id)
                self._entries[entity_id] = {
                    ATTRIBUTES: look_of(state),
                    AT: now,
                    CHANGED: False,
                    ID: entity.id if entity else None,
                }
        await self._save()

    def recall(self, attached: Collection[str], meant: Collection[str] | None) -> Recalled:
        """Return what there is to restore.

        Args:
            attached: Entity ids of what the bot controls.
            meant: Those of what is to be restored, or None for all that is remembered.

        """
        recalled = Recalled()
        now = dt_util.utcnow().timestamp()
        for entity_id, entry in self._entries.items():
            if meant is not None and entity_id not in meant:
                continue
            recalled.entries[entity_id] = entry
            state = self._hass.states.get(entity_id)
            if entry[CHANGED]:
                recalled.changed.append(entity_id)
            elif self._is_expired(entry, now):
                recalled.expired.append(entity_id)
            elif state is None or entity_id not in attached:
                recalled.gone.append(entity_id)
            elif state.state in IS_OFF:
                recalled.states.append(State(entity_id, STATE_ON, entry[ATTRIBUTES]))
            elif state.state == STATE_UNAVAILABLE or entity_id in self._turning_off:
                recalled.unavailable.append(State(entity_id, STATE_ON, entry[ATTRIBUTES]))
            else:
                recalled.changed.append(entity_id)
        return recalled

    @contextmanager
    def turning_off(self, entity_ids: Iterable[str]) -> Iterator[None]:
        """Take what is on in this context for what will be off."""
        own = set(entity_ids)
        self._turning_off |= own
        try:
            yield
        finally:
            self._turning_off -= own

    @contextmanager
    def restoring(self, entity_ids: Iterable[str]) -> Iterator[None]:
        """Take what turns on in this context for what the bot itself turned on."""
        own = set(entity_ids)
        self._restoring |= own
        try:
            yield
        finally:
            self._restoring -= own

    async def async_forget(self, recalled: Recalled | None = None) -> None:
        """Forget what was recalled, unless it was remembered anew since; or forget everything."""
        for entity_id, entry in list((self._entries if recalled is None else recalled.entries).items()):
            if self._entries.get(entity_id) is entry:
                del self._entries[entity_id]
        await self._save()

    async def _save(self) -> None:
        # A light that hangs can outlast the bot, whose successor remembers by itself.
        if not self._is_stopped:
            self._listen()
            await self._memory.async_save(self._entries)

    def _is_live(self, entity_id: str, now: float) -> bool:
        entry = self._entries.get(entity_id)
        if entry is None or entry[CHANGED] or entity_id in self._restoring:
            return False
        return not self._is_expired(entry, now)

    def _is_expired(self, entry: Mapping[str, Any], now: float) -> bool:
        return bool(now - entry[AT] > self._remember_for)

    def _listen(self) -> None:
        self._stop()
        if self._entries:
            self._stop_listening = async_track_state_change_event(self._hass, list(self._entries), self._state_changed)

    def _stop(self) -> None:
        if self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = None

    @callback
    def _state_changed(self, event: Event[EventStateChangedData]) -> None:
        """Note what somebody turned on: it is theirs from then on, also when it is off again."""
        entity_id, old, new = event.data["entity_id"], event.data["old_state"], event.data["new_state"]
        entry = self._entries[entity_id]
        if is_turned_on(event) and entity_id not in self._restoring:
            # Who is asked too early how it is may say how it was, still in the context of having been turned off.
            if not entry[CHANGED] and old is not None and new is not None and old.context.id == new.context.id:
                self._bounced.add(entity_id)
            entry[CHANGED] = True
        elif entity_id in self._bounced and old is not None and new is not None and new.state == STATE_OFF:
            self._bounced.remove(entity_id)
            entry[CHANGED] = new.last_changed - old.last_changed >= _BOUNCE
        else:
            return
        self._memory.async_delay_save(lambda: self._entries)

    @callback
    def _registry_updated(self, event: Event[er.EventEntityRegistryUpdatedData]) -> None:
        if event.data["action"] == "update" and "old_entity_id" in event.data:
            self._follow_renames()
            self._listen()

    def _follow_renames(self) -> None:
        registry = er.async_get(self._hass)
        self._entries = {
            er.async_resolve_entity_id(registry, entry[ID] or entity_id) or entity_id: entry
            for entity_id, entry in self._entries.items()
        }


def is_turned_on(event: Event[EventStateChangedData]) -> bool:
    """Return whether a light or switch is on that was not before."""
    old, new = event.data["old_state"], event.data["new_state"]
    was_on = old is not None and old.state == STATE_ON
    return new is not None and new.state == STATE_ON and not was_on
