"""What a bot remembers of presence."""

from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
import voluptuous as vol

from ..storage import Memory
from .persons import Presence

ACTED_ON: Final = "presence"
PERSONS: Final = "persons"
REACTING: Final = "reacting"
SINCE: Final = "since"
SURE: Final = "sure"

_PRESENCE: Final = vol.In((Presence.HOME, Presence.AWAY))
_SCHEMA: Final = vol.Schema(
    {
        vol.Required(PERSONS): [cv.string],
        vol.Required(ACTED_ON): vol.Any(None, _PRESENCE),
        vol.Optional(SURE, default=None): vol.Any(None, _PRESENCE),
        vol.Optional(SINCE, default=0): vol.Coerce(float),
        vol.Optional(REACTING, default=True): bool,
    }
)


def presence_memory(hass: HomeAssistant, bot_id: str) -> Memory[dict[str, Any]]:
    """Return where a bot remembers presence."""
    return Memory(hass, bot_id, _SCHEMA)
