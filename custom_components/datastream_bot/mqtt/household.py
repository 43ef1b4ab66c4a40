"""The household: what all bots of one home share here, so that no home takes what others need."""

import asyncio
from collections.abc import Callable
from typing import Final

from ..rate_limit import TokenBucket
from .inbox import Room

MAX_WORKING: Final = 25
"""For how many messages of one home a bot may be at work."""


class Household:
    """How fast messages of a home may come, how many may wait, and for how many receivers may be at work."""

    def __init__(self, *, rate: float, burst: int) -> None:
        """Initialize the household.

        Args:
            rate: Messages a second.
            burst: How many may come at once.

        """
        self.room = Room()
        self.used_by = 0
        """How many boxes and messages at work there are of it."""
        self._bucket = TokenBucket(rate=rate, burst=burst)
        self._places = asyncio.Semaphore(MAX_WORKING)

    async def async_wait_for_turn(self, clock: Callable[[], float]) -> None:
        """Wait until one more message may come.

        Args:
            clock: Seconds of the loop's clock.

        """
        while wait := self._bucket.take(clock()):  # noqa: ASYNC110 - others of the home may be faster
            await asyncio.sleep(wait)

    async def async_take_place(self, within: float) -> bool:
        """Take a place for a message, until it is given back, and return whether one was free within some seconds."""
        try:
            async with asyncio.timeout(within):
                await self._places.acquire()
        except TimeoutError:
            return False
        return True

    def give_back_place(self) -> None:
        """Give back the place of a message that nobody is at work for any more."""
        self._places.release()


class Households:
    """The households of all homes that something came from lately."""

    def __init__(self, *, rate: float, burst: int) -> None:
        """Initialize them, with how many messages a second and at once may come from each."""
        self._rate = rate
        self._burst = burst
        self._households: dict[str | None, Household] = {}

    def enter(self, home: str | None) -> Household:
        """Return the household of a home, which is kept until it was left as often."""
        household = self._households.get(home)
        if household is None:
            household = self._households[home] = Household(rate=self._rate, burst=self._burst)
        household.used_by += 1
        return household

    def leave(self, home: str | None) -> None:
        """Forget the household of a home when nobody uses it any more."""
        household = self._households[home]
        household.used_by -= 1
        if not household.used_by:
            del self._households[home]
