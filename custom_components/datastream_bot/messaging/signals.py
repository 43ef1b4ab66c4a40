"""Dispatcher signals of messages, for listeners that outlive a bot."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.util.signal_type import SignalType

from ..const import DOMAIN
from .message import Message

_REMEMBERED: Final = 1024
"""How many signals are remembered, as most messages go to the same few addresses."""

ANY_MESSAGE: Final[SignalType[Message, Mapping[str, Message]]] = SignalType(f"{DOMAIN}_any_message")
"""The signal of messages to any address, sent like that of one."""


@lru_cache(maxsize=_REMEMBERED)
def message_signal(address: str) -> SignalType[Message, Mapping[str, Message]]:
    """Return the signal of messages to an address, sent with the message, and with it as each bot receives it.

    Each address has a signal of its own, so that listeners to other addresses cost nothing.
    """
    return SignalType(f"{DOMAIN}_message_{address}")


@lru_cache(maxsize=_REMEMBERED)
def received_signal(bot_id: str, address: str) -> SignalType[Message]:
    """Return the signal of messages to an address that a bot receives, sent with the message as it receives it."""
    return SignalType(f"{DOMAIN}_received_{bot_id}_{address}")


@callback
def async_signal_message(hass: HomeAssistant, message: Message, received: Mapping[str, Message]) -> None:
    """Send the signals of a message."""
    async_dispatcher_send(hass, message_signal(message.address), message, received)
    async_dispatcher_send(hass, ANY_MESSAGE, message, received)
    for bot_id, fitted in received.items():
        async_dispatcher_send(hass, received_signal(bot_id, message.address), fitted)
