"""The message: an address and its content, with the envelope beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
import math
import re
from typing import Any, Final

from homeassistant.core import Context
from homeassistant.helpers.json import json_bytes
from homeassistant.util.json import json_loads_object

from ..const import Origin
from ..errors import MessageError

MAX_ADDRESS_LENGTH: Final = 64
MAX_CONTENT_BYTES: Final = 32 * 1024
MAX_CONTENT_DEPTH: Final = 16
MAX_FLAT: Final = 1000
"""With more values than that, content may not even be looked at without counting."""

_FLAT: Final = frozenset({str, int, bool, type(None)})

_ADDRESS = re.compile(rf"[A-Za-z][A-Za-z0-9_.-]{{0,{MAX_ADDRESS_LENGTH - 1}}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A checked data stream message.

    Attributes:
        address: Who listens to it reacts; at most 64 characters.
        content: A JSON object that belongs to the user; the envelope never stands in it.
        context: Carries the user to whatever the message causes; its parent is what caused the message.
        origin: Where the message came into being.
        sender: Config entry id of the sending bot, or None from outside.
        hops: How many messages led to this one.
        internal: Deliver to the sender's own microservices.
        external: Deliver to other bots that opened the address.
        recipients: Ids of the bots that an external message is for, or None for all that opened the address.
        topics: MQTT topics that it goes out on.
        home: Name of the home that it came from by MQTT, or None.
        size: How many bytes the content had as JSON when it was sent.

    """

    address: str
    content: Mapping[str, Any]
    context: Context
    origin: Origin
    sender: str | None
    hops: int
    internal: bool
    external: bool
    recipients: frozenset[str] | None
    topics: tuple[str, ...]
    home: str | None
    size: int
    _is_flat: bool = field(repr=False, compare=False)

    @classmethod
    def create(
        cls,
        address: object,
        content: object,
        *,
        origin: Origin,
        sender: str | None = None,
        context: Context | None = None,
        hops: int = 0,
        internal: bool = True,
        external: bool = True,
        recipients: frozenset[str] | None = None,
        topics: tuple[str, ...] = (),
        home: str | None = None,
    ) -> Message:
        """Check what came in and make a message of it.

        Raises:
            MessageError: The address or the content is not valid, or nobody could ever receive it.

        """
        if not (internal and sender) and not external:
            raise MessageError(translation_key="nowhere_to_go" if sender else "internal_needs_bot")
        content, size, is_flat = _checked_content(content)
        return cls(
            address=checked_address(address),
            content=content,
            # Each message has a context of its own: what it causes can then be told from what else its sender does.
            context=Context(user_id=context.user_id, parent_id=context.id) if context else Context(),
            origin=origin,
            sender=sender,
            hops=hops,
            internal=internal,
            external=external,
            recipients=recipients,
            topics=topics,
            home=home,
            size=size,
            _is_flat=is_flat,
        )

    @property
    def message_id(self) -> str:
        """Return the id of the message, a ULID."""
        return self.context.id

    def with_content(self, content: Mapping[str, Any]) -> Message:
        """Return the message with content that a contract has read and completed."""
        return self._with(content, is_flat=_is_flat(content))

    def copy(self) -> Message:
        """Return the message with content that its receiver may do with as it likes."""
        return self._with(self.copied_content(), is_flat=self._is_flat)

    def copied_content(self) -> dict[str, Any]:
        """Return content that whoever takes it may do with as it likes."""
        if self._is_flat:
            return dict(self.content)
        copied: dict[str, Any] = json_loads_object(json_bytes(self.content))
        return copied

    def _with(self, content: Mapping[str, Any], *, is_flat: bool) -> Message:
        # Written out, because a generic copy of a data class takes as long as all else that is done with a message.
        return Message(
            address=self.address,
            content=content,
            context=self.context,
            origin=self.origin,
            sender=self.sender,
            hops=self.hops,
            internal=self.internal,
            external=self.external,
            recipients=self.recipients,
            topics=self.topics,
            home=self.home,
            size=self.size,
            _is_flat=is_flat,
        )


def checked_address(address: object) -> str:
    """Return an address that is valid.

    Raises:
        MessageError: It is not.

    """
    if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
        raise MessageError(translation_key="invalid_address", address=repr(address), max_length=MAX_ADDRESS_LENGTH)
    return str(address)


def _checked_content(content: object) -> tuple[dict[str, Any], int, bool]:
    """Return a copy of the content, its size in bytes as JSON, and whether it is flat; none is an empty object."""
    if content is None:
        content = {}
    if not isinstance(content, Mapping):
        raise MessageError(translation_key="content_not_object", received=type(content).__name__)
    is_flat = _is_flat(content)
    if not is_flat:
        _ContentCheck().check(content, "content", MAX_CONTENT_DEPTH)
    encoded = _encode(content)
    return dict(content) if is_flat else json_loads_object(encoded), len(encoded), is_flat


def _is_flat(content: Mapping[str, Any]) -> bool:
    """Return whether the content surely has nothing in it that would have to be checked or copied further."""
    if len(content) > MAX_FLAT:
        return False
    for key, value in content.items():
        if type(key) is not str:
            return False
        if type(value) not in _FLAT and not (type(value) is float and math.isfinite(value)):
            return False
    return True


def _encode(content: Mapping[str, Any]) -> bytes:
    try:
        encoded = json_bytes(dict(content))
    except (TypeError, ValueError) as err:
        # Text that is not Unicode, and integers beyond 64 bits.
        raise MessageError(translation_key="content_not_json", path="content", received=err) from err
    if len(encoded) > MAX_CONTENT_BYTES:
        raise _too_large()
    return encoded


def _too_large() -> MessageError:
    return MessageError(translation_key="content_too_large", max_kib=MAX_CONTENT_BYTES // 1024)


class _ContentCheck:
    """Checks that content is what JSON can carry, before anything is made of it.

    It counts the values on its way, because a few nested references to the same list stand for more values than fit
    in memory.
    """

    def __init__(self) -> None:
        """Initialize the check."""
        self._values = 0

    def check(self, value: object, path: str, depth: int) -> None:
        """Raise when the value at the path does not fit."""
        self._values += 1
        if self._values > MAX_CONTENT_BYTES:
            raise _too_large()
        if isinstance(value, Mapping | list | tuple):
            self._check_items(value, path, depth)
        elif not isinstance(value, str | int | float | None):
            raise MessageError(translation_key="content_not_json", path=path, received=type(value).__name__)
        elif isinstance(value, float) and not math.isfinite(value):
            raise MessageError(translation_key="content_not_json", path=path, received=value)

    def _check_items(self, value: Mapping[Any, object] | Sequence[object], path: str, depth: int) -> None:
        if depth == 0:
            raise MessageError(translation_key="content_too_deep", max_depth=MAX_CONTENT_DEPTH)
        if not isinstance(value, Mapping):
            for index, item in enumerate(value):
                self.check(item, f"{path}[{index}]", depth - 1)
            return
        for key, item in value.items():
            if not isinstance(key, str):
                raise MessageError(translation_key="content_key_not_text", path=path, received=repr(key))
            self.check(item, f"{path}.{key}", depth - 1)
