"""Field types and their limits: what a field takes, as what it is read, and how a form asks for it."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import validate_selector
from hypothesis import given, strategies as st
import pytest

from custom_components.datastream_bot.messaging import Field, FieldType
from custom_components.datastream_bot.messaging.content import checked_content
from custom_components.datastream_bot.messaging.field_types import LimitsError
from custom_components.datastream_bot.messaging.schema import Schema, SchemaError

PERCENT = Field(name="x", type=FieldType.NUMBER, limits="0 to 100 step 5 %")
TENTHS = Field(name="x", type=FieldType.NUMBER, limits="-1.5 to step 0.1")
AT_MOST = Field(name="x", type=FieldType.NUMBER, limits="to -3 °C")
IN_WATTS = Field(name="x", type=FieldType.NUMBER, limits="W")
MODE = Field(name="x", type=FieldType.CHOICE, limits="Eco, comfort , off,")
ANSWER = Field(name="x", type=FieldType.CHOICE, limits="1, two")
SWITCHED = Field(name="x", type=FieldType.CHOICE, limits="on, yes, off, false")
ENTITY = Field(name="x", type=FieldType.ENTITY)
LAMP = Field(name="x", type=FieldType.ENTITY, limits="light, Switch")
AREA = Field(name="x", type=FieldType.AREA)
DATETIME = Field(name="x", type=FieldType.DATETIME)
DURATION = Field(name="x", type=FieldType.DURATION)
FIELDS = (
    *(PERCENT, TENTHS, AT_MOST, IN_WATTS, MODE, ANSWER, SWITCHED, ENTITY, LAMP, AREA, DATETIME, DURATION),
    *(Field(name="x", type=type_) for type_ in FieldType if type_ is not FieldType.CHOICE),
    Field(name="x", type=FieldType.TEXT, required=True),
)

NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
SIMILAR = st.from_regex(
    r"[0-9]{1,4}-[01][0-9]-[0-3][0-9][T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?(\.[0-9]{1,7})?(Z|[+-][0-9]{2}:[0-9]{2})?"
    r"|-?[0-9]{1,8}:[0-9]{1,3}(:[0-9]{1,2})?(\.[0-9]{1,8})?|(light|Switch|\u212a)\.[a-z_]{1,5} ?|-?[0-9.e+]{1,6}"
    r"| ?(eco|Comfort|TWO|on|FALSE)",
    fullmatch=True,
)
UNITS = ("days", "hours", "minutes", "seconds", "milliseconds")
DURATIONS = st.dictionaries(st.sampled_from(UNITS) | st.text(max_size=3), NUMBERS | SIMILAR, max_size=3)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.datetimes().map(str) | SIMILAR | st.text() | DURATIONS,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=3), children, max_size=3),
    max_leaves=5,
)
PIECES = st.sampled_from(
    ["0", "100", "-5.5", "to", "step", "%", "°C", ",", "light", "red", "Red", "9" * 400, "\n", "é"]
)
LIMITS = st.lists(PIECES, max_size=7).map(" ".join) | st.text()


@pytest.mark.parametrize(
    ("field", "given", "read"),
    [
        (PERCENT, 0, 0),
        (PERCENT, "95", 95),
        (PERCENT, 5.0, 5.0),
        (TENTHS, 0.3, 0.3),
        (TENTHS, -1.5, -1.5),
        (TENTHS, 10**9, 10**9),
        (AT_MOST, -3, -3),
        (AT_MOST, "-4.25", -4.25),
        (IN_WATTS, "1e3", 1000.0),
        (MODE, "comfort", "comfort"),
        (MODE, " ECO ", "Eco"),
        (MODE, False, "off"),
        (ANSWER, 1, "1"),
        (SWITCHED, "Yes", "yes"),
        (SWITCHED, False, "false"),
        (ENTITY, "Light.Kitchen", "light.kitchen"),
        (LAMP, " switch.radio", "switch.radio"),
        (AREA, " Living room ", "Living room"),
        (DATETIME, "2026-11-25T06:00:00Z", "2026-11-25T07:00:00+01:00"),
        (DATETIME, "2026-11-25 07:00:00", "2026-11-25T07:00:00+01:00"),
        (DATETIME, "2026-07-25 07:00", "2026-07-25T07:00:00+02:00"),
        (DATETIME, "2026-11-25 07:00:00.5+02:00", "2026-11-25T06:00:00.500000+01:00"),
        # The clocks skip this hour, and show the next one twice.
        (DATETIME, "2026-03-29 02:30", "2026-03-29T03:30:00+02:00"),
        (DATETIME, "2026-10-25 02:30", "2026-10-25T02:30:00+02:00"),
        (DURATION, 90, 90),
        (DURATION, "90", 90),
        (DURATION, 0.5, 0.5),
        (DURATION, "1:30", 5400),
        (DURATION, "00:01:30", 90),
        (DURATION, "00:00:01.25", 1.25),
        (DURATION, {"hours": 0, "minutes": 1, "seconds": "30"}, 90),
        (DURATION, {"days": 1, "milliseconds": 500}, 86400.5),
    ],
)
async def test_a_value_is_read_as_its_field_holds_it(
    hass: HomeAssistant, field: Field, given: object, read: object
) -> None:
    """In one form, however it was written; times of the clock are those of the home."""
    await hass.config.async_set_time_zone("Europe/Berlin")
    result = Schema((field,)).read("news", {"x": given})["x"]
    assert (result, type(result)) == (read, type(read))


@pytest.mark.parametrize(
    ("field", "values", "expected"),
    [
        (PERCENT, (-5, 105, 3, 2.5, "x", True), "a number from 0 to 100 % in steps of 5"),
        (TENTHS, (-1.6, 0.35, float("nan"), float("inf"), 10**400), "a number of at least -1.5 in steps of 0.1"),
        (AT_MOST, (-2.9, 0, float("nan")), "a number of at most -3 °C"),
        (IN_WATTS, ("a lot", "0" * 5000), "a number in W"),
        (MODE, ("warm", True, None, ["off"], 5), "Eco, comfort or off"),
        (MODE, ("confort",), "Eco, comfort or off, perhaps comfort is meant"),
        (Field(name="x", type=FieldType.CHOICE, limits="home"), ("away",), "home"),
        (SWITCHED, (True,), "on, yes, off or false"),
        (ENTITY, ("kitchen", "light.", 5, ["light.kitchen"]), "an entity, such as light.kitchen"),
        (LAMP, ("sensor.door",), "an entity of light or switch, such as light.kitchen"),
        (AREA, ("", " ", 5, ["kitchen"]), "the name or the id of an area"),
        (
            DATETIME,
            (1, "7:00", "2026-11-25", "20261125T070000", "2026-13-01 07:00", "2026-11-25 07:00 o'clock", "tomorrow"),
            "a date and time, such as 2026-11-25 07:00",
        ),
        # Home Assistant has no time for it.
        (DATETIME, ("0001-01-01T00:00:00+14:00",), "a date and time, such as 2026-11-25 07:00"),
        (
            DURATION,
            (*(-1, "-0:05", "5 minutes", True, {}, {"weeks": 1}, {"hours": None}, [5], 10**400), 1e300, float("nan")),
            "a duration, such as 0:05:00, or a number of seconds",
        ),
    ],
)
async def test_what_a_field_does_not_hold_is_a_fault_that_says_what_it_holds(
    hass: HomeAssistant, field: Field, values: tuple[object, ...], expected: str
) -> None:
    """And what may have been meant."""
    required = Field(name="x", type=field.type, limits=field.limits, required=True)
    for value in values:
        with pytest.raises(SchemaError) as refused:
            Schema((required,)).read("news", {"x": value})
        assert [fault.expected for fault in refused.value.faults] == [expected]
        with pytest.raises(SchemaError) as refused:
            Schema((required,)).read_part("news", {"x": value})
        assert [fault.expected for fault in refused.value.faults] == [expected]


def test_an_error_does_not_list_what_nobody_reads() -> None:
    """A hundred choices are cut short, and the one that is meant is still told."""
    field = Field(name="x", type=FieldType.CHOICE, limits=", ".join(f"scene {number:03}" for number in range(100)))
    with pytest.raises(SchemaError) as refused:
        Schema((field,)).read("news", {"x": "scene 0500"})
    (fault,) = refused.value.faults
    assert fault.expected.startswith("one of scene 000, scene 001, ")
    assert " …, perhaps scene 050" in fault.expected
    assert len(fault.expected) < 300


@pytest.mark.parametrize(
    ("type_", "limits"),
    [
        *((type_, "5 %") for type_ in FieldType if type_ not in {FieldType.NUMBER, FieldType.CHOICE}),
        *(("number", limits) for limits in ("5", "100 to 0", "to", "step", "0 to 9 step 0", "0 to 9 step -1", "0-100")),
        *(("number", limits) for limits in ("0 to 100 % step 5", "min 0 max 100", "0 to 9 step five", "to % to")),
        *(("choice", limits) for limits in ("", " , ", "red, green, Red")),
        *(("entity", limits) for limits in ("light.kitchen", "light switch", "lights!")),
    ],
)
def test_limits_that_are_not_those_of_the_type_are_refused(type_: str, limits: str) -> None:
    """They would not mean what somebody thinks."""
    with pytest.raises(LimitsError):
        Field(name="x", type=FieldType(type_), limits=limits)


@pytest.mark.parametrize(
    ("field", "selector"),
    [
        (PERCENT, {"number": {"min": 0, "max": 100, "step": 5, "unit_of_measurement": "%"}}),
        (TENTHS, {"number": {"min": -1.5, "step": 0.1}}),
        (AT_MOST, {"number": {"max": -3, "step": "any", "unit_of_measurement": "°C"}}),
        (Field(name="x", type=FieldType.NUMBER), {"number": {"step": "any"}}),
        (Field(name="x", type=FieldType.TEXT, required=True), {"text": {}}),
        (Field(name="x", type=FieldType.BOOLEAN), {"boolean": {}}),
        (MODE, {"select": {"options": ["Eco", "comfort", "off"]}}),
        (ENTITY, {"entity": {}}),
        (LAMP, {"entity": {"filter": [{"domain": ["light", "switch"]}]}}),
        (AREA, {"area": {}}),
        (DATETIME, {"datetime": {}}),
        (DURATION, {"duration": {}}),
        (Field(name="x", type=FieldType.LIST), {"text": {"multiple": True}}),
        (Field(name="x", type=FieldType.OBJECT), {"object": {}}),
    ],
)
def test_a_form_asks_for_a_field_as_home_assistant_does(field: Field, selector: dict[str, Any]) -> None:
    """Home Assistant takes the selector, which nobody can change for others."""
    assert field.selector() == selector
    validate_selector(field.selector())
    field.selector().clear()
    next(iter(field.selector().values()))["changed"] = True
    assert field.selector() == selector


def test_fields_are_the_same_when_they_say_the_same() -> None:
    """So that a data stream is only changed when it is."""
    same = [Field(name="x", type=FieldType.CHOICE, limits="red, green") for _ in range(2)]
    assert same[0] == same[1]
    assert same[0] != Field(name="x", type=FieldType.CHOICE, limits="red, blue")


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: f"{field.type} {field.limits}")
@given(value=VALUES)
def test_whatever_comes_is_refused_or_read_for_good(field: Field, value: object) -> None:
    """What was read is content, and read again unchanged, as it is when it is passed on."""
    schema = Schema((field,))
    try:
        read = schema.read("news", {"x": value})
    except SchemaError:
        return
    assert checked_content(read) == read
    assert schema.read("news", read) == read
    assert schema.read_part("news", read) == read


@given(type_=st.sampled_from(FieldType), limits=LIMITS, value=VALUES)
def test_whatever_limits_are_written_they_are_refused_or_hold(type_: FieldType, limits: str, value: object) -> None:
    """What they allow, a form can ask for."""
    try:
        field = Field(name="x", type=type_, limits=limits)
    except LimitsError:
        return
    validate_selector(field.selector())
    try:
        read = Schema((field,)).read("news", {"x": value})
    except SchemaError:
        return
    assert Schema((field,)).read("news", read) == read
