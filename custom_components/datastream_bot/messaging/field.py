"""The field: one value of content, and how it is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
import math
import re
from typing import Any, Final

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
# What JSON carries here.
_MIN_INTEGER: Final = -(2**63)
_MAX_INTEGER: Final = 2**64 - 1
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


class FieldType(StrEnum):
    """What a field holds."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    LIST = "list"
    OBJECT = "object"


_EXPECTED: Final = {
    FieldType.TEXT: "text",
    FieldType.NUMBER: "a number",
    FieldType.BOOLEAN: "true or false",
    FieldType.LIST: "a list",
    FieldType.OBJECT: "an object",
}


_READ: Final[Mapping[FieldType, frozenset[type]]] = {
    FieldType.TEXT: frozenset({str}),
    FieldType.NUMBER: frozenset({int, float}),
    FieldType.BOOLEAN: frozenset({bool}),
    FieldType.LIST: frozenset({list}),
    FieldType.OBJECT: frozenset({dict}),
}


class NoFitError(Exception):
    """A value is not of the type of its field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of content.

    Attributes:
        name: Its key.
        type: What it holds. Booleans and numbers may come as text, and text as a number.
        required: It has to be there, and as text it may not be empty.
        description: What it means, for people.
        default: What stands for it when it is not there; None for nothing.

    """

    name: str
    type: FieldType
    required: bool = False
    description: str = ""
    default: Any = None

    @property
    def expected(self) -> str:
        """Return what the field should hold, for people."""
        return "text that is not empty" if self.required and self.type is FieldType.TEXT else _EXPECTED[self.type]

    def read(self, value: object) -> Any:
        """Return the value as the field's type."""
        match self.type:
            case FieldType.BOOLEAN:
                return _read_boolean(value)
            case FieldType.NUMBER:
                return _read_number(value)
            case FieldType.TEXT:
                value = _read_text(value)
                fits = bool(value.strip()) or not self.required
            case FieldType.LIST:
                fits = isinstance(value, list)
            case _:
                fits = isinstance(value, Mapping)
        if not fits:
            raise NoFitError
        return value

    def is_read(self, value: object) -> bool:
        """Return whether a value surely is what reading it would return, for values that need no second look."""
        return type(value) in _READ[self.type] and (type(value) is not str or bool(value.strip()) or not self.required)

    def fits(self, value: object) -> bool:
        """Return whether the field may hold a value."""
        try:
            self.read(value)
        except NoFitError:
            return False
        return True


def _read_boolean(value: object) -> bool:
    # Floats are left out on purpose, although 1.0 reads as a boolean would.
    if isinstance(value, bool | int | str) and (result := _BOOLEANS.get(str(value).lower())) is not None:
        return result
    raise NoFitError


def _read_text(value: object) -> str:
    # A template that renders what looks like a number renders a number.
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)
    raise NoFitError


def _read_number(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _NUMBER.fullmatch(value) and math.isfinite(number := float(value)):
        if not value.lstrip("-").isdigit():
            return number
        if _MIN_INTEGER <= (integer := int(value)) <= _MAX_INTEGER:
            return integer
    raise NoFitError
