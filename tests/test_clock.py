"""The clock of the machine is set while Home Assistant runs, or while it is off: small boxes have none that goes on."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest

from custom_components.datastream_bot.bot import Bot

from .conftest import AddBot, Home, Send, SetClock, SetPresence
from .days import LEAVING, RETURNING, everybody, go_on, power_cut, restart, turn
from .home import state_of

type Restart = Callable[[Bot], Awaitable[None]]

TWO_DAYS: Final = timedelta(days=2)
LONG_AGO: Final = timedelta(days=-300)


@pytest.fixture(params=["unloaded", "stopped"])
def restart_home(
    request: pytest.FixtureRequest, hass: HomeAssistant, hass_storage: dict[str, Any], home: Home
) -> Restart:
    """Return a function that restarts a bot, or Home Assistant, which unloads none when it stops."""

    async def stop_and_start(bot: Bot) -> None:
        hass.bus.async_fire_internal(EVENT_HOMEASSISTANT_FINAL_WRITE)
        await hass.async_block_till_done()
        await power_cut(hass, hass_storage, bot, home, hass.async_block_till_done)

    async def unload_and_load(bot: Bot) -> None:
        await restart(hass, bot)

    return stop_and_start if request.param == "stopped" else unload_and_load


async def remember(hass: HomeAssistant, add_bot: AddBot, send: Send) -> Bot:
    """Add a bot that remembers for a day that the kitchen was on."""
    bot = await add_bot()
    await turn(hass, "light.kitchen", "on")
    await send("toggle_everything", LEAVING)
    return bot


async def restored(send: Send) -> dict[str, Any]:
    """Return what comes of restoring, apart from what is empty."""
    (delivery,) = (await send("toggle_everything", RETURNING))["handled"]
    return {name: value for name, value in delivery["result"].items() if value and name != "on"}


async def test_a_clock_that_is_set_forward_forgets_nothing(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, set_clock: SetClock
) -> None:
    """No time has passed."""
    await remember(hass, add_bot, send)

    set_clock(TWO_DAYS)

    assert await restored(send) == {"switched": ["light.kitchen"]}


async def test_a_clock_that_was_set_forward_before_a_restart_forgets_nothing(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, set_clock: SetClock, restart_home: Restart
) -> None:
    """It had been set when Home Assistant stopped."""
    bot = await remember(hass, add_bot, send)
    set_clock(TWO_DAYS)

    await restart_home(bot)

    assert await restored(send) == {"switched": ["light.kitchen"]}


async def test_who_comes_back_to_a_home_that_was_switched_off_for_two_days_finds_it_dark(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, set_clock: SetClock
) -> None:
    """The clock is all that tells how long that was."""
    bot = await remember(hass, add_bot, send)
    await hass.config_entries.async_unload(bot.bot_id)
    set_clock(TWO_DAYS)

    await restart(hass, bot)

    assert await restored(send) == {"expired": ["light.kitchen"]}


@pytest.mark.parametrize("change", [LONG_AGO, TWO_DAYS])
async def test_what_is_remembered_expires_whatever_the_clock_says(
    hass: HomeAssistant,
    home: Home,
    add_bot: AddBot,
    send: Send,
    freezer: FrozenDateTimeFactory,
    set_clock: SetClock,
    change: timedelta,
) -> None:
    """A day is a day."""
    await remember(hass, add_bot, send)
    set_clock(change)
    freezer.tick(timedelta(hours=25))

    assert await restored(send) == {"expired": ["light.kitchen"]}


@pytest.mark.parametrize(("hours", "comes"), [(3, "switched"), (5, "expired")])
async def test_a_clock_that_is_set_back_while_home_assistant_is_off_makes_nothing_younger(
    hass: HomeAssistant,
    home: Home,
    add_bot: AddBot,
    send: Send,
    freezer: FrozenDateTimeFactory,
    set_clock: SetClock,
    restart_home: Restart,
    hours: float,
    comes: str,
) -> None:
    """Nor older: nobody knows how long it was off."""
    bot = await remember(hass, add_bot, send)
    freezer.tick(timedelta(hours=20))
    await restart_home(bot)
    bot = bot.entry.runtime_data
    await hass.config_entries.async_unload(bot.bot_id)
    set_clock(LONG_AGO)
    await restart(hass, bot)

    freezer.tick(timedelta(hours=hours))

    assert await restored(send) == {comes: ["light.kitchen"]}


async def test_a_light_that_is_polled_too_early_is_remembered_while_the_clock_is_set(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, set_clock: SetClock
) -> None:
    """It tells once more that it is on, and nobody has turned it on."""
    await remember(hass, add_bot, send)
    context = state_of(hass, "light.kitchen").context
    hass.states.async_set("light.kitchen", "on", context=context)
    await hass.async_block_till_done()
    set_clock(TWO_DAYS)
    hass.states.async_set("light.kitchen", "off", context=context)
    await hass.async_block_till_done()

    assert await restored(send) == {"switched": ["light.kitchen"]}


@pytest.mark.parametrize("change", [TWO_DAYS, LONG_AGO])
async def test_leaving_settles_as_long_as_ever_when_the_clock_is_set(
    hass: HomeAssistant,
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    freezer: FrozenDateTimeFactory,
    set_clock: SetClock,
    change: timedelta,
) -> None:
    """Not shorter, and not for ever."""
    await add_bot(settling=60)
    await everybody(persons, "not_home")
    set_clock(change)
    await persons("bo", "Work")
    await go_on(hass, freezer, 59)
    assert home["light.kitchen"].commands == []

    await go_on(hass, freezer, 2)

    assert home["light.kitchen"].commands == [False]


@pytest.mark.parametrize(("before", "meanwhile"), [(TWO_DAYS, timedelta(0)), (timedelta(0), LONG_AGO)])
async def test_leaving_settles_over_a_restart_as_long_as_ever_when_the_clock_is_set(
    hass: HomeAssistant,
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    freezer: FrozenDateTimeFactory,
    set_clock: SetClock,
    restart_home: Restart,
    before: timedelta,
    meanwhile: timedelta,
) -> None:
    """Before the restart forward, or meanwhile back."""
    bot = await add_bot(settling=60)
    await everybody(persons, "not_home")
    await go_on(hass, freezer, 30)
    set_clock(before)
    await restart_home(bot)
    bot = bot.entry.runtime_data
    await hass.config_entries.async_unload(bot.bot_id)
    set_clock(meanwhile)
    await restart(hass, bot)
    assert home["light.kitchen"].commands == []

    await go_on(hass, freezer, 31)

    assert home["light.kitchen"].commands == [False]


async def test_the_dates_of_presence_are_those_of_the_clock_as_it_is_set(
    hass: HomeAssistant,
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    freezer: FrozenDateTimeFactory,
    set_clock: SetClock,
) -> None:
    """Since when everybody is away, and when that is acted on."""
    await add_bot(settling=60)
    await everybody(persons, "not_home")
    freezer.tick(10)
    set_clock(TWO_DAYS)
    await persons("bo", "Work")

    shown = state_of(hass, "binary_sensor.home_presence").attributes
    now = dt_util.utcnow()
    assert (round((shown["since"] - now).total_seconds()), round((shown["acts_at"] - now).total_seconds())) == (-10, 50)
