"""Groups: which entities are switched with another.

A wrapper, such as the light that *Show as* makes of a switch, is a group of one.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import ATTR_ENTITY_ID, ATTR_GROUP_ENTITIES, CONF_ENTITIES, CONF_ENTITY_ID, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er

from .domains import DOMAINS, domain_of

_HELPER: Final = "group"
GROUPING_DOMAINS: Final = (_HELPER, *DOMAINS)
"""The domains of entities that can be attached, and of groups of them."""

_OBSERVING_DOMAINS: Final = (Platform.BINARY_SENSOR, Platform.SENSOR)
"""Domains of helpers that only observe the entity that they name."""


class Groups:
    """Every group with its members, as they are at one moment.

    Groups are found by their states, which come and go without a signal. All states are read once, rather than that of
    each of many entities, hardly any of which is a group.
    """

    def __init__(self, hass: HomeAssistant) -> None:
        """Find all groups."""
        self._hass = hass
        registry = er.async_get(hass)
        states = hass.states.async_all(GROUPING_DOMAINS)
        telling = [
            state.entity_id
            for state in states
            if ATTR_ENTITY_ID in (attributes := state.attributes) or ATTR_GROUP_ENTITIES in attributes
        ]
        # A helper may have no state, or one without members.
        helpers = [
            entity.entity_id
            for entry in hass.config_entries.async_entries()
            if _named(entry)
            for entity in er.async_entries_for_config_entry(registry, entry.entry_id)
        ]
        self._lists = {entity_id: _listed(hass, entity_id) for entity_id in (*telling, *helpers)}
        self._single = {*hass.states.async_entity_ids(GROUPING_DOMAINS)} - self._lists.keys()
        found = {entity_id: self._find_members(entity_id) for entity_id in self._lists}
        self.all: Mapping[str, set[str]] = {entity_id: members for entity_id, members in found.items() if members}
        """The members of each group, also of one that has no state yet."""

    def members(self, entity_id: str) -> set[str]:
        """Return the members of a group, with those of the groups in it; nothing when it is no group."""
        if (members := self.all.get(entity_id)) is not None:
            return members
        return self._find_members(entity_id)

    def among(self, entity_ids: Iterable[str]) -> dict[str, set[str]]:
        """Return the members of those entities that are groups."""
        perhaps = {*entity_ids} - self._single
        return {entity_id: members for entity_id in perhaps if (members := self.members(entity_id))}

    def _find_members(self, entity_id: str) -> set[str]:
        found: set[str] = set()
        waiting = [entity_id]
        while waiting:
            new = {*self._list(waiting.pop())} - found - {entity_id}
            found |= new
            waiting.extend(new)
        return found

    def _list(self, entity_id: str) -> Iterable[str]:
        if entity_id in self._single:
            return ()
        if (listed := self._lists.get(entity_id)) is None:
            return _listed(self._hass, entity_id)
        return listed


def _listed(hass: HomeAssistant, entity_id: str) -> Iterable[str]:
    """Return the members of a group, from its state or else from the options of its helper."""
    if (state := hass.states.get(entity_id)) is not None:
        listed = state.attributes.get(ATTR_GROUP_ENTITIES) or state.attributes.get(ATTR_ENTITY_ID)
        if isinstance(listed, list | tuple):
            return listed
    registry = er.async_get(hass)
    if (entity := registry.async_get(entity_id)) is None or domain_of(entity_id) in _OBSERVING_DOMAINS:
        return ()
    entry = hass.config_entries.async_get_entry(entity.config_entry_id or "")
    named = () if entry is None else _named(entry)
    return [member for one in named if (member := er.async_resolve_entity_id(registry, one)) is not None]


def _named(entry: ConfigEntry) -> Sequence[str]:
    """Return the entities that a helper names in its options: the members of a group, or the one that is wrapped."""
    if entry.domain == _HELPER:
        members: Sequence[str] = entry.options.get(CONF_ENTITIES, ())
        return members
    wrapped = entry.options.get(CONF_ENTITY_ID)
    return (wrapped,) if isinstance(wrapped, str) else ()
