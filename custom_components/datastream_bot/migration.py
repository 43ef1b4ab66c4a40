"""Migration: what former versions stored of a bot becomes what this one reads."""

from collections.abc import Mapping
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant

from .const import CONF_DOORS
from .doors.webhook import CONF_NAMES_ENTITIES, WebhookDoor
from .mqtt.settings import CONF_MQTT


async def async_migrate_entry(hass: HomeAssistant, entry: ConfigEntry[Any]) -> bool:
    """Make options of what is stored of a bot, and let its webhook name entities in receipts if it always has."""
    if entry.version == 1:
        data = _with_named_entities(entry.data) if entry.minor_version == 1 else entry.data
        options = {**data, **entry.options}
        if CONF_MQTT in (doors := options.get(CONF_DOORS, {})):
            options[CONF_MQTT] = doors[CONF_MQTT]
            options[CONF_DOORS] = {name: door for name, door in doors.items() if name != CONF_MQTT}
        hass.config_entries.async_update_entry(entry, data={}, options=options, version=2, minor_version=1)
    return True


def _with_named_entities(data: Mapping[str, Any]) -> Mapping[str, Any]:
    doors = data.get(CONF_DOORS, {})
    if WebhookDoor.origin not in doors:
        return data
    webhook = doors[WebhookDoor.origin] | {CONF_NAMES_ENTITIES: True}
    return {**data, CONF_DOORS: {**doors, WebhookDoor.origin: webhook}}
