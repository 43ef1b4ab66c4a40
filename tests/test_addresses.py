"""Addresses and bots, as the page asks for them."""

from collections.abc import Awaitable, Callable
from typing import Any

from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.datastream_bot.const import DOMAIN

from .conftest import AddBot
from .streams import add_stream, row, stream_of
from .test_stream_actions import CALLED, listener_to

type Ask = Callable[[str], Awaitable[Any]]


@pytest.fixture
def ask(hass: HomeAssistant, hass_ws_client: WebSocketGenerator) -> Ask:
    """Return a function that asks as an administrator's page does."""

    async def ask_for(what: str) -> Any:
        client = await hass_ws_client(hass)
        await client.send_json_auto_id({"type": f"datastream_bot/{what}"})
        return (await client.receive_json())["result"]

    return ask_for


async def automate(hass: HomeAssistant) -> None:
    """Set up automations and a script that name addresses in all ways."""
    message_received = "datastream_bot.message_received"
    automations = [
        {
            "id": "hears",
            "alias": "Hears",
            "triggers": {"trigger": message_received, "options": {"address": ["gate"]}},
            "actions": {"choose": {"conditions": [], "sequence": {"action": "datastream_bot.door_bell"}}},
        },
        {
            "alias": "By target",
            "triggers": {"trigger": message_received, "target": {"entity_id": "event.x"}},
            "actions": [
                {"action": "datastream_bot.send", "data": {"address": "{{ any }}"}},
                {"action": "datastream_bot.{{ any }}"},
                {"action": "light.turn_on", "target": {"entity_id": "light.none"}},
            ],
        },
    ]
    send = {"action": "datastream_bot.send", "data": {"address": "lost", "content": {"address": "no"}}}
    assert await async_setup_component(hass, "automation", {"automation": automations})
    assert await async_setup_component(hass, "script", {"script": {"sends": {"sequence": [send]}}})


async def test_the_page_is_told_of_every_address(hass: HomeAssistant, add_bot: AddBot, ask: Ask) -> None:
    """Who declares, opens, listens and sends; what content it takes; and where messages would come to nothing."""
    home, garden = await add_bot("Home"), await add_bot("Garden")
    await add_stream(
        home, "door-bell", description="Rings", fields=[row("times", "number", required=True)], actions=CALLED
    )
    await add_stream(garden, "door-bell", external=False, fields=[row("loud", "boolean", required=True, default=True)])
    await add_stream(home, "gate", event_type="datastream_bot_gate")
    await add_stream(home, "idle")
    await add_stream(garden, "shown")
    listener_to(garden, "shown")
    await automate(hass)

    told = {each.pop("address"): each for each in await ask("addresses")}
    assert told.keys() == {
        *("door-bell", "gate", "idle", "lost", "send_push_notification", "shown", "toggle_everything"),
    }
    assert told["door-bell"] == {
        "action": "datastream_bot.door_bell",
        "description": "Rings",
        "is_open": True,
        "bots": [
            {"id": home.bot_id, "name": "Home", "is_declared": True, "is_open": True, "receivers": ["mapping"]},
            {"id": garden.bot_id, "name": "Garden", "is_declared": True, "is_open": False, "receivers": []},
        ],
        "automations": [{"entity_id": "automation.hears", "id": "hears", "listens": False, "sends": True}],
        "fields": [
            {
                "name": "times",
                "expected": "a number",
                "required": True,
                "description": "",
                "selector": {"number": {"step": "any"}},
            },
            {
                "name": "loud",
                "expected": "true or false",
                "required": False,
                "description": "",
                "selector": {"boolean": {}},
            },
        ],
        "dead_end": None,
    }
    assert [each["entity_id"] for each in told["gate"]["automations"] if each["listens"]] == ["automation.hears"]
    assert {address: each["dead_end"] for address, each in told.items() if each["dead_end"]} == {
        "idle": "nobody_listens",
        "lost": "unknown",
    }
    assert told["shown"]["bots"][0]["receivers"] == ["listener"]
    assert (told["lost"]["action"], told["lost"]["bots"], told["lost"]["is_open"]) == (None, [], False)
    assert told["lost"]["automations"][0]["entity_id"] == "script.sends"
    assert "device" in told["toggle_everything"]["bots"][0]["receivers"]


async def test_an_automation_that_waits_by_target_is_one_that_listens(
    hass: HomeAssistant, add_bot: AddBot, ask: Ask
) -> None:
    """By the device or the event entity of a data stream, or by the device of the bot: that is all of its addresses."""
    home, garden = await add_bot("Home"), await add_bot("Garden")
    for address in ("bell", "gate", "idle"):
        await add_stream(home, address)
    await add_stream(garden, "lawn")
    garden_device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, garden.bot_id), garden.bot_id)
    stream = stream_of(home, "bell").subentry_id
    bell = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, stream), home.bot_id)
    gate = er.async_get(hass).async_get_entity_id("event", DOMAIN, stream_of(home, "gate").subentry_id)
    assert bell is not None
    assert garden_device is not None
    targets = [{"device_id": bell.id}, {"entity_id": gate}, {"device_id": [garden_device.id]}]
    automations = [
        {"alias": f"Waits {number}", "triggers": {"trigger": "datastream_bot.message_received", "target": target}}
        for number, target in enumerate(targets)
    ]
    config = [{**automation, "actions": []} for automation in automations]
    assert await async_setup_component(hass, "automation", {"automation": config})
    listening = {
        each["address"]: [automation["entity_id"] for automation in each["automations"] if automation["listens"]]
        for each in await ask("addresses")
    }
    assert listening["bell"] == ["automation.waits_0"]
    assert listening["gate"] == ["automation.waits_1"]
    assert listening["lawn"] == ["automation.waits_2"]
    assert listening["idle"] == []


async def test_the_page_is_told_of_every_bot(hass: HomeAssistant, add_bot: AddBot, ask: Ask) -> None:
    """With its microservices; also of one that does not run, since messages of before may be its."""
    home, garden = await add_bot("Home"), await add_bot("Garden")
    await add_stream(home, "idle")
    await add_stream(home, "asked")
    await hass.config_entries.async_set_disabled_by(garden.bot_id, ConfigEntryDisabler.USER)
    microservices = [
        {"name": "location", "addresses": ["send_push_notification"]},
        {"name": "device", "addresses": ["toggle_everything"]},
        {"name": "mapping", "addresses": ["asked", "idle"]},
    ]
    assert await ask("bots") == [
        {"id": home.bot_id, "name": "Home", "is_running": True, "microservices": microservices},
        {"id": garden.bot_id, "name": "Garden", "is_running": False, "microservices": []},
    ]


@pytest.mark.parametrize("what", ["addresses", "bots"])
async def test_only_administrators_are_told(
    hass: HomeAssistant,
    add_bot: AddBot,
    hass_ws_client: WebSocketGenerator,
    hass_read_only_access_token: str,
    what: str,
) -> None:
    """It is about the whole home."""
    await add_bot()
    client = await hass_ws_client(hass, hass_read_only_access_token)
    await client.send_json_auto_id({"type": f"datastream_bot/{what}"})
    assert (await client.receive_json())["error"]["code"] == "unauthorized"
