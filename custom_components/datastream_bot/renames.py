"""Renames: a bot's form keeps meaning the same entities when their ids are changed."""

from typing import Any

from homeassistant.const import ATTR_ENTITY_ID, CONF_TARGET
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er

from .const import CONF_EXCLUDE, CONF_NOTIFY, CONF_PERSONS, DOMAIN


@callback
def async_follow_renames(hass: HomeAssistant) -> None:
    """Follow entities to their new ids, for bots that are not loaded too.

    An exclusion that no longer means the freezer's plug would be found out by its thawing.
    """

    @callback
    def renamed(event: Event[er.EventEntityRegistryUpdatedData]) -> None:
        if event.data["action"] != "update" or (old_id := event.data.get("old_entity_id")) is None:
            return
        for entry in hass.config_entries.async_entries(DOMAIN):
            data = {key: _renamed(key, value, old_id, event.data["entity_id"]) for key, value in entry.data.items()}
            hass.config_entries.async_update_entry(entry, data=data)

    hass.bus.async_listen(er.EVENT_ENTITY_REGISTRY_UPDATED, renamed)


def _renamed(key: str, value: Any, old_id: str, new_id: str) -> Any:
    if key in (CONF_NOTIFY, CONF_PERSONS):
        return [new_id if entity_id == old_id else entity_id for entity_id in value]
    if key in (CONF_TARGET, CONF_EXCLUDE) and ATTR_ENTITY_ID in value:
        # As a target, a single entity may stand for itself instead of in a list.
        entity_ids = [value[ATTR_ENTITY_ID]] if isinstance(value[ATTR_ENTITY_ID], str) else value[ATTR_ENTITY_ID]
        return {**value, ATTR_ENTITY_ID: _renamed(CONF_NOTIFY, entity_ids, old_id, new_id)}
    return value
