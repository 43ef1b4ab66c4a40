"""The replay cache: takes each signature once."""

from collections.abc import Iterable
from typing import Final

from homeassistant.core import HomeAssistant
import voluptuous as vol

from ..storage import Storage, async_get_storage, timestamp
from .signature import MAX_SKEW

_STORED: Final = vol.Schema({str: timestamp})


def signature_storage(hass: HomeAssistant, bot_id: str) -> Storage[dict[str, float]]:
    """Return the storage of the signatures that came to a bot's webhook."""
    return async_get_storage(hass, f"{bot_id}.signatures", _STORED)


class ReplayCache:
    """Remembers signatures for as long as they would be valid, also across a restart."""

    def __init__(self, hass: HomeAssistant, bot_id: str) -> None:
        """Initialize the cache of a bot, empty."""
        self._storage = signature_storage(hass, bot_id)
        # In the order seen, so that those that expire first stand in front.
        self._until: dict[str, float] = {}

    async def async_load(self) -> None:
        """Load what was seen before a restart."""
        self._until = await self._storage.async_load() or {}

    def has_any(self, signatures: Iterable[str]) -> bool:
        """Return whether one of the signatures was seen and may still be valid."""
        return any(signature in self._until for signature in signatures)

    async def async_add(self, signatures: Iterable[str], now: float) -> None:
        """Remember signatures seen at a time in seconds since 1970; when this returns, they outlive a power cut."""
        while self._until and self._until[oldest := next(iter(self._until))] < now:
            del self._until[oldest]
        self._until |= dict.fromkeys(signatures, now + 2 * MAX_SKEW)
        await self._storage.async_save_together(lambda: self._until)
