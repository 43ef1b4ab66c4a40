"""Schemas: what content may be, and everything that is wrong with what it is."""

from typing import Any

import pytest

from custom_components.datastream_bot.messaging import Field, FieldType
from custom_components.datastream_bot.messaging.schema import Fault, Schema, SchemaError

EVERYTHING = Schema(
    (
        Field(name="text", type=FieldType.TEXT),
        Field(name="number", type=FieldType.NUMBER),
        Field(name="boolean", type=FieldType.BOOLEAN),
        Field(name="list", type=FieldType.LIST),
        Field(name="object", type=FieldType.OBJECT),
    )
)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({}, {}),
        ({"text": ""}, {"text": ""}),
        ({"text": 21.5}, {"text": "21.5"}),
        ({"text": True}, {"text": "True"}),
        ({"text": [1, "a"]}, {"text": "[1, 'a']"}),
        ({"text": {"a": None}}, {"text": "{'a': None}"}),
        ({"number": 1.5}, {"number": 1.5}),
        ({"number": "-7"}, {"number": -7}),
        ({"number": "1.5e3"}, {"number": 1500.0}),
        ({"boolean": "Off"}, {"boolean": False}),
        ({"list": [], "object": {}}, {"list": [], "object": {}}),
        ({"text": None, "number": None}, {}),
    ],
)
def test_values_are_read_as_the_type_of_their_field(given: dict[str, Any], read: dict[str, Any]) -> None:
    """Booleans and numbers may come as text, and text as all else; null in an optional field is as good as nothing."""
    assert EVERYTHING.read("news", given) == read


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("number", True),
        ("number", "seven"),
        ("number", "1_000"),
        ("number", "٧"),  # noqa: RUF001 - an Arabic seven
        ("number", "1e999"),
        ("number", "9" * 30),
        ("number", "nan"),
        ("boolean", 2),
        ("boolean", "ja"),
        ("list", {"a": 1}),
        ("list", "a,b"),
        ("object", [1]),
        ("object", "{}"),
    ],
)
def test_what_is_not_of_the_type_is_a_fault(field: str, value: object) -> None:
    """It names the field and shows the value."""
    with pytest.raises(SchemaError) as refused:
        EVERYTHING.read("news", {field: value})
    assert [(fault.field, fault.received) for fault in refused.value.faults] == [(field, repr(value))]


def test_all_faults_are_told_at_once() -> None:
    """Unknown fields name the nearest known one, whatever its case."""
    schema = Schema(
        (
            Field(name="room", type=FieldType.TEXT, required=True),
            Field(name="level", type=FieldType.NUMBER, required=True),
            Field(name="colour", type=FieldType.TEXT),
        )
    )
    with pytest.raises(SchemaError) as refused:
        schema.read("paint", {"Room": "hall", "color": "red", "x": 1, "level": "high"})

    assert refused.value.translation_placeholders == {
        "address": "paint",
        "faults": "Room is unknown, perhaps room is meant; color is unknown, perhaps colour is meant; x is unknown; "
        "room is missing, it must be text that is not empty; level is 'high', it must be a number",
    }
    assert refused.value.faults[3:] == (
        Fault(field="room", expected="text that is not empty", received=None),
        Fault(field="level", expected="a number", received="'high'"),
    )


def test_defaults_stand_for_what_is_not_there() -> None:
    """Also when the field is required, and when null came in an optional one."""
    schema = Schema(
        (
            Field(name="room", type=FieldType.TEXT, required=True, default="hall"),
            Field(name="level", type=FieldType.NUMBER, default="0"),
            # What a form has as its default is text: it is read like everything else.
            Field(name="on", type=FieldType.BOOLEAN, default="off"),
        )
    )
    assert schema.read("paint", {"level": None}) == {"room": "hall", "level": 0, "on": False}


def test_a_flood_of_faults_is_told_in_few_words() -> None:
    """The error has them all for whoever can use them."""
    schema = Schema((Field(name="room", type=FieldType.TEXT),))
    with pytest.raises(SchemaError) as refused:
        schema.read("paint", {f"rooms{number}": 1 for number in range(1000)})

    assert len(refused.value.faults) == 100
    told = (refused.value.translation_placeholders or {})["faults"]
    assert told.startswith("rooms0 is unknown, perhaps room is meant; ")
    assert told.endswith("; and 980 more")


def test_without_fields_nothing_is_checked() -> None:
    """Whatever the content is."""
    content = {"anything": [None]}
    assert Schema(()).read("news", content) is content


def test_of_two_fields_with_the_same_name_the_first_counts() -> None:
    """So nobody can take from a built-in address what its own handling relies on."""
    schema = Schema((Field(name="on", type=FieldType.BOOLEAN), Field(name="on", type=FieldType.TEXT)))
    assert schema.fields["on"].type is FieldType.BOOLEAN
