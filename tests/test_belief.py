"""What the presence sensor shows from the moment that it is there: what the bot believes."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE, EVENT_STATE_CHANGED
from homeassistant.core import CoreState, Event, EventStateChangedData, HomeAssistant, State, callback
import pytest

from .conftest import AddBot, Home, SetPresence
from .days import everybody, go_on, power_cut, restart
from .forms import change_bot
from .home import state_of

SENSOR = "binary_sensor.home_presence"


@pytest.fixture
def shown(hass: HomeAssistant) -> list[State]:
    """Return every state that the sensor has, one after the other; none while it is not loaded."""
    states: list[State] = []

    @callback
    def changed(event: Event[EventStateChangedData]) -> None:
        new = event.data["new_state"]
        states.extend([new] if new is not None and new.entity_id == SENSOR else [])

    hass.bus.async_listen(EVENT_STATE_CHANGED, changed)
    return states


def values(shown: list[State]) -> list[str]:
    """Return what the sensor showed, without what only changed its attributes."""
    states = [state.state for state in shown]
    return [state for number, state in enumerate(states) if number == 0 or states[number - 1] != state]


@pytest.mark.parametrize(("where", "state", "names"), [("home", "on", ["Anna", "Bo"]), ("not_home", "off", [])])
async def test_a_new_bot_shows_at_once_who_is_home(
    home: Home, persons: SetPresence, add_bot: AddBot, shown: list[State], where: str, state: str, names: list[str]
) -> None:
    """It need not wait for anybody to move."""
    await everybody(persons, where)
    await add_bot()
    assert [(one.state, one.attributes["home"]) for one in shown] == [(state, names)]


async def test_a_bot_that_can_follow_nobody_shows_that_it_does_not_know(
    hass: HomeAssistant, hass_storage: dict[str, Any], home: Home, add_bot: AddBot, shown: list[State]
) -> None:
    """Also after a restart, until there is somebody."""
    bot = await add_bot()
    await power_cut(hass, hass_storage, bot, home, hass.async_block_till_done)
    assert values(shown) == ["unknown", "unavailable", "unknown"]

    hass.states.async_set("person.cleo", "home", {"device_trackers": ["device_tracker.cleo"]})
    await hass.async_block_till_done()
    assert values(shown)[3:] == ["on"]


@pytest.mark.parametrize(("where", "state"), [("home", "on"), ("not_home", "off")])
async def test_the_belief_outlives_reloads_restarts_and_power_cuts(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    shown: list[State],
    freezer: FrozenDateTimeFactory,
    where: str,
    state: str,
) -> None:
    """There is no moment in which the bot shows that it does not know, nor one in which it shows anything else."""
    bot = await add_bot()
    await everybody(persons, where)
    since = state_of(hass, SENSOR).attributes["since"]
    await go_on(hass, freezer, 3600)
    shown.clear()

    assert await hass.config_entries.async_reload(bot.bot_id)
    await hass.async_block_till_done()
    await restart(hass, bot)
    await power_cut(hass, hass_storage, bot, home, hass.async_block_till_done)

    assert values(shown) == ["unavailable", state] * 3
    assert {one.attributes["since"] for one in shown if one.state == state} == {since}
    assert all(device.commands == home["light.porch"].commands for device in home.values())


async def test_while_home_assistant_starts_the_bot_shows_what_it_believed_and_then_what_it_sees(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, shown: list[State]
) -> None:
    """Everybody left while it was off; until it has started, nobody knows who is where."""
    bot = await add_bot()
    await hass.config_entries.async_unload(bot.bot_id)
    hass.set_state(CoreState.not_running)
    await everybody(persons, "not_home")
    shown.clear()

    assert await hass.config_entries.async_setup(bot.bot_id)
    await hass.async_block_till_done()
    assert [(one.state, one.attributes["home"], one.attributes["away"]) for one in shown] == [("on", [], [])]
    await hass.async_start()
    await hass.async_block_till_done()
    assert (values(shown), shown[-1].attributes["away"]) == (["on", "off"], ["Anna", "Bo"])


async def test_a_bot_that_is_unsure_stays_so_over_a_power_cut(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    shown: list[State],
    freezer: FrozenDateTimeFactory,
) -> None:
    """It has been so for as long as before, and it is over when somebody is found."""
    bot = await add_bot()
    await persons("anna", "unavailable")
    await go_on(hass, freezer, 60)
    await persons("bo", "not_home")
    since = state_of(hass, SENSOR).attributes["since"]
    await go_on(hass, freezer, 3600)
    shown.clear()

    await power_cut(hass, hass_storage, bot, home, hass.async_block_till_done)
    assert values(shown) == ["unavailable", "unknown"]
    assert {one.attributes["since"] for one in shown[1:]} == {since}
    await persons("anna", "home")
    assert values(shown)[2:] == ["on"]


async def test_trackers_that_are_lost_while_home_assistant_stops_do_not_make_the_bot_unsure(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    shown: list[State],
) -> None:
    """They are back when it starts."""
    bot = await add_bot()
    shown.clear()
    hass.set_state(CoreState.stopping)
    await everybody(persons, "unavailable")
    hass.bus.async_fire_internal(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await hass.async_block_till_done()
    assert shown == []

    async def come_back() -> None:
        hass.set_state(CoreState.not_running)
        await everybody(persons, "home")

    await power_cut(hass, hass_storage, bot, home, come_back)
    assert values(shown) == ["unavailable", "on"]


async def test_a_bot_that_is_to_follow_others_shows_at_once_where_they_are(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, shown: list[State]
) -> None:
    """What it believed of those before says nothing."""
    bot = await add_bot()
    await persons("bo", "not_home")
    shown.clear()

    await change_bot(bot, persons=["person.bo"])

    assert values(shown) == ["unavailable", "off"]
    assert home["light.porch"].commands == []


async def test_a_bot_that_is_enabled_again_shows_at_once_what_is_so_now(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, shown: list[State]
) -> None:
    """And not what it believed weeks ago."""
    bot = await add_bot()
    await hass.config_entries.async_set_disabled_by(bot.bot_id, ConfigEntryDisabler.USER)
    await everybody(persons, "not_home")
    shown.clear()

    await hass.config_entries.async_set_disabled_by(bot.bot_id, None)
    await hass.async_block_till_done()

    assert values(shown) == ["off"]
    assert home["light.porch"].commands == []
