"""The schema: which fields the content of messages to an address may have."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
import math
import re
from textwrap import shorten
from typing import Any, Final, NamedTuple, override

import voluptuous as vol

from ..errors import MessageError, nearest
from .bare_keys import as_meant

MAX_SHOWN: Final = 20
"""How many faults an error puts into words."""

MAX_FAULTS: Final = 100
"""How many faults it tells programs."""

MAX_DESCRIPTION: Final = 200
"""How many characters of a description errors and lists show."""

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
# The integers that JSON carries here.
_MIN_INTEGER: Final = -(2**63)
_MAX_INTEGER: Final = 2**64 - 1
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def _boolean(value: object) -> bool:
    # Floats are left out on purpose, although 1.0 looks like 1.
    if isinstance(value, bool | int | str) and (result := _BOOLEANS.get(str(value).lower())) is not None:
        return result
    raise vol.Invalid(type(value).__name__)


def _text(value: object) -> str:
    # From text that looks like something else, Home Assistant's templates make that.
    if value is None:
        raise vol.Invalid(type(value).__name__)
    return str(value)


def _required_text(value: object) -> str:
    if (text := _text(value)).strip():
        return text
    raise vol.Invalid(type(value).__name__)


def _number(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _NUMBER.fullmatch(value) and math.isfinite(number := float(value)):
        if not value.lstrip("-").isdigit():
            return number
        if _MIN_INTEGER <= (integer := int(value)) <= _MAX_INTEGER:
            return integer
    raise vol.Invalid(type(value).__name__)


class FieldType(StrEnum):
    """What a field holds."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    LIST = "list"
    OBJECT = "object"


class _Kind(NamedTuple):
    """What belongs to a field type.

    Attributes:
        expected: Its name in errors.
        read: Returns a value as this type, or raises `vol.Invalid`.

    """

    expected: str
    read: Callable[[object], Any]


_KINDS: Final[Mapping[FieldType, _Kind]] = {
    FieldType.TEXT: _Kind("text", _text),
    FieldType.NUMBER: _Kind("a number", _number),
    FieldType.BOOLEAN: _Kind("true or false", _boolean),
    FieldType.LIST: _Kind("a list", vol.Schema(list)),
    FieldType.OBJECT: _Kind("an object", vol.Schema(dict)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of content.

    Attributes:
        name: Its key.
        type: What it holds. Booleans and numbers may come as text, and text as anything but null.
        required: Whether it has to be there. Required text may not be empty.
        description: What it means, for people.
        default: Its value when it is not there; None for no value.

    """

    name: str
    type: FieldType
    required: bool = False
    description: str = ""
    default: Any = None

    @property
    def expected(self) -> str:
        """Return what the field should hold, for people."""
        return "text that is not empty" if self.read is _required_text else _KINDS[self.type].expected

    @property
    def read(self) -> Callable[[object], Any]:
        """Return the function that returns a value as the field's type, or raises `vol.Invalid`."""
        return _required_text if self.required and self.type is FieldType.TEXT else _KINDS[self.type].read

    def fits(self, value: object) -> bool:
        """Return whether the field may hold a value."""
        try:
            self.read(value)
        except vol.Invalid:
            return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong with content.

    Attributes:
        field: The field's name.
        expected: What it should hold, or for an unknown field the names that may have been meant.
        received: What came, or None when nothing did.
        description: What the field means.

    """

    field: str
    expected: str
    received: str | None
    description: str = ""

    @override
    def __str__(self) -> str:
        """Return the fault as part of a sentence."""
        is_wrong = "is missing" if self.received is None else f"is {self.received}"
        return described(f"{self.field} {is_wrong}, it must be {self.expected}", self.description)


class UnknownField(Fault):
    """A field that the schema does not have."""

    @override
    def __str__(self) -> str:
        """Return the fault as part of a sentence."""
        return f"{self.field} is unknown" + (f", perhaps {self.expected} is meant" if self.expected else "")


class SchemaError(MessageError):
    """Content does not fit the schema of its address.

    Attributes:
        faults: What is wrong with it.

    """

    def __init__(self, address: str, description: str, faults: tuple[Fault, ...]) -> None:
        """Initialize the error with what messages to the address are for."""
        shown = [str(fault) for fault in faults[:MAX_SHOWN]]
        if more := len(faults) - len(shown):
            shown.append(f"and {more} more")
        super().__init__(
            translation_key="content_refused", address=described(address, description), faults="; ".join(shown)
        )
        self.faults = faults[:MAX_FAULTS]


class Schema:
    """The fields that content may have; without any, all content fits.

    Attributes:
        fields: The fields by name.
        description: What messages with such content are for, for people.

    """

    __slots__ = ("_validator", "description", "fields")

    def __init__(self, fields: Iterable[Field] = (), description: str = "") -> None:
        """Initialize the schema; of two fields with the same name the first counts."""
        self.fields: dict[str, Field] = {}
        for field in fields:
            self.fields.setdefault(field.name, field)
        self.description = description
        # Made when it is needed, as it takes much more memory than all else of an address.
        self._validator: vol.Schema | None = None

    def read(self, address: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return content with its values read as the types of their fields, and with defaults filled in.

        Raises:
            SchemaError: The content does not fit.

        """
        if not self.fields:
            return content
        content = as_meant(content, self.fields)
        if None in content.values():
            content = {name: value for name, value in content.items() if value is not None or self._refuses_null(name)}
        if self._validator is None:
            self._validator = vol.Schema({_key(field): field.read for field in self.fields.values()})
        try:
            read: dict[str, Any] = self._validator(content)
        except vol.MultipleInvalid as err:
            wrong = {error.path[0] for error in err.errors}
            raise SchemaError(address, self.description, self._faults(content, wrong)) from err
        return read

    def read_part(self, address: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a part of content with its values read as the types of their fields; null is what stands for nothing.

        Raises:
            SchemaError: No content that fits has this part.

        """
        if not self.fields:
            return content
        content = as_meant(content, self.fields)
        read: dict[str, Any] = {}
        wrong: set[str] = set()
        for name in self.fields.keys() & content.keys():
            field, value = self.fields[name], content[name]
            if value is None and not field.required:
                value = field.default
            if value is None and not field.required:
                read[name] = None
            elif field.fits(value):
                read[name] = field.read(value)
            else:
                wrong.add(name)
        if faults := self._faults(content, wrong):
            raise SchemaError(address, self.description, faults)
        return read

    def _refuses_null(self, name: str) -> bool:
        """Return whether null is an error in a field; in an optional field it counts as nothing."""
        return name not in self.fields or self.fields[name].required

    def _faults(self, content: Mapping[str, Any], wrong: set[str]) -> tuple[Fault, ...]:
        unknown = [name for name in content if name not in self.fields]
        # Looking for similar names takes its time, which a flood of unknown ones must not cost.
        similar = {name: nearest(name, self.fields) for name in unknown[:MAX_SHOWN]}
        return (
            *(
                UnknownField(field=name, expected=similar.get(name, ""), received=_shown(content[name]))
                for name in unknown
            ),
            *(
                Fault(
                    field=name,
                    expected=field.expected,
                    received=_shown(content[name]) if name in content else None,
                    description=field.description,
                )
                for name, field in self.fields.items()
                if name in wrong
            ),
        )


NO_SCHEMA: Final = Schema()


def described(text: str, description: str) -> str:
    """Return a text with the description that somebody gave what it is about, on one line and cut short."""
    short = description and shorten(description, MAX_DESCRIPTION, placeholder=" …").rstrip(".")
    return f"{text} ({short})" if short else text


def _key(field: Field) -> vol.Marker:
    if field.default is not None:
        return vol.Optional(field.name, default=field.default)
    return vol.Required(field.name) if field.required else vol.Optional(field.name)


def _shown(value: object) -> str:
    return "null" if value is None else repr(value)[:80]
