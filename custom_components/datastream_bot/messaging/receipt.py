"""The receipt: who received a message, and what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple


class Outcome(StrEnum):
    """What became of a message at one receiver."""

    HANDLED = "handled"
    FAILED = "failed"
    RUNNING = "running"


_OUTCOMES: Final = tuple(outcome.value for outcome in Outcome)


class Delivery(NamedTuple):
    """What became of a message at one receiver.

    Attributes:
        bot_id: Config entry id of the receiver's bot.
        bot_name: What people call that bot.
        receiver: Name of the microservice, or of what refused the message.
        outcome: Whether the message was handled.
        result: What the receiver returned.
        error: Why it failed.

    """

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
class Elsewhere:
    """What became of a message beyond this Home Assistant.

    Attributes:
        is_received: Whether anybody there has received it so far.
        data: What the sender is told, as response data.

    """

    is_received: bool
    data: Mapping[str, Any]


class Receipt(NamedTuple):
    """The answer to the sender of a message, when all have answered or the wait is over.

    Attributes:
        message_id: Id of the message.
        address: What it was sent to.
        deliveries: What became of it at each receiver here.
        is_received: Whether anybody has received it so far, here or elsewhere.
        elsewhere: What became of it beyond this Home Assistant, or None when it stayed here.

    """

    message_id: str
    address: str
    deliveries: Sequence[Delivery] = ()
    is_received: bool = True
    elsewhere: Elsewhere | None = None

    def lists(self) -> dict[str, list[dict[str, Any]]]:
        """Return the deliveries as response data, with a list for each outcome."""
        lists: dict[str, list[dict[str, Any]]] = {outcome: [] for outcome in _OUTCOMES}
        for delivery in self.deliveries:
            lists[delivery.outcome].append(delivery.as_dict())
        return lists

    def as_dict(self) -> dict[str, Any]:
        """Return the receipt as response data."""
        data: dict[str, Any] = {"message_id": self.message_id, "address": self.address, **self.lists()}
        if self.elsewhere is not None:
            data["elsewhere"] = dict(self.elsewhere.data)
        return data


def failures_in(receipt: Mapping[str, Any]) -> list[str]:
    """Return what failed by a receipt as response data, here and elsewhere: each failure as one text for people."""
    failures = [_failure(delivery, delivery["bot"]) for delivery in receipt[Outcome.FAILED]]
    for answer in receipt.get("elsewhere", {}).get("answered", ()):
        place = f"{answer['bot']} in {answer['home'] or 'the organization'}"
        failures += [_failure(delivery, place) for delivery in answer[Outcome.FAILED]]
    return failures


def _failure(delivery: Mapping[str, Any], bot: str) -> str:
    # A bot elsewhere may say no error.
    return ": ".join(filter(None, (f"{bot} ({delivery['receiver']})", delivery.get("error"))))
