"""Turns: what is sent while the receivers of a message are being started comes after it, at all of them."""

import asyncio
from types import TracebackType


class Turns:
    """Lets one message after the other start its receivers.

    Receivers begin at once, and what one of them sends may be for others that have not begun with the first message.
    """

    def __init__(self) -> None:
        """Initialize the turns."""
        self._is_taken = False
        self._waiting: list[asyncio.Future[None]] = []

    async def async_wait_for_turn(self) -> None:
        """Return when nobody has the turn, in the order asked."""
        while self._is_taken:
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter

    def __enter__(self) -> None:
        """Take the turn, until the end of a block in which nothing is awaited."""
        self._is_taken = True

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give the turn to whoever waits."""
        self._is_taken = False
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        self._waiting.clear()
