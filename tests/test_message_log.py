"""The message log: what became of each message can be looked up, also of those that came to nothing."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
import gc
import json
import logging
from pathlib import Path
import resource
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.auth.const import GROUP_ID_READ_ONLY, GROUP_ID_USER
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE, MATCH_ALL
from homeassistant.core import Context, Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser, async_fire_time_changed
from pytest_homeassistant_custom_component.components.diagnostics import get_diagnostics_for_config_entry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
import voluptuous as vol

from custom_components.datastream_bot.const import DOMAIN
from custom_components.datastream_bot.messaging.log import MAX_BYTES, MAX_RECORDS, SAVED_AFTER, MessageLog
from custom_components.datastream_bot.messaging.loop_guard import LoopGuard
from custom_components.datastream_bot.messaging.message import Message
from custom_components.datastream_bot.messaging.microservice import Microservice, datastream
from custom_components.datastream_bot.messaging.record import MAX_ERROR_LENGTH, MAX_RESULT_BYTES, Record
from custom_components.datastream_bot.messaging.refusals import MAX_ADDRESSES, MAX_REFUSALS
from custom_components.datastream_bot.messaging.router import DATA_ROUTER

from .conftest import AddBot, Home, Send, SetPresence
from .days import everybody
from .doors import OPEN, Client, open_doors
from .forms import show_form_of, suggested
from .home import Reader, ticks, until
from .messages import change_log, get_messages, outcomes
from .streams import add_stream, row
from .test_loop_guard import after_eight_messages
from .test_rights import PORCH_ONLY, member_of, user_with

FILE = "datastream_bot.messages"


class Clerk(Microservice):
    """Does what the content of messages says."""

    name = "clerk"

    @datastream("office")
    async def work_alone(self, message: Message) -> Mapping[str, Any] | None:
        """Work without others."""
        return await self.work(message)

    @datastream("news")
    async def work(self, message: Message) -> Mapping[str, Any] | None:
        """Return, refuse or fail with as many letters as are asked for."""
        text = "x" * message.content.get("letters", 1)
        match message.content.get("do"):
            case "fail":
                raise HomeAssistantError(f"out of ink {text}")
            case "refuse":
                raise ServiceValidationError(f"not {message.content['secret']}")
            case "break":
                raise ValueError(f"cannot print {message.content['secret']}")
            case "tell":
                return {"text": text, "copies": [1, 2, 3], "by": {"room": 1}}
        return None


class Slow(Microservice):
    """Tells much, when a test lets it."""

    name = "slow"

    def __init__(self) -> None:
        """Initialize it."""
        self.free = asyncio.Event()

    @datastream("slow")
    async def tell(self, message: Message) -> Mapping[str, Any]:
        """Return much."""
        await self.free.wait()
        return {"text": "x" * 12_000}


def log_of(hass: HomeAssistant) -> MessageLog:
    """Return the message log."""
    return hass.data[DATA_ROUTER].log


async def save(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
    """Let the time pass after which the log is on disk."""
    freezer.tick(SAVED_AFTER + 1)
    async_fire_time_changed(hass)
    await hass.async_block_till_done()


async def loaded_anew(hass: HomeAssistant) -> list[dict[str, Any]]:
    """Return the messages as they are after a restart."""
    log = MessageLog(hass, LoopGuard(hass))
    await log.async_load([entry.entry_id for entry in hass.config_entries.async_entries(DOMAIN)])
    return [record.as_dict() for record in log.records()]


async def test_a_message_can_be_looked_up_with_all_that_became_of_it(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, hass_admin_user: MockUser
) -> None:
    """Whoever sent it."""
    bot = await add_bot()
    context = Context(user_id=hass_admin_user.id)
    receipt = await send("toggle_everything", {"on": True}, context=context)

    (message,) = await get_messages(hass)

    assert message["duration"] >= message["deliveries"][0].pop("duration") > 0
    assert message.pop("duration") < 10
    assert message.pop("time").endswith("+00:00")
    assert message == {
        "id": receipt["message_id"],
        "address": "toggle_everything",
        "outcome": "handled",
        "origin": "action",
        "sender": None,
        "home": None,
        "hops": 0,
        "external": True,
        "user_id": hass_admin_user.id,
        "cause": context.id,
        "automation": None,
        "parent": None,
        "content": {"on": True},
        "deliveries": [
            {
                "bot": "Home",
                "config_entry_id": bot.bot_id,
                "receiver": "device",
                "outcome": "handled",
                "result": receipt["handled"][0]["result"],
            }
        ],
        "elsewhere": {},
    }


async def test_what_nobody_sent_by_hand_is_there_as_well(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, send: Send
) -> None:
    """A reaction to presence, and a message to nobody."""
    bot = await add_bot()
    await everybody(persons, "not_home")
    await send("doorbel")

    assert outcomes(await get_messages(hass)) == [("toggle_everything", "handled"), ("doorbel", "unheard")]
    reaction, _ = await get_messages(hass)
    assert (reaction["origin"], reaction["sender"], reaction["external"]) == ("presence", bot.bot_id, False)


@pytest.mark.warns
async def test_a_failure_says_why(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """What is worst is the outcome of the whole."""
    bot = await add_bot()
    for microservice in (Clerk(), Clerk()):
        bot.attach(microservice)
    await send("office", {"do": "fail"}, config_entry_id=bot.bot_id)
    (message,) = await get_messages(hass, outcome="failed")
    assert [delivery["error"] for delivery in message["deliveries"]] == ["out of ink x"] * 2


@pytest.mark.warns
async def test_a_receiver_that_takes_long_is_brought_up_to_date_when_it_is_done(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """Also if the sender has long gone, and other receivers have not waited for it."""
    bot = await add_bot()
    reader, clerk = Reader(), Clerk()
    reader.free.clear()
    bot.attach(reader)
    bot.attach(clerk)
    dispatch = await bot.async_dispatch("news", {"do": "tell"})
    (message,) = await get_messages(hass)
    assert (message["outcome"], message["duration"]) == ("running", None)
    assert [(each["outcome"], each["duration"] is None) for each in message["deliveries"]] == [
        ("running", True),
        ("handled", False),
    ]

    reader.error = HomeAssistantError("stuck")
    reader.free.set()
    await hass.async_block_till_done()

    (message,) = await get_messages(hass)
    failed, handled = message["deliveries"]
    assert (message["outcome"], failed["outcome"], failed["error"]) == ("failed", "failed", "stuck")
    assert message["duration"] == failed["duration"] > handled["duration"]
    assert handled["result"]["copies"] == [1, 2, 3]
    assert (await dispatch.async_receipt()).deliveries[1].result is not None


async def test_the_log_is_asked_by_bot_address_outcome_time_and_number(
    hass: HomeAssistant, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory
) -> None:
    """The newest come last."""
    one, two = await add_bot("One"), await add_bot("Two")
    for address in ("one", "both"):
        await add_stream(one, address)
    await add_stream(two, "both")
    await send("one")
    await send("both", external=True, config_entry_id=one.bot_id)
    freezer.tick(60)
    await send("nobody")

    async def addresses(**data: Any) -> list[str]:
        return [message["address"] for message in await get_messages(hass, **data)]

    assert await addresses() == ["one", "both", "nobody"]
    assert await addresses(config_entry_id=two.bot_id) == ["both"]
    assert await addresses(config_entry_id=one.bot_id) == ["one", "both"]
    assert await addresses(address=["one", "nobody"]) == ["one", "nobody"]
    assert await addresses(outcome=["unheard", "failed"]) == ["nobody"]
    assert await addresses(limit=2) == ["both", "nobody"]
    (newest,) = await get_messages(hass, limit=1)
    assert await addresses(since=newest["time"]) == ["nobody"]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"outcome": "lost"}, "value must be one of"),
        ({"limit": 0}, "value must be at least 1"),
        ({"limit": "many"}, "expected int"),
        ({"since": "yesterday"}, "Invalid datetime"),
        ({"adress": "news"}, "not a valid option"),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(
    hass: HomeAssistant, add_bot: AddBot, data: dict[str, Any], error: str
) -> None:
    """With what is wrong."""
    await add_bot()
    with pytest.raises(vol.Invalid, match=error):
        await get_messages(hass, **data)


async def test_a_bot_that_is_not_there_cannot_be_asked_about(hass: HomeAssistant, add_bot: AddBot) -> None:
    """In words."""
    await add_bot()
    with pytest.raises(ServiceValidationError) as refused:
        await get_messages(hass, config_entry_id="nobody")
    assert refused.value.translation_key == "bot_id_unknown"


# Messages that lead to messages.


async def answer(hass: HomeAssistant, address: str, *actions: Mapping[str, Any]) -> None:
    """Add an automation that does something about the messages to an address."""
    trigger = {"trigger": "datastream_bot.message_received", "options": {"address": address}}
    config = {"alias": "Answer", "triggers": trigger, "actions": [*actions]}
    assert await async_setup_component(hass, "automation", {"automation": config})
    await hass.async_block_till_done()


@pytest.mark.parametrize(
    "action",
    [
        pytest.param({"action": "datastream_bot.send", "data": {"address": "weather"}}, id="by itself"),
        pytest.param({"action": "script.turn_on", "target": {"entity_id": "script.relay"}}, id="by a script"),
    ],
)
async def test_a_message_says_which_message_led_to_it(
    hass: HomeAssistant, add_bot: AddBot, send: Send, action: Mapping[str, Any]
) -> None:
    """Through the automation that this one triggers."""
    await add_bot()
    sending = {"action": "datastream_bot.send", "data": {"address": "weather"}}
    assert await async_setup_component(hass, "script", {"script": {"relay": {"sequence": [sending]}}})
    await answer(hass, "news", action)
    receipt = await send("news")
    await hass.async_block_till_done()

    first, second = await get_messages(hass)

    assert (first["id"], first["parent"]) == (receipt["message_id"], None)
    assert (second["address"], second["parent"]) == ("weather", first["id"])
    assert second["cause"] != first["id"]


async def test_what_comes_of_a_message_much_later_still_says_so(
    hass: HomeAssistant, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory
) -> None:
    """As an automation that waits before it sends; for endless chains, such messages do not count."""
    await add_bot()
    await answer(
        hass, "news", {"delay": {"minutes": 2}}, {"action": "datastream_bot.send", "data": {"address": "weather"}}
    )
    await send("news")
    await ticks(50)
    freezer.tick(121)
    async_fire_time_changed(hass)
    await hass.async_block_till_done()

    first, second = await get_messages(hass)

    assert (second["parent"], second["hops"]) == (first["id"], 0)


async def test_a_message_that_is_sent_in_the_context_of_another_one_was_led_to_by_that(
    hass: HomeAssistant, add_bot: AddBot
) -> None:
    """As microservices do it."""
    bot = await add_bot()
    first = (await bot.async_dispatch("news", {})).message
    await bot.async_dispatch("weather", {}, context=first.context)
    assert [message["parent"] for message in await get_messages(hass)] == [None, first.message_id]


# Refusals.


@pytest.mark.warns
async def test_a_message_that_is_refused_is_there_with_the_reason(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """Whatever was wrong with it."""
    bot = await add_bot()
    await add_stream(bot, "doorbell", fields=[row("times", "number", required=True)])
    for address, content, more in (
        ("doorbell", {"tims": 1}, {}),
        ("no address", None, {}),
        ("news", {"x": float("nan")}, {}),
        ("news", None, {"external": False}),
        ("news", None, {"config_entry_id": "nobody"}),
    ):
        with pytest.raises(ServiceValidationError):
            await send(address, content, **more)

    refused = await get_messages(hass, outcome="refused")

    assert [(each["address"], each["refusal"]["reason"]) for each in refused] == [
        ("doorbell", "content_refused"),
        (None, "invalid_address"),
        ("news", "content_not_json"),
        ("news", "internal_needs_bot"),
        ("news", "bot_id_unknown"),
    ]
    assert "tims is unknown, perhaps times is meant" in refused[0]["refusal"]["error"]
    assert [(each["receiver"], each["outcome"]) for each in refused[0]["deliveries"]] == [("schema", "refused")]


@pytest.mark.warns
async def test_what_some_refuse_and_others_handle_is_refused_as_a_whole(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """And each says what it did."""
    for name, fields in (("One", []), ("Two", [row("times", "number", required=True)])):
        await add_stream(await add_bot(name), "doorbell", fields=fields)
    await send("doorbell", {"times": "often"})
    (message,) = await get_messages(hass)
    assert message["outcome"] == "refused"
    assert [(each["bot"], each["outcome"]) for each in message["deliveries"]] == [
        ("One", "handled"),
        ("Two", "refused"),
    ]


async def test_who_may_not_speak_for_a_bot_is_in_the_log(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send
) -> None:
    """Whether the message goes on without the bot or not at all."""
    bot = await add_bot()
    child = Context(user_id=user_with(hass, PORCH_ONLY).id)
    await send("news", config_entry_id=bot.bot_id, context=child)
    with pytest.raises(ServiceValidationError, match="may not speak"):
        await send("news", config_entry_id=bot.bot_id, context=child, external=False)

    sent, refused = await get_messages(hass, config_entry_id=bot.bot_id)

    assert (sent["outcome"], sent["deliveries"][0]["receiver"]) == ("refused", "rights")
    assert (refused["refusal"]["reason"], refused["sender"]) == ("may_not_speak", bot.bot_id)
    assert refused["user_id"] == child.user_id


@pytest.mark.warns
async def test_a_message_that_is_refused_says_what_it_was_sent_because_of(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """The automation, and the message that triggered it."""
    await add_bot()
    await answer(hass, "news", {"action": "datastream_bot.send", "data": {"address": "no address"}})
    receipt = await send("news")
    await hass.async_block_till_done()

    (refused,) = await get_messages(hass, outcome="refused")

    assert (refused["automation"], refused["parent"]) == ("automation.answer", receipt["message_id"])
    assert refused["cause"] == hass.states.async_all("automation")[0].context.id


@pytest.mark.warns
@pytest.mark.parametrize("is_named", [False, True])
async def test_the_bot_that_the_action_of_a_data_stream_names_is_not_the_sender(
    hass: HomeAssistant, add_bot: AddBot, *, is_named: bool
) -> None:
    """It is the one that did not receive the message."""
    bot, other = await add_bot("Demo"), await add_bot("Other")
    await add_stream(bot, "doorbell")
    data = {"config_entry_id": other.bot_id if is_named else "nobody"}
    with pytest.raises(ServiceValidationError):
        await hass.services.async_call(DOMAIN, "doorbell", data, blocking=True)

    (refused,) = await get_messages(hass)

    assert refused["sender"] is None
    assert [(each["bot"], each["receiver"], each["outcome"]) for each in refused["deliveries"]] == [
        ("Other", "action", "refused")
    ] * is_named


@pytest.mark.warns
async def test_messages_without_end_are_in_the_log_as_the_one_that_was_refused(
    hass: HomeAssistant, add_bot: AddBot
) -> None:
    """After those that led to it."""
    bot = await add_bot()
    context = await after_eight_messages(hass, bot)
    with pytest.raises(HomeAssistantError, match="more than 8 messages led to it"):
        await bot.async_distribute_datastream_message("other", {}, context=context)

    *led, refused = await get_messages(hass)

    assert [message["hops"] for message in led] == [0, *range(1, 9)]
    assert (refused["refusal"]["reason"], refused["address"], refused["sender"]) == (
        "too_many_hops",
        "other",
        bot.bot_id,
    )


async def test_a_user_who_sends_too_much_is_in_the_log(
    hass: HomeAssistant, add_bot: AddBot, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one record, also by the action of a data stream."""
    await add_bot()
    user = await member_of(hass, GROUP_ID_READ_ONLY)
    context = Context(user_id=user.id)
    sending = [asyncio.ensure_future(send("news", context=context)) for _ in range(1300)]
    await ticks(100)
    data = {"message": "Hi"}
    stream_action = partial(hass.services.async_call, DOMAIN, "send_push_notification", data, context=context)
    by_stream_action = [asyncio.ensure_future(stream_action(blocking=True)) for _ in range(300)]
    await ticks(100)
    for each in (*sending, *by_stream_action):
        each.cancel()
    await asyncio.gather(*sending, *by_stream_action, return_exceptions=True)

    by_action, by_stream = await get_messages(hass, outcome="refused")

    assert by_action["refusal"]["reason"] == by_stream["refusal"]["reason"] == "sent_too_many"
    assert by_action["refusal"]["count"] >= 40
    assert (by_action["address"], by_stream["address"]) == ("news", "send_push_notification")
    assert by_stream["refusal"]["count"] >= 40


@pytest.mark.warns
async def test_an_error_that_nobody_thought_of_may_quote_the_content(
    hass: HomeAssistant, add_bot: AddBot, send: Send, caplog: pytest.LogCaptureFixture
) -> None:
    """So it is neither kept where content is not, nor in Home Assistant's log."""
    caplog.set_level(logging.INFO, logger="custom_components.datastream_bot")
    bot = await add_bot()
    bot.attach(Clerk())
    await change_log(bot, keep_content=False, content_in_diagnostics=False)

    receipt = await send("office", {"do": "break", "secret": "hunter2"}, config_entry_id=bot.bot_id)

    assert receipt["failed"][0]["error"] == "ValueError: cannot print hunter2"
    [message] = await get_messages(hass)
    assert "error" not in message["deliveries"][0]
    assert "failed on a message to office" in caplog.text
    assert "hunter2" not in caplog.text


async def test_the_log_keeps_no_events_in_memory(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """Home Assistant's contexts keep their first event, with all of the content in it."""
    await add_bot()
    hass.bus.async_listen(MATCH_ALL, callback(lambda _: None))
    await send("news", {"text": "secret"})
    assert len(hass.data[DATA_ROUTER].log.records()) == 1

    gc.collect()

    kept = [each for each in gc.get_objects() if isinstance(each, Event)]
    assert [event.event_type for event in kept if event.event_type == "datastream_bot_message"] == []


@pytest.mark.warns
async def test_a_flood_at_a_door_is_one_record(hass: HomeAssistant, add_bot: AddBot, client: Client) -> None:
    """What came before it stays."""
    bot = await open_doors(await add_bot(), webhook=OPEN, limits={"rate": 1, "burst": 1})
    path = f"/api/webhook/{bot.entry.options['doors']['webhook']['webhook_id']}"
    body = {"address": "send_push_notification", "content": {"message": "Hi"}}
    assert (await client.post(path, json=body)).status == 200
    flood = [(await client.post(path, json=body)).status for _ in range(30)]
    assert flood.count(429) >= 20

    handled, *_ = await get_messages(hass, outcome="handled")
    [refused] = await get_messages(hass, outcome="refused")

    assert (handled["outcome"], handled["origin"]) == ("handled", "webhook")
    assert (refused["refusal"]["reason"], refused["refusal"]["count"]) == ("rate_limited", flood.count(429))
    assert (refused["refusal"]["since"] <= refused["time"], refused["address"]) == (True, None)
    assert [(each["receiver"], each["outcome"]) for each in refused["deliveries"]] == [("door", "refused")]


@pytest.mark.parametrize(
    ("body", "address", "reason"),
    [
        ('{"address": "closed"}', "closed", "address_not_open"),
        ('{"address": 7}', None, "invalid_address"),
        ("{", None, "body_not_json"),
        ('{"address": "send_push_notification"}', "send_push_notification", "content_refused"),
    ],
)
@pytest.mark.parametrize("door", ["webhook", "http", "cloud_api"])
async def test_what_a_door_refuses_is_in_the_log_once(
    hass: HomeAssistant,
    add_bot: AddBot,
    client: Client,
    hass_access_token: str,
    door: str,
    body: str,
    address: str | None,
    reason: str,
) -> None:
    """With the address, if that could be read."""
    bot = await open_doors(await add_bot(), webhook=OPEN, cloud_api=OPEN)
    paths = {
        "webhook": f"/api/webhook/{bot.entry.options['doors']['webhook']['webhook_id']}",
        "http": "/api/datastream_bot/Home/stream",
        "cloud_api": "/cloud/appstore/stream",
    }
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {hass_access_token}"}
    if door == "cloud_api":
        headers |= {"API_KEY": hass_access_token}
        if body.startswith('{"address"'):
            paths[door] += f"?address={json.loads(body)['address']}"
            body = "{}"

    response = await client.post(paths[door], data=body, headers=headers)

    assert response.status in {400, 404}
    (refused,) = await get_messages(hass)
    assert (refused["origin"], refused["address"], refused["refusal"]["reason"]) == (door, address, reason)
    assert refused["refusal"]["count"] == 1


async def test_refusals_do_not_push_anything_out(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """Neither messages, nor refusals for other reasons."""
    await add_bot()
    await send("first")
    with pytest.raises(ServiceValidationError):
        await send("no address")
    for number in range(1000):
        with pytest.raises(ServiceValidationError):
            await send(f"news{number}", ["no object"])

    messages = await get_messages(hass, limit=600)

    assert outcomes(messages)[:2] == [("first", "unheard"), (None, "refused")]
    assert len(messages) == 2 + MAX_ADDRESSES + 1
    counts = {message["address"]: message["refusal"]["count"] for message in messages[2:]}
    assert counts == {f"news{number}": 1 for number in range(MAX_ADDRESSES)} | {None: 1000 - MAX_ADDRESSES}


async def test_refusals_of_very_many_kinds_have_few_records(hass: HomeAssistant, add_bot: AddBot) -> None:
    """Those that came last."""
    await add_bot()
    log = log_of(hass)
    for number in range(MAX_REFUSALS + 5):
        log.async_refuse(ServiceValidationError("no"), origin=f"origin {number}", address="news")
    origins = [record.origin for record in log.records()]
    assert origins == [f"origin {number}" for number in range(5, MAX_REFUSALS + 5)]
    assert log.records()[0].as_dict()["refusal"]["reason"] == "ServiceValidationError"


async def test_the_error_of_a_refusal_is_a_recent_one(
    hass: HomeAssistant, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory
) -> None:
    """But not put into words a thousand times a second."""
    await add_bot()

    async def error(content: object) -> Any:
        with pytest.raises(ServiceValidationError):
            await send("send_push_notification", content)
        (refused,) = await get_messages(hass)
        return refused["refusal"]["error"]

    log_of(hass)._refusals._now = lambda: clock
    clock = 100.0
    assert "mesage is unknown" in await error({"mesage": "Hi"})
    assert "mesage is unknown" in await error({"massage": "Hi"})
    clock = 102.0
    assert "massage is unknown" in await error({"massage": "Hi"})


# Memory.


async def test_the_log_has_the_last_ones_of_very_many(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """Five hundred at once, and as many again."""
    bot = await add_bot()
    bot.attach(Clerk())
    await asyncio.gather(*(send("office", {"number": number}) for number in range(2 * MAX_RECORDS)))
    await asyncio.gather(*(bot.async_dispatch("office", {"number": number}) for number in range(MAX_RECORDS)))

    messages = await get_messages(hass, limit=600)

    assert [message["content"]["number"] for message in messages] == [*range(MAX_RECORDS)]
    assert {message["outcome"] for message in messages} == {"handled"}


@pytest.mark.warns
@pytest.mark.parametrize("do", ["tell", "fail"])
async def test_large_contents_results_and_errors_have_a_limit(
    hass: HomeAssistant, add_bot: AddBot, send: Send, do: str
) -> None:
    """In all: the oldest messages go before their time."""
    bot = await add_bot()
    bot.attach(Clerk())
    for _ in range(300):
        await bot.async_dispatch("office", {"do": do, "letters": 2000, "much": "x" * 30_000})

    records = log_of(hass).records()

    sizes = [len(record.content or b"") + sum(map(len, record.results.values())) for record in records]
    assert MAX_BYTES / 2 < sum(sizes) < sum(record.size for record in records) <= MAX_BYTES
    assert len(records) < 150


async def test_what_becomes_large_later_has_a_limit_as_well(hass: HomeAssistant, add_bot: AddBot) -> None:
    """A result that comes when there is no room any more makes the oldest messages go."""
    bot = await add_bot()
    slow = Slow()
    bot.attach(slow)
    for _ in range(MAX_RECORDS):
        await bot.async_dispatch("slow", {})
    slow.free.set()
    await hass.async_block_till_done()

    records = log_of(hass).records()

    assert 200 < len(records) < MAX_RECORDS
    assert log_of(hass)._bytes == sum(record.size for record in records) <= MAX_BYTES


@pytest.mark.warns
async def test_what_is_too_large_is_left_out(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """Content of a megabyte, and results and errors that are."""
    bot = await add_bot()
    bot.attach(Clerk())
    with pytest.raises(ServiceValidationError, match="larger than 32 KiB"):
        await send("office", {"much": "x" * 1_000_000})
    for do in ("tell", "fail"):
        await bot.async_dispatch("office", {"do": do, "letters": 1_000_000})

    refused, told, failed = await get_messages(hass)

    assert (refused["refusal"]["reason"], "content" in refused) == ("content_too_large", False)
    assert told["deliveries"][0]["result"]["too_large"] > MAX_RESULT_BYTES
    assert len(failed["deliveries"][0]["error"]) == MAX_ERROR_LENGTH
    assert sum(record.size for record in log_of(hass).records()) < 10_000


async def test_a_message_that_is_at_work_for_long_keeps_nothing_large(hass: HomeAssistant, add_bot: AddBot) -> None:
    """It leaves the log when its time has come, and nothing is counted twice when it is over."""
    bot = await add_bot()
    reader = Reader()
    reader.free.clear()
    bot.attach(reader)
    bot.attach(Clerk())
    await bot.async_dispatch("news", {"much": "x" * 10_000})
    log = log_of(hass)
    (record,) = log.records()
    for _ in range(MAX_RECORDS):
        await bot.async_dispatch("office", {})
    assert record not in log.records()
    assert record.content is None

    reader.free.set()
    await hass.async_block_till_done()

    assert record.outcome == "handled"
    assert log._bytes == sum(each.size for each in log.records())


@pytest.mark.slow
@pytest.mark.warns
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("no_stack_traces")
async def test_very_many_large_messages_take_little_memory(
    hass: HomeAssistant, add_bot: AddBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred thousand, some of which fail, tell much, are refused, or are too large by far."""
    bot = await add_bot()
    # Pytest keeps all that is logged.
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)
    bot.attach(Clerk())
    contents: list[dict[str, Any]] = [
        {"do": "tell", "letters": 30_000},
        {"do": "fail", "letters": 30_000},
        {"much": "x" * 30_000},
        {"numbers": [*range(5000)]},
        {"much": "x" * 1_000_000},
    ]

    async def send_all(times: int) -> None:
        for number in range(times):
            with suppress(ServiceValidationError):
                await bot.async_dispatch("office", {**contents[number % len(contents)], f"key {number}": number})
            if number % 1000 == 0:
                await asyncio.sleep(0)

    await send_all(1000)
    before = memory()
    await send_all(100_000)

    log = log_of(hass)
    assert log._bytes == sum(record.size for record in log.records()) <= MAX_BYTES
    assert memory() - before < 2 * MAX_BYTES


def memory() -> int:
    """Return how many bytes of memory this process takes."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]) * resource.getpagesize()


# What is kept of the content.


@pytest.mark.warns
async def test_content_is_not_kept_where_the_user_says_so(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send
) -> None:
    """Nor what may quote it: results are numbers. What was kept before is forgotten at once."""
    bot = await add_bot()
    bot.attach(Clerk())

    async def all_kinds() -> None:
        await send("toggle_everything", {"on": False})
        for content in ({"do": "tell"}, {"do": "fail"}, {"do": "refuse", "secret": "hunter2"}):
            await send("office", content, config_entry_id=bot.bot_id)
        with pytest.raises(ServiceValidationError):
            await send("send_push_notification", {"hunter2": 1})

    await all_kinds()
    assert "hunter2" in json.dumps(await get_messages(hass))
    await send("nobody", {"number": 1})
    await change_log(bot, keep_content=False, content_in_diagnostics=True)
    assert (await get_messages(hass))[-1]["content"] == {"number": 1}
    before = await get_messages(hass)
    await all_kinds()
    after = (await get_messages(hass))[-5:]
    before = [message for message in before if message["address"] != "nobody"]

    for toggled, told, failed, refused, unfit in (before, after):
        assert not any("content" in each for each in (toggled, told, failed, refused, unfit))
        assert toggled["deliveries"][0]["result"] == {"switched": 3, "unavailable": 0, "not_reached": 0}
        assert told["deliveries"][0]["result"] == {"copies": 3, "by": 1}
        assert failed["deliveries"][0]["error"] == "out of ink x"
        assert "error" not in refused["deliveries"][0]
        assert "error" not in unfit["refusal"]
    assert "hunter2" not in json.dumps([*before, *after])
    assert "hunter2" not in repr([vars(record) for record in log_of(hass).records()])

    await change_log(bot, keep_content=False, content_in_diagnostics=False)
    await change_log(bot, keep_content=True, content_in_diagnostics=False)
    await send("office", {"number": 1}, config_entry_id=bot.bot_id)
    assert (await get_messages(hass))[-1]["content"] == {"number": 1}


@pytest.mark.warns
async def test_content_is_not_kept_when_the_bot_that_says_so_only_refuses_it(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """Whether another one handles the message or not."""
    accepting, refusing = await add_bot("Accepting"), await add_bot("Refusing")
    await add_stream(accepting, "doorbell")
    for address in ("doorbell", "gate"):
        await add_stream(refusing, address, fields=[row("times", "number", required=True)])
    await change_log(refusing, keep_content=False, content_in_diagnostics=False)
    await send("doorbell", {"hunter2": 1})
    with pytest.raises(ServiceValidationError):
        await send("gate", {"hunter2": 1})

    handled, refused = await get_messages(hass)

    assert [(each["bot"], each["outcome"]) for each in handled["deliveries"]] == [
        ("Accepting", "handled"),
        ("Refusing", "refused"),
    ]
    assert refused["outcome"] == "refused"
    assert "hunter2" not in json.dumps([handled, refused])
    assert "hunter2" not in repr([vars(record) for record in log_of(hass).records()])


async def test_the_form_shows_what_it_says(hass: HomeAssistant, add_bot: AddBot) -> None:
    """And the bot is not loaded anew for it."""
    bot = await add_bot()
    await change_log(bot, keep_content=False, content_in_diagnostics=True)
    assert bot.entry.runtime_data is bot
    assert suggested(await show_form_of(bot, "log")) == {"keep_content": False, "content_in_diagnostics": True}


@pytest.mark.parametrize("with_content", [False, True])
async def test_diagnostics_have_content_only_if_the_user_wants_that(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, add_bot: AddBot, send: Send, *, with_content: bool
) -> None:
    """And no secrets, and nothing of other bots."""
    assert await async_setup_component(hass, "diagnostics", {})
    bot, _ = await add_bot("Home"), await add_bot("Other")
    bot.attach(Clerk())
    await change_log(bot, keep_content=True, content_in_diagnostics=with_content)
    await send("office", {"room": "attic", "do": "tell", "password": "hunter2"}, config_entry_id=bot.bot_id)
    await send("nobody")

    diagnostics: Any = await get_diagnostics_for_config_entry(hass, hass_client, bot.entry)

    (message,) = diagnostics["messages"]
    assert message["address"] == "office"
    assert message.get("content") == (
        {"room": "attic", "do": "tell", "password": "**REDACTED**"} if with_content else None
    )
    assert message["deliveries"][0]["result"]["copies"] == ([1, 2, 3] if with_content else 3)
    assert "hunter2" not in json.dumps(diagnostics)


# Rights.


@pytest.mark.warns
async def test_whoever_may_control_a_bot_sees_what_it_did_and_nothing_else(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send
) -> None:
    """Who may not read everything sees neither content nor errors nor entities, but how many there were."""
    porch = await add_bot("Porch", target={"entity_id": ["light.porch"]})
    await add_bot("House")
    child = Context(user_id=user_with(hass, PORCH_ONLY).id)
    home["light.porch"].broken = "light.kitchen is in the way"
    await send("toggle_everything", {"on": True, "target": {"entity_id": ["light.kitchen", "light.porch"]}})
    sending = {"action": "datastream_bot.send", "data": {"address": "news", "config_entry_id": porch.bot_id}}
    config = {"alias": "Light show", "triggers": {"trigger": "event", "event_type": "go"}, "actions": sending}
    assert await async_setup_component(hass, "automation", {"automation": config})
    hass.bus.async_fire("go")
    await hass.async_block_till_done()
    await send("nobody")
    assert "automation.light_show" in json.dumps(await get_messages(hass))
    assert await add_bot("Unloaded", target={"entity_id": ["light.porch"]})

    seen = await get_messages(hass, context=child)

    assert outcomes(seen) == [("toggle_everything", "failed"), ("news", "unheard")]
    (delivery,) = seen[0].pop("deliveries")
    assert (delivery["bot"], delivery["outcome"], delivery["result"]["failed"]) == ("Porch", "failed", 1)
    assert "light" not in json.dumps([seen, delivery])
    assert not any({"content", "user_id", "automation"} & message.keys() for message in seen)


async def test_a_user_who_may_control_everything_sees_the_messages_of_bots(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send
) -> None:
    """With their content, but not who sent them, nor what concerns no bot."""
    await add_bot()
    await send("toggle_everything", {"on": True})
    await send("nobody")
    user = await member_of(hass, GROUP_ID_USER)
    (message,) = await get_messages(hass, context=Context(user_id=user.id))
    assert message["content"] == {"on": True}
    assert message["deliveries"][0]["result"]["switched"] == ["light.kitchen", "light.porch", "switch.fan"]
    assert "user_id" not in message


@pytest.mark.parametrize("is_gone", [False, True])
async def test_who_may_control_nothing_sees_nothing(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, *, is_gone: bool
) -> None:
    """Nor who is gone."""
    await add_bot()
    await send("toggle_everything", {"on": True})
    user = await member_of(hass, GROUP_ID_READ_ONLY)
    assert await get_messages(hass, context=Context(user_id="gone" if is_gone else user.id)) == []


# Bots that come and go.


async def test_a_bot_that_is_reloaded_or_disabled_keeps_its_messages(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """Those that are on their way meanwhile, too."""
    bot = await add_bot()
    reader = Reader()
    reader.free.clear()
    bot.attach(reader)
    await bot.async_dispatch("news", {"number": 1})
    await hass.config_entries.async_reload(bot.bot_id)
    assert outcomes(await get_messages(hass)) == [("news", "running")]

    reader.free.set()
    await hass.async_block_till_done()
    await hass.config_entries.async_unload(bot.bot_id)

    assert outcomes(await get_messages(hass, config_entry_id=bot.bot_id)) == [("news", "handled")]


@pytest.mark.warns
async def test_a_bot_that_is_removed_takes_its_messages_along(
    hass: HomeAssistant, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory, hass_storage: dict[str, Any]
) -> None:
    """But for those that others received as well, and what is still on its way does no harm."""
    one, two = await add_bot("One"), await add_bot("Two")
    reader = Reader()
    reader.free.clear()
    one.attach(reader)
    await add_stream(two, "both")
    await one.async_dispatch("news", {})
    await one.async_dispatch("both", {})
    await send("nobody")
    with pytest.raises(ServiceValidationError):
        await send("both", [], config_entry_id=one.bot_id)

    await hass.config_entries.async_remove(one.bot_id)
    reader.free.set()
    await hass.async_block_till_done()
    await save(hass, freezer)

    assert outcomes(await get_messages(hass)) == [("both", "handled"), ("nobody", "unheard")]
    log = log_of(hass)
    assert log._bytes == sum(record.size for record in log.records())
    assert [each["address"] for each in hass_storage[FILE]["data"]["messages"]] == ["both", "nobody"]


async def test_a_bot_that_was_never_loaded_can_be_removed(hass: HomeAssistant) -> None:
    """There is no log then."""
    entry = MockConfigEntry(domain=DOMAIN, version=2, disabled_by=ConfigEntryDisabler.USER)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_remove(entry.entry_id)


# Over a restart.


@pytest.mark.warns
async def test_a_restart_keeps_the_log_without_content(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, hass_storage: dict[str, Any]
) -> None:
    """What was at work then has failed, as nobody knows what became of it."""
    bot = await add_bot()
    reader, clerk = Reader(), Clerk()
    for microservice in (reader, clerk):
        bot.attach(microservice)
    await add_stream(bot, "unfit", fields=[row("times", "number")])
    await send("toggle_everything", {"on": True})
    for content in ({"do": "fail", "secret": "hunter2"}, {"do": "refuse", "secret": "hunter2"}):
        await send("office", content, config_entry_id=bot.bot_id)
    with pytest.raises(ServiceValidationError):
        await send("unfit", {"hunter2": 1})
    reader.free.clear()
    await bot.async_dispatch("news", {"hunter2": 1})
    before = await get_messages(hass)

    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await until(lambda: FILE in hass_storage)
    after = await loaded_anew(hass)

    assert "hunter2" not in json.dumps(hass_storage[FILE])
    assert [message["id"] for message in after] == [message["id"] for message in before]
    toggled, failed, refused, unfit, running = after
    assert toggled["deliveries"][0]["result"] == {"switched": 3, "unavailable": 0, "not_reached": 0}
    assert toggled["deliveries"][0]["duration"] == before[0]["deliveries"][0]["duration"]
    assert failed["deliveries"][0]["error"] == "out of ink x"
    assert "error" not in refused["deliveries"][0]
    assert (unfit["outcome"], unfit["refusal"]["reason"], unfit["deliveries"][0]["receiver"]) == (
        "refused",
        "content_refused",
        "schema",
    )
    assert (running["outcome"], running["duration"]) == ("failed", None)
    assert "Home Assistant was stopped in the middle of it" in running["deliveries"][0]["error"]
    reader.free.set()


async def test_refusals_go_on_being_counted_after_a_restart(
    hass: HomeAssistant, add_bot: AddBot, send: Send, hass_storage: dict[str, Any]
) -> None:
    """In the same record."""
    await add_bot()
    with pytest.raises(ServiceValidationError):
        await send("send_push_notification", {})
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await hass.async_block_till_done()
    log = hass.data[DATA_ROUTER].log = MessageLog(hass, LoopGuard(hass))
    await log.async_load([entry.entry_id for entry in hass.config_entries.async_entries(DOMAIN)])

    with pytest.raises(ServiceValidationError):
        await send("send_push_notification", {})

    (refused,) = await get_messages(hass)
    assert refused["refusal"]["count"] == 2
    assert "message is missing" in refused["refusal"]["error"]


async def test_the_log_is_written_five_minutes_after_a_change(
    hass: HomeAssistant, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory, hass_storage: dict[str, Any]
) -> None:
    """However many there are; and with each restart, what concerns only bots that are gone is left behind."""
    bot = await add_bot()
    await send("one")
    freezer.tick(SAVED_AFTER / 2)
    async_fire_time_changed(hass)
    await hass.async_block_till_done()
    await send("two")
    assert FILE not in hass_storage
    await save(hass, freezer)
    assert [each["address"] for each in hass_storage[FILE]["data"]["messages"]] == ["one", "two"]
    await send("three", config_entry_id=bot.bot_id)
    await save(hass, freezer)
    log = MessageLog(hass, LoopGuard(hass))
    await log.async_load(["another"])
    assert [record.address for record in log.records()] == ["one", "two"]


@pytest.mark.warns
@pytest.mark.parametrize("messages", ["none", [{"id": 1}], [{}], {"a": 1}])
async def test_a_damaged_log_counts_as_none(
    hass: HomeAssistant, add_bot: AddBot, hass_storage: dict[str, Any], messages: object
) -> None:
    """A repair issue says so."""
    hass_storage[FILE] = {"version": 1, "minor_version": 1, "key": FILE, "data": {"messages": messages}}
    await add_bot()
    assert await get_messages(hass) == []
    assert ir.async_get(hass).async_get_issue(DOMAIN, "memory_messages") is not None


# What it costs.


async def test_a_listener_that_disconnects_is_told_nothing_more(hass: HomeAssistant, add_bot: AddBot) -> None:
    """Also while it is told."""
    bot = await add_bot()
    told: list[Record] = []

    def listen(record: Record) -> None:
        told.append(record)
        disconnect()

    disconnect = log_of(hass).connect(listen)
    for _ in range(2):
        await bot.async_dispatch("news", {})
    assert len(told) == 1
