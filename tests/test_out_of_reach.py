"""What cannot be reached when it is to be turned on or off is asked when it can be, and against nobody's wish."""

import asyncio
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import entity_registry as er, issue_registry as ir, label_registry as lr
import pytest
from pytest_homeassistant_custom_component.common import MockUser, async_capture_events

from .conftest import AddBot, Home, Send, SetPresence, furnish
from .days import RESTORE, everybody, go_on, group, turn
from .home import PretendLight, is_on, remembered, ticks


def come_back(home: Home, entity_id: str, *, on: bool | None) -> None:
    """Let a device be found again, on or off, or without telling."""
    home[entity_id]._attr_is_on = on
    home[entity_id].set_available(available=True)


@pytest.mark.parametrize("back_on", [True, None])
@pytest.mark.parametrize("waited", [0, 299])
async def test_a_lamp_that_everyone_left_on_out_of_reach_is_turned_off_once_it_is_back(
    hass: HomeAssistant,
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    freezer: FrozenDateTimeFactory,
    waited: float,
    *,
    back_on: bool | None,
) -> None:
    """Also when it does not tell whether it is on."""
    await add_bot()
    await turn(hass, "light.kitchen", "on")
    home["light.kitchen"].set_available(available=False)
    await everybody(persons, "not_home")

    await go_on(hass, freezer, waited)
    come_back(home, "light.kitchen", on=back_on)
    await hass.async_block_till_done()

    assert not is_on(hass, "light.kitchen")
    assert home["light.kitchen"].commands == [True, False]


async def test_it_was_on_when_they_left_and_comes_back_when_they_return(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, on: Any
) -> None:
    """Nobody who returns can tell that it was out of reach for a while."""
    bot = await add_bot(**RESTORE)
    await turn(hass, "light.kitchen", "on")
    home["light.kitchen"].set_available(available=False)
    await everybody(persons, "not_home")
    come_back(home, "light.kitchen", on=True)
    await hass.async_block_till_done()
    assert (on(), await remembered(bot)) == ([], ["light.kitchen"])

    await everybody(persons, "home")

    assert on() == ["light.kitchen"]


@pytest.mark.parametrize("want_on", [True, False])
async def test_a_message_turns_on_or_off_what_comes_back_in_time(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, *, want_on: bool
) -> None:
    """Until then the receipt names it."""
    await add_bot()
    home["light.porch"].set_available(available=False)
    (delivery,) = (await send("toggle_everything", {"on": want_on}))["handled"]
    assert delivery["result"]["unavailable"] == ["light.porch"]
    assert home["light.porch"].commands == []

    come_back(home, "light.porch", on=not want_on)
    await hass.async_block_till_done()

    assert is_on(hass, "light.porch") is want_on
    assert home["light.porch"].commands == [want_on]


async def test_what_comes_back_as_it_should_be_is_not_asked(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send
) -> None:
    """Nor later, when somebody turns it on."""
    await add_bot()
    home["light.porch"].set_available(available=False)
    await send("toggle_everything", {"on": False})

    come_back(home, "light.porch", on=False)
    await turn(hass, "light.porch", "on")
    await hass.async_block_till_done()

    assert home["light.porch"].commands == [True]


async def test_what_comes_back_late_stays_as_it_is(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory
) -> None:
    """By then whoever is near it may have turned it on."""
    await add_bot()
    home["light.porch"].set_available(available=False)
    await send("toggle_everything", {"on": False})

    await go_on(hass, freezer, 301)
    come_back(home, "light.porch", on=True)
    await hass.async_block_till_done()

    assert home["light.porch"].commands == []


@pytest.mark.parametrize("told_by", ["user_id", "parent_id"])
async def test_what_somebody_has_turned_on_before_it_is_found_stays_on(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, told_by: str
) -> None:
    """Such as a lamp that an automation switches by another way."""
    await add_bot()
    home["light.porch"].set_available(available=False)
    await send("toggle_everything", {"on": False})

    home["light.porch"].async_set_context(Context(**{told_by: "somebody"}))
    come_back(home, "light.porch", on=True)
    await hass.async_block_till_done()

    assert home["light.porch"].commands == []


async def test_who_turned_it_on_before_has_not_turned_it_on_again(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """Home Assistant knows for some seconds who has turned a lamp on last, whatever the lamp reports."""
    await add_bot()
    await turn(hass, "light.kitchen", "on")
    home["light.kitchen"].set_available(available=False)
    await everybody(persons, "not_home")

    home["light.kitchen"].set_available(available=True)
    await hass.async_block_till_done()

    assert home["light.kitchen"].commands == [True, False]


@pytest.mark.parametrize("meanwhile", ["excluded", "on", "returned", "paused", "unloaded", "reloaded", "removed"])
async def test_what_nobody_wants_off_any_more_stays_on(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, send: Send, meanwhile: str
) -> None:
    """However that came about."""
    bot = await add_bot("Home", on_returning="nothing")
    home["light.kitchen"].set_available(available=False)
    await everybody(persons, "not_home")
    happen: dict[str, Any] = {
        "excluded": lambda: exclude(hass),
        "on": lambda: send("toggle_everything", {"on": True}),
        "returned": lambda: everybody(persons, "home"),
        "paused": lambda: turn(hass, "switch.home_presence_reaction", "off"),
        "unloaded": lambda: hass.config_entries.async_unload(bot.bot_id),
        "reloaded": lambda: hass.config_entries.async_reload(bot.bot_id),
        "removed": lambda: asyncio.sleep(0, er.async_get(hass).async_remove("light.kitchen")),
    }

    await happen[meanwhile]()
    come_back(home, "light.kitchen", on=True)
    await hass.async_block_till_done()

    assert home["light.kitchen"].commands == []


async def exclude(hass: HomeAssistant) -> None:
    """Exclude the kitchen light from everything."""
    label = lr.async_get(hass).async_create("datastream_bot_ignore")
    er.async_get(hass).async_update_entity("light.kitchen", labels={label.label_id})


@pytest.mark.parametrize("ticks_later", range(12))
async def test_whenever_somebody_returns_it_is_on_in_the_end(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, on: Any, ticks_later: int
) -> None:
    """Before it is turned off, while that is written down, and after."""
    await add_bot(**RESTORE)
    await turn(hass, "light.kitchen", "on")
    home["light.kitchen"].set_available(available=False)
    await everybody(persons, "not_home")

    come_back(home, "light.kitchen", on=True)
    await ticks(ticks_later)
    hass.states.async_set("device_tracker.anna", "home")
    await hass.async_block_till_done()

    assert on() == ["light.kitchen"]


async def test_a_lamp_that_hangs_when_it_is_found_comes_back_for_who_returns(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, on: Any
) -> None:
    """It is still being turned off by then."""
    await add_bot(**RESTORE)
    await turn(hass, "light.kitchen", "on")
    home["light.kitchen"].set_available(available=False)
    await everybody(persons, "not_home")
    home["light.kitchen"].responding.clear()
    come_back(home, "light.kitchen", on=True)
    await ticks(50)
    assert home["light.kitchen"].commands == [True, False]

    hass.states.async_set("device_tracker.anna", "home")
    await ticks(50)
    home["light.kitchen"].responding.set()
    await hass.async_block_till_done()

    assert on() == ["light.kitchen"]


async def test_many_that_come_back_at_once_are_turned_off_by_one_call(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """As when their bridge was restarted; also those in a group, of which the others could be reached."""
    home: Home = {f"light.l{number}": PretendLight(f"L{number}") for number in range(20)}
    await furnish(hass, home)
    await group(hass, "All", list(home))
    await add_bot()
    await send("toggle_everything", {"on": True})
    away = list(home)[5:]
    for entity_id in away:
        home[entity_id].set_available(available=False)
    (delivery,) = (await send("toggle_everything", {"on": False}))["handled"]
    assert delivery["result"]["unavailable"] == []
    calls = async_capture_events(hass, "call_service")

    for entity_id in away:
        come_back(home, entity_id, on=True)
    await hass.async_block_till_done()

    assert [entity_id for entity_id in home if is_on(hass, entity_id)] == []
    assert [call.data["service_data"]["entity_id"] for call in calls] == [sorted(away)]


@pytest.mark.warns
async def test_of_a_user_who_is_gone_nothing_is_turned_off_later(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send
) -> None:
    """Nobody could say what such a user may."""
    await add_bot()
    user = MockUser(name="Guest").add_to_hass(hass)
    user.mock_policy({"entities": True})
    home["light.kitchen"].set_available(available=False)
    await send("toggle_everything", {"on": False}, context=Context(user_id=user.id))
    await hass.auth.async_remove_user(user)

    come_back(home, "light.kitchen", on=True)
    await hass.async_block_till_done()

    assert home["light.kitchen"].commands == []


@pytest.mark.warns
async def test_what_is_out_of_reach_when_the_bot_looks_again_is_asked_once_it_is_back(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory
) -> None:
    """And is not named as what never switches; nobody waits for it longer than for others."""
    await add_bot(verify_after=10)
    home["light.kitchen"].broken = home["light.porch"].broken = "no answer"
    await send("toggle_everything", {"on": True})
    home["light.kitchen"].broken = home["light.porch"].broken = None
    home["light.kitchen"].set_available(available=False)
    home["light.porch"].set_available(available=False)
    await go_on(hass, freezer, 11)

    come_back(home, "light.kitchen", on=False)
    await go_on(hass, freezer, 301)
    come_back(home, "light.porch", on=False)
    await hass.async_block_till_done()

    assert home["light.kitchen"].commands == [True, True]
    assert home["light.porch"].commands == [True]


@pytest.mark.parametrize(("verify_after", "stays_lost"), [(0, False), (10, True)])
async def test_what_is_lost_again_is_not_named_as_what_never_switches(
    hass: HomeAssistant,
    home: Home,
    add_bot: AddBot,
    send: Send,
    freezer: FrozenDateTimeFactory,
    issue_registry: ir.IssueRegistry,
    verify_after: float,
    *,
    stays_lost: bool,
) -> None:
    """Nor is what comes back and does not switch, unless the bot is to look again."""
    await add_bot(verify_after=verify_after)
    for _ in range(3):
        home["light.kitchen"].set_available(available=False)
        home["light.porch"].set_available(available=False)
        await send("toggle_everything", {"on": True})
        home["light.kitchen"].is_momentary = True
        home["light.kitchen"].set_available(available=True)
        await hass.async_block_till_done()
        home["light.kitchen"].set_available(available=not stays_lost)
        for _ in range(6):
            await go_on(hass, freezer, 61)

    assert home["light.kitchen"].commands == [True, True, True]
    assert not issue_registry.issues
