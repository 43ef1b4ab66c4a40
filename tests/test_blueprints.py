"""The blueprints, run by Home Assistant as a user would have them."""

from pathlib import Path
import shutil
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from .conftest import AddBot, Send, SetPosition, SetPresence
from .streams import add_stream

BLUEPRINTS = Path(__file__).parent.parent / "blueprints"


@pytest.fixture
def copied(hass: HomeAssistant, tmp_path: Path) -> None:
    """Copy the blueprints to where Home Assistant looks for them."""
    shutil.copytree(BLUEPRINTS, tmp_path / "blueprints")
    hass.config.config_dir = str(tmp_path)


async def use(hass: HomeAssistant, blueprint: str, **inputs: Any) -> None:
    """Make an automation of a blueprint."""
    automation = {"alias": "It", "use_blueprint": {"path": f"datastream_bot/{blueprint}.yaml", "input": inputs}}
    assert await async_setup_component(hass, "automation", {"automation": automation})
    await hass.async_block_till_done()
    state = hass.states.get("automation.it")
    assert state is not None
    assert state.state == "on"


@pytest.mark.usefixtures("copied")
async def test_forward_a_button_press(hass: HomeAssistant, add_bot: AddBot) -> None:
    """Every press is a message, and coming back after being away is none."""
    await add_bot()
    messages = async_capture_events(hass, "datastream_bot_message")
    await use(hass, "forward_button", button=["event.remote", "button.bell"])
    states = [
        ("event.remote", "unknown", {}),
        ("event.remote", "2026-11-22T10:00:00", {"event_type": "double", "friendly_name": "Remote"}),
        ("event.remote", "unavailable", {}),
        ("event.remote", "2026-11-22T10:00:00", {"event_type": "double", "friendly_name": "Remote"}),
        ("button.bell", "unknown", {}),
        ("button.bell", "2026-11-22T10:00:01", {"friendly_name": "7"}),
    ]
    for entity_id, state, attributes in states:
        hass.states.async_set(entity_id, state, attributes)
        await hass.async_block_till_done()

    assert [(event.data["address"], event.data["content"]) for event in messages] == [
        ("button_pressed", {"entity_id": "event.remote", "name": "Remote", "pressed": "double"}),
        ("button_pressed", {"entity_id": "button.bell", "name": "7", "pressed": "press"}),
    ]


@pytest.mark.usefixtures("copied")
async def test_notify_on_a_message(
    hass: HomeAssistant, add_bot: AddBot, send: Send, notifications: list[dict[str, Any]]
) -> None:
    """Once for each message that the bot receives, however many bots do."""
    bot, other = await add_bot("Home"), await add_bot("Garden")
    for each in (bot, other):
        await add_stream(each, "doorbell")
    await use(hass, "notify_on_message", address="doorbell", bot=bot.bot_id)

    await send("doorbell", {"message": "Ding", "title": "Door", "level": 1})
    await send("doorbell", {"level": 1})
    await hass.async_block_till_done()

    assert [(shown["title"], shown["message"]) for shown in notifications] == [
        ("Door", "Ding"),
        ("doorbell", 'Content: {"level":1}'),
    ]


@pytest.mark.usefixtures("copied")
async def test_whatever_a_message_says_is_told(
    hass: HomeAssistant, add_bot: AddBot, send: Send, notifications: list[dict[str, Any]]
) -> None:
    """Text stays as it is, also what Home Assistant's templates read as something else; nothing ends in silence."""
    bot = await add_bot()
    await add_stream(bot, "doorbell")
    await use(hass, "notify_on_message", address="doorbell", bot=bot.bot_id)
    told: dict[str, tuple[Any, str]] = {
        "1, 2": ("1, 2", "1, 2"),
        "[1]": ("[1]", "[1]"),
        "{'a': 1}": ("{'a': 1}", "{'a': 1}"),
        "{1, 2}": ("{1, 2}", "{1, 2}"),
        "True": ("True", "True"),
        "None": ("None", "None"),
        "007": ("007", "007"),
        "dots": ("...", "..."),
        "bytes": ("b'a'", "b'a'"),
        "template": ('{{ "x" }}', '{{ "x" }}'),
        "quotes": ('"It\'s" \\n', '"It\'s" \\n'),
        "lines": ("one\n two", "one\n two"),
        "list": ([1, "a"], "[1, 'a']"),
        "object": ({"a": 1}, "{'a': 1}"),
        "true": (True, "True"),
        "zero": (0, "0"),
        "empty list": ([], "[]"),
        "long": ("x" * 32_700, "x" * 3997 + "..."),
        "null": (None, 'Content: {"message":null,"title":"null"}'),
        "empty": ("", 'Content: {"message":"","title":"empty"}'),
        "blank": (" \n", 'Content: {"message":" \\n","title":"blank"}'),
    }
    for title, (message, _) in told.items():
        await send("doorbell", {"message": message, "title": title})
        await hass.async_block_till_done()
    for unusual in (["a"], None, " "):
        await send("doorbell", {"message": "Ding", "title": unusual})
        await hass.async_block_till_done()

    shown = [(shown["title"], shown["message"]) for shown in notifications]
    assert shown == [
        *((title, text) for title, (_, text) in told.items()),
        ("['a']", "Ding"),
        ("doorbell", "Ding"),
        ("doorbell", "Ding"),
    ]


@pytest.mark.usefixtures("copied")
async def test_the_days_first_arrival(
    hass: HomeAssistant, add_bot: AddBot, persons: SetPresence, freezer: FrozenDateTimeFactory
) -> None:
    """Once a day, whoever it is, and at night it is still yesterday."""
    await hass.config.async_set_time_zone("UTC")
    await add_bot()
    messages = async_capture_events(hass, "datastream_bot_message")
    await use(hass, "first_arrival", persons=["person.anna", "person.bo"])

    async def arrive(moment: str, person: str) -> None:
        freezer.move_to(moment)
        await persons(person, "not_home")
        await persons(person, "home")

    await arrive("2026-11-22 04:00:00", "anna")
    assert messages == []
    await arrive("2026-11-22 06:00:00", "bo")
    await arrive("2026-11-22 18:00:00", "anna")
    await arrive("2026-11-23 04:59:00", "anna")
    await arrive("2026-11-23 07:00:00", "anna")

    assert [(event.data["address"], event.data["content"]) for event in messages] == [
        ("first_arrival", {"person": "person.bo", "name": "Bo"}),
        ("first_arrival", {"person": "person.anna", "name": "Anna"}),
    ]


@pytest.fixture
async def arrivals(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, add_bot: AddBot, persons: SetPresence
) -> list[Event[Any]]:
    """Return the messages about first arrivals; it is the evening before."""
    freezer.move_to("2026-11-21 20:00:00")
    for person in ("anna", "bo"):
        await persons(person, "not_home")
        await persons(person, "home")
    await hass.config.async_set_time_zone("UTC")
    await add_bot()
    messages = async_capture_events(hass, "datastream_bot_message")
    await use(hass, "first_arrival", persons=["person.anna", "person.bo"])
    return messages


MORNING = "2026-11-22 06:00:00"


@pytest.mark.usefixtures("copied")
@pytest.mark.parametrize("home_radius", [20, 100])
@pytest.mark.parametrize("units", ["metric", "us_customary"])
async def test_a_bad_position_is_no_arrival(
    hass: HomeAssistant,
    arrivals: list[Event[Any]],
    at_position: SetPosition,
    freezer: FrozenDateTimeFactory,
    home_radius: float,
    units: str,
) -> None:
    """Neither at work nor at home; what follows it is one."""
    await hass.config.async_update(unit_system=units, radius=home_radius)
    await at_position("bo", 0, 10)
    freezer.move_to(MORNING)
    await at_position("bo", home_radius + 10, 50)
    await at_position("bo", home_radius - 1, 50)
    await at_position("anna", 1000, 10)
    await at_position("anna", 1000, 2500)
    assert arrivals == []

    await at_position("anna", home_radius - 1, 2500)

    assert [event.data["content"]["person"] for event in arrivals] == ["person.anna"]


@pytest.mark.usefixtures("copied")
async def test_a_zone_inside_home_is_where_one_arrives(
    hass: HomeAssistant, arrivals: list[Event[Any]], persons: SetPresence, freezer: FrozenDateTimeFactory
) -> None:
    """Going from there into the house is no arrival, nor is the other way."""
    inside = {"in_zones": ["zone.garage", "zone.home"]}
    freezer.move_to("2026-11-22 04:00:00")
    await persons("anna", "not_home")
    await persons("anna", "Garage", **inside)
    freezer.move_to(MORNING)
    await persons("anna", "home")
    await persons("anna", "Garage", **inside)
    assert arrivals == []

    await persons("anna", "not_home")
    await persons("anna", "Garage", **inside)
    await persons("anna", "home")

    assert [event.data["content"]["person"] for event in arrivals] == ["person.anna"]


@pytest.mark.usefixtures("copied")
async def test_who_was_unknown_has_not_arrived(
    hass: HomeAssistant, arrivals: list[Event[Any]], persons: SetPresence, freezer: FrozenDateTimeFactory
) -> None:
    """Nor has a person who was only added or removed."""
    freezer.move_to(MORNING)
    await persons("anna", "unavailable")
    await persons("anna", "home")
    er.async_get(hass).async_remove("person.bo")
    await hass.async_block_till_done()
    hass.states.async_set("person.bo", "home")
    await hass.async_block_till_done()

    assert arrivals == []


@pytest.mark.parametrize("path", sorted(BLUEPRINTS.rglob("*.yaml")), ids=lambda path: path.stem)
def test_a_blueprint_says_what_it_is_and_where_it_comes_from(path: Path) -> None:
    """So that it can be imported by its address, and updated."""
    blueprint: Any = load_yaml_dict(str(path))["blueprint"]
    relative = path.relative_to(BLUEPRINTS.parent).as_posix()
    assert blueprint["source_url"].endswith(f"/blob/main/{relative}")
    assert all({"name", "description", "selector"} <= each.keys() for each in blueprint["input"].values())
