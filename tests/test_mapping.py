"""The mapping microservice: addresses that run actions and fire events."""

import asyncio
import logging
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockUser, async_capture_events

from custom_components.datastream_bot.const import DOMAIN
from custom_components.datastream_bot.messaging.message import Message
from custom_components.datastream_bot.messaging.microservice import Microservice, datastream
from custom_components.datastream_bot.messaging.router import DATA_ROUTER
from custom_components.datastream_bot.microservices import ORDER_LOCATION

from .conftest import AddBot, Home, Send
from .days import wait_over
from .home import is_on, state_of, ticks
from .streams import add_stream, change_stream, remove_stream, row, stream_of

WAIT = {"wait_for_trigger": {"trigger": "event", "event_type": "go"}}


def answers(**variables: str) -> list[dict[str, Any]]:
    """Return actions that answer with these variables."""
    return [{"variables": {"answer": variables}}, {"stop": "done", "response_variable": "answer"}]


def sends(address: str, **data: Any) -> dict[str, Any]:
    """Return the action that sends a message."""
    return {"action": "datastream_bot.send", "data": {"address": address, **data}}


async def test_actions_know_the_message_and_their_answer_is_in_the_receipt(add_bot: AddBot, send: Send) -> None:
    """Address, content and envelope are variables in their templates."""
    bot = await add_bot()
    templates = {
        "said": "{{ address }}: {{ content.words | join(' ') }}",
        "envelope": "{{ message.origin }} {{ message.hops }} {{ message.sender == none }} {{ message.home }}",
        "id": "{{ message.id }}",
    }
    await add_stream(bot, "say", actions=answers(**templates))

    receipt = await send("say", {"words": ["a", "b"]})

    assert receipt["handled"][0]["result"] == {
        "response": {"said": "say: a b", "envelope": "action 0 True None", "id": receipt["message_id"]}
    }


async def test_the_event_has_the_content_as_its_data_and_leads_back_to_the_message(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """It is fired before the actions run."""
    bot = await add_bot()
    events = async_capture_events(hass, "datastream_bot_doorbell")
    await add_stream(bot, "doorbell", event_type="datastream_bot_doorbell", actions=answers(a="1"))
    context = Context()

    receipt = await send("doorbell", {"times": 2}, context=context)

    assert [event.data for event in events] == [{"times": 2}]
    assert events[0].context.parent_id == context.id
    assert receipt["handled"][0]["result"]["event"] == "datastream_bot_doorbell"


async def test_actions_have_the_rights_of_the_user_who_sent_the_message(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, caplog: pytest.LogCaptureFixture
) -> None:
    """A mapping is no way around them."""
    bot = await add_bot()
    await add_stream(bot, "on", actions=[{"action": "light.turn_on", "target": {"entity_id": "light.porch"}}])
    powerless = MockUser(name="Powerless").add_to_hass(hass)
    powerless.groups = []

    receipt = await send("on", context=Context(user_id=powerless.id))

    assert len(receipt["failed"]) == 1
    assert not is_on(hass, "light.porch")
    caplog.clear()


@pytest.mark.warns
@pytest.mark.parametrize(
    ("action", "told"),
    [
        ({"action": "no_such.action"}, "Action no_such.action not found"),
        ({"action": "light.turn_on", "data": {"brightness": "{{ 1 / 0 }}"}}, "ZeroDivisionError"),
        ({"action": "light.turn_on", "data": {"entity_id": "{{ content.missing.deeper }}"}}, "has no attribute"),
        ({"stop": "Not today", "error": True}, "The actions stopped with an error: Not today"),
    ],
)
async def test_actions_that_fail_are_in_the_receipt_and_once_in_the_log(
    home: Home, add_bot: AddBot, send: Send, caplog: pytest.LogCaptureFixture, action: dict[str, Any], told: str
) -> None:
    """With their error; the next message is a new try."""
    bot = await add_bot()
    await add_stream(bot, "broken", actions=[action])

    receipt = await send("broken", {"text": "x"})

    assert told in receipt["failed"][0]["error"]
    logged = [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]
    assert len([record for record in logged if "datastream_bot" in record.name]) == 1


@pytest.mark.parametrize(
    "action",
    [
        {"condition": "template", "value_template": "{{ content.n > 5 }}"},
        {"wait_template": "{{ false }}", "timeout": 0.001, "continue_on_timeout": False},
        {"stop": "Enough"},
    ],
)
async def test_actions_that_end_early_are_handled(
    hass: HomeAssistant, add_bot: AddBot, send: Send, action: dict[str, Any]
) -> None:
    """A condition that is not met, and a wait that is over, are no errors."""
    bot = await add_bot()
    done = async_capture_events(hass, "done")
    await add_stream(bot, "early", actions=[action, {"event": "done"}])

    receipt = await send("early", {"n": 1})

    assert [delivery.get("result") for delivery in receipt["handled"]] == [None]
    assert done == []


@pytest.mark.warns
async def test_a_sender_that_goes_on_is_not_taken_for_a_part_of_the_actions(
    hass: HomeAssistant, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory
) -> None:
    """A script that does not wait for the end sends again, and reloads the bot."""
    assert await async_setup_component(hass, "homeassistant", {})
    bot = await add_bot()
    done = async_capture_events(hass, "done")
    await add_stream(bot, "work", mode="restart", actions=[WAIT, {"event": "done"}])
    reload_bot = {"action": "homeassistant.reload_config_entry", "data": {"entry_id": bot.bot_id}}
    heard = {"event": "heard", "event_data": {"receipt": "{{ receipt }}"}}
    again = {**sends("work"), "response_variable": "receipt"}
    script = {"script": {"twice": {"sequence": [sends("work"), again, heard, reload_bot]}}}
    assert await async_setup_component(hass, "script", script)
    receipts = async_capture_events(hass, "heard")
    running = hass.async_create_task(hass.services.async_call("script", "twice", blocking=True))

    for _ in range(2):
        await ticks(200)
        await wait_over(hass, freezer)
    await running
    hass.bus.async_fire("go")
    await hass.async_block_till_done()

    assert len(receipts[0].data["receipt"]["running"]) == 1
    assert done == []


async def test_actions_that_outlive_the_wait_are_running_and_go_on(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory
) -> None:
    """The sender does not wait for them."""
    bot = await add_bot()
    turn_on = {"action": "light.turn_on", "target": {"entity_id": "light.porch"}}
    await add_stream(bot, "slow", actions=[WAIT, turn_on])
    sending = hass.async_create_task(send("slow"))
    await ticks(200)

    await wait_over(hass, freezer)
    assert [delivery["receiver"] for delivery in (await sending)["running"]] == ["mapping"]

    hass.bus.async_fire("go")
    await hass.async_block_till_done()
    assert is_on(hass, "light.porch")


@pytest.mark.warns
@pytest.mark.parametrize(
    ("mode", "outcomes"),
    [
        ("single", ["handled", "failed"]),
        ("queued", ["handled", "handled"]),
        ("parallel", ["handled", "handled"]),
        ("restart", ["handled", "handled"]),
    ],
)
async def test_the_mode_says_what_happens_to_a_message_that_comes_while_the_actions_run(
    hass: HomeAssistant, add_bot: AddBot, send: Send, mode: str, outcomes: list[str]
) -> None:
    """As with scripts and automations."""
    bot = await add_bot()
    done = async_capture_events(hass, "done")
    await add_stream(bot, "work", mode=mode, actions=[WAIT, {"event": "done", "event_data": {"n": "{{ content.n }}"}}])
    sending = []
    for number in (1, 2):
        sending.append(hass.async_create_task(send("work", {"n": number})))
        await ticks(200)

    for _ in range(2):
        hass.bus.async_fire("go")
        await ticks(200)
    receipts = [await task for task in sending]

    assert [next(outcome for outcome in ("handled", "failed") if receipt[outcome]) for receipt in receipts] == outcomes
    results = [delivery.get("result", {}) for delivery in receipts[0]["handled"]]
    assert results == ([{"superseded": True}] if mode == "restart" else [{}])
    ran = {"single": [1], "queued": [1, 2], "parallel": [1, 2], "restart": [2]}[mode]
    assert [event.data["n"] for event in done] == ran


@pytest.mark.warns
@pytest.mark.parametrize("mode", ["single", "queued", "parallel", "restart"])
async def test_actions_that_send_to_their_own_address_come_to_an_end(
    hass: HomeAssistant, add_bot: AddBot, send: Send, mode: str
) -> None:
    """By the hops, or by the mode, which lets nobody wait for itself."""
    bot = await add_bot()
    events = async_capture_events(hass, "datastream_bot_message")
    await add_stream(bot, "again", mode=mode, actions=[sends("again")])

    await send("again")
    await hass.async_block_till_done()

    hops = [event.data["hops"] for event in events]
    assert hops == list(range(len(hops)))
    assert len(hops) == (9 if mode == "parallel" else 2)


@pytest.mark.parametrize(
    ("action", "state"),
    [
        ("homeassistant.reload_config_entry", ConfigEntryState.LOADED),
        ("test.remove_bot", ConfigEntryState.NOT_LOADED),
    ],
)
@pytest.mark.parametrize("mode", ["single", "restart"])
async def test_actions_may_reload_or_remove_their_own_bot(
    hass: HomeAssistant, add_bot: AddBot, send: Send, action: str, state: ConfigEntryState, mode: str
) -> None:
    """They run to their end, the receipt comes, and nothing is stuck."""
    assert await async_setup_component(hass, "homeassistant", {})
    bot = await add_bot()

    async def remove_bot(_: Any) -> None:
        await hass.config_entries.async_remove(bot.bot_id)

    hass.services.async_register("test", "remove_bot", remove_bot)
    done = async_capture_events(hass, "done")
    act = {"action": action, "data": {"entry_id": bot.bot_id} if "reload" in action else {}}
    await add_stream(bot, "suicide", mode=mode, actions=[act, {"delay": 0.01}, {"event": "done"}])

    receipt = await send("suicide")
    await hass.async_block_till_done(wait_background_tasks=True)

    assert [delivery["receiver"] for delivery in receipt["handled"]] == ["mapping"]
    assert len(done) == 1
    assert bot.entry.state is state


@pytest.mark.warns
async def test_actions_are_stopped_when_their_stream_is_changed_or_the_bot_unloaded(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """As an automation's are."""
    bot = await add_bot()
    done = async_capture_events(hass, "done")
    await add_stream(bot, "work", actions=[WAIT, {"event": "done"}])
    for end in (change_stream(bot, "work", mode="single"), hass.config_entries.async_unload(bot.bot_id)):
        sending = hass.async_create_task(send("work"))
        await ticks(200)
        await end
        assert "stopped before their end" in (await sending)["failed"][0]["error"]

    hass.bus.async_fire("go")
    await hass.async_block_till_done()
    assert done == []


GONE_DEVICE = [{"device_id": "gone", "domain": "light", "type": "turn_on", "entity_id": "light.gone"}]


@pytest.mark.warns
async def test_actions_that_are_valid_no_more_are_told_and_can_be_mended(
    hass: HomeAssistant, add_bot: AddBot, send: Send, issue_registry: ir.IssueRegistry
) -> None:
    """As when a device that they use was removed: a repair issue, every sender hears it, and the bot works on."""
    bot = await add_bot()
    stream = await add_stream(bot, "work")
    issue = (DOMAIN, f"invalid_actions_{stream.subentry_id}")
    hass.config_entries.async_update_subentry(bot.entry, stream, data={**stream.data, "actions": GONE_DEVICE})
    await hass.async_block_till_done()

    assert "The actions of this data stream are not valid" in (await send("work"))["failed"][0]["error"]
    assert (await send("send_push_notification", {"message": "hello"}))["handled"]
    found = issue_registry.async_get_issue(*issue)
    assert found is not None
    assert (found.translation_placeholders or {})["address"] == "work"

    await change_stream(bot, "work", actions=[])
    assert issue_registry.async_get_issue(*issue) is None
    assert (await send("work"))["handled"]

    broken = {**stream_of(bot, "work").data, "actions": GONE_DEVICE}
    hass.config_entries.async_update_subentry(bot.entry, stream_of(bot, "work"), data=broken)
    await hass.async_block_till_done()
    await remove_stream(bot, "work")
    assert issue_registry.async_get_issue(*issue) is None


async def test_a_schema_that_changes_holds_for_the_next_message_of_a_running_automation(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """The automation hears it at once."""
    bot = await add_bot()
    await add_stream(bot, "work")
    heard = async_capture_events(hass, "heard")
    actions = [sends("work", content={"a": 1}), WAIT, sends("work", content={"a": 1}), {"event": "heard"}]
    script = {"script": {"twice": {"sequence": actions}}}
    assert await async_setup_component(hass, "script", script)
    running = hass.async_create_task(hass.services.async_call("script", "twice", blocking=True))
    await ticks(200)

    await change_stream(bot, "work", fields=[row("b", required=True)])
    hass.bus.async_fire("go")

    with pytest.raises(ServiceValidationError, match="a is unknown; b is missing"):
        await running
    assert heard == []


@pytest.mark.warns
async def test_a_bot_whose_schema_is_not_met_does_not_keep_the_others_from_the_message(
    add_bot: AddBot, send: Send
) -> None:
    """Each bot has a schema of its own, with its own defaults, and the receipt tells them apart."""
    strict, easy = await add_bot("Strict"), await add_bot("Easy")
    await add_stream(strict, "work", fields=[row("a", "number", required=True)])
    await add_stream(easy, "work", fields=[row("a"), row("b", default="x")], actions=answers(b="{{ content.b }}"))

    receipt = await send("work", {"a": "text"})

    assert [(delivery["bot"], delivery["result"]) for delivery in receipt["handled"]] == [
        ("Easy", {"response": {"b": "x"}})
    ]
    assert [(delivery["bot"], delivery["receiver"], delivery["error"]) for delivery in receipt["failed"]] == [
        ("Strict", "schema", "The content does not fit work: a is 'text', it must be a number")
    ]


async def test_no_message_is_lost_or_doubled_while_its_address_is_renamed(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """Each is handled once under the name of its moment, or nobody has that name."""
    bot = await add_bot()
    ran = async_capture_events(hass, "ran")
    await add_stream(bot, "old", actions=[{"event": "ran", "event_data": {"number": "{{ content.number }}"}}])
    handled = 0

    async def flood() -> None:
        nonlocal handled
        for number in range(200):
            address = "old" if stream_of_old() else "new"
            sending = hass.async_create_task(send(address, {"number": number}))
            await ticks(2)
            handled += len((await sending)["handled"])

    def stream_of_old() -> bool:
        return "old" in hass.data[DATA_ROUTER].registry.addresses

    flooding = hass.async_create_task(flood())
    for number in range(10):
        await ticks(20)
        await change_stream(bot, "old", description=f"Changed {number}")
    await change_stream(bot, "old", address="new")
    await flooding
    await hass.async_block_till_done()

    assert handled == 200
    assert [event.data["number"] for event in ran] == list(range(200))
    assert "old" not in hass.data[DATA_ROUTER].registry.addresses


async def test_content_of_exactly_the_limit_comes_through(add_bot: AddBot, send: Send) -> None:
    """Also through a schema and into actions."""
    bot = await add_bot()
    await add_stream(bot, "work", fields=[row("text")], actions=answers(length="{{ content.text | length }}"))
    text = "x" * (32 * 1024 - len('{"text":""}'))

    receipt = await send("work", {"text": text})

    assert receipt["handled"][0]["result"]["response"] == {"length": len(text)}
    assert len(state_of(bot.hass, "event.home_work").attributes["content"]["text"]) == len(text)


async def test_messages_that_are_on_their_way_while_their_stream_changes_are_not_lost(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """They are sent and the stream is changed in the same moment."""
    bot = await add_bot()
    ran = async_capture_events(hass, "ran")
    actions = [{"event": "ran", "event_data": {"number": "{{ content.number }}"}}]
    stream = await add_stream(bot, "work", actions=actions)
    sending = []
    for number in range(100):
        sending.append(hass.async_create_task(send("work", {"number": number})))
        if number % 10 == 0:
            changed = {**stream_of(bot, "work").data, "description": f"Changed {number}"}
            hass.config_entries.async_update_subentry(bot.entry, stream_of(bot, "work"), data=changed)
            await ticks(number // 10)
    receipts = [await task for task in sending]
    await hass.async_block_till_done()

    assert [len(receipt["handled"]) for receipt in receipts] == [1] * 100
    assert sorted(event.data["number"] for event in ran) == list(range(100))
    assert stream.subentry_id in bot.entry.subentries


async def test_the_last_of_two_changes_counts(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """Also when it takes longer to read the actions of the first one."""
    bot = await add_bot()
    stream = await add_stream(bot, "one")
    # No other test has this trigger, so that Home Assistant has to import it.
    trigger = {"trigger": "geo_location", "source": "x", "zone": "zone.home", "event": "enter"}
    for address, actions in (("two", [{"wait_for_trigger": [trigger]}]), ("three", [])):
        data = {**stream.data, "address": address, "actions": actions}
        hass.config_entries.async_update_subentry(bot.entry, stream, data=data, title=address)
    await hass.async_block_till_done()

    assert (await send("two"))["handled"] == []
    assert [each["receiver"] for each in (await send("three"))["handled"]] == ["mapping"]


@pytest.mark.warns
@pytest.mark.parametrize("mode", ["queued", "parallel"])
async def test_messages_that_wait_or_run_when_their_stream_is_deleted_are_told(
    hass: HomeAssistant, add_bot: AddBot, send: Send, mode: str
) -> None:
    """In words, whether they ran already or not."""
    bot = await add_bot()
    await add_stream(bot, "work", mode=mode, actions=[WAIT])
    sending = []
    for _ in range(2):
        sending.append(hass.async_create_task(send("work")))
        await ticks(200)
    sending.append(hass.async_create_task(send("work")))
    await ticks(1)

    hass.config_entries.async_remove_subentry(bot.entry, stream_of(bot, "work").subentry_id)
    receipts = [await task for task in sending]

    assert [len(receipt["failed"]) for receipt in receipts[:2]] == [1, 1]
    errors = {delivery["error"] for receipt in receipts for delivery in receipt["failed"]}
    assert all("stopped before their end" in error or "unloaded" in error for error in errors)


async def test_a_hundred_messages_may_be_at_work(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """Home Assistant's own limit of ten is soon reached by messages."""
    bot = await add_bot()
    await add_stream(bot, "work", actions=[WAIT])
    sending = [hass.async_create_task(send("work")) for _ in range(50)]
    await ticks(300)
    hass.bus.async_fire("go")

    assert [len((await task)["handled"]) for task in sending] == [1] * 50


@pytest.mark.warns
async def test_a_message_that_comes_to_a_stream_that_is_gone_is_told(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """It was sent in the last moment."""
    bot = await add_bot()
    stream = await add_stream(bot, "work", actions=answers(a="1"))

    class Remover(Microservice):
        name = "remover"
        order = ORDER_LOCATION

        @datastream("work")
        async def remove(self, message: Message) -> None:
            hass.config_entries.async_remove_subentry(bot.entry, stream.subentry_id)

    bot.attach(Remover())

    receipt = await send("work")

    assert [delivery["receiver"] for delivery in receipt["handled"]] == ["remover"]
    assert [delivery["receiver"] for delivery in receipt["failed"]] == ["mapping"]
    assert "was unloaded before" in receipt["failed"][0]["error"]


async def test_actions_that_are_cancelled_have_failed(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """As when Home Assistant stops."""
    bot = await add_bot()
    await add_stream(bot, "work", actions=[WAIT])
    sending = hass.async_create_task(send("work"))
    await ticks(200)
    (working,) = (task for task in asyncio.all_tasks() if task.get_name() == "datastream_bot work to mapping")
    working.cancel()

    assert [delivery["error"] for delivery in (await sending)["failed"]] == ["Cancelled"]


@pytest.mark.warns
async def test_a_template_of_the_wrong_type_is_one_warning(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a traceback, and with what the content was."""
    bot = await add_bot()
    act = {"action": "light.turn_on", "data": {"entity_id": "light.kitchen", "transition": "{{ content.x }}"}}
    await add_stream(bot, "fade", actions=[act])

    (failed,) = (await send("fade", {"x": "soon\nor later"}))["failed"]

    assert "expected float" in failed["error"]
    (record,) = [one for one in caplog.records if one.levelno >= logging.WARNING and "fade" in one.getMessage()]
    assert (record.levelname, record.exc_info) == ("WARNING", None)
    assert "failed on a message to fade: The actions stopped with an error: expected float" in record.getMessage()
    assert "\n" not in record.getMessage()
