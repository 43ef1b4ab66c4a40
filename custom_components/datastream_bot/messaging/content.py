"""Content: the JSON object that a message carries."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
import math
from types import UnionType
from typing import Any, Final

from homeassistant.helpers.json import cached_json_bytes, json_bytes
from homeassistant.util.json import json_loads_object

from ..errors import MessageError

MAX_CONTENT_BYTES: Final = 32 * 1024
MAX_CONTENT_DEPTH: Final = 16
MAX_EVENT_BYTES: Final = 32768
"""How large the data of an event may be for Home Assistant's recorder, which otherwise warns and stores none of it."""

CONTENT_LEFT_OUT: Final = "content_left_out"
"""Key in the data of an event whose content would make it too large."""

# Types of values that need neither check nor copy, and of those that need no copy.
_PLAIN: Final = frozenset({str, int, bool, type(None)})
_IMMUTABLE: Final = _PLAIN | {float}
_TEXT: Final = frozenset({str})

# A truth is an integer in Python, and a date with a time is a date.
_KINDS: Final[Sequence[tuple[type | UnionType, str]]] = (
    (str, "text"),
    (bool, "true or false"),
    (int | float, "a number"),
    (list | tuple, "a list"),
    (set | frozenset, "a set"),
    (bytes | bytearray, "bytes"),
    (datetime, "a date and time"),
    (date, "a date"),
    (time, "a time"),
    (timedelta, "a duration"),
)


def object_of(content: object) -> object:
    """Return the JSON object that a text holds, which is all that some senders can write, and all else as it is."""
    if not isinstance(content, str):
        return content
    try:
        return json_loads_object(content)
    except ValueError:
        return content


def checked_content(content: object) -> dict[str, Any]:
    """Return a deep copy of content after checking that it is a JSON object; None is an empty one.

    Raises:
        MessageError: It is no JSON object, larger than 32 KiB as JSON, or more than 16 levels deep.

    """
    copied, _ = encoded_content(content)
    return copied


def encoded_content(content: object) -> tuple[dict[str, Any], bytes]:
    """Return a deep copy of content like `checked_content`, and it as JSON.

    Raises:
        MessageError: It is no JSON object, larger than 32 KiB as JSON, or more than 16 levels deep.

    """
    if content is None:
        return {}, b"{}"
    if isinstance(content, dict) and is_plain(content):
        copied = dict(content)
    elif isinstance(content, Mapping):
        copied = _Checker().copied_object(content, "content", MAX_CONTENT_DEPTH)
    else:
        raise MessageError(translation_key="content_not_object", received=_kind(content))
    try:
        # Not one KiB larger than it is, since the message log keeps it.
        encoded = cached_json_bytes(copied)
    except (TypeError, ValueError) as err:
        received = "an integer beyond 64 bits, or text that is not Unicode"
        raise MessageError(translation_key="content_not_json", path="content", received=received) from err
    if len(encoded) > MAX_CONTENT_BYTES:
        raise _too_large()
    return copied, encoded


def copied_content(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a deep copy of checked content."""
    copied = dict(content)
    for key, value in content.items():
        if type(value) not in _IMMUTABLE:
            copied[key] = _copied(value)
    return copied


def fits_into_event(data: Mapping[str, Any]) -> bool:
    """Return whether Home Assistant's recorder stores an event with this data."""
    return len(json_bytes(data)) <= MAX_EVENT_BYTES


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return copied_content(value)
    return [_copied(item) for item in value] if isinstance(value, list) else value


def is_plain(content: Mapping[Any, object]) -> bool:
    """Return whether content needs no further check, as is most often so."""
    return _TEXT.issuperset(map(type, content)) and _PLAIN.issuperset(map(type, content.values()))


def _kind(value: object) -> str:
    """Return what a value is, for people."""
    return next((kind for types, kind in _KINDS if isinstance(value, types)), "something else")


def _too_large() -> MessageError:
    return MessageError(translation_key="content_too_large", max_kib=MAX_CONTENT_BYTES // 1024)


class _Checker:
    """Copies content while checking that JSON can carry it.

    It counts the values, because a few nested references to the same list stand for more values than fit in memory.
    Encoding to JSON alone would not do: NaN would become null.
    """

    def __init__(self) -> None:
        self._values = 0

    def copied_object(self, value: Mapping[Any, object], path: str, depth: int) -> dict[str, Any]:
        """Return a deep copy of the object at a path, which may have as many levels as depth says.

        Raises:
            MessageError: It does not fit into JSON.

        """
        self._enter(value, depth)
        copied = {}
        for key, item in value.items():
            if not isinstance(key, str):
                raise MessageError(translation_key="content_key_not_text", path=path, received=repr(key))
            copied[key] = self._copied(item, f"{path}.{key}", depth - 1)
        return copied

    def _copied_list(self, value: Sequence[object], path: str, depth: int) -> list[Any]:
        self._enter(value, depth)
        return [self._copied(item, f"{path}[{index}]", depth - 1) for index, item in enumerate(value)]

    def _copied(self, value: object, path: str, depth: int) -> Any:
        if isinstance(value, Mapping):
            return self.copied_object(value, path, depth)
        if isinstance(value, list | tuple):
            return self._copied_list(value, path, depth)
        if isinstance(value, float) and not math.isfinite(value):
            raise MessageError(translation_key="content_not_json", path=path, received=value)
        if value is None or isinstance(value, str | int | float):
            return value
        raise MessageError(translation_key="content_not_json", path=path, received=_kind(value))

    def _enter(self, value: Mapping[Any, object] | Sequence[object], depth: int) -> None:
        if depth == 0:
            raise MessageError(translation_key="content_too_deep", max_depth=MAX_CONTENT_DEPTH)
        self._values += len(value)
        if self._values > MAX_CONTENT_BYTES:
            raise _too_large()
