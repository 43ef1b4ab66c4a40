"""Diagnostics of a bot."""

from typing import Any

from homeassistant.core import HomeAssistant

from .bot import DatastreamBotConfigEntry
from .router import DATA_ROUTER


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: DatastreamBotConfigEntry) -> dict[str, Any]:
    """Return what a bot is set up to do, and what it sees."""
    return {
        "entry": entry.as_dict(),
        "microservices": {
            microservice.name: {"addresses": sorted(microservice.handlers), **microservice.diagnostics()}
            for microservice in entry.runtime_data.microservices
        },
        "known_addresses": sorted(hass.data[DATA_ROUTER].addresses),
    }
