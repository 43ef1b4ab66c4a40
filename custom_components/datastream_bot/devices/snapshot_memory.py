"""What a bot remembers of what was on."""

from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
import voluptuous as vol

from ..storage import Memory

AT: Final = "at"
ATTRIBUTES: Final = "attributes"
CHANGED: Final = "changed"
ID: Final = "id"
_SCHEMA: Final = vol.Schema(
    {
        cv.entity_id: {
            vol.Required(AT): vol.Coerce(float),
            vol.Required(ATTRIBUTES): {str: object},
            vol.Required(CHANGED): bool,
            vol.Optional(ID, default=None): vol.Any(None, cv.string),
        }
    }
)


def snapshot_memory(hass: HomeAssistant, bot_id: str) -> Memory[dict[str, Any]]:
    """Return where a bot remembers what was on."""
    return Memory(hass, f"{bot_id}.snapshot", _SCHEMA)
