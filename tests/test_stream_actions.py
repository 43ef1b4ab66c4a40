"""The actions of data streams: what a user picks, fills in and calls."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any, override

from homeassistant.config_entries import ConfigEntryDisabler, ConfigSubentryData
from homeassistant.const import EVENT_SERVICE_REGISTERED, EVENT_SERVICE_REMOVED
from homeassistant.core import Context, Event, HomeAssistant, callback
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError, ServiceNotFound, ServiceValidationError
from homeassistant.helpers import area_registry as ar, entity_registry as er, issue_registry as ir
from homeassistant.helpers.json import json_bytes
from homeassistant.helpers.service import async_get_all_descriptions
from homeassistant.setup import async_setup_component
from homeassistant.util.json import json_loads_object
from homeassistant.util.yaml import parse_yaml
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    MockUser,
    async_capture_events,
    async_fire_time_changed,
)
from pytest_homeassistant_custom_component.typing import WebSocketGenerator
import voluptuous as vol

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.const import DOMAIN
from custom_components.datastream_bot.data_streams import SUBENTRY_DATA_STREAM
from custom_components.datastream_bot.messaging.field_types import FieldType
from custom_components.datastream_bot.messaging.message import Message
from custom_components.datastream_bot.messaging.microservice import Microservice
from custom_components.datastream_bot.messaging.schema import Field

from .conftest import AddBot, Home
from .home import ticks
from .messages import get_messages
from .streams import (
    add_stream,
    change_stream,
    remove_stream,
    row,
    show_form_of,
    stream_of,
    submit,
)
from .test_rights import PORCH_ONLY, user_with

CALLED = [{"event": "called", "event_data": {"content": "{{ content }}", "origin": "{{ message.origin }}"}}]


async def described(hass: HomeAssistant, name: str) -> Any:
    """Return what the editors know of an action."""
    await hass.async_block_till_done()
    return (await async_get_all_descriptions(hass))[DOMAIN].get(name)


async def call(hass: HomeAssistant, name: str, /, *who: Context, **data: Any) -> Any:
    """Call an action, perhaps as somebody, and return the receipt."""
    context = next(iter(who), None)
    return await hass.services.async_call(DOMAIN, name, data, blocking=True, return_response=True, context=context)


def actions(hass: HomeAssistant) -> set[str]:
    """Return the names of the actions of data streams."""
    others = {"send", "get_messages", "toggle_everything", "send_push_notification"}
    return {*hass.services.async_services_for_domain(DOMAIN)} - others


class Listener(Microservice):
    """Keeps the content of what comes."""

    name = "listener"

    def __init__(self, address: str) -> None:
        """Initialize it with what it listens to."""
        self._address = address
        self.contents: list[Mapping[str, Any]] = []

    @property
    @override
    def addresses(self) -> Collection[str]:
        return (self._address,)

    @override
    async def async_datastream_updated(self, message: Message) -> None:
        self.contents.append(message.content)


class Ringer(Listener):
    """Takes another field than the data stream declares."""

    fields: Mapping[str, tuple[Field, ...]] = {"ring": (Field(name="loud", type=FieldType.BOOLEAN),)}


def listener_to(bot: Bot, address: str, kind: type[Listener] = Listener) -> Listener:
    """Attach a microservice that listens to an address."""
    listener = kind(address)
    bot.attach(listener)
    return listener


# The form.


async def test_a_data_stream_is_an_action_with_a_form(hass: HomeAssistant, add_bot: AddBot) -> None:
    """Of all that its fields say, so that nobody has to know what an address is."""
    fields = [
        row("who", required=True, description="Who rings."),
        row("times", "number", limits="1 to 5", default=1),
        row("loud_bell", "boolean"),
        row("color", "choice", limits="red, green"),
        row("lamp", "entity", limits="light"),
        row("room", "area"),
        row("at", "datetime"),
        row("for", "duration"),
        row("list", "list"),
        row("more", "object"),
    ]
    await add_stream(await add_bot(), "front.door-bell", description="Somebody rings", fields=fields)

    action = await described(hass, "front_door_bell")
    assert (action["name"], action["description"]) == ("Front door bell", "Somebody rings")
    assert action["response"] == {"optional": True}
    assert "target" not in action
    described_fields = dict(action["fields"])
    options = described_fields.pop("datastream_bot_options")
    assert len(action["fields"]) == len(fields) + 1
    shown = {
        name: (field["name"], field["required"], field["example"], *field["selector"])
        for name, field in described_fields.items()
    }
    assert shown == {
        "who": ("Who", True, "Hello", "text"),
        "times": ("Times", False, 1, "number"),
        "loud_bell": ("Loud bell", False, True, "boolean"),
        "color": ("Color", False, "red", "select"),
        "lamp": ("Lamp", False, "light.kitchen", "entity"),
        "room": ("Room", False, "kitchen", "area"),
        "at": ("At", False, "2026-11-25 07:00", "datetime"),
        "for": ("For", False, "0:05:00", "duration"),
        "list": ("List", False, '["milk","bread"]', "text"),
        "more": ("More", False, '{"area_id":"kitchen"}', "object"),
    }
    assert action["fields"]["who"]["description"] == "Who rings."
    assert action["fields"]["times"]["default"] == 1
    assert options["collapsed"] is True
    assert options["name"] == "Options"
    assert {name: (field["name"], *field["selector"]) for name, field in options["fields"].items()} == {
        "config_entry_id": ("Bot", "config_entry"),
        "raise_on_failure": ("Fail on failures", "boolean"),
    }


async def test_what_a_form_fills_in_arrives(hass: HomeAssistant, add_bot: AddBot) -> None:
    """As the fields read it; the example of each field, too."""
    bot = await add_bot()
    ar.async_get(hass).async_create("Kitchen")
    kinds = {"choice": "red, green", "number": "0 to 100 step 5 %", "entity": ""}
    types = ("text", "number", "boolean", "choice", "entity", "area", "datetime", "duration", "list", "object")
    await add_stream(bot, "all", fields=[row(each, each, limits=kinds.get(each, "")) for each in types])
    listener = listener_to(bot, "all")

    fields = (await described(hass, "all"))["fields"]
    examples = {name: field["example"] for name, field in fields.items() if "example" in field}
    # As Home Assistant's pages fill them in.
    await call(hass, "all", **{name: parse_yaml(str(example)) for name, example in examples.items()})
    await call(hass, "all", datetime="2026-11-25 07:00:00", duration={"hours": 0, "minutes": 5, "seconds": 0})

    first, second = listener.contents
    assert first["area"] == "kitchen"
    assert (first["boolean"], first["number"], first["duration"]) == (True, 0, 300)
    assert (first["list"], first["object"]) == (["milk", "bread"], {"area_id": "kitchen"})
    assert second == {"datetime": "2026-11-25T07:00:00-08:00", "duration": 300}


async def test_an_action_says_what_its_data_stream_is_for_even_if_nobody_did(
    hass: HomeAssistant, add_bot: AddBot
) -> None:
    """In a sentence with the address."""
    await add_stream(await add_bot(), "water.Garden")
    action = await described(hass, "water_garden")
    assert (action["name"], action["description"]) == ("Water Garden", "Sends a message to water.Garden.")


async def test_a_form_has_the_fields_of_all_bots(hass: HomeAssistant, add_bot: AddBot) -> None:
    """What only some of them require is not required, and each bot decides for itself."""
    home, garden = await add_bot("Home"), await add_bot("Garden")
    await add_stream(home, "ring", fields=[row("who", required=True), row("times", "number", required=True)])
    await add_stream(
        garden,
        "ring",
        description="Ring",
        fields=[row("who", required=True, default="me"), row("times", required=True)],
    )
    action = await described(hass, "ring")
    assert action["description"] == "Ring"
    assert {name: field["required"] for name, field in action["fields"].items() if "required" in field} == {
        "who": False,
        "times": True,
    }
    assert "number" in action["fields"]["times"]["selector"]

    receipt = await call(hass, "ring", times="3")
    assert [each["bot"] for each in receipt["handled"]] == ["Garden"]
    (refused,) = receipt["failed"]
    assert "who is missing" in refused["error"]


async def test_everything_is_turned_off_by_target(hass: HomeAssistant, add_bot: AddBot, home: Home, on: Any) -> None:
    """By Home Assistant's own, which is a field: where it stands beside them, editors ask for one."""
    await add_bot()
    action = await described(hass, "toggle_everything")
    assert "target" not in action
    target = action["fields"]["target"]
    assert (target["required"], target["example"]) == (False, '{"area_id": "kitchen"}')
    assert target["selector"]["target"]["entity"] == [{"domain": ["light", "switch"]}]
    assert action["fields"]["domain"]["selector"]["select"]["options"] == ["light", "switch"]

    kitchen = ar.async_get(hass).async_create("Kitchen")
    er.async_get(hass).async_update_entity("light.kitchen", area_id=kitchen.id)
    await call(hass, "toggle_everything", on=True)
    everything = on()
    assert {"light.kitchen", "light.porch"} < {*everything}
    await hass.services.async_call(
        DOMAIN, "toggle_everything", {"on": False}, blocking=True, target={"area_id": kitchen.id}
    )
    assert on() == [each for each in everything if each != "light.kitchen"]
    # By the field of the content as well, and both together.
    data = {"on": False, "target": {"entity_id": "light.porch"}, "entity_id": ["light.porch"]}
    assert (await call(hass, "toggle_everything", **data))["handled"][0]["result"]["switched"] == ["light.porch"]
    await call(hass, "toggle_everything", on=False, domain="switch")
    assert not [each for each in on() if each.startswith("switch.")]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({}, "on is missing, it must be true or false"),
        ({"on": "perhaps"}, "on is 'perhaps', it must be true or false"),
        ({"on": True, "domain": "cover"}, "domain is 'cover', it must be light or switch"),
        ({"on": True, "target": "kitchen", "area_id": "kitchen"}, "target is 'kitchen', it must be an object"),
        ({"onn": True}, "onn is unknown, perhaps on is meant"),
        ({"on": True, "": 1}, " is unknown"),
        ({"on": True, "at": float("nan")}, "nan"),
    ],
)
async def test_wrong_data_is_refused_with_the_field(
    hass: HomeAssistant, add_bot: AddBot, data: dict[str, Any], problem: str
) -> None:
    """In words."""
    await add_bot()
    with pytest.raises(ServiceValidationError) as err:
        await call(hass, "toggle_everything", **data)
    assert problem in str(err.value)


async def automate(hass: HomeAssistant, *steps: Any, **automation: Any) -> None:
    """Set up an automation of these actions, and let it run."""
    config = {"alias": "Go", "triggers": {"trigger": "event", "event_type": "go"}, "actions": list(steps)}
    assert await async_setup_component(hass, "automation", {"automation": {**config, **automation}})
    hass.bus.async_fire("go")
    await hass.async_block_till_done()


async def test_automations_may_write_fields_as_yaml_has_them(
    hass: HomeAssistant, add_bot: AddBot, home: Home, on: Any
) -> None:
    """A bare `on` is the field of that name, and a template that looks like a list is the text that it is."""
    bot = await add_bot()
    await add_stream(bot, "say", fields=[row("text")])
    listener = listener_to(bot, "say")
    await automate(
        hass,
        {"action": "datastream_bot.toggle_everything", "data": {True: True}, "response_variable": "receipt"},
        {"action": "datastream_bot.say", "data": {"text": "{{ '1, 2' }}"}},
        {"action": "datastream_bot.say", "data": {"text": "{{ receipt.handled | count }}"}},
    )
    assert "light.kitchen" in on()
    assert listener.contents == [{"text": "1, 2"}, {"text": "1"}]


async def test_a_message_tells_which_automation_sent_it(hass: HomeAssistant, add_bot: AddBot) -> None:
    """As long as not too many others have run since."""
    await add_stream(await add_bot(), "ring")
    await automate(hass, {"action": "datastream_bot.ring"})
    (message,) = await get_messages(hass)
    assert message["automation"] == "automation.go"

    context = Context()
    for number in range(501):
        triggered = {"entity_id": f"automation.number_{number}", "name": "Number"}
        hass.bus.async_fire("automation_triggered", triggered, context=Context() if number else context)
    await call(hass, "ring", context)
    assert [each["automation"] for each in await get_messages(hass)] == ["automation.go", None]


# To whom.


async def test_an_action_reaches_every_bot_that_opened_the_address(hass: HomeAssistant, add_bot: AddBot) -> None:
    """Or the one that is named, which need not have opened it."""
    bots = {name: await add_bot(name) for name in ("Home", "Garden", "Attic", "Cellar")}
    for name in ("Home", "Garden", "Attic"):
        await add_stream(bots[name], "ring", external=name != "Attic", actions=CALLED)
    called, heard = async_capture_events(hass, "called"), async_capture_events(hass, "datastream_bot_message")

    def reached(receipt: Any) -> list[str]:
        return [each["bot"] for each in receipt["handled"]]

    assert reached(await call(hass, "ring")) == ["Home", "Garden"]
    assert reached(await call(hass, "ring", config_entry_id=bots["Garden"].bot_id)) == ["Garden"]
    assert len(heard) == 2
    assert reached(await call(hass, "ring", config_entry_id=bots["Attic"].bot_id)) == ["Attic"]
    # What is not open is nobody else's business.
    assert len(heard) == 2
    assert {event.data["origin"] for event in called} == {"action"}

    with pytest.raises(ServiceValidationError, match="Cellar has no data stream ring"):
        await call(hass, "ring", config_entry_id=bots["Cellar"].bot_id)
    with pytest.raises(ServiceValidationError, match="No bot has the id nobody"):
        await call(hass, "ring", config_entry_id="nobody")
    for name in ("Home", "Garden"):
        await change_stream(bots[name], "ring", external=False)
    with pytest.raises(ServiceValidationError, match="No bot that is running has opened ring to the outside"):
        await call(hass, "ring")
    assert (len(heard), len(called)) == (2, 4)


@pytest.mark.warns
async def test_a_closed_address_is_for_who_may_speak_for_the_bot(
    hass: HomeAssistant, add_bot: AddBot, home: Home, on: Any
) -> None:
    """And an open one for everybody, with their own rights."""
    bot = await add_bot()
    child = Context(user_id=user_with(hass, PORCH_ONLY).id)
    await add_stream(bot, "ring", external=False)
    listener = listener_to(bot, "ring")

    with pytest.raises(ServiceValidationError, match="Home has not opened ring to the outside, and you may not speak"):
        await call(hass, "ring", child, config_entry_id=bot.bot_id)
    with pytest.raises(ServiceValidationError, match="No bot that is running has opened ring"):
        await call(hass, "ring", child)
    assert listener.contents == []
    owner = MockUser(is_owner=True).add_to_hass(hass)
    await call(hass, "ring", Context(user_id=owner.id), config_entry_id=bot.bot_id)
    assert len(listener.contents) == 1

    receipt = await call(hass, "toggle_everything", child, on=True, config_entry_id=bot.bot_id)
    assert on() == ["light.porch"]
    assert "light.kitchen" not in str(receipt)


@pytest.mark.warns
async def test_an_action_may_fail_where_a_receiver_failed(hass: HomeAssistant, add_bot: AddBot) -> None:
    """With its reasons."""
    await add_stream(await add_bot(), "ring", actions=[{"stop": "Nobody is there", "error": True}])

    assert len((await call(hass, "ring"))["failed"]) == 1
    with pytest.raises(HomeAssistantError, match=r"The message to ring failed at: Home \(mapping\).*Nobody is there"):
        await call(hass, "ring", raise_on_failure=True)
    with pytest.raises(vol.Invalid, match="raise_on_failure"):
        await call(hass, "ring", raise_on_failure="perhaps")


# Names.


async def test_addresses_that_come_to_the_same_name_get_a_number(
    hass: HomeAssistant, add_bot: AddBot, hass_storage: dict[str, Any], freezer: Any
) -> None:
    """The later one, which keeps it; the form tells."""
    bot, garden = await add_bot("Home"), await add_bot("Garden")
    await add_stream(bot, "door-bell")
    await add_stream(garden, "Door.Bell_")
    await add_stream(bot, "door_bell")
    await add_stream(bot, "send")
    assert actions(hass) == {"door_bell", "door_bell_2", "door_bell_3", "send_2"}
    form = await show_form_of(garden, "Door.Bell_")
    assert form["description_placeholders"]["action"] == "datastream_bot.door_bell_2"
    assert (await call(hass, "door_bell_3"))["address"] == "door_bell"

    await remove_stream(bot, "door-bell")
    assert actions(hass) == {"door_bell_2", "door_bell_3", "send_2"}
    await add_stream(garden, "DOOR_BELL")
    assert actions(hass) == {"door_bell", "door_bell_2", "door_bell_3", "send_2"}
    assert (await call(hass, "door_bell"))["address"] == "DOOR_BELL"

    freezer.tick(2)
    async_fire_time_changed(hass)
    await hass.async_block_till_done()
    assert hass_storage[f"{DOMAIN}.action_names"]["data"] == {
        "Door.Bell_": "door_bell_2",
        "door_bell": "door_bell_3",
        "send": "send_2",
    }


def stored(*addresses: str) -> list[ConfigSubentryData]:
    """Return data streams as they are stored."""
    return [
        ConfigSubentryData(
            data={
                "address": address,
                "description": "",
                "external": True,
                "fields": [{"name": "times", "type": "number", "required": False, "description": ""}],
                "actions": [],
                "mode": "parallel",
                "event_type": "",
            },
            subentry_type=SUBENTRY_DATA_STREAM,
            title=address,
            unique_id=f"data_stream:{address}",
        )
        for address in addresses
    ]


def stored_bot(hass: HomeAssistant, *addresses: str, version: int = 2, **entry: Any) -> MockConfigEntry:
    """Add a bot that has been there."""
    bot = MockConfigEntry(domain=DOMAIN, title="Home", version=version, subentries_data=stored(*addresses), **entry)
    bot.add_to_hass(hass)
    return bot


async def test_a_name_with_a_number_outlives_a_restart(hass: HomeAssistant, hass_storage: dict[str, Any]) -> None:
    """Also when the address is gone that had the name without one."""
    hass_storage[f"{DOMAIN}.action_names"] = {"version": 1, "data": {"door_bell": "door_bell_2", "gone": "door_bell_9"}}
    stored_bot(hass, "door_bell", "door-bell", "door.bell")
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done()
    called = {name: (await call(hass, name))["address"] for name in actions(hass)}
    assert called == {"door_bell_2": "door_bell", "door_bell": "door-bell", "door_bell_3": "door.bell"}


@pytest.mark.warns
async def test_a_page_is_told_of_all_actions_whatever_a_newer_version_stored(hass: HomeAssistant) -> None:
    """Of one that this version cannot read, without fields."""
    bot = stored_bot(hass, "ring", "toggle_everything", version=3)
    for stream in bot.subentries.values():
        fields = [{"name": "color", "type": "color"}]
        hass.config_entries.async_update_subentry(bot, stream, data={**stream.data, "fields": fields})
    assert await async_setup_component(hass, DOMAIN, {})

    told: Any = json_loads_object(json_bytes((await async_get_all_descriptions(hass))[DOMAIN]))
    assert [*told["ring"]["fields"]] == ["datastream_bot_options"]
    assert [*told["toggle_everything"]["fields"]] == ["target", "datastream_bot_options"]


@pytest.mark.parametrize("address", ["toggle_everything", "ring"])
@pytest.mark.parametrize("name", ["config_entry_id", "raise_on_failure", "datastream_bot_options", "entity_id"])
async def test_a_field_cannot_have_the_name_of_an_option(
    hass: HomeAssistant, add_bot: AddBot, address: str, name: str
) -> None:
    """Nor of a target, where the action has one; the error says which."""
    bot = await add_bot()
    if address == "ring":
        await add_stream(bot, "ring")
    form = await show_form_of(bot, address)
    data = {"address": address, "external": True, "mode": "parallel", "fields": [row(name), row("fine")]}
    result = await submit(bot, form, data)
    if address == "ring" and name == "entity_id":
        assert result["type"] is FlowResultType.ABORT
        return
    assert result["errors"] == {"fields": "field_name_reserved"}
    assert result["description_placeholders"]["fields"] == name


# Their life.


def changes_of(hass: HomeAssistant) -> list[Event[Any]]:
    """Return the list of what open pages are told of actions, as it grows."""
    changes: list[Event[Any]] = []

    @callback
    def changed(event: Event[Any]) -> None:
        changes.append(event)

    for event_type in (EVENT_SERVICE_REGISTERED, EVENT_SERVICE_REMOVED):
        hass.bus.async_listen(event_type, changed)
    return changes


async def test_an_action_lives_as_long_as_its_data_stream(hass: HomeAssistant, add_bot: AddBot) -> None:
    """And pages are told of nothing but what changed."""
    bot = await add_bot()
    await add_stream(bot, "ring")
    await add_stream(bot, "other")
    await hass.async_block_till_done()
    changes = changes_of(hass)

    await change_stream(bot, "ring", fields=[row("times", "number")])
    assert "times" in (await described(hass, "ring"))["fields"]
    # What only the bot needs to know changes no form.
    await change_stream(bot, "ring", external=False, mode="single", actions=CALLED)
    await hass.config_entries.async_reload(bot.bot_id)
    hass.config_entries.async_update_entry(bot.entry, title="House")
    await hass.async_block_till_done()
    assert [(event.event_type, event.data["service"]) for event in changes] == [(EVENT_SERVICE_REGISTERED, "ring")]

    changes.clear()
    await change_stream(bot, "ring", address="chime")
    await hass.async_block_till_done()
    assert actions(hass) == {"chime", "other"}
    await remove_stream(bot, "chime")
    assert actions(hass) == {"other"}
    assert [(event.event_type, event.data["service"]) for event in changes] == [
        (EVENT_SERVICE_REMOVED, "ring"),
        (EVENT_SERVICE_REGISTERED, "chime"),
        (EVENT_SERVICE_REMOVED, "chime"),
    ]
    await add_stream(bot, "ring")
    assert "times" not in (await described(hass, "ring"))["fields"]


async def test_an_action_goes_with_the_last_bot_that_has_its_data_stream(hass: HomeAssistant, add_bot: AddBot) -> None:
    """Also with one that is disabled, until it is enabled."""
    home, garden = await add_bot("Home"), await add_bot("Garden")
    for bot in (home, garden):
        await add_stream(bot, "ring")
    await hass.config_entries.async_remove(home.bot_id)
    await hass.async_block_till_done()
    assert actions(hass) == {"ring"}
    await hass.config_entries.async_set_disabled_by(garden.bot_id, ConfigEntryDisabler.USER)
    await hass.async_block_till_done()
    assert hass.services.async_services_for_domain(DOMAIN).keys() == {"send", "get_messages"}
    await hass.config_entries.async_set_disabled_by(garden.bot_id, None)
    await hass.async_block_till_done()
    assert actions(hass) == {"ring"}


@pytest.mark.warns
async def test_an_automation_that_runs_before_its_bot_is_loaded_is_told_so(
    hass: HomeAssistant, issue_registry: ir.IssueRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """Home Assistant would say for ever, in a repair issue, that there is no such action."""
    bot = stored_bot(hass, "ring", disabled_by=None)
    await hass.config_entries.async_setup(bot.entry_id)
    await hass.config_entries.async_unload(bot.entry_id)

    await automate(hass, {"action": "datastream_bot.ring"})
    assert "No bot that is running has opened ring to the outside" in caplog.text
    assert [
        issue for _, issue in issue_registry.issues if "unknown_action" in issue or "service_not_found" in issue
    ] == []

    await remove_stream_of(hass, bot, "ring")
    hass.bus.async_fire("go")
    await hass.async_block_till_done()
    assert [issue for domain, issue in issue_registry.issues if domain == "automation"]


async def remove_stream_of(hass: HomeAssistant, entry: Any, address: str) -> None:
    """Delete a data stream of a bot that is not loaded."""
    (stream_id,) = (each.subentry_id for each in entry.subentries.values() if each.data["address"] == address)
    hass.config_entries.async_remove_subentry(entry, stream_id)
    await hass.async_block_till_done()


@pytest.mark.warns
async def test_an_action_that_is_called_while_its_data_stream_is_deleted_is_told_so(
    hass: HomeAssistant, add_bot: AddBot
) -> None:
    """Whether it comes before, while, or after it."""
    bot = await add_bot()
    await add_stream(bot, "ring", actions=[{"delay": 0.05}])
    calls = [asyncio.create_task(call(hass, "ring")) for _ in range(3)]
    await asyncio.sleep(0)
    assert hass.config_entries.async_remove_subentry(bot.entry, stream_of(bot, "ring").subentry_id)
    calls += [asyncio.create_task(call(hass, "ring")) for _ in range(3)]
    await hass.async_block_till_done()
    results = await asyncio.gather(*calls, return_exceptions=True)
    with pytest.raises(ServiceNotFound):
        await call(hass, "ring")
    assert all(isinstance(each, (dict, ServiceValidationError)) for each in results), results


async def test_a_thousand_data_streams_are_actions_of_which_only_one_changes(
    hass: HomeAssistant, hass_ws_client: WebSocketGenerator
) -> None:
    """And no page that is open is thrown out while they come and go."""
    bot = stored_bot(hass, *(f"stream.{number}" for number in range(1000)))
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done()
    assert len(actions(hass)) == 1000
    client = await hass_ws_client(hass)
    for event in (EVENT_SERVICE_REGISTERED, EVENT_SERVICE_REMOVED):
        await client.send_json_auto_id({"type": "subscribe_events", "event_type": event})
        assert (await client.receive_json())["success"]
    changes = changes_of(hass)
    subentry = next(iter(bot.subentries.values()))
    hass.config_entries.async_update_subentry(bot, subentry, data={**subentry.data, "description": "First"})
    await hass.async_block_till_done()
    assert [event.data["service"] for event in changes] == ["stream_0"]

    await hass.config_entries.async_remove(bot.entry_id)
    await hass.async_block_till_done()
    assert actions(hass) == set()
    assert len(changes) == 1001
    await client.send_json_auto_id({"type": "ping"})
    for _ in range(1001):
        assert (await client.receive_json())["type"] == "event"
    assert (await client.receive_json())["type"] == "pong"


async def test_what_a_microservice_declares_besides_does_not_stand_in_the_form(
    hass: HomeAssistant, add_bot: AddBot
) -> None:
    """It is accepted all the same."""
    bot = await add_bot()
    await add_stream(bot, "ring", fields=[row("times", "number")])
    listener = listener_to(bot, "ring", Ringer)
    assert "loud" not in (await described(hass, "ring"))["fields"]
    await call(hass, "ring", times=1, loud="yes")
    assert listener.contents == [{"times": 1, "loud": True}]


# Fields that are in use.


@pytest.mark.warns
async def test_a_field_that_is_renamed_under_a_running_automation_stops_it_in_words(
    hass: HomeAssistant, add_bot: AddBot, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is sent with the former name, and the next run with the new one works."""
    bot = await add_bot()
    await add_stream(bot, "ring", fields=[row("times", "number")])
    listener = listener_to(bot, "ring")
    wait = {"wait_for_trigger": {"trigger": "event", "event_type": "go_on"}}
    actions = [wait, {"action": "datastream_bot.ring", "data": {"times": 2}}]
    automation = {"alias": "Go", "triggers": {"trigger": "event", "event_type": "go"}, "actions": actions}
    assert await async_setup_component(hass, "automation", {"automation": automation})
    hass.bus.async_fire("go")
    await ticks(50)
    await change_stream(bot, "ring", fields=[row("how_often", "number")])
    hass.bus.async_fire("go_on")
    await hass.async_block_till_done()
    assert "times is unknown" in caplog.text
    assert listener.contents == []
    await call(hass, "ring", how_often=2)
    assert listener.contents == [{"how_often": 2}]


async def test_who_removes_a_field_is_told_what_relies_on_it(hass: HomeAssistant, add_bot: AddBot) -> None:
    """Automations and scripts, by the action or by the address, with the field as a key or in a template."""
    bot = await add_bot()
    await add_stream(bot, "door-bell", fields=[row("times", "number"), row("who"), row("on", "boolean")])
    ring = {"action": "datastream_bot.door_bell"}
    automations = [
        {"alias": "Rings", "triggers": [], "actions": [{**ring, "data": {"times": 2}}]},
        {"alias": "Rings once", "triggers": [], "actions": [ring]},
        {"alias": "Switches", "triggers": [], "actions": [{**ring, "data": {True: True}}]},
        {
            "alias": "Hears",
            "triggers": {"trigger": "datastream_bot.message_received", "options": {"address": ["door-bell"]}},
            "actions": [{"event": "rung", "event_data": {"n": "{{ trigger.content.times }}"}}],
        },
        {"alias": "Counts times", "triggers": [], "actions": [{"event": "times"}]},
    ]
    send = {"address": "door-bell", "content": {"times": 3}}
    script = {"alias": "Sends", "sequence": [{"action": "datastream_bot.send", "data": send}]}
    assert await async_setup_component(hass, "automation", {"automation": automations})
    assert await async_setup_component(hass, "script", {"script": {"sends": script}})

    async def without(*names: str) -> Any:
        form = await show_form_of(bot, "door-bell")
        kept = [row(name, type_) for name, type_ in (("times", "number"), ("who", "text"), ("on", "boolean"))]
        data = {"address": "door-bell", "external": True, "mode": "parallel"}
        return await submit(bot, form, {**data, "fields": [each for each in kept if each["name"] not in names]})

    told = await without("times")
    assert (told["type"], told["step_id"]) == (FlowResultType.FORM, "fields_gone")
    assert told["description_placeholders"] == {"fields": "times", "relying": "- Hears\n- Rings\n- Sends"}
    assert [field["name"] for field in stream_of(bot, "door-bell").data["fields"]] == ["times", "who", "on"]
    assert (await without("on"))["description_placeholders"]["relying"] == "- Switches"
    assert (await without("who"))["reason"] == "reconfigure_successful"

    done = await hass.config_entries.subentries.async_configure(told["flow_id"], {})
    await hass.async_block_till_done()
    assert done["reason"] == "reconfigure_successful"
    assert "times" not in (await described(hass, "door_bell"))["fields"]
    with pytest.raises(ServiceValidationError, match="times is unknown"):
        await call(hass, "door_bell", times=2)
