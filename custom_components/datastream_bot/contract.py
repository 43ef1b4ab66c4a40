"""The contract: what the content of messages to an address has to be."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
import math
import re
from typing import Any, Final, override

from .errors import MessageError
from .nearest import nearest

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong with content.

    Attributes:
        field: The field's name.
        expected: What it should hold, or the names that may have been meant when nobody knows it.
        received: What came, or None when nothing did.

    """

    field: str
    expected: str
    received: str | None

    @override
    def __str__(self) -> str:
        """Return the fault as part of a sentence."""
        if self.received is None:
            return f"{self.field} is missing, it must be {self.expected}"
        return f"{self.field} is {self.received}, it must be {self.expected}"


class UnknownField(Fault):
    """A field that the contract does not know."""

    @override
    def __str__(self) -> str:
        """Return the fault as part of a sentence."""
        return f"{self.field} is unknown" + (f", perhaps {self.expected} is meant" if self.expected else "")


class ContractError(MessageError):
    """Content does not fit the contract of its address."""

    def __init__(self, address: str, faults: tuple[Fault, ...]) -> None:
        """Initialize the error with all that is wrong."""
        super().__init__(
            translation_key="content_refused", address=address, faults="; ".join(str(fault) for fault in faults)
        )
        self.faults = faults


class _NoFitError(Exception):
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
            raise _NoFitError
        return value

    def fits(self, value: object) -> bool:
        """Return whether the field may hold a value."""
        try:
            self.read(value)
        except _NoFitError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Contract:
    """The fields that the content of messages to an address may have; without any, content is not checked."""

    fields: Mapping[str, Field]

    @classmethod
    def of(cls, fields: Iterable[Field]) -> Contract:
        """Return the contract of these fields; of two with the same name the first counts."""
        by_name: dict[str, Field] = {}
        for field in fields:
            by_name.setdefault(field.name, field)
        return cls(by_name)

    def checked(self, address: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the content with its values read and its defaults filled in.

        Raises:
            ContractError: With every fault.

        """
        if not self.fields:
            return content
        faults = [self._unknown(name, value) for name, value in content.items() if name not in self.fields]
        result: dict[str, Any] = {}
        for name, field in self.fields.items():
            # Null in an optional field is as good as nothing.
            if name in content and (content[name] is not None or field.required):
                try:
                    result[name] = field.read(content[name])
                except _NoFitError:
                    faults.append(Fault(field=name, expected=field.expected, received=_shown(content[name])))
            elif field.default is not None:
                result[name] = field.default
            elif field.required:
                faults.append(Fault(field=name, expected=field.expected, received=None))
        if faults:
            raise ContractError(address, tuple(faults))
        return result

    def _unknown(self, name: str, value: object) -> Fault:
        return UnknownField(field=name, expected=nearest(name, self.fields), received=_shown(value))


def _shown(value: object) -> str:
    return "null" if value is None else repr(value)[:80]


def _read_boolean(value: object) -> bool:
    # Floats are left out on purpose, although 1.0 reads as a boolean would.
    if isinstance(value, bool | int | str) and (result := _BOOLEANS.get(str(value).lower())) is not None:
        return result
    raise _NoFitError


def _read_text(value: object) -> str:
    # A template that renders what looks like a number renders a number.
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)
    raise _NoFitError


def _read_number(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _NUMBER.fullmatch(value) and math.isfinite(number := float(value)):
        return int(value) if value.lstrip("-").isdigit() else number
    raise _NoFitError
