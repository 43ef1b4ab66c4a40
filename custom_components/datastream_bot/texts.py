"""Texts that are filled in here, where Home Assistant's pages do not translate them."""

from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations

from .const import DOMAIN


async def async_texts(hass: HomeAssistant, part: str) -> dict[str, str]:
    """Return the texts of a part of the translations, by the end of their keys, in the language of Home Assistant."""
    texts = await async_get_translations(hass, hass.config.language, part.split(".", 1)[0], {DOMAIN})
    prefix = f"component.{DOMAIN}.{part}."
    return {key.removeprefix(prefix): text for key, text in texts.items() if key.startswith(prefix)}
