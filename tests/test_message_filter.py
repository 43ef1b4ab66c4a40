"""The filter of the trigger `datastream_bot.message_received`: what it lets pass, and when it says that nothing can."""

import json
from typing import Any

from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.datastream_bot.const import DOMAIN

from .automations import listen, traced
from .conftest import AddBot, Send
from .home import state_of, ticks
from .pages import ROOT
from .streams import add_stream, change_stream, remove_stream, row

TEXTS = json.loads(
    (ROOT / "custom_components" / DOMAIN / "translations" / "en.json").read_text(encoding="utf-8"),
)["issues"]
GONE = "01HZZZZZZZZZZZZZZZZZZZZZZZ"
FIELDS = [
    row("on", "boolean"),
    row("level", "number", default="7"),
    row("name"),
    row("room", "object"),
    row("list", "list"),
    row("who", required=True),
]
SENT = {"on": "yes", "room": {"floor": 1, "open": True}, "list": [1, {"a": 1, "b": 2}], "who": "Anna"}


def told(hass: HomeAssistant) -> list[str]:
    """Return what the repair issues say, in short."""
    issues = [issue for (domain, _), issue in ir.async_get(hass).issues.items() if domain == DOMAIN]
    for issue in issues:
        TEXTS[str(issue.translation_key)]["description"].format(**(issue.translation_placeholders or {}))
    return [
        " ".join(value for name, value in (issue.translation_placeholders or {}).items() if name != "addresses")
        for issue in issues
    ]


@pytest.mark.parametrize(
    ("wanted", "fires"),
    [
        ({}, True),
        ({"on": True}, True),
        ({"on": "on"}, True),
        ({"on": "off"}, False),
        ({"true": True}, True),
        ({True: True}, True),
        ({True: False}, False),
        ({"level": "7"}, True),
        ({"level": 7.0}, True),
        ({"level": None}, True),
        ({"name": None}, True),
        ({"on": None}, False),
        ({"who": "Anna", "name": None}, True),
        ({"room": {"floor": 1}}, True),
        ({"room": {"floor": 1.0}}, True),
        ({"room": {"floor": True}}, False),
        ({"room": {"floor": "1"}}, False),
        ({"room": {"open": 1}}, False),
        ({"room": {"floor": 1, "door": None}}, False),
        ({"room": {"floor": {"deeper": 1}}}, False),
        ({"list": [1.0, {"a": 1}]}, True),
        ({"list": [True, {"a": 1}]}, False),
        ({"list": [1]}, False),
        ('{"on": true, "room": {"floor": 1}}', True),
        ('{"on": false}', False),
    ],
)
async def test_values_are_read_as_the_bot_reads_them_and_compare_as_in_json(
    hass: HomeAssistant, add_bot: AddBot, send: Send, wanted: Any, fires: bool
) -> None:
    """At every level; what else is in the content does not matter."""
    await add_stream(await add_bot(), "news", fields=FIELDS)
    heard = await listen(hass, address="news", content=wanted)

    await send("news", SENT)
    await hass.async_block_till_done()

    assert len(heard) == fires
    assert told(hass) == []


@pytest.mark.parametrize(
    ("wanted", "fires"),
    [
        ({"on": True}, True),
        ({True: True}, True),
        ({"on": "on"}, False),
        ({"level": 1.0}, True),
        ({"level": True}, False),
        ({"level": "1"}, False),
        ({"list": [1]}, True),
        ({"list": {"a": 1}}, False),
        ({"level": [1]}, False),
        ({"off": None}, False),
    ],
)
@pytest.mark.parametrize("is_known", [True, False])
async def test_without_fields_values_are_taken_as_they_are(
    hass: HomeAssistant, add_bot: AddBot, send: Send, is_known: bool, wanted: Any, fires: bool
) -> None:
    """Whether a bot takes any content, or no bot knows the address."""
    await add_stream(await add_bot(), "news" if is_known else "other")
    heard = await listen(hass, address="news", content=wanted)

    await send("news", {"on": True, "level": 1, "list": [1]})
    await hass.async_block_till_done()

    assert len(heard) == fires
    assert told(hass) == []


async def test_each_bot_reads_it_by_its_own_fields(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """It is enough that one can."""
    home, garden = await add_bot("Home"), await add_bot("Garden")
    await add_stream(home, "news", fields=[row("level", "number")])
    await add_stream(garden, "news", fields=[row("level", "text")])
    heard = await listen(hass, address="news", content={"level": "high"})

    await send("news", {"level": "high"})
    await hass.async_block_till_done()
    assert [event.data["bot"] for event in heard] == [garden.bot_id]
    assert told(hass) == []

    await change_stream(garden, "news", external=False)
    await send("news", {"level": 3})
    await hass.async_block_till_done()
    assert len(heard) == 1
    assert told(hass) == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"tims": 2}, "tims is unknown, perhaps times is meant"),
        ({"times": "two"}, "times is 'two', it must be a number"),
        ({"times": None}, "times is null, it must be a number"),
        ({"true": 1, "x": 1}, "true is unknown; x is unknown"),
    ],
)
async def test_content_that_no_bot_takes_is_told(
    hass: HomeAssistant,
    add_bot: AddBot,
    send: Send,
    hass_ws_client: WebSocketGenerator,
    content: dict[str, Any],
    problem: str,
) -> None:
    """As soon as the automation is saved, and in the trace of each message; the automation stays on."""
    fields = [row("times", "number", required=True), row("on"), row("Yes")]
    await add_stream(await add_bot(), "doorbell", fields=fields)
    heard = await listen(hass, address="doorbell", content=content)
    assert told(hass) == [f"doorbell {problem}"]

    await send("doorbell", {"times": 2})
    await hass.async_block_till_done()

    assert heard == []
    assert state_of(hass, "automation.listen").state == "on"
    assert told(hass) == [f"doorbell {problem}"]
    assert await traced(hass_ws_client) == [f"The content does not fit doorbell: {problem}"]


async def test_the_repair_issue_follows_the_fields(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """A message shows that they changed; a reload of the bot does, too."""
    bot = await add_bot()
    await add_stream(bot, "doorbell", fields=[row("times", "number")])
    heard = await listen(hass, address="doorbell", content={"level": 2})
    assert len(told(hass)) == 1

    await change_stream(bot, "doorbell", fields=[row("level", "number")])
    await send("doorbell", {"level": 2})
    await hass.async_block_till_done()
    assert len(heard) == 1
    assert told(hass) == []

    await change_stream(bot, "doorbell", fields=[row("times", "number")])
    await send("doorbell", {"times": 2})
    await hass.async_block_till_done()
    assert len(told(hass)) == 1

    await hass.config_entries.async_reload(bot.bot_id)
    assert len(told(hass)) == 1
    await remove_stream(bot, "doorbell")
    await hass.config_entries.async_reload(bot.bot_id)
    assert told(hass) == []


async def test_a_bot_that_takes_it_may_come_later(hass: HomeAssistant, add_bot: AddBot) -> None:
    """While bots are loaded, nothing is told; one of several addresses is enough."""
    bot = await add_bot()
    await add_stream(bot, "doorbell", fields=[row("times", "number")])
    await listen(hass, address=["doorbell", "gate"], content={"level": 2})
    assert told(hass) == []

    await add_stream(bot, "gate", fields=[row("level"), row("times")])
    await hass.config_entries.async_unload(bot.bot_id)
    assert told(hass) == []
    await hass.config_entries.async_setup(bot.bot_id)
    assert told(hass) == []

    await change_stream(bot, "gate", fields=[row("times"), row("other")])
    await hass.config_entries.async_reload(bot.bot_id)
    assert told(hass) == ["doorbell level is unknown"]
    await hass.config_entries.async_set_disabled_by(bot.bot_id, ConfigEntryDisabler.USER)
    assert told(hass) == []


async def test_the_repair_issue_goes_with_the_automation(hass: HomeAssistant, add_bot: AddBot) -> None:
    """When it is turned off."""
    await add_stream(await add_bot(), "doorbell", fields=[row("times", "number")])
    await listen(hass, address="doorbell", content={"tims": 2})
    assert len(told(hass)) == 1

    await hass.services.async_call("automation", "turn_off", {"entity_id": "automation.listen"}, blocking=True)
    await hass.async_block_till_done()

    assert told(hass) == []


async def test_a_bot_may_be_named_as_in_the_http_api(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """In any case, and also when it was deleted and made anew."""
    home, garden = await add_bot("Home"), await add_bot("Garden")
    heard = await listen(hass, address="toggle_everything", config_entry_id="garden")
    await send("toggle_everything", {"on": True})
    await hass.async_block_till_done()
    assert [event.data["bot"] for event in heard] == [garden.bot_id]

    await hass.config_entries.async_remove(garden.bot_id)
    await send("toggle_everything", {"on": True})
    await hass.async_block_till_done()
    assert len(heard) == 1
    assert told(hass) == ["garden"]

    anew = await add_bot("Garden")
    assert told(hass) == []
    await send("toggle_everything", {"on": True})
    await hass.async_block_till_done()
    assert [event.data["bot"] for event in heard] == [garden.bot_id, anew.bot_id]
    assert home.bot_id not in {garden.bot_id, anew.bot_id}


@pytest.mark.parametrize(
    ("bot", "meant", "problem"),
    [
        ("Gardn", "Gardn Garden", "There is no bot with the name or id Gardn, but there is Garden"),
        (GONE, GONE, f"There is no bot with the name or id {GONE}"),
    ],
)
async def test_a_bot_that_is_gone_is_told(
    hass: HomeAssistant,
    add_bot: AddBot,
    send: Send,
    hass_ws_client: WebSocketGenerator,
    bot: str,
    meant: str,
    problem: str,
) -> None:
    """Before the integration is set up as well, and in the trace of each message, even if nobody received it."""
    heard = await listen(hass, address="doorbell", config_entry_id=bot, content={"times": 2})
    assert told(hass) == [bot]

    await add_bot("Garden")
    await send("doorbell", {"times": 2})
    await hass.async_block_till_done()

    assert heard == []
    assert told(hass) == [meant]
    assert await traced(hass_ws_client) == [problem]


async def test_a_script_that_waits_tells_it_as_long_as_it_waits(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """Even if it waits for something else as well, which then comes."""
    await add_stream(await add_bot(), "doorbell", fields=[row("times", "number")])
    wait = [
        {"trigger": "datastream_bot.message_received", "options": {"address": "doorbell", "content": content}}
        for content in ({"tims": 2}, {"times": "2"})
    ]
    assert await async_setup_component(hass, "script", {"script": {"wait": {"sequence": [{"wait_for_trigger": wait}]}}})
    await hass.services.async_call("script", "wait")
    await ticks(50)
    assert told(hass) == ["doorbell tims is unknown, perhaps times is meant"]

    await send("doorbell", {"times": 3})
    await ticks(50)
    assert state_of(hass, "script.wait").state == "on"
    await send("doorbell", {"times": 2})
    await hass.async_block_till_done()

    assert state_of(hass, "script.wait").state == "off"
    assert told(hass) == []


async def test_what_another_integration_has_is_no_bot(hass: HomeAssistant, add_bot: AddBot) -> None:
    """Whatever its name is."""
    await add_bot("Home")
    await listen(hass, address="doorbell", config_entry_id="Garden")
    other = MockConfigEntry(domain="group", title="Group")
    other.add_to_hass(hass)
    hass.config_entries.async_update_entry(other, title="Garden")
    assert told(hass) == ["Garden"]


async def test_what_no_text_can_hold_is_told_as_well(hass: HomeAssistant, add_bot: AddBot) -> None:
    """YAML can write it."""
    await add_bot()
    await listen(hass, address="doorbell", config_entry_id="\ud800")
    assert told(hass) == ["\\ud800"]


@pytest.mark.parametrize("bot", ["", None])
async def test_a_bot_that_is_left_empty_is_none(
    hass: HomeAssistant, add_bot: AddBot, send: Send, bot: str | None
) -> None:
    """A blueprint cannot leave out an option whose input is not filled in."""
    await add_bot()
    heard = await listen(hass, address="doorbell", config_entry_id=bot, content=None)

    await send("doorbell")
    await hass.async_block_till_done()

    assert len(heard) == 1
    assert told(hass) == []


@pytest.mark.parametrize(
    ("options", "sent", "reason"),
    [
        (
            {"config_entry_id": "Home"},
            {"times": 2},
            "Garden received the message, but the trigger waits for another bot",
        ),
        ({"content": {"times": "3"}}, {"times": 2}, "The content differs: times is 2, not 3"),
        (
            {"content": {"times": 3, "who": "Bo"}},
            {},
            "The content differs: times is null, not 3; who is null, not 'Bo'",
        ),
        ({"content": {"list": [{"a": 1}]}}, {"list": [{}]}, "The content differs: list is [{}], not [{'a': 1}]"),
        ({"content": {"who": None}}, {"who": "x" * 200}, f"The content differs: who is '{'x' * 79}, not null"),
        ({"address": ["unknown"], "content": {"a": 1}}, {}, "The content differs: a is missing, not 1"),
        ({"address": ["unknown"], "config_entry_id": "Home"}, {}, "No bot received the message"),
    ],
)
async def test_what_is_only_different_is_told_in_the_trace(
    hass: HomeAssistant,
    add_bot: AddBot,
    send: Send,
    hass_ws_client: WebSocketGenerator,
    options: dict[str, Any],
    sent: dict[str, Any],
    reason: str,
) -> None:
    """Not in a repair issue, as other messages may come; nor are messages to other addresses told."""
    await add_bot("Home")
    await add_stream(
        await add_bot("Garden"), "doorbell", fields=[row("times", "number"), row("who"), row("list", "list")]
    )
    options = {"address": ["doorbell"], **options}
    heard = await listen(hass, **options)

    await send(options["address"][0], sent)
    await send("other", sent)
    await hass.async_block_till_done()

    assert heard == []
    assert told(hass) == []
    assert await traced(hass_ws_client) == [reason]


async def test_of_several_bots_the_trace_tells_what_came_nearest(
    hass: HomeAssistant, add_bot: AddBot, send: Send, hass_ws_client: WebSocketGenerator
) -> None:
    """Once for each message, and not at all when one of them triggered."""
    for name in ("Home", "Garden", "Office"):
        await add_stream(await add_bot(name), "doorbell")
    heard = await listen(hass, address="doorbell", config_entry_id="Garden", content={"message": "x"})

    await send("doorbell", {"message": "y"})
    await send("doorbell", {"message": "x"})
    await hass.async_block_till_done()

    assert len(heard) == 1
    assert await traced(hass_ws_client) == ["The content differs: message is 'y', not 'x'"]


async def test_thousands_of_differences_are_told_in_short(
    hass: HomeAssistant, add_bot: AddBot, send: Send, hass_ws_client: WebSocketGenerator
) -> None:
    """The traces are kept on disk."""
    await add_bot()
    await listen(hass, address="news", content={f"key_{number}": number for number in range(1000)})

    await send("news")
    await hass.async_block_till_done()

    (reason,) = await traced(hass_ws_client)
    assert reason.startswith("The content differs: key_0 is missing, not 0; key_1 is missing, not 1; ")
    assert len(reason) < 1000
