"""The lane: messages from one bot to another, in order, and again until there is a receipt for each.

Nothing is left to the broker: it may lose, double and delay what it was given. It knows no clock and no broker. The
other half of its order is `begin` in `store.py`: a message is only taken after the one that it names.
"""

from collections.abc import Iterable
from typing import Final

WINDOW: Final = 20
"""How many messages may be without a receipt."""

PATIENCE: Final = 15.0
"""Seconds without any receipt after which all that has none is sent again; each time twice as long."""

MAX_PATIENCE: Final = 900.0


class Lane:
    """The messages to one bot that it has not answered; times are seconds of a clock that never goes back."""

    __slots__ = ("_again_at", "_patience", "_sent", "_waiting")

    def __init__(self, message_ids: Iterable[str] = ()) -> None:
        """Initialize the lane with messages to be sent."""
        # Without values; they keep their order, and let go of any.
        self._waiting = dict.fromkeys(message_ids)
        self._sent: dict[str, None] = {}
        self._patience = PATIENCE
        self._again_at = 0.0

    @property
    def is_empty(self) -> bool:
        """Return whether all was answered."""
        return not self._waiting and not self._sent

    def add(self, message_id: str) -> None:
        """Add a message, to be sent after all others."""
        self._waiting[message_id] = None

    def begin_again(self) -> int:
        """Send all anew, as the way may have lost what it was given; return how much that is."""
        again = len(self._sent)
        self._waiting = {**self._sent, **self._waiting}
        self._sent = {}
        self._patience = PATIENCE
        return again

    def lose_patience(self, now: float) -> int:
        """Begin again if there was no receipt for too long; return how much is sent anew."""
        if not self._sent or now < self._again_at:
            return 0
        patience = min(2 * self._patience, MAX_PATIENCE)
        again = self.begin_again()
        self._patience = patience
        return again

    def remove(self, message_id: str) -> bool:
        """Remove a message that nothing more is expected of, and return whether it was there."""
        for messages in (self._sent, self._waiting):
            if message_id in messages:
                del messages[message_id]
                return True
        return False

    def answered(self, message_id: str, now: float) -> bool:
        """Remove a message that was answered, and return whether it was there; whoever answers is alive."""
        self._patience = PATIENCE
        self._again_at = now + PATIENCE
        return self.remove(message_id)

    def due(self, now: float) -> list[tuple[str, str | None]]:
        """Return the messages to send now, each with the one before it that has no receipt."""
        if not self._sent:
            self._again_at = now + self._patience
        before = next(reversed(self._sent), None)
        due: list[tuple[str, str | None]] = []
        while self._waiting and len(self._sent) < WINDOW:
            message_id = next(iter(self._waiting))
            del self._waiting[message_id]
            self._sent[message_id] = None
            due.append((message_id, before))
            before = message_id
        return due
