"""The event entity of a data stream."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
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
    assert state_of(hass, "event.doorbell").state == "unknown"
    context = Context()

    await send("doorbell", {"times": 2, "event_type": "mine"}, config_entry_id=bot.bot_id, context=context)

    state = state_of(hass, "event.doorbell")
    assert state.attributes["event_types"] == ["received"]
    assert state.attributes["event_type"] == "received"
    assert state.attributes["content"] == {"times": 2, "event_type": "mine"}
    assert state.attributes["sender"] == bot.bot_id
    assert state.attributes["origin"] == "action"
    assert state.context.parent_id == context.id


async def test_it_shows_the_content_as_its_bot_reads_it(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """With the defaults, and the same moment that the address is changed."""
    bot = await add_bot()
    await add_stream(bot, "lamp", fields=[row("on", "boolean"), row("level", "number", default="7")])
    await send("lamp", {"on": "off"})
    assert state_of(hass, "event.lamp").attributes["content"] == {"on": False, "level": 7}


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
        times.add(state_of(hass, "event.doorbell").state)
    assert len(times) == 3


async def test_an_old_message_is_not_new_again_after_a_reload(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """Its time stays what it was."""
    bot = await add_bot()
    await add_stream(bot, "doorbell")
    await send("doorbell", {"a": 1})
    before = state_of(hass, "event.doorbell").state

    await hass.config_entries.async_reload(bot.bot_id)
    await hass.async_block_till_done()

    assert state_of(hass, "event.doorbell").state == before
    await send("doorbell", {"a": 2})
    assert state_of(hass, "event.doorbell").attributes["content"] == {"a": 2}


async def test_it_follows_its_stream_to_another_address_and_back(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """An entity that the user disabled does not mind."""
    bot = await add_bot()
    await add_stream(bot, "one")
    await change_stream(bot, "one", address="two")
    await send("one", {"a": 1})
    assert state_of(hass, "event.one").state == "unknown"
    await send("two", {"a": 2})
    assert state_of(hass, "event.one").attributes["content"] == {"a": 2}

    er.async_get(hass).async_update_entity("event.one", disabled_by=er.RegistryEntryDisabler.USER)
    await hass.async_block_till_done()
    await change_stream(bot, "two", address="three", description="Changed")
    assert (await send("three"))["handled"] != []
    assert hass.states.get("event.one") is None


async def test_its_device_is_registered_anew_only_if_its_stream_was_changed(
    hass: HomeAssistant, add_bot: AddBot
) -> None:
    """Also while the bot was disabled, and with the name that the user gave the device."""
    bot = await add_bot()
    await add_stream(bot, "doorbell")
    devices = dr.async_get(hass)
    device_id = er.async_get(hass).entities["event.doorbell"].device_id or ""
    devices.async_update_device(device_id, name_by_user="Front door")
    registered = devices.async_get(device_id)

    await hass.config_entries.async_reload(bot.bot_id)
    assert devices.async_get(device_id) is registered
    assert state_of(hass, "event.doorbell").name == "Front door"

    await hass.config_entries.async_unload(bot.bot_id)
    await change_stream(bot, "doorbell", address="gate")
    await hass.config_entries.async_setup(bot.bot_id)
    registered = devices.async_get(device_id)
    assert registered is not None
    assert (registered.name, registered.name_by_user) == ("gate", "Front door")


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

    start = state_of(hass, "event.doorbell").last_changed.replace(year=2000)
    history: Any = await recorder.async_add_executor_job(
        lambda: get_significant_states(hass, start, dt_util.utcnow().replace(year=2100), ["event.doorbell"])
    )
    recorded = history["event.doorbell"][-1]
    assert recorded.attributes["origin"] == "action"
    assert "content" not in recorded.attributes
