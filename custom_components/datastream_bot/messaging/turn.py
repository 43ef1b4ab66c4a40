"""The turn: messages start one after another, and all else in Home Assistant goes on meanwhile."""

import asyncio
from collections.abc import Callable
from typing import Final

LONGEST_HOLD: Final = 0.01
"""Seconds after which messages that follow each other without a pause let all else run once."""


class Turn:
    """Lets one message at a time start its receivers, in the order sent."""

    def __init__(self, now: Callable[[], float]) -> None:
        """Initialize the turn, which nobody has, with a clock of seconds that never goes back."""
        self._now = now
        # It is fair.
        self._lock = asyncio.Lock()
        self._held_since = self._last_at = 0.0

    async def __aenter__(self) -> None:
        """Wait until it is the turn of a message; whoever sends thousands at once waits in between."""
        await self._lock.acquire()
        now = self._now()
        if now - self._last_at > LONGEST_HOLD:
            self._held_since = now
        elif now - self._held_since > LONGEST_HOLD:
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                self._lock.release()
                raise
            self._held_since = now = self._now()
        self._last_at = now

    async def __aexit__(self, *_: object) -> None:
        """Leave it to the next message."""
        self._lock.release()
