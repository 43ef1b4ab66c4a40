"""The trigger `datastream_bot.message_received`, in real automations."""

from typing import Any

from homeassistant.core import Context, HomeAssistant
import pytest

from .automations import listen
from .conftest import AddBot, Send
from .streams import add_stream, change_stream


async def test_it_fires_with_the_message_and_its_context(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """Everything that an automation may ask for is in its variables."""
    bot = await add_bot()
    await add_stream(bot, "doorbell")
    heard = await listen(hass, address="doorbell")
    context = Context()

    receipt = await send("doorbell", {"times": [2]}, config_entry_id=bot.bot_id, context=context)
    await send("other")
    await hass.async_block_till_done()

    assert [event.data for event in heard] == [
        {
            "address": "doorbell",
            "content": {"times": [2]},
            "sender": bot.bot_id,
            "message_id": receipt["message_id"],
            "origin": "action",
            "bot": bot.bot_id,
        }
    ]
    assert heard[0].context.parent_id == receipt["message_id"]


async def test_it_fires_once_for_each_bot_that_receives_the_message(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """Or only for the chosen bot, or once when no bot knows the address."""
    home, garden = await add_bot("Home"), await add_bot("Garden")
    for bot in (home, garden):
        await add_stream(bot, "doorbell")
    heard = await listen(hass, address=["doorbell", "unknown", "doorbell"])

    await send("doorbell")
    await hass.async_block_till_done()
    assert [event.data["bot"] for event in heard] == [home.bot_id, garden.bot_id]

    heard.clear()
    await send("unknown")
    await hass.async_block_till_done()
    assert [event.data["bot"] for event in heard] == [None]

    heard.clear()
    await send("unknown", config_entry_id=home.bot_id, external=False)
    await hass.async_block_till_done()
    assert heard == []


async def test_it_may_wait_for_one_bot_only(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """Messages that others receive do not count."""
    home, garden = await add_bot("Home"), await add_bot("Garden")
    for bot in (home, garden):
        await add_stream(bot, "doorbell")
    heard = await listen(hass, address="doorbell", config_entry_id=garden.bot_id)

    await send("doorbell")
    await send("doorbell", config_entry_id=home.bot_id, external=False)
    await hass.async_block_till_done()

    assert [event.data["bot"] for event in heard] == [garden.bot_id]


async def test_it_waits_for_a_bot_that_is_loaded_later_and_outlives_its_reload(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """Nobody has to reload the automation."""
    heard = await listen(hass, address="doorbell")
    bot = await add_bot()
    await add_stream(bot, "doorbell")
    await send("doorbell", {"number": 1})
    await hass.config_entries.async_reload(bot.bot_id)
    await send("doorbell", {"number": 2})
    await change_stream(bot, "doorbell", description="Changed")
    await send("doorbell", {"number": 3})
    await hass.async_block_till_done()

    assert [event.data["content"]["number"] for event in heard] == [1, 2, 3]


async def test_it_hears_no_more_when_its_automation_is_turned_off(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """And again when it is turned on."""
    await add_bot()
    heard = await listen(hass, address="news")
    for action in ("turn_off", "turn_on"):
        await hass.services.async_call("automation", action, {"entity_id": "automation.listen"}, blocking=True)
        await send("news")
        await hass.async_block_till_done()

    assert len(heard) == 1


async def test_what_an_automation_does_to_the_content_is_seen_by_no_other(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """Each has a copy."""
    bot = await add_bot()
    await add_stream(bot, "doorbell")
    await listen(hass, address="doorbell")
    await send("doorbell", {"list": [1]})
    await hass.async_block_till_done()
    state = hass.states.get("event.home_doorbell")
    assert state is not None
    assert state.attributes["content"] == {"list": [1]}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "This trigger needs a target or an address"),
        ({"address": []}, "This trigger needs a target or an address"),
        ({"address": "two words"}, "'two words' is not an address"),
        ({"address": "a", "content": "x"}, "The content must be an object"),
        ({"address": "a", "content": [1]}, "The content must be an object"),
        ({"address": "a", "content": {1: 2}}, "content has the key 1. Write it in quotes"),
        ({"address": "a", "content": {"a": {True: 1}}}, "content.a has the key True. Write it in quotes"),
        ({"address": "a", "content": {"true": 1, True: 2}}, "content has the key True"),
        ({"address": "a", "content": {"a": float("nan")}}, "which JSON cannot carry"),
        ({"address": "a", "content": {"a": "x" * 33_000}}, "larger than 32 KiB"),
        ({"address": "a", "config_entry_id": ["a"]}, "value should be a string"),
    ],
)
async def test_options_that_are_not_valid_are_told_when_the_automation_is_set_up(
    hass: HomeAssistant, options: dict[str, Any], told: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The automation is there, but not available; the integration need not be set up yet."""
    await listen(hass, **options)

    state = hass.states.get("automation.listen")
    assert state is not None
    assert state.state == "unavailable"
    assert told in caplog.text
    caplog.clear()


@pytest.mark.parametrize(
    "options",
    [
        {"address": "{{ where }}"},
        {"address": ["a", "{% if x %}b{% endif %}"]},
        {"address": "a", "content": {"room": [{"name": "{{ room }}"}]}},
        {"address": "a", "content": {"{{ key }}": 1}},
        {"address": "a", "content": "{{ content }}"},
        {"address": "a", "config_entry_id": "{{ bot }}"},
    ],
)
async def test_a_template_is_refused_and_the_error_names_the_way(
    hass: HomeAssistant, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Home Assistant hands this kind of trigger no variables, so it would never fire."""
    await listen(hass, **options)

    state = hass.states.get("automation.listen")
    assert state is not None
    assert state.state == "unavailable"
    assert "Use Home Assistant's trigger “Manual event received” for the event datastream_bot_message" in caplog.text
    caplog.clear()
