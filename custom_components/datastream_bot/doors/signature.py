"""The signature of a request, and the replay cache that takes each signature once."""

from collections.abc import Mapping
import hashlib
import hmac
import re
from typing import Final

from homeassistant.core import HomeAssistant
import voluptuous as vol

from ..storage import Storage, async_get_storage, timestamp

HEADER_SIGNATURE: Final = "X-Datastream-Signature"
HEADER_TIMESTAMP: Final = "X-Datastream-Timestamp"
MAX_SKEW: Final = 300
"""Seconds that the sender's clock may be off."""

_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")
_STORED: Final = vol.Schema({str: timestamp})


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Return the HMAC-SHA256 of the time stamp, a dot, and the body, in hexadecimal digits."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def could_be_signed(headers: Mapping[str, str], now: float) -> bool:
    """Return whether the headers of a request have a fresh time stamp and a signature."""
    timestamp = headers.get(HEADER_TIMESTAMP, "")
    if HEADER_SIGNATURE not in headers or not _TIMESTAMP.fullmatch(timestamp):
        return False
    return abs(now - float(timestamp)) <= MAX_SKEW


def verified_signature(secret: str, headers: Mapping[str, str], body: bytes) -> str | None:
    """Return the signature of a request that could be signed, or None when it is wrong.

    Args:
        secret: What sender and receiver know.
        headers: The headers of the request: the signature, and the time stamp in seconds since 1970. Its fraction tells
            requests within a second apart.
        body: The body of the request.

    """
    expected = sign(secret, headers[HEADER_TIMESTAMP], body)
    received = headers[HEADER_SIGNATURE].removeprefix("sha256=")
    return expected if hmac.compare_digest(expected.encode(), received.encode(errors="replace")) else None


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

    def __contains__(self, signature: str) -> bool:
        """Return whether a signature was seen and may still be valid."""
        return signature in self._until

    async def async_add(self, signature: str, now: float) -> None:
        """Remember a signature seen at a time in seconds since 1970; when this returns, it outlives a power cut."""
        while self._until and self._until[oldest := next(iter(self._until))] < now:
            del self._until[oldest]
        self._until[signature] = now + 2 * MAX_SKEW
        await self._storage.async_save_together(lambda: self._until)
