"""Groups: which lights and switches are switched with another."""

from collections.abc import Iterable, Mapping, Set as AbstractSet
from typing import Final

from homeassistant.const import ATTR_ENTITY_ID, ATTR_GROUP_ENTITIES, CONF_ENTITIES, Platform
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import entity_registry as er

_HELPER: Final = "group"
_GROUPING_DOMAINS: Final = (_HELPER, Platform.LIGHT, Platform.SWITCH)
_NOBODY: Final[AbstractSet[str]] = frozenset()


class Groups:
    """Every group and who is in it, as it is at one moment: states tell it, which come and go without a word."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Look at all there is once, rather than at each entity whenever somebody asks about it."""
        self._hass = hass
        registry = er.async_get(hass)
        # A helper may be there without a state, or with one that does not tell.
        helpers = (
            entity.entity_id
            for entry in hass.config_entries.async_entries(_HELPER)
            for entity in er.async_entries_for_config_entry(registry, entry.entry_id)
        )
        self._lists: dict[str, Iterable[str]] = {
            state.entity_id: _listed_by(state) or () for state in hass.states.async_all(_GROUPING_DOMAINS)
        }
        self._lists |= {entity_id: _listed(hass, entity_id) for entity_id in helpers}
        self._members = dict.fromkeys(self._lists, _NOBODY)
        listing = [entity_id for entity_id, listed in self._lists.items() if listed]
        self._members |= {entity_id: self._find_members(entity_id) for entity_id in listing}

    def members(self, entity_id: str) -> AbstractSet[str]:
        """Return all that is in a group, with the groups in it; empty when it is no group."""
        if (members := self._members.get(entity_id)) is None:
            members = self._members[entity_id] = self._find_members(entity_id)
        return members

    def all(self) -> Mapping[str, AbstractSet[str]]:
        """Return the members of every group, also of one that is not there yet."""
        return {entity_id: members for entity_id, members in self._members.items() if members}

    def _find_members(self, entity_id: str) -> AbstractSet[str]:
        found: set[str] = set()
        waiting = [entity_id]
        while waiting:
            new = {*self._list(waiting.pop())} - found - {entity_id}
            found |= new
            waiting.extend(new)
        return found

    def _list(self, entity_id: str) -> Iterable[str]:
        if (listed := self._lists.get(entity_id)) is None:
            listed = self._lists[entity_id] = _listed(self._hass, entity_id)
        return listed


def _listed(hass: HomeAssistant, entity_id: str) -> Iterable[str]:
    """Return what a group lists as its members; a helper lists them in its form when it has no state that does."""
    if (state := hass.states.get(entity_id)) is not None and (told := _listed_by(state)) is not None:
        return told
    registry = er.async_get(hass)
    if (entity := registry.async_get(entity_id)) is None or entity.platform != _HELPER:
        return ()
    entry = hass.config_entries.async_get_entry(entity.config_entry_id or "")
    listed = [] if entry is None else entry.options[CONF_ENTITIES]
    return [member for one in listed if (member := er.async_resolve_entity_id(registry, one)) is not None]


def _listed_by(state: State) -> Iterable[str] | None:
    """Return what a state lists as members, or None when it does not tell."""
    listed = state.attributes.get(ATTR_GROUP_ENTITIES) or state.attributes.get(ATTR_ENTITY_ID)
    return listed if isinstance(listed, list | tuple) else None
