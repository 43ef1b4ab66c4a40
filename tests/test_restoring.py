"""What was on comes back: groups, slow lights, and lights that cannot be reached for a while."""

import asyncio
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import entity_registry as er, label_registry as lr
import pytest
from pytest_homeassistant_custom_component.common import MockUser

from .conftest import AddBot, Home, Send, SetPresence, furnish
from .days import LEAVING, RESTORE, RETURNING, everybody, go_on, group, turn, wait_over
from .home import PretendLamp, is_on, remembered, state_of, ticks


@pytest.mark.parametrize("only", [{}, {"domain": "light"}, {"target": {"entity_id": "light.both"}}])
async def test_what_is_in_a_group_comes_back_each_as_it_was(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, on: Any, only: dict[str, Any]
) -> None:
    """What was off in it stays off, although one call turned the whole group off."""
    await group(hass, "Both", ["light.kitchen", "light.porch"])
    bot = await add_bot()
    await turn(hass, "light.kitchen", "on")

    left = await send("toggle_everything", LEAVING | {"domain": "light"})
    assert left["handled"][0]["result"]["switched"] == ["light.both"]
    assert (await remembered(bot), on()) == (["light.kitchen"], [])
    returned = await send("toggle_everything", RETURNING | only)

    assert returned["handled"][0]["result"]["switched"] == ["light.kitchen"]
    assert on() == ["light.kitchen"]
    assert home["light.porch"].commands == [False]


async def test_what_was_remembered_of_a_group_as_a_whole_comes_back(
    hass: HomeAssistant, hass_storage: dict[str, Any], home: Home, add_bot: AddBot, send: Send, on: Any
) -> None:
    """As former versions did."""
    await group(hass, "Both", ["light.kitchen", "light.porch"])
    bot = await add_bot()
    await turn(hass, "light.both", "on")
    await send("toggle_everything", LEAVING)
    await hass.config_entries.async_unload(bot.bot_id)
    data = hass_storage[f"datastream_bot.{bot.bot_id}.snapshot"]["data"]["messages"][""]
    hass_storage[f"datastream_bot.{bot.bot_id}.snapshot"]["data"] = {
        "light.both": {name: data["light.kitchen"][name] for name in ("at", "attributes", "changed")}
    }
    assert await hass.config_entries.async_setup(bot.bot_id)

    await send("toggle_everything", RETURNING)

    assert on() == ["light.kitchen", "light.porch"]


async def test_what_is_excluded_from_a_group_meanwhile_does_not_come_back(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, on: Any
) -> None:
    """What else is in the group does."""
    await group(hass, "Both", ["light.kitchen", "light.porch"])
    await add_bot(exclude={"label_id": ["cold"]})
    await turn(hass, "light.both", "on")
    await send("toggle_everything", LEAVING)

    er.async_get(hass).async_update_entity("light.porch", labels={"cold"})
    (delivery,) = (await send("toggle_everything", RETURNING))["handled"]

    assert delivery["result"]["gone"] == ["light.porch"]
    assert on() == ["light.kitchen"]


@pytest.mark.parametrize("answer", [None, "no answer"])
@pytest.mark.warns
async def test_a_light_that_is_still_being_turned_off_when_somebody_returns_comes_back(
    hass: HomeAssistant,
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    on: Any,
    freezer: FrozenDateTimeFactory,
    answer: str | None,
) -> None:
    """As soon as it is off, if it ever is; the others need not wait for it."""
    bot = await add_bot(verify_after=300, **RESTORE)
    await turn(hass, "light.kitchen", "on")
    await turn(hass, "light.porch", "on")
    home["light.kitchen"].responding.clear()
    home["light.kitchen"].broken = answer
    for person in ("anna", "bo"):
        hass.states.async_set(f"device_tracker.{person}", "not_home")
    await wait_over(hass, freezer)
    hass.states.async_set("device_tracker.anna", "home")
    await ticks(50)
    assert home["light.porch"].commands == [True, False, True]
    home["light.kitchen"].responding.set()
    await hass.async_block_till_done()

    assert on() == ["light.kitchen", "light.porch"]
    assert await remembered(bot) == []


async def test_a_lamp_that_still_fades_when_somebody_returns_comes_back_as_it_was(
    hass: HomeAssistant, persons: SetPresence, add_bot: AddBot, freezer: FrozenDateTimeFactory
) -> None:
    """However often it tells how dark it is."""
    lamp = PretendLamp("Desk")
    await furnish(hass, {"light.desk": lamp})
    await add_bot(**RESTORE)
    await turn(hass, "light.desk", "on", brightness=200)
    lamp.responding.clear()
    for person in ("anna", "bo"):
        hass.states.async_set(f"device_tracker.{person}", "not_home")
    await wait_over(hass, freezer)
    hass.states.async_set("device_tracker.anna", "home")
    await ticks(50)

    lamp._attr_brightness = 20
    lamp.async_write_ha_state()
    await ticks(50)
    assert lamp.commands == [True, False]
    lamp.responding.set()
    await hass.async_block_till_done()

    assert is_on(hass, "light.desk")
    assert state_of(hass, "light.desk").attributes["brightness"] == 200


async def test_what_does_not_know_whether_it_is_on_comes_back(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send
) -> None:
    """It can be turned on like what is off."""
    await add_bot()
    await turn(hass, "switch.fan", "on")
    await send("toggle_everything", LEAVING)
    fan: Any = home["switch.fan"]
    fan._attr_is_on = None
    fan.async_write_ha_state()
    assert state_of(hass, "switch.fan").state == "unknown"

    await send("toggle_everything", RETURNING)

    assert is_on(hass, "switch.fan")


@pytest.fixture
async def kitchen_is_due(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory
) -> dict[str, Any]:
    """Return with the kitchen light unavailable, and what the receipt says of it."""
    await add_bot("Home", on_returning="nothing")
    await turn(hass, "light.kitchen", "on")
    await send("toggle_everything", LEAVING)
    home["light.kitchen"].set_available(available=False)
    (delivery,) = (await send("toggle_everything", RETURNING))["handled"]
    result: dict[str, Any] = delivery["result"]
    return result


async def test_what_cannot_be_reached_comes_back_once_it_can(
    hass: HomeAssistant, home: Home, kitchen_is_due: dict[str, Any], freezer: FrozenDateTimeFactory
) -> None:
    """Until then the receipt names it."""
    assert (kitchen_is_due["unavailable"], kitchen_is_due["switched"]) == (["light.kitchen"], [])
    await go_on(hass, freezer, 200)
    home["light.kitchen"].set_available(available=True)
    await hass.async_block_till_done()

    assert is_on(hass, "light.kitchen")
    await turn(hass, "light.kitchen", "off")
    await hass.async_block_till_done()
    assert not is_on(hass, "light.kitchen")


@pytest.mark.usefixtures("kitchen_is_due")
async def test_what_cannot_be_reached_for_long_stays_as_it_is(
    hass: HomeAssistant, home: Home, freezer: FrozenDateTimeFactory
) -> None:
    """Nobody expects a light to go on later that day."""
    await go_on(hass, freezer, 301)
    home["light.kitchen"].set_available(available=True)
    await hass.async_block_till_done()

    assert home["light.kitchen"].commands == [True, False]


@pytest.mark.usefixtures("kitchen_is_due")
async def test_what_somebody_turned_on_before_it_could_be_reached_is_theirs(hass: HomeAssistant, home: Home) -> None:
    """As it is, and also when it is off again."""
    kitchen = home["light.kitchen"]
    for is_on_now in (True, False):
        kitchen._attr_is_on = is_on_now
        kitchen.set_available(available=True)
    await hass.async_block_till_done()

    assert kitchen.commands == [True, False]


@pytest.mark.parametrize("meanwhile", ["excluded", "off", "left", "paused", "unloaded", "removed"])
@pytest.mark.usefixtures("kitchen_is_due")
async def test_what_nobody_wants_any_more_does_not_come_back(
    hass: HomeAssistant, home: Home, persons: SetPresence, send: Send, meanwhile: str
) -> None:
    """However that came about."""
    (bot,) = hass.config_entries.async_entries("datastream_bot")
    registry = er.async_get(hass)
    happen: dict[str, Any] = {
        "excluded": lambda: exclude(hass),
        "off": lambda: send("toggle_everything", {"on": False}),
        "left": lambda: everybody(persons, "not_home"),
        "paused": lambda: turn(hass, "switch.home_presence_reaction", "off"),
        "unloaded": lambda: hass.config_entries.async_unload(bot.entry_id),
        "removed": lambda: asyncio.sleep(0, registry.async_remove("light.kitchen")),
    }
    await happen[meanwhile]()
    home["light.kitchen"].set_available(available=True)
    await hass.async_block_till_done()

    assert home["light.kitchen"].commands == [True, False]


@pytest.mark.warns
async def test_of_a_user_who_is_gone_nothing_comes_back(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send
) -> None:
    """Nobody could say what such a user may."""
    await add_bot()
    user = MockUser(name="Guest").add_to_hass(hass)
    user.mock_policy({"entities": True})
    await turn(hass, "light.kitchen", "on")
    await send("toggle_everything", LEAVING)
    home["light.kitchen"].set_available(available=False)
    await send("toggle_everything", RETURNING, context=Context(user_id=user.id))
    await hass.auth.async_remove_user(user)
    home["light.kitchen"].set_available(available=True)
    await hass.async_block_till_done()

    assert home["light.kitchen"].commands == [True, False]


async def test_a_bot_that_was_disabled_has_forgotten_what_was_on(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, on: Any
) -> None:
    """It may have been disabled for weeks."""
    bot = await add_bot(**RESTORE)
    await turn(hass, "light.kitchen", "on")
    await everybody(persons, "not_home")
    await hass.config_entries.async_set_disabled_by(bot.bot_id, ConfigEntryDisabler.USER)
    await everybody(persons, "home")
    await hass.config_entries.async_set_disabled_by(bot.bot_id, None)
    await hass.async_block_till_done()

    await everybody(persons, "not_home")
    await everybody(persons, "home")

    assert on() == []


@pytest.mark.parametrize("form", [{}, {"target": {"entity_id": ["light.kitchen", "light.porch"]}}])
async def test_what_is_renamed_comes_back_under_its_new_name(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, form: dict[str, Any]
) -> None:
    """Also when the bot is set up anew because its form names it."""
    bot = await add_bot(**form, **RESTORE)
    for entity_id in ("light.kitchen", "light.porch"):
        await turn(hass, entity_id, "on")
    await everybody(persons, "not_home")
    registry = er.async_get(hass)
    registry.async_update_entity("light.kitchen", new_entity_id="light.cuisine")
    registry.async_update_entity("switch.fan", name="Ventilator")
    await hass.async_block_till_done()
    assert await remembered(bot) == ["light.cuisine", "light.porch"]

    await everybody(persons, "home")

    assert is_on(hass, "light.cuisine")
    assert is_on(hass, "light.porch")


async def exclude(hass: HomeAssistant) -> None:
    """Exclude the kitchen light from everything."""
    label = lr.async_get(hass).async_create("datastream_bot_ignore")
    er.async_get(hass).async_update_entity("light.kitchen", labels={label.label_id})


async def test_a_restore_that_waits_does_not_end_because_a_phone_reports(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, send: Send, on: Any
) -> None:
    """Not even while the bot does not react to presence; that is turned off ends it."""
    await add_bot()
    await turn(hass, "light.kitchen", "on")
    await send("toggle_everything", LEAVING)
    await turn(hass, "switch.home_presence_reaction", "off")
    home["light.kitchen"].set_available(available=False)
    await send("toggle_everything", RETURNING)

    await persons("anna", "home", battery=50)
    await persons("bo", "not_home")
    home["light.kitchen"].set_available(available=True)
    await hass.async_block_till_done()

    assert on() == ["light.kitchen"]
