"""The blueprints, run by Home Assistant as a user would have them."""

from collections.abc import Awaitable, Callable
from pathlib import Path
import shutil
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components import conversation
from homeassistant.core import Context, Event, HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict, parse_yaml
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from .conftest import AddBot, Home, Send, SetPosition, SetPresence
from .pages import examples, text_of
from .streams import add_stream, row

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
async def test_forward_a_button_press(hass: HomeAssistant, add_bot: AddBot, caplog: pytest.LogCaptureFixture) -> None:
    """Every press is a message; neither coming back after being away nor being removed is one."""
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
    hass.states.async_remove("button.bell")
    await hass.async_block_till_done()

    assert [(event.data["address"], event.data["content"]) for event in messages] == [
        ("button_pressed", {"entity_id": "event.remote", "name": "Remote", "pressed": "double"}),
        ("button_pressed", {"entity_id": "button.bell", "name": "7", "pressed": "press"}),
    ]
    assert "Error" not in caplog.text


def rings(**fields: str) -> list[dict[str, Any]]:
    """Return the action of the doorbell, as an editor writes it."""
    return [{"action": "datastream_bot.doorbell", "data": fields}]


@pytest.mark.usefixtures("copied")
async def test_a_button_press_is_the_action_of_a_data_stream(hass: HomeAssistant, add_bot: AddBot) -> None:
    """Its fields take which button it was, and what was pressed."""
    await add_stream(await add_bot(), "doorbell", fields=[row("visitor", required=True), row("how")])
    messages = async_capture_events(hass, "datastream_bot_message")
    action = rings(visitor="{{ name }} ({{ button }})", how="{{ pressed }}")
    await use(hass, "forward_button", button=["event.remote"], action=action)
    for state in ("unknown", "2026-11-22T10:00:00"):
        hass.states.async_set("event.remote", state, {"friendly_name": "1", "event_type": "double"})
        await hass.async_block_till_done()

    assert [(event.data["address"], event.data["content"]) for event in messages] == [
        ("doorbell", {"visitor": "1 (event.remote)", "how": "double"})
    ]


@pytest.mark.usefixtures("copied")
async def test_an_arrival_is_the_action_of_a_data_stream(
    hass: HomeAssistant, add_bot: AddBot, persons: SetPresence
) -> None:
    """Its fields take who came home."""
    await add_stream(await add_bot(), "doorbell", fields=[row("visitor", required=True), row("how")])
    messages = async_capture_events(hass, "datastream_bot_message")
    action = rings(visitor="{{ name }}", how="{{ person }}")
    await use(hass, "first_arrival", persons=["person.anna"], from_time="00:00:00", action=action)
    await persons("anna", "not_home")
    await persons("anna", "home")

    assert [(event.data["address"], event.data["content"]) for event in messages] == [
        ("doorbell", {"visitor": "Anna", "how": "person.anna"})
    ]


def tells(kind: str) -> list[dict[str, Any]]:
    """Return an action that tells how a button was pressed."""
    return [{"action": "datastream_bot.send", "data": {"address": "pressed", "content": {"kind": kind}}}]


TAPS = ("single", "double", "triple", "long")
PUSHES = ("btn_down", "btn_up", "single_push", "double_push", "triple_push", "long_push")
MATTER = ("multi_press_1", "multi_press_2", "multi_press_3", "long_press", "long_release")
HUE = ("initial_press", "repeat", "short_release", "long_press", "long_release")
STANDARD = ("press_start", "press_end", "long_press_start", "long_press_end", "multi_press_end")


@pytest.mark.usefixtures("copied")
@pytest.mark.parametrize(
    ("known", "pressed", "kind"),
    [
        (TAPS, TAPS, ["single", "double", "long"]),
        (PUSHES, PUSHES, ["single", "double", "long"]),
        (MATTER, MATTER, ["single", "double", "long"]),
        (HUE, ("initial_press", "short_release", "initial_press", "long_press", "long_release"), ["single", "long"]),
        (["initial_press"], ["initial_press"], ["single"]),
        (
            STANDARD,
            ("press_start", "press_end", "press_start", "long_press_start", "long_press_end"),
            ["single", "long"],
        ),
        (STANDARD, ("multi_press_end",), ["double"]),
        (["press_start"], ["press_start"], ["single"]),
    ],
)
async def test_a_wall_button_has_an_action_for_each_kind_of_press(
    hass: HomeAssistant, add_bot: AddBot, known: Any, pressed: Any, kind: list[str]
) -> None:
    """Whatever its maker calls them; each press counts once, and what is none of the three does nothing."""
    await add_bot()
    messages = async_capture_events(hass, "datastream_bot_message")
    await use(hass, "wall_button", button="event.wall", **{each: tells(each) for each in ("single", "double", "long")})
    attributes = {"event_types": list(known), "multi_press_count": 2}
    hass.states.async_set("event.wall", "unknown", attributes)
    for number, each in enumerate(pressed):
        hass.states.async_set("event.wall", f"2026-11-22T10:00:0{number}", {**attributes, "event_type": each})
        await hass.async_block_till_done()

    assert [event.data["content"]["kind"] for event in messages] == kind


@pytest.mark.usefixtures("copied", "home")
@pytest.mark.parametrize(
    ("button", "attributes"), [("event.wall", {"event_type": "single"}), ("button.wall", {}), ("input_button.wall", {})]
)
async def test_a_wall_button_turns_everything_off_by_itself(
    hass: HomeAssistant,
    add_bot: AddBot,
    send: Send,
    on: Any,
    caplog: pytest.LogCaptureFixture,
    button: str,
    attributes: dict[str, Any],
) -> None:
    """When it is pressed, and neither when it comes back nor when it is removed."""
    await add_bot()
    await send("toggle_everything", {"on": True})
    await use(hass, "wall_button", button=button)
    hass.states.async_set(button, "unknown")
    await hass.async_block_till_done()
    assert on() != []
    hass.states.async_set(button, "2026-11-22T10:00:00", attributes)
    await hass.async_block_till_done()
    assert on() == []

    await send("toggle_everything", {"on": True})
    for state in ("unavailable", "2026-11-22T10:00:00"):
        hass.states.async_set(button, state, attributes)
        await hass.async_block_till_done()
    hass.states.async_remove(button)
    await hass.async_block_till_done()
    assert on() != []
    assert "Error" not in caplog.text


@pytest.mark.usefixtures("copied", "home")
async def test_a_double_press_does_nothing_by_itself(hass: HomeAssistant, add_bot: AddBot, send: Send, on: Any) -> None:
    """Nor does what a wall button is not asked for."""
    await add_bot()
    await send("toggle_everything", {"on": True})
    await use(hass, "wall_button", button="event.wall")
    for second, pressed in enumerate(("double", "long", "triple", "shaken")):
        hass.states.async_set("event.wall", f"2026-11-22T10:00:0{second}", {"event_type": pressed})
        await hass.async_block_till_done()
    assert on() != []


@pytest.fixture
async def say(hass: HomeAssistant) -> Callable[[str], Awaitable[str]]:
    """Return a function that says a sentence to Home Assistant, and returns what that answers."""
    assert await async_setup_component(hass, "homeassistant", {})
    assert await async_setup_component(hass, "conversation", {})

    async def said(sentence: str) -> str:
        result = await conversation.async_converse(hass, sentence, None, Context())
        await hass.async_block_till_done()
        return str(result.response.speech["plain"]["speech"])

    return said


@pytest.mark.usefixtures("copied")
async def test_a_sentence_turns_everything_off(
    hass: HomeAssistant, add_bot: AddBot, home: Home, send: Send, on: Any, say: Callable[[str], Awaitable[str]]
) -> None:
    """And it is answered that this is done."""
    await add_bot()
    await send("toggle_everything", {"on": True})
    await use(hass, "say_it", sentences=["good night", "(turn|switch) it all off [now]"])
    assert await say("Turn it all on") != "Done"
    assert on() == [*home]

    assert await say("Good night!") == "Done"
    assert on() == []
    await send("toggle_everything", {"on": True})
    assert await say("switch it all off now") == "Done"
    assert on() == []


@pytest.mark.warns
@pytest.mark.usefixtures("copied")
async def test_a_sentence_is_not_answered_with_done_when_it_is_not(
    hass: HomeAssistant, add_bot: AddBot, home: Home, send: Send, on: Any, say: Callable[[str], Awaitable[str]]
) -> None:
    """Not even when a single light failed."""
    await add_bot()
    await send("toggle_everything", {"on": True})
    home["light.porch"].broken = "stuck"
    await use(hass, "say_it", sentences=["good night"], answer_to_failure="Something is still on")
    assert await say("good night") == "Something is still on"
    assert on() == ["light.porch"]


@pytest.mark.usefixtures("copied")
async def test_what_a_sentence_says_is_in_the_action_and_in_the_answer(
    hass: HomeAssistant, add_bot: AddBot, notifications: list[dict[str, Any]], say: Callable[[str], Awaitable[str]]
) -> None:
    """Where the sentence has a place for it."""
    await add_bot()
    data = {"title": "Everyone", "message": "{{ trigger.slots.text }}"}
    await use(
        hass,
        "say_it",
        sentences=["tell everyone {text}"],
        action=[{"action": "datastream_bot.send_push_notification", "data": data}],
        answer="I told everyone {{ trigger.slots.text }}",
    )
    assert await say("tell everyone dinner is ready") == "I told everyone dinner is ready"
    assert [(shown["title"], shown["message"]) for shown in notifications] == [("Everyone", "dinner is ready")]


@pytest.mark.usefixtures("copied")
async def test_the_sentence_of_the_documentation(
    hass: HomeAssistant, add_bot: AddBot, notifications: list[dict[str, Any]], say: Callable[[str], Awaitable[str]]
) -> None:
    """It is told to everyone, and so is the one who said it."""
    await add_bot()
    automation = parse_yaml(examples("yaml", "say_it.yaml"))
    assert await async_setup_component(hass, "automation", {"automation": automation})
    assert await say("announce dinner") == "I told everyone dinner"
    assert [shown["message"] for shown in notifications] == ["dinner"]


@pytest.mark.usefixtures("copied")
async def test_notify_on_a_message(
    hass: HomeAssistant, add_bot: AddBot, send: Send, notifications: list[dict[str, Any]]
) -> None:
    """Once for each message that the bot of the data stream receives, however many bots do."""
    for name in ("Home", "Garden"):
        await add_stream(await add_bot(name), "doorbell")
    await use(hass, "notify_on_message", streams=["event.home_doorbell"])

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
    await add_stream(await add_bot(), "doorbell")
    await use(hass, "notify_on_message", streams=["event.home_doorbell"])
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
    assert f"| [{blueprint['name']}]({blueprint['source_url']}) |" in text_of("docs/sending.md")
