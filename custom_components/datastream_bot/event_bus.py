"""Home Assistant's event bus: the way out to it, and what is followed on it."""

from collections.abc import Mapping
from typing import Final

from homeassistant.components.automation import EVENT_AUTOMATION_TRIGGERED
from homeassistant.core import Event, HomeAssistant, callback

from .messaging.message import Message
from .messaging.router import Router

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
            "content": message.copied_content(),
            "id": message.message_id,
            "sender": message.sender,
            "origin": message.origin.value,
            "home": message.home,
            "hops": message.hops,
        },
        context=message.context,
    )


@callback
def async_follow_automations(hass: HomeAssistant, router: Router) -> None:
    """Follow messages into the automations that they trigger."""

    @callback
    def follow(event: Event) -> None:
        router.follow(event.context)

    hass.bus.async_listen(EVENT_AUTOMATION_TRIGGERED, follow)
