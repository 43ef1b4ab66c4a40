"""The envelope: what stands around a message on its way to another home, and what is said besides.

All of it is JSON. Who speaks is named in it for whoever reads along; what counts is the topic that it came on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from homeassistant.helpers.json import json_bytes
from homeassistant.util.json import json_loads
import voluptuous as vol

from ..const import ATTR_ADDRESS, ATTR_CONTENT
from ..messaging.content import MAX_CONTENT_BYTES, MAX_CONTENT_DEPTH

VERSION: Final = 1
MAX_PAYLOAD_BYTES: Final = 2 * MAX_CONTENT_BYTES
"""How large anything on its way may be: content has half of it, and what a bot answers the same."""

MAX_DIRECTED: Final = 500
"""For how many homes a message to all can tell what was sent to them alone."""

MAX_DELIVERIES: Final = 50
MAX_ERROR: Final = 200

type Lists = Mapping[str, Sequence[Mapping[str, Any]]]
"""The deliveries of a receipt as JSON, by outcome."""

MAX_NUMBER: Final = 2**53
MAX_TIME: Final = 250_000_000_000
"""Seconds since 1970, in the last of the years that have four digits."""


class Kind(StrEnum):
    """What is said."""

    ANSWER = "answer"
    COMPLETE = "complete"
    GOODBYE = "goodbye"
    HELLO = "hello"
    MESSAGE = "message"
    MISSING = "missing"


class Fault(StrEnum):
    """What is wrong with what came in."""

    FORGED = "forged"
    NOT_JSON = "not_json"
    NOT_VALID = "not_valid"
    OTHER_VERSION = "other_version"
    TOO_LARGE = "too_large"


class EnvelopeError(Exception):
    """What came in is nothing that could be understood."""

    def __init__(self, fault: Fault) -> None:
        """Initialize the error."""
        super().__init__(fault)
        self.fault = fault


def home_key(home: str | None) -> str:
    """Return what the keys of all bots of a home, or of the organization, begin with."""
    return f"{home or ''}/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who speaks.

    Attributes:
        home: Name of the home, or None for the organization.
        bot: Id of the bot.
        name: What people call the bot.

    """

    home: str | None
    bot: str
    name: str

    @property
    def key(self) -> str:
        """Return what tells a bot of one home from all others."""
        return f"{home_key(self.home)}{self.bot}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What is said to bots elsewhere.

    Attributes:
        kind: What is said.
        sender: Who says it.
        time: When it was first said, in seconds since 1970.
        to: Id of the one bot that it is for, or None for all who hear it.
        data: What else belongs to this kind.
        size: How many bytes came in.

    """

    kind: Kind
    sender: Sender
    time: float
    to: str | None = None
    data: Mapping[str, Any]
    size: int = 0

    def encode(self) -> bytes:
        """Return it as it goes out."""
        return json_bytes(
            {
                "version": VERSION,
                "kind": self.kind.value,
                "sender": {"home": self.sender.home, "bot": self.sender.bot, "name": self.sender.name},
                "time": self.time,
                "to": self.to,
                **self.data,
            }
        )


def _time(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < MAX_TIME:
        raise vol.Invalid(str(value))
    return float(value)


def is_deep(value: object, levels: int = MAX_CONTENT_DEPTH) -> bool:
    """Return whether a value has more levels than content may have."""
    if not isinstance(value, Mapping | list | tuple):
        return False
    items = value.values() if isinstance(value, Mapping) else value
    return levels == 0 or any(is_deep(item, levels - 1) for item in items)


def _directed(value: object) -> dict[str, int]:
    if not isinstance(value, dict) or len(value) > MAX_DIRECTED:
        raise vol.Invalid(repr(type(value)))
    for number in value.values():
        if type(number) is not int or not 0 <= number <= MAX_NUMBER:
            raise vol.Invalid(repr(type(number)))
    return value


def _result(value: object) -> dict[str, Any]:
    if not isinstance(value, dict) or is_deep(value):
        raise vol.Invalid(repr(type(value)))
    return value


_ID: Final = vol.All(str, vol.Length(min=1, max=64))
_COUNT: Final = vol.All(int, vol.Range(min=0, max=MAX_NUMBER))
_DELIVERY: Final = vol.Schema(
    {
        vol.Required("bot"): str,
        vol.Required("config_entry_id"): str,
        vol.Required("receiver"): str,
        vol.Optional("result"): _result,
        vol.Optional("error"): str,
    },
    extra=vol.REMOVE_EXTRA,
)
# Each fault of a long list would be found, which takes its time.
_DELIVERIES: Final = vol.All(list, vol.Length(max=MAX_DELIVERIES), [_DELIVERY])
_RECEIPT: Final = vol.Schema(
    {vol.Required(outcome): _DELIVERIES for outcome in ("handled", "failed", "running")}, extra=vol.REMOVE_EXTRA
)
_SENDER: Final = vol.Schema(
    {
        vol.Required("home"): vol.Any(None, str),
        vol.Required("bot"): _ID,
        vol.Required("name"): vol.All(str, vol.Length(max=255)),
    },
    extra=vol.REMOVE_EXTRA,
)
_DATA: Final = {
    Kind.ANSWER: vol.Schema(
        {vol.Required("id"): _ID, vol.Required("newest"): _COUNT, vol.Required("receipt"): _RECEIPT},
        extra=vol.REMOVE_EXTRA,
    ),
    Kind.COMPLETE: vol.Schema({vol.Required("newest"): _COUNT}, extra=vol.REMOVE_EXTRA),
    Kind.GOODBYE: vol.Schema({}, extra=vol.REMOVE_EXTRA),
    Kind.HELLO: vol.Schema({vol.Required("ask"): bool, vol.Required("mark"): _ID}, extra=vol.REMOVE_EXTRA),
    Kind.MESSAGE: vol.Schema(
        {
            vol.Required("id"): _ID,
            vol.Required("number"): _COUNT,
            vol.Required("after"): _COUNT,
            vol.Optional("directed", default=dict): _directed,
            vol.Required("expires"): _time,
            vol.Required("hops"): _COUNT,
            vol.Required(ATTR_ADDRESS): object,
            vol.Required(ATTR_CONTENT): object,
        },
        extra=vol.REMOVE_EXTRA,
    ),
    Kind.MISSING: vol.Schema({vol.Required("newest"): _COUNT}, extra=vol.REMOVE_EXTRA),
}
_ENVELOPE: Final = vol.Schema(
    {
        vol.Required("kind"): vol.Coerce(Kind),
        vol.Required("sender"): _SENDER,
        vol.Required("time"): _time,
        vol.Required("to"): vol.Any(None, _ID),
    },
    extra=vol.REMOVE_EXTRA,
)


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


def decode(payload: str | bytes | bytearray) -> Envelope:
    """Read what came in; keys that nobody here knows are left out.

    Raises:
        EnvelopeError: It is too large, no JSON, of another version, or not what it has to be.

    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise EnvelopeError(Fault.TOO_LARGE)
    try:
        said = json_loads(payload)
    except ValueError as err:
        raise EnvelopeError(Fault.NOT_JSON) from err
    if not isinstance(said, dict):
        raise EnvelopeError(Fault.NOT_JSON)
    if said.get("version") != VERSION:
        raise EnvelopeError(Fault.OTHER_VERSION)
    try:
        head = _ENVELOPE(said)
        return Envelope(
            kind=head["kind"],
            sender=Sender(**head["sender"]),
            time=head["time"],
            to=head["to"],
            data=_DATA[head["kind"]](said),
            size=len(payload),
        )
    except vol.Invalid as err:
        raise EnvelopeError(Fault.NOT_VALID) from err
