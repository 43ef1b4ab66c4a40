"""Field types: what a field of content may hold, how that is read, and which limits narrow it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
import math
import re
from textwrap import shorten
from typing import Any, Final, NamedTuple

from homeassistant.core import split_entity_id, valid_domain, valid_entity_id
from homeassistant.util import dt as dt_util
import voluptuous as vol

from ..errors import nearest

_MAX_SHOWN: Final = 200
"""How many characters of its choices an error shows, and among how many it looks for what may have been meant."""

_MAX_DURATION: Final = timedelta(days=36_500)
"""How long a duration may be. Far beyond it, fractions of a second would no longer be exact."""

_NOTHING_SIMILAR: Final = ""
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
_WORDS: Final = {True: ("true", "on", "yes"), False: ("false", "off", "no")}
# The integers that JSON carries here.
_MIN_INTEGER: Final = -(2**63)
_MAX_INTEGER: Final = 2**64 - 1
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_LIMIT: Final = r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?"
_NUMBER_LIMITS: Final = re.compile(
    rf"(?:(?:(?P<min>{_LIMIT}) ?to\b|to(?= {_LIMIT})) ?(?P<max>{_LIMIT})?)? ?"
    rf"(?:step (?P<step>{_LIMIT}))? ?(?P<unit>(?!.*\b(?:to|step)\b)[^0-9 -][^0-9]*)?"
)
_MIN_STEP: Final = 0.001
"""The smallest step that Home Assistant's forms have."""

_INACCURACY: Final = Fraction(1, 10**6)
"""By which part of a step a number may be off it."""

_DATETIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}.*")
_LOCAL_DATETIME: Final = (
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{6})?[+-][0-9]{2}:[0-9]{2}(:[0-9]{2})?$"
)
"""As dates and times are read; before there were time zones, offsets had seconds."""

_SLUG: Final = "[a-z0-9]+(_[a-z0-9]+)*"
_CLOCK: Final = re.compile(r"(?P<hours>[0-9]{1,7}):(?P<minutes>[0-9]{1,2})(?::(?P<seconds>[0-9]{1,2}(?:\.[0-9]+)?))?")
_DURATION_UNITS: Final = frozenset({"days", "hours", "minutes", "seconds", "milliseconds"})


class FieldType(StrEnum):
    """What a field holds.

    Receivers get each as JSON has it, read in the same way wherever the message came from:

    Attributes:
        TEXT: Text.
        NUMBER: An integer of 64 bits, or a float. Its unit, which the limits may name, is only shown.
        BOOLEAN: True or false.
        CHOICE: One of the texts that the limits name, as they write it.
        ENTITY: An entity id, in small letters; whether there is such an entity is not asked.
        AREA: Id of an area of this home.
        DATETIME: Text as in `2026-11-25T07:00:00+01:00`, in the time zone of this home.
        DURATION: Seconds; at most 100 years.
        LIST: A list, in which nothing is checked.
        OBJECT: An object, in which nothing is checked.

    """

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    ENTITY = "entity"
    AREA = "area"
    DATETIME = "datetime"
    DURATION = "duration"
    LIST = "list"
    OBJECT = "object"


class LimitsError(ValueError):
    """Limits are not written as a field type has them."""


class Kind(NamedTuple):
    """What a field type with its limits comes to.

    Attributes:
        expected: What a field holds, for people.
        read: Returns a value as this type, or raises `vol.Invalid` with what may have been meant, empty when nothing
            is similar. What it returned, it reads again unchanged.
        selector: How Home Assistant's forms ask for it.
        example: A value, for people.
        json_schema: The JSON Schema of what `read` returns.

    """

    expected: str
    read: Callable[[object], Any]
    selector: Mapping[str, Any]
    example: Any
    json_schema: Mapping[str, Any]


def _text(value: object) -> str:
    # From text that looks like something else, Home Assistant's templates make that.
    if value is None:
        raise vol.Invalid(_NOTHING_SIMILAR)
    return str(value)


def _required_text(value: object) -> str:
    if (text := _text(value)).strip():
        return text
    raise vol.Invalid(_NOTHING_SIMILAR)


def _number(value: object) -> float:
    number = value
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        number = float(value)
        if math.isfinite(number) and value.lstrip("-").isdigit():
            try:
                number = int(value)
            except ValueError:
                # Python reads no integer of more than 4,300 digits, of which most may be zeros in front.
                raise vol.Invalid(_NOTHING_SIMILAR) from None
    if isinstance(number, float) and math.isfinite(number):
        return number
    if isinstance(number, int) and not isinstance(number, bool) and _MIN_INTEGER <= number <= _MAX_INTEGER:
        return number
    raise vol.Invalid(_NOTHING_SIMILAR)


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    # Floats are left out on purpose, although 1.0 looks like 1.
    if isinstance(value, (int, str)) and (result := _BOOLEANS.get(str(value).lower())) is not None:
        return result
    raise vol.Invalid(_NOTHING_SIMILAR)


def _list(value: object) -> list[Any]:
    if isinstance(value, list):
        return value
    raise vol.Invalid(_NOTHING_SIMILAR)


def _object(value: object) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise vol.Invalid(_NOTHING_SIMILAR)


def _area(value: object) -> str:
    # Which areas there are, only a home knows: see `areas.py`.
    if isinstance(value, str) and (name := value.strip()):
        return name
    raise vol.Invalid(_NOTHING_SIMILAR)


def _datetime(value: object) -> str:
    """Return a date and time in the time zone of the home; without an offset, it is meant so."""
    try:
        if isinstance(value, str) and _DATETIME.fullmatch(value):
            # By way of UTC, in which an hour that the clocks skip becomes one that they show.
            return dt_util.as_local(dt_util.as_utc(datetime.fromisoformat(value))).isoformat()
    except ValueError, OverflowError:
        pass
    raise vol.Invalid(_NOTHING_SIMILAR)


def _duration(value: object) -> float:
    """Return a duration in seconds."""
    try:
        duration = timedelta(**_duration_parts(value))
    except vol.Invalid, ValueError, OverflowError:
        pass
    else:
        if timedelta() <= duration <= _MAX_DURATION:
            seconds = duration.total_seconds()
            return int(seconds) if seconds.is_integer() else seconds
    raise vol.Invalid(_NOTHING_SIMILAR)


def _duration_parts(value: object) -> dict[str, float]:
    if isinstance(value, Mapping) and value and _DURATION_UNITS.issuperset(value):
        return {unit: _number(number) for unit, number in value.items()}
    if isinstance(value, str) and (clock := _CLOCK.fullmatch(value)):
        return {unit: float(number) for unit, number in clock.groupdict("0").items()}
    return {"seconds": _number(value)}


def _number_kind(limits: str) -> Kind:
    """Return a number as in `0 to 100 step 5 %`, of which each part may be left out."""
    match = _NUMBER_LIMITS.fullmatch(limits)
    if match is None:
        raise LimitsError(limits)
    low, high, step = (None if match[name] is None else _number(match[name]) for name in ("min", "max", "step"))
    minimum, maximum = -math.inf if low is None else low, math.inf if high is None else high
    if minimum > maximum or (step is not None and step < _MIN_STEP):
        raise LimitsError(limits)

    def read(value: object) -> float:
        number = _number(value)
        if step is not None:
            number = _on_step(number, low or 0, step)
        if minimum <= number <= maximum:
            return number
        raise vol.Invalid(_NOTHING_SIMILAR)

    unit = match["unit"]
    config = {"min": low, "max": high, "step": step or "any", "unit_of_measurement": unit}
    # JSON Schema counts steps from zero.
    is_multiple = step is not None and _multiple_below(low or 0, step) == (low or 0)
    multiple = step if is_multiple else None
    json_schema = {"type": "number", "minimum": low, "maximum": high, "multipleOf": multiple, "x-unit": unit}
    example = next(each for each in (low, high, 1) if each is not None)
    if low is None and step is not None:
        example = _multiple_below(example, step)
    return Kind(
        _number_expected(match),
        read if limits else _number,
        {"number": _without_none(config)},
        example,
        _without_none(json_schema),
    )


def _number_expected(match: re.Match[str]) -> str:
    low, high, step, unit = match["min"], match["max"], match["step"], match["unit"]
    if low and high:
        words = [f"a number from {low} to {high}"]
    elif low or high:
        words = [f"a number of at least {low}" if low else f"a number of at most {high}"]
    else:
        words = ["a number in" if unit else "a number"]
    return " ".join([*words, *([unit] if unit else []), *([f"in steps of {step}"] if step else [])])


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _on_step(number: float, start: float, step: float) -> float:
    """Return the number on a step that is meant by one that was computed, in which 0.1 + 0.2 is not quite 0.3."""
    exact, begin, width = map(_decimal, (number, start, step))
    nearest = begin + round((exact - begin) / width) * width
    if exact == nearest:
        return number
    if abs(exact - nearest) <= width * _INACCURACY and _decimal(float(nearest)) == nearest:
        return float(nearest)
    raise vol.Invalid(_NOTHING_SIMILAR)


def _multiple_below(number: float, step: float) -> float:
    """Return the largest multiple of a step that is not above a number."""
    multiple = _decimal(number) // _decimal(step) * _decimal(step)
    return int(multiple) if multiple.is_integer() else float(multiple)


def _decimal(number: float) -> Fraction:
    """Return exactly the number that JSON writes."""
    return Fraction(str(number))


def _choice_kind(limits: str) -> Kind:
    """Return one of several texts, as in `red, green, blue`, in any case."""
    choices = _listed(limits)
    meant: dict[object, str] = {choice.casefold(): choice for choice in choices}
    if len(meant) < len(choices) or not choices:
        raise LimitsError(limits)
    # YAML takes a bare `on` for true, as it does in keys.
    for truth in (True, False):
        possible = [meant[word] for word in _WORDS[truth] if word in meant]
        if len(possible) == 1 or _WORDS[truth][0] in meant:
            meant[truth] = possible[0]

    def read(value: object) -> str:
        if not isinstance(value, str | int | float):
            raise vol.Invalid(_NOTHING_SIMILAR)
        choice = meant.get(value if isinstance(value, bool) else str(value).strip().casefold())
        if choice is None:
            raise vol.Invalid(nearest(str(value), choices[:_MAX_SHOWN]))
        return choice

    listed = _either(choices)
    expected = listed if len(listed) <= _MAX_SHOWN else f"one of {shorten(listed, _MAX_SHOWN, placeholder=' …')}"
    return Kind(expected, read, {"select": {"options": choices}}, choices[0], {"type": "string", "enum": choices})


def _entity_kind(limits: str) -> Kind:
    """Return an entity id, perhaps of some domains, as in `light, switch`.

    Whether there is such an entity is not asked: while Home Assistant starts, some are not there yet.
    """
    domains = _listed(limits.lower())
    if not all(valid_domain(domain) and domain.isascii() for domain in domains):
        raise LimitsError(limits)

    def read(value: object) -> str:
        # Home Assistant's pattern has digits of all scripts, its entities do not.
        if isinstance(value, str) and valid_entity_id(entity_id := value.strip().lower()) and entity_id.isascii():
            domain, _ = split_entity_id(entity_id)
            if not domains or domain in domains:
                return entity_id
        raise vol.Invalid(_NOTHING_SIMILAR)

    json_schema = {"type": "string", "pattern": rf"^({'|'.join(domains) or _SLUG})\.{_SLUG}$"}
    if not domains:
        return Kind("an entity, such as light.kitchen", read, {"entity": {}}, "light.kitchen", json_schema)
    example = f"{domains[0]}.kitchen"
    expected = f"an entity of {_either(domains)}, such as {example}"
    return Kind(expected, read, {"entity": {"filter": [{"domain": domains}]}}, example, json_schema)


def _either(words: Sequence[str]) -> str:
    return " or ".join([*([", ".join(words[:-1])] if words[1:] else []), words[-1]])


def _listed(limits: str) -> list[str]:
    return [each for part in limits.split(",") if (each := part.strip())]


REQUIRED_TEXT: Final = Kind(
    "text that is not empty",
    _required_text,
    {"text": {}},
    "Hello",
    # JavaScript, whose patterns JSON Schema has, counts other characters as spaces than Python.
    {"type": "string", "pattern": r"[^\s\x1c-\x1f\x85]|\ufeff"},
)
"""What text in a required field comes to."""

_MORNING: Final = "2026-11-25 07:00"
_PLAIN: Final[Mapping[FieldType, Kind]] = {
    FieldType.TEXT: Kind("text", _text, {"text": {}}, "Hello", {"type": "string"}),
    FieldType.BOOLEAN: Kind("true or false", _boolean, {"boolean": {}}, example=True, json_schema={"type": "boolean"}),
    FieldType.AREA: Kind(
        "the name or the id of an area", _area, {"area": {}}, "kitchen", {"type": "string", "minLength": 1}
    ),
    FieldType.DATETIME: Kind(
        f"a date and time, such as {_MORNING}",
        _datetime,
        {"datetime": {}},
        _MORNING,
        {"type": "string", "format": "date-time", "pattern": _LOCAL_DATETIME},
    ),
    FieldType.DURATION: Kind(
        "a duration, such as 0:05:00, or a number of seconds",
        _duration,
        {"duration": {}},
        "0:05:00",
        {"type": "number", "minimum": 0, "maximum": int(_MAX_DURATION.total_seconds()), "x-unit": "s"},
    ),
    FieldType.LIST: Kind("a list", _list, {"text": {"multiple": True}}, ["milk", "bread"], {"type": "array"}),
    FieldType.OBJECT: Kind("an object", _object, {"object": {}}, {"area_id": "kitchen"}, {"type": "object"}),
}
_LIMITED: Final[Mapping[FieldType, Callable[[str], Kind]]] = {
    FieldType.NUMBER: _number_kind,
    FieldType.CHOICE: _choice_kind,
    FieldType.ENTITY: _entity_kind,
}


@lru_cache(maxsize=1000)
def kind_of(type_: FieldType, limits: str) -> Kind:
    """Return what a field type with its limits comes to.

    Raises:
        LimitsError: The limits are not written as the type has them.

    """
    limits = " ".join(limits.split())
    if type_ in _LIMITED:
        return _LIMITED[type_](limits)
    if limits:
        raise LimitsError(limits)
    return _PLAIN[type_]
