"""The inbox: puts what one bot sent into the order sent, each message once."""

from collections import deque
from enum import Enum, auto
from typing import Final

MAX_WAITING: Final = 1000
MAX_WAITING_BYTES: Final = 1024 * 1024
"""How much of one home waits here. What does not fit is not answered, so that it is sent again."""


class Fate(Enum):
    """What became of a message that came in."""

    DOUBLED = auto()
    HELD = auto()
    NO_ROOM = auto()
    QUEUED = auto()


class Room:
    """The room for what waits of one home, however many bots it has."""

    def __init__(self) -> None:
        """Initialize the room, empty."""
        self._messages = 0
        self._bytes = 0

    def take(self, size: int) -> bool:
        """Return whether there was room for a message of so many bytes; if so, it is taken."""
        if self._messages >= MAX_WAITING or self._bytes + size > MAX_WAITING_BYTES:
            return False
        self._messages += 1
        self._bytes += size
        return True

    def give_back(self, size: int) -> None:
        """Give back the room of a message."""
        self._messages -= 1
        self._bytes -= size


class Inbox[T]:
    """What came from one bot and was not handled yet.

    Each message has a number, larger than that of the message before it, and says which number that was if it may be
    missed here. What comes too early is held until what is missed has come, is known never to come, or is given up.
    """

    def __init__(self, handled: int, room: Room) -> None:
        """Initialize the inbox.

        Args:
            handled: Number of what was handled last, or 0.
            room: The room for what waits here.

        """
        self.newest = handled
        """Number up to which everything has come, or will never come."""
        self._room = room
        self._queue: deque[tuple[T, int]] = deque()
        self._held: dict[int, tuple[int, T, int]] = {}

    @property
    def is_holding(self) -> bool:
        """Return whether something is missed."""
        return bool(self._held)

    @property
    def first_held(self) -> T:
        """Return the first of what waits for something that is missed."""
        return self._held[min(self._held)][1]

    @property
    def is_empty(self) -> bool:
        """Return whether nothing waits here."""
        return not self._queue and not self._held

    def put(self, number: int, after: int, item: T, size: int) -> Fate:
        """Put in what came.

        Args:
            number: Its number.
            after: Number of the latest one before it that may be missed here, or 0. When it comes again, that may
                be a smaller one: less is missed than there was to fear.
            item: What came.
            size: How many bytes it has.

        """
        after = min(after, number - 1)
        held = self._held.get(number)
        if number <= self.newest or (held is not None and held[0] <= after):
            return Fate.DOUBLED
        if held is None and not self._room.take(size):
            return Fate.NO_ROOM
        self._held[number] = (after, item, size) if held is None else (after, *held[1:])
        if after > self.newest:
            return Fate.HELD
        self.complete(number - 1)
        return Fate.QUEUED

    def take(self) -> T | None:
        """Take out what is to be handled next."""
        if not self._queue:
            return None
        item, size = self._queue.popleft()
        self._room.give_back(size)
        return item

    def complete(self, up_to: int) -> None:
        """Take note that nothing up to a number is missed, and queue up what is held because of that."""
        for number in sorted(self._held):
            after, item, size = self._held[number]
            if after > max(up_to, self.newest):
                break
            del self._held[number]
            self.newest = number
            self._queue.append((item, size))

    def give_up(self) -> None:
        """Wait no longer for what is missed before the first of what is held."""
        self.complete(min(self._held))
