"""What the protocol of former versions left, which no other home understands any more."""

from typing import Final

from homeassistant.core import HomeAssistant
import voluptuous as vol

from ..issues import async_create_issue
from ..storage import async_get_storage

_FILES: Final = ("outbox", *(f"roster_{number}" for number in range(16)))


async def async_drop_former(hass: HomeAssistant, bot_id: str, bot_name: str, organization: str) -> None:
    """Remove what a former version had on its way, and tell the user what has to be changed everywhere."""
    files = [async_get_storage(hass, f"{bot_id}.{name}", vol.Schema(dict)) for name in _FILES]
    found = [await file.async_load() for file in files]
    for file in files:
        await file.async_remove()
    if any(each is not None for each in found):
        async_create_issue(
            hass,
            f"mqtt_upgraded_{bot_id}",
            translation_key="mqtt_upgraded",
            is_fixable=True,
            bot=bot_name,
            organization=organization,
            about=len((found[0] or {}).get("letters", ())),
        )
