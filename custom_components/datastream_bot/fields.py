"""Reading the fields of a message's content."""

from collections.abc import Mapping
from typing import Any, Final

from .errors import MessageError

_BOOLEANS: Final = {
    "true": True,
    "on": True,
    "yes": True,
    "1": True,
    "false": False,
    "off": False,
    "no": False,
    "0": False,
}


def read_boolean(content: Mapping[str, Any], name: str) -> bool:
    """Return a required boolean; true/false, on/off, yes/no and 1/0 count, in any case and as text."""
    value = _required(content, name)
    # Floats are left out on purpose, although 1.0 reads as a boolean would.
    if isinstance(value, bool | int | str) and (result := _BOOLEANS.get(str(value).lower())) is not None:
        return result
    raise _wrong(name, "true or false", value)


def read_text(content: Mapping[str, Any], name: str) -> str:
    """Return a required text that is not empty."""
    value = _required(content, name)
    if isinstance(value, str) and value.strip():
        return value
    raise _wrong(name, "text that is not empty", value)


def read_optional_text(content: Mapping[str, Any], name: str) -> str | None:
    """Return a text, or None where there is none."""
    value = content.get(name)
    if value is None or isinstance(value, str):
        return value
    raise _wrong(name, "text", value)


def read_optional_object(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return an object, empty where there is none."""
    value = content.get(name)
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return value
    raise _wrong(name, "an object", value)


def _required(content: Mapping[str, Any], name: str) -> Any:
    if name not in content:
        raise MessageError(translation_key="field_missing", field=name)
    return content[name]


def _wrong(name: str, expected: str, value: object) -> MessageError:
    return MessageError(translation_key="field_wrong", field=name, expected=expected, received=repr(value))
