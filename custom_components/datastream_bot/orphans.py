"""Orphans: what is left of bots and data streams that are gone.

Home Assistant writes config entries and registries at different times, and bots write files of their own: a crash can
leave one without the other.
"""

from pathlib import Path
import re
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.storage import STORAGE_DIR
import voluptuous as vol

from .const import DOMAIN
from .storage import async_get_storage

_KEY: Final = re.compile(r"(?P<bot_id>[0-9A-HJKMNP-TV-Z]{26})(\..+)?")
"""Matches the name of a bot's file, without that of the integration in front: first the id of its config entry."""


async def async_remove_orphaned_files(hass: HomeAssistant) -> None:
    """Remove the files of bots that are gone; those of bots that only are not loaded stay."""
    bot_ids = {entry.entry_id for entry in hass.config_entries.async_entries(DOMAIN)}
    for key in await hass.async_add_executor_job(_stored_keys, Path(hass.config.path(STORAGE_DIR))):
        if (of_bot := _KEY.fullmatch(key)) is not None and of_bot["bot_id"] not in bot_ids:
            await async_get_storage(hass, key, vol.Schema(object)).async_remove()


@callback
def async_remove_orphaned_entities(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Remove the devices and entities of data streams that a bot does not have, as removing these would have."""
    devices, entities = dr.async_get(hass), er.async_get(hass)
    registered: list[dr.DeviceEntry | er.RegistryEntry] = [
        *dr.async_entries_for_config_entry(devices, entry.entry_id),
        *er.async_entries_for_config_entry(entities, entry.entry_id),
    ]
    stream_ids = {one.config_subentry_id for one in registered if one.config_subentry_id is not None}
    for stream_id in stream_ids - entry.subentries.keys():
        devices.async_clear_config_subentry(entry.entry_id, stream_id, entry.domain)
        entities.async_clear_config_subentry(entry.entry_id, stream_id)


def _stored_keys(folder: Path) -> list[str]:
    """Return the names of the files of the integration, without its own in front."""
    return [path.name.removeprefix(f"{DOMAIN}.") for path in folder.glob(f"{DOMAIN}.*")]
