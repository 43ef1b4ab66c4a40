"""The JSON Schema of content: what it says of content is what happens to it.

What fits it is accepted, unchanged but for defaults. What is accepted fits it after reading. What is refused does not
fit. The documentation says where JSON Schema cannot say so much.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from fractions import Fraction
import re
from typing import Any

from homeassistant.util import dt as dt_util
from hypothesis import given, strategies as st
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend
import pytest
import voluptuous as vol

from custom_components.datastream_bot.messaging import Field, FieldType
from custom_components.datastream_bot.messaging.field_types import LimitsError
from custom_components.datastream_bot.messaging.schema import NO_SCHEMA, Schema, SchemaError

from .test_field_types import FIELDS, LIMITS, VALUES

ODD_STEPS = Field(name="x", type=FieldType.NUMBER, limits="1 to 10 step 2")
PARTLY = {FieldType.AREA, FieldType.DATETIME, FieldType.DURATION}
EXACTLY = [field for field in FIELDS if field.type not in PARTLY]
AREAS = ("kitchen", "living_room")


def multiple_of(_: object, divisor: float, number: Any, __: object) -> Iterator[ValidationError]:
    """Check `multipleOf` as the specification has it: exactly, where Python's validator computes in binary."""
    is_number = isinstance(number, int | float) and not isinstance(number, bool)
    if is_number and Fraction(str(number)) % Fraction(str(divisor)):
        yield ValidationError(f"{number} is not a multiple of {divisor}")


def pattern(_: object, regex: str, text: Any, __: object) -> Iterator[ValidationError]:
    """Check `pattern` as the specification has it: `$` is the end, where Python's may be before a line feed."""
    if isinstance(text, str) and not re.search(re.sub(r"\$$", r"\\Z", regex), text):
        yield ValidationError(f"{text!r} does not match {regex}")


Exact = extend(Draft202012Validator, {"multipleOf": multiple_of, "pattern": pattern})  # type: ignore[no-untyped-call]


def fits_of(schema: Schema) -> Callable[[object], bool]:
    """Return the function that returns whether content fits the JSON Schema of a schema."""
    is_valid: Callable[[object], bool] = Exact(schema.as_json_schema()).is_valid
    return is_valid


def find_area(text: str) -> str:
    """Return the id of an area of a home with two of them."""
    if (area := text.lower().replace(" ", "_")) in AREAS:
        return area
    raise vol.Invalid("")


def local(moment: datetime) -> str:
    """Return a date and time as the home tells it."""
    return dt_util.as_local(moment.replace(tzinfo=dt_util.UTC)).isoformat()


PLAIN: dict[FieldType, st.SearchStrategy[Any]] = {
    FieldType.NUMBER: st.integers(-200, 200).flatmap(lambda number: st.sampled_from([number, number / 10, number / 7])),
    FieldType.CHOICE: st.sampled_from(["Eco", "comfort", "off", "1", "two", "on", "false"]),
    FieldType.ENTITY: st.from_regex(r"(light|switch|\u0664)\.[a-z0-9_\u0664]{1,6}\n?", fullmatch=True),
    FieldType.TEXT: st.text(" \t\n\x1c\x85\xa0\u2003\ufeffa", max_size=3),
    FieldType.AREA: st.sampled_from(AREAS),
    FieldType.DATETIME: st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)).map(local),  # noqa: DTZ001 - in UTC
    FieldType.DURATION: st.integers(0, 36_500 * 86_400 * 10**6).map(lambda microseconds: microseconds / 10**6),
}
"""Values in plain form, or almost."""


def values_of(field: Field) -> st.SearchStrategy[Any]:
    """Return values that a field holds, may be read as holding, or does not hold."""
    return VALUES | PLAIN.get(field.type, st.nothing())


@pytest.mark.parametrize("field", EXACTLY, ids=lambda field: f"{field.type} {field.limits}")
@given(data=st.data())
def test_a_field_holds_what_its_json_schema_says(field: Field, data: st.DataObject) -> None:
    """Whatever comes."""
    schema, content = Schema((field,)), {"x": data.draw(values_of(field))}
    fits = fits_of(schema)
    try:
        read = schema.read("news", content)
    except SchemaError:
        assert not fits(content)
        return
    assert fits(read)
    assert read == content or not fits(content)


@pytest.mark.parametrize("type_", sorted(PARTLY))
@given(data=st.data())
def test_what_json_schema_cannot_say_is_about_values_in_other_forms(type_: FieldType, data: st.DataObject) -> None:
    """An area that is there, by its id; a time as the home tells it; a duration in microseconds."""
    field = Field(name="x", type=type_)
    schema = Schema((field,), find_area=find_area)
    fits, content = fits_of(schema), {"x": data.draw(PLAIN[type_])}

    assert fits(content)
    assert schema.read("news", content) == content
    try:
        read = schema.read("news", {"x": data.draw(VALUES)})
    except SchemaError:
        return
    assert fits(read)


@given(number=st.integers(-5, 15) | VALUES)
def test_steps_that_do_not_begin_at_zero_are_not_said(number: object) -> None:
    """The numbers between them fit, and are refused all the same."""
    schema = Schema((ODD_STEPS,))
    fits = fits_of(schema)
    assert "multipleOf" not in schema.as_json_schema()["properties"]["x"]
    try:
        read = schema.read("news", {"x": number})
    except SchemaError:
        assert not fits({"x": number}) or (float(str(number)) - 1) % 2
        return
    assert fits(read)
    assert read == {"x": number} or not fits({"x": number})


SMALL = st.sampled_from(["on", "x", "", "1", 0, 1, 2.5, True, False, [], {}])
ANY_FIELDS = st.builds(
    Field,
    name=st.sampled_from(["a", "b", "on"]),
    type=st.sampled_from([FieldType.TEXT, FieldType.NUMBER, FieldType.BOOLEAN, FieldType.LIST, FieldType.OBJECT]),
    required=st.booleans(),
    default=st.none() | SMALL,
    description=st.sampled_from(["", "What it means"]),
)


@given(
    fields=st.lists(ANY_FIELDS, max_size=3),
    content=st.dictionaries(st.sampled_from(["a", "b", "on", "true", "z"]), st.none() | SMALL, max_size=3),
)
def test_content_is_what_its_json_schema_says(fields: list[Field], content: dict[str, Any]) -> None:
    """What is missing, unknown or null as well; where a default is missing, it is filled in."""
    schema = Schema(fields)
    fits = fits_of(schema)
    described = schema.as_json_schema().get("properties", {})
    defaults = {name: field["default"] for name, field in described.items() if "default" in field}
    try:
        read = schema.read("news", content)
    except SchemaError:
        assert not fits(content)
        return
    assert fits(read)
    assert read == defaults | content or not fits(content)


@given(type_=st.sampled_from(FieldType), limits=LIMITS, required=st.booleans())
def test_whatever_the_limits_its_json_schema_is_valid_and_its_example_fits(
    type_: FieldType, limits: str, *, required: bool
) -> None:
    """And is accepted, as the form shows it and as the JSON Schema does."""
    try:
        field = Field(name="x", type=type_, limits=limits, required=required)
    except LimitsError:
        return
    schema = Schema((field,))
    described = schema.as_json_schema()
    Draft202012Validator.check_schema(described)
    example = {"x": described["properties"]["x"]["examples"][0]}
    assert fits_of(schema)(example)
    assert schema.read("news", {"x": field.example}) == schema.read("news", example) == example


@pytest.mark.parametrize(
    ("limits", "example"),
    [
        ("", 1),
        ("5 to", 5),
        ("to 5", 5),
        ("to 7 step 5", 5),
        ("to -3 step 2", -4),
        ("step 5", 0),
        ("to 0.35 step 0.1", 0.3),
    ],
)
def test_an_example_is_a_number_that_is_accepted(limits: str, example: float) -> None:
    """On a step, where there are steps."""
    field = Field(name="x", type=FieldType.NUMBER, limits=limits)
    assert field.example == example
    assert field.read(example) == example


@pytest.mark.parametrize(
    ("limits", "given_", "read"),
    [
        ("step 0.1", 0.1 + 0.2, 0.3),
        ("0 to 1 step 0.1", 0.1 + 0.7, 0.8),
        ("0 to 1 step 0.1", 1 + 1e-12, 1.0),
        ("1 to step 3", 4.0000001, 4.0),
    ],
)
def test_a_number_that_was_computed_is_read_as_the_step_that_is_meant(limits: str, given_: float, read: float) -> None:
    """To computers, 0.1 and 0.2 are not quite 0.3."""
    assert Field(name="x", type=FieldType.NUMBER, limits=limits).read(given_) == read


@pytest.mark.parametrize(("limits", "number"), [("step 5", 5_000_000_000_001), ("step 0.7", 1e22), ("step 5", 5.001)])
def test_a_number_between_the_steps_is_refused_however_large(limits: str, number: float) -> None:
    """Nothing is rounded that somebody may have meant."""
    with pytest.raises(vol.Invalid):
        Field(name="x", type=FieldType.NUMBER, limits=limits).read(number)


def test_a_json_schema_says_it_all() -> None:
    """What each field means, holds, and is by default."""
    fields = (
        Field(name="level", type=FieldType.NUMBER, limits="0 to 100 step 5 %", required=True, description="How bright"),
        Field(name="mode", type=FieldType.CHOICE, limits="eco, comfort", default="ECO"),
        Field(name="lamp", type=FieldType.ENTITY, limits="light, switch"),
        Field(name="for", type=FieldType.DURATION, default="0:05:00"),
    )
    assert Schema(fields, "Light the room").as_json_schema() == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "description": "Light the room",
        "properties": {
            "level": {
                "type": "number",
                "minimum": 0,
                "maximum": 100,
                "multipleOf": 5,
                "x-unit": "%",
                "examples": [0],
                "description": "How bright",
            },
            "mode": {"type": "string", "enum": ["eco", "comfort"], "examples": ["eco"], "default": "eco"},
            "lamp": {
                "type": "string",
                "pattern": r"^(light|switch)\.[a-z0-9]+(_[a-z0-9]+)*$",
                "examples": ["light.kitchen"],
            },
            "for": {
                "type": "number",
                "minimum": 0,
                "maximum": 3_153_600_000,
                "x-unit": "s",
                "examples": [300],
                "default": 300,
            },
        },
        "required": ["level"],
        "additionalProperties": False,
    }
    assert NO_SCHEMA.as_json_schema() == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
    }


def test_a_default_that_is_gone_makes_its_field_required() -> None:
    """Without the field, content is refused until somebody mends the default."""
    schema = Schema((Field(name="room", type=FieldType.AREA, default="Attic"),), find_area=find_area)
    described = schema.as_json_schema()
    assert described["required"] == ["room"]
    assert "default" not in described["properties"]["room"]
    with pytest.raises(SchemaError):
        schema.read("news", {})
