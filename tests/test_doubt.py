"""A repair issue names what keeps a bot from reacting to presence for a day."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.const import DOMAIN

from .conftest import AddBot, Home, SetClock, SetPosition, SetPresence
from .days import everybody, go_on, power_cut, restart, turn
from .forms import change_bot

HOUR = 3600
DAY = 24 * HOUR

type Issues = Callable[[], list[tuple[str, str | None]]]


@pytest.fixture
def issues(issue_registry: ir.IssueRegistry) -> Issues:
    """Return a function that tells which repair issues are shown, and which persons they name."""
    return lambda: [
        (str(issue.translation_key), (issue.translation_placeholders or {}).get("persons"))
        for issue in issue_registry.issues.values()
        if issue.domain == DOMAIN and issue.active
    ]


ANNA = [("person_unsure", "Anna (person.anna)")]
NOBODY = [("nobody_followed", None)]


async def test_a_person_who_keeps_the_bot_unsure_for_a_day_is_named(
    hass: HomeAssistant,
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    issues: Issues,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Until it is known again where that person is."""
    await add_bot()
    await persons("bo", "not_home")
    await persons("anna", "unavailable")
    await go_on(hass, freezer, DAY - 1)
    await persons("bo", "Work")
    assert issues() == []

    await go_on(hass, freezer, 2)
    assert issues() == ANNA

    await persons("anna", "not_home")
    assert issues() == []


async def test_others_who_come_and_go_do_not_hide_it(
    hass: HomeAssistant,
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    issues: Issues,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The bot is sure whenever they are home, but it never acts on their leaving."""
    await add_bot()
    await persons("anna", "unknown")
    for _ in range(3):
        await persons("bo", "not_home")
        await go_on(hass, freezer, 7 * HOUR)
        assert issues() == []
        await persons("bo", "home")
        await go_on(hass, freezer, HOUR)
    assert issues() == []

    await persons("bo", "not_home")
    assert issues() == ANNA
    await persons("bo", "home")
    assert issues() == ANNA
    await persons("anna", "home")
    assert issues() == []


async def test_while_somebody_else_is_home_nothing_is_missed(
    hass: HomeAssistant,
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    issues: Issues,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The bot is sure that somebody is there."""
    await add_bot()
    await persons("anna", "unavailable")
    await go_on(hass, freezer, 2 * DAY)

    assert issues() == []


async def test_all_who_are_unsure_for_a_day_are_named(
    hass: HomeAssistant,
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    issues: Issues,
    freezer: FrozenDateTimeFactory,
) -> None:
    """One after the other."""
    await add_bot()
    await persons("anna", "unavailable")
    await go_on(hass, freezer, HOUR)
    await persons("bo", "unavailable")
    await go_on(hass, freezer, DAY - HOUR + 1)
    assert issues() == ANNA
    await go_on(hass, freezer, HOUR)
    assert issues() == [("person_unsure", "Anna (person.anna), Bo (person.bo)")]
    await persons("anna", "not_home")
    assert issues() == [("person_unsure", "Bo (person.bo)")]


async def test_a_person_who_is_known_now_and_then_is_not_named(
    hass: HomeAssistant,
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    issues: Issues,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A day begins anew each time."""
    await add_bot()
    await persons("bo", "not_home")
    for _ in range(3):
        await persons("anna", "unavailable")
        await go_on(hass, freezer, DAY - 1)
        await persons("anna", "not_home")

    assert issues() == []


async def test_a_position_that_is_bad_for_a_day_is_told(
    hass: HomeAssistant,
    home: Home,
    at_position: SetPosition,
    add_bot: AddBot,
    issues: Issues,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It is not known either where that person is."""
    await add_bot()
    await at_position("bo", 1000, 10)
    await at_position("anna", 1000, 2500)
    await go_on(hass, freezer, DAY + 1)
    assert issues() == ANNA

    await at_position("anna", 1000, 10)
    assert issues() == []


async def test_a_bot_that_follows_nobody_for_a_day_is_told(
    hass: HomeAssistant,
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    issues: Issues,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Until a person has a tracker."""
    hass.states.async_set("person.cleo", "unknown", {"device_trackers": []})
    await add_bot(persons=["person.cleo"])
    await go_on(hass, freezer, DAY - 1)
    assert issues() == []
    await go_on(hass, freezer, 2)
    assert issues() == NOBODY

    hass.states.async_set("person.cleo", "home", {"device_trackers": ["device_tracker.cleo"]})
    await hass.async_block_till_done()
    assert issues() == []


async def test_choosing_other_persons_mends_it(
    hass: HomeAssistant,
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    issues: Issues,
    freezer: FrozenDateTimeFactory,
) -> None:
    """In the form of the bot."""
    bot = await add_bot(persons=["person.gone"])
    await go_on(hass, freezer, DAY + 1)
    assert issues() == NOBODY

    await change_bot(bot, persons=["person.bo"])

    assert issues() == []


async def test_a_bot_that_does_nothing_anyway_has_no_issue(
    hass: HomeAssistant, home: Home, add_bot: AddBot, issues: Issues, freezer: FrozenDateTimeFactory
) -> None:
    """It misses nothing."""
    await add_bot(on_leaving="nothing", on_returning="nothing")
    await go_on(hass, freezer, 2 * DAY)

    assert issues() == []


@pytest.mark.parametrize("form", [{"on_leaving": "nothing"}, {"on_returning": "nothing"}])
async def test_one_reaction_is_enough(
    hass: HomeAssistant,
    home: Home,
    add_bot: AddBot,
    issues: Issues,
    freezer: FrozenDateTimeFactory,
    form: dict[str, str],
) -> None:
    """Either of them."""
    await add_bot(**form)
    await go_on(hass, freezer, DAY + 1)

    assert issues() == NOBODY


async def test_a_reaction_that_is_turned_off_has_no_issue(
    hass: HomeAssistant,
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    issues: Issues,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It comes back with the reaction."""
    await add_bot("Home")
    await everybody(persons, "unavailable")
    await turn(hass, "switch.home_presence_reaction", "off")
    await go_on(hass, freezer, DAY + 1)
    assert issues() == []
    await turn(hass, "switch.home_presence_reaction", "on")
    assert len(issues()) == 1
    await turn(hass, "switch.home_presence_reaction", "off")
    assert issues() == []


async def test_a_restart_does_not_begin_the_day_anew(
    hass: HomeAssistant,
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    issues: Issues,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nor does it forget that the day is over."""
    bot = await add_bot()
    await persons("bo", "not_home")
    await persons("anna", "unavailable")
    await go_on(hass, freezer, DAY - HOUR)
    await restart(hass, bot)
    assert issues() == []
    await go_on(hass, freezer, HOUR + 1)
    assert issues() == ANNA

    await hass.config_entries.async_unload(bot.bot_id)
    assert issues() == []
    await restart(hass, bot)
    assert issues() == ANNA


async def test_a_power_cut_does_not_begin_the_day_anew(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    issues: Issues,
    freezer: FrozenDateTimeFactory,
) -> None:
    """When a doubt began is written down at once."""
    bot = await add_bot()
    await persons("bo", "not_home")
    await persons("anna", "unavailable")
    await go_on(hass, freezer, DAY - HOUR)
    await power_cut(hass, hass_storage, bot, home, hass.async_block_till_done)
    assert issues() == []
    await go_on(hass, freezer, HOUR + 1)

    assert issues() == ANNA


async def test_a_clock_that_is_set_makes_no_day(
    hass: HomeAssistant,
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    issues: Issues,
    set_clock: SetClock,
) -> None:
    """A small computer learns the time only after its start."""
    await add_bot()
    await everybody(persons, "unavailable")
    set_clock(timedelta(days=300))
    await persons("bo", "unknown")

    assert issues() == []


async def test_a_bot_that_was_disabled_begins_anew(
    hass: HomeAssistant,
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    issues: Issues,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nobody missed it meanwhile."""
    bot = await add_bot()
    await everybody(persons, "unavailable")
    await go_on(hass, freezer, DAY + 1)
    await hass.config_entries.async_set_disabled_by(bot.bot_id, ConfigEntryDisabler.USER)
    await hass.async_block_till_done()
    assert issues() == []
    await hass.config_entries.async_set_disabled_by(bot.bot_id, None)
    await hass.async_block_till_done()

    assert issues() == []


async def leave_alone(bot: Bot) -> None:
    """Do nothing more with a bot than to remove it."""
    await bot.hass.config_entries.async_remove(bot.bot_id)


async def reload_first(bot: Bot) -> None:
    """Remove a bot after it was loaded anew."""
    await bot.hass.config_entries.async_reload(bot.bot_id)
    await leave_alone(bot)


@pytest.mark.parametrize("remove", [leave_alone, reload_first])
async def test_the_issue_goes_with_the_bot(
    hass: HomeAssistant,
    home: Home,
    add_bot: AddBot,
    issues: Issues,
    freezer: FrozenDateTimeFactory,
    remove: Any,
) -> None:
    """And that of another bot stays."""
    bot = await add_bot("Home")
    await add_bot("Garden")
    await go_on(hass, freezer, DAY + 1)
    assert issues() == NOBODY * 2

    await remove(bot)
    await hass.async_block_till_done()

    assert issues() == NOBODY
