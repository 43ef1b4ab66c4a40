"""The sensors of a bot: what it switches, and what became of the messages to it."""

from collections.abc import Awaitable, Callable
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.recorder.history import get_significant_states
from homeassistant.core import HomeAssistant, State
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    label_registry as lr,
)
from homeassistant.helpers.recorder import get_instance
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
    mock_restore_cache_with_extra_data,
)
from pytest_homeassistant_custom_component.components.recorder.common import async_wait_recording_done

from custom_components.datastream_bot.bot import Bot

from .conftest import AddBot, Home, Send
from .days import LEAVING, RETURNING, go_on, group, turn
from .home import Reader, state_of
from .streams import add_stream, row

DISABLED = ("remembered", "messages_handled", "messages_failed", "messages_refused", "last_error")

type AddSeen = Callable[[], Awaitable[Bot]]


@pytest.fixture
def add_seen(hass: HomeAssistant, add_bot: AddBot, freezer: FrozenDateTimeFactory) -> AddSeen:
    """Return a function that adds a bot, and enables all of its sensors."""

    async def add() -> Bot:
        bot = await add_bot()
        for name in DISABLED:
            er.async_get(hass).async_update_entity(f"sensor.home_{name}", disabled_by=None)
        await hass.async_block_till_done()
        # Home Assistant loads the bot anew then.
        await go_on(hass, freezer, 31)
        loaded = bot.entry.runtime_data
        assert isinstance(loaded, Bot)
        return loaded

    return add


async def counts(hass: HomeAssistant) -> list[str]:
    """Return how many messages were handled, failed and refused."""
    await hass.async_block_till_done()
    return [state_of(hass, f"sensor.home_messages_{name}").state for name in ("handled", "failed", "refused")]


def attached(hass: HomeAssistant) -> list[str]:
    """Return what the sensor says that the bot is attached to."""
    state = state_of(hass, "sensor.home_attached")
    entities: list[str] = state.attributes["entities"]
    assert state.state == str(len(entities))
    return entities


async def test_only_what_is_attached_is_shown_at_first(hass: HomeAssistant, home: Home, add_bot: AddBot) -> None:
    """The other sensors are there to be enabled."""
    await add_bot()
    assert hass.states.async_entity_ids("sensor") == ["sensor.home_attached"]
    registry = er.async_get(hass)
    assert {
        entity_id
        for entity_id, entity in registry.entities.items()
        if entity.disabled_by is er.RegistryEntryDisabler.INTEGRATION
    } == {f"sensor.home_{name}" for name in DISABLED}
    assert attached(hass) == [*home]


async def test_what_is_attached_is_looked_up_30_seconds_after_a_change(
    hass: HomeAssistant, home: Home, add_bot: AddBot, freezer: FrozenDateTimeFactory
) -> None:
    """Once for all that changes until then."""
    await add_bot()
    changes = async_capture_events(hass, "state_changed")
    registry = er.async_get(hass)
    registry.async_update_entity("light.kitchen", hidden_by=er.RegistryEntryHider.USER)
    label = lr.async_get(hass).async_create("datastream_bot_ignore")
    registry.async_update_entity("light.porch", labels={label.label_id})
    await go_on(hass, freezer, 29)
    assert attached(hass) == [*home]
    await go_on(hass, freezer, 2)
    assert attached(hass) == ["switch.fan"]
    assert [change.data["entity_id"] for change in changes].count("sensor.home_attached") == 1

    registry.async_update_entity("light.porch", labels=set())
    await go_on(hass, freezer, 31)
    assert attached(hass) == ["light.porch", "switch.fan"]


async def test_what_is_attached_is_looked_up_by_a_sensor_that_was_renamed_too(
    hass: HomeAssistant, home: Home, add_bot: AddBot, freezer: FrozenDateTimeFactory
) -> None:
    """Home Assistant removes it and adds it again."""
    await add_bot()
    registry = er.async_get(hass)
    registry.async_update_entity("sensor.home_attached", new_entity_id="sensor.lamps")
    await hass.async_block_till_done()
    registry.async_update_entity("light.kitchen", hidden_by=er.RegistryEntryHider.USER)
    await go_on(hass, freezer, 31)

    assert state_of(hass, "sensor.lamps").state == str(len(home) - 1)


def _label_its_area(hass: HomeAssistant, label: str) -> None:
    areas = ar.async_get(hass)
    area = areas.async_get_area_by_name("Outside")
    assert area is not None
    areas.async_update(area.id, labels={label})


def _label_its_device(hass: HomeAssistant, label: str) -> None:
    porch = er.async_get(hass).async_get("light.porch")
    assert porch is not None
    assert porch.device_id is not None
    dr.async_get(hass).async_update_device(porch.device_id, labels={label})


def _rename_its_label(hass: HomeAssistant, label: str) -> None:
    lr.async_get(hass).async_update("old", name=label)


@pytest.mark.parametrize("exclude", [_label_its_area, _label_its_device, _rename_its_label])
async def test_what_is_excluded_by_an_area_a_device_or_a_label_is_shown_no_more(
    hass: HomeAssistant,
    home: Home,
    add_bot: AddBot,
    freezer: FrozenDateTimeFactory,
    exclude: Callable[[HomeAssistant, str], None],
) -> None:
    """Although the lamp itself is as it was."""
    helper = MockConfigEntry()
    helper.add_to_hass(hass)
    device = dr.async_get(hass).async_get_or_create(config_entry_id=helper.entry_id, identifiers={("test", "porch")})
    area, label = ar.async_get(hass).async_create("Outside"), lr.async_get(hass).async_create("Old")
    er.async_get(hass).async_update_entity("light.porch", area_id=area.id, device_id=device.id, labels={label.label_id})
    await add_bot()
    await go_on(hass, freezer, 31)
    assert attached(hass) == [*home]

    exclude(hass, "datastream_bot_ignore")
    await go_on(hass, freezer, 31)
    assert attached(hass) == ["light.kitchen", "switch.fan"]


async def test_the_members_of_a_group_are_looked_up_when_its_helper_is_changed(
    hass: HomeAssistant, home: Home, add_bot: AddBot, freezer: FrozenDateTimeFactory
) -> None:
    """Nothing but its options tells of them."""
    await group(hass, "Downstairs", ["light.kitchen", "light.porch"])
    er.async_get(hass).async_update_entity("light.kitchen", hidden_by=None)
    await add_bot()
    await go_on(hass, freezer, 31)
    assert attached(hass) == [*home]

    (helper,) = hass.config_entries.async_entries("group")
    hass.config_entries.async_update_entry(helper, options={**helper.options, "entities": ["light.kitchen"]})
    await hass.config_entries.async_reload(helper.entry_id)
    await hass.async_block_till_done()
    await go_on(hass, freezer, 31)
    assert attached(hass) == ["light.kitchen", "switch.fan"]


async def test_lights_without_an_entry_in_the_registry_come_and_go(
    hass: HomeAssistant, home: Home, add_bot: AddBot, freezer: FrozenDateTimeFactory
) -> None:
    """Nothing but their states tells of them."""
    await add_bot()
    hass.states.async_set("light.garden", "off")
    await hass.async_block_till_done()
    await go_on(hass, freezer, 31)
    assert attached(hass) == ["light.garden", *home]
    hass.states.async_remove("light.garden")
    await hass.async_block_till_done()
    await go_on(hass, freezer, 31)
    assert attached(hass) == [*home]


async def test_nothing_is_looked_up_while_nothing_has_changed(
    hass: HomeAssistant, home: Home, add_bot: AddBot, freezer: FrozenDateTimeFactory
) -> None:
    """What is switched on or off stays attached."""
    bot = await add_bot()
    await go_on(hass, freezer, 31)
    before = state_of(hass, "sensor.home_attached").last_reported
    await turn(hass, "light.kitchen", "on")
    await go_on(hass, freezer, 31)
    assert state_of(hass, "sensor.home_attached").last_reported == before
    assert await hass.config_entries.async_unload(bot.bot_id)


async def test_a_bot_that_was_unloaded_looks_no_more(
    hass: HomeAssistant, home: Home, add_bot: AddBot, freezer: FrozenDateTimeFactory
) -> None:
    """Although something has changed before."""
    bot = await add_bot()
    hass.states.async_set("light.garden", "off")
    await hass.async_block_till_done()
    await hass.config_entries.async_unload(bot.bot_id)
    await go_on(hass, freezer, 31)
    assert state_of(hass, "sensor.home_attached").state == "unavailable"


async def test_the_database_does_not_store_which_are_attached(
    recorder_mock: Any, hass: HomeAssistant, home: Home, add_bot: AddBot
) -> None:
    """Only how many."""
    began = dt_util.utcnow()
    await add_bot()
    await async_wait_recording_done(hass)
    stored = await get_instance(hass).async_add_executor_job(
        get_significant_states, hass, began, None, ["sensor.home_attached"]
    )
    last = stored["sensor.home_attached"][-1]
    assert isinstance(last, State)
    assert last.state == "3"
    assert "entities" not in last.attributes


async def test_what_is_remembered_is_counted_at_once(
    hass: HomeAssistant, home: Home, add_seen: AddSeen, send: Send
) -> None:
    """For whatever occasion, each light and switch once."""
    await add_seen()
    await send("toggle_everything", {"on": True})
    assert state_of(hass, "sensor.home_remembered").state == "0"
    await send("toggle_everything", {**LEAVING, "target": {"entity_id": "light.kitchen"}})
    await send("toggle_everything", {"on": True})
    await send("toggle_everything", {**LEAVING, "memory": "film", "domain": "light"})
    assert state_of(hass, "sensor.home_remembered").state == "2"
    await send("toggle_everything", {**RETURNING, "memory": "film"})
    await send("toggle_everything", RETURNING)
    assert state_of(hass, "sensor.home_remembered").state == "0"


@pytest.mark.warns
async def test_each_delivery_is_counted_by_what_became_of_it(
    hass: HomeAssistant, home: Home, add_seen: AddSeen, send: Send
) -> None:
    """Those of other bots are not."""
    bot = await add_seen()
    await add_stream(bot, "doorbell", fields=[row("times", "number", required="required")])
    await add_stream(bot, "broken", actions=[{"stop": "broken", "error": True}])
    bot.attach(Reader())
    assert await counts(hass) == ["0", "0", "0"]
    assert state_of(hass, "sensor.home_last_error").state == "unknown"

    await send("news", {"list": []}, config_entry_id=bot.bot_id)
    await send("toggle_everything", {"on": True})
    assert await counts(hass) == ["2", "0", "0"]

    await send("broken")
    assert await counts(hass) == ["2", "1", "0"]
    assert state_of(hass, "sensor.home_last_error").state == "broken: The actions stopped with an error: broken"

    with pytest.raises(ServiceValidationError):
        await send("doorbell", {"times": "many"})
    assert await counts(hass) == ["2", "1", "1"]
    assert state_of(hass, "sensor.home_last_error").state.startswith("doorbell: The content does not fit doorbell: ")

    await send("doorbell", {"times": 1})
    await send("unknown")
    assert await counts(hass) == ["3", "1", "1"]


async def test_a_message_that_one_bot_refuses_and_another_takes_counts_for_each(
    hass: HomeAssistant, add_seen: AddSeen, add_bot: AddBot, send: Send
) -> None:
    """As the receipt says."""
    bot = await add_seen()
    await add_stream(bot, "doorbell", fields=[row("times", "number", required="required")])
    garden = await add_bot("Garden")
    await add_stream(garden, "doorbell")
    await send("doorbell", {"times": "many"})
    assert await counts(hass) == ["0", "0", "1"]


@pytest.mark.warns
async def test_an_error_of_any_length_is_shown(hass: HomeAssistant, home: Home, add_seen: AddSeen, send: Send) -> None:
    """Shortened to what a state can hold, and in one line."""
    await add_seen()
    home["light.porch"].broken = "stuck\n" * 100
    await send("toggle_everything", {"on": True})
    error = state_of(hass, "sensor.home_last_error").state
    assert len(error) == 255
    assert "stuck\\nstuck" in error


@pytest.mark.warns
async def test_counts_go_on_after_a_reload(hass: HomeAssistant, home: Home, add_seen: AddSeen, send: Send) -> None:
    """And so does the last error."""
    bot = await add_seen()
    home["light.porch"].broken = "stuck"
    await send("toggle_everything", {"on": True})
    home["light.porch"].broken = None
    await send("toggle_everything", {"on": True})
    assert await counts(hass) == ["1", "1", "0"]
    await hass.config_entries.async_reload(bot.bot_id)
    await hass.async_block_till_done()
    assert await counts(hass) == ["1", "1", "0"]
    assert state_of(hass, "sensor.home_last_error").state.endswith(": stuck")
    await send("toggle_everything", {"on": True})
    assert await counts(hass) == ["2", "1", "0"]


async def test_what_was_stored_and_is_no_count_is_no_count(
    hass: HomeAssistant, home: Home, add_seen: AddSeen, send: Send
) -> None:
    """Counting begins anew."""
    bot = await add_seen()
    await hass.config_entries.async_unload(bot.bot_id)
    stored = {"messages_handled": "many", "messages_failed": 7, "messages_refused": None, "last_error": 3}
    mock_restore_cache_with_extra_data(
        hass,
        [
            (State(f"sensor.home_{name}", "1"), {"native_value": value, "native_unit_of_measurement": None})
            for name, value in stored.items()
        ],
    )
    await hass.config_entries.async_setup(bot.bot_id)
    await hass.async_block_till_done()
    assert await counts(hass) == ["0", "7", "0"]
    assert state_of(hass, "sensor.home_last_error").state == "unknown"
    await send("toggle_everything", {"on": True})
    assert await counts(hass) == ["1", "7", "0"]


async def test_a_sensor_that_is_disabled_again_counts_no_more(
    hass: HomeAssistant, home: Home, add_seen: AddSeen, send: Send, freezer: FrozenDateTimeFactory
) -> None:
    """While the others go on."""
    await add_seen()
    er.async_get(hass).async_update_entity("sensor.home_messages_handled", disabled_by=er.RegistryEntryDisabler.USER)
    await go_on(hass, freezer, 31)
    await send("toggle_everything", {"on": True})
    assert hass.states.get("sensor.home_messages_handled") is None
    assert state_of(hass, "sensor.home_messages_failed").state == "0"
