"""What the protocol of former versions left, which no other home understands any more."""

from pathlib import Path
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import STORAGE_DIR
import voluptuous as vol

from ..const import DOMAIN
from ..issues import async_create_issue
from ..storage import async_get_storage

_FILES: Final = ("outbox", *(f"roster_{number}" for number in range(16)))


async def async_drop_former(hass: HomeAssistant, bot_id: str, bot_name: str, organization: str) -> None:
    """Remove what a former version had on its way, and tell the user what has to be changed everywhere."""
    folder = Path(hass.config.path(STORAGE_DIR))
    if not await hass.async_add_executor_job(lambda: any(folder.glob(f"{DOMAIN}.{bot_id}.roster_*"))):
        return
    files = [async_get_storage(hass, f"{bot_id}.{name}", vol.Schema(dict)) for name in _FILES]
    found = [await file.async_load() for file in files]
    for file in files:
        await file.async_remove()
    async_create_issue(
        hass,
        f"mqtt_upgraded_{bot_id}",
        translation_key="mqtt_upgraded",
        is_fixable=True,
        bot=bot_name,
        organization=organization,
        about=len((found[0] or {}).get("letters", ())),
    )
