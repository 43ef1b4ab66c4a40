"""System health: how many bots, doors and messages there are."""

from collections import Counter
from typing import Any

from homeassistant.components.system_health import SystemHealthRegistration
from homeassistant.core import HomeAssistant, callback

from .bot import loaded_bots
from .const import DOMAIN, PANEL
from .messaging.router import DATA_ROUTER


@callback
def async_register(hass: HomeAssistant, register: SystemHealthRegistration) -> None:
    """Register what is told of the integration, with a link to its page."""
    register.async_register_info(_async_info, f"/{PANEL}")


async def _async_info(hass: HomeAssistant) -> dict[str, Any]:
    router, bots = hass.data[DATA_ROUTER], loaded_bots(hass)
    doors = Counter(door.origin for bot in bots for door in bot.doors)
    transports = [bot.transport.is_connected for bot in bots if bot.transport is not None]
    return {
        "bots": f"{len(bots)} / {len(hass.config_entries.async_entries(DOMAIN))}",
        "open_addresses": sum(map(router.registry.is_open_anywhere, router.registry.addresses)),
        "doors": ", ".join(f"{origin}: {number}" for origin, number in sorted(doors.items())) or 0,
        "mqtt": f"{sum(transports)} / {len(transports)}" if transports else 0,
        "messages": router.log.messages,
        "failed": router.log.failed,
        "refused": router.log.refused,
    }
