"""What is said over MQTT: messages, receipts and statuses, written and read.

The content of a message is its payload, so that any program can send one. All else is in the properties of MQTT 5.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from homeassistant.helpers.json import json_bytes
from homeassistant.util.json import json_loads_object
import voluptuous as vol

from ..errors import MessageError
from ..messaging.receipt import Outcome

CONTENT_TYPE: Final = "application/json"
MAX_MESSAGE_BYTES: Final = 128 * 1024
"""How large the payload of a message may be; its content may have 32 KiB, and spaces come on top."""

MAX_RECEIPT_BYTES: Final = 64 * 1024
MAX_RECEIPT_ENTRIES: Final = 50
MAX_STATUS_BYTES: Final = 1024
MAX_ID_LENGTH: Final = 64

_AFTER: Final = "after"
_HOPS: Final = "hops"
_ID: Final = "id"
_OUTCOMES: Final = (Outcome.HANDLED, Outcome.FAILED, Outcome.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """What is published on a topic, or came on one.

    Attributes:
        topic: The topic.
        payload: The bytes.
        is_retained: Whether the broker keeps it for those who come later, or had kept it.
        expiry: Seconds after which it is delivered to nobody any more, or None.
        answer_to: Topic that a receipt is wanted on, or None.
        correlation: What the receipt is to be marked with, or None.
        properties: Others that the sender gave.

    """

    topic: str
    payload: bytes
    is_retained: bool = False
    expiry: int | None = None
    answer_to: str | None = None
    correlation: bytes | None = None
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """A message that came.

    Attributes:
        content: Its content.
        message_id: Its id, if its sender gave one.
        after: Id of the message before it, if that had no receipt when this one was sent.
        hops: How many messages led to it.

    """

    content: Mapping[str, Any]
    message_id: str | None
    after: str | None
    hops: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Who a bot is, as it tells all who may know.

    Attributes:
        name: What people call it.
        session: Changes when the broker has forgotten what it kept for the bot.
        mark: Changes with each start of its Home Assistant.
        is_online: Whether it is there. After a broker died, it may say so of a bot that is not.

    """

    name: str
    session: str
    mark: str
    is_online: bool

    def packet(self, topic: str) -> Packet:
        """Return what tells it."""
        said = {"name": self.name, "session": self.session, "mark": self.mark, "online": self.is_online}
        return Packet(topic=topic, payload=json_bytes(said), is_retained=True)


_TEXT: Final = vol.All(str, vol.Length(max=255))
_STATUS: Final = vol.Schema(
    {
        vol.Required("name"): _TEXT,
        vol.Required("session"): vol.All(str, vol.Length(max=MAX_ID_LENGTH)),
        vol.Required("mark"): vol.All(str, vol.Length(max=MAX_ID_LENGTH)),
        vol.Required("online"): bool,
    },
    extra=vol.REMOVE_EXTRA,
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
_RECEIPT: Final = vol.Schema(
    {vol.Optional(outcome.value, default=list): [_ENTRY] for outcome in _OUTCOMES}, extra=vol.REMOVE_EXTRA
)

type Lists = Mapping[str, Sequence[Mapping[str, Any]]]
"""The deliveries of a receipt as response data, by outcome."""


def message_packet(
    topic: str, payload: bytes, *, message_id: str, after: str | None, hops: int, expiry: int, answer_to: str
) -> Packet:
    """Return what carries a message."""
    return Packet(
        topic=topic,
        payload=payload,
        expiry=expiry,
        answer_to=answer_to,
        correlation=message_id.encode(),
        properties={_ID: message_id, _HOPS: str(hops)} | ({} if after is None else {_AFTER: after}),
    )


def receipt_payload(lists: Lists) -> bytes:
    """Return a receipt as a payload; results are left out where they make it too large."""
    lists = {outcome: lists[outcome][:MAX_RECEIPT_ENTRIES] for outcome in _OUTCOMES}
    payload = json_bytes(lists)
    if len(payload) <= MAX_RECEIPT_BYTES:
        return payload
    return json_bytes({outcome: [_shortened(each) for each in entries] for outcome, entries in lists.items()})


def read_message(packet: Packet) -> Inbound:
    """Return the message that a packet carries.

    Raises:
        MessageError: It carries none.

    """
    hops = packet.properties.get(_HOPS, "0")
    if not hops.isdecimal() or len(hops) > 4:  # noqa: PLR2004 - more than any limit
        raise MessageError(translation_key="payload_not_valid", problem="hops")
    message_id, after = packet.properties.get(_ID), packet.properties.get(_AFTER)
    if any(each is not None and len(each) > MAX_ID_LENGTH for each in (message_id, after)):
        raise MessageError(translation_key="payload_not_valid", problem="id")
    content = _json_object(packet, MAX_MESSAGE_BYTES) if packet.payload.strip() else {}
    return Inbound(content=content, message_id=message_id or None, after=after or None, hops=int(hops))


def read_receipt(packet: Packet) -> Lists:
    """Return the deliveries that a receipt tells of.

    Raises:
        MessageError: It is no receipt.

    """
    lists: Lists = _validated(_RECEIPT, _json_object(packet, MAX_RECEIPT_BYTES))
    if any(len(entries) > MAX_RECEIPT_ENTRIES for entries in lists.values()):
        raise MessageError(translation_key="payload_not_valid", problem="too many entries")
    return lists


def read_status(packet: Packet) -> Status:
    """Return the status of a bot.

    Raises:
        MessageError: It is none.

    """
    said = _validated(_STATUS, _json_object(packet, MAX_STATUS_BYTES))
    return Status(name=said["name"], session=said["session"], mark=said["mark"], is_online=said["online"])


def _json_object(packet: Packet, maximum: int) -> dict[str, Any]:
    if len(packet.payload) > maximum:
        raise MessageError(translation_key="payload_too_large", maximum=maximum)
    try:
        return json_loads_object(packet.payload)
    except ValueError as err:
        raise MessageError(translation_key="payload_not_json") from err


def _validated(schema: vol.Schema, said: dict[str, Any]) -> Any:
    try:
        return schema(said)
    except vol.Invalid as err:
        raise MessageError(translation_key="payload_not_valid", problem=err) from err


def _shortened(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value[:1000] if isinstance(value, str) else value for name, value in entry.items() if name != "result"
    }
