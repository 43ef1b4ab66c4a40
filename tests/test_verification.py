"""Asking once more, and never against a later turn of events."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import (
    entity_registry as er,
    issue_registry as ir,
    label_registry as lr,
)
import pytest
from pytest_homeassistant_custom_component.common import (
    MockUser,
)

from custom_components.datastream_bot.const import DOMAIN

from .conftest import AddBot, Home, Send, SetPresence, furnish
from .days import LEAVING, RESTORE, RETURNING, everybody, go_on, group, turn, wait_over
from .home import PretendLight, is_on, ticks

pytestmark = pytest.mark.warns

MISSED = "no answer"


async def test_what_did_not_go_off_stays_on_after_somebody_returned(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, freezer: FrozenDateTimeFactory
) -> None:
    """Although there is nothing to restore of it."""
    await add_bot(verify_after=300, **RESTORE)
    await turn(hass, "light.kitchen", "on")
    home["light.kitchen"].broken = MISSED
    await everybody(persons, "not_home")
    home["light.kitchen"].broken = None

    await persons("anna", "home")
    await go_on(hass, freezer, 301)

    assert is_on(hass, "light.kitchen")
    assert home["light.kitchen"].commands == [True, False]


async def test_what_is_restored_by_a_message_is_not_turned_off_any_more(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory
) -> None:
    """Nor is what could not be reached when it was to be turned off."""
    await add_bot(verify_after=300)
    await turn(hass, "light.kitchen", "on")
    await turn(hass, "light.porch", "on")
    home["light.kitchen"].broken = MISSED
    home["light.porch"].set_available(available=False)
    await send("toggle_everything", LEAVING)
    home["light.kitchen"].broken = None
    home["light.porch"].set_available(available=True)

    await send("toggle_everything", RETURNING | {"target": {"entity_id": ["light.kitchen", "light.porch"]}})
    await go_on(hass, freezer, 301)

    assert is_on(hass, "light.kitchen")
    assert is_on(hass, "light.porch")


@pytest.mark.parametrize("form", [{"only_when_dark": True}, {"on_returning": "nothing"}])
async def test_somebody_at_home_ends_what_leaving_would_still_do(
    hass: HomeAssistant,
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    freezer: FrozenDateTimeFactory,
    form: dict[str, Any],
) -> None:
    """Also when returning does nothing."""
    await hass.config.async_update(latitude=52.4, longitude=4.9, time_zone="UTC")
    freezer.move_to("2026-11-22T10:00:00+00:00")
    await add_bot(verify_after=300, **form)
    await turn(hass, "switch.fan", "on")
    home["switch.fan"].broken = MISSED
    await everybody(persons, "not_home")
    home["switch.fan"].broken = None

    await persons("anna", "home")
    await go_on(hass, freezer, 301)

    assert home["switch.fan"].commands == [True, False]


async def test_turning_the_reaction_off_ends_what_it_would_still_do(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory
) -> None:
    """But not what a message wants."""
    await add_bot("Home", verify_after=300)
    await turn(hass, "light.kitchen", "on")
    await turn(hass, "switch.fan", "on")
    home["light.kitchen"].broken = home["switch.fan"].broken = MISSED
    await everybody(persons, "not_home")
    await send("toggle_everything", {"on": False, "domain": "switch"})
    home["light.kitchen"].broken = home["switch.fan"].broken = None

    await turn(hass, "switch.home_presence_reaction", "off")
    await go_on(hass, freezer, 301)

    assert home["light.kitchen"].commands == [True, False]
    assert home["switch.fan"].commands == [True, False, False, False]


async def test_a_return_while_a_light_still_hangs_ends_what_leaving_would_still_do(
    hass: HomeAssistant,
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It has not even begun to count the seconds."""
    await add_bot(verify_after=300, on_returning="nothing")
    await turn(hass, "light.kitchen", "on")
    home["light.kitchen"].responding.clear()
    home["light.kitchen"].broken = MISSED
    for person in ("anna", "bo"):
        hass.states.async_set(f"device_tracker.{person}", "not_home")
    await ticks(20)
    hass.states.async_set("device_tracker.anna", "home")
    await ticks(20)
    home["light.kitchen"].responding.set()
    await hass.async_block_till_done()
    home["light.kitchen"].broken = None

    await go_on(hass, freezer, 301)

    assert home["light.kitchen"].commands == [True, False]


@pytest.mark.parametrize("content", [{"on": True}, RETURNING])
async def test_what_is_excluded_meanwhile_is_not_asked_once_more(
    hass: HomeAssistant,
    home: Home,
    add_bot: AddBot,
    send: Send,
    freezer: FrozenDateTimeFactory,
    content: dict[str, Any],
) -> None:
    """What is excluded is safe at once."""
    await add_bot(verify_after=300)
    await turn(hass, "switch.fan", "on")
    await turn(hass, "light.porch", "on")
    await send("toggle_everything", LEAVING)
    home["switch.fan"].broken = home["light.porch"].broken = MISSED
    await send("toggle_everything", content)
    home["switch.fan"].broken = home["light.porch"].broken = None

    label = lr.async_get(hass).async_create("datastream_bot_ignore")
    er.async_get(hass).async_update_entity("switch.fan", labels={label.label_id})
    await go_on(hass, freezer, 301)

    assert home["switch.fan"].commands == [True, False, True]
    assert home["light.porch"].commands == [True, False, True, True]


async def test_of_a_group_only_those_are_asked_once_more_that_missed_it(
    hass: HomeAssistant, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory
) -> None:
    """What somebody turned on again meanwhile stays on."""
    home: Home = {f"light.l{number}": PretendLight(f"L{number}") for number in range(3)}
    await furnish(hass, home)
    await group(hass, "All", list(home))
    await add_bot(verify_after=300)
    await send("toggle_everything", {"on": True})
    home["light.l0"].broken = MISSED
    receipt = await send("toggle_everything", {"on": False})
    assert [delivery["result"]["switched"] for delivery in receipt["failed"]] == [[]]
    home["light.l0"].broken = None
    await turn(hass, "light.l1", "on")

    await go_on(hass, freezer, 301)

    assert [is_on(hass, entity_id) for entity_id in home] == [False, True, False]
    assert home["light.l2"].commands == [True, False]


async def test_each_message_has_its_own_time(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory
) -> None:
    """What was told later is asked later."""
    await add_bot(verify_after=300)
    await turn(hass, "light.kitchen", "on")
    await turn(hass, "switch.fan", "on")
    home["light.kitchen"].broken = home["switch.fan"].broken = MISSED
    await send("toggle_everything", {"on": False, "domain": "light"})
    await go_on(hass, freezer, 200)
    await send("toggle_everything", {"on": False, "domain": "switch"})
    home["light.kitchen"].broken = home["switch.fan"].broken = None

    await go_on(hass, freezer, 101)
    assert home["light.kitchen"].commands == [True, False, False]
    assert home["switch.fan"].commands == [True, False]
    await go_on(hass, freezer, 200)
    assert home["switch.fan"].commands == [True, False, False]


async def test_who_may_not_switch_a_group_is_not_reported_for_what_is_in_it(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory
) -> None:
    """The lights are not to blame."""
    await group(hass, "Both", ["light.kitchen", "light.porch"])
    await add_bot("Home", verify_after=10)
    user = MockUser(name="Child").add_to_hass(hass)
    policy: Any = {"entities": {"entity_ids": {"switch.fan": {"control": True}}}}
    user.mock_policy(policy)
    for _ in range(3):
        await send("toggle_everything", {"on": True}, context=Context(user_id=user.id))
        for _ in range(3):
            await go_on(hass, freezer, 11)

    assert home["light.kitchen"].commands == []
    assert not ir.async_get(hass).issues


@pytest.mark.warns
async def test_what_did_not_switch_is_asked_once_more_and_told_after_three_times(
    hass: HomeAssistant,
    home: Home,
    add_bot: AddBot,
    send: Send,
    freezer: FrozenDateTimeFactory,
    issue_registry: ir.IssueRegistry,
) -> None:
    """Bulbs that do not hear what they are told, and bulbs that hear only the second time."""
    bot = await add_bot("Home", verify_after=10)
    issue = (DOMAIN, f"not_reached_{bot.bot_id}")
    home["light.porch"].is_momentary = True
    home["switch.fan"].set_available(available=False)
    deaf = home["light.kitchen"]
    deaf.broken = "no answer"

    for number in range(1, 4):
        assert issue not in issue_registry.issues
        await send("toggle_everything", {"on": True})
        await go_on(hass, freezer, 11)
        await go_on(hass, freezer, 61)
        assert deaf.commands == [True, True] * number
    shown = issue_registry.issues[issue]
    assert shown.translation_placeholders == {"bot": "Home", "entities": "light.kitchen, light.porch"}

    home["light.porch"].is_momentary = False
    await send("toggle_everything", {"on": True})
    deaf.broken = None
    await go_on(hass, freezer, 11)
    await go_on(hass, freezer, 61)
    assert is_on(hass, "light.kitchen")
    assert issue not in issue_registry.issues


async def test_what_did_switch_is_not_asked_again(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory
) -> None:
    """Whoever turns it on again meanwhile has their reasons; so has a newer message."""
    await add_bot("Home", verify_after=10)
    await send("toggle_everything", {"on": True})
    await send("toggle_everything", {"on": False})
    await turn(hass, "light.kitchen", "on")
    for _ in range(3):
        await go_on(hass, freezer, 11)

    assert home["light.kitchen"].commands == [True, False, True]
    assert home["light.porch"].commands == [True, False]


@pytest.mark.warns
async def test_restoring_is_verified_too(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory
) -> None:
    """As it was, and without asking who may not."""
    await add_bot("Home", verify_after=10)
    await send("toggle_everything", {"on": True})
    await send("toggle_everything", LEAVING)
    home["light.porch"].is_momentary = True
    home["light.kitchen"].broken = "no answer"

    await send("toggle_everything", RETURNING | {"target": {"entity_id": "light.kitchen"}})
    home["light.kitchen"].broken = None
    await go_on(hass, freezer, 11)

    assert is_on(hass, "light.kitchen")


@pytest.mark.warns
async def test_who_may_not_switch_does_not_ask_again(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory
) -> None:
    """Nor is that the light's fault."""
    bot = await add_bot("Home", verify_after=10)
    policy: Any = {"entities": {"entity_ids": {"light.porch": {"control": True}}}}
    user = MockUser(name="Child").add_to_hass(hass)
    user.mock_policy(policy)
    for _ in range(3):
        await send("toggle_everything", {"on": True}, context=Context(user_id=user.id))
        await send("toggle_everything", {"on": True}, context=Context(user_id="nobody"))
        for _ in range(3):
            await go_on(hass, freezer, 11)

    assert home["light.kitchen"].commands == []
    assert not ir.async_get(hass).issues
    await hass.config_entries.async_unload(bot.bot_id)


@pytest.mark.warns
async def test_unloaded_while_it_waits_for_a_light_a_bot_looks_no_more(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory
) -> None:
    """Nor does it complain of a light that was removed meanwhile."""
    bot = await add_bot("Home", verify_after=10)
    home["light.kitchen"].responding.clear()
    sending = hass.async_create_task(send("toggle_everything", {"on": True}))
    await ticks(10)
    er.async_get(hass).async_remove("light.porch")
    await hass.config_entries.async_unload(bot.bot_id)
    home["light.kitchen"].responding.set()
    await wait_over(hass, freezer)
    await sending
    for _ in range(3):
        await go_on(hass, freezer, 11)

    assert home["light.kitchen"].commands == [True]
    assert not ir.async_get(hass).issues
