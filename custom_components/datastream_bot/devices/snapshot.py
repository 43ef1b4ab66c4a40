"""The snapshot: what was on when it was turned off, to be turned on again as it was."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import CALLBACK_TYPE, Event, EventStateChangedData, HomeAssistant, State, callback
from homeassistant.helpers import config_validation as cv, entity_registry as er
from homeassistant.helpers.event import async_track_state_change_event
import voluptuous as vol

from ..clock import moment_of, timestamp_of
from ..storage import timestamp
from .domains import DOMAINS, can_be_turned_on, domain_of, is_on, state_when, was_reported, was_turned_on

_HOUR: Final = 3600.0
_BOUNCE: Final = 60.0
"""Seconds after which a light may report its old state, and for which it may do so."""

_FADING: Final = 60.0
"""Seconds that an entity may take to go off."""

STORED_SNAPSHOT: Final = vol.Schema(
    {
        cv.entity_id: {
            vol.Required("at"): timestamp,
            vol.Required("attributes"): {str: object},
            vol.Required("changed"): bool,
            vol.Optional("id", default=None): vol.Any(None, cv.string),
            vol.Optional("overdue", default=False): bool,
        }
    },
    extra=vol.REMOVE_EXTRA,
)
"""Validates a snapshot as it is stored, by entity id."""


@dataclass(slots=True, kw_only=True, eq=False)
class Remembered:
    """An entity that was on.

    Attributes:
        entity_id: Its id at that time.
        registry_id: Its id in the registry, which stays when it is renamed, or None.
        attributes: How it was on.
        at: When it was turned off, in seconds of the event loop's clock.
        is_changed: Whether somebody has turned it on since.
        is_overdue: Whether a restore came that could not turn it on.

    """

    entity_id: str
    registry_id: str | None
    attributes: Mapping[str, Any]
    at: float
    is_changed: bool = False
    is_overdue: bool = False

    @property
    def key(self) -> str:
        """Return what stays the same when the entity is renamed."""
        return self.registry_id or self.entity_id

    def on_state(self, entity_id: str) -> State:
        """Return the state to restore."""
        return State(entity_id, state_when(entity_id, on=True), dict(self.attributes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """What there is to restore, and what is left alone.

    Attributes:
        entries: All that was recalled, whatever becomes of it, by entity id.
        states: What was on, as it was.
        unavailable: What was on and cannot be reached, or is still being turned off, as it was.
        changed: Entity ids of what somebody has turned on since.
        expired: Entity ids of what has been off for too long.
        gone: Entity ids of what is no longer there, or no longer the bot's.

    """

    entries: dict[str, Remembered] = field(default_factory=dict)
    states: list[State] = field(default_factory=list)
    unavailable: list[State] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    expired: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)


class Snapshot:
    """Remembers entities that are turned off, each until it is restored or somebody turns it on."""

    def __init__(
        self,
        hass: HomeAssistant,
        remember_for: float,
        *,
        turning_off: Collection[str],
        save: Callable[[], Awaitable[bool]],
        save_soon: Callable[[], None],
    ) -> None:
        """Initialize the snapshot, empty.

        Args:
            hass: Home Assistant.
            remember_for: Hours for which each entity is kept.
            turning_off: Entity ids of what is being turned off at any time.
            save: Saves the snapshot now, and returns whether it is on disk.
            save_soon: Saves the snapshot soon.

        """
        self._hass = hass
        self._remember_for = remember_for * _HOUR
        self._turning_off = turning_off
        self._async_save = save
        self._save_soon = save_soon
        self._entries: dict[str, Remembered] = {}
        self._by_entity_id: dict[str, Remembered] = {}
        self._restoring: set[str] = set()
        self._bounced: dict[str, float] = {}
        self._is_stopped = False
        self._stop_listening: CALLBACK_TYPE | None = None

    @property
    def is_empty(self) -> bool:
        """Return whether nothing is remembered."""
        return not self._entries

    @property
    def entity_ids(self) -> list[str]:
        """Return the entity ids of all that is remembered."""
        return sorted(map(self._last_entity_id, self._entries.values()))

    def load(self, stored: Mapping[str, Mapping[str, Any]], saved: float | None) -> None:
        """Load entities from what was stored, with the date of saving if it is known."""
        entries = [
            Remembered(
                entity_id=entity_id,
                registry_id=data["id"] or self._registry_id(entity_id),
                # Former versions stored attributes that turn off.
                attributes=DOMAINS[domain_of(entity_id)].attributes(data["attributes"]),
                at=moment_of(self._hass, data["at"], saved),
                is_changed=data["changed"],
                is_overdue=data["overdue"],
            )
            for entity_id, data in stored.items()
            if domain_of(entity_id) in DOMAINS
        ]
        self._entries = {entry.key: entry for entry in entries}
        self._listen()

    def stored(self) -> dict[str, Any]:
        """Return what is to be stored."""
        return {
            self._last_entity_id(entry): {
                "at": timestamp_of(self._hass, entry.at),
                "attributes": entry.attributes,
                "changed": entry.is_changed,
                "id": entry.registry_id,
                "overdue": entry.is_overdue,
            }
            for entry in self._entries.values()
        }

    async def async_remember(self, entity_ids: Iterable[str]) -> bool:
        """Remember which of these are on, and how, before they are turned off; return whether that is on disk.

        What has not gone off yet stays as it was remembered. What a restore could not turn on, and is off by now, was
        left off by somebody.
        """
        now = self._hass.loop.time()
        for entity_id in entity_ids:
            state = self._hass.states.get(entity_id)
            former = self._by_entity_id.get(entity_id)
            if former is not None and former.is_overdue and can_be_turned_on(state):
                del self._entries[former.key]
            elif state is not None and is_on(state) and not self._is_being_turned(entity_id, former, now):
                entry = Remembered(
                    entity_id=entity_id,
                    registry_id=self._registry_id(entity_id),
                    attributes=DOMAINS[state.domain].attributes(state.attributes),
                    at=now,
                )
                self._entries[entry.key] = entry
        self._listen()
        return await self._async_save()

    def recall(self, attached: Collection[str], meant: Collection[str]) -> Recalled:
        """Return what there is to restore.

        Args:
            attached: Entity ids of what the bot is attached to.
            meant: Entity ids of what is to be restored.

        """
        recalled = Recalled()
        now = self._hass.loop.time()
        for entry in self._entries.values():
            if (entity_id := self._last_entity_id(entry)) not in meant:
                continue
            recalled.entries[entity_id] = entry
            state = None if self._entity_id(entry) is None else self._hass.states.get(entity_id)
            if entry.is_changed:
                recalled.changed.append(entity_id)
            elif self._is_expired(entry, now):
                recalled.expired.append(entity_id)
            elif state is None or entity_id not in attached:
                recalled.gone.append(entity_id)
            elif can_be_turned_on(state):
                recalled.states.append(entry.on_state(entity_id))
            elif state.state == STATE_UNAVAILABLE or entity_id in self._turning_off:
                recalled.unavailable.append(entry.on_state(entity_id))
            else:
                recalled.changed.append(entity_id)
        return recalled

    @contextmanager
    def restoring(self, entity_ids: Iterable[str]) -> Iterator[None]:
        """Attribute turn-ons inside this context to the bot, not to a person."""
        own = set(entity_ids)
        self._restoring |= own
        try:
            yield
        finally:
            self._restoring -= own

    async def async_restored(self, entries: Mapping[str, Remembered], failed: Collection[str]) -> None:
        """Forget entries after a restore, unless they were remembered anew since.

        Args:
            entries: What was recalled, by entity id.
            failed: Entity ids of what could not be turned on, and stays remembered until it can be.

        """
        for entity_id, entry in entries.items():
            if entity_id in failed:
                entry.is_overdue = True
            elif self._entries.get(entry.key) is entry:
                del self._entries[entry.key]
        self._listen()
        await self._async_save()

    async def async_forget(self) -> None:
        """Forget everything."""
        if self._entries:
            self.clear()
            await self._async_save()

    def clear(self) -> None:
        """Forget everything, without saving that."""
        self._entries.clear()
        self._listen()

    def forget_expired(self) -> None:
        """Forget what has been off for too long."""
        now = self._hass.loop.time()
        self._entries = {key: entry for key, entry in self._entries.items() if not self._is_expired(entry, now)}
        self._listen()

    def forget_on(self, entity_ids: Iterable[str], *, only_overdue: bool = False) -> None:
        """Forget those of these that are on, as they were not turned off after all.

        Args:
            entity_ids: Their entity ids.
            only_overdue: Only those that a restore is waiting for to be off.

        """
        self._forget(
            entry
            for entity_id in entity_ids
            if (entry := self._by_entity_id.get(entity_id)) is not None
            and (entry.is_overdue or not only_overdue)
            and is_on(self._hass.states.get(entity_id))
        )

    def stop(self) -> None:
        """Stop to listen."""
        self._is_stopped = True
        self._stop()

    def _stop(self) -> None:
        if self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = None

    def _forget(self, entries: Iterable[Remembered]) -> None:
        if forgotten := [entry.key for entry in entries]:
            for key in forgotten:
                del self._entries[key]
            self._listen()
            self._save_soon()

    def _entity_id(self, entry: Remembered) -> str | None:
        """Return the entity id as it is now, or None when the entity is gone."""
        return er.async_resolve_entity_id(er.async_get(self._hass), entry.key)

    def _last_entity_id(self, entry: Remembered) -> str:
        """Return the entity id as it is now, or as it was when the entity is gone."""
        return self._entity_id(entry) or entry.entity_id

    def _registry_id(self, entity_id: str) -> str | None:
        registered = er.async_get(self._hass).async_get(entity_id)
        return None if registered is None else registered.id

    def _is_being_turned(self, entity_id: str, entry: Remembered | None, now: float) -> bool:
        """Return whether an entity is on only because it has not gone off yet, such as a lamp that fades."""
        if entry is None or entry.is_changed or entity_id in self._restoring:
            return False
        return entity_id in self._turning_off or now - entry.at < _FADING

    def _is_expired(self, entry: Remembered, now: float) -> bool:
        return now - entry.at > self._remember_for

    def _listen(self) -> None:
        self._stop()
        self._by_entity_id = {
            entity_id: entry for entry in self._entries.values() if (entity_id := self._entity_id(entry)) is not None
        }
        # A call to a light that hangs can outlast this bot.
        if self._by_entity_id and not self._is_stopped:
            self._stop_listening = async_track_state_change_event(self._hass, self._by_entity_id, self._state_changed)

    @callback
    def _state_changed(self, event: Event[EventStateChangedData]) -> None:
        """Mark what somebody turned on: it is theirs from then on, also when it is off again."""
        entity_id, old, new = event.data["entity_id"], event.data["old_state"], event.data["new_state"]
        if new is None:
            # It is gone, or goes on under another id.
            self._listen()
            return
        entry = self._by_entity_id[entity_id]
        if was_turned_on(event) and entry.is_overdue:
            # It is as it should be, at last.
            self._forget([entry])
            return
        if was_turned_on(event) and entity_id not in self._restoring:
            if not entry.is_changed and old is not None and self._is_bounce(entry, old, new):
                self._bounced[entity_id] = self._hass.loop.time()
                return
            entry.is_changed = True
        elif entity_id in self._bounced and old is not None and new.state == state_when(entity_id, on=False):
            entry.is_changed = self._hass.loop.time() - self._bounced.pop(entity_id) >= _BOUNCE
        else:
            return
        self._save_soon()

    def _is_bounce(self, entry: Remembered, old: State, new: State) -> bool:
        """Return whether an entity may be on for a while only, although nobody has turned it on.

        What is polled too early reports its old state, and bulbs are on when the power is back.
        """
        is_early = self._hass.loop.time() - entry.at < _BOUNCE
        return (is_early or old.state == STATE_UNAVAILABLE) and was_reported(old, new)
