"""What was on is remembered when it is turned off, and comes back as it was."""

from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    entity_registry as er,
)
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from .conftest import AddBot, Home, Send, SetPresence, furnish
from .days import LEAVING, RESTORE, RETURNING, everybody, go_on, power_cut, restart, turn, wait_over
from .forms import change_bot
from .home import PretendBulb, PretendLamp, PretendLight, is_on, remembered, state_of, ticks


async def test_on_return_only_what_was_on_comes_back(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, on: Any
) -> None:
    """And what was off stays off."""
    bot = await add_bot(**RESTORE)
    await turn(hass, "light.kitchen", "on")

    await everybody(persons, "not_home")
    assert on() == []
    assert await remembered(bot) == ["light.kitchen"]
    await persons("anna", "home")

    assert on() == ["light.kitchen"]
    assert home["light.porch"].commands == [False]
    assert await remembered(bot) == []


async def test_a_lamp_comes_back_in_its_own_mode(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """With brightness, and the color or the white that it had."""
    await furnish(
        hass,
        {"light.desk": PretendLamp("Desk"), "light.shelf": PretendLamp("Shelf"), "light.sofa": PretendLamp("Sofa")},
    )
    await add_bot()
    await turn(hass, "light.desk", "on", brightness=77, hs_color=[120, 50])
    await turn(hass, "light.shelf", "on", brightness=10, color_temp_kelvin=2700)
    await turn(hass, "light.sofa", "on", effect="Candle")
    looks = {name: dict(state_of(hass, name).attributes) for name in ("light.desk", "light.shelf", "light.sofa")}

    await send("toggle_everything", LEAVING)
    assert not is_on(hass, "light.desk")
    receipt = await send("toggle_everything", RETURNING)

    assert receipt["handled"][0]["result"]["switched"] == ["light.desk", "light.shelf", "light.sofa"]
    assert {name: dict(state_of(hass, name).attributes) for name in looks} == looks


async def test_a_lamp_whose_color_is_unknown_comes_back_without_it(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """Rather than not at all."""
    lamp = PretendLamp("Desk")
    lamp._attr_color_temp_kelvin = None
    await furnish(hass, {"light.desk": lamp})
    await add_bot()
    await turn(hass, "light.desk", "on", brightness=77)

    await send("toggle_everything", LEAVING)
    await send("toggle_everything", RETURNING)

    assert (state_of(hass, "light.desk").state, state_of(hass, "light.desk").attributes["brightness"]) == ("on", 77)


@pytest.mark.parametrize(
    ("mode", "attributes", "asked"),
    [
        ("brightness", {"brightness": 0}, {}),
        ("brightness", {"brightness": 0.4}, {}),
        ("brightness", {"brightness": 1}, {"brightness": 1}),
        ("white", {"brightness": 0}, {}),
        ("white", {"brightness": 9}, {"white": 9}),
        ("rgb", {"brightness": 9, "rgb_color": (0, 0, 0)}, {"brightness": 9, "rgb_color": (255, 255, 255)}),
        ("rgb", {"brightness": 0, "rgb_color": (0, 0, 255)}, {"rgb_color": (0, 0, 255)}),
        ("rgbw", {"brightness": 9, "rgbw_color": (0, 0, 0, 0)}, {"brightness": 9, "rgbw_color": (0, 0, 0, 255)}),
    ],
)
@pytest.mark.parametrize("stored_before", [True, False])
async def test_a_lamp_that_was_on_without_light_comes_back_on(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    add_bot: AddBot,
    send: Send,
    mode: str,
    attributes: dict[str, Any],
    asked: dict[str, Any],
    *,
    stored_before: bool,
) -> None:
    """Some lamps report that while they fade, and turning on with it would turn off; so did former versions."""
    lamp = PretendBulb(mode)
    for name, value in attributes.items():
        setattr(lamp, f"_attr_{name}", value)
    await furnish(hass, {"light.bulb": lamp})
    bot = await add_bot()
    await turn(hass, "light.bulb", "on")
    was = dict(state_of(hass, "light.bulb").attributes)
    await send("toggle_everything", LEAVING)
    if stored_before:
        await hass.config_entries.async_unload(bot.bot_id)
        stored = hass_storage[f"datastream_bot.{bot.bot_id}.snapshot"]["data"]["messages"][""]
        stored["light.bulb"]["attributes"] = was
        assert await hass.config_entries.async_setup(bot.bot_id)

    receipt = await send("toggle_everything", RETURNING)

    assert receipt["handled"][0]["result"]["switched"] == ["light.bulb"]
    assert is_on(hass, "light.bulb")
    assert lamp.asked == asked


async def test_what_changed_meanwhile_is_left_alone_and_named(
    hass: HomeAssistant, add_bot: AddBot, send: Send, entity_registry: er.EntityRegistry
) -> None:
    """What somebody turned on and off again, what is gone, and what cannot be reached."""
    lights: Home = {f"light.l{number}": PretendLight(f"L{number}") for number in range(6)}
    await furnish(hass, lights)
    bot = await add_bot()
    await send("toggle_everything", {"on": True})
    await send("toggle_everything", LEAVING)
    await turn(hass, "light.l0", "on")
    await turn(hass, "light.l1", "on")
    await turn(hass, "light.l1", "off")
    lights["light.l2"].set_available(available=False)
    entity_registry.async_remove("light.l3")
    await hass.async_block_till_done()
    await change_bot(bot, exclude={"entity_id": ["light.l4"]})

    (delivery,) = (await send("toggle_everything", RETURNING))["handled"]

    assert delivery["result"] == {
        "on": True,
        "switched": ["light.l5"],
        "not_reached": [],
        "unavailable": ["light.l2"],
        "changed": ["light.l0", "light.l1"],
        "gone": ["light.l3", "light.l4"],
        "expired": [],
    }
    assert is_on(hass, "light.l0")
    assert not is_on(hass, "light.l1")
    again = (await send("toggle_everything", RETURNING))["handled"][0]["result"]
    assert {name: value for name, value in again.items() if value} == {"on": True, "unavailable": ["light.l2"]}


async def test_a_second_leaving_keeps_what_the_first_remembered(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, on: Any
) -> None:
    """But what somebody turned on in between is theirs, and remembered as they left it."""
    bot = await add_bot()
    await turn(hass, "light.kitchen", "on")
    await turn(hass, "switch.fan", "on")
    await send("toggle_everything", LEAVING)
    await send("toggle_everything", LEAVING)
    await turn(hass, "switch.fan", "on")
    await turn(hass, "light.porch", "on")
    await send("toggle_everything", LEAVING)
    assert await remembered(bot) == ["light.kitchen", "light.porch", "switch.fan"]

    await send("toggle_everything", RETURNING)

    assert on() == ["light.kitchen", "light.porch", "switch.fan"]


@pytest.mark.warns
async def test_a_lamp_that_fades_is_remembered_as_it_was_before(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """Leaving twice in a row while it gets darker does not make it dark for good."""
    lamp = PretendLamp("Desk")
    await furnish(hass, {"light.desk": lamp})
    await add_bot()
    await turn(hass, "light.desk", "on", brightness=200)
    lamp.broken = "still fading"
    with_errors = await send("toggle_everything", LEAVING)
    lamp._attr_brightness = 20
    lamp.async_write_ha_state()
    lamp.broken = None

    await send("toggle_everything", LEAVING)
    await send("toggle_everything", RETURNING)

    assert with_errors["failed"] != []
    assert state_of(hass, "light.desk").attributes["brightness"] == 200


async def test_what_was_remembered_expires(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, on: Any, freezer: FrozenDateTimeFactory
) -> None:
    """Who comes back from a journey does not want last month's light."""
    await add_bot(remember_for=2)
    await turn(hass, "light.kitchen", "on")
    await send("toggle_everything", LEAVING)
    freezer.tick(timedelta(hours=2, seconds=1))

    (delivery,) = (await send("toggle_everything", RETURNING))["handled"]

    assert (delivery["result"]["expired"], on()) == (["light.kitchen"], [])


async def test_only_a_part_can_be_restored(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, on: Any
) -> None:
    """The rest stays remembered."""
    await add_bot()
    await send("toggle_everything", {"on": True})
    await send("toggle_everything", LEAVING)

    await send("toggle_everything", RETURNING | {"domain": "switch"})
    assert on() == ["switch.fan"]
    await send("toggle_everything", RETURNING | {"target": {"entity_id": "light.porch"}})
    assert on() == ["light.porch", "switch.fan"]
    await send("toggle_everything", RETURNING)
    assert on() == ["light.kitchen", "light.porch", "switch.fan"]


@pytest.mark.warns
async def test_what_cannot_be_restored_is_named(hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send) -> None:
    """Because it fails, or because the user may not."""
    await add_bot()
    await send("toggle_everything", {"on": True})
    await send("toggle_everything", LEAVING)
    home["light.porch"].broken = "stuck"

    (failed,) = (await send("toggle_everything", RETURNING))["failed"]

    assert failed["error"] == "These could not be switched: light.porch: stuck"
    assert failed["result"]["switched"] == ["light.kitchen", "switch.fan"]


@pytest.mark.warns
@pytest.mark.parametrize("fault", ["stuck", None])
async def test_what_cannot_be_restored_stays_remembered_until_it_can(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, on: Any, fault: str | None
) -> None:
    """Whether it answers with an error or not at all, and over a restart."""
    bot = await add_bot()
    await turn(hass, "light.kitchen", "on")
    await turn(hass, "light.porch", "on")
    await send("toggle_everything", LEAVING)
    home["light.kitchen"].broken = fault
    home["light.kitchen"].set_available(available=fault is not None)
    await send("toggle_everything", RETURNING)
    assert (await remembered(bot), on()) == (["light.kitchen"], ["light.porch"])

    await restart(hass, bot)
    home["light.kitchen"].broken = None
    home["light.kitchen"].set_available(available=True)
    await send("toggle_everything", RETURNING)

    assert on() == ["light.kitchen", "light.porch"]
    await restart(hass, bot)
    assert await remembered(hass.config_entries.async_get_known_entry(bot.bot_id).runtime_data) == []


@pytest.mark.warns
@pytest.mark.parametrize("meanwhile", ["off", "on", "on and off"])
async def test_what_could_not_be_restored_spoils_no_later_return(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, on: Any, meanwhile: str
) -> None:
    """The next leaving remembers what is on then."""
    await add_bot()
    await turn(hass, "light.kitchen", "on")
    await turn(hass, "light.porch", "on")
    await send("toggle_everything", LEAVING)
    home["light.kitchen"].broken = "stuck"
    await send("toggle_everything", RETURNING)
    home["light.kitchen"].broken = None
    for state in meanwhile.split(" and "):
        await turn(hass, "light.kitchen", state)
    was_on = on()
    await send("toggle_everything", LEAVING)
    assert on() == []

    await send("toggle_everything", RETURNING)

    assert on() == was_on


async def test_returning_by_day_forgets_what_was_on(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, freezer: FrozenDateTimeFactory, on: Any
) -> None:
    """What is restored in the evening is what was on when they left in the evening."""
    await hass.config.async_update(latitude=52.4, longitude=4.9, time_zone="UTC")
    freezer.move_to("2026-11-22T10:00:00+00:00")
    bot = await add_bot(only_when_dark=True, **RESTORE)
    await turn(hass, "light.kitchen", "on")
    await everybody(persons, "not_home")
    await everybody(persons, "home")
    assert (await remembered(bot), on()) == ([], [])

    await turn(hass, "light.porch", "on")
    freezer.move_to("2026-11-22T20:00:00+00:00")
    await everybody(persons, "not_home")
    await everybody(persons, "home")

    assert on() == ["light.porch"]


async def test_many_lights_are_remembered_and_restored(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """Also across a restart."""
    await furnish(hass, {f"light.l{number}": PretendLamp(f"L{number}") for number in range(100)})
    bot = await add_bot()
    await send("toggle_everything", {"on": True})

    await send("toggle_everything", LEAVING)
    assert len(await remembered(bot)) == 100
    await hass.config_entries.async_reload(bot.bot_id)
    (delivery,) = (await send("toggle_everything", RETURNING))["handled"]

    assert len(delivery["result"]["switched"]) == 100
    assert await remembered(bot) == []


async def test_two_bots_with_different_persons_share_a_light(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, on: Any
) -> None:
    """Each restores what it turned off itself."""
    await add_bot("Anna", persons=["person.anna"], target={"entity_id": ["light.kitchen", "light.porch"]}, **RESTORE)
    await add_bot("Bo", persons=["person.bo"], target={"entity_id": ["light.porch", "switch.fan"]}, **RESTORE)
    for entity_id in home:
        await turn(hass, entity_id, "on")

    await persons("anna", "not_home")
    assert on() == ["switch.fan"]
    await persons("bo", "not_home")
    assert on() == []
    await persons("bo", "home")
    assert on() == ["switch.fan"]
    await persons("anna", "home")
    assert on() == ["light.kitchen", "light.porch", "switch.fan"]


@pytest.mark.warns
async def test_a_restart_while_restoring_loses_nothing(
    hass: HomeAssistant, hass_storage: dict[str, Any], home: Home, persons: SetPresence, add_bot: AddBot, on: Any
) -> None:
    """What was not yet on is turned on afterwards."""
    bot = await add_bot(**RESTORE)
    for entity_id in home:
        await turn(hass, entity_id, "on")
    await everybody(persons, "not_home")
    home["light.kitchen"].responding.clear()
    hass.states.async_set("device_tracker.anna", "home")
    await ticks(20)
    assert on() == ["light.porch", "switch.fan"]

    await power_cut(hass, hass_storage, bot, home, hass.async_block_till_done)

    assert on() == ["light.kitchen", "light.porch", "switch.fan"]
    assert home["light.porch"].commands == [True, False, True]


@pytest.mark.warns
async def test_a_power_cut_while_restoring_loses_nothing_that_was_restored(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    on: Any,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The bot turned it on, and nobody else; it is off again because it had no power."""
    bot = await add_bot(**RESTORE)
    await turn(hass, "light.kitchen", "on")
    await turn(hass, "light.porch", "on")
    await everybody(persons, "not_home")
    home["light.porch"].responding.clear()
    hass.states.async_set("device_tracker.anna", "home")
    await ticks(50)
    assert on() == ["light.kitchen"]
    freezer.tick(2)
    async_fire_time_changed(hass)
    await ticks(50)

    async def lights_go_out() -> None:
        await turn(hass, "light.kitchen", "off")

    await power_cut(hass, hass_storage, bot, home, lights_go_out)

    assert on() == ["light.kitchen", "light.porch"]


@pytest.mark.warns
async def test_leaving_again_while_a_light_still_hangs_is_remembered(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, on: Any, freezer: FrozenDateTimeFactory
) -> None:
    """What is on when they leave again is what counts, whatever comes of the light that hangs."""
    await add_bot()
    await send("toggle_everything", {"on": True})
    await send("toggle_everything", LEAVING)
    home["light.kitchen"].responding.clear()
    returning = hass.async_create_task(send("toggle_everything", RETURNING))
    await wait_over(hass, freezer)
    assert (await returning)["running"] != []
    await send("toggle_everything", LEAVING | {"target": {"entity_id": ["light.porch", "switch.fan"]}})
    home["light.kitchen"].responding.set()
    await hass.async_block_till_done()
    assert on() == ["light.kitchen"]

    await send("toggle_everything", RETURNING)

    assert on() == ["light.kitchen", "light.porch", "switch.fan"]


@pytest.mark.warns
async def test_a_light_that_hangs_longer_than_its_bot_lives_leaves_nothing_behind(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    home: Home,
    add_bot: AddBot,
    send: Send,
    freezer: FrozenDateTimeFactory,
) -> None:
    """No listener, and no file of a bot that was removed."""
    bot = await add_bot()
    await send("toggle_everything", {"on": True})
    await send("toggle_everything", LEAVING)
    home["light.kitchen"].responding.clear()
    returning = hass.async_create_task(send("toggle_everything", RETURNING))
    await wait_over(hass, freezer)
    await returning

    await hass.config_entries.async_remove(bot.bot_id)
    home["light.kitchen"].responding.set()
    await hass.async_block_till_done()

    assert not [key for key in hass_storage if bot.bot_id in key]


@pytest.mark.warns
async def test_what_was_forgotten_just_before_a_reload_stays_forgotten(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send
) -> None:
    """Somebody has turned it on, and the next leaving remembers it as it is then."""
    bot = await add_bot()
    await turn(hass, "light.kitchen", "on")
    await send("toggle_everything", LEAVING)
    home["light.kitchen"].broken = "no answer"
    await send("toggle_everything", RETURNING)
    home["light.kitchen"].broken = None
    await turn(hass, "light.kitchen", "on")

    await hass.config_entries.async_reload(bot.bot_id)

    assert await remembered(bot) == []


@pytest.mark.warns
async def test_what_would_not_go_off_is_remembered_as_it_is_when_it_does(
    hass: HomeAssistant, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory
) -> None:
    """Not as it was an hour before."""
    lamp = PretendLamp("Desk")
    await furnish(hass, {"light.desk": lamp})
    await add_bot()
    await turn(hass, "light.desk", "on", brightness=200)
    lamp.broken = "no answer"
    await send("toggle_everything", LEAVING)
    lamp.broken = None
    freezer.tick(3600)
    await turn(hass, "light.desk", "on", brightness=20)

    await send("toggle_everything", LEAVING)
    await send("toggle_everything", RETURNING)

    assert state_of(hass, "light.desk").attributes["brightness"] == 20


@pytest.mark.warns
async def test_what_hangs_when_a_bot_is_unloaded_says_nothing_to_the_next(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory
) -> None:
    """Nor does it look whether that has happened in the end."""
    bot = await add_bot(verify_after=30)
    await turn(hass, "light.kitchen", "on")
    home["light.kitchen"].responding.clear()
    leaving = hass.async_create_task(send("toggle_everything", LEAVING))
    await wait_over(hass, freezer)
    await leaving
    await send("toggle_everything", RETURNING)
    assert await remembered(bot) == ["light.kitchen"]

    await hass.config_entries.async_unload(bot.bot_id)
    home["light.kitchen"].broken = "no answer"
    home["light.kitchen"].responding.set()
    await hass.async_block_till_done()
    commands = list(home["light.kitchen"].commands)
    await go_on(hass, freezer, 31)

    assert home["light.kitchen"].commands == commands
    assert await hass.config_entries.async_setup(bot.bot_id)
    assert await remembered(bot) == ["light.kitchen"]
