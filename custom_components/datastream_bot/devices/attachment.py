"""The attachment: the entities that a bot may switch, kept until they may have changed."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from homeassistant.config_entries import SIGNAL_CONFIG_ENTRY_CHANGED
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    label_registry as lr,
)
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.event import async_track_state_added_domain, async_track_state_removed_domain
from homeassistant.util.event_type import EventType

from .groups import GROUPING_DOMAINS, Groups
from .selection import async_attached_entities

_REGISTRIES: Final[tuple[EventType[Any], ...]] = (
    ar.EVENT_AREA_REGISTRY_UPDATED,
    dr.EVENT_DEVICE_REGISTRY_UPDATED,
    er.EVENT_ENTITY_REGISTRY_UPDATED,
    lr.EVENT_LABEL_REGISTRY_UPDATED,
)


class Attachment:
    """Keeps the entity ids of what a bot is attached to."""

    def __init__(self, hass: HomeAssistant, target: Mapping[str, Any], exclude: Mapping[str, Any]) -> None:
        """Initialize it, not followed yet."""
        self._hass = hass
        self._target = target
        self._exclude = exclude
        self._entity_ids: list[str] | None = None
        self._groups: Mapping[str, set[str]] = {}
        self._listeners: list[Callable[[], None]] = []
        self._connected: list[CALLBACK_TYPE] = []

    def async_start(self) -> None:
        """Listen to all that may change the entities, but for the members of a group, of which nobody tells."""
        hass, changed = self._hass, self._changed
        self._connected = [
            *(hass.bus.async_listen(event_type, changed) for event_type in _REGISTRIES),
            # All bots share what looks at each state that changes anywhere.
            async_track_state_added_domain(hass, GROUPING_DOMAINS, changed),
            async_track_state_removed_domain(hass, GROUPING_DOMAINS, changed),
            async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, changed),
        ]

    def async_stop(self) -> None:
        """Listen no more, and keep nothing."""
        while self._connected:
            self._connected.pop()()
        self._entity_ids = None

    @callback
    def async_connect(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call a listener whenever the entities may have changed; return the function that ends it."""
        self._listeners.append(listener)
        return partial(self._listeners.remove, listener)

    def entity_ids(self, groups: Groups) -> list[str]:
        """Return the entity ids of what the bot is attached to now.

        Args:
            groups: All groups as they are now.

        """
        if self._entity_ids is None or groups.all != self._groups:
            entity_ids = async_attached_entities(self._hass, self._target, self._exclude, groups)
            if not self._connected:
                return entity_ids
            self._entity_ids, self._groups = entity_ids, groups.all
        return [*self._entity_ids]

    @callback
    def _changed(self, *_: object) -> None:
        self._entity_ids = None
        for listener in self._listeners:
            listener()
