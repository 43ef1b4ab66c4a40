"""What was seen lately: remembered for as long as it could come again, also across a restart."""

from typing import Final

from homeassistant.core import HomeAssistant, callback
import voluptuous as vol

from ..storage import Memory

_SCHEMA: Final = vol.Schema({str: vol.Coerce(float)})


class SeenWindow:
    """The ids of what was seen, each until its time is over."""

    def __init__(self, hass: HomeAssistant, key: str) -> None:
        """Initialize the window, which is stored under this key."""
        self._memory = Memory[dict[str, float]](hass, key, _SCHEMA)
        # In the order seen, so what is over stands in front.
        self._until: dict[str, float] = {}

    async def async_load(self) -> None:
        """Remember what was seen before a restart."""
        self._until = await self._memory.async_load() or {}

    async def async_save(self) -> None:
        """Write what was seen to disk now, rather than in a second."""
        await self._memory.async_save_together(lambda: self._until)

    async def async_remove(self) -> None:
        """Remove it from disk."""
        await self._memory.async_remove()

    def __contains__(self, seen_id: str) -> bool:
        """Return whether an id was seen, and its time is not over."""
        return seen_id in self._until

    @callback
    def add(self, seen_id: str, *, now: float, until: float) -> None:
        """Remember an id until a time, in seconds since 1970."""
        while self._until and self._until[oldest := next(iter(self._until))] < now:
            del self._until[oldest]
        self._until[seen_id] = until
        self._memory.async_delay_save(lambda: self._until)
