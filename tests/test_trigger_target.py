"""The target of the trigger `datastream_bot.message_received`: data streams and bots, in real automations."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    floor_registry as fr,
    issue_registry as ir,
    label_registry as lr,
)
import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.datastream_bot.bot import Bot

from .automations import listen, traced
from .conftest import AddBot, Send
from .home import state_of
from .streams import add_stream, change_stream, remove_stream, row, stream_of

type Target = dict[str, Any]


@pytest.fixture
async def bots(hass: HomeAssistant, add_bot: AddBot) -> tuple[Bot, Bot]:
    """Add two bots, each with a doorbell and a gate."""
    home, garden = await add_bot("Home"), await add_bot("Garden")
    for bot in (home, garden):
        for address in ("doorbell", "gate"):
            await add_stream(bot, address)
    return home, garden


def device_of(bot: Bot, address: str) -> str:
    """Return the id of the device of a data stream."""
    identifier = ("datastream_bot", stream_of(bot, address).subentry_id)
    device = dr.async_get(bot.hass).async_get_device_by_identifier(identifier, bot.bot_id)
    assert device is not None
    return device.id


def device_itself(bot: Bot) -> Target:
    """Return the device of the data stream as a target."""
    return {"device_id": device_of(bot, "doorbell")}


def event_entity(bot: Bot) -> Target:
    """Return its event entity as a target."""
    return {"entity_id": "event.home_doorbell"}


def room_of_device(bot: Bot) -> Target:
    """Put the device into a room, and return that as a target."""
    room = ar.async_get(bot.hass).async_create("Hall")
    dr.async_get(bot.hass).async_update_device(device_of(bot, "doorbell"), area_id=room.id)
    return {"area_id": room.id}


def room_of_entity(bot: Bot) -> Target:
    """Put the event entity into a room of its own, and return that as a target."""
    room = ar.async_get(bot.hass).async_create("Porch")
    er.async_get(bot.hass).async_update_entity("event.home_doorbell", name="Bell", area_id=room.id)
    return {"area_id": [room.id]}


def floor_of_device(bot: Bot) -> Target:
    """Put the device onto a floor, and return that as a target."""
    floor = fr.async_get(bot.hass).async_create("Ground floor")
    ar.async_get(bot.hass).async_update(room_of_device(bot)["area_id"], floor_id=floor.floor_id)
    return {"floor_id": floor.floor_id}


def label_of_device(bot: Bot) -> Target:
    """Put a label on the device, and return that as a target."""
    label = lr.async_get(bot.hass).async_create("Visitors").label_id
    dr.async_get(bot.hass).async_update_device(device_of(bot, "doorbell"), labels={label})
    return {"label_id": label}


def label_of_entity(bot: Bot) -> Target:
    """Put a label on the event entity, and return that as a target."""
    label = lr.async_get(bot.hass).async_create("Visitors").label_id
    er.async_get(bot.hass).async_update_entity("event.home_doorbell", labels={label})
    return {"label_id": [label]}


async def send_all(hass: HomeAssistant, send: Send) -> None:
    """Send a message to each address, and to one that no bot knows."""
    for address in ("doorbell", "gate", "unknown"):
        await send(address)
    await hass.async_block_till_done()


@pytest.mark.parametrize(
    "target_of",
    [
        device_itself,
        event_entity,
        room_of_device,
        room_of_entity,
        floor_of_device,
        label_of_device,
        label_of_entity,
    ],
)
async def test_a_data_stream_is_chosen_by_whatever_it_belongs_to(
    hass: HomeAssistant, bots: tuple[Bot, Bot], send: Send, target_of: Any
) -> None:
    """Its own messages trigger, and neither those to other addresses nor those that other bots receive."""
    home, _ = bots
    heard = await listen(hass, target=target_of(home))

    await send_all(hass, send)

    assert [(event.data["address"], event.data["bot"]) for event in heard] == [("doorbell", home.bot_id)]


async def test_the_device_of_a_bot_stands_for_all_that_the_bot_receives(
    hass: HomeAssistant, bots: tuple[Bot, Bot], send: Send
) -> None:
    """Also at data streams that are added later."""
    home, _ = bots
    heard = await listen(hass, target={"device_id": home.device_id})
    await add_stream(home, "letterbox")

    await send_all(hass, send)
    await send("letterbox")
    await hass.async_block_till_done()

    assert [event.data["address"] for event in heard] == ["doorbell", "gate", "letterbox"]
    assert {event.data["bot"] for event in heard} == {home.bot_id}


async def test_a_switch_of_a_bot_stands_for_no_data_stream(
    hass: HomeAssistant, bots: tuple[Bot, Bot], send: Send
) -> None:
    """Nor does anything else that is no data stream."""
    heard = await listen(hass, target={"entity_id": ["switch.home_doors", "light.kitchen"]})
    await send_all(hass, send)
    assert heard == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"address": "gate"}, ["gate"]),
        ({"address": "unknown"}, []),
        ({"config_entry_id": "Home"}, ["doorbell", "gate"]),
        ({"config_entry_id": "Garden"}, []),
        ({"content": {"times": 2}}, ["gate"]),
    ],
)
async def test_with_a_target_the_options_must_match_as_well(
    hass: HomeAssistant, bots: tuple[Bot, Bot], send: Send, options: dict[str, Any], expected: list[str]
) -> None:
    """An address, a bot, or content."""
    home, _ = bots
    heard = await listen(hass, target={"device_id": home.device_id}, **options)

    await send("doorbell", {"times": 1})
    await send("gate", {"times": 2})
    await send("unknown", {"times": 2})
    await hass.async_block_till_done()

    assert [event.data["address"] for event in heard] == expected


async def test_it_follows_names_reloads_and_changes_of_the_data_stream(
    hass: HomeAssistant, bots: tuple[Bot, Bot], send: Send
) -> None:
    """Nobody has to change the automation."""
    home, _ = bots
    heard = await listen(hass, target={"device_id": device_of(home, "doorbell")})

    er.async_get(hass).async_update_entity("event.home_doorbell", new_entity_id="event.bell")
    er.async_get(hass).async_update_entity("event.bell", hidden_by=er.RegistryEntryHider.USER)
    dr.async_get(hass).async_update_device(device_of(home, "doorbell"), name_by_user="Bell")
    hass.config_entries.async_update_entry(home.entry, title="House")
    await hass.async_block_till_done()
    await send("doorbell", {"number": 1})
    await hass.config_entries.async_reload(home.bot_id)
    await send("doorbell", {"number": 2})
    await change_stream(home.entry.runtime_data, "doorbell", address="bell")
    await send("bell", {"number": 3})
    await send("doorbell", {"number": 4})
    er.async_get(hass).async_update_entity("event.bell", disabled_by=er.RegistryEntryDisabler.USER)
    await hass.async_block_till_done()
    await send("bell", {"number": 5})
    await hass.async_block_till_done()

    assert [event.data["content"]["number"] for event in heard] == [1, 2, 3, 5]


@pytest.mark.parametrize("by", ["entity_id", "device_id"])
async def test_a_data_stream_that_is_deleted_and_added_again_is_waited_for_again(
    hass: HomeAssistant, bots: tuple[Bot, Bot], send: Send, by: str
) -> None:
    """By its event entity, which has the same id again, or by the device of its bot."""
    home, _ = bots
    heard = await listen(hass, target={by: {"entity_id": "event.home_doorbell", "device_id": home.device_id}[by]})
    await remove_stream(home, "doorbell")
    await send("doorbell")
    assert heard == []

    await add_stream(home, "doorbell")
    await send("doorbell")
    await hass.async_block_till_done()

    assert len(heard) == 1


async def test_it_is_resolved_when_a_message_comes(hass: HomeAssistant, bots: tuple[Bot, Bot], send: Send) -> None:
    """What is in the room by then counts, whether or not that was there before."""
    _, garden = bots
    room = ar.async_get(hass).async_create("Hall").id
    heard = await listen(hass, target={"area_id": room})
    await send("doorbell", {"number": 1})
    dr.async_get(hass).async_update_device(device_of(garden, "doorbell"), area_id=room)
    await send("doorbell", {"number": 2})
    dr.async_get(hass).async_update_device(device_of(garden, "doorbell"), area_id=None)
    await send("doorbell", {"number": 3})
    await hass.async_block_till_done()

    assert [(event.data["content"]["number"], event.data["bot"]) for event in heard] == [(2, garden.bot_id)]


async def test_it_waits_for_a_bot_that_is_loaded_later(hass: HomeAssistant, bots: tuple[Bot, Bot], send: Send) -> None:
    """As after a restart, when automations may be there first."""
    home, _ = bots
    target = {"device_id": device_of(home, "doorbell")}
    await hass.config_entries.async_unload(home.bot_id)
    heard = await listen(hass, target=target)
    await send("doorbell")
    await hass.config_entries.async_setup(home.bot_id)
    await send("doorbell")
    await hass.async_block_till_done()

    assert [event.data["bot"] for event in heard] == [home.bot_id]


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ({}, "This trigger needs a target or an address"),
        ({"device_id": []}, "This trigger needs a target or an address"),
        ({"device_id": "{{ device }}"}, "is a template, and this trigger cannot use templates"),
        ({"entity_id": ["event.home_doorbell", "{{ bell }}"]}, "{{ bell }} is not a valid entity ID"),
        ({"entity_id": "no entity"}, "no entity"),
        ({"bot": "Home"}, "bot"),
        ("event.home_doorbell", "expected a mapping"),
    ],
)
async def test_a_target_that_is_not_valid_is_told_when_the_automation_is_set_up(
    hass: HomeAssistant, target: Any, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The automation is there, but not available."""
    await listen(hass, target=target)

    assert state_of(hass, "automation.listen").state == "unavailable"
    assert told in caplog.text
    caplog.clear()


async def test_the_traces_say_why_a_message_in_the_target_did_not_trigger(
    hass: HomeAssistant, bots: tuple[Bot, Bot], send: Send, hass_ws_client: WebSocketGenerator
) -> None:
    """And nothing of all the others."""
    _, garden = bots
    await change_stream(garden, "doorbell", fields=[row("times", "number"), row("who")])
    devices = [device_of(bot, "doorbell") for bot in bots]
    await listen(hass, target={"device_id": devices}, content={"times": "2"})

    await send_all(hass, send)
    await send("doorbell", {"times": 3}, config_entry_id=garden.bot_id, external=False)
    await hass.async_block_till_done()

    assert sorted(await traced(hass_ws_client)) == [
        "The content differs: times is 3, not 2",
        "The content differs: times is null, not 2",
    ]


async def test_the_traces_say_that_content_fits_no_field_of_a_bot_in_the_target(
    hass: HomeAssistant, bots: tuple[Bot, Bot], send: Send, hass_ws_client: WebSocketGenerator
) -> None:
    """It may fit those of others."""
    home, _ = bots
    await change_stream(home, "doorbell", fields=[row("times", "number")])
    await listen(hass, target={"device_id": home.device_id}, content={"tims": 2})

    await send_all(hass, send)

    assert sorted(await traced(hass_ws_client)) == [
        "The content differs: tims is missing, not 2",
        "The content does not fit doorbell: tims is unknown, perhaps times is meant",
    ]
    assert not ir.async_get(hass).issues


async def test_the_traces_say_that_a_message_was_not_for_the_target(
    hass: HomeAssistant, bots: tuple[Bot, Bot], send: Send, hass_ws_client: WebSocketGenerator
) -> None:
    """When it came to an address that is waited for."""
    home, garden = bots
    await listen(hass, target={"device_id": home.device_id}, address=["doorbell", "unknown"], config_entry_id="Garden")

    await send("doorbell", config_entry_id=garden.bot_id, external=False)
    await send("unknown")
    await send("doorbell", config_entry_id=home.bot_id, external=False)
    await hass.async_block_till_done()

    assert sorted(await traced(hass_ws_client)) == [
        "Garden received the message, but its doorbell is not in the target",
        "Home received the message, but the trigger waits for another bot",
        "No bot received the message",
    ]


async def test_a_bot_that_is_gone_is_told_for_a_target_as_well(
    hass: HomeAssistant, bots: tuple[Bot, Bot], send: Send, hass_ws_client: WebSocketGenerator
) -> None:
    """In a repair issue, and in the traces of messages that are in the target."""
    home, _ = bots
    await listen(hass, target={"device_id": device_of(home, "doorbell")}, config_entry_id="Hut", content={"a": 1})

    await send_all(hass, send)

    ((_, issue),) = ir.async_get(hass).issues.items()
    assert issue.translation_placeholders == {"bot": "Hut", "addresses": "Home doorbell"}
    assert await traced(hass_ws_client) == ["There is no bot with the name or id Hut"]
