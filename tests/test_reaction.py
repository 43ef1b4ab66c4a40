"""What the bot does when people leave and return, and when it only watches."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    async_capture_events,
)

from .conftest import AddBot, Home, SetPresence
from .days import everybody, restart, turn
from .home import state_of


@pytest.mark.parametrize(("hour", "told"), [(12, [False]), (22, [False, True])])
async def test_on_return_only_after_sunset(
    hass: HomeAssistant,
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    freezer: FrozenDateTimeFactory,
    hour: int,
    told: list[bool],
) -> None:
    """Nobody needs every lamp at three in the afternoon; leaving turns off at any time."""
    await hass.config.async_update(latitude=52.4, longitude=4.9, time_zone="UTC")
    freezer.move_to(f"2026-11-22T{hour}:00:00+00:00")
    await add_bot(only_when_dark=True)

    await everybody(persons, "not_home")
    await everybody(persons, "home")

    assert home["light.kitchen"].commands == told


async def test_while_guests_are_there_presence_is_only_followed(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """Turned on again, the reaction waits for the next edge, also after a restart."""
    bot = await add_bot("Home")
    switch, sensor = "switch.home_presence_reaction", "binary_sensor.home_presence"
    assert (state_of(hass, switch).state, state_of(hass, sensor).state) == ("on", "on")

    await turn(hass, switch, "off")
    await everybody(persons, "not_home")
    assert (state_of(hass, switch).state, state_of(hass, sensor).state) == ("off", "off")
    await restart(hass, bot)
    assert state_of(hass, switch).state == "off"
    await turn(hass, switch, "on")
    assert home["light.kitchen"].commands == []

    await persons("anna", "home")
    assert home["light.kitchen"].commands == [True]


async def test_a_restart_does_not_turn_the_reaction_on_for_a_moment(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """Automations that watch the switch would take it for somebody's wish."""
    bot = await add_bot("Home")
    await turn(hass, "switch.home_presence_reaction", "off")
    changes = async_capture_events(hass, "state_changed")

    await hass.config_entries.async_reload(bot.bot_id)
    await restart(hass, bot)

    shown = [
        change.data["new_state"] for change in changes if change.data["entity_id"] == "switch.home_presence_reaction"
    ]
    assert {state.state for state in shown if state is not None} == {"off", "unavailable"}


async def test_a_pause_that_outlives_disabling_the_bot(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """Disabling forgets presence, not what the user said."""
    bot = await add_bot("Home")
    await turn(hass, "switch.home_presence_reaction", "off")
    await hass.config_entries.async_unload(bot.bot_id)
    await restart(hass, bot)
    assert state_of(hass, "switch.home_presence_reaction").state == "off"


async def test_the_sensor_says_what_the_bot_believes_and_why(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, freezer: FrozenDateTimeFactory
) -> None:
    """Home, away, or unknown; since when; and who is where."""
    await add_bot("Home")
    start = dt_util.utcnow()

    def shown() -> tuple[str, Any, list[list[str]]]:
        state = state_of(hass, "binary_sensor.home_presence")
        since = round((state.attributes["since"] - start).total_seconds())
        return state.state, since, [state.attributes[name] for name in ("home", "away", "unsure")]

    assert shown() == ("on", 0, [["Anna", "Bo"], [], []])
    freezer.tick(10)
    await persons("bo", "not_home")
    assert shown() == ("on", 0, [["Anna"], ["Bo"], []])
    await persons("anna", "unavailable")
    assert shown() == ("unknown", 10, [[], ["Bo"], ["Anna"]])
    freezer.tick(10)
    await persons("anna", "home")
    assert shown() == ("on", 0, [["Anna"], ["Bo"], []])
    await persons("anna", "not_home")
    assert shown() == ("off", 20, [[], ["Anna", "Bo"], []])
