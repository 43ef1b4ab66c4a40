"""The inbox: puts what one bot sent into the order sent, each message once."""

from collections import deque
from enum import Enum, auto
from typing import Final

MAX_WAITING: Final = 1000
MAX_WAITING_BYTES: Final = 1024 * 1024
"""How much of one bot waits here. What does not fit is not answered, so that it is sent again."""


class Fate(Enum):
    """What became of a message that came in."""

    DOUBLED = auto()
    HELD = auto()
    NO_ROOM = auto()
    QUEUED = auto()


class Inbox[T]:
    """What came from one bot and was not handled yet.

    Each message has a number, larger than that of the message before it, and says which number that was if it may be
    missed here. What comes too early is held until what is missed has come, or is given up.
    """

    def __init__(self, handled: int | None) -> None:
        """Initialize the inbox with the number of what was handled last, if anything was."""
        self._newest = handled
        self._queue: deque[tuple[T, int]] = deque()
        self._held: dict[int, tuple[int, T, int]] = {}
        self._bytes = 0

    @property
    def newest(self) -> int:
        """Return the number up to which everything has come or was given up."""
        return self._newest or 0

    @property
    def is_holding(self) -> bool:
        """Return whether something is missed."""
        return bool(self._held)

    @property
    def is_empty(self) -> bool:
        """Return whether nothing waits here."""
        return not self._queue and not self._held

    def put(self, number: int, after: int, item: T, size: int) -> Fate:
        """Put in what came.

        Args:
            number: Its number.
            after: Number of the one before it, or 0 if that cannot be missed.
            item: What came.
            size: How many bytes it has.

        """
        if number in self._held or (self._newest is not None and number <= self._newest):
            return Fate.DOUBLED
        if len(self._queue) + len(self._held) >= MAX_WAITING or self._bytes + size > MAX_WAITING_BYTES:
            return Fate.NO_ROOM
        self._bytes += size
        if self._newest is not None and after > self._newest:
            self._held[number] = (after, item, size)
            return Fate.HELD
        self._queue_up(number, item, size)
        return Fate.QUEUED

    def take(self) -> T | None:
        """Take out what is to be handled next."""
        if not self._queue:
            return None
        item, size = self._queue.popleft()
        self._bytes -= size
        return item

    def give_up(self) -> None:
        """Wait no longer for what is missed before the first of what is held."""
        number = min(self._held)
        _, item, size = self._held.pop(number)
        self._queue_up(number, item, size)

    def _queue_up(self, newest: int, item: T, size: int) -> None:
        """Queue up a message, with what is held in front of it, and what is not too early any more behind it."""
        self._held[newest] = (0, item, size)
        for number in sorted(self._held):
            after, held, its_size = self._held[number]
            if number > newest and after > newest:
                break
            del self._held[number]
            newest = max(newest, number)
            self._queue.append((held, its_size))
        self._newest = newest
