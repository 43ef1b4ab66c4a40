"""The message: an address and its content, with the envelope beside it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
import re
from typing import Any, Final, NamedTuple

from homeassistant.core import Context

from ..errors import MessageError
from .content import copied_content

MAX_ADDRESS_LENGTH: Final = 64

_ADDRESS: Final = re.compile(rf"[A-Za-z][A-Za-z0-9_.-]{{0,{MAX_ADDRESS_LENGTH - 1}}}")


class Scope(StrEnum):
    """Bots beyond this Home Assistant.

    Attributes:
        LOCATION: Those of the same home.
        ORGANIZATION: Those of the organization.

    """

    LOCATION = "location"
    ORGANIZATION = "organization"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Which bots beyond this Home Assistant a message is for; only a relay reads it.

    Attributes:
        scopes: Whose bots, or None for the relay to decide.
        homes: Names of homes, or `all`.

    """

    scopes: Collection[Scope] | None = None
    homes: Collection[str] | None = None

    @property
    def is_empty(self) -> bool:
        """Return whether it names nobody."""
        return not self.scopes and not self.homes


DEFAULT_ROUTE: Final = Route()


class Envelope(NamedTuple):
    """What is known of a message beside its content, in which no key is reserved for it.

    The router writes it when it accepts the message. No sender can forget or forge it.

    Attributes:
        address: What the message is sent to; at most 64 characters.
        context: Home Assistant's context of all that the message causes. Its id is the id of the message, its user's
            rights hold, and its parent is what caused the message.
        origin: Kind of its source: `action`, `microservice`, `presence`, or that of a door or a transport.
        sender: Config entry id of the sending bot, or None from outside.
        hops: How many messages led to it.
        external: Whether it may be received outside the sending bot.
        entrance: Origin of the first of the messages that led to it, if that came from outside Home Assistant, or None.
        home: Name of the home that it came from by MQTT, or None.

    """

    address: str
    context: Context
    origin: str
    entrance: str | None
    sender: str | None
    hops: int
    external: bool
    home: str | None


# Neither a tuple nor frozen, as each receiver gets one of its own, which is made in a third of the time.
@dataclass(slots=True)
class Message:
    """A data stream message that was checked.

    Attributes:
        envelope: What is known of it beside its content.
        content: A JSON object of at most 16 levels, its fields as their types read them.
        json: The content as JSON, as it was sent; at most 32 KiB.

    """

    envelope: Envelope
    content: Mapping[str, Any]
    json: bytes

    @property
    def address(self) -> str:
        """Return what the message is sent to."""
        return self.envelope.address

    @property
    def context(self) -> Context:
        """Return Home Assistant's context of all that the message causes."""
        return self.envelope.context

    @property
    def message_id(self) -> str:
        """Return the id of the message, a ULID."""
        return self.envelope.context.id

    def copy(self) -> Message:
        """Return the message with a deep copy of its content."""
        return Message(self.envelope, copied_content(self.content), self.json)


def checked_address(address: object) -> str:
    """Return an address after checking that it is valid.

    Raises:
        MessageError: It is not.

    """
    if isinstance(address, str) and _ADDRESS.fullmatch(address):
        return address
    raise MessageError(translation_key="invalid_address", address=repr(address), max_length=MAX_ADDRESS_LENGTH)


def is_address(address: object) -> bool:
    """Return whether something is a valid address."""
    return isinstance(address, str) and _ADDRESS.fullmatch(address) is not None
