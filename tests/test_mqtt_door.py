"""The MQTT door: real Home Assistants with a real broker between them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
import json
import logging
import os
from pathlib import Path
import time
from typing import Any
from unittest.mock import AsyncMock, Mock

from homeassistant.components.mqtt import client as mqtt_client
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er, issue_registry as ir
import pytest
import voluptuous as vol

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.const import DOMAIN
from custom_components.datastream_bot.messaging import router
from custom_components.datastream_bot.messaging.message import Message
from custom_components.datastream_bot.messaging.microservice import Microservice, datastream
from custom_components.datastream_bot.messaging.router import Router
from custom_components.datastream_bot.mqtt import (
    answering,
    greeting,
    household,
    journey,
    link,
    posting,
    receiving,
    resending,
    roster,
)

from .broker import (
    ORGANIZATION,
    Broker,
    Ear,
    Wire,
    acquainted,
    add_bot_of,
    connect_to_broker,
    doors_with_mqtt,
    more_homes,
    mqtt_of,
    needs_broker,
    running_broker,
    seen_by,
    until,
)
from .conftest import AddBot
from .doors import MQTT_CLOSED, fill_doors

pytestmark = needs_broker

COTTAGE = f"datastream_bot/{ORGANIZATION}/homes/cottage/location"

type Start = Callable[[str], Awaitable[HomeAssistant]]

NEWS = [{"address": "news"}]


@pytest.fixture
async def broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Broker]:
    """Run a broker for everyone, at which Home Assistant does everything without waiting for long."""
    monkeypatch.setattr(mqtt_client, "RECONNECT_INTERVAL_SECONDS", 0.3)
    monkeypatch.setattr(mqtt_client, "INITIAL_SUBSCRIBE_COOLDOWN", 0.02)
    monkeypatch.setattr(greeting, "FIRST_PAUSE", 0.1)
    async with running_broker(tmp_path / "broker") as running:
        yield running


@pytest.fixture
async def start(broker: Broker, tmp_path: Path) -> AsyncIterator[Start]:
    """Return a function that starts a Home Assistant, connected to the broker."""
    async with more_homes() as start_one:

        async def start_connected(name: str) -> HomeAssistant:
            hass: HomeAssistant = await start_one(tmp_path / name)
            await connect_to_broker(hass, broker)
            return hass

        yield start_connected


@pytest.fixture
async def wire(broker: Broker) -> AsyncIterator[Wire]:
    """Return somebody else at the broker, who hears what is said in the cottage."""
    wire = Wire(broker)
    await wire.listen(COTTAGE)
    yield wire
    wire.close()


async def send(bot: Bot, content: object = None, **data: Any) -> dict[str, Any]:
    """Send a message to the news by the action, and return the receipt."""
    data = {"address": "news", "content": content, "config_entry_id": bot.bot_id, "internal": False, **data}
    receipt = await bot.hass.services.async_call(DOMAIN, "send", data, blocking=True, return_response=True)
    assert isinstance(receipt, dict)
    return receipt


def who(receipt: dict[str, Any]) -> list[str]:
    """Return whose bots answered."""
    return sorted(str(answer["bot"]) for answer in receipt["elsewhere"]["answered"])


class Slow(Microservice):
    """Takes its time."""

    name = "slow"

    def __init__(self) -> None:
        """Initialize it."""
        self.working = asyncio.Event()
        self.may_end = asyncio.Event()

    @datastream("news")
    async def take_time(self, message: Message) -> None:
        """Work until a test lets it end."""
        self.working.set()
        await self.may_end.wait()


async def test_bots_of_one_home_reach_each_other_from_two_home_assistants(start: Start) -> None:
    """Both ways, and the receipt says what became of it there."""
    one = await add_bot_of(await start("one"), "cottage", name="One", streams=NEWS)
    two = await add_bot_of(await start("two"), "cottage", name="Two", streams=NEWS)
    ear = Ear(two.hass)
    await acquainted(one, two)

    receipt = await send(one, {"snow": True})
    back = await send(two, {"snow": False})

    assert receipt["elsewhere"] == {
        "answered": [
            {
                "home": "cottage",
                "bot": "Two",
                "config_entry_id": two.bot_id,
                "handled": [
                    {"bot": "Two", "config_entry_id": two.bot_id, "receiver": "mapping", "result": {}},
                ],
                "failed": [],
                "running": [],
            }
        ],
        "unanswered": 0,
        "kept": False,
    }
    assert who(back) == ["One"]
    assert ear.heard[0] | {"id": ""} == {
        "address": "news",
        "content": {"snow": True},
        "id": "",
        "sender": None,
        "origin": "mqtt",
        "home": "cottage",
        "hops": 0,
    }
    state = two.hass.states.get("event.two_news")
    assert state is not None
    assert (state.attributes["origin"], state.attributes["home"]) == ("mqtt", "cottage")
    assert two.hass.states.is_state("binary_sensor.two_mqtt_connection", "on")


async def test_an_organization_and_homes_reach_whom_they_name(start: Start) -> None:
    """Homes reach their own and the organization, the organization its own, some homes, or all."""
    chief = await add_bot_of(await start("headquarters"), name="Chief", streams=NEWS)
    deputy = await add_bot_of(await start("branch"), name="Deputy", streams=NEWS)
    cottage = await add_bot_of(await start("cottage"), "cottage", streams=NEWS)
    villa = await add_bot_of(await start("villa"), "villa", streams=NEWS)
    tower = await add_bot_of(await start("tower"), "tower", streams=NEWS)
    await acquainted(chief, deputy, others=4)
    await acquainted(cottage, villa, tower, others=2)

    assert who(await send(cottage)) == []
    assert who(await send(cottage, scope="organization")) == ["Chief", "Deputy"]
    assert who(await send(cottage, scope=["location", "organization"])) == ["Chief", "Deputy"]
    assert who(await send(chief)) == ["Deputy"]
    assert who(await send(chief, homes=["villa"])) == ["villa"]
    assert who(await send(chief, homes=["villa", "cottage", "villa"])) == ["cottage", "villa"]
    assert who(await send(chief, homes="all")) == ["cottage", "tower", "villa"]
    assert who(await send(chief, homes="all", scope="organization")) == ["Deputy", "cottage", "tower", "villa"]
    assert "elsewhere" not in await send(chief, homes=[])
    (answer,) = (await send(villa, scope="organization"))["elsewhere"]["answered"][:1]
    assert answer["home"] is None


@pytest.mark.parametrize(
    ("home", "data", "key"),
    [
        ("cottage", {"homes": "all"}, "homes_need_organization"),
        ("", {"scope": "location"}, "organization_has_no_location"),
        ("", {"homes": ["a/b"]}, "home_name_not_valid"),
        ("", {"homes": ["+"]}, "home_name_not_valid"),
        ("cottage", {"scope": "organization", "external": False, "internal": True}, "scope_needs_external"),
        ("cottage", {"scope": "organization", "config_entry_id": ""}, "scope_needs_bot"),
    ],
)
async def test_what_cannot_be_reached_is_refused_in_words(
    start: Start, home: str, data: dict[str, Any], key: str
) -> None:
    """Nothing is sent then."""
    bot = await add_bot_of(await start("one"), home)
    await acquainted(bot)
    with pytest.raises(ServiceValidationError) as refused:
        await send(bot, **data)
    assert refused.value.translation_key == key
    assert seen_by(bot)["on_their_way"] == 0


async def test_a_message_cannot_name_any_number_of_homes(start: Start) -> None:
    """There is `all`."""
    bot = await add_bot_of(await start("one"))
    with pytest.raises(vol.Invalid, match="at most 1000"):
        await send(bot, homes=[f"home{number}" for number in range(1001)])


async def test_bots_of_one_home_assistant_hear_each_other_once(start: Start) -> None:
    """They hear each other without MQTT."""
    hass = await start("one")
    one = await add_bot_of(hass, "cottage", name="One", streams=NEWS)
    two = await add_bot_of(hass, "cottage", name="Two", streams=NEWS)
    await acquainted(one, two, others=0)
    ear = Ear(hass)

    receipt = await send(one)

    await asyncio.sleep(0.2)
    assert [delivery["bot"] for delivery in receipt["handled"]] == ["Two"]
    assert receipt["elsewhere"]["answered"] == []
    assert len(ear.heard) == 1


@pytest.mark.warns
async def test_two_homes_that_answer_each_other_come_to_an_end(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """The hops go with the message from home to home."""

    class Parrot(Microservice):
        """Says everything again."""

        name = "parrot"

        @datastream("news")
        async def say_again(self, message: Any) -> None:
            await self.bot.async_distribute_datastream_message(
                "news", message.content, internal=False, context=message.context
            )

        def __init__(self, bot: Bot) -> None:
            """Belong to a bot."""
            super().__init__()
            self.bot = bot

    bots = [await add_bot_of(await start(name), "cottage", name=name, streams=NEWS) for name in ("one", "two")]
    for bot in bots:
        bot.attach(Parrot(bot))
    ears = [Ear(bot.hass) for bot in bots]
    await acquainted(*bots)

    await send(bots[0])

    await until(lambda: "without end" in caplog.text)
    await asyncio.sleep(0.3)
    hops = sorted(one["hops"] for ear in ears for one in ear.heard if one["origin"] == "mqtt")
    assert hops == [0, 1, 2, 3, 4, 5, 6, 7, 8]


async def test_an_address_that_is_not_open_stays_closed(start: Start) -> None:
    """Its bot answers all the same, so that nothing waits for it."""
    one = await add_bot_of(await start("one"), "cottage")
    closed = [{"address": "news", "external": False}]
    two = await add_bot_of(await start("two"), "cottage", streams=closed)
    await acquainted(one, two)
    ear = Ear(two.hass)

    (answer,) = (await send(one))["elsewhere"]["answered"]
    with pytest.raises(HomeAssistantError, match="Nobody received"):
        await send(one, require_receiver=True)

    assert (answer["handled"], answer["failed"], answer["running"]) == ([], [], [])
    assert ear.heard == []
    assert seen_by(two)["counts"]["not_open"] == 2


async def test_content_that_does_not_fit_there_is_told_here(start: Start) -> None:
    """As well as what failed there."""
    stream = {"address": "news", "fields": [{"name": "times", "type": "number", "required": True}]}
    one = await add_bot_of(await start("one"), "cottage")
    two = await add_bot_of(await start("two"), "cottage", streams=[stream])
    await acquainted(one, two)

    (answer,) = (await send(one, {}))["elsewhere"]["answered"]

    assert "times is missing" in answer["failed"][0]["error"]
    assert answer["failed"][0]["receiver"] == "door"
    with pytest.raises(HomeAssistantError, match=r"failed at: \w+ in cottage \(door\): .*times is missing"):
        await send(one, {}, raise_on_failure=True)


async def test_what_is_sent_while_the_broker_is_away_comes_in_order_when_it_returns(
    start: Start, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    """Through a restart of both, too. One line in the log says that it goes, one that it returns."""
    caplog.set_level(logging.INFO, logger="custom_components.datastream_bot")
    one = await add_bot_of(await start("one"), "cottage", name="One")
    two = await add_bot_of(await start("two"), "cottage", name="Two", streams=NEWS)
    await acquainted(one, two)
    caplog.clear()
    ear = Ear(two.hass)

    await broker.kill()
    await until(lambda: not seen_by(one)["connected"])
    assert one.hass.states.is_state("binary_sensor.one_mqtt_connection", "off")
    receipts = [await send(one, {"n": number}, raise_on_failure=True) for number in range(3)]
    await one.hass.config_entries.async_reload(one.bot_id)
    await two.hass.config_entries.async_reload(two.bot_id)
    one, two = one.entry.runtime_data, two.entry.runtime_data
    receipts += [await send(one, {"n": number}) for number in range(3, 6)]
    await broker.start()

    await until(lambda: len(ear.heard) == 6)
    assert ear.contents("news") == [{"n": number} for number in range(6)]
    assert {(r["elsewhere"]["kept"], r["elsewhere"]["unanswered"]) for r in receipts} == {(True, 1)}
    await acquainted(one, two)
    await until(lambda: seen_by(one)["on_their_way"] == 0)
    assert caplog.text.count("The MQTT door of One is not connected any more") == 1
    assert caplog.text.count("The MQTT door of One is connected") == 1


async def test_what_a_home_misses_while_it_is_away_comes_when_it_returns(start: Start) -> None:
    """In front of what is sent after its return."""
    one = await add_bot_of(await start("one"), "cottage")
    two = await add_bot_of(await start("two"), "cottage", streams=NEWS)
    three = await add_bot_of(await start("three"), "cottage", streams=NEWS)
    await acquainted(one, two, three)
    ears = Ear(two.hass), Ear(three.hass)

    await send(one, {"n": 0})
    await two.hass.config_entries.async_unload(two.bot_id)
    sending = asyncio.gather(*(send(one, {"n": number}) for number in range(1, 100)))
    await until(lambda: len(ears[1].heard) == 100)
    await two.hass.config_entries.async_setup(two.bot_id)
    await until(lambda: seen_by(two.entry.runtime_data)["connected"])
    await send(one, {"n": 100})

    for ear in ears:
        await until(lambda ear=ear: len(ear.heard) == 101)  # type: ignore[misc]
        assert ear.contents("news") == [{"n": number} for number in range(101)]
    await sending
    await until(lambda: seen_by(one)["on_their_way"] == 0)


async def test_what_is_lost_on_the_way_is_sent_again_before_what_follows(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever misses it says so."""
    one = await add_bot_of(await start("one"), "cottage")
    two = await add_bot_of(await start("two"), "cottage", streams=NEWS)
    await acquainted(one, two)
    ear = Ear(two.hass)
    take = receiving.Receiving.async_take
    await send(one, {"n": 0})

    monkeypatch.setattr(receiving.Receiving, "async_take", lambda *_: None)
    lost = asyncio.create_task(send(one, {"n": 1}))
    await until(lambda: seen_by(one)["counts"]["sent"] == 2)
    await asyncio.sleep(0.1)
    monkeypatch.setattr(receiving.Receiving, "async_take", take)
    await send(one, {"n": 2})

    assert who(await lost) == ["cottage"]
    assert ear.contents("news") == [{"n": 0}, {"n": 1}, {"n": 2}]


async def test_a_bot_that_does_not_answer_is_asked_again_and_not_waited_for(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it is back."""
    monkeypatch.setattr(router, "RECEIPT_WAIT", 0.5)
    monkeypatch.setattr(resending, "PATIENCE", 0.2)
    monkeypatch.setattr(resending, "MAX_PATIENCE", 0.2)
    monkeypatch.setattr("custom_components.datastream_bot.mqtt.posting.LOOK_EVERY", 0.1)
    one = await add_bot_of(await start("one"), "cottage")
    two = await add_bot_of(await start("two"), "cottage", streams=NEWS)
    await acquainted(one, two)
    ear = Ear(two.hass)
    take = receiving.Receiving.async_take
    monkeypatch.setattr(receiving.Receiving, "async_take", lambda *_: None)

    first = await send(one, {"n": 0})
    await until(lambda: seen_by(one)["bots_silent"] == 1)
    asked = seen_by(one)["counts"]["sent_again"]
    began = one.hass.loop.time()
    second = await send(one, {"n": 1})
    assert one.hass.loop.time() - began < 0.4
    await until(lambda: seen_by(one)["counts"]["sent_again"] > asked)
    monkeypatch.setattr(receiving.Receiving, "async_take", take)

    await until(lambda: len(ear.heard) == 2)
    assert [receipt["elsewhere"]["unanswered"] for receipt in (first, second)] == [1, 1]
    await until(lambda: seen_by(one)["on_their_way"] == 0)
    assert ear.contents("news") == [{"n": 0}, {"n": 1}]
    assert seen_by(one)["bots_silent"] == 0


async def test_the_outbox_keeps_so_many_and_tells_of_what_it_could_not_keep(start: Start, broker: Broker) -> None:
    """The oldest go first, and a repair issue counts them until the user has seen it."""
    one = await add_bot_of(await start("one"), "cottage", keep_messages=10)
    two = await add_bot_of(await start("two"), "cottage", streams=NEWS)
    await acquainted(one, two)
    ear = Ear(two.hass)
    issues = ir.async_get(one.hass)

    await broker.kill()
    await until(lambda: not seen_by(one)["connected"])
    for number in range(13):
        await send(one, {"n": number})
    issue = issues.issues[DOMAIN, f"mqtt_lost_{one.bot_id}"]
    await broker.start()

    await until(lambda: len(ear.heard) == 10)
    assert ear.contents("news") == [{"n": number} for number in range(3, 13)]
    assert issue.is_fixable
    assert issue.translation_placeholders == {"bot": "cottage", "number": "3"}
    assert (seen_by(one)["lost"], seen_by(one)["counts"]["lost"]) == (3, 3)


async def test_the_outbox_keeps_no_more_than_fits_on_a_small_disk(
    start: Start, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the user has set."""
    monkeypatch.setattr("custom_components.datastream_bot.mqtt.outbox.MAX_BYTES", 5000)
    one = await add_bot_of(await start("one"), "cottage")
    await acquainted(one)
    await broker.kill()
    await until(lambda: not seen_by(one)["connected"])

    for _ in range(8):
        await send(one, {"text": "x" * 1000})

    assert (seen_by(one)["kept"], seen_by(one)["lost"]) == (3, 5)


async def test_a_message_that_waited_too_long_is_dropped_and_counted(
    start: Start, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody wants a light to go on an hour later."""
    monkeypatch.setattr("custom_components.datastream_bot.mqtt.posting.LOOK_EVERY", 0.1)
    one = await add_bot_of(await start("one"), "cottage", keep_for=0.01)
    two = await add_bot_of(await start("two"), "cottage", streams=NEWS)
    await acquainted(one, two)
    ear = Ear(two.hass)
    await broker.kill()
    await until(lambda: not seen_by(one)["connected"])

    await send(one)
    await until(lambda: seen_by(one)["lost"] == 1)
    await broker.start()

    await acquainted(one, two)
    assert ear.heard == []
    assert seen_by(one)["on_their_way"] == 0


async def test_a_message_that_nobody_answers_in_time_is_given_up_without_complaint(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker had it; who was away is another matter."""
    monkeypatch.setattr("custom_components.datastream_bot.mqtt.posting.LOOK_EVERY", 0.1)
    monkeypatch.setattr(router, "RECEIPT_WAIT", 0.1)
    one = await add_bot_of(await start("one"), "cottage", keep_for=0.01)
    two = await add_bot_of(await start("two"), "cottage")
    await acquainted(one, two)
    await two.hass.config_entries.async_unload(two.bot_id)

    await send(one)

    await until(lambda: seen_by(one)["counts"].get("unanswered") == 1)
    assert (seen_by(one)["lost"], seen_by(one)["on_their_way"]) == (0, 0)
    assert not ir.async_get(one.hass).issues


def said(wire: Wire) -> list[bytes]:
    """Return what was heard on the wire but for greetings."""
    return [payload for _, payload in wire.heard if b'"hello"' not in payload]


async def test_nothing_is_handled_twice_however_often_it_comes(start: Start, wire: Wire) -> None:
    """Also across a restart; its sender is answered again."""
    one = await add_bot_of(await start("one"), "cottage")
    two = await add_bot_of(await start("two"), "cottage", streams=NEWS)
    await acquainted(one, two)
    ear = Ear(two.hass)

    await send(one, {"n": 1})
    await until(lambda: len(said(wire)) == 2)
    sent, _ = said(wire)
    await wire.say(COTTAGE, sent)
    await until(lambda: len(said(wire)) == 4)
    await two.hass.config_entries.async_reload(two.bot_id)
    await acquainted(one, two.entry.runtime_data)
    await wire.say(COTTAGE, sent)
    await until(lambda: len(said(wire)) == 6)

    assert len(ear.heard) == 1
    answers = [json.loads(payload) for payload in said(wire)[1::2]]
    assert answers[0] == answers[1]
    assert answers[0]["receipt"]["handled"]
    assert "received before" in answers[2]["receipt"]["failed"][0]["error"]
    assert seen_by(two.entry.runtime_data)["counts"]["doubled"] == 1


def message(home: str | None = "cottage", **different: Any) -> dict[str, Any]:
    """Return a message as it goes over the wire."""
    at = time.time()
    return {
        "version": 1,
        "kind": "message",
        "sender": {"home": home, "bot": "somebody", "name": "Somebody"},
        "time": at,
        "to": None,
        "id": "1",
        "number": int(at * 1_000_000),
        "after": 0,
        "expires": at + 60,
        "hops": 0,
        "address": "news",
        "content": {},
    } | different


HOSTILE: list[tuple[bytes | dict[str, Any], str]] = [
    (b"", "not_json"),
    (b"\xff\xfe", "not_json"),
    (b"[]", "not_json"),
    (b"[" * 60_000, "not_json"),
    (b"{" + b" " * 70_000 + b"}", "too_large"),
    (b"{}", "other_version"),
    (message(version=2), "other_version"),
    (message(sender={"home": "villa", "bot": "x", "name": "X"}), "forged"),
    (message(None), "forged"),
    (message(sender=None), "not_valid"),
    (message(kind="eval"), "not_valid"),
    (message(number=-1), "not_valid"),
    (message(number=2**60), "not_valid"),
    (message(time=1e300), "not_valid"),
    (message(hops="none"), "not_valid"),
]


@pytest.mark.warns
async def test_what_is_no_message_is_left_alone_and_told_once(
    start: Start, wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    """And messages after it are received."""
    bot = await add_bot_of(await start("one"), "cottage", streams=NEWS)
    await acquainted(bot)
    ear = Ear(bot.hass)

    for payload, _ in HOSTILE:
        await wire.say(COTTAGE, payload if isinstance(payload, bytes) else json.dumps(payload).encode())
    await wire.say(COTTAGE, json.dumps(message()).encode())
    await until(lambda: len(ear.heard) == 1)

    counts = seen_by(bot)["counts"]
    assert {code: counts[code] for _, code in HOSTILE} == dict(Counter(code for _, code in HOSTILE))
    assert caplog.text.count("leaves alone what came from cottage") == len({code for _, code in HOSTILE})


@pytest.mark.warns
async def test_what_is_no_valid_message_is_answered_with_what_is_wrong(start: Start, wire: Wire) -> None:
    """Every rule of messages holds for those from afar."""
    bot = await add_bot_of(await start("one"), "cottage", streams=NEWS)
    await acquainted(bot)
    ear = Ear(bot.hass)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"address": "__class__"}, "is not an address"),
        ({"address": None}, "is not an address"),
        ({"content": [1]}, "must be an object"),
        ({"content": {"a": "x" * 40_000}}, "larger than 32 KiB"),
        ({"hops": 9}, "more than 8 messages led to it"),
    ]

    for different, _ in wrong:
        await wire.say(COTTAGE, json.dumps(message(**different)).encode())
    await until(lambda: len(said(wire)) == 2 * len(wrong))

    all_said = [json.loads(payload) for payload in said(wire)]
    errors = [one["receipt"]["failed"][0]["error"] for one in all_said if one["kind"] == "answer"]
    assert all(any(told in error for error in errors) for _, told in wrong)
    assert ear.heard == []
    assert not ir.async_get(bot.hass).issues


async def test_what_the_broker_kept_for_others_is_left_alone(start: Start, broker: Broker) -> None:
    """A retained message could be from any time."""
    wire = Wire(broker)
    await wire.say(COTTAGE, json.dumps(message()).encode(), retain=True)
    wire.close()
    bot = await add_bot_of(await start("one"), "cottage", streams=NEWS)
    ear = Ear(bot.hass)
    await acquainted(bot)
    assert ear.heard == []
    assert seen_by(bot)["counts"]["retained"] == 1


@pytest.mark.parametrize(
    ("seconds", "count", "told"), [(-3720, "late", "came too late"), (3600, "early", "Set the clocks")]
)
async def test_a_clock_that_is_an_hour_off_is_told_on_both_sides(
    start: Start, wire: Wire, seconds: int, count: str, told: str
) -> None:
    """Until a message from there is on time."""
    bot = await add_bot_of(await start("one"), "cottage", streams=NEWS)
    await acquainted(bot)
    ear = Ear(bot.hass)
    issues = ir.async_get(bot.hass).issues

    then = time.time() + seconds
    await wire.say(COTTAGE, json.dumps(message(time=then, expires=then + 3600)).encode())
    await until(lambda: len(said(wire)) == 2)
    issue = issues[DOMAIN, f"mqtt_clock_{bot.bot_id}"]
    on_time = message(id="2")
    await wire.say(COTTAGE, json.dumps(on_time).encode())
    await until(lambda: len(ear.heard) == 1)

    (failed,) = json.loads(said(wire)[1])["receipt"]["failed"]
    assert told in failed["error"]
    assert seen_by(bot)["counts"][count] == 1
    assert issue.translation_placeholders == {"bot": "cottage", "home": "cottage", "minutes": str(-seconds // 60)}
    assert not issues


async def test_without_mqtt_the_bot_works_and_says_what_is_missing(broker: Broker, tmp_path: Path) -> None:
    """MQTT may be added, reloaded, disabled and removed at any time after that."""
    async with more_homes() as start_one:
        hass = await start_one(tmp_path / "one")
        bot = await add_bot_of(hass, "cottage", streams=NEWS)
        issues = ir.async_get(hass).issues
        ear = Ear(hass)
        receipt = await send(bot, internal=True)
        assert receipt["handled"]
        assert receipt["elsewhere"] == {"answered": [], "unanswered": 0, "kept": True}
        assert (DOMAIN, f"mqtt_missing_{bot.bot_id}") in issues
        assert hass.states.is_state("binary_sensor.cottage_mqtt_connection", "off")

        mqtt = await connect_to_broker(hass, broker)
        await acquainted(bot)
        assert not issues
        await until(lambda: seen_by(bot)["on_their_way"] == 0)

        wire = Wire(broker)
        for number in range(2, 4):
            await hass.config_entries.async_reload(mqtt.entry_id)
            await until(lambda: seen_by(bot)["connected"])
            await wire.say(COTTAGE, json.dumps(message(id=str(number))).encode())
            await until(lambda number=number: len(ear.heard) == number)  # type: ignore[misc]
        wire.close()

        await hass.config_entries.async_remove(mqtt.entry_id)
        assert seen_by(bot)["connected"] is seen_by(bot)["mqtt_set_up"] is False
        assert (DOMAIN, f"mqtt_missing_{bot.bot_id}") in issues
        await connect_to_broker(hass, broker)
        await until(lambda: seen_by(bot)["connected"])


async def test_a_bot_that_is_reloaded_leaves_nothing_behind_at_the_broker(start: Start) -> None:
    """However often."""
    hass = await start("one")
    bot = await add_bot_of(hass, "cottage")
    await acquainted(bot)
    subscriptions = len(hass.data["mqtt"].client.subscriptions)
    for _ in range(3):
        await hass.config_entries.async_reload(bot.bot_id)
    assert len(hass.data["mqtt"].client.subscriptions) == subscriptions
    await hass.config_entries.async_unload(bot.bot_id)
    assert not hass.data["mqtt"].client.subscriptions


async def test_a_renamed_bot_is_called_by_its_new_name_elsewhere(start: Start) -> None:
    """As soon as it has been heard again."""
    one = await add_bot_of(await start("one"), "cottage", name="One")
    two = await add_bot_of(await start("two"), "cottage", name="Two")
    await acquainted(one, two)

    two.hass.config_entries.async_update_entry(two.entry, title="Three")
    await two.hass.async_block_till_done()
    await acquainted(one, two.entry.runtime_data)

    assert who(await send(one, scope="location")) == ["Three"]


async def test_a_door_that_is_closed_says_goodbye(start: Start) -> None:
    """So that nobody waits for it; its sensor goes with it."""
    one = await add_bot_of(await start("one"), "cottage", name="One")
    two = await add_bot_of(await start("two"), "cottage", name="Two")
    three = await add_bot_of(await start("three"), "cottage", name="Three")
    await acquainted(one, two, three)

    two.hass.config_entries.async_update_entry(two.entry, options={**two.entry.options, "doors": {}})
    await two.hass.async_block_till_done()
    await until(lambda: seen_by(one)["bots_known"] == 1)
    await three.hass.config_entries.async_remove(three.bot_id)
    await until(lambda: seen_by(one)["bots_known"] == 0)

    assert two.entry.runtime_data.transport is None
    assert er.async_get(two.hass).async_get("binary_sensor.two_mqtt_connection") is None
    with pytest.raises(ServiceValidationError, match="MQTT door is closed"):
        await send(two, scope="location")
    assert "elsewhere" not in await send(two)


async def test_who_says_goodbye_is_not_waited_for(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not with what was sent before either."""
    monkeypatch.setattr(router, "RECEIPT_WAIT", 0.1)
    one = await add_bot_of(await start("one"), "cottage")
    two = await add_bot_of(await start("two"), "cottage")
    await acquainted(one, two)
    monkeypatch.setattr(receiving.Receiving, "async_take", lambda *_: None)
    await send(one)
    assert seen_by(one)["on_their_way"] == 1
    await two.hass.config_entries.async_remove(two.bot_id)
    await until(lambda: seen_by(one)["on_their_way"] == 0)


async def test_what_waits_is_thrown_away_when_the_bot_speaks_for_somebody_else(start: Start, broker: Broker) -> None:
    """It was not meant for them."""
    bot = await add_bot_of(await start("one"), "cottage")
    await acquainted(bot)
    await broker.kill()
    await until(lambda: not seen_by(bot)["connected"])
    await send(bot)

    doors = doors_with_mqtt("villa")
    bot.hass.config_entries.async_update_entry(bot.entry, options={**bot.entry.options, "doors": doors})
    await bot.hass.async_block_till_done()

    assert seen_by(bot.entry.runtime_data)["on_their_way"] == 0


async def test_what_comes_faster_than_the_limit_waits(start: Start, wire: Wire) -> None:
    """Of each bot by itself; nothing is refused, and the order stays."""
    hass = await start("one")
    doors = doors_with_mqtt("cottage") | {"limits": {"rate": 10, "burst": 2}}
    bot = await add_bot_of(hass, "cottage", streams=NEWS, doors=doors)
    await acquainted(bot)
    ear = Ear(hass)
    began = hass.loop.time()

    waiting = [json.dumps(message(id=str(number), content={"n": number})).encode() for number in range(8)]
    for payload in (*waiting, waiting[-1]):
        await wire.say(COTTAGE, payload)
    assert len(ear.heard) < 8
    await until(lambda: len(ear.heard) == 8)
    assert 0.5 <= hass.loop.time() - began < 3

    # After a pause, so many may come at once again.
    await asyncio.sleep(0.3)
    await wire.say(COTTAGE, json.dumps(message(id="8", content={"n": 8})).encode())
    await until(lambda: len(ear.heard) == 9)
    assert ear.contents("news") == [{"n": number} for number in range(9)]


async def test_a_receipt_that_is_too_large_for_the_way_goes_without_its_results(start: Start) -> None:
    """Errors are cut short."""
    result = {"text": "x" * 70_000}
    actions = [{"variables": {"result": result}}, {"stop": "Done", "response_variable": "result"}]
    one = await add_bot_of(await start("one"), "cottage")
    two = await add_bot_of(await start("two"), "cottage", streams=[{"address": "news", "actions": actions}])
    await acquainted(one, two)

    (answer,) = (await send(one))["elsewhere"]["answered"]

    (delivery,) = answer["handled"]
    assert "result" not in delivery
    assert delivery["receiver"] == "mapping"


@pytest.mark.warns
async def test_an_error_that_nobody_thought_of_is_answered_too(
    start: Start, wire: Wire, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And is in the log; what follows is received."""
    bot = await add_bot_of(await start("one"), "cottage", streams=NEWS)
    await acquainted(bot)
    ear = Ear(bot.hass)

    with monkeypatch.context() as patch:
        patch.setattr(Router, "async_dispatch", Mock(side_effect=RuntimeError("Boom")))
        await wire.say(COTTAGE, json.dumps(message()).encode())
        await until(lambda: len(said(wire)) == 2)
    await wire.say(COTTAGE, json.dumps(message(id="2")).encode())
    await until(lambda: len(ear.heard) == 1)

    assert json.loads(said(wire)[1])["receipt"]["failed"][0]["error"] == "Boom"
    assert "A message from Somebody failed" in caplog.text


async def test_what_is_missed_is_given_up_when_what_follows_gets_too_old(
    start: Start, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sender is told what is missed, again and again, but may not have it any more."""
    monkeypatch.setattr(receiving, "TELL_EVERY", 0.05)
    bot = await add_bot_of(await start("one"), "cottage", streams=NEWS)
    await acquainted(bot)
    ear = Ear(bot.hass)

    soon = time.time() + 0.5
    for number, after, expires in ((1, 0, soon + 60), (3, 2, soon), (5, 4, soon + 60), (4, 3, soon + 60)):
        one = message(id=str(number), number=number, after=after, expires=expires, content={"n": number})
        await wire.say(COTTAGE, json.dumps(one).encode())
    await until(lambda: len(ear.heard) == 3)

    assert ear.contents("news") == [{"n": 1}, {"n": 4}, {"n": 5}]
    told = [json.loads(payload) for payload in said(wire) if b'"missing"' in payload]
    assert len(told) > 2
    assert {(one["to"], one["newest"]) for one in told} == {("somebody", 1)}
    assert (seen_by(bot)["counts"]["missed"], seen_by(bot)["counts"]["late"]) == (1, 1)


async def test_what_is_missed_of_a_bot_that_says_goodbye_is_waited_for_no_longer(start: Start, wire: Wire) -> None:
    """It will not come."""
    bot = await add_bot_of(await start("one"), "cottage", streams=NEWS)
    await acquainted(bot)
    ear = Ear(bot.hass)
    await wire.say(COTTAGE, json.dumps(message(number=3, after=2)).encode())
    await wire.say(COTTAGE, json.dumps(message(kind="goodbye")).encode())
    await until(lambda: len(ear.heard) == 1)


async def test_what_comes_again_and_again_is_answered_only_so_often(
    start: Start, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And others' answers are not forgotten because of it."""
    monkeypatch.setattr(roster, "REQUESTS_BURST", 5)
    bot = await add_bot_of(await start("one"), "cottage", streams=NEWS)
    await acquainted(bot)
    for number in range(20):
        await wire.say(COTTAGE, json.dumps(message(id=str(number), number=min(number, 1))).encode())
    await until(lambda: seen_by(bot)["counts"].get("doubled", 0) == 19)
    await asyncio.sleep(0.1)
    assert len([one for one in said(wire) if b'"answer"' in one]) < 12


async def test_a_bot_that_is_still_at_work_when_it_is_reloaded_says_so(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rather than keep everybody waiting."""
    monkeypatch.setattr(receiving, "FINISHED_WITHIN", 0.2)
    one = await add_bot_of(await start("one"), "cottage")
    two = await add_bot_of(await start("two"), "cottage", streams=NEWS)
    slow = Slow()
    two.attach(slow)
    await acquainted(one, two)
    sending = asyncio.create_task(send(one))
    await slow.working.wait()
    await two.hass.config_entries.async_reload(two.bot_id)
    (answer,) = (await sending)["elsewhere"]["answered"]
    slow.may_end.set()
    assert [delivery["receiver"] for delivery in answer["running"]] == ["door"]


@pytest.mark.warns
async def test_an_error_that_is_no_unicode_is_answered(start: Start) -> None:
    """As well as it can be said."""
    one = await add_bot_of(await start("one"), "cottage")
    two = await add_bot_of(await start("two"), "cottage", streams=NEWS)

    class Muttering(Microservice):
        """Fails with what no JSON carries."""

        name = "muttering"

        @datastream("news")
        async def fail(self, message: Message) -> None:
            raise HomeAssistantError(os.fsdecode(b"No file \xff"))

    two.attach(Muttering())
    await acquainted(one, two)
    (answer,) = (await send(one))["elsewhere"]["answered"]
    assert answer["failed"][0]["error"] == "No file ?"


async def test_not_every_request_of_a_bot_is_answered(
    start: Start, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few bytes must not set off many."""
    monkeypatch.setattr(roster, "REQUESTS_BURST", 20)
    bot = await add_bot_of(await start("one"), "cottage", streams=NEWS)
    await acquainted(bot)
    hello = {**message(), "kind": "hello", "ask": True, "mark": "1"}
    for _ in range(30):
        await wire.say(COTTAGE, json.dumps(hello).encode())
    await until(lambda: seen_by(bot)["counts"].get("limited", 0) >= 1)


@pytest.mark.warns
async def test_what_comes_in_floods_is_not_even_read(start: Start, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is lost of it is sent again by whoever is no flood."""
    monkeypatch.setattr(roster, "SPOKEN_BURST", 20)
    monkeypatch.setattr(roster, "SPOKEN_RATE", 1.0)
    bot = await add_bot_of(await start("one"), "cottage", streams=NEWS)
    await acquainted(bot)
    for _ in range(30):
        await wire.say(COTTAGE, b"?")
    await until(lambda: seen_by(bot)["counts"].get("flooded", 0) + seen_by(bot)["counts"]["not_json"] == 30)
    assert seen_by(bot)["counts"]["flooded"] > 5


async def test_a_bot_that_asks_again_and_again_is_sent_everything_only_so_often(
    start: Start, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets it in the end."""
    monkeypatch.setattr(router, "RECEIPT_WAIT", 0.05)
    monkeypatch.setattr(resending, "PAUSE", 1.0)
    monkeypatch.setattr("custom_components.datastream_bot.mqtt.posting.LOOK_EVERY", 0.1)
    bot = await add_bot_of(await start("one"), "cottage")
    await acquainted(bot)

    async def ask() -> None:
        await wire.say(COTTAGE, json.dumps({**message(), "kind": "missing", "newest": 0}).encode())

    await ask()
    await acquainted(bot, others=1)
    for number in range(3):
        await send(bot, {"n": number})
    for _ in range(5):
        await ask()
    await until(lambda: seen_by(bot)["counts"].get("sent_again"))
    await asyncio.sleep(0.3)
    assert seen_by(bot)["counts"]["sent_again"] == 3
    await until(lambda: seen_by(bot)["counts"]["sent_again"] == 6)


async def test_when_all_homes_come_back_at_once_some_wait(
    start: Start, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until others have what they missed."""
    monkeypatch.setattr(router, "RECEIPT_WAIT", 0.05)
    bot = await add_bot_of(await start("one"))
    await acquainted(bot)

    async def say_hello() -> None:
        for number in range(8):
            hello = {**message(f"home{number}"), "kind": "hello", "ask": False, "mark": "1"}
            topic = f"datastream_bot/{ORGANIZATION}/homes/home{number}/organization"
            await wire.say(topic, json.dumps(hello).encode())

    await say_hello()
    await acquainted(bot, others=8)
    await send(bot, homes="all")
    busy: list[str] = []
    may_go_on = asyncio.Event()
    publish = link.Link.async_publish

    async def publish_slowly(self: link.Link, topic: str, payload: bytes) -> bool:
        busy.append(topic)
        await may_go_on.wait()
        return await publish(self, topic, payload)

    monkeypatch.setattr(link.Link, "async_publish", publish_slowly)
    await say_hello()
    await until(lambda: len(busy) == posting.RESENDING)
    await asyncio.sleep(0.1)
    assert len(busy) == posting.RESENDING
    may_go_on.set()
    await until(lambda: len(busy) == 8)


@pytest.mark.parametrize(("home", "is_same"), [("cottage", True), ("villa", False)])
async def test_a_copy_of_a_bot_is_told_unless_it_speaks_for_another_home(
    start: Start, home: str, is_same: bool
) -> None:
    """As a backup that was restored elsewhere does."""
    chief = await add_bot_of(await start("headquarters"), name="Chief")
    bots = [
        await add_bot_of(await start(str(number)), name, name=name, entry_id="copied", streams=NEWS)
        for number, name in enumerate(("cottage", home))
    ]
    await acquainted(chief, others=2 - is_same)
    await until(lambda: all(seen_by(bot)["connected"] for bot in bots))

    assert who(await send(chief, homes="all")) == sorted({"cottage", home})
    for bot in bots:
        await until(lambda bot=bot: bool(ir.async_get(bot.hass).issues) is is_same)  # type: ignore[misc]
    await bots[0].hass.config_entries.async_unload("copied")
    assert not ir.async_get(bots[0].hass).issues


async def test_a_copy_that_is_heard_too_early_is_asked_later(
    start: Start, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it hears itself, a bot cannot tell a copy from what it said before a restart."""
    copied = {**message(sender={"home": "cottage", "bot": "copied", "name": "Copy"}), "kind": "hello", "mark": "1"}

    def greetings() -> int:
        return sum(b'"name":"cottage"' in payload for _, payload in wire.heard)

    with monkeypatch.context() as patch:
        patch.setattr(link.Link, "async_publish", AsyncMock(return_value=False))
        bot = await add_bot_of(await start("one"), "cottage", entry_id="copied")
        while not mqtt_of(bot)._hearing._may_be_copied:
            await wire.say(COTTAGE, json.dumps(copied | {"ask": True}).encode())
            await asyncio.sleep(0.05)
        assert not ir.async_get(bot.hass).issues
    await acquainted(bot)
    await until(lambda: greetings() == 2)
    assert not ir.async_get(bot.hass).issues

    await wire.say(COTTAGE, json.dumps(copied | {"ask": False}).encode())
    await until(lambda: ir.async_get(bot.hass).issues)
    await until(lambda: greetings() == 3)
    await wire.say(COTTAGE, json.dumps(copied | {"ask": False}).encode())
    await wire.say(COTTAGE, json.dumps(copied | {"ask": True}).encode())
    await until(lambda: greetings() == 4)


async def test_a_copy_of_a_bot_that_speaks_for_the_organization_is_heard_by_it(start: Start) -> None:
    """Bots are told apart by their homes, too."""
    chief = await add_bot_of(await start("headquarters"), name="Chief", entry_id="copied", streams=NEWS)
    cottage = await add_bot_of(await start("cottage"), "cottage", entry_id="copied", streams=NEWS)
    await acquainted(chief, cottage)
    assert who(await send(chief, homes="all")) == ["cottage"]
    assert who(await send(cottage, scope="organization")) == ["Chief"]


@pytest.mark.parametrize(("limit", "value"), [("MAX_ANSWERS", 1), ("MAX_ANSWERS_BYTES", 600)])
async def test_only_the_latest_answers_are_remembered(
    start: Start, wire: Wire, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    """Of what came before them, nobody knows what became of it, and it is not done again."""
    monkeypatch.setattr(answering, limit, value)
    bot = await add_bot_of(await start("one"), "cottage", streams=NEWS)
    await acquainted(bot)
    ear = Ear(bot.hass)
    messages = [json.dumps(message(id=str(number), number=number)).encode() for number in (1, 2)]

    for count, one in enumerate((*messages, *messages), 1):
        await wire.say(COTTAGE, one)
        await until(lambda count=count: len(said(wire)) == 2 * count)  # type: ignore[misc]

    answers = [json.loads(one)["receipt"] for one in said(wire) if b'"answer"' in one]
    assert [bool(receipt["handled"]) for receipt in answers] == [True, True, False, True]
    assert len(ear.heard) == 2


async def test_what_is_at_work_when_it_comes_again_is_answered_once(start: Start, wire: Wire) -> None:
    """When it is done."""
    bot = await add_bot_of(await start("one"), "cottage", streams=NEWS)
    slow = Slow()
    bot.attach(slow)
    await acquainted(bot)
    one = json.dumps(message()).encode()

    await wire.say(COTTAGE, one)
    await slow.working.wait()
    await wire.say(COTTAGE, one)
    await until(lambda: seen_by(bot)["counts"].get("doubled") == 1)
    slow.may_end.set()
    await until(lambda: len(said(wire)) == 3)


@pytest.mark.warns
async def test_an_error_that_is_too_large_for_the_way_is_cut_short(start: Start) -> None:
    """It is still an error."""
    one = await add_bot_of(await start("one"), "cottage")
    two = await add_bot_of(await start("two"), "cottage", streams=NEWS)

    class Wordy(Microservice):
        """Has much to say about its failure."""

        name = "wordy"

        @datastream("news")
        async def fail(self, message: Message) -> None:
            raise HomeAssistantError("No! " * 20_000)

    two.attach(Wordy())
    await acquainted(one, two)
    (answer,) = (await send(one))["elsewhere"]["answered"]
    assert answer["failed"][0]["error"] == ("No! " * 50)


async def test_what_the_broker_does_not_take_is_sent_later(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it had against it."""
    monkeypatch.setattr("custom_components.datastream_bot.mqtt.posting.LOOK_EVERY", 0.1)
    one = await add_bot_of(await start("one"), "cottage")
    two = await add_bot_of(await start("two"), "cottage", streams=NEWS)
    await acquainted(one, two)
    ear = Ear(two.hass)
    with monkeypatch.context() as patch:
        patch.setattr("homeassistant.components.mqtt.async_publish", AsyncMock(side_effect=HomeAssistantError("No")))
        patch.setattr(router, "RECEIPT_WAIT", 0.2)
        assert (await send(one))["elsewhere"]["kept"] is True
    await until(lambda: len(ear.heard) == 1)


async def test_who_sends_while_the_broker_goes_away_is_told_at_once(
    start: Start, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That the message is kept, rather than after ten seconds."""
    one = await add_bot_of(await start("one"), "cottage")
    await acquainted(one)
    publishing = asyncio.Event()

    async def never(*_: object, **__: object) -> None:
        publishing.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as patch:
        patch.setattr("homeassistant.components.mqtt.async_publish", never)
        sending = asyncio.create_task(send(one))
        await publishing.wait()
        began = one.hass.loop.time()
        await broker.kill()
        assert (await sending)["elsewhere"]["kept"] is True
        assert one.hass.loop.time() - began < 5


async def test_a_home_is_not_heard_with_bots_that_it_makes_up(start: Start, wire: Wire) -> None:
    """It takes no more of what others need than with those that it has."""
    bot = await add_bot_of(await start("one"), "cottage", streams=NEWS)
    await acquainted(bot)
    for number in range(20):
        sender = {"home": "cottage", "bot": f"bot{number}", "name": "Somebody"}
        await wire.say(COTTAGE, json.dumps(message(id=str(number), sender=sender)).encode())
    await until(lambda: seen_by(bot)["counts"].get("accepted") == 16)
    await until(lambda: seen_by(bot)["counts"].get("crowded") == 4)
    assert seen_by(bot)["bots_known"] == 16


async def test_a_home_that_keeps_a_bot_at_work_does_not_keep_others_waiting(start: Start, wire: Wire) -> None:
    """It waits alone; nothing of it is lost."""
    bot = await add_bot_of(await start("one"), streams=NEWS)
    may_end = asyncio.Event()
    homes: list[str] = []

    class Slow(Microservice):
        """Takes its time for one home."""

        name = "slow"

        @datastream("news")
        async def take_time(self, message: Message) -> None:
            homes.append(str(message.envelope.home))
            if message.envelope.home == "cottage":
                await may_end.wait()

    bot.attach(Slow())
    await acquainted(bot)
    for number in range(1, 121):
        one = message(id=str(number), number=number)
        await wire.say(f"datastream_bot/{ORGANIZATION}/homes/cottage/organization", json.dumps(one).encode())
    await until(lambda: homes.count("cottage") == household.MAX_WORKING)
    await wire.say(f"datastream_bot/{ORGANIZATION}/homes/villa/organization", json.dumps(message("villa")).encode())
    await until(lambda: "villa" in homes)
    assert homes.count("cottage") == household.MAX_WORKING
    may_end.set()
    await until(lambda: homes.count("cottage") == 120)


@pytest.mark.warns
async def test_a_home_that_waits_for_itself_is_told_and_gets_on_when_it_can(
    start: Start, wire: Wire, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What gets too old meanwhile is not handled."""
    monkeypatch.setattr(household, "MAX_WORKING", 1)
    monkeypatch.setattr(receiving, "BUSY_AFTER", 0.1)
    bot = await add_bot_of(await start("one"), "cottage", streams=NEWS)
    slow = Slow()
    bot.attach(slow)
    ear = Ear(bot.hass)
    await acquainted(bot)

    for number, seconds in ((1, 60), (2, 0.5), (3, 60)):
        one = message(id=str(number), number=number, expires=time.time() + seconds, content={"n": number})
        await wire.say(COTTAGE, json.dumps(one).encode())
    await until(lambda: seen_by(bot)["counts"].get("late") == 1)
    # By now it was told of the third as well.
    await asyncio.sleep(0.3)
    assert caplog.text.count("still at work for") == 1
    assert ear.contents("news") == [{"n": 1}]
    slow.may_end.set()
    await until(lambda: ear.contents("news") == [{"n": 1}, {"n": 3}])


async def test_what_a_bot_is_at_work_for_when_it_is_reloaded_is_finished_and_answered(start: Start) -> None:
    """Its sender learns what became of it."""
    one = await add_bot_of(await start("one"), "cottage")
    two = await add_bot_of(await start("two"), "cottage", streams=NEWS)
    slow = Slow()
    two.attach(slow)
    await acquainted(one, two)
    sending = asyncio.create_task(send(one))
    await slow.working.wait()
    reloading = asyncio.create_task(two.hass.config_entries.async_reload(two.bot_id))
    await asyncio.sleep(0.1)
    slow.may_end.set()

    (answer,) = (await sending)["elsewhere"]["answered"]
    await reloading
    assert [delivery["receiver"] for delivery in answer["handled"]] == ["mapping", "slow"]


async def test_what_is_not_begun_when_home_assistant_stops_is_not_taken_as_handled(
    start: Start, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes again after the start."""
    hass = await start("one")
    bot = await add_bot_of(hass, "cottage", streams=NEWS)
    await acquainted(bot)
    ear = Ear(hass)
    saving, may_save = asyncio.Event(), asyncio.Event()
    saved: list[int] = []

    async def save_slowly(_: roster.Roster, peer: roster.Peer) -> None:
        saving.set()
        await may_save.wait()
        saved.append(peer.handled)

    monkeypatch.setattr(roster.Roster, "async_save", save_slowly)
    await wire.say(COTTAGE, json.dumps(message(number=7)).encode())
    await saving.wait()
    hass.set_state(CoreState.stopping)
    may_save.set()
    await until(lambda: len(saved) == 2)
    hass.set_state(CoreState.running)

    assert saved == [7, 0]
    assert ear.heard == []


async def test_what_is_interrupted_as_home_assistant_stops_is_not_answered(start: Start, wire: Wire) -> None:
    """Nobody can know what will become of it."""
    bot = await add_bot_of(await start("one"), "cottage", streams=NEWS)
    slow = Slow()
    bot.attach(slow)
    await acquainted(bot)
    await wire.say(COTTAGE, json.dumps(message()).encode())
    await slow.working.wait()
    (handling,) = mqtt_of(bot)._receiving._handles
    handling.cancel("Home Assistant is stopping")
    await asyncio.wait([handling])
    slow.may_end.set()
    await asyncio.sleep(0.1)
    assert [one for one in said(wire) if b'"answer"' in one] == []


async def test_what_comes_while_a_bot_is_stopping_is_left_for_later(start: Start, wire: Wire) -> None:
    """It is not answered, so that it comes again."""
    bot = await add_bot_of(await start("one"), "cottage", streams=NEWS)
    await acquainted(bot)
    await mqtt_of(bot)._receiving.async_stop()
    await wire.say(COTTAGE, json.dumps(message()).encode())
    await until(lambda: seen_by(bot)["bots_known"] == 1)
    await asyncio.sleep(0.1)
    assert [one for one in said(wire) if b'"answer"' in one] == []


async def test_a_result_that_is_too_deep_for_the_way_is_left_out(start: Start) -> None:
    """What came with it is answered."""
    result: dict[str, Any] = {}
    for _ in range(17):
        result = {"deeper": result}
    actions = [{"variables": {"result": result}}, {"stop": "Done", "response_variable": "result"}]
    one = await add_bot_of(await start("one"), "cottage")
    two = await add_bot_of(await start("two"), "cottage", streams=[{"address": "news", "actions": actions}])
    await acquainted(one, two)

    (answer,) = (await send(one))["elsewhere"]["answered"]

    (delivery,) = answer["handled"]
    assert "result" not in delivery


async def test_all_answers_in_one_receipt_fit_into_memory(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results are left out when there are too many of them."""
    monkeypatch.setattr(journey, "MAX_ANSWERS_BYTES", 1000)
    actions = [{"variables": {"result": {"text": "x" * 1000}}}, {"stop": "Done", "response_variable": "result"}]
    one = await add_bot_of(await start("one"), "cottage")
    two = await add_bot_of(await start("two"), "cottage", streams=[{"address": "news", "actions": actions}])
    await acquainted(one, two)
    (answer,) = (await send(one))["elsewhere"]["answered"]
    assert [delivery.keys() for delivery in answer["handled"]] == [{"bot", "config_entry_id", "receiver"}]


async def test_what_the_broker_does_not_acknowledge_is_sent_again(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Home Assistant's client does not tell, but that it took so long."""
    monkeypatch.setattr("custom_components.datastream_bot.mqtt.posting.LOOK_EVERY", 0.1)
    monkeypatch.setattr(router, "RECEIPT_WAIT", 1)
    monkeypatch.setattr(link, "ACKNOWLEDGED_WITHIN", 0.3)
    one = await add_bot_of(await start("one"), "cottage")
    two = await add_bot_of(await start("two"), "cottage", streams=NEWS)
    await acquainted(one, two)
    ear = Ear(two.hass)

    async def give_up(*_: object, **__: object) -> None:
        await asyncio.sleep(0.4)

    with monkeypatch.context() as patch:
        patch.setattr("homeassistant.components.mqtt.async_publish", give_up)
        assert (await send(one))["elsewhere"]["kept"] is True
    await until(lambda: len(ear.heard) == 1)


async def test_what_waits_for_its_turn_for_too_long_says_nothing_about_clocks(start: Start, wire: Wire) -> None:
    """It is refused as it came too late, but nobody's clock is wrong."""
    hass = await start("one")
    doors = doors_with_mqtt("cottage") | {"limits": {"rate": 2, "burst": 1}}
    bot = await add_bot_of(hass, "cottage", streams=NEWS, doors=doors)
    await acquainted(bot)
    for number in (1, 2):
        one = message(id=str(number), number=number, expires=time.time() + 0.3)
        await wire.say(COTTAGE, json.dumps(one).encode())
    await until(lambda: seen_by(bot)["counts"].get("late") == 1)
    assert not ir.async_get(hass).issues


async def test_who_was_never_heard_may_say_anything_without_harm(start: Start, wire: Wire) -> None:
    """There is nothing to part from, and nothing that it could complete."""
    bot = await add_bot_of(await start("one"), "cottage", streams=NEWS)
    await acquainted(bot)
    for different in ({"kind": "goodbye"}, {"kind": "complete", "newest": 5}, {"kind": "missing", "newest": 5}):
        await wire.say(COTTAGE, json.dumps(message(**different)).encode())
    await until(lambda: [b'"complete"' in payload for payload in said(wire)] == [False, True, False, True])
    assert seen_by(bot)["bots_known"] == 1


async def test_of_several_wrong_clocks_each_is_told_until_it_is_right_or_gone(start: Start, wire: Wire) -> None:
    """The repair issue goes with the last."""
    hass = await start("one")
    bot = await add_bot_of(hass, streams=NEWS)
    await acquainted(bot)
    issues = ir.async_get(hass).issues

    async def hear(home: str, **different: Any) -> None:
        topic = f"datastream_bot/{ORGANIZATION}/homes/{home}/organization"
        await wire.say(topic, json.dumps(message(home, **different)).encode())

    def told() -> str | None:
        issue = issues.get((DOMAIN, f"mqtt_clock_{bot.bot_id}"))
        return issue.translation_placeholders["home"] if issue and issue.translation_placeholders else None

    early = time.time() + 4000
    for home in ("cottage", "villa"):
        await hear(home, time=early, expires=early)
        await until(lambda home=home: told() == home)  # type: ignore[misc]
    await hear("villa", id="2")
    await until(lambda: told() == "cottage")
    minutes = []
    for number, later in ((2, 100), (3, 400)):
        await hear("cottage", id=str(number), time=early + later, expires=early + later)
        await until(lambda number=number: seen_by(bot)["counts"]["early"] == 1 + number)  # type: ignore[misc]
        placeholders = issues[DOMAIN, f"mqtt_clock_{bot.bot_id}"].translation_placeholders
        assert placeholders is not None
        minutes.append(placeholders["minutes"])
    assert minutes == ["-67", "-73"]
    await hear("cottage", kind="goodbye")
    await until(lambda: told() is None)


async def test_the_form_opens_the_door(hass: HomeAssistant, add_bot: AddBot) -> None:
    """And says what is wrong with a name."""
    bot = await add_bot("Home")
    for mqtt, error in (
        ({"open": True}, "organization_home_invalid"),
        ({"open": True, "organization": "a/b", "home": "cottage"}, "organization_invalid"),
        ({"open": True, "organization": "a/b", "role": "organization"}, "organization_invalid"),
        ({"open": True, "organization": "acme"}, "home_invalid"),
        ({"open": True, "organization": "acme", "home": "all"}, "home_invalid"),
        ({"open": True, "organization": "acme", "home": "#"}, "home_invalid"),
    ):
        result = await fill_doors(bot, mqtt=mqtt)
        assert result["errors"] == {"mqtt": error}
    await hass.config_entries.options.async_configure(
        result["flow_id"],
        {
            "webhook": {"open": False, "local_only": True, "signed": False, "renew": "nothing"},
            "mqtt": MQTT_CLOSED | {"open": True, "organization": "acme", "role": "organization"},
            "cloud_api": {"open": False, "local_only": True},
            "limits": {"rate": 10, "burst": 50},
        },
    )
    await hass.async_block_till_done()
    assert seen_by(bot.entry.runtime_data)["home"] is None
    assert hass.states.is_state("binary_sensor.home_mqtt_connection", "off")
    assert ir.async_get(hass).async_get_issue(DOMAIN, f"mqtt_missing_{bot.bot_id}")
    await hass.config_entries.async_remove(bot.bot_id)
    assert not ir.async_get(hass).issues


async def test_who_is_still_at_work_is_not_asked_again(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answers to what came later say that it has the message."""
    monkeypatch.setattr(router, "RECEIPT_WAIT", 5)
    monkeypatch.setattr(resending, "PATIENCE", 0.1)
    monkeypatch.setattr("custom_components.datastream_bot.mqtt.posting.LOOK_EVERY", 0.05)
    one = await add_bot_of(await start("one"), "cottage")
    two = await add_bot_of(await start("two"), "cottage", streams=NEWS)
    may_end = asyncio.Event()

    class SlowAtFirst(Microservice):
        """Takes its time for the first message."""

        name = "slow"

        @datastream("news")
        async def take_time(self, message: Message) -> None:
            if message.content["n"] == 0:
                await may_end.wait()

    two.attach(SlowAtFirst())
    await acquainted(one, two)
    first = asyncio.create_task(send(one, {"n": 0}))
    await until(lambda: seen_by(two)["counts"].get("accepted") == 1)
    await send(one, {"n": 1})
    asked = seen_by(one)["counts"].get("sent_again", 0)
    await asyncio.sleep(0.5)

    assert seen_by(one)["counts"].get("sent_again", 0) == asked
    may_end.set()
    assert who(await first) == ["cottage"]


async def test_who_was_not_known_can_answer(start: Start, wire: Wire) -> None:
    """And is in the receipt if the sender is still waiting."""
    bot = await add_bot_of(await start("one"))
    await wire.listen(f"datastream_bot/{ORGANIZATION}/organization/homes/cottage")
    await acquainted(bot)

    class Patient(Microservice):
        """Works until somebody elsewhere has answered."""

        name = "patient"

        @datastream("news")
        async def wait(self, message: Message) -> None:
            await until(lambda: seen_by(bot)["bots_known"])
            await asyncio.sleep(0.1)

    bot.attach(Patient())
    sending = asyncio.create_task(send(bot, internal=True, homes=["cottage"]))
    await until(lambda: said(wire))
    asked = json.loads(said(wire)[0])
    nothing: dict[str, list[Any]] = {"handled": [], "failed": [], "running": []}
    answer = message(kind="answer", id=asked["id"], to=bot.bot_id, newest=asked["number"], receipt=nothing)
    for _ in range(2):
        await wire.say(f"datastream_bot/{ORGANIZATION}/homes/cottage/organization", json.dumps(answer).encode())

    receipt = await sending
    assert who(receipt) == ["Somebody"]
    assert receipt["elsewhere"]["unanswered"] == 0


async def test_what_is_not_begun_when_the_bot_is_reloaded_comes_again(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reload is no crash."""
    one = await add_bot_of(await start("one"), "cottage")
    two = await add_bot_of(await start("two"), "cottage", streams=NEWS)
    await acquainted(one, two)
    ear = Ear(two.hass)
    saving, may_save = asyncio.Event(), asyncio.Event()
    save = roster.Roster.async_save

    async def save_slowly(self: roster.Roster, peer: roster.Peer) -> None:
        saving.set()
        await may_save.wait()
        await save(self, peer)

    with monkeypatch.context() as patch:
        patch.setattr(roster.Roster, "async_save", save_slowly)
        sending = asyncio.create_task(send(one))
        await saving.wait()
        reloading = asyncio.create_task(two.hass.config_entries.async_reload(two.bot_id))
        await asyncio.sleep(0.1)
        may_save.set()
        await reloading

    assert who(await sending) == ["cottage"]
    assert len(ear.heard) == 1
