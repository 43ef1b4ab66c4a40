"""A reaction to presence that was interrupted is finished, or undone when it is the wrong one by now."""

from typing import Any

from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
import pytest

from custom_components.datastream_bot.bot import Bot

from .conftest import AddBot, Home, SetPresence
from .days import everybody, power_cut, restart, turn
from .forms import change_bot
from .home import diagnostics_of, remembered, ticks

EVERYTHING = ["light.kitchen", "light.porch", "switch.fan"]

pytestmark = pytest.mark.warns


def move_all(hass: HomeAssistant, state: str) -> None:
    """Move everybody at once."""
    for person in ("anna", "bo"):
        hass.states.async_set(f"device_tracker.{person}", state)


async def begun(bot: Bot) -> str | None:
    """Return the presence that a bot has begun to react to."""
    presence: str | None = (await diagnostics_of(bot))["microservices"][0]["begun"]
    return presence


@pytest.fixture
async def leave(hass: HomeAssistant, home: Home, persons: SetPresence, on: Any) -> Any:
    """Return a function that lets everybody leave, with the kitchen off by then, and the porch still on."""

    async def leave() -> None:
        await turn(hass, "light.kitchen", "on")
        await turn(hass, "light.porch", "on")
        home["light.porch"].responding.clear()
        move_all(hass, "not_home")
        await ticks(50)
        assert on() == ["light.porch"]

    return leave


@pytest.mark.parametrize(
    ("on_returning", "still", "later"),
    [
        ("restore", [], ["light.kitchen", "light.porch"]),
        ("on", [], EVERYTHING),
        ("nothing", [], []),
    ],
)
async def test_leaving_goes_on_when_nobody_is_back(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    leave: Any,
    on: Any,
    on_returning: str,
    still: list[str],
    later: list[str],
) -> None:
    """The return after it is as if nothing had happened."""
    bot = await add_bot(on_returning=on_returning)
    await leave()
    assert await begun(bot) == "away"

    await power_cut(hass, hass_storage, bot, home, hass.async_block_till_done)

    assert on() == still
    assert await begun(bot.entry.runtime_data) is None
    assert await remembered(bot.entry.runtime_data) == (
        ["light.kitchen", "light.porch"] if on_returning == "restore" else []
    )
    await everybody(persons, "home")
    assert on() == later


@pytest.mark.parametrize(
    ("on_returning", "back"),
    [
        ("restore", ["light.kitchen", "light.porch"]),
        ("on", EVERYTHING),
        ("nothing", ["light.kitchen", "light.porch"]),
    ],
)
async def test_leaving_is_undone_when_somebody_is_back(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    leave: Any,
    on: Any,
    on_returning: str,
    back: list[str],
) -> None:
    """As the settings say; where they say nothing, only what was turned off is put back."""
    bot = await add_bot(on_returning=on_returning)
    await leave()

    async def return_home() -> None:
        move_all(hass, "home")

    await power_cut(hass, hass_storage, bot, home, return_home)

    assert on() == back
    assert await begun(bot.entry.runtime_data) is None
    assert await remembered(bot.entry.runtime_data) == []
    # Only once.
    await turn(hass, "light.kitchen", "off")
    await restart(hass, bot)
    assert on() == [entity_id for entity_id in back if entity_id != "light.kitchen"]


@pytest.mark.parametrize(
    ("on_leaving", "on_returning", "gone", "off"),
    [
        (on_leaving, on_returning, gone, off)
        for on_returning, whole in (("on", EVERYTHING), ("restore", ["light.kitchen", "light.porch", "switch.fan"]))
        for on_leaving, gone, off in (
            ("off", False, whole),
            ("nothing", False, whole),
            ("off", True, []),
            ("nothing", True, ["switch.fan"]),
        )
    ],
)
async def test_returning_goes_on_or_is_undone(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    on: Any,
    on_leaving: str,
    on_returning: str,
    off: list[str],
    *,
    gone: bool,
) -> None:
    """Where the settings say nothing of leaving, only what was turned on is put back."""
    bot = await add_bot(on_returning=on_returning)
    await turn(hass, "light.kitchen", "on")
    await turn(hass, "light.porch", "on")
    await everybody(persons, "not_home")
    await change_bot(bot, on_leaving=on_leaving, on_returning=on_returning)
    await turn(hass, "switch.fan", "on")
    home["light.porch"].responding.clear()
    move_all(hass, "home")
    await ticks(50)
    assert on() == ["light.kitchen", "switch.fan"]

    async def leave_again() -> None:
        if gone:
            move_all(hass, "not_home")

    await power_cut(hass, hass_storage, bot, home, leave_again)

    assert on() == off
    assert await begun(bot.entry.runtime_data) is None


async def test_a_return_that_had_nothing_to_turn_on_has_nothing_to_put_back(
    hass: HomeAssistant, hass_storage: dict[str, Any], home: Home, persons: SetPresence, add_bot: AddBot, on: Any
) -> None:
    """It is over all the same."""
    bot = await add_bot(on_leaving="nothing", on_returning="on")
    for entity_id in home:
        await turn(hass, entity_id, "on")
    await everybody(persons, "not_home")
    home["light.porch"].responding.clear()
    move_all(hass, "home")
    await ticks(50)
    assert await begun(bot) == "home"

    async def leave_again() -> None:
        move_all(hass, "not_home")

    await power_cut(hass, hass_storage, bot, home, leave_again)

    assert on() == EVERYTHING
    assert await begun(bot.entry.runtime_data) is None


async def test_a_reload_finishes_what_it_interrupts(
    hass: HomeAssistant, home: Home, add_bot: AddBot, leave: Any, on: Any
) -> None:
    """What hangs is asked again."""
    bot = await add_bot(on_returning="restore")
    await leave()

    await hass.config_entries.async_reload(bot.bot_id)
    home["light.porch"].responding.set()
    await hass.async_block_till_done()

    assert on() == []
    move_all(hass, "home")
    await hass.async_block_till_done()
    assert on() == ["light.kitchen", "light.porch"]


async def test_a_bot_that_does_not_react_any_more_leaves_as_it_is_what_was_interrupted(
    hass: HomeAssistant, hass_storage: dict[str, Any], home: Home, add_bot: AddBot, leave: Any, on: Any
) -> None:
    """The reaction was turned off while a light hung."""
    bot = await add_bot(on_returning="restore")
    await leave()
    await turn(hass, "switch.home_presence_reaction", "off")

    await power_cut(hass, hass_storage, bot, home, hass.async_block_till_done)

    assert on() == ["light.porch"]
    assert await begun(bot.entry.runtime_data) is None


async def test_a_bot_that_was_disabled_forgets_what_was_interrupted(
    hass: HomeAssistant, home: Home, add_bot: AddBot, leave: Any, on: Any
) -> None:
    """It may be enabled again after weeks."""
    bot = await add_bot(on_returning="restore")
    await leave()
    await hass.config_entries.async_set_disabled_by(bot.bot_id, ConfigEntryDisabler.USER)
    home["light.porch"].responding.set()
    await hass.async_block_till_done()
    move_all(hass, "home")

    await hass.config_entries.async_set_disabled_by(bot.bot_id, None)
    await hass.async_block_till_done()

    assert on() == []


async def test_presence_that_overtakes_a_reaction_is_what_counts_after_a_power_cut(
    hass: HomeAssistant, hass_storage: dict[str, Any], home: Home, add_bot: AddBot, leave: Any, on: Any
) -> None:
    """They came back while the porch still hung; the end of leaving changes nothing of that."""
    bot = await add_bot(on_returning="restore")
    await leave()
    home["light.kitchen"].responding.clear()
    move_all(hass, "home")
    home["light.porch"].responding.set()
    await ticks(100)
    assert await begun(bot) == "home"

    await power_cut(hass, hass_storage, bot, home, hass.async_block_till_done)

    assert on() == ["light.kitchen", "light.porch"]
