"""The conditions of presence, in real automations."""

from collections.abc import Awaitable, Callable
from typing import Any

from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import Event, HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from .conftest import AddBot, SetPresence
from .days import everybody

type Fulfilled = Callable[[], Awaitable[list[str]]]

AWAY, HOME, NOT_AWAY = "away", "home", "not away"


async def ask(hass: HomeAssistant, **options: Any) -> Fulfilled:
    """Set up automations with the conditions, and return a function that tells which are fulfilled."""
    away = {"condition": "datastream_bot.is_everyone_away", "options": options}
    home = {"condition": "datastream_bot.is_somebody_home", "options": options}
    conditions = {AWAY: away, HOME: home, NOT_AWAY: {"condition": "not", "conditions": [away]}}
    automations = [
        {
            "id": name,
            "alias": name,
            "triggers": {"trigger": "event", "event_type": "ask"},
            "conditions": [condition],
            "actions": {"event": "answer", "event_data": {"name": name}},
        }
        for name, condition in conditions.items()
    ]
    assert await async_setup_component(hass, "automation", {"automation": automations})
    await hass.async_block_till_done()
    answers: list[Event[Any]] = async_capture_events(hass, "answer")

    async def fulfilled() -> list[str]:
        answers.clear()
        hass.bus.async_fire("ask")
        await hass.async_block_till_done()
        return [answer.data["name"] for answer in answers]

    return fulfilled


async def traced(hass: HomeAssistant, hass_ws_client: WebSocketGenerator, automation: str) -> dict[str, Any]:
    """Return what the last trace of an automation says of its condition."""
    client = await hass_ws_client(hass)
    await client.send_json_auto_id({"type": "trace/list", "domain": "automation", "item_id": automation})
    run_id = (await client.receive_json())["result"][-1]["run_id"]
    await client.send_json_auto_id(
        {"type": "trace/get", "domain": "automation", "item_id": automation, "run_id": run_id}
    )
    (step,) = (await client.receive_json())["result"]["trace"]["condition/0"]
    assert isinstance(step, dict)
    return step


async def test_everyone_is_away_or_somebody_is_home(hass: HomeAssistant, persons: SetPresence, add_bot: AddBot) -> None:
    """As soon as the bot believes it, whether or not it has acted on it."""
    await add_bot(settling=60)
    fulfilled = await ask(hass)
    assert await fulfilled() == [HOME, NOT_AWAY]

    await persons("anna", "not_home")
    assert await fulfilled() == [HOME, NOT_AWAY]

    await persons("bo", "not_home")
    assert await fulfilled() == [AWAY]


async def test_unsure_is_neither(hass: HomeAssistant, persons: SetPresence, add_bot: AddBot) -> None:
    """Whose phone is off may be anywhere."""
    await add_bot()
    await everybody(persons, "not_home")
    await persons("bo", "unavailable")
    fulfilled = await ask(hass)
    assert await fulfilled() == [NOT_AWAY]


async def test_without_a_bot_all_bots_count(hass: HomeAssistant, persons: SetPresence, add_bot: AddBot) -> None:
    """Everyone is away when all bots say so, and somebody is home when one does."""
    await add_bot("Anna", persons=["person.anna"])
    await add_bot("Bo", persons=["person.bo"])
    fulfilled = await ask(hass)
    await persons("anna", "not_home")
    assert await fulfilled() == [HOME, NOT_AWAY]
    await persons("bo", "unavailable")
    assert await fulfilled() == [NOT_AWAY]
    await persons("bo", "not_home")
    assert await fulfilled() == [AWAY]


@pytest.mark.parametrize("by", ["id", "name"])
async def test_one_bot_may_be_meant(hass: HomeAssistant, persons: SetPresence, add_bot: AddBot, by: str) -> None:
    """By its id, or by its name in any case."""
    bot = await add_bot("Anna", persons=["person.anna"])
    await add_bot("Bo", persons=["person.bo"])
    fulfilled = await ask(hass, config_entry_id={"id": bot.bot_id, "name": "anna"}[by])
    await persons("anna", "not_home")
    assert await fulfilled() == [AWAY]


@pytest.mark.parametrize("empty", ["", None])
async def test_a_blueprint_that_names_no_bot_asks_all(
    hass: HomeAssistant, persons: SetPresence, add_bot: AddBot, empty: str | None
) -> None:
    """Its input is empty then."""
    await add_bot()
    assert await (await ask(hass, config_entry_id=empty))() == [HOME, NOT_AWAY]


async def test_a_bot_that_is_not_loaded_is_unsure(
    hass: HomeAssistant, persons: SetPresence, add_bot: AddBot, hass_ws_client: WebSocketGenerator
) -> None:
    """Until it is loaded again; the trace says so."""
    await add_bot("Garden")
    bot = await add_bot("Home")
    await everybody(persons, "not_home")
    fulfilled = await ask(hass)
    await hass.config_entries.async_unload(bot.bot_id)
    assert await fulfilled() == [NOT_AWAY]
    assert (await traced(hass, hass_ws_client, AWAY))["result"] == {
        "bots": ["Garden: away", "Home: unsure"],
        "result": False,
    }

    await hass.config_entries.async_setup(bot.bot_id)
    assert await fulfilled() == [AWAY]
    await hass.config_entries.async_reload(bot.bot_id)
    assert await fulfilled() == [AWAY]


async def test_a_disabled_bot_does_not_count(hass: HomeAssistant, persons: SetPresence, add_bot: AddBot) -> None:
    """As everywhere else."""
    await add_bot("Anna", persons=["person.anna"])
    bot = await add_bot("Bo", persons=["person.bo"])
    await everybody(persons, "not_home")
    await hass.config_entries.async_set_disabled_by(bot.bot_id, ConfigEntryDisabler.USER)
    assert await (await ask(hass))() == [AWAY]


async def test_a_disabled_bot_knows_nothing(hass: HomeAssistant, persons: SetPresence, add_bot: AddBot) -> None:
    """When it is the one that is meant."""
    bot = await add_bot()
    await hass.config_entries.async_set_disabled_by(bot.bot_id, ConfigEntryDisabler.USER)
    assert await (await ask(hass, config_entry_id="Home"))() == [NOT_AWAY]


@pytest.mark.warns
async def test_a_bot_that_is_gone_fulfils_neither_a_condition_nor_its_opposite(
    hass: HomeAssistant, add_bot: AddBot, hass_ws_client: WebSocketGenerator, caplog: pytest.LogCaptureFixture
) -> None:
    """The log and the trace say what is wrong."""
    await add_bot("Garden")
    fulfilled = await ask(hass, config_entry_id="Home")
    assert await fulfilled() == []
    assert "There is no bot with the name or id Home" in caplog.text
    assert "There is no bot with the name or id Home" in (await traced(hass, hass_ws_client, AWAY))["error"]


@pytest.mark.warns
async def test_a_bot_that_is_gone_is_told_also_when_there_is_no_other(
    hass: HomeAssistant, persons: SetPresence, add_bot: AddBot, caplog: pytest.LogCaptureFixture
) -> None:
    """And it counts when it is there."""
    fulfilled = await ask(hass, config_entry_id="Home")
    assert await fulfilled() == []
    assert "There is no bot with the name or id Home" in caplog.text

    await add_bot("Home")
    assert await fulfilled() == [HOME, NOT_AWAY]


async def test_without_any_bot_nothing_is_sure(hass: HomeAssistant) -> None:
    """Nobody has said who lives here."""
    fulfilled = await ask(hass)
    assert await fulfilled() == [NOT_AWAY]


@pytest.mark.warns
@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"config_entry_id": "{{ bot }}"}, "{{ bot }} is a template, and this condition cannot use templates"),
        ({"config_entry_id": ["Home"]}, "value should be a string"),
        ({"bot": "Home"}, "not a valid option"),
    ],
)
async def test_options_that_are_not_valid_are_told(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture, options: dict[str, Any], problem: str
) -> None:
    """The automation is then not set up."""
    fulfilled = await ask(hass, **options)
    assert await fulfilled() == []
    assert problem in caplog.text
