"""Several bots in one home: what a further one is offered to do, and what it is told about the others."""

from collections.abc import Awaitable, Callable
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.const import DOMAIN

from .conftest import AddBot, Home, Send, SetPresence, furnish
from .days import everybody, go_on, group, show_as, turn
from .forms import show_form_of, submit_bot, suggested
from .home import PretendLight
from .streams import add_stream, change_stream, remove_stream

NOTHING = {"on_leaving": "nothing", "on_returning": "nothing"}
LESSON = {"on_leaving": "off", "on_returning": "on"}
BOTH = ["toggle_everything", "send_push_notification"]


async def show_form(hass: HomeAssistant) -> Any:
    """Open the form of a new bot."""
    return await hass.config_entries.flow.async_init(DOMAIN, context={"source": "user"})


async def submit_as_offered(hass: HomeAssistant, form: Any) -> Bot:
    """Submit both steps of the form of a new bot as they are."""
    configure = hass.config_entries.flow.async_configure
    shown = await configure(form["flow_id"], {**suggested(form), "more": {}})
    added: Any = await configure(form["flow_id"], suggested(shown))
    await hass.async_block_till_done()
    bot = added["result"].runtime_data
    assert isinstance(bot, Bot)
    return bot


async def add_as_offered(hass: HomeAssistant) -> Bot:
    """Add a bot with the form as it is offered."""
    return await submit_as_offered(hass, await show_form(hass))


async def offered(hass: HomeAssistant) -> dict[str, Any]:
    """Return the reactions that the form of a new bot suggests."""
    form = suggested(await show_form(hass))
    return {name: form[name] for name in NOTHING}


def addresses(bot: Bot) -> list[str]:
    """Return the addresses that a bot declares."""
    return [stream.data["address"] for stream in bot.entry.subentries.values()]


def told(shown: Any) -> str:
    """Return what the second step of a form tells about other bots."""
    text: str = shown["description_placeholders"]["shared"]
    return text


def listed(shown: Any) -> list[str]:
    """Return which entities the second step of a form names with other bots."""
    return [line for line in told(shown).splitlines() if line.startswith("- ")]


async def show_second_step(hass: HomeAssistant, **form: Any) -> Any:
    """Submit the first step of the form of a new bot."""
    shown = await show_form(hass)
    return await hass.config_entries.flow.async_configure(shown["flow_id"], {"name": "Another", "more": {}, **form})


async def remove(hass: HomeAssistant, bot_id: str) -> None:
    """Remove a bot."""
    await hass.config_entries.async_remove(bot_id)


async def disable(hass: HomeAssistant, bot_id: str) -> None:
    """Disable a bot."""
    await hass.config_entries.async_set_disabled_by(bot_id, ConfigEntryDisabler.USER)


async def test_bots_that_are_added_as_offered_do_nothing_twice(
    hass: HomeAssistant,
    home: Home,
    persons: SetPresence,
    send: Send,
    notifications: list[dict[str, Any]],
    freezer: FrozenDateTimeFactory,
) -> None:
    """The first one reacts and notifies; all of them toggle when a message says so."""
    bots = [await add_as_offered(hass) for _ in range(3)]
    assert [{name: bot.entry.options[name] for name in NOTHING} for bot in bots] == [LESSON, NOTHING, NOTHING]
    assert [addresses(bot) for bot in bots] == [BOTH, ["toggle_everything"], ["toggle_everything"]]

    await everybody(persons, "not_home")
    await go_on(hass, freezer, 61)
    await everybody(persons, "home")
    assert [device.commands for device in home.values()] == [[False, True]] * 3

    receipt = await send("send_push_notification", {"message": "hello"})
    assert [delivery["config_entry_id"] for delivery in receipt["handled"]] == [bots[0].bot_id]
    assert len(notifications) == 1
    receipt = await send("toggle_everything", {"on": False})
    assert [delivery["config_entry_id"] for delivery in receipt["handled"]] == [bot.bot_id for bot in bots]


@pytest.mark.parametrize(
    ("former", "expected"),
    [
        ({}, NOTHING),
        ({"on_returning": "nothing"}, NOTHING),
        ({"on_leaving": "nothing", "on_returning": "restore"}, NOTHING),
        ({"persons": ["person.bo"], "target": {"entity_id": ["light.porch"]}}, NOTHING),
        (NOTHING, LESSON),
    ],
)
async def test_a_further_bot_is_offered_no_reaction_where_another_has_one(
    hass: HomeAssistant,
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    former: dict[str, Any],
    expected: dict[str, str],
) -> None:
    """Whomever that one follows, and whatever it is attached to; all else is offered as to the first."""
    first = suggested(await show_form(hass))
    await add_bot("Garden", **former)
    form = suggested(await show_form(hass))
    assert form == {**first, **expected}


async def test_a_reaction_that_is_turned_off_for_guests_is_one_all_the_same(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """It will be turned on again."""
    await add_bot("Garden")
    await turn(hass, "switch.garden_presence_reaction", "off")
    assert await offered(hass) == NOTHING


async def test_a_bot_that_is_not_loaded_just_now_counts(hass: HomeAssistant, home: Home, add_bot: AddBot) -> None:
    """It will be."""
    bot = await add_bot("Garden")
    await hass.config_entries.async_unload(bot.bot_id)

    assert await offered(hass) == NOTHING
    assert len(listed(await show_second_step(hass))) == 3
    assert addresses(await add_as_offered(hass)) == ["toggle_everything"]


async def test_a_disabled_bot_leaves_its_work_to_the_next(hass: HomeAssistant, home: Home, add_bot: AddBot) -> None:
    """As long as it is disabled, it does nothing."""
    bot = await add_bot("Garden")
    await disable(hass, bot.bot_id)

    assert await offered(hass) == LESSON
    assert told(await show_second_step(hass)) == ""
    assert addresses(await add_as_offered(hass)) == BOTH


@pytest.mark.parametrize("go", [remove, disable])
async def test_a_bot_that_goes_while_the_form_is_open_leaves_its_address_to_the_next(
    hass: HomeAssistant,
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    send: Send,
    go: Callable[[HomeAssistant, str], Awaitable[None]],
) -> None:
    """Notifications go on; what the form said of reactions is what the user has seen and submitted."""
    bot = await add_bot("Garden")
    form = await show_form(hass)
    await go(hass, bot.bot_id)

    added = await submit_as_offered(hass, form)

    assert {name: added.entry.options[name] for name in NOTHING} == NOTHING
    assert addresses(added) == BOTH
    assert len((await send("send_push_notification", {"message": "hello"}))["handled"]) == 1


async def test_a_bot_that_comes_while_the_form_is_open_keeps_its_address(
    hass: HomeAssistant, home: Home, add_bot: AddBot
) -> None:
    """The second step says that it is there."""
    form = await show_form(hass)
    await add_bot("Garden")

    shown = await hass.config_entries.flow.async_configure(form["flow_id"], {**suggested(form), "more": {}})
    added: Any = await hass.config_entries.flow.async_configure(form["flow_id"], suggested(shown))

    assert listed(shown)[0] == "- Kitchen (`light.kitchen`): Garden"
    assert addresses(added["result"].runtime_data) == ["toggle_everything"]


async def test_an_address_that_the_other_bot_closed_or_deleted_is_given_to_the_next(
    hass: HomeAssistant, add_bot: AddBot
) -> None:
    """Nobody else receives such messages."""
    first = await add_bot("Garden")
    await change_stream(first, "send_push_notification", external=False)
    second = await add_as_offered(hass)
    await remove_stream(second, "send_push_notification")

    assert addresses(await add_as_offered(hass)) == BOTH


async def test_a_further_bot_notifies_as_well_once_it_is_given_the_address(
    hass: HomeAssistant, add_bot: AddBot, send: Send, notifications: list[dict[str, Any]]
) -> None:
    """Its data stream has the fields of the bot; what the bot sends to itself it has understood before."""
    first = await add_bot("Home")
    bot = await add_bot("Garden")
    await change_stream(first, "send_push_notification", external=False)
    own = await send("send_push_notification", {"message": "own"}, config_entry_id=bot.bot_id)
    assert [delivery["bot"] for delivery in own["handled"]] == ["Garden"]
    await change_stream(first, "send_push_notification", external=True)
    notifications.clear()

    await add_stream(bot, "send_push_notification")

    receipt = await send("send_push_notification", {"message": "hello", "title": "All"})
    assert [delivery["bot"] for delivery in receipt["handled"]] == ["Home", "Garden"]
    assert [shown["title"] for shown in notifications] == ["All", "All"]


async def test_the_second_step_says_what_other_bots_switch_and_which(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """Until it is left to them."""
    assert told(await show_second_step(hass)) == ""
    await add_bot("Porch", target={"entity_id": ["light.porch", "light.kitchen"]})
    await add_bot("Noise {count}", exclude={"entity_id": ["light.kitchen", "light.porch"]})
    await add_bot("Night", target={"entity_id": ["light.porch"]})

    shown = await show_second_step(hass, target={"entity_id": ["light.porch", "switch.fan"]})
    assert told(shown).startswith("**Other bots switch 2 of them as well:**")
    assert listed(shown) == ["- Porch (`light.porch`): Porch, Night", "- Fan (`switch.fan`): Noise {count}"]

    exclude = {"exclude": {"entity_id": ["light.porch"]}}
    again = await hass.config_entries.flow.async_configure(shown["flow_id"], exclude)
    assert listed(again) == ["- Fan (`switch.fan`): Noise {count}"]


async def test_the_form_that_changes_a_bot_says_it_too(hass: HomeAssistant, home: Home, add_bot: AddBot) -> None:
    """A bot is no other bot to itself."""
    bot = await add_bot("Home")
    await add_bot("Porch", target={"entity_id": ["light.porch"]})
    form = await show_form_of(bot)
    shown = await hass.config_entries.options.async_configure(form["flow_id"], {"more": {}})
    assert listed(shown) == ["- Porch (`light.porch`): Porch"]


async def test_what_is_chosen_for_a_further_bot_is_what_it_does(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """Nobody is kept from letting two bots react, nor is the form changed of one that was there before."""
    first = await add_bot("Home", target={"entity_id": ["light.kitchen"]})
    await add_bot("Porch", target={"entity_id": ["light.porch"]}, **LESSON)
    form = await show_form_of(first)
    shown = {name: value for name, value in suggested(form).items() if name != "more"}
    assert shown.items() >= LESSON.items()
    await submit_bot(hass.config_entries.options, form["flow_id"], **shown)

    await everybody(persons, "not_home")

    assert [device.commands for device in home.values()] == [[False], [False], []]


async def test_what_is_renamed_is_shared_under_its_new_name(hass: HomeAssistant, home: Home, add_bot: AddBot) -> None:
    """The other bot goes on with it."""
    await add_bot("Porch", target={"entity_id": ["light.porch"]})
    er.async_get(hass).async_update_entity("light.porch", new_entity_id="light.door")
    await hass.async_block_till_done()
    assert listed(await show_second_step(hass)) == ["- Porch (`light.door`): Porch"]


async def test_a_group_is_shared_when_another_bot_switches_a_member(
    hass: HomeAssistant, home: Home, add_bot: AddBot
) -> None:
    """And the other way round."""
    await group(hass, "Downstairs", ["light.kitchen", "light.porch"])
    await add_bot("Porch", target={"entity_id": ["light.porch"]})
    assert listed(await show_second_step(hass)) == ["- Downstairs (`light.downstairs`): Porch"]

    await add_bot("Down", target={"entity_id": ["light.downstairs"]})
    shown = await show_second_step(hass, target={"entity_id": ["light.porch", "light.kitchen"]})
    assert listed(shown) == ["- Kitchen (`light.kitchen`): Down", "- Porch (`light.porch`): Porch, Down"]


async def test_a_switch_is_shared_with_the_light_that_it_is_shown_as(
    hass: HomeAssistant, home: Home, add_bot: AddBot
) -> None:
    """They are one."""
    light = await show_as(hass, "switch.fan", "light")
    await add_bot("Fan", target={"entity_id": ["switch.fan"]})
    assert listed(await show_second_step(hass)) == [f"- Fan (`{light}`): Fan"]

    await add_bot("Lights", target={"entity_id": [light]})
    shown = await show_second_step(hass, target={"entity_id": ["switch.fan"]})
    assert listed(shown) == ["- Fan (`switch.fan`): Fan, Lights"]


async def test_of_many_that_are_shared_so_many_are_named(hass: HomeAssistant, add_bot: AddBot) -> None:
    """The rest is counted."""
    await furnish(hass, {f"light.l{number}": PretendLight(f"L{number}") for number in range(60)})
    await add_bot("Home")
    shown = await show_second_step(hass)
    assert told(shown).startswith("**Other bots switch 60 of them as well:**")
    assert (len(listed(shown)), listed(shown)[-1]) == (51, "- … 10 more")
