"""The event bus: fires an event for each external message, and follows messages into automations."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from homeassistant.components.automation import EVENT_AUTOMATION_TRIGGERED
from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.core import Event, HomeAssistant, callback

from .const import ATTR_CONTENT
from .messaging.content import CONTENT_LEFT_OUT, MAX_EVENT_BYTES, copied_content, fits_into_event
from .messaging.listeners import async_get_listeners
from .messaging.message import Message
from .messaging.router import Router
from .receipt_event import async_setup_receipt_event

EVENT_DATASTREAM_BOT_MESSAGE: Final = "datastream_bot_message"

_LIKELY_TOO_LARGE: Final = MAX_EVENT_BYTES // 2
"""Bytes of content below which its event is not measured: what else is in it is much smaller."""


@callback
def async_setup_event_bus(hass: HomeAssistant, router: Router) -> None:
    """Fire the events of messages and of their receipts, and follow messages into the automations that they trigger."""

    @callback
    def follow(event: Event) -> None:
        router.follow(event.context)
        router.log.async_note_automation(event.context, event.data[ATTR_ENTITY_ID])

    async_get_listeners(hass).connect(partial(_async_fire_message, hass))
    async_setup_receipt_event(hass, router)
    hass.bus.async_listen(EVENT_AUTOMATION_TRIGGERED, follow)


@callback
def _async_fire_message(hass: HomeAssistant, message: Message, received: Mapping[str, Message]) -> None:
    """Fire the event of an external message, which automations can use without this integration's trigger."""
    envelope = message.envelope
    if not envelope.external:
        return
    data: dict[str, Any] = {
        "address": envelope.address,
        ATTR_CONTENT: copied_content(message.content),
        "id": message.message_id,
        "sender": envelope.sender,
        "origin": envelope.origin,
        "home": envelope.home,
        "hops": envelope.hops,
    }
    if len(message.json) > _LIKELY_TOO_LARGE and not fits_into_event(data):
        del data[ATTR_CONTENT]
        data[CONTENT_LEFT_OUT] = True
    hass.bus.async_fire(EVENT_DATASTREAM_BOT_MESSAGE, data, context=envelope.context)
