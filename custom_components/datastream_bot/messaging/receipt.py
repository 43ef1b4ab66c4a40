"""The receipt: who received a message, and what became of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple


class Outcome(StrEnum):
    """What became of a message at one receiver.

    Attributes:
        HANDLED: It was done.
        FAILED: It was refused, or not done.
        RUNNING: The receiver was still at work after 10 seconds, and goes on.
        PENDING: A bot in another home has not answered yet.

    """

    HANDLED = "handled"
    FAILED = "failed"
    RUNNING = "running"
    PENDING = "pending"


_OUTCOMES: Final = tuple(outcome.value for outcome in Outcome)

MAX_LISTED: Final = 50
"""How many deliveries in other homes a receipt lists; of the others it tells the number."""


class Delivery(NamedTuple):
    """What became of a message at one receiver.

    Attributes:
        bot_id: Config entry id of the receiver's bot.
        bot_name: What people call that bot.
        receiver: Name of the microservice, or of what refused the message.
        outcome: Whether the message was handled.
        result: What the receiver returned.
        error: Why it failed.
        home: Name of the home that the bot is in, `organization`, or None when it is in this Home Assistant.
        quotes: Whether the error may quote the content, as the mistake is the sender's.

    """

    bot_id: str
    bot_name: str
    receiver: str
    outcome: Outcome
    result: Mapping[str, Any] | None = None
    error: str | None = None
    home: str | None = None
    quotes: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the delivery as response data."""
        data: dict[str, Any] = {} if self.home is None else {"home": self.home}
        data["bot"], data["config_entry_id"], data["receiver"] = self.bot_name, self.bot_id, self.receiver
        if self.result is not None:
            data["result"] = dict(self.result)
        if self.error is not None:
            data["error"] = self.error
        return data


class Receipt(NamedTuple):
    """The answer to the sender of a message, when all have answered or 10 seconds are over.

    Attributes:
        message_id: Id of the message, a ULID.
        address: What it was sent to.
        deliveries: What became of it at each receiver, here and in other homes.
        is_received: Whether anybody has received it so far.

    """

    message_id: str
    address: str
    deliveries: Sequence[Delivery] = ()
    is_received: bool = True

    def lists(self) -> dict[str, list[dict[str, Any]]]:
        """Return the deliveries as response data, with a list for each outcome."""
        lists: dict[str, list[dict[str, Any]]] = {outcome: [] for outcome in _OUTCOMES}
        elsewhere = 0
        for delivery in self.deliveries:
            if delivery.home is not None:
                elsewhere += 1
                if elsewhere > MAX_LISTED:
                    continue
            lists[delivery.outcome].append(delivery.as_dict())
        return lists

    def as_dict(self) -> dict[str, Any]:
        """Return the receipt as response data; other homes beyond the 50th are only counted."""
        data: dict[str, Any] = {"message_id": self.message_id, "address": self.address, **self.lists()}
        if more := [each.outcome.value for each in self.deliveries if each.home is not None][MAX_LISTED:]:
            data["more"] = dict(Counter(more))
        return data


def failures_in(receipt: Mapping[str, Any]) -> list[str]:
    """Return what failed by a receipt as response data, here and in other homes: each failure as a text for people."""
    return [_failure(delivery) for delivery in receipt[Outcome.FAILED]]


def _failure(delivery: Mapping[str, Any]) -> str:
    bot = f"{delivery['bot']} in {delivery['home']}" if "home" in delivery else delivery["bot"]
    # A bot in another home may say no error.
    return ": ".join(filter(None, (f"{bot} ({delivery['receiver']})", delivery.get("error"))))
