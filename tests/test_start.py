"""Just after a start of Home Assistant, when devices have not told what is on yet."""

from collections.abc import Awaitable, Callable
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import CoreState, HomeAssistant
import pytest

from custom_components.datastream_bot.bot import Bot

from .conftest import AddBot, Home, SetPresence
from .days import RESTORE, everybody, turn, wait_over
from .home import diagnostics_of, remembered, ticks

type StartEmpty = Callable[[], Awaitable[Bot]]


@pytest.fixture
async def start_empty(hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot) -> StartEmpty:
    """Return a function that starts Home Assistant when all have left, and a light that is on claims to be off."""

    async def start() -> Bot:
        bot = await add_bot(**RESTORE)
        await turn(hass, "light.kitchen", "on")
        await turn(hass, "light.porch", "on")
        await hass.config_entries.async_unload(bot.bot_id)
        hass.set_state(CoreState.not_running)
        tell(home, on=False)
        await everybody(persons, "not_home")
        assert await hass.config_entries.async_setup(bot.bot_id)
        await hass.async_start()
        await ticks(100)
        loaded: Bot = bot.entry.runtime_data
        return loaded

    return start


def tell(home: Home, *, on: bool) -> None:
    """Let the light tell whether it is on."""
    home["light.porch"]._attr_is_on = on
    home["light.porch"].async_write_ha_state()


async def test_leaving_waits_until_it_is_known_what_was_on(
    hass: HomeAssistant,
    home: Home,
    persons: SetPresence,
    start_empty: StartEmpty,
    on: Any,
    freezer: FrozenDateTimeFactory,
) -> None:
    """So that it comes back."""
    bot = await start_empty()
    tell(home, on=True)
    await ticks(100)
    assert on() == ["light.kitchen", "light.porch"]

    await wait_over(hass, freezer)
    await hass.async_block_till_done()

    assert on() == []
    assert await remembered(bot) == ["light.kitchen", "light.porch"]
    await everybody(persons, "home")
    assert on() == ["light.kitchen", "light.porch"]


async def test_who_returns_while_leaving_waits_finds_everything_as_it_was(
    hass: HomeAssistant, home: Home, start_empty: StartEmpty, on: Any, freezer: FrozenDateTimeFactory
) -> None:
    """Nothing is turned off any more."""
    bot = await start_empty()
    tell(home, on=True)
    hass.states.async_set("device_tracker.anna", "home")
    await ticks(100)
    await wait_over(hass, freezer)
    await hass.async_block_till_done()

    assert on() == ["light.kitchen", "light.porch"]
    assert home["light.kitchen"].commands == [True]
    assert (await diagnostics_of(bot))["microservices"][0]["begun"] is None


async def test_a_bot_that_is_unloaded_before_the_start_waits_for_nothing(
    hass: HomeAssistant, home: Home, add_bot: AddBot
) -> None:
    """And leaves nothing behind."""
    bot = await add_bot()
    await hass.config_entries.async_unload(bot.bot_id)
    hass.set_state(CoreState.not_running)
    assert await hass.config_entries.async_setup(bot.bot_id)
    assert await hass.config_entries.async_unload(bot.bot_id)

    await hass.async_start()
    await hass.async_block_till_done()

    assert home["light.kitchen"].commands == []
