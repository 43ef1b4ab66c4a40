"""The turn: messages start one after another, and all else in Home Assistant goes on meanwhile."""

import asyncio
from typing import Final

LONGEST_HOLD: Final = 0.01
"""Seconds after which messages that follow each other without a pause let all else run once."""


class Turn:
    """Lets one message at a time start its receivers, in the order sent."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Initialize the turn, which nobody has."""
        self._loop = loop
        # It is fair.
        self._lock = asyncio.Lock()
        # When the first message came since all else has run, if one has.
        self._held_since: float | None = None

    async def __aenter__(self) -> None:
        """Wait until it is the turn of a message; whoever sends thousands at once waits in between."""
        await self._lock.acquire()
        if self._held_since is not None and self._loop.time() - self._held_since > LONGEST_HOLD:
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                self._lock.release()
                raise
        if self._held_since is None:
            self._held_since = self._loop.time()
            self._loop.call_soon(self._all_else_runs)

    async def __aexit__(self, *_: object) -> None:
        """Leave it to the next message."""
        self._lock.release()

    def _all_else_runs(self) -> None:
        self._held_since = None
