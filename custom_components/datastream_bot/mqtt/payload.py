"""What is said over MQTT: messages, receipts and statuses, written and read.

The content of a message is its payload, so that any program can send one. All else is in the properties of MQTT 5.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import uuid4

from homeassistant.helpers.json import json_bytes
from homeassistant.util.json import json_loads_object
import voluptuous as vol

from ..errors import MessageError
from ..messaging.receipt import Outcome

MAX_MESSAGE_BYTES: Final = 128 * 1024
"""How large the payload of a message may be; its content may have 32 KiB, and spaces come on top."""

MAX_RECEIPT_BYTES: Final = 64 * 1024
MAX_RECEIPT_ENTRIES: Final = 50
MAX_STATUS_BYTES: Final = 1024
MAX_ID_LENGTH: Final = 64

_OUTCOMES: Final = (Outcome.HANDLED, Outcome.FAILED, Outcome.RUNNING)
_TEXT: Final = vol.All(str, vol.Length(max=255))
_ID: Final = vol.All(str, vol.Length(max=MAX_ID_LENGTH))
_STATUS: Final = vol.Schema(
    {"name": _TEXT, "session": _ID, "mark": _ID, "online": bool}, required=True, extra=vol.REMOVE_EXTRA
)
_ENTRY: Final = vol.Schema(
    {
        vol.Required("receiver"): _TEXT,
        vol.Optional("bot"): _TEXT,
        vol.Optional("config_entry_id"): _TEXT,
        vol.Optional("result"): dict,
        vol.Optional("error"): str,
    },
    extra=vol.REMOVE_EXTRA,
)
_ENTRIES: Final = vol.All([_ENTRY], vol.Length(max=MAX_RECEIPT_ENTRIES))
_RECEIPT: Final = vol.Schema(
    {vol.Optional(outcome.value, default=list): _ENTRIES for outcome in _OUTCOMES}, extra=vol.REMOVE_EXTRA
)

type Lists = Mapping[str, Sequence[Mapping[str, Any]]]
"""The deliveries of a receipt as response data, by outcome."""


class Packet(NamedTuple):
    """What is published on a topic, or came on one.

    It expires after some seconds. `answer_to` is the topic that a receipt is wanted on, with the same correlation.
    """

    topic: str
    payload: bytes
    expiry: int | None = None
    answer_to: str | None = None
    correlation: bytes | None = None
    properties: Mapping[str, str] = {}
    is_retained: bool = False


class Sent(NamedTuple):
    """A message on its way, with its content as JSON; it ends in seconds since 1970."""

    message_id: str
    address: str
    content: bytes
    hops: int
    ends: float

    def packet(self, topic: str, *, after: str | None, expiry: int, answer_to: str) -> Packet:
        """Return what carries it, after another one that has no receipt."""
        properties = {"id": self.message_id, "hops": str(self.hops)} | ({} if after is None else {"after": after})
        return Packet(topic, self.content, expiry, answer_to, self.message_id.encode(), properties)


class Inbound(NamedTuple):
    """A message that came, after another one if that had no receipt when this one was sent."""

    content: Mapping[str, Any]
    message_id: str
    after: str | None
    hops: int


class Status(NamedTuple):
    """Who a bot is, as it tells all who may know.

    Attributes:
        name: What people call it.
        session: Changes when the broker has forgotten what it kept for the bot.
        mark: Changes with each start of its Home Assistant.
        online: Whether it is there. After a broker died, it may say so of a bot that is not.

    """

    name: str
    session: str
    mark: str
    online: bool

    def packet(self, topic: str) -> Packet:
        """Return what tells it."""
        return Packet(topic, json_bytes(self._asdict()), is_retained=True)


def receipt_payload(lists: Lists) -> bytes:
    """Return a receipt as a payload; results are left out where they make it too large."""
    lists = {outcome: lists.get(outcome, ())[:MAX_RECEIPT_ENTRIES] for outcome in _OUTCOMES}
    payload = json_bytes(lists)
    if len(payload) <= MAX_RECEIPT_BYTES:
        return payload
    return json_bytes({outcome: [_shortened(each) for each in entries] for outcome, entries in lists.items()})


def read_message(packet: Packet) -> Inbound:
    """Return the message that a packet carries, or raise a `MessageError` if it carries none."""
    hops, message_id, after = (packet.properties.get(name) for name in ("hops", "id", "after"))
    if hops is not None and (not hops.isdecimal() or len(hops) > 4):  # noqa: PLR2004 - more than any limit
        raise MessageError(translation_key="payload_not_valid", problem="hops")
    if any(each is not None and len(each) > MAX_ID_LENGTH for each in (message_id, after)):
        raise MessageError(translation_key="payload_not_valid", problem="id")
    content = _json_object(packet, MAX_MESSAGE_BYTES) if packet.payload.strip() else {}
    return Inbound(content, message_id or uuid4().hex, after or None, int(hops or 0))


def read_receipt(packet: Packet) -> Lists:
    """Return the deliveries that a receipt tells of, or raise a `MessageError` if it is none."""
    return _validated(_RECEIPT, packet, MAX_RECEIPT_BYTES)


def read_status(packet: Packet) -> Status:
    """Return the status of a bot, or raise a `MessageError` if it is none."""
    return Status(**_validated(_STATUS, packet, MAX_STATUS_BYTES))


def _json_object(packet: Packet, maximum: int) -> dict[str, Any]:
    if len(packet.payload) > maximum:
        raise MessageError(translation_key="payload_too_large", maximum=maximum)
    try:
        return json_loads_object(packet.payload)
    except ValueError as err:
        raise MessageError(translation_key="payload_not_json") from err


def _validated(schema: vol.Schema, packet: Packet, maximum: int) -> dict[str, Any]:
    try:
        return dict(schema(_json_object(packet, maximum)))
    except vol.Invalid as err:
        raise MessageError(translation_key="payload_not_valid", problem=err) from err


def _shortened(entry: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in entry.items() if name != "result"}
    return {name: value[:1000] if isinstance(value, str) else value for name, value in told.items()}
