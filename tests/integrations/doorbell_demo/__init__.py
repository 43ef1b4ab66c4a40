"""A doorbell: another integration, which adds a microservice to each bot."""

from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import ConfigType

CONFIG_SCHEMA = cv.empty_config_schema("doorbell_demo")


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Set up the doorbell."""
    return True
