"""The way out to Home Assistant's event bus."""

from collections.abc import Mapping
from typing import Final

from homeassistant.core import HomeAssistant, callback

from .message import Message

EVENT_DATASTREAM_BOT_MESSAGE: Final = "datastream_bot_message"


@callback
def async_fire_message(hass: HomeAssistant, message: Message, received: Mapping[str, Message]) -> None:
    """Fire the event of an external message, which automations can listen to without this integration's trigger."""
    if not message.external:
        return
    hass.bus.async_fire(
        EVENT_DATASTREAM_BOT_MESSAGE,
        {
            "address": message.address,
            "content": message.copy().content,
            "id": message.message_id,
            "sender": message.sender,
            "origin": message.origin.value,
            "hops": message.hops,
        },
        context=message.context,
    )
