"""The bell: an action that does nothing but count, for either side to call."""

import asyncio
from typing import Any, Final

from homeassistant.core import HomeAssistant, ServiceCall, callback
from homeassistant.helpers.service import async_set_service_schema

RING: Final[dict[str, Any]] = {"action": "bell.ring", "data": {"loudness": 3}}
"""The step of a script that rings it."""


class Bell:
    """Counts how often `bell.ring` was called."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Register the action."""
        self.count = 0
        self._hass = hass
        self._awaited = 0
        self._rung: asyncio.Future[None] | None = None
        hass.services.async_register("bell", "ring", self._ring)
        # Otherwise Home Assistant would look for an integration of this name again and again.
        async_set_service_schema(hass, "bell", "ring", {"name": "Ring"})

    async def until(self, count: int) -> None:
        """Wait until it was rung so often, counted from the beginning."""
        if self.count < count:
            self._awaited, self._rung = count, self._hass.loop.create_future()
            await self._rung

    @callback
    def _ring(self, call: ServiceCall) -> None:
        self.count += 1
        if self._rung is not None and self.count >= self._awaited:
            self._rung.set_result(None)
            self._rung = None
