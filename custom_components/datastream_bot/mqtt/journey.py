"""The journey: a message on its way, and what becomes of it in other homes, for its receipt."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..messaging.receipt import MAX_LISTED, Delivery, Outcome
from .payload import Lists, Sent
from .store import Key
from .topics import ALL_HOMES, ORGANIZATION

RECEIVER: Final = "mqtt"
"""What receipts call the way to a bot elsewhere."""


@dataclass(slots=True, kw_only=True, eq=False)
class Journey:
    """A message on its way.

    Attributes:
        sent: The message.
        ends: When nobody is to receive it any more, by the clock of the event loop.
        over: Done when the message is on disk, and nobody who is there is expected to answer any more.
        unanswered: Who has not answered, with their names, or None where nobody is told of them. A key without a bot
            stands for those of a home who are not known yet.
        answered: Who has.
        expected: Whose answers are waited for.
        number: Its number in the store, or 0 before it is there.

    """

    sent: Sent
    ends: float
    over: asyncio.Future[None]
    unanswered: dict[Key, str | None]
    answered: set[Key] = field(default_factory=set)
    expected: set[Key] = field(default_factory=set)
    number: int = 0
    # Of those beyond the listed ones, a receipt only tells how many.
    _listed: list[Delivery] = field(default_factory=list)
    _more: Counter[Outcome] = field(default_factory=Counter)

    def add(self, key: Key, name: str) -> bool:
        """Add a bot if those of its home are awaited, and return whether it was; it is told of instead of its home."""
        stand_ins = [(key[0], "")] if key[0] == ORGANIZATION else [(key[0], ""), (ALL_HOMES, "")]
        awaited = [each for each in stand_ins if each in self.unanswered]
        if not awaited or key in self.unanswered or key in self.answered:
            return False
        self.unanswered |= {**dict.fromkeys(awaited), key: name}
        return True

    def answer(self, key: Key, lists: Lists) -> None:
        """Take the deliveries of one who has not answered."""
        name = self.unanswered.pop(key)
        self.answered.add(key)
        self.expected.discard(key)
        for outcome, entries in lists.items():
            room = MAX_LISTED - len(self._listed)
            self._listed += [_delivery(key, name, Outcome(outcome), entry) for entry in entries[:room]]
            self._more[Outcome(outcome)] += len(entries[room:])
        self.look()

    def fail(self, error: str) -> None:
        """Take note that the message is sent to nobody."""
        for key, name in list(self.unanswered.items()):
            self.answer(key, {} if name is None else failure(error))
        self.over.set_result(None)

    def look(self) -> None:
        """Look whether it is over."""
        if self.number and not self.expected and not self.over.done():
            self.over.set_result(None)

    def by_now(self) -> list[Delivery]:
        """Return what became of the message so far."""
        more = [_delivery(("", ""), "", outcome, {}) for outcome in self._more.elements()]
        waiting = [(key, name) for key, name in self.unanswered.items() if name is not None]
        return [*self._listed, *more, *(_delivery(key, name, Outcome.PENDING, {}) for key, name in waiting)]


def failure(error: str) -> Lists:
    """Return the deliveries of one whom a message cannot be sent to."""
    return {Outcome.FAILED: [{"error": error}]}


def _delivery(key: Key, name: str | None, outcome: Outcome, entry: Mapping[str, Any]) -> Delivery:
    return Delivery(
        bot_id=key[1],
        bot_name=entry.get("bot") or name or "",
        receiver=entry.get("receiver", RECEIVER),
        outcome=outcome,
        result=entry.get("result"),
        error=entry.get("error"),
        home=key[0],
    )
