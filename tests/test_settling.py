"""Leaving settles before it is acted on."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest

from .conftest import AddBot, Home, SetPresence
from .days import everybody, go_on, restart, turn
from .home import state_of


async def test_leaving_settles_before_it_is_acted_on(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, on: Any, freezer: FrozenDateTimeFactory
) -> None:
    """A minute, unless the form says otherwise; who comes back within it has never left."""
    await add_bot(settling=60)
    await turn(hass, "light.kitchen", "on")

    await everybody(persons, "not_home")
    await go_on(hass, freezer, 30)
    await persons("bo", "Work")
    await go_on(hass, freezer, 29)
    assert on() == ["light.kitchen"]
    await persons("anna", "home")
    await go_on(hass, freezer, 60)
    assert home["light.porch"].commands == []

    await persons("anna", "not_home")
    await go_on(hass, freezer, 61)
    assert on() == []
    await persons("bo", "home")
    assert len(on()) == 3


async def test_a_tracker_that_flaps_never_gets_to_act(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, freezer: FrozenDateTimeFactory
) -> None:
    """However often it does."""
    await add_bot(settling=60)
    await persons("bo", "not_home")
    for _ in range(50):
        await persons("anna", "not_home")
        await go_on(hass, freezer, 50)
        await persons("anna", "home")
        await go_on(hass, freezer, 5)

    assert all(device.commands == [] for device in home.values())


async def test_not_knowing_at_the_end_of_settling_waits_until_it_is_known(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, freezer: FrozenDateTimeFactory
) -> None:
    """All trackers unavailable could be everybody at home, and the first that is back may tell what it last knew."""
    await add_bot(settling=60)
    await everybody(persons, "not_home")
    await everybody(persons, "unavailable")
    await go_on(hass, freezer, 3600)
    assert home["light.kitchen"].commands == []

    await everybody(persons, "not_home")
    await everybody(persons, "home")
    await go_on(hass, freezer, 61)
    assert home["light.kitchen"].commands == []

    await everybody(persons, "not_home")
    await everybody(persons, "unavailable")
    await go_on(hass, freezer, 61)
    await everybody(persons, "not_home")
    await go_on(hass, freezer, 59)
    assert home["light.kitchen"].commands == []
    await go_on(hass, freezer, 2)
    assert home["light.kitchen"].commands == [False]


async def test_not_knowing_in_the_midst_of_settling_does_not_make_it_longer(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, freezer: FrozenDateTimeFactory
) -> None:
    """A phone that sleeps for a moment has not been home."""
    await add_bot(settling=60)
    await everybody(persons, "not_home")
    await go_on(hass, freezer, 30)
    await persons("anna", "unavailable")
    await persons("anna", "not_home")
    await go_on(hass, freezer, 31)

    assert home["light.kitchen"].commands == [False]


@pytest.mark.parametrize(("passed", "told"), [(30, []), (61, [False])])
async def test_settling_survives_a_restart(
    hass: HomeAssistant,
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    freezer: FrozenDateTimeFactory,
    passed: float,
    told: list[bool],
) -> None:
    """What is left of it is waited for afterwards, and not more."""
    bot = await add_bot(settling=60)
    await everybody(persons, "not_home")
    await go_on(hass, freezer, 10)
    await hass.config_entries.async_unload(bot.bot_id)
    freezer.tick(passed - 10)
    await restart(hass, bot)

    assert home["light.kitchen"].commands == told
    await go_on(hass, freezer, 31)
    assert home["light.kitchen"].commands == [False]
    await restart(hass, bot)
    await go_on(hass, freezer, 100)
    assert home["light.kitchen"].commands == [False]


async def test_turning_the_reaction_off_ends_what_was_settling(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, freezer: FrozenDateTimeFactory
) -> None:
    """Also when it is turned on again at once."""
    await add_bot("Home", settling=60)
    await everybody(persons, "not_home")
    assert state_of(hass, "binary_sensor.home_presence").attributes["acts_at"] is not None

    await turn(hass, "switch.home_presence_reaction", "off")
    await turn(hass, "switch.home_presence_reaction", "on")
    assert state_of(hass, "binary_sensor.home_presence").attributes["acts_at"] is None
    await go_on(hass, freezer, 120)

    assert home["light.kitchen"].commands == []
