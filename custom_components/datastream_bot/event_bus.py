"""The event bus: fires an event for each external message, and follows messages into automations."""

from collections.abc import Mapping
from typing import Final

from homeassistant.components.automation import EVENT_AUTOMATION_TRIGGERED
from homeassistant.core import Event, HomeAssistant, callback

from .messaging.content import copied_content
from .messaging.message import Message
from .messaging.router import Router

EVENT_DATASTREAM_BOT_MESSAGE: Final = "datastream_bot_message"


@callback
def async_fire_message(hass: HomeAssistant, message: Message, received: Mapping[str, Message]) -> None:
    """Fire the event of an external message, which automations can use without this integration's trigger."""
    envelope = message.envelope
    if not envelope.external:
        return
    hass.bus.async_fire(
        EVENT_DATASTREAM_BOT_MESSAGE,
        {
            "address": envelope.address,
            "content": copied_content(message.content),
            "id": message.message_id,
            "sender": envelope.sender,
            "origin": envelope.origin,
            "home": envelope.home,
            "hops": envelope.hops,
        },
        context=envelope.context,
    )


@callback
def async_follow_automations(hass: HomeAssistant, router: Router) -> None:
    """Follow messages into the automations that they trigger."""

    @callback
    def follow(event: Event) -> None:
        router.follow(event.context)

    hass.bus.async_listen(EVENT_AUTOMATION_TRIGGERED, follow)
