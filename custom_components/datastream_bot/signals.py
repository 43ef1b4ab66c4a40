"""The signal of a message, for whoever outlives a bot."""

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.util.signal_type import SignalType

from .const import DOMAIN
from .message import Message


def message_signal(address: str) -> SignalType[Message, tuple[str, ...]]:
    """Return the signal of messages to an address, sent with the message and the ids of the bots that received it.

    Each address has a signal of its own, so that whoever waits for another address costs nothing.
    """
    return SignalType(f"{DOMAIN}_message_{address}")


@callback
def async_signal_message(hass: HomeAssistant, message: Message, bot_ids: tuple[str, ...]) -> None:
    """Signal a message."""
    async_dispatcher_send(hass, message_signal(message.address), message, bot_ids)


def streams_signal(bot_id: str) -> SignalType[()]:
    """Return the signal of a bot whose data streams were added, changed or removed."""
    return SignalType(f"{DOMAIN}_streams_{bot_id}")
