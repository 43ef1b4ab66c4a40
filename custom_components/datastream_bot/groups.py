"""Groups: which lights and switches are switched with another."""

from collections.abc import Iterable
from typing import Final

from homeassistant.const import ATTR_ENTITY_ID, ATTR_GROUP_ENTITIES, CONF_ENTITIES, Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er

_HELPER: Final = "group"
_GROUPING_DOMAINS: Final = (_HELPER, Platform.LIGHT, Platform.SWITCH)


@callback
def async_members(hass: HomeAssistant, entity_id: str) -> set[str]:
    """Return all that is in a group, with the groups in it; empty when it is no group."""
    found: set[str] = set()
    waiting = [entity_id]
    while waiting:
        new = {*_listed(hass, waiting.pop())} - found - {entity_id}
        found |= new
        waiting.extend(new)
    return found


@callback
def async_groups(hass: HomeAssistant) -> dict[str, set[str]]:
    """Return the members of every group, also of one that is not there yet."""
    registry = er.async_get(hass)
    entity_ids = {
        *hass.states.async_entity_ids(_GROUPING_DOMAINS),
        *(
            entity.entity_id
            for entry in hass.config_entries.async_entries(_HELPER)
            for entity in er.async_entries_for_config_entry(registry, entry.entry_id)
        ),
    }
    return {entity_id: members for entity_id in entity_ids if (members := async_members(hass, entity_id))}


def _listed(hass: HomeAssistant, entity_id: str) -> Iterable[str]:
    """Return what a group lists as its members; a helper lists them in its form when it has no state that does."""
    if (state := hass.states.get(entity_id)) is not None:
        listed = state.attributes.get(ATTR_GROUP_ENTITIES) or state.attributes.get(ATTR_ENTITY_ID)
        if isinstance(listed, list | tuple):
            return listed
    registry = er.async_get(hass)
    if (entity := registry.async_get(entity_id)) is None or entity.platform != _HELPER:
        return ()
    entry = hass.config_entries.async_get_entry(entity.config_entry_id or "")
    listed = [] if entry is None else entry.options[CONF_ENTITIES]
    return [member for one in listed if (member := er.async_resolve_entity_id(registry, one)) is not None]
