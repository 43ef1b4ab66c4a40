"""Presence: everyone leaving and the first one returning, told by real persons in real zones."""

import asyncio
from collections.abc import Mapping
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.const import EVENT_HOMEASSISTANT_START
from homeassistant.core import Context, CoreState, Event, HomeAssistant, State, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockUser,
    async_capture_events,
    async_fire_time_changed,
    mock_restore_cache,
)

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.messaging import Field, FieldType
from custom_components.datastream_bot.messaging.microservice import Microservice
from custom_components.datastream_bot.presence.persons import Presence, async_presences, presence_among

from .conftest import AddBot, Home, Send, SetPresence
from .days import power_cut, wait_over
from .forms import change_bot
from .home import is_on, state_of


def commands(home: Home) -> list[bool]:
    """Return what the kitchen light was told so far; the others were told the same."""
    told = home["light.kitchen"].commands
    assert all(device.commands == told for device in home.values())
    return told


async def restart(hass: HomeAssistant, bot: Bot, *, meanwhile: dict[str, str]) -> None:
    """Unload a bot, move persons, and start Home Assistant and the bot again."""
    await hass.config_entries.async_unload(bot.bot_id)
    hass.set_state(CoreState.not_running)
    for person, state in meanwhile.items():
        hass.states.async_set(f"device_tracker.{person}", state)
    await hass.async_block_till_done()
    assert await hass.config_entries.async_setup(bot.bot_id)
    await hass.async_block_till_done()


async def started(hass: HomeAssistant) -> None:
    """Bring the start of Home Assistant to its end."""
    await hass.async_start()
    await hass.async_block_till_done()


async def test_the_last_to_leave_turns_all_off_and_the_first_to_return_turns_all_on(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """The lesson's behaviour, and nothing in between."""
    await add_bot()
    assert commands(home) == []

    await persons("anna", "not_home")
    assert commands(home) == []
    await persons("bo", "Work")
    assert commands(home) == [False]
    await persons("anna", "home")
    assert commands(home) == [False, True]
    await persons("bo", "home")
    await persons("anna", "not_home")
    assert commands(home) == [False, True]


async def test_presence_is_told_within_the_bot_only(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """Another bot that opened the address, and the event bus, hear nothing of it."""
    await add_bot("Home")
    await add_bot("Garden", on_leaving="nothing", on_returning="nothing")
    events = async_capture_events(hass, "datastream_bot_message")

    await persons("anna", "not_home")
    await persons("bo", "not_home")

    assert commands(home) == [False]
    assert events == []


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"on_leaving": "nothing"}, [True]),
        ({"on_returning": "nothing"}, [False]),
        ({"on_leaving": "nothing", "on_returning": "nothing"}, []),
    ],
)
async def test_the_user_says_what_leaving_and_returning_do(
    home: Home, persons: SetPresence, add_bot: AddBot, form: dict[str, str], told: list[bool]
) -> None:
    """Either can do nothing."""
    await add_bot(**form)
    for state in ("not_home", "home"):
        for person in ("anna", "bo"):
            await persons(person, state)

    assert commands(home) == told


async def test_only_the_chosen_persons_count(home: Home, persons: SetPresence, add_bot: AddBot) -> None:
    """The others may come and go."""
    await add_bot(persons=["person.anna"])

    await persons("bo", "not_home")
    await persons("anna", "not_home")
    await persons("bo", "home")

    assert commands(home) == [False]


@pytest.mark.parametrize("lost", ["unavailable", "unknown"])
async def test_not_knowing_where_someone_is_changes_nothing(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, lost: str
) -> None:
    """A phone that sleeps does not turn the lights off, nor on when it wakes up."""
    await add_bot()

    await persons("bo", "not_home")
    await persons("anna", lost)
    assert state_of(hass, "zone.home").state == "0"
    assert commands(home) == []
    await persons("anna", "home")
    assert commands(home) == []
    await persons("anna", lost)
    await persons("anna", "not_home")
    assert commands(home) == [False]


async def test_someone_at_home_is_enough_to_be_sure(home: Home, persons: SetPresence, add_bot: AddBot) -> None:
    """Whatever is unknown of the others."""
    await add_bot()
    await persons("bo", "not_home")
    await persons("anna", "not_home")
    await persons("bo", "unavailable")

    await persons("anna", "home")

    assert commands(home) == [False, True]


async def test_a_user_whom_nothing_tracks_does_not_count(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """Home Assistant makes a person of every user; without a tracker nobody would ever be away."""
    configs = [{"id": "admin", "name": "Admin", "device_trackers": []}]
    anna_and_bo = [
        {"id": person, "name": person.title(), "device_trackers": [f"device_tracker.{person}"]}
        for person in ("anna", "bo")
    ]
    hass.config.components.remove("person")
    assert await async_setup_component(hass, "person", {"person": [*configs, *anna_and_bo]})
    assert state_of(hass, "person.admin").state == "unknown"
    await add_bot()

    await persons("anna", "not_home")
    await persons("bo", "not_home")

    assert commands(home) == [False]


async def test_a_home_without_persons_is_unsure(hass: HomeAssistant, home: Home, add_bot: AddBot) -> None:
    """And so is one whose chosen persons are all gone."""
    await add_bot()
    assert presence_among(async_presences(hass, [])) is Presence.UNSURE
    assert presence_among(async_presences(hass, ["person.gone"])) is Presence.UNSURE
    assert commands(home) == []


async def test_a_chosen_person_who_is_removed_no_longer_counts(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """Otherwise nobody would ever be away again."""
    await add_bot(persons=["person.anna", "person.bo"])
    er.async_get(hass).async_remove("person.bo")
    await hass.async_block_till_done()

    await persons("anna", "not_home")

    assert commands(home) == [False]


@pytest.mark.parametrize("chosen", [[], ["person.anna", "person.bo"]])
async def test_removing_a_person_who_was_home_is_no_leaving(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, chosen: list[str]
) -> None:
    """Whoever does so is at home, most likely; from then on it is the others who leave and return."""
    await add_bot(persons=chosen)
    await persons("bo", "not_home")
    er.async_get(hass).async_remove("person.anna")
    await hass.async_block_till_done()
    assert commands(home) == []

    await persons("bo", "home")
    assert commands(home) == [True]
    await persons("bo", "not_home")
    assert commands(home) == [True, False]


async def test_renaming_a_person_who_is_home_is_neither_leaving_nor_returning(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """Although there is a moment without that person."""
    await add_bot()
    await persons("bo", "not_home")
    er.async_get(hass).async_update_entity("person.anna", new_entity_id="person.anne")
    await hass.async_block_till_done()

    assert state_of(hass, "person.anne").state == "home"
    assert commands(home) == []


async def test_a_person_who_is_added_at_home_ends_what_was_settling(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, freezer: FrozenDateTimeFactory
) -> None:
    """And is no returning either."""
    await add_bot(settling=60)
    await persons("anna", "not_home")
    await persons("bo", "not_home")
    hass.states.async_set("person.cleo", "home")
    await hass.async_block_till_done()
    freezer.tick(61)
    async_fire_time_changed(hass, dt_util.utcnow())
    await hass.async_block_till_done()

    assert commands(home) == []


@pytest.mark.warns
async def test_a_reaction_that_a_reload_interrupts_is_done_again(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, send: Send
) -> None:
    """Everyone left while a lamp took its time, and then the bot was changed."""
    bot = await add_bot()
    home["light.kitchen"].responding.clear()
    sending = hass.async_create_task(send("toggle_everything", {"on": True}))
    for person in ("anna", "bo"):
        hass.states.async_set(f"device_tracker.{person}", "not_home")
    for _ in range(10):
        await asyncio.sleep(0)

    await hass.config_entries.async_reload(bot.bot_id)
    home["light.kitchen"].responding.set()
    await hass.async_block_till_done()

    assert sending.done()
    assert home["light.porch"].commands == [True, False]
    assert not is_on(hass, "light.porch")


@pytest.mark.warns
async def test_a_reaction_that_cannot_be_sent_is_told(
    home: Home, persons: SetPresence, add_bot: AddBot, caplog: pytest.LogCaptureFixture
) -> None:
    """Another integration wants more of toggle_everything than the bot can know."""

    class Demanding(Microservice):
        name = "demanding"
        fields: Mapping[str, tuple[Field, ...]] = {
            "toggle_everything": (Field(name="why", type=FieldType.TEXT, required=True),)
        }

    bot = await add_bot()
    bot.attach(Demanding())

    await persons("anna", "not_home")
    await persons("bo", "not_home")

    assert commands(home) == []
    assert "The reaction of Home to presence was refused" in caplog.text


async def test_everyone_leaving_while_home_assistant_restarts_is_acted_on_once(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, freezer: FrozenDateTimeFactory
) -> None:
    """After the restart, when Home Assistant has started, and never again."""
    bot = await add_bot()

    await restart(hass, bot, meanwhile={"anna": "not_home", "bo": "not_home"})
    assert commands(home) == []
    await hass.async_start()
    await wait_over(hass, freezer)
    assert commands(home) == [False]

    await restart(hass, bot, meanwhile={})
    await started(hass)
    assert commands(home) == [False]


async def test_a_restart_with_everyone_home_does_nothing(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """Also when the trackers are late, as they are on every start."""
    bot = await add_bot()

    await restart(hass, bot, meanwhile={"anna": "unavailable", "bo": "unavailable"})
    await started(hass)
    assert state_of(hass, "zone.home").state == "0"
    await persons("anna", "home")
    await persons("bo", "home")

    assert commands(home) == []


async def test_nothing_is_done_before_home_assistant_has_started(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """What trackers say while everything starts is not where people are."""
    bot = await add_bot()

    await restart(hass, bot, meanwhile={})
    for state in ("not_home", "home"):
        await persons("anna", state)
        await persons("bo", state)
    await started(hass)

    assert commands(home) == []


async def test_a_bot_that_is_unloaded_while_home_assistant_starts_does_nothing(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """It no longer waits for the start."""
    bot = await add_bot()
    await restart(hass, bot, meanwhile={"anna": "not_home", "bo": "not_home"})

    await hass.config_entries.async_unload(bot.bot_id)
    await started(hass)

    assert commands(home) == []


async def test_persons_restored_as_home_at_the_start_are_no_return(
    hass: HomeAssistant, home: Home, add_bot: AddBot
) -> None:
    """Nor is it an edge when the first presence ever seen is away."""
    mock_restore_cache(hass, [State("person.anna", "not_home")])
    hass.set_state(CoreState.not_running)
    hass.states.async_set("device_tracker.anna", "not_home")
    config = [{"id": "anna", "name": "Anna", "device_trackers": ["device_tracker.anna"]}]
    assert await async_setup_component(hass, "person", {"person": config})
    await add_bot()

    hass.bus.async_fire(EVENT_HOMEASSISTANT_START)
    await started(hass)

    assert commands(home) == []


async def test_choosing_other_persons_is_not_leaving(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """Whoever changes the form is at home, most likely, and wants to keep the light."""
    bot = await add_bot()
    await persons("anna", "not_home")

    await change_bot(bot, persons=["person.anna"])

    assert commands(home) == []
    await persons("anna", "home")
    assert commands(home) == [True]


async def test_a_power_cut_does_not_turn_the_removal_of_a_person_into_a_leaving(
    hass: HomeAssistant, hass_storage: dict[str, Any], home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """Who was home is no person any more, and where the other one is was not known at that time."""
    bot = await add_bot()
    await persons("bo", "unavailable")
    er.async_get(hass).async_remove("person.anna")
    await hass.async_block_till_done()

    await power_cut(hass, hass_storage, bot, home, hass.async_block_till_done)
    await persons("bo", "not_home")

    assert commands(home) == []


async def test_a_bot_that_is_enabled_again_does_not_act_on_what_it_missed(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """It may have been disabled for weeks."""
    bot = await add_bot()
    await hass.config_entries.async_set_disabled_by(bot.bot_id, ConfigEntryDisabler.USER)
    await persons("anna", "not_home")
    await persons("bo", "not_home")

    await hass.config_entries.async_set_disabled_by(bot.bot_id, None)
    await hass.async_block_till_done()

    assert commands(home) == []


async def test_the_bot_reacts_with_its_own_rights_and_not_with_those_of_a_phones_user(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """A child's phone that comes home turns the lights on, and the logbook can tell what came of what."""
    await add_bot()
    child = MockUser(name="Child").add_to_hass(hass)
    await persons("anna", "not_home")
    await persons("bo", "not_home")

    cause = Context(user_id=child.id)
    hass.states.async_set("person.anna", "home", context=cause)
    await hass.async_block_till_done()

    assert commands(home) == [False, True]
    context = state_of(hass, "light.kitchen").context
    assert (context.user_id, context.parent_id) == (None, cause.id)


@pytest.mark.warns
async def test_presence_that_messages_change_comes_to_an_end(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, send: Send
) -> None:
    """A chain of messages through presence is counted like any other."""
    await add_bot()
    await send("toggle_everything", {"on": True})
    leaves_again = {
        "triggers": {"trigger": "state", "entity_id": "light.kitchen"},
        "actions": {"event": "moved"},
        "mode": "parallel",
    }
    assert await async_setup_component(hass, "automation", {"automation": leaves_again})

    @callback
    def move(event: Event) -> None:
        away = state_of(hass, "person.anna").state == "not_home"
        hass.states.async_set("person.anna", "home" if away else "not_home", context=event.context)

    hass.bus.async_listen("moved", move)
    await persons("bo", "not_home")
    await persons("anna", "not_home")
    for _ in range(20):
        await hass.async_block_till_done()

    assert commands(home) == [True, *(number % 2 == 1 for number in range(9))]
