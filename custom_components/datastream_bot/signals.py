"""Dispatcher signals of a bot."""

from homeassistant.util.signal_type import SignalType

from .const import DOMAIN


def transport_signal(bot_id: str) -> SignalType[()]:
    """Return the signal of a bot whose connection to other homes came or went."""
    return SignalType(f"{DOMAIN}_transport_{bot_id}")


def streams_signal(bot_id: str) -> SignalType[()]:
    """Return the signal of a bot whose data streams were added, changed or removed."""
    return SignalType(f"{DOMAIN}_streams_{bot_id}")
