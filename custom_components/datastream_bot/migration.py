"""Migration: what former versions stored of a bot becomes what this one reads."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant

from .const import CONF_DOORS
from .doors.webhook import CONF_NAMES_ENTITIES, WebhookDoor
from .issues import async_create_issue
from .mqtt.settings import CONF_MQTT

VERSION: Final = 2
"""Raised when a former version must not run with what is stored, as it would touch what is excluded."""
MINOR_VERSION: Final = 2
"""Raised when it may, and leaves alone what it does not know."""


async def async_migrate_entry(hass: HomeAssistant, entry: ConfigEntry[Any]) -> bool:
    """Rewrite what a former version stored of a bot. What a newer one stored stays as it is, and its user is told."""
    if entry.version > VERSION:
        async_create_issue(hass, f"version_newer_{entry.entry_id}", translation_key="version_newer", entry=entry)
        return False
    stored = (entry.version, entry.minor_version)
    if stored < (VERSION, MINOR_VERSION):
        data = _with_named_entities(entry.data) if stored == (1, 1) else entry.data
        hass.config_entries.async_update_entry(
            entry,
            data={},
            options=_without_mqtt_door({**data, **entry.options}),
            version=VERSION,
            minor_version=MINOR_VERSION,
        )
    return True


def _with_named_entities(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return data of before webhooks could withhold the names of entities, with one that goes on naming them."""
    doors = data.get(CONF_DOORS, {})
    if WebhookDoor.origin not in doors:
        return data
    webhook = doors[WebhookDoor.origin] | {CONF_NAMES_ENTITIES: True}
    return {**data, CONF_DOORS: {**doors, WebhookDoor.origin: webhook}}


def _without_mqtt_door(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return options with the way to other homes beside the doors, of which it was one before."""
    doors = dict(options.get(CONF_DOORS, {}))
    if CONF_MQTT not in doors:
        return options
    return {CONF_MQTT: doors.pop(CONF_MQTT), **options, CONF_DOORS: doors}
