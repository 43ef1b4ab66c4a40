"""The description of the trigger, which Home Assistant's editor shows.

It touches what Home Assistant keeps for itself, and so stands apart from the trigger.
"""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import trigger as trigger_helper

from .const import DOMAIN

TRIGGER: Final = "message_received"
TRIGGER_MESSAGE_RECEIVED: Final = f"{DOMAIN}.{TRIGGER}"


@callback
def async_describe_trigger(hass: HomeAssistant, description: Mapping[str, Any]) -> None:
    """Describe the trigger to pages that are loaded from now on.

    Home Assistant has a function for that for actions only. Where it does not keep descriptions like this any more, its
    editor offers no addresses, and takes them all the same.
    """
    key = getattr(trigger_helper, "TRIGGER_DESCRIPTION_CACHE", None)
    if key is not None and key in hass.data:
        # Pages are sent the descriptions anew when they are another object.
        hass.data[key] = {**hass.data[key], TRIGGER_MESSAGE_RECEIVED: description}
