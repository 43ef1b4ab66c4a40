"""The receipt: who received a message, and what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

MAX_DELIVERIES: Final = 50
MAX_ERROR: Final = 200

type Lists = Mapping[str, Sequence[Mapping[str, Any]]]
"""The deliveries of a receipt as JSON, by outcome."""


class Outcome(StrEnum):
    """What became of a message at one receiver."""

    HANDLED = "handled"
    FAILED = "failed"
    RUNNING = "running"


_OUTCOMES: Final = tuple(outcome.value for outcome in Outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One receiver's answer to a message."""

    bot_id: str
    bot_name: str
    receiver: str
    outcome: Outcome
    result: Mapping[str, Any] | None = None
    error: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the delivery as response data."""
        data: dict[str, Any] = {
            "bot": self.bot_name,
            "config_entry_id": self.bot_id,
            "receiver": self.receiver,
        }
        if self.result is not None:
            data["result"] = dict(self.result)
        if self.error is not None:
            data["error"] = self.error
        return data


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a bot elsewhere answered.

    Attributes:
        home: Name of its home, or None for the organization.
        bot_id: Id of the bot.
        bot_name: What people call it.
        deliveries: The lists of its receipt, by outcome.

    """

    home: str | None
    bot_id: str
    bot_name: str
    deliveries: Lists

    @property
    def is_empty(self) -> bool:
        """Return whether nobody there received the message."""
        return not any(self.deliveries.values())

    def as_dict(self) -> dict[str, Any]:
        """Return the answer as response data."""
        return {"home": self.home, "bot": self.bot_name, "config_entry_id": self.bot_id, **self.deliveries}


@dataclass(frozen=True, slots=True, kw_only=True)
class Afar:
    """What became of a message elsewhere.

    Attributes:
        answers: Those of the bots that answered within the wait.
        unanswered: How many bots that are known did not.
        is_kept: Whether the message waits here for the broker.

    """

    answers: tuple[Answer, ...]
    unanswered: int
    is_kept: bool

    def as_dict(self) -> dict[str, Any]:
        """Return it as response data."""
        return {
            "answered": [answer.as_dict() for answer in self.answers],
            "unanswered": self.unanswered,
            "kept": self.is_kept,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The answer to the sender of a message, when all have answered or the wait is over."""

    message_id: str
    address: str
    deliveries: tuple[Delivery, ...] = ()
    afar: Afar | None = None

    @property
    def is_empty(self) -> bool:
        """Return whether nobody received the message so far, here or elsewhere."""
        return not self.deliveries and (self.afar is None or all(answer.is_empty for answer in self.afar.answers))

    def of(self, outcome: Outcome) -> tuple[Delivery, ...]:
        """Return the deliveries with an outcome."""
        return tuple(delivery for delivery in self.deliveries if delivery.outcome is outcome)

    def lists(self) -> dict[str, list[dict[str, Any]]]:
        """Return the deliveries, with a list for each outcome."""
        lists: dict[str, list[dict[str, Any]]] = {name: [] for name in _OUTCOMES}
        for delivery in self.deliveries:
            lists[delivery.outcome].append(delivery.as_dict())
        return lists

    def as_dict(self) -> dict[str, Any]:
        """Return the receipt as response data."""
        data: dict[str, Any] = {"message_id": self.message_id, "address": self.address, **self.lists()}
        if self.afar is not None:
            data["elsewhere"] = self.afar.as_dict()
        return data


def shortened(lists: Lists) -> Lists:
    """Return deliveries that are not too large to be sent: what a receiver returns can be of any size."""
    return {
        outcome: [_shortened(delivery) for delivery in deliveries[:MAX_DELIVERIES]]
        for outcome, deliveries in lists.items()
    }


def _shortened(delivery: Mapping[str, Any]) -> dict[str, Any]:
    short = {name: value for name, value in delivery.items() if name != "result"}
    if "error" in short:
        short["error"] = short["error"][:MAX_ERROR]
    return short
