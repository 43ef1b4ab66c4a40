"""The record: what the message log keeps of one message."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Any, Final, Self

from homeassistant.helpers.json import cached_json_bytes
from homeassistant.util import dt as dt_util
from homeassistant.util.json import json_loads, json_loads_object
import voluptuous as vol

from ..storage import timestamp
from .receipt import Delivery, Outcome

REFUSED: Final = "refused"
UNHEARD: Final = "unheard"

OUTCOMES: Final = (*(outcome.value for outcome in Outcome), REFUSED, UNHEARD)
"""What may have become of a message as a whole."""

MAX_ERROR_LENGTH: Final = 500
MAX_RESULT_BYTES: Final = 16 * 1024
"""How much of an error and of a result is kept; of a larger result it is the size."""

TOO_LARGE: Final = "too_large"
"""Key in the result of a delivery whose own result is too large to be kept, with its bytes."""

_MAX_NUMBERS: Final = 10
_MAX_NAME_LENGTH: Final = 40
_RECORD_BYTES: Final = 1024
_DELIVERY_BYTES: Final = 1024
"""What a record takes without content, and a delivery with its error but without its result, at most."""

# What is worst decides.
_BY_WEIGHT: Final = (Outcome.FAILED, REFUSED, Outcome.RUNNING, Outcome.PENDING, Outcome.HANDLED)

_DELIVERY_SCHEMA: Final = vol.Schema(
    {
        vol.Required("bot"): str,
        vol.Required("config_entry_id"): str,
        vol.Required("receiver"): str,
        vol.Required("outcome"): vol.In([*Outcome, REFUSED]),
        vol.Required("duration"): vol.Any(None, float),
        vol.Optional("result"): {str: int},
        vol.Optional("error"): str,
    },
    extra=vol.REMOVE_EXTRA,
)
STORED_SCHEMA: Final = vol.Schema(
    {
        vol.Required("id"): str,
        vol.Required("time"): timestamp,
        vol.Required("address"): vol.Any(None, str),
        vol.Required("origin"): str,
        vol.Required("sender"): vol.Any(None, str),
        vol.Required("home"): vol.Any(None, str),
        vol.Required("hops"): int,
        vol.Required("external"): bool,
        vol.Required("user_id"): vol.Any(None, str),
        vol.Required("duration"): vol.Any(None, float),
        vol.Required("deliveries"): [_DELIVERY_SCHEMA],
        vol.Required("elsewhere"): {vol.In([*Outcome]): int},
        vol.Optional("refusal"): {
            vol.Required("reason"): str,
            vol.Required("count"): int,
            vol.Required("since"): timestamp,
            vol.Optional("error"): str,
        },
    },
    extra=vol.REMOVE_EXTRA,
)
"""A record on disk."""


@dataclass(slots=True, kw_only=True)
class Refusal:
    """Why a message did not even enter, and how often that happened.

    Attributes:
        reason: The error's name for programs.
        error: The error, or None where it may not be kept.
        since: When it happened first, in seconds since 1970.
        count: How often it has happened.

    """

    reason: str
    error: str | None
    since: float
    count: int = 1


class Record:
    """What the message log keeps of a message; or of all messages that were refused for the same reason.

    Attributes:
        record_id: The id of the message, or of the record where nothing entered that could have one.
        address: What it was sent to, or None where that is not known or differs.
        time: When it was sent, or refused last, in seconds since 1970.
        origin: Kind of its source.
        sender: Config entry id of the sending bot, or None.
        deliveries: What became of it at each receiver here by now, without results.
        began: When it was sent, by the clock of the event loop.
        home: Name of the home that it came from, or None.
        hops: How many messages led to it.
        external: Whether it was for other bots than its sender.
        user_id: Whose rights held, or None for Home Assistant's own.
        cause: Id of the context that it was sent because of, or None.
        automation: Entity id of the automation that sent it, or None.
        parent: Id of the message that led to it, or None.
        returned: Of a reaction to presence, whether somebody returned or everybody left; of others None.
        content: The content as JSON, or None where it is not kept.
        is_private: Whether content is not kept, nor what may quote it.
        refused: Who refused it here.
        results: The results as JSON, by the number of the delivery; in a private record, lists are replaced by lengths.
        started: After how many seconds all receivers were started, most of which are done then.
        durations: After how many seconds the others were done, by the number of the delivery.
        elsewhere: How many receivers there are in other homes, by outcome.
        working: How many receivers here are at work.
        is_awaited: Whether answers from other homes are waited for.
        duration: After how many seconds it was over, or None.
        refusal: Why nothing entered, or None.
        told_at: When others were told what became of it as a whole, by the clock of the event loop, or None.
        size: How many bytes it takes, about.

    """

    # Most messages have these. To set only what differs takes less time.
    began: float = 0.0
    home: str | None = None
    hops: int = 0
    external: bool = True
    user_id: str | None = None
    cause: str | None = None
    automation: str | None = None
    parent: str | None = None
    returned: bool | None = None
    content: bytes | None = None
    is_private: bool = False
    refused: Sequence[Delivery] = ()
    results: Mapping[int, bytes] = MappingProxyType({})
    started: float | None = None
    durations: Mapping[int, float] = MappingProxyType({})
    elsewhere: Mapping[str, int] = MappingProxyType({})
    working: int = 0
    is_awaited: bool = False
    duration: float | None = None
    refusal: Refusal | None = None
    told_at: float | None = None
    size: int = 0

    def __init__(self, record_id: str, address: str | None, time: float, origin: str, sender: str | None) -> None:
        """Initialize the record of a message that nobody has received."""
        self.record_id = record_id
        self.address = address
        self.time = time
        self.origin = origin
        self.sender = sender
        self.deliveries: list[Delivery] = []

    @property
    def bot_ids(self) -> set[str]:
        """Return the bots that it concerns here: who sent, received or refused it."""
        bot_ids = {delivery.bot_id for delivery in (*self.deliveries, *self.refused)}
        return bot_ids if self.sender is None else {self.sender, *bot_ids}

    @property
    def has_failed(self) -> bool:
        """Return whether a receiver has failed by now, which makes it `failed` as a whole."""
        for delivery in self.deliveries:
            if delivery.outcome is Outcome.FAILED:
                return True
        return Outcome.FAILED in self.elsewhere

    @property
    def outcome(self) -> str:
        """Return what became of it as a whole by now: the worst of what became of it anywhere."""
        found = {*(delivery.outcome.value for delivery in self.deliveries), *self.elsewhere}
        if self.refused or self.refusal is not None:
            found.add(REFUSED)
        return next((str(outcome) for outcome in _BY_WEIGHT if outcome in found), UNHEARD)

    @property
    def error(self) -> str | None:
        """Return the first error that is kept, if there is one."""
        if self.refusal is not None:
            return self.refusal.error
        return next((each.error for each in (*self.deliveries, *self.refused) if each.error is not None), None)

    @property
    def numbers(self) -> dict[str, int]:
        """Return how many there are in each list of the results of all receivers, such as of `switched`."""
        numbers: Counter[str] = Counter()
        for result in self.results.values():
            numbers.update(_numbers(json_loads_object(result), are_numbers=self.is_private))
        return dict(numbers)

    def keep(self, index: int, delivery: Delivery) -> None:
        """Keep a delivery, by its number, as far as it may be kept."""
        # The list is also that of the dispatch.
        self.deliveries = [*self.deliveries]
        self.deliveries[index] = _kept(delivery, is_private=self.is_private)
        if not delivery.result:
            return
        result = cached_json_bytes(_numbers(delivery.result) if self.is_private else delivery.result)
        if len(result) > MAX_RESULT_BYTES:
            result = cached_json_bytes({TOO_LARGE: len(result)})
        self.results = {**self.results, index: result}

    def keep_refusals(self, refused: Sequence[Delivery]) -> None:
        """Keep who refused it, as far as that may be kept."""
        self.refused = [_kept(delivery, is_private=self.is_private) for delivery in refused]

    def make_private(self) -> None:
        """Forget the content, and what may quote it."""
        if self.is_private:
            return
        self.content, self.is_private = None, True
        self.deliveries = [_kept(delivery, is_private=True) for delivery in self.deliveries]
        self.keep_refusals(self.refused)
        self.results = {
            index: cached_json_bytes(_numbers(json_loads_object(result))) for index, result in self.results.items()
        }
        if self.refusal is not None:
            self.refusal.error = None

    def measure(self) -> int:
        """Note how many bytes it takes, and return it."""
        self.size = _RECORD_BYTES + _DELIVERY_BYTES * (len(self.deliveries) + len(self.refused))
        if self.content is not None:
            self.size += len(self.content)
        if self.results:
            self.size += sum(map(len, self.results.values()))
        return self.size

    def as_dict(self, *, with_content: bool = True) -> dict[str, Any]:
        """Return it as response data: times as dates, and without `content` nothing that may quote that."""
        data = self._as_data(is_private=self.is_private or not with_content)
        data["time"], data["outcome"] = _date(self.time), self.outcome
        data["cause"], data["automation"], data["parent"] = self.cause, self.automation, self.parent
        if self.refusal is not None:
            data["refusal"]["since"] = _date(self.refusal.since)
        return data

    def as_stored(self) -> dict[str, Any]:
        """Return it as it is stored on disk: without the content, and what may quote it."""
        return self._as_data(is_private=True)

    def _as_data(self, *, is_private: bool) -> dict[str, Any]:
        data: dict[str, Any] = {
            "id": self.record_id,
            "time": self.time,
            "address": self.address,
            "origin": self.origin,
            "sender": self.sender,
            "home": self.home,
            "hops": self.hops,
            "external": self.external,
            "user_id": self.user_id,
            "duration": self.duration,
            "deliveries": [
                *(self._delivery(*each, is_private=is_private) for each in enumerate(self.deliveries)),
                *(_as_data(delivery, REFUSED, None, is_private=is_private) for delivery in self.refused),
            ],
            "elsewhere": dict(self.elsewhere),
        }
        if self.content is not None and not is_private:
            data["content"] = json_loads(self.content)
        if (refusal := self.refusal) is not None:
            data["refusal"] = {"reason": refusal.reason, "count": refusal.count, "since": refusal.since}
            if refusal.error is not None and not is_private:
                data["refusal"]["error"] = refusal.error
        return data

    def _delivery(self, index: int, delivery: Delivery, *, is_private: bool) -> dict[str, Any]:
        is_running = delivery.outcome is Outcome.RUNNING
        duration = None if is_running else self.durations.get(index, self.started)
        data = _as_data(delivery, delivery.outcome, duration, is_private=is_private)
        if index in self.results:
            result = json_loads_object(self.results[index])
            data["result"] = _numbers(result, are_numbers=self.is_private) if is_private else result
        return data

    @classmethod
    def from_stored(cls, data: Mapping[str, Any], lost: str) -> Self:
        """Return a record as it was before a restart.

        Args:
            data: What was stored.
            lost: The error of receivers that were at work then.

        """
        record = cls(data["id"], data["address"], data["time"], data["origin"], data["sender"])
        record.home, record.hops, record.external = data["home"], data["hops"], data["external"]
        record.user_id, record.elsewhere, record.duration = data["user_id"], data["elsewhere"], data["duration"]
        record.is_private = True
        received = [each for each in data["deliveries"] if each["outcome"] != REFUSED]
        record.deliveries = [_from_data(each, lost) for each in received]
        record.refused = [_from_data(each, lost) for each in data["deliveries"] if each["outcome"] == REFUSED]
        for index, each in enumerate(received):
            if "result" in each:
                record.results = {**record.results, index: cached_json_bytes(each["result"])}
            if each["duration"] is not None:
                record.durations = {**record.durations, index: each["duration"]}
        if "refusal" in data:
            record.refusal = Refusal(error=None, **data["refusal"])
        return record


def _kept(delivery: Delivery, *, is_private: bool) -> Delivery:
    """Return a delivery as a record keeps it: without result, and without an error that it may not keep."""
    if not delivery.result and delivery.error is None:
        return delivery
    error = None if delivery.error is None or (is_private and delivery.quotes) else delivery.error[:MAX_ERROR_LENGTH]
    return delivery._replace(result=None, error=error)


def count_outcomes(deliveries: Collection[Delivery]) -> dict[str, int]:
    """Return how many deliveries there are by outcome."""
    return dict(Counter(delivery.outcome.value for delivery in deliveries))


def _as_data(delivery: Delivery, outcome: str, duration: float | None, *, is_private: bool) -> dict[str, Any]:
    data: dict[str, Any] = {
        "bot": delivery.bot_name,
        "config_entry_id": delivery.bot_id,
        "receiver": delivery.receiver,
        "outcome": outcome,
        "duration": duration,
    }
    if delivery.error is not None and not (is_private and delivery.quotes):
        data["error"] = delivery.error
    return data


def _from_data(data: Mapping[str, Any], lost: str) -> Delivery:
    is_lost = data["outcome"] == Outcome.RUNNING
    is_failed = is_lost or data["outcome"] == REFUSED
    return Delivery(
        bot_id=data["config_entry_id"],
        bot_name=data["bot"],
        receiver=data["receiver"],
        outcome=Outcome.FAILED if is_failed else Outcome(data["outcome"]),
        error=lost if is_lost else data.get("error"),
    )


def _numbers(result: Mapping[str, Any], *, are_numbers: bool = False) -> dict[str, int]:
    """Return how many there are in each list of a result, unless it has the numbers already."""
    if are_numbers:
        return dict(result)
    numbers = {name[:_MAX_NAME_LENGTH]: len(value) for name, value in result.items() if isinstance(value, list | dict)}
    return dict(islice(numbers.items(), _MAX_NUMBERS))


def _date(time: float) -> str:
    return dt_util.utc_from_timestamp(time).isoformat()
