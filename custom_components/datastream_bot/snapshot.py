"""The snapshot: what was on when it was turned off, to be turned on again as it was."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from homeassistant.components.light.const import ColorMode, LightEntityStateAttribute
from homeassistant.components.light.reproduce_state import COLOR_MODE_TO_ATTRIBUTE
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import CALLBACK_TYPE, Event, EventStateChangedData, HomeAssistant, State, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .memory import Memory

_AT: Final = "at"
_ATTRIBUTES: Final = "attributes"
_CHANGED: Final = "changed"
_SCHEMA: Final = vol.Schema(
    {
        cv.entity_id: {
            vol.Required(_AT): vol.Coerce(float),
            vol.Required(_ATTRIBUTES): {str: object},
            vol.Required(_CHANGED): bool,
        }
    }
)
_LOOK: Final = tuple(LightEntityStateAttribute)
_HOUR: Final = 3600.0


def snapshot_memory(hass: HomeAssistant, bot_id: str) -> Memory[dict[str, Any]]:
    """Return where a bot remembers what was on."""
    return Memory(hass, f"{bot_id}.snapshot", _SCHEMA)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """What there is to restore, and what is left alone.

    Attributes:
        entries: What was remembered of each entity id, whatever becomes of it.
        states: What was on, as it was.
        changed: Entity ids of what somebody has turned on since.
        expired: Those of what has been off for too long.
        gone: Those of what is no longer there, or no longer the bot's.
        unavailable: Those of what cannot be reached.

    """

    entries: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    states: list[State] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    expired: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    unavailable: list[str] = field(default_factory=list)


class Snapshot:
    """Remembers lights and switches that are turned off, each until it is restored or somebody turns it on."""

    def __init__(self, hass: HomeAssistant, bot_id: str, remember_for: float) -> None:
        """Initialize the snapshot, which keeps each entity for some hours."""
        self._hass = hass
        self._remember_for = remember_for * _HOUR
        self._memory = snapshot_memory(hass, bot_id)
        self._entries: dict[str, dict[str, Any]] = {}
        self._restoring: set[str] = set()
        self._is_stopped = False
        self._stop_listening: CALLBACK_TYPE | None = None

    @property
    def entity_ids(self) -> list[str]:
        """Return the entity ids of all that is remembered."""
        return sorted(self._entries)

    async def async_start(self) -> None:
        """Remember what was remembered before a restart."""
        self._entries = await self._memory.async_load() or {}
        self._listen()

    async def async_stop(self) -> None:
        """Listen no longer, and leave nothing half stored."""
        self._is_stopped = True
        self._stop()
        if self._entries:
            await self._memory.async_save(self._entries)

    async def async_remember(self, entity_ids: Iterable[str]) -> None:
        """Remember which of these are on, and how, before they are turned off.

        What is remembered already stays as it is, unless somebody has turned it on since.
        """
        now = dt_util.utcnow().timestamp()
        for entity_id in entity_ids:
            state = self._hass.states.get(entity_id)
            if state is not None and state.state == STATE_ON and not self._is_live(entity_id, now):
                self._entries[entity_id] = {_ATTRIBUTES: _look_of(state), _AT: now, _CHANGED: False}
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
            if entry[_CHANGED]:
                recalled.changed.append(entity_id)
            elif self._is_expired(entry, now):
                recalled.expired.append(entity_id)
            elif state is None or entity_id not in attached:
                recalled.gone.append(entity_id)
            elif state.state in (STATE_UNAVAILABLE, STATE_UNKNOWN):
                recalled.unavailable.append(entity_id)
            elif state.state == STATE_OFF:
                recalled.states.append(State(entity_id, STATE_ON, entry[_ATTRIBUTES]))
            else:
                recalled.changed.append(entity_id)
        return recalled

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
        if entry is None or entry[_CHANGED] or entity_id in self._restoring:
            return False
        return not self._is_expired(entry, now)

    def _is_expired(self, entry: Mapping[str, Any], now: float) -> bool:
        return bool(now - entry[_AT] > self._remember_for)

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
        was_on = old is not None and old.state == STATE_ON
        if new is None or new.state != STATE_ON or was_on or entity_id in self._restoring:
            return
        self._entries[entity_id][_CHANGED] = True
        self._memory.async_delay_save(lambda: self._entries)


def _look_of(state: State) -> dict[str, Any]:
    """Return the brightness, the color and the effect of a light, with the mode only if its color is known."""
    look: dict[str, Any] = {name: state.attributes[name] for name in _LOOK if state.attributes.get(name) is not None}
    color = COLOR_MODE_TO_ATTRIBUTE.get(look.get(LightEntityStateAttribute.COLOR_MODE, ColorMode.UNKNOWN))
    if color is not None and color.state_attr not in look:
        del look[LightEntityStateAttribute.COLOR_MODE]
    return look
