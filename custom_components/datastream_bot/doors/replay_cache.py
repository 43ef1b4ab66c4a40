"""The replay cache: takes each signature once."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey
import voluptuous as vol

from ..const import DOMAIN
from ..storage import async_get_storage, timestamp
from .signature import MAX_SKEW

_KEPT_FOR: Final = 2 * MAX_SKEW
_STORED: Final = vol.Schema({str: timestamp})


_DATA: HassKey[dict[str, ReplayCache]] = HassKey(f"{DOMAIN}.replays")


@callback
def async_get_replays(hass: HomeAssistant, bot_id: str) -> ReplayCache:
    """Return the replay cache of a bot.

    There is one of these for each bot as long as Home Assistant runs: its door may be opened anew meanwhile.
    """
    by_bot = hass.data.setdefault(_DATA, {})
    if bot_id not in by_bot:
        by_bot[bot_id] = ReplayCache(hass, bot_id)
    return by_bot[bot_id]


class _Until(NamedTuple):
    """Until when a signature is remembered: in seconds since 1970, and of the event loop's clock.

    By both, so that it is not forgotten when the clock of the machine is set forward, and back again.
    """

    date: float
    moment: float

    def is_over(self, date: float, moment: float) -> bool:
        """Return whether it is over at a time, by both clocks."""
        return self.date < date and self.moment < moment


class ReplayCache:
    """Remembers signatures for as long as they would be valid, also across a restart."""

    def __init__(self, hass: HomeAssistant, bot_id: str) -> None:
        """Initialize the cache of a bot, empty; see `async_get_replays`."""
        self._hass = hass
        self._bot_id = bot_id
        self._storage = async_get_storage(hass, f"{bot_id}.signatures", _STORED)
        # In the order seen, so that those that expire first stand in front.
        self._until: dict[str, _Until] = {}

    async def async_load(self) -> None:
        """Load what was seen before a restart."""
        stored = await self._storage.async_load() or {}
        moment = self._hass.loop.time() + _KEPT_FOR
        self._until = {signature: _Until(date, moment) for signature, date in stored.items()} | self._until

    async def async_remove(self) -> None:
        """Remove what was seen."""
        self._hass.data[_DATA].pop(self._bot_id, None)
        await self._storage.async_remove()

    def has_any(self, signatures: Iterable[str]) -> bool:
        """Return whether one of the signatures was seen and may still be valid."""
        return any(signature in self._until for signature in signatures)

    async def async_add(self, signatures: Iterable[str], now: float) -> None:
        """Remember signatures seen at a time in seconds since 1970; when this returns, they outlive a power cut."""
        moment = self._hass.loop.time()
        while self._until and self._until[oldest := next(iter(self._until))].is_over(now, moment):
            del self._until[oldest]
        self._until |= dict.fromkeys(signatures, _Until(now + _KEPT_FOR, moment + _KEPT_FOR))
        await self._storage.async_save_together(self._stored)

    def _stored(self) -> dict[str, float]:
        return {signature: until.date for signature, until in self._until.items()}
