"""The journey: collects the deliveries of a message in other homes."""

import asyncio
from collections.abc import Iterable, Mapping

from ..messaging.receipt import MAX_LISTED, Delivery, Outcome
from .store import Key


class Journey:
    """Collects what becomes of a message in other homes, for its receipt.

    Attributes:
        over: Done when the message is on disk, and nobody who is there is expected to answer any more.

    """

    __slots__ = ("_deliveries", "_expected", "_is_kept", "_pending", "over")

    def __init__(self, over: asyncio.Future[None], pending: Mapping[Key, Delivery], expected: Iterable[Key]) -> None:
        """Initialize it with a pending delivery for each bot, and with those bots whose answers are waited for."""
        self.over = over
        self._pending = dict(pending)
        self._expected = set(expected)
        self._deliveries: list[Delivery] = []
        self._is_kept = False

    def by_now(self) -> list[Delivery]:
        """Return what became of the message so far."""
        return [*self._deliveries, *self._pending.values()]

    def end(self, key: Key, deliveries: Iterable[Delivery]) -> None:
        """Add the deliveries of one bot."""
        for delivery in deliveries:
            # Beyond the listed ones only outcomes are told, and results can be large.
            is_told = len(self._deliveries) < MAX_LISTED
            self._deliveries.append(delivery if is_told else delivery._replace(result=None, error=None))
        # It may have been sent when nobody of the home was known.
        self._pending.pop((key[0], ""), None)
        self._pending.pop(key, None)
        self._expected.discard(key)
        self._look()

    def keep(self) -> None:
        """Mark the message as being on disk, if it has to be."""
        self._is_kept = True
        self._look()

    def fail(self, error: str) -> None:
        """Mark all that is pending as failed."""
        self._deliveries += [each._replace(outcome=Outcome.FAILED, error=error) for each in self._pending.values()]
        self._pending.clear()
        self._expected.clear()
        self.keep()

    def stop_waiting(self) -> None:
        """Stop to wait for answers."""
        self._expected.clear()
        self._look()

    def _look(self) -> None:
        if self._is_kept and not self._expected and not self.over.done():
            self.over.set_result(None)
