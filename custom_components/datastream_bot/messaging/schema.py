"""The schema: which fields the content of messages to an address may have."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field as attribute
from textwrap import shorten
from typing import Any, Final, override

from homeassistant.util.json import JsonValueType
import voluptuous as vol

from ..errors import MessageError, nearest
from .bare_keys import as_meant
from .field_types import REQUIRED_TEXT, FieldType, kind_of

MAX_SHOWN: Final = 20
"""How many faults an error puts into words."""

MAX_FAULTS: Final = 100
"""How many faults it tells programs."""

JSON_SCHEMA: Final = "https://json-schema.org/draft/2020-12/schema"

MAX_DESCRIPTION: Final = 200
"""How many characters of a description errors and lists show."""


type FindArea = Callable[[str], str]
"""Returns the id of the area that has an id or a name, or raises `vol.Invalid`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of content.

    Attributes:
        name: Its key.
        type: What it holds.
        limits: What narrows the type: the choices of a choice, as in `red, green`; range, step and unit of a number,
            as in `0 to 100 step 5 %`; the domains of an entity, as in `light, switch`. Other types have none.
        required: Whether it has to be there. Required text may not be empty.
        description: What it means, for people.
        default: Its value when it is not there; None for no value.
        expected: What it should hold, for people.
        read: Returns a value as it holds it, or raises `vol.Invalid`.
        json_schema: The JSON Schema of what `read` returns.

    """

    name: str
    type: FieldType
    limits: str = ""
    required: bool = False
    description: str = ""
    default: Any = None
    expected: str = attribute(init=False, repr=False, compare=False)
    read: Callable[[object], Any] = attribute(init=False, repr=False, compare=False)
    json_schema: Mapping[str, Any] = attribute(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Read the limits.

        Raises:
            LimitsError: They are not written as the type has them.

        """
        kind = kind_of(self.type, self.limits)
        if self.required and self.type is FieldType.TEXT:
            kind = REQUIRED_TEXT
        object.__setattr__(self, "expected", kind.expected)
        object.__setattr__(self, "read", kind.read)
        object.__setattr__(self, "json_schema", kind.json_schema)

    def selector(self) -> dict[str, Any]:
        """Return how Home Assistant's forms ask for it."""
        return deepcopy(dict(kind_of(self.type, self.limits).selector))

    @property
    def example(self) -> Any:
        """Return a value for people."""
        return kind_of(self.type, self.limits).example


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
        told = [str(fault) for fault in faults[:MAX_SHOWN]]
        if more := len(faults) - len(told):
            told.append(f"and {more} more")
        super().__init__(
            translation_key="content_refused", address=described(address, description), faults="; ".join(told)
        )
        self.faults = faults[:MAX_FAULTS]

    def as_dicts(self) -> list[JsonValueType]:
        """Return the faults for programs."""
        return [{"field": fault.field, "expected": fault.expected, "received": fault.received} for fault in self.faults]


class Schema:
    """The fields that content may have; without any, all content fits.

    Attributes:
        fields: The fields by name.
        description: What messages with such content are for, for people.
        find_area: Finds areas; without it, any text is taken for one.

    """

    __slots__ = ("description", "fields", "find_area")

    def __init__(self, fields: Iterable[Field] = (), description: str = "", find_area: FindArea | None = None) -> None:
        """Initialize the schema; of two fields with the same name the first counts."""
        self.fields: dict[str, Field] = {}
        for field in fields:
            self.fields.setdefault(field.name, field)
        self.description = description
        self.find_area = find_area

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
        values = content if content.keys() >= self.fields.keys() else self._completed(content)
        # By hand, as a validator of voluptuous would take 5 KiB for three fields, at each address.
        try:
            return {name: self._value(self.fields[name], value) for name, value in values.items()}
        except KeyError, vol.Invalid:
            raise SchemaError(address, self.description, self._faults(content, self._wrong(values))) from None

    def _completed(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """Return content with the defaults of missing fields, and with null where a required one has no default."""
        absent = {name: field for name, field in self.fields.items() if name not in content}
        needed = {name: field.default for name, field in absent.items() if field.required or field.default is not None}
        return {**content, **needed}

    def _wrong(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Return the names of the fields that do not hold what they should, with what may have been meant."""
        wrong: dict[str, str] = {}
        for name in self.fields.keys() & values.keys():
            try:
                self._value(self.fields[name], values[name])
            except vol.Invalid as err:
                wrong[name] = err.msg
        return wrong

    def read_part(self, address: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a part of content with its values read as the types of their fields; null is what stands for nothing.

        Raises:
            SchemaError: No content that fits has this part.

        """
        if not self.fields:
            return content
        content = as_meant(content, self.fields)
        read: dict[str, Any] = {}
        wrong: dict[str, str] = {}
        for name in [each for each in content if each in self.fields]:
            field, value = self.fields[name], content[name]
            if value is None and not field.required:
                value = field.default
            if value is None and not field.required:
                read[name] = None
                continue
            try:
                read[name] = self._value(field, value)
            except vol.Invalid as err:
                wrong[name] = err.msg
        if faults := self._faults(content, wrong):
            raise SchemaError(address, self.description, faults)
        return read

    def as_json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of content as `read` returns it; what has a default may be left out."""
        described: dict[str, Any] = {"$schema": JSON_SCHEMA, "type": "object"}
        if self.description:
            described["description"] = self.description
        if self.fields:
            fields = {name: self._described(field) for name, field in self.fields.items()}
            described["properties"] = fields
            described["required"] = [name for name in fields if self._is_needed(name, fields[name])]
            described["additionalProperties"] = False
        return described

    def _described(self, field: Field) -> dict[str, Any]:
        """Return the JSON Schema of a field."""
        described = {**deepcopy(dict(field.json_schema)), "examples": [field.read(field.example)]}
        if field.description:
            described["description"] = field.description
        if field.default is not None:
            # An area that is the default may be gone.
            with suppress(vol.Invalid):
                described["default"] = self._value(field, field.default)
        return described

    def _is_needed(self, name: str, described: Mapping[str, Any]) -> bool:
        """Return whether content without a field is refused."""
        field = self.fields[name]
        return "default" not in described and (field.required or field.default is not None)

    def _refuses_null(self, name: str) -> bool:
        """Return whether null is an error in a field; in an optional field it counts as nothing."""
        return name not in self.fields or self.fields[name].required

    def _value(self, field: Field, value: object) -> Any:
        """Return a value as a field holds it in this home, or raise `vol.Invalid`."""
        read = field.read(value)
        return read if field.type is not FieldType.AREA or self.find_area is None else self.find_area(read)

    def _faults(self, content: Mapping[str, Any], wrong: Mapping[str, str]) -> tuple[Fault, ...]:
        unknown = [name for name in content if name not in self.fields]
        # Looking for similar names takes its time, which a flood of unknown ones must not cost.
        similar = {name: nearest(name, self.fields) for name in unknown[:MAX_SHOWN]}
        hints = {name: f", perhaps {meant} is meant" for name, meant in wrong.items() if meant and name in content}
        return (
            *(
                UnknownField(field=name, expected=similar.get(name, ""), received=shown(content[name]))
                for name in unknown
            ),
            *(
                Fault(
                    field=name,
                    expected=field.expected + hints.get(name, ""),
                    received=shown(content[name]) if name in content else None,
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


def shown(value: object) -> str:
    """Return a value for people, cut short."""
    return "null" if value is None else repr(value)[:80]
