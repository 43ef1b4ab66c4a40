"""The upgrade from the former protocol, which no other home understands any more."""

import asyncio
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
import voluptuous as vol

from ..issues import async_create_issue
from ..storage import async_get_storage

_FILES: Final = ("outbox", *(f"roster_{number}" for number in range(16)))


async def async_drop_former(hass: HomeAssistant, entry: ConfigEntry[Any], organization: str) -> None:
    """Remove what a former version had on its way, and tell the user what has to be changed everywhere."""
    files = [async_get_storage(hass, f"{entry.entry_id}.{name}", vol.Schema(dict)) for name in _FILES]
    found = await asyncio.gather(*(file.async_load() for file in files))
    await asyncio.gather(*(file.async_remove() for file in files))
    if all(each is None for each in found):
        return
    async_create_issue(
        hass,
        f"mqtt_upgraded_{entry.entry_id}",
        translation_key="mqtt_upgraded",
        entry=entry,
        organization=organization,
        number=len((found[0] or {}).get("letters", ())),
    )
