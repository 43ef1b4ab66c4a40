"""The signal of a message, for whoever outlives a bot."""

from collections.abc import Mapping

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.util.signal_type import SignalType

from .const import DOMAIN
from .messaging.message import Message


def message_signal(address: str) -> SignalType[Message, Mapping[str, Message]]:
    """Return the signal of messages to an address, sent with the message, and with what each bot received of it.

    Each address has a signal of its own, so that whoever waits for another address costs nothing.
    """
    return SignalType(f"{DOMAIN}_message_{address}")


def received_signal(bot_id: str, address: str) -> SignalType[Message]:
    """Return the signal of messages to an address that a bot receives, sent with the message as it receives it."""
    return SignalType(f"{DOMAIN}_received_{bot_id}_{address}")


@callback
def async_signal_message(hass: HomeAssistant, message: Message, received: Mapping[str, Message]) -> None:
    """Signal a message."""
    async_dispatcher_send(hass, message_signal(message.address), message, received)
    for bot_id, fitted in received.items():
        async_dispatcher_send(hass, received_signal(bot_id, message.address), fitted)


def presence_signal(bot_id: str) -> SignalType[()]:
    """Return the signal of a bot that believes something new about presence."""
    return SignalType(f"{DOMAIN}_presence_{bot_id}")


def mqtt_signal(bot_id: str) -> SignalType[()]:
    """Return the signal of a bot whose way to other homes came or went."""
    return SignalType(f"{DOMAIN}_mqtt_{bot_id}")


def streams_signal(bot_id: str) -> SignalType[()]:
    """Return the signal of a bot whose data streams were added, changed or removed."""
    return SignalType(f"{DOMAIN}_streams_{bot_id}")
