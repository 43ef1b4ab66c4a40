"""The event entity of a data stream."""

from pathlib import Path
import re
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.translation import async_get_translations
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from .conftest import AddBot, Send
from .home import state_of
from .streams import add_stream, change_stream, row


async def test_it_shows_the_last_message_with_where_it_came_from(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """And leads back to its cause."""
    bot = await add_bot()
    await add_stream(bot, "doorbell")
    assert state_of(hass, "event.home_doorbell").state == "unknown"
    context = Context()

    await send("doorbell", {"times": 2, "event_type": "mine"}, config_entry_id=bot.bot_id, context=context)

    state = state_of(hass, "event.home_doorbell")
    assert state.attributes["event_types"] == ["received"]
    assert state.attributes["event_type"] == "received"
    assert state.attributes["content"] == {"times": 2, "event_type": "mine"}
    assert (state.attributes["sender"], state.attributes["sender_name"]) == (bot.bot_id, "Home")
    assert state.attributes["origin"] == "action"
    assert state.context.parent_id == context.id


async def test_it_leaves_out_what_is_not_known_of_the_sender(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """Who sends from outside has no name, and neither has a bot that is gone by then."""
    bot, garden = await add_bot("Home"), await add_bot("Garden")
    await add_stream(bot, "doorbell")
    sources = ("sender", "sender_name", "home")

    await send("doorbell")
    attributes = state_of(hass, "event.home_doorbell").attributes
    assert [name for name in sources if name in attributes] == []

    await hass.config_entries.async_remove(garden.bot_id)
    await garden.async_distribute_datastream_message("doorbell", {})
    attributes = state_of(hass, "event.home_doorbell").attributes
    assert [name for name in sources if name in attributes] == ["sender"]


async def test_every_origin_is_shown_in_words(hass: HomeAssistant) -> None:
    """Those that the documentation names."""
    documented = Path(__file__).parents[1].joinpath("docs", "sending.md").read_text(encoding="utf-8")
    rows = documented.split("### Origin")[1].split("## Loops")[0]
    texts = await async_get_translations(hass, "en", "entity", {"datastream_bot"})
    key = "component.datastream_bot.entity.event.data_stream.state_attributes.origin.state."
    in_words = {path.removeprefix(key) for path in texts if path.startswith(key)}
    assert in_words == {name for row in rows.splitlines() for name in re.findall(r"`([a-z_]+)`", row.split(" | ")[0])}


async def test_streams_of_two_bots_can_be_told_apart(hass: HomeAssistant, add_bot: AddBot) -> None:
    """By the name of the bot in the name of the device, which is followed when it is changed; entity ids stay."""
    await add_bot("Home")
    garden = await add_bot("Garden")
    names = {state_of(hass, entity_id).name for entity_id in hass.states.async_entity_ids("event")}
    assert {"Home toggle_everything", "Garden toggle_everything"} < names

    hass.config_entries.async_update_entry(garden.entry, title="Yard")
    await hass.async_block_till_done()
    assert state_of(hass, "event.garden_toggle_everything").name == "Yard toggle_everything"


async def test_a_stream_that_has_its_address_for_a_name_keeps_it(hass: HomeAssistant, add_bot: AddBot) -> None:
    """It was registered when devices had no other; its entity id stays as well."""
    bot = await add_bot("Home")
    await add_stream(bot, "doorbell")
    devices, entities = dr.async_get(hass), er.async_get(hass)
    device_id = entities.entities["event.home_doorbell"].device_id or ""
    entities.async_update_entity("event.home_doorbell", new_entity_id="event.doorbell")
    devices.async_update_device(device_id, name="doorbell")
    await hass.config_entries.async_reload(bot.bot_id)
    assert state_of(hass, "event.doorbell").name == "doorbell"

    await change_stream(bot.entry.runtime_data, "doorbell", address="gate")
    await hass.async_block_till_done()
    assert state_of(hass, "event.doorbell").name == "gate"


async def test_every_device_says_whose_it_is(hass: HomeAssistant, add_bot: AddBot) -> None:
    """The bot's and those of its data streams."""
    bot = await add_bot("Home")
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), bot.bot_id)
    assert [device.manufacturer for device in devices if isinstance(device, dr.DeviceEntry)] == ["Data Stream Bot"] * 3


async def test_it_shows_the_content_as_its_bot_reads_it(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """With the defaults, and the same moment that the address is changed."""
    bot = await add_bot()
    await add_stream(bot, "lamp", fields=[row("on", "boolean"), row("level", "number", default="7")])
    await send("lamp", {"on": "off"})
    assert state_of(hass, "event.home_lamp").attributes["content"] == {"on": False, "level": 7}


async def test_it_shows_what_its_own_bot_receives_and_nothing_else(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """A message that is refused, closed out, or for another bot only, is not received."""
    home, garden = await add_bot("Home"), await add_bot("Garden")
    await add_stream(home, "work", external=False)
    await add_stream(garden, "work")
    registry = er.async_get(hass)
    changes = async_capture_events(hass, "state_changed")

    await send("work", {"a": 1})
    changed = [registry.async_get(event.data["entity_id"]) for event in changes]
    assert [entry.config_entry_id for entry in changed if entry] == [garden.bot_id]

    changes.clear()
    await send("work", {"a": 2}, config_entry_id=home.bot_id, external=False)
    changed = [registry.async_get(event.data["entity_id"]) for event in changes]
    assert [entry.config_entry_id for entry in changed if entry] == [home.bot_id]


async def test_equal_messages_are_events_of_their_own(
    hass: HomeAssistant, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory
) -> None:
    """Even within the same millisecond."""
    bot = await add_bot()
    await add_stream(bot, "doorbell")
    times = set()
    for _ in range(3):
        await send("doorbell", {"a": 1})
        times.add(state_of(hass, "event.home_doorbell").state)
    assert len(times) == 3


async def test_an_old_message_is_not_new_again_after_a_reload(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """Its time stays what it was."""
    bot = await add_bot()
    await add_stream(bot, "doorbell")
    await send("doorbell", {"a": 1})
    before = state_of(hass, "event.home_doorbell").state

    await hass.config_entries.async_reload(bot.bot_id)
    await hass.async_block_till_done()

    assert state_of(hass, "event.home_doorbell").state == before
    await send("doorbell", {"a": 2})
    assert state_of(hass, "event.home_doorbell").attributes["content"] == {"a": 2}


async def test_it_follows_its_stream_to_another_address_and_back(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """An entity that the user disabled does not mind."""
    bot = await add_bot()
    await add_stream(bot, "one")
    await change_stream(bot, "one", address="two")
    await send("one", {"a": 1})
    assert state_of(hass, "event.home_one").state == "unknown"
    await send("two", {"a": 2})
    assert state_of(hass, "event.home_one").attributes["content"] == {"a": 2}

    er.async_get(hass).async_update_entity("event.home_one", disabled_by=er.RegistryEntryDisabler.USER)
    await hass.async_block_till_done()
    await change_stream(bot, "two", address="three", description="Changed")
    assert (await send("three"))["handled"] != []
    assert hass.states.get("event.home_one") is None


async def test_its_device_is_registered_anew_only_if_its_stream_was_changed(
    hass: HomeAssistant, add_bot: AddBot
) -> None:
    """Also while the bot was disabled, and with the name that the user gave the device."""
    bot = await add_bot()
    await add_stream(bot, "doorbell")
    devices = dr.async_get(hass)
    device_id = er.async_get(hass).entities["event.home_doorbell"].device_id or ""
    devices.async_update_device(device_id, name_by_user="Front door")
    registered = devices.async_get(device_id)

    await hass.config_entries.async_reload(bot.bot_id)
    assert devices.async_get(device_id) is registered
    assert state_of(hass, "event.home_doorbell").name == "Front door"

    await hass.config_entries.async_unload(bot.bot_id)
    await change_stream(bot, "doorbell", address="gate")
    await hass.config_entries.async_setup(bot.bot_id)
    registered = devices.async_get(device_id)
    assert registered is not None
    assert (registered.name, registered.name_by_user) == ("Home gate", "Front door")


@pytest.mark.usefixtures("recorder_mock")
async def test_the_content_is_not_recorded(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """The last message is there to be read, not to fill the database."""
    bot = await add_bot()
    await add_stream(bot, "doorbell")
    await send("doorbell", {"secret": "x"})
    await hass.async_block_till_done(wait_background_tasks=True)
    recorder: Any = hass.data["recorder_instance"]
    await recorder.async_block_till_done()

    from homeassistant.components.recorder.history import get_significant_states  # noqa: PLC0415
    from homeassistant.util import dt as dt_util  # noqa: PLC0415

    start = state_of(hass, "event.home_doorbell").last_changed.replace(year=2000)
    history: Any = await recorder.async_add_executor_job(
        lambda: get_significant_states(hass, start, dt_util.utcnow().replace(year=2100), ["event.home_doorbell"])
    )
    recorded = history["event.home_doorbell"][-1]
    assert recorded.attributes["origin"] == "action"
    assert "content" not in recorded.attributes
