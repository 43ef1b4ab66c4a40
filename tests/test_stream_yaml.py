"""Data streams as YAML: copied from a form, and pasted into another one."""

from itertools import count
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.datastream_bot.bot import Bot

from .conftest import AddBot, Home, Send
from .forms import suggested
from .home import is_on
from .streams import (
    add_stream,
    change_stream,
    look_and_submit,
    paste,
    row,
    show_form,
    show_form_of,
    shown_yaml,
    stream_of,
    submit,
    yaml_section,
)

TURN_ON_PORCH = {"action": "light.turn_on", "target": {"entity_id": "light.porch"}}
DOORBELL: dict[str, Any] = {
    "address": "doorbell",
    "description": "Somebody rings.",
    "external": False,
    "fields": [
        {"name": "times", "type": "number", "required": True, "description": "How often"},
        {"name": "loud", "type": "boolean", "default": False},
    ],
    "actions": [TURN_ON_PORCH],
    "mode": "queued",
    "event_type": "datastream_bot_rang",
}


@pytest.fixture
async def bot(home: Home, add_bot: AddBot) -> Bot:
    """Return a bot."""
    return await add_bot("Home")


async def test_a_data_stream_is_taken_over_from_another_bot_as_it_is(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send
) -> None:
    """What its form shows as YAML is all of it; it is looked at before it is saved."""
    bot, garden = await add_bot("Home"), await add_bot("Garden")
    fields = [row("times", "number", required=True, description="How often"), row("loud", "boolean", default=False)]
    await add_stream(bot, **DOORBELL | {"fields": fields})
    yaml = shown_yaml(await show_form_of(bot, "doorbell"))
    assert yaml == DOORBELL
    assert [*yaml] == [*DOORBELL]

    before = len(garden.entry.subentries)
    form = await show_form(garden)
    assert (shown_yaml(form), yaml_section(form).options) == (None, {"collapsed": True})
    filled_in = await paste(garden, form, yaml)
    assert suggested(filled_in)["fields"] == [
        row("times", "number", required=True, description="How often"),
        row("loud", "boolean", description="", default=False),
    ]
    assert len(garden.entry.subentries) == before
    added = await look_and_submit(garden, filled_in)

    assert len(garden.entry.subentries) == before + 1
    assert (added["type"], added["title"]) == (FlowResultType.CREATE_ENTRY, "doorbell")
    assert shown_yaml(await show_form_of(garden, "doorbell")) == yaml
    assert (await send("doorbell", {"times": 2}, config_entry_id=garden.bot_id))["handled"] != []
    assert is_on(hass, "light.porch")


async def test_yaml_that_says_little_is_a_data_stream_as_the_form_offers_it(bot: Bot) -> None:
    """A single action needs no list, as in the editor of actions."""
    filled_in = await paste(bot, await show_form(bot), {"address": " doorbell ", "actions": TURN_ON_PORCH})
    assert suggested(filled_in)["actions"] == TURN_ON_PORCH

    await look_and_submit(bot, filled_in)

    assert dict(stream_of(bot, "doorbell").data) == {
        "assistants": False,
        "shown": False,
        "address": "doorbell",
        "description": "",
        "external": True,
        "fields": [],
        "actions": [TURN_ON_PORCH],
        "mode": "parallel",
        "event_type": "",
    }
    assert shown_yaml(await show_form_of(bot, "doorbell")) == {
        "address": "doorbell",
        "external": True,
        "actions": [TURN_ON_PORCH],
        "mode": "parallel",
    }


async def test_of_a_built_in_data_stream_only_what_was_added_is_shared(add_bot: AddBot) -> None:
    """The other bot has the rest by itself."""
    bot, garden = await add_bot("Home"), await add_bot("Garden")
    await change_stream(bot, "toggle_everything", actions=[TURN_ON_PORCH], fields=[row("why")])
    yaml = shown_yaml(await show_form_of(bot, "toggle_everything"))
    assert yaml["fields"] == [{"name": "why", "type": "text"}]

    form = await show_form_of(garden, "toggle_everything")
    changed = await look_and_submit(garden, await paste(garden, form, yaml))

    assert (changed["type"], changed["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    shared, own = (dict(stream_of(each, "toggle_everything").data) for each in (bot, garden))
    assert own["fields"][-1] == {"name": "why", "type": "text", "required": False, "description": ""}
    assert [row["name"] for row in own["fields"]] == [row["name"] for row in shared["fields"]]
    assert own["actions"] == shared["actions"]


@pytest.mark.parametrize("emptied", [False, True])
async def test_while_the_yaml_is_as_it_was_shown_the_form_counts(bot: Bot, *, emptied: bool) -> None:
    """Also when somebody empties it; and on the form that YAML filled in."""
    await add_stream(bot, "doorbell", fields=[row("times", "number")])
    form = await show_form_of(bot, "doorbell")
    yaml = {True: {}, False: shown_yaml(form)}[emptied]

    changed = await submit(bot, form, {**suggested(form), "description": "Rings", "yaml": {"yaml": yaml}})

    assert changed["type"] is FlowResultType.ABORT
    assert stream_of(bot, "doorbell").data["description"] == "Rings"

    filled_in = await paste(bot, await show_form_of(bot, "doorbell"), {"address": "gate"})
    refused = await look_and_submit(bot, filled_in, address="!", description="Opens")
    assert (refused["step_id"], refused["errors"]) == ("yaml", {"address": "address_invalid"})
    assert suggested(refused)["description"] == "Opens"
    corrected = await submit(
        bot, refused, {**suggested(refused), "address": "door", "yaml": {"yaml": shown_yaml(refused)}}
    )
    assert corrected["type"] is FlowResultType.ABORT
    assert stream_of(bot, "door").data["description"] == "Opens"


@pytest.mark.parametrize(
    ("yaml", "problem"),
    [
        ("doorbell", "expected a mapping"),
        ([{"address": "doorbell"}], "expected a mapping"),
        ({"description": "Rings"}, "address: required key not provided"),
        ({"adress": "doorbell"}, "adress: not a valid option, did you mean 'address'?; address: required key"),
        ({"address": 5}, "address: expected text, which stands in quotes if YAML takes it for something else"),
        ({"address": "a", "fields": [{"name": True, "type": "text"}]}, "fields.0.name: expected text, which stands in"),
        ({"address": "a", "fields": [{"name": "x", "type": "nr"}]}, "fields.0.type: value must be one of"),
        ({"address": "a", "fields": [{"name": "x", "type": "text", "required": "{{ 1 }}"}]}, "fields.0.required: "),
        ({"address": "a", "fields": [{"name": "x", "type": "text", "max": 5}]}, "fields.0.max: not a valid option"),
        ({"address": "a", "fields": {"name": "x", "type": "text"}}, "fields: expected a list"),
        ({"address": "a", "fields": ["x"]}, "fields.0: expected a mapping"),
        ({"address": "a", "external": "{{ true }}"}, "external: expected bool"),
        ({"address": "a", "mode": "often"}, "mode: value must be one of"),
        ({"address": "a", "true": 1}, "true: not a valid option"),
        ({"address": "{{ address }}"}, "address: Start with a letter and go on"),
        ({"address": "toggle_everything"}, "address: This bot has a data stream with this address."),
        (
            {"address": "!", "fields": [{"name": "", "type": "text"}], "event_type": "homeassistant_stop"},
            (
                "address: Start with a letter and go on with letters from A to Z, digits, underscores, hyphens and "
                "dots, 64 characters at most. fields: Every field needs a name, without spaces around it. event_type: "
                "Start with datastream_bot_"
            ),
        ),
        (
            {
                "address": "a",
                "fields": [{"name": "x", "type": "number", "default": "one"}, {"name": "x", "type": "text"}],
            },
            "fields: Several things are not right with the fields. Two fields have the same name. A default does not",
        ),
        ({"address": "a", "actions": "light.turn_on"}, "actions: The actions are not valid: "),
        ({"address": "a", "actions": [{"event": "{{"}, {"action": "{{ }"}]}, "actions: The actions are not valid: "),
        ({"address": "a", "actions": [{"device_id": "x", "domain": "light", "type": "turn_on"}]}, "actions: The act"),
    ],
    ids=count(),
)
async def test_what_is_wrong_with_yaml_is_said_at_it(bot: Bot, yaml: object, problem: str) -> None:
    """Nothing that was typed is lost, there or elsewhere in the form, and nothing is saved."""
    result = await paste(bot, await show_form(bot), yaml, address="gate", actions=[TURN_ON_PORCH])

    assert (result["step_id"], result["errors"]) == ("user", {"yaml": "yaml_invalid"})
    assert result["description_placeholders"]["problem"].startswith(problem)
    assert (shown_yaml(result), yaml_section(result).options) == (yaml, {"collapsed": False})
    assert (suggested(result)["address"], suggested(result)["actions"]) == ("gate", [TURN_ON_PORCH])
    assert len(bot.entry.subentries) == 2


async def test_a_built_in_data_stream_cannot_become_another_one_by_yaml(bot: Bot) -> None:
    """Its handling could not move."""
    form = await show_form_of(bot, "toggle_everything")
    result = await paste(bot, form, DOORBELL)
    assert (result["step_id"], result["errors"]) == ("reconfigure_toggle_everything", {"yaml": "yaml_invalid"})
    assert result["description_placeholders"]["problem"].startswith("address: Every bot understands this address")


def nested(levels: int) -> Any:
    """Return lists in lists."""
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("typed", "errors"),
    [
        ({"yaml": {"yaml": {"address": "a", "actions": nested(500)}}}, {"yaml": "too_large"}),
        ({"yaml": {"yaml": {"address": "a", "description": "x" * 300_000}}}, {"yaml": "too_large"}),
        ({"yaml": {"yaml": nested(63)}}, {"yaml": "yaml_invalid"}),
        ({"yaml": {"yaml": nested(64)}}, {"yaml": "too_large"}),
        ({"fields": [row("list", "list", default=nested(500))]}, {"fields": "too_large"}),
        ({"actions": nested(500)}, {"actions": "too_large"}),
        ({"description": "x" * 300_000}, {"description": "too_large"}),
    ],
    ids=count(),
)
@pytest.mark.usefixtures("no_stack_traces")
async def test_what_home_assistant_could_not_store_is_refused(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, bot: Bot, typed: dict[str, Any], errors: dict[str, str]
) -> None:
    """It is not shown again either, as the page could not get it; all else is."""
    assert await async_setup_component(hass, "config", {})
    client = await hass_client()
    form = await show_form(bot)
    path = f"/api/config/config_entries/subentries/flow/{form['flow_id']}"

    response = await client.post(path, json={"address": "gate", "external": True, "mode": "parallel", **typed})

    answer = await response.json()
    assert (response.status, answer["errors"]) == (200, errors)
    shown = {field["name"]: field.get("description") for field in answer["data_schema"]}
    assert shown["address"] == {"suggested_value": "gate"}
    assert len(bot.entry.subentries) == 2


async def test_entities_are_called_as_they_are_called_everywhere(
    hass: HomeAssistant, bot: Bot, entity_registry: er.EntityRegistry
) -> None:
    """Home Assistant's editor writes ids that only this home knows into what it does with a device."""
    porch = entity_registry.async_get("light.porch")
    assert porch is not None
    actions = [
        {"condition": "state", "entity_id": [porch.id, "light.kitchen"], "state": "on"},
        {"action": "light.turn_on", "target": {"entity_id": porch.id}, "data": {"brightness": 5}},
    ]
    await add_stream(bot, "doorbell", actions=actions)

    yaml = shown_yaml(await show_form_of(bot, "doorbell"))

    assert yaml["actions"] == [
        {"condition": "state", "entity_id": ["light.porch", "light.kitchen"], "state": "on"},
        {"action": "light.turn_on", "target": {"entity_id": "light.porch"}, "data": {"brightness": 5}},
    ]
    assert stream_of(bot, "doorbell").data["actions"] == actions
