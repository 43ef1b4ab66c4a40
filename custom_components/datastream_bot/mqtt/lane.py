"""The lane: messages from one bot to another, in order, and again until there is a receipt for each.

Nothing is left to the broker: it may lose, double and delay what it was given. It knows no clock and no broker. The
other half of its order is `begin` in `store.py`: a message is only taken after the one that it names.
"""

from collections.abc import Hashable, Iterable
from itertools import islice
from typing import Final

WINDOW: Final = 20
"""How many messages may be without a receipt."""

PATIENCE: Final = 15.0
"""Seconds without any receipt after which all that has none is sent again; each time twice as long."""

MAX_PATIENCE: Final = 900.0


class Lane[T: Hashable]:
    """The messages to one bot that it has not answered; times are seconds of a clock that never goes back."""

    __slots__ = ("_again_at", "_messages", "_patience", "_sent")

    def __init__(self, messages: Iterable[T] = ()) -> None:
        """Initialize the lane with messages to be sent."""
        # Without values: it keeps their order, and lets go of any. The first so many are sent.
        self._messages = dict.fromkeys(messages)
        self._sent = 0
        self._patience = PATIENCE
        self._again_at = 0.0

    @property
    def is_empty(self) -> bool:
        """Return whether all was answered."""
        return not self._messages

    def add(self, message: T) -> None:
        """Add a message, to be sent after all others."""
        self._messages[message] = None

    def begin_again(self) -> int:
        """Send all anew, as the way may have lost what it was given; return how much that is."""
        again, self._sent, self._patience = self._sent, 0, PATIENCE
        return again

    def lose_patience(self, now: float) -> int:
        """Begin again if there was no receipt for too long; return how much is sent anew."""
        if not self._sent or now < self._again_at:
            return 0
        patience = min(2 * self._patience, MAX_PATIENCE)
        again = self.begin_again()
        self._patience = patience
        return again

    def remove(self, message: T) -> bool:
        """Remove a message that nothing more is expected of, and return whether it was there."""
        if message not in self._messages:
            return False
        self._sent -= message in islice(self._messages, self._sent)
        del self._messages[message]
        return True

    def answered(self, message: T, now: float) -> bool:
        """Remove a message that was answered, and return whether it was there; whoever answers is alive."""
        self._patience = PATIENCE
        self._again_at = now + PATIENCE
        return self.remove(message)

    def due(self, now: float) -> list[tuple[T, T | None]]:
        """Return the messages to send now, each with the one before it that has no receipt."""
        if not self._sent:
            self._again_at = now + self._patience
        window = [*islice(self._messages, WINDOW)]
        due = [*zip(window, [None, *window], strict=False)][self._sent :]
        self._sent = len(window)
        return due
