"""The receipt: who received a message, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """What became of a message at one receiver."""

    HANDLED = "handled"
    FAILED = "failed"
    RUNNING = "running"


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
class Receipt:
    """The answer to the sender of a message, when all have answered or the wait is over."""

    message_id: str
    address: str
    deliveries: tuple[Delivery, ...] = ()

    def of(self, outcome: Outcome) -> tuple[Delivery, ...]:
        """Return the deliveries with an outcome."""
        return tuple(delivery for delivery in self.deliveries if delivery.outcome is outcome)

    def as_dict(self) -> dict[str, Any]:
        """Return the receipt as response data, with a list for each outcome."""
        return {
            "message_id": self.message_id,
            "address": self.address,
            **{outcome.value: [delivery.as_dict() for delivery in self.of(outcome)] for outcome in Outcome},
        }
