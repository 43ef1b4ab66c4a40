"""Many homes: real Home Assistants with a real broker between them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
import contextlib
from functools import partial
from itertools import batched
import json
from pathlib import Path
import sqlite3
import time
from typing import Any

from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import issue_registry as ir
import pytest
import voluptuous as vol

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.const import DOMAIN
from custom_components.datastream_bot.errors import MessageError
from custom_components.datastream_bot.messaging import dispatch
from custom_components.datastream_bot.messaging.loop_guard import MAX_HOPS
from custom_components.datastream_bot.messaging.message import Message
from custom_components.datastream_bot.messaging.microservice import Microservice, datastream
from custom_components.datastream_bot.messaging.router import DATA_ROUTER, Router
from custom_components.datastream_bot.mqtt import lane, sender
from custom_components.datastream_bot.mqtt.payload import Status
from custom_components.datastream_bot.mqtt.peers import MAX_BOTS, MAX_HOMES as MAX_KNOWN, Peers
from custom_components.datastream_bot.mqtt.receiver import MAX_HOMES, MAX_WAITING, MAX_WORKING
from custom_components.datastream_bot.mqtt.store import Store, load, set_session

from .broker import (
    ORGANIZATION,
    Broker,
    Ear,
    Wire,
    acquainted,
    add_bot_of,
    broker_at,
    connect_to_broker,
    file_of,
    homes_known_by,
    more_homes,
    needs_broker,
    options_with_mqtt,
    running_broker,
    seen_by,
    until,
)
from .conftest import AddBot

pytestmark = needs_broker

type Start = Callable[[str], Awaitable[HomeAssistant]]

NEWS = [{"address": "news"}]
BOT_ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    """Run a broker for everyone."""
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


async def send(bot: Bot, content: object = None, **data: Any) -> dict[str, Any]:
    """Send a message to the news by the action, and return the receipt."""
    data = {"address": "news", "content": content, "config_entry_id": bot.bot_id, "internal": False, **data}
    receipt = await bot.hass.services.async_call(DOMAIN, "send", data, blocking=True, return_response=True)
    assert isinstance(receipt, dict)
    return receipt


def who(receipt: dict[str, Any]) -> list[str]:
    """Return whose bots handled a message."""
    return sorted(str(delivery["bot"]) for delivery in receipt["handled"])


def router_of(bot: Bot) -> Router:
    """Return the router of a bot."""
    return bot.hass.data[DATA_ROUTER]


def count_open_files() -> int:
    """Return how many files and connections this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


class Slow(Microservice):
    """Takes its time."""

    name = "slow"

    def __init__(self) -> None:
        """Initialize it."""
        self.working = 0
        self.may_end = asyncio.Event()

    @datastream("slow")
    async def take_time(self, message: Message) -> None:
        """Work until a test lets it end."""
        self.working += 1
        await self.may_end.wait()
        self.working -= 1


class Large(Microservice):
    """Tells much."""

    name = "large"

    @datastream("large")
    async def tell(self, message: Message) -> dict[str, Any]:
        """Return more than a receipt may have."""
        return {"text": "x" * 100_000}


class Loud(Microservice):
    """Complains much."""

    name = "loud"

    @datastream("large")
    async def complain(self, message: Message) -> None:
        """Fail with a long text."""
        raise HomeAssistantError("x" * 100_000)


class Echo(Microservice):
    """Says again what it hears."""

    name = "echo"

    def __init__(self, bot: Bot, came: list[Message]) -> None:
        """Initialize it."""
        self._bot = bot
        self._came = came

    @datastream("echo")
    async def answer(self, message: Message) -> None:
        """Answer in a task of its own, as automations do."""
        self._came.append(message)
        self._bot.hass.async_create_task(self._echo(message))

    async def _echo(self, message: Message) -> None:
        with contextlib.suppress(HomeAssistantError):
            await self._bot.async_distribute_datastream_message("echo", {}, internal=False, context=message.context)


async def test_bots_of_one_home_reach_each_other_from_two_home_assistants(start: Start) -> None:
    """Both ways, and the receipt says what became of it there."""
    one = await add_bot_of(await start("one"), "cottage", name="One", streams=NEWS)
    two = await add_bot_of(await start("two"), "cottage", name="Two", streams=NEWS)
    ear = Ear(two.hass)
    await acquainted(one, two)

    receipt = await send(one, {"snow": True})
    back = await send(two, {"snow": False})

    assert receipt == {
        "message_id": receipt["message_id"],
        "address": "news",
        "handled": [
            {"home": "cottage", "bot": "Two", "config_entry_id": two.bot_id, "receiver": "mapping"},
        ],
        "failed": [],
        "running": [],
        "pending": [],
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
    assert who(await send(chief, homes=[])) == []
    assert (await send(villa, scope="organization"))["handled"][0]["home"] == "organization"


@pytest.mark.parametrize(
    ("home", "data", "key"),
    [
        ("cottage", {"homes": "all"}, "homes_need_organization"),
        ("", {"scope": "location"}, "organization_has_no_location"),
        ("", {"homes": ["a/b"]}, "home_name_not_valid"),
        ("", {"homes": ["+"]}, "home_name_not_valid"),
        ("", {"homes": ["status"]}, "home_name_not_valid"),
    ],
)
async def test_a_message_that_cannot_go_there_is_refused(
    start: Start, home: str, data: dict[str, Any], key: str
) -> None:
    """The error says why."""
    bot = await add_bot_of(await start("one"), home)

    with pytest.raises(ServiceValidationError) as refusal:
        await send(bot, **data)

    assert refusal.value.translation_key == key


async def test_a_message_cannot_name_any_number_of_homes(start: Start) -> None:
    """There is `all`."""
    bot = await add_bot_of(await start("one"))
    with pytest.raises(vol.Invalid):
        await send(bot, homes=[f"home{number}" for number in range(1001)])


async def test_bots_of_one_home_assistant_hear_each_other_once(start: Start) -> None:
    """They hear each other without MQTT, whatever they speak for."""
    hass = await start("one")
    one = await add_bot_of(hass, "cottage", name="One", streams=NEWS)
    await add_bot_of(hass, "cottage", name="Two", streams=NEWS)
    chief = await add_bot_of(hass, name="Chief", streams=NEWS)
    far = await add_bot_of(await start("two"), "cottage", name="Far", streams=NEWS)
    ear = Ear(hass)
    await acquainted(one, others=1)
    await acquainted(far, others=3)
    await acquainted(chief, others=1)

    assert who(await send(one)) == ["Chief", "Far", "Two"]
    assert who(await send(chief, homes=["cottage"])) == ["Far", "One", "Two"]
    assert len(ear.contents("news")) == 2


@pytest.mark.warns
async def test_two_homes_that_answer_each_other_come_to_an_end(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """The hops go with the message from home to home."""
    one = await add_bot_of(await start("one"), "cottage", name="One")
    two = await add_bot_of(await start("two"), "cottage", name="Two")
    await acquainted(one, two)
    came: list[Message] = []

    for bot in (one, two):
        bot.attach(Echo(bot, came))
        router_of(bot).registry.open(bot.bot_id, "echo")

    await send(one, address="echo")
    await until(lambda: "lead to each other without end" in caplog.text)

    assert [message.envelope.hops for message in came] == [*range(MAX_HOPS + 1)]


async def test_an_address_that_is_not_open_stays_closed(start: Start) -> None:
    """Its bot answers all the same, so that nothing waits for it."""
    one = await add_bot_of(await start("one"), "cottage", name="One")
    two = await add_bot_of(await start("two"), "cottage", name="Two", streams=[{"address": "news", "external": False}])
    await acquainted(one, two)

    receipt = await send(one)

    assert [receipt[outcome] for outcome in ("handled", "failed", "running", "pending")] == [[], [], [], []]
    assert seen_by(two)["receiver"]["not_open"] == 1
    with pytest.raises(HomeAssistantError):
        await send(one, require_receiver=True)


async def test_content_that_does_not_fit_there_is_told_here(start: Start) -> None:
    """With the home that it does not fit."""
    one = await add_bot_of(await start("one"), "cottage", name="One")
    fields = [{"name": "wind", "type": "number", "required": True}]
    two = await add_bot_of(await start("two"), "cottage", name="Two", streams=[{"address": "news", "fields": fields}])
    await acquainted(one, two)

    (failure,) = (await send(one, {"wind": "strong"}))["failed"]

    assert (failure["home"], failure["bot"]) == ("cottage", "Two")
    assert "wind" in failure["error"]


@pytest.mark.warns
async def test_what_is_sent_while_the_broker_is_away_comes_in_order_when_it_returns(
    start: Start, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    """The receipt says that it is on its way; the log says once that the broker is away."""
    one = await add_bot_of(await start("one"), "cottage", name="One")
    two = await add_bot_of(await start("two"), "cottage", name="Two", streams=NEWS)
    ear = Ear(two.hass)
    await acquainted(one, two)
    await broker.kill()
    await until(lambda: not seen_by(one)["connected"])

    receipts = [await send(one, {"n": number}) for number in range(5)]
    await until(lambda: seen_by(one)["problem"] is not None)
    await broker.start()
    await until(lambda: len(ear.heard) == 5)

    (pending,) = receipts[0]["pending"]
    assert pending == {"home": "cottage", "bot": "Two", "config_entry_id": two.bot_id, "receiver": "mqtt"}
    assert ear.contents("news") == [{"n": number} for number in range(5)]
    assert caplog.text.count("One is not connected to other homes: ") == 1
    await until(lambda: seen_by(one)["sender"]["on_their_way"] == 0)


async def test_what_a_home_misses_while_it_is_away_comes_when_it_returns(start: Start) -> None:
    """In front of what is sent after its return, and its sender does not wait for it meanwhile."""
    one = await add_bot_of(await start("one"), "cottage", name="One")
    two = await add_bot_of(await start("two"), "cottage", name="Two", streams=NEWS)
    ear = Ear(two.hass)
    await acquainted(one, two)
    assert await two.hass.config_entries.async_unload(two.bot_id)
    await until(lambda: seen_by(one)["bots_online"] == 0)

    began = one.hass.loop.time()
    missed = [await send(one, {"n": number}) for number in range(30)]
    assert one.hass.loop.time() - began < 9
    assert await two.hass.config_entries.async_setup(two.bot_id)
    await until(lambda: seen_by(one)["bots_online"] == 1)
    await send(one, {"n": 30})

    assert [len(receipt["pending"]) for receipt in missed] == [1] * 30
    assert ear.contents("news") == [{"n": number} for number in range(31)]


async def test_only_so_many_are_kept_and_the_user_is_told(start: Start) -> None:
    """The oldest go first, and a repair issue counts them until the user has seen it."""
    one = await add_bot_of(await start("one"), name="One", keep_messages=10)
    await until(lambda: seen_by(one)["connected"])

    for _ in range(13):
        await send(one, homes=["villa"])

    assert seen_by(one)["sender"]["on_their_way"] == 10
    issue = ir.async_get(one.hass).async_get_issue(DOMAIN, f"mqtt_lost_{one.bot_id}")
    assert issue is not None
    assert issue.translation_placeholders == {"bot": "One", "about": "3"}


async def test_what_nobody_answers_is_given_up_in_time(start: Start) -> None:
    """It is neither delivered later nor kept."""
    one = await add_bot_of(await start("one"), name="One", keep_for=0.02)
    await until(lambda: seen_by(one)["connected"])

    await send(one, homes=["villa"])
    await until(lambda: seen_by(one)["sender"]["on_their_way"] == 0)
    villa = await add_bot_of(await start("villa"), "villa", streams=NEWS)
    ear = Ear(villa.hass)
    await acquainted(one, villa)

    assert seen_by(one)["sender"]["expired"] == 1
    assert who(await send(one, {"n": 2}, homes=["villa"])) == ["villa"]
    assert ear.contents("news") == [{"n": 2}]


async def test_who_is_named_before_it_was_ever_there_gets_it_when_it_comes(start: Start) -> None:
    """All bots of that home do, in the order sent; the receipt names the home."""
    chief = await add_bot_of(await start("headquarters"), name="Chief")
    await until(lambda: seen_by(chief)["connected"])

    receipts = [await send(chief, {"n": number}, homes=["villa"]) for number in range(3)]
    hass = await start("villa")
    villa = await add_bot_of(hass, "villa", name="Villa", streams=NEWS)
    ear = Ear(hass)
    await until(lambda: len(ear.heard) == 3)
    annex = await add_bot_of(await start("annex"), "villa", name="Annex", streams=NEWS)
    later = Ear(annex.hass)
    await until(lambda: len(later.heard) == 3)

    assert [each["home"] for each in receipts[0]["pending"]] == ["villa"]
    assert ear.contents("news") == later.contents("news") == [{"n": number} for number in range(3)]
    await acquainted(villa, annex, others=2)


@pytest.mark.warns
async def test_what_is_sent_to_all_before_anybody_is_known_comes_to_all(start: Start, broker: Broker) -> None:
    """Home Assistant may be started while the broker is away."""
    villa = await add_bot_of(await start("villa"), "villa", name="Villa", streams=NEWS)
    ear = Ear(villa.hass)
    await until(lambda: seen_by(villa)["connected"])
    await broker.kill()
    chief = await add_bot_of(await start("headquarters"), name="Chief")

    await send(chief, {"n": 1}, homes="all")
    await broker.start()

    await until(lambda: ear.contents("news") == [{"n": 1}])


@pytest.mark.warns
async def test_what_is_sent_before_a_forgetful_broker_knows_anybody_comes_to_who_returns(
    start: Start, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits to connect again may come long after the broker has told who is there."""
    one = await add_bot_of(await start("one"), "cottage", name="One")
    two = await add_bot_of(await start("two"), "cottage", name="Two", streams=NEWS)
    ear = Ear(two.hass)
    await acquainted(one, two)
    assert await two.hass.config_entries.async_unload(two.bot_id)
    await broker.kill()
    monkeypatch.setattr(sender, "SETTLED_AFTER", 0.1)
    assert await one.hass.config_entries.async_reload(one.bot_id)
    one = one.entry.runtime_data

    await send(one, {"n": 1})
    await broker.start()
    await acquainted(one, others=0)
    await asyncio.sleep(0.2)
    assert await two.hass.config_entries.async_setup(two.bot_id)

    await until(lambda: ear.contents("news") == [{"n": 1}])


@pytest.mark.warns
async def test_what_is_on_its_way_survives_a_restart(start: Start, broker: Broker) -> None:
    """As well as who has answered."""
    one = await add_bot_of(await start("one"), "cottage", name="One")
    two = await add_bot_of(await start("two"), "cottage", name="Two", streams=NEWS)
    ear = Ear(two.hass)
    await acquainted(one, two)
    await broker.kill()
    await until(lambda: not seen_by(one)["connected"])
    for number in range(25):
        await send(one, {"n": number})

    assert await one.hass.config_entries.async_reload(one.bot_id)
    await broker.start()

    await until(lambda: ear.contents("news") == [{"n": number} for number in range(25)], 40)
    await until(lambda: seen_by(one.entry.runtime_data)["sender"]["on_their_way"] == 0)


async def test_nothing_is_handled_twice_however_often_it_comes(start: Start, broker: Broker) -> None:
    """Also across a reload; its sender is answered again."""
    bot = await add_bot_of(await start("one"), "cottage", name="One", streams=NEWS)
    ear = Ear(bot.hass)
    await until(lambda: seen_by(bot)["connected"])
    wire = Wire(broker)
    answer_to = f"datastream_bot/{ORGANIZATION}/cottage/organization/me/receipt/{bot.bot_id}"
    topic = f"datastream_bot/{ORGANIZATION}/organization/cottage/{bot.bot_id}/message/news"
    await wire.listen(answer_to)

    for number in range(1, 4):
        await wire.say(topic, {"n": 1}, id="abc", answer_to=answer_to)
        await until(partial(wire.has_heard, number))
    assert await bot.hass.config_entries.async_reload(bot.bot_id)
    await until(lambda: seen_by(bot.entry.runtime_data)["connected"])
    await wire.say(topic, {"n": 1}, id="abc", answer_to=answer_to)
    await until(lambda: len(wire.heard) == 4)

    assert ear.contents("news") == [{"n": 1}]
    assert len({message.payload for message in wire.heard}) == 1
    assert wire.payloads(answer_to)[0]["handled"]
    wire.close()


async def test_a_message_waits_for_the_one_before_it(start: Start, broker: Broker) -> None:
    """It is taken when it comes again after that."""
    bot = await add_bot_of(await start("one"), "cottage", streams=NEWS)
    ear = Ear(bot.hass)
    await until(lambda: seen_by(bot)["connected"])
    wire = Wire(broker)
    topic = f"datastream_bot/{ORGANIZATION}/organization/cottage/{bot.bot_id}/message/news"

    await wire.say(topic, {"n": 2}, id="two", after="one")
    await until(lambda: seen_by(bot)["receiver"].get("too_early"))
    await wire.say(topic, {"n": 1}, id="one")
    await wire.say(topic, {"n": 2}, id="two", after="one")

    await until(lambda: ear.contents("news") == [{"n": 1}, {"n": 2}])
    wire.close()


async def test_what_comes_faster_than_the_limit_waits(start: Start) -> None:
    """Nothing is lost, and the order stays."""
    limits = {**options_with_mqtt("cottage"), "doors": {"limits": {"rate": 10, "burst": 5}}}
    one = await add_bot_of(await start("one"), "cottage", name="One")
    two = await add_bot_of(await start("two"), "cottage", name="Two", streams=NEWS, options=limits)
    ear = Ear(two.hass)
    await acquainted(one, two)
    began = one.hass.loop.time()

    await asyncio.gather(*(send(one, {"n": number}) for number in range(15)))

    assert ear.contents("news") == [{"n": number} for number in range(15)]
    assert one.hass.loop.time() - began > 0.8


async def test_a_home_that_keeps_a_bot_at_work_waits_alone(start: Start, broker: Broker) -> None:
    """It gets on when some of its work is done; nothing is lost."""
    bot = await add_bot_of(await start("one"), "cottage", streams=NEWS)
    await until(lambda: seen_by(bot)["connected"])
    slow = Slow()
    bot.attach(slow)
    router_of(bot).registry.open(bot.bot_id, "slow")
    ear = Ear(bot.hass)
    wire = Wire(broker)
    topic = f"datastream_bot/{ORGANIZATION}/organization/cottage/{bot.bot_id}/message"

    for number in range(MAX_WORKING + 1):
        await wire.say(f"{topic}/slow", {}, id=str(number))
    await until(lambda: slow.working == MAX_WORKING)
    await wire.say(f"{topic}/news", {}, id="after")
    await wire.say(f"datastream_bot/{ORGANIZATION}/cottage/cottage/message/news", {"n": 1})

    await until(lambda: ear.contents("news") == [{"n": 1}])
    slow.may_end.set()
    await until(lambda: ear.contents("news") == [{"n": 1}, {}])
    wire.close()


async def test_more_than_a_home_may_have_waiting_comes_again(start: Start, broker: Broker) -> None:
    """What is to whoever listens comes from programs that wait for an answer, and is refused."""
    bot = await add_bot_of(await start("one"), "cottage", streams=NEWS)
    await until(lambda: seen_by(bot)["connected"])
    slow = Slow()
    bot.attach(slow)
    router_of(bot).registry.open(bot.bot_id, "slow")
    wire = Wire(broker)
    lane = f"datastream_bot/{ORGANIZATION}/organization/cottage/{bot.bot_id}/message/slow"
    answer_to = f"datastream_bot/{ORGANIZATION}/cottage/organization/receipt/me"
    await wire.listen(answer_to)

    for number in range(MAX_WORKING + MAX_WAITING + 2):
        await wire.say(lane, {}, id=str(number))
    await until(lambda: seen_by(bot)["receiver"].get("too_many"))
    await wire.say(f"datastream_bot/{ORGANIZATION}/organization/cottage/message/news", {}, answer_to=answer_to)
    await until(lambda: wire.heard)

    assert "too many" in wire.payloads(answer_to)[0]["failed"][0]["error"].lower()
    slow.may_end.set()
    await until(lambda: slow.working == 0)
    wire.close()


@pytest.mark.parametrize(
    "ended",
    [
        pytest.param(lambda bot: bot.hass.config_entries.async_reload(bot.bot_id), id="the bot is reloaded"),
        # It ends what it runs in the background before all else.
        pytest.param(lambda bot: bot.hass.async_stop(), id="Home Assistant stops"),
    ],
)
async def test_what_a_bot_is_at_work_for_when_it_ends_is_finished_and_answered(
    start: Start, ended: Callable[[Bot], Coroutine[Any, Any, object]]
) -> None:
    """Its sender learns what became of it."""
    one = await add_bot_of(await start("one"), "cottage", name="One")
    two = await add_bot_of(await start("two"), "cottage", name="Two", streams=NEWS)
    await acquainted(one, two)
    slow = Slow()
    two.attach(slow)
    router_of(two).registry.open(two.bot_id, "slow")

    sending = one.hass.async_create_task(send(one, address="slow"))
    await until(lambda: slow.working == 1)
    ending = asyncio.create_task(ended(two))
    await asyncio.sleep(0.1)
    slow.may_end.set()
    await ending

    assert [each["receiver"] for each in (await sending)["handled"]] == ["slow"]


async def test_a_bot_is_unloaded_however_much_it_is_at_work_for(
    start: Start, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for its turn is not waited for."""
    monkeypatch.setattr(dispatch, "RECEIPT_WAIT", 0.1)
    bot = await add_bot_of(await start("one"), "cottage")
    await until(lambda: seen_by(bot)["connected"])
    slow = Slow()
    bot.attach(slow)
    router_of(bot).registry.open(bot.bot_id, "slow")
    wire = Wire(broker)
    for number in range(MAX_WORKING + 5):
        await wire.say(
            f"datastream_bot/{ORGANIZATION}/organization/cottage/{bot.bot_id}/message/slow", {}, id=str(number)
        )
    await until(lambda: slow.working == MAX_WORKING)
    await asyncio.sleep(0.5)

    async with asyncio.timeout(5):
        assert await bot.hass.config_entries.async_unload(bot.bot_id)

    slow.may_end.set()
    wire.close()


async def test_the_outcome_of_what_was_at_work_in_a_crash_is_unknown(
    start: Start, broker: Broker, tmp_path: Path
) -> None:
    """It is not done twice, and its sender is told."""
    hass = await start("one")
    bot = await add_bot_of(hass, "cottage", streams=NEWS)
    ear = Ear(hass)
    await until(lambda: seen_by(bot)["connected"])
    assert await hass.config_entries.async_unload(bot.bot_id)
    with contextlib.closing(sqlite3.connect(file_of(tmp_path / "one", bot.bot_id))) as connection:
        row = ("organization", "abc", time.time() - 60)
        connection.execute("INSERT INTO handled VALUES (?, ?, ?, NULL)", row)
        connection.commit()
    assert await hass.config_entries.async_setup(bot.bot_id)
    await until(lambda: seen_by(bot.entry.runtime_data)["connected"])
    wire = Wire(broker)
    answer_to = f"datastream_bot/{ORGANIZATION}/cottage/organization/me/receipt/{bot.bot_id}"
    await wire.listen(answer_to)

    topic = f"datastream_bot/{ORGANIZATION}/organization/cottage/{bot.bot_id}/message/news"
    await wire.say(topic, {}, id="abc", answer_to=answer_to)
    await until(lambda: wire.heard)

    (failure,) = wire.payloads(answer_to)[0]["failed"]
    assert "not known any more" in failure["error"]
    assert ear.heard == []
    wire.close()


async def test_a_bot_that_is_closed_is_not_waited_for_any_more(start: Start, broker: Broker) -> None:
    """Nor is one that is gone, or speaks for somebody else; the broker keeps nothing of it."""
    chief = await add_bot_of(await start("headquarters"), name="Chief")
    hass = await start("cottage")
    bots = [await add_bot_of(hass, "cottage", name=name, streams=NEWS) for name in ("One", "Two", "Three")]
    await acquainted(chief, others=3)
    sensor = "binary_sensor.one_mqtt_connection"
    await until(lambda: hass.states.is_state(sensor, "on"))

    hass.config_entries.async_update_entry(bots[0].entry, options=options_with_mqtt("cottage", open=False))
    hass.config_entries.async_update_entry(bots[1].entry, options=options_with_mqtt("villa"))
    assert await hass.config_entries.async_remove(bots[2].bot_id)
    await until(lambda: homes_known_by(chief) == ["villa"])

    assert who(await send(chief, homes="all")) == ["Two"]
    assert hass.states.get(sensor) is None
    wire = Wire(broker)
    await wire.listen("datastream_bot/acme/+/status/+")
    await until(lambda: len(wire.heard) == 2)
    assert {message.topic for message in wire.heard} == {
        f"datastream_bot/acme/organization/status/{chief.bot_id}",
        f"datastream_bot/acme/villa/status/{bots[1].bot_id}",
    }
    wire.close()


async def test_what_waits_is_thrown_away_when_the_bot_speaks_for_somebody_else(start: Start) -> None:
    """It was not meant for them."""
    hass = await start("one")
    one = await add_bot_of(hass, name="One")
    await until(lambda: seen_by(one)["connected"])
    await send(one, homes=["villa"])

    hass.config_entries.async_update_entry(one.entry, options=options_with_mqtt(organization="other"))
    await until(lambda: one.transport and seen_by(one)["organization"] == "other" and seen_by(one)["connected"])
    hass.config_entries.async_update_entry(one.entry, options=options_with_mqtt())
    await until(lambda: one.transport and seen_by(one)["organization"] == ORGANIZATION and seen_by(one)["connected"])

    assert seen_by(one)["sender"]["on_their_way"] == 0


async def test_a_bot_is_known_by_its_new_name_at_once(start: Start, broker: Broker) -> None:
    """Without a new connection."""
    hass = await start("one")
    one = await add_bot_of(hass, "cottage", name="One", streams=NEWS)
    two = await add_bot_of(await start("two"), "cottage", name="Two")
    await acquainted(one, two)
    wire = Wire(broker)
    status = f"datastream_bot/{ORGANIZATION}/cottage/status/{one.bot_id}"
    await wire.listen(status)

    hass.config_entries.async_update_entry(one.entry, title="First")
    await until(lambda: len(wire.payloads(status)) == 2)

    assert [(said["name"], said["online"]) for said in wire.payloads(status)] == [("One", True), ("First", True)]
    assert who(await send(two)) == ["First"]
    hass.config_entries.async_update_entry(one.entry, options={**one.entry.options, "of a later version": True})
    assert who(await send(two)) == ["First"]
    assert len(wire.payloads(status)) == 2
    wire.close()


@pytest.mark.warns
async def test_a_copy_of_a_bot_is_told(start: Start, broker: Broker) -> None:
    """As a backup that was restored beside the original is. What the broker kept from before does not count."""
    wire = Wire(broker)
    await wire.exist("cottage", BOT_ID, mark="before")
    bot = await add_bot_of(await start("one"), "cottage", entry_id=BOT_ID)
    await until(lambda: seen_by(bot)["connected"])
    issues = ir.async_get(bot.hass)
    assert issues.async_get_issue(DOMAIN, f"mqtt_copied_{bot.bot_id}") is None

    for _ in range(2):
        await wire.exist("cottage", bot.bot_id, mark="copy")

    await until(lambda: issues.async_get_issue(DOMAIN, f"mqtt_copied_{bot.bot_id}"))
    await broker.kill()
    await until(lambda: not seen_by(bot)["connected"])
    assert await bot.hass.config_entries.async_unload(bot.bot_id)
    assert issues.async_get_issue(DOMAIN, f"mqtt_copied_{bot.bot_id}") is None
    wire.close()


async def test_a_receipt_lists_fifty_and_counts_the_others(start: Start, broker: Broker) -> None:
    """Thousands would be too much to look at."""
    wire = Wire(broker)
    for number in range(60):
        await wire.exist(f"home{number}", "bot", online=False)
    chief = await add_bot_of(await start("headquarters"), name="Chief")
    await acquainted(chief, others=60)

    receipt = await send(chief, homes="all")

    assert len(receipt["pending"]) == 50
    assert receipt["more"] == {"pending": 10}
    wire.close()


async def test_what_a_hostile_home_says_of_itself_is_left_alone(start: Start, broker: Broker) -> None:
    """It makes up bots, statuses, and receipts for what it was never sent."""
    wire = Wire(broker)
    for number in range(MAX_BOTS + 4):
        await wire.exist("evil", f"bot{number}")
    topic = "datastream_bot/acme/evil"
    for status in (b"{", b"[]", b"{}", b'{"name": 1}', b"x" * 2000):
        await wire.say(f"{topic}/status/odd", status)
    chief = await add_bot_of(await start("headquarters"), name="Chief")
    villa = await add_bot_of(await start("villa"), "villa", streams=NEWS)
    await acquainted(chief, others=MAX_BOTS + 1)
    sending = chief.hass.async_create_task(send(chief, homes=["villa"]))

    many = json.dumps({"handled": [{"receiver": "x"}] * 51}).encode()
    for receipt in (b"{", b"[]", b'{"handled": 1}', b'{"handled": [{"receiver": "x"}]}', many, b"x" * 100_000):
        await wire.say(f"{topic}/organization/{chief.bot_id}/receipt/bot0", receipt)
    await wire.say("datastream_bot/acme/e+vil/organization/message/news".replace("+", "$"), {})
    await wire.say(f"{topic}/organization/{chief.bot_id}/what/ever", {})

    assert who(await sending) == ["villa"]
    assert "evil" not in str(await sending)
    assert who(await send(chief, homes=["villa"])) == ["villa"]
    wire.close()
    await acquainted(villa, others=1)


async def test_a_receipt_that_cannot_be_read_is_none(start: Start, broker: Broker) -> None:
    """Its message is still waited for."""
    wire = Wire(broker)
    await wire.exist("villa", "bot")
    chief = await add_bot_of(await start("headquarters"), name="Chief")
    await acquainted(chief, others=1)
    await wire.listen("datastream_bot/acme/organization/villa/bot/message/news")
    sending = chief.hass.async_create_task(send(chief, homes=["villa"]))
    await until(lambda: wire.heard)
    asked: Any = wire.heard[0].properties
    correlation = asked.CorrelationData
    topic = f"datastream_bot/acme/villa/organization/{chief.bot_id}/receipt/bot"

    many = json.dumps({"handled": [{"receiver": "x"}] * 51}).encode()
    for receipt in (b"{", b"[]", b'{"handled": 1}', b'{"handled": [{"bot": "x"}]}', many, b"x" * 100_000):
        await wire.say(topic, receipt, correlation=correlation)
    # Of nobody, who is not the home either.
    await wire.say(topic.removesuffix("bot"), {"handled": [{"receiver": "x"}]}, correlation=correlation)
    await wire.exist("villa", "")
    assert seen_by(chief)["connected"]
    await wire.say(topic, {"handled": [{"receiver": "x", "bot": "Villa"}]}, correlation=correlation)

    assert who(await sending) == ["Villa"]
    assert seen_by(chief)["bots_known"] == 1
    wire.close()


async def test_what_has_no_receipt_for_long_is_sent_again(
    start: Start, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it may be lost somewhere on the way."""
    monkeypatch.setattr(lane, "PATIENCE", 0.1)
    wire = Wire(broker)
    await wire.exist("villa", "bot")
    chief = await add_bot_of(await start("headquarters"), name="Chief")
    await acquainted(chief, others=1)
    await wire.listen("datastream_bot/acme/organization/villa/bot/message/news")

    sending = chief.hass.async_create_task(send(chief, homes=["villa"]))
    await until(lambda: len(wire.heard) == 2)
    asked: Any = wire.heard[1].properties
    await wire.say(
        f"datastream_bot/acme/villa/organization/{chief.bot_id}/receipt/bot",
        {"handled": [{"receiver": "x", "bot": "Villa"}]},
        correlation=asked.CorrelationData,
    )

    assert who(await sending) == ["Villa"]
    wire.close()


async def test_a_message_that_the_broker_never_takes_has_failed(tmp_path: Path) -> None:
    """The receipt says why, and it is not tried again."""
    async with running_broker(tmp_path / "small", more="max_packet_size 4000") as small, more_homes() as start_one:
        bots = []
        for name in ("one", "two"):
            hass = await start_one(tmp_path / name)
            bots.append(await add_bot_of(hass, "cottage", name=name, streams=NEWS, **broker_at(small.port)))
        await acquainted(*bots)

        (failure,) = (await send(bots[0], {"text": "x" * 5000}))["failed"]

        assert "too large" in failure["error"]
        assert (failure["home"], failure["bot"]) == ("cottage", "two")
        await until(lambda: seen_by(bots[0])["sender"]["on_their_way"] == 0)


async def test_nothing_is_sent_or_received_that_cannot_be_written_down(start: Start, tmp_path: Path) -> None:
    """It comes when there is room again, as its sender has kept it."""
    one = await add_bot_of(await start("one"), "cottage", name="One", streams=NEWS)
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / ".storage").mkdir()
    blocked = file_of(tmp_path / "two", BOT_ID)
    blocked.mkdir()
    two = await add_bot_of(await start("two"), "cottage", name="Two", entry_id=BOT_ID, streams=NEWS)
    issues = ir.async_get(two.hass)
    await until(lambda: issues.async_get_issue(DOMAIN, f"mqtt_unsaved_{two.bot_id}"))
    assert not seen_by(two)["connected"]

    blocked.rmdir()
    await acquainted(one, two)

    assert who(await send(one)) == ["Two"]
    assert issues.async_get_issue(DOMAIN, f"mqtt_unsaved_{two.bot_id}") is None


@pytest.mark.warns
async def test_a_damaged_file_is_begun_anew(start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The bot works without what was in it."""
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / ".storage").mkdir()
    file_of(tmp_path / "one", BOT_ID).write_bytes(b"no database" * 1000)

    one = await add_bot_of(await start("one"), "cottage", name="One", entry_id=BOT_ID, streams=NEWS)
    await until(lambda: seen_by(one)["connected"])

    assert "is damaged, and begun anew" in caplog.text


@pytest.mark.warns
async def test_a_file_of_a_newer_version_is_set_aside(start: Start, tmp_path: Path) -> None:
    """The bot works without what is in it, and nothing of that is lost."""
    hass = await start("one")
    bot = await add_bot_of(hass, "cottage", streams=NEWS)
    await until(lambda: seen_by(bot)["connected"])
    assert await hass.config_entries.async_unload(bot.bot_id)
    file = file_of(tmp_path / "one", bot.bot_id)
    with contextlib.closing(sqlite3.connect(file)) as newer:
        newer.execute("CREATE TABLE more (a)")
        newer.execute("INSERT INTO more (a) VALUES (1)")
        newer.execute("PRAGMA user_version = 99")
        newer.commit()

    assert await hass.config_entries.async_setup(bot.bot_id)
    await until(lambda: seen_by(bot.entry.runtime_data)["connected"])

    with contextlib.closing(sqlite3.connect(file.with_name(f"{file.name}.newer"))) as aside:
        assert aside.execute("SELECT a FROM more").fetchall() == [(1,)]


async def test_a_file_without_a_version_is_read_as_before(start: Start, tmp_path: Path) -> None:
    """What was on its way goes on."""
    hass = await start("one")
    bot = await add_bot_of(hass, name="Chief")
    await until(lambda: seen_by(bot)["connected"])
    await send(bot, homes=["villa"])
    assert await hass.config_entries.async_unload(bot.bot_id)
    with contextlib.closing(sqlite3.connect(file_of(tmp_path / "one", bot.bot_id))) as former:
        assert former.execute("PRAGMA user_version").fetchone() == (1,)
        former.execute("PRAGMA user_version = 0")

    assert await hass.config_entries.async_setup(bot.bot_id)
    await until(lambda: seen_by(bot.entry.runtime_data)["connected"])

    assert seen_by(bot.entry.runtime_data)["sender"]["on_their_way"] == 1


async def test_what_the_former_protocol_had_on_its_way_is_dropped_and_told(start: Start, tmp_path: Path) -> None:
    """All homes have to be upgraded, and the access list of the broker changed."""
    storage = tmp_path / "one" / ".storage"
    storage.mkdir(parents=True)
    outbox = {"membership": ["acme", "cottage"], "newest": 2, "lost": 0, "keys": [], "letters": [{}, {}]}
    for name, data in (("outbox", outbox), ("roster_0", {})):
        file = {"version": 1, "minor_version": 1, "key": f"datastream_bot.{BOT_ID}.{name}", "data": data}
        (storage / f"datastream_bot.{BOT_ID}.{name}").write_text(json.dumps(file))

    bot = await add_bot_of(await start("one"), "cottage", name="One", entry_id=BOT_ID)
    await until(lambda: seen_by(bot)["connected"])

    issue = ir.async_get(bot.hass).async_get_issue(DOMAIN, f"mqtt_upgraded_{BOT_ID}")
    assert issue is not None
    assert issue.translation_placeholders == {"bot": "One", "organization": "acme", "number": "2"}
    assert not list(storage.glob("*outbox")) + list(storage.glob("*roster*"))


async def test_a_bot_says_that_it_is_away_when_home_assistant_stops(start: Start) -> None:
    """Nobody waits for it then."""
    one = await add_bot_of(await start("one"), "cottage", name="One")
    two = await add_bot_of(await start("two"), "cottage", name="Two")
    await acquainted(one, two)

    two.hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await until(lambda: seen_by(one)["bots_online"] == 0)

    assert not seen_by(two)["connected"]


async def test_a_bot_that_is_reloaded_again_and_again_leaves_nothing_behind(start: Start) -> None:
    """Neither tasks nor connections."""
    hass = await start("one")
    one = await add_bot_of(hass, "cottage", name="One", streams=NEWS)
    two = await add_bot_of(await start("two"), "cottage", name="Two")
    await acquainted(one, two)
    before = count_open_files()

    for _ in range(5):
        assert await hass.config_entries.async_reload(one.bot_id)
        await acquainted(one.entry.runtime_data, two)

    assert count_open_files() <= before + 2
    assert who(await send(two)) == ["One"]


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({"scope": "location"}, "relay_missing"),
        ({"scope": "location", "internal": True, "external": False}, "scope_needs_external"),
        ({"homes": ["villa"], "internal": True, "external": False}, "scope_needs_external"),
        ({"scope": "location", "config_entry_id": ""}, "scope_needs_bot"),
    ],
)
async def test_who_reaches_no_other_homes_is_told(
    hass: HomeAssistant, add_bot: AddBot, data: dict[str, Any], key: str
) -> None:
    """Instead of sending to nobody."""
    with pytest.raises(ServiceValidationError) as refusal:
        await send(await add_bot("Home"), **data)

    assert refusal.value.translation_key == key


async def test_who_is_gone_is_not_waited_for(start: Start, broker: Broker) -> None:
    """What was on its way there is let go of; what nobody takes ends in time."""
    wire = Wire(broker)
    await wire.exist("villa", "gone", online=False)
    await wire.exist("villa", "left", online=False)
    await wire.exist("tower", "away", online=False)
    chief = await add_bot_of(await start("headquarters"), name="Chief", keep_for=0.1)
    await acquainted(chief, others=3)
    await send(chief, homes=["villa"])
    await send(chief, homes=["tower"])
    await send(chief, homes=["tower"])
    await until(lambda: seen_by(chief)["sender"]["on_their_way"] == 3)

    await wire.say(f"datastream_bot/{ORGANIZATION}/villa/status/gone", b"", retain=True)
    await wire.say(f"datastream_bot/{ORGANIZATION}/villa/status/never", b"", retain=True)
    await until(lambda: seen_by(chief)["bots_known"] == 2)
    assert seen_by(chief)["sender"]["lanes"] == 2
    # Somebody else may come to the villa.
    await until(lambda: seen_by(chief)["sender"]["on_their_way"] == 0)

    assert seen_by(chief)["sender"]["expired"] == 3
    wire.close()


async def test_what_is_sent_to_all_when_there_is_nobody_is_not_kept(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A moment after the connection it is sure that there is nobody; who comes receives what is sent then."""
    monkeypatch.setattr(sender, "SETTLED_AFTER", 0.1)
    monkeypatch.setattr(sender, "RETURNED_AFTER", 0.2)
    chief = await add_bot_of(await start("headquarters"), name="Chief")
    await until(lambda: seen_by(chief)["connected"])
    await send(chief, homes="all")
    await until(lambda: seen_by(chief)["sender"]["on_their_way"] == 0)

    receipt = await send(chief, homes="all")
    assert (receipt["pending"], seen_by(chief)["sender"]["on_their_way"]) == ([], 0)

    await acquainted(chief, await add_bot_of(await start("villa"), "villa", streams=NEWS))
    assert who(await send(chief, homes="all")) == ["villa"]


@pytest.mark.warns
async def test_a_receipt_that_is_too_large_for_the_way_comes_without_its_results(start: Start) -> None:
    """Errors are cut short."""
    one = await add_bot_of(await start("one"), "cottage", name="One")
    two = await add_bot_of(await start("two"), "cottage", name="Two")
    await acquainted(one, two)
    router_of(two).registry.open(two.bot_id, "large")
    two.attach(Large())
    two.attach(Loud())

    receipt = await send(one, address="large")

    (handled,), (failed,) = receipt["handled"], receipt["failed"]
    assert "result" not in handled
    assert len(failed["error"]) == 1000


@pytest.mark.warns
async def test_what_is_done_while_the_broker_is_away_is_told_when_it_is_asked_again(
    start: Start, broker: Broker
) -> None:
    """The receipt is on disk."""
    bot = await add_bot_of(await start("one"), "cottage", name="One")
    await until(lambda: seen_by(bot)["connected"])
    slow = Slow()
    bot.attach(slow)
    router_of(bot).registry.open(bot.bot_id, "slow")
    answer_to = f"datastream_bot/{ORGANIZATION}/cottage/organization/me/receipt/{bot.bot_id}"
    topic = f"datastream_bot/{ORGANIZATION}/organization/cottage/{bot.bot_id}/message/slow"
    wire = Wire(broker)
    await wire.say(topic, {}, id="abc", answer_to=answer_to)
    await until(lambda: slow.working == 1)

    await broker.kill()
    await until(lambda: not seen_by(bot)["connected"])
    slow.may_end.set()
    await until(lambda: slow.working == 0)
    wire.close()
    await broker.start()
    await until(lambda: seen_by(bot)["connected"])
    wire = Wire(broker)
    await wire.listen(answer_to)
    await wire.say(topic, {}, id="abc", answer_to=answer_to)

    await until(lambda: wire.heard)
    assert [each["receiver"] for each in wire.payloads(answer_to)[0]["handled"]] == ["slow"]
    wire.close()


@pytest.mark.warns
async def test_an_error_that_nobody_thought_of_is_answered_too(
    start: Start, broker: Broker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And told to the log."""
    one = await add_bot_of(await start("one"), "cottage", name="One")
    two = await add_bot_of(await start("two"), "cottage", name="Two", streams=NEWS)
    await acquainted(one, two)

    async def stumble(*_: object, **__: object) -> None:
        raise ValueError("odd")

    monkeypatch.setattr(router_of(two), "async_dispatch", stumble)
    (failed,) = (await send(one))["failed"]

    assert failed["error"] == "odd"
    assert "A message from cottage failed" in caplog.text


async def test_nothing_is_taken_while_the_file_cannot_be_written(start: Start, broker: Broker, tmp_path: Path) -> None:
    """Its sender is told, or sends it again; who sends here is told as well."""
    bot = await add_bot_of(await start("one"), "cottage", name="One", streams=NEWS)
    far = await add_bot_of(await start("two"), "cottage", name="Two", streams=NEWS)
    ear = Ear(bot.hass)
    await acquainted(bot, far)
    issues = ir.async_get(bot.hass)
    wire = Wire(broker)
    answer_to = f"datastream_bot/{ORGANIZATION}/cottage/organization/receipt/me"
    await wire.listen(answer_to)
    with contextlib.closing(sqlite3.connect(file_of(tmp_path / "one", bot.bot_id))) as other:
        other.execute("BEGIN IMMEDIATE")
        sending = bot.hass.async_create_task(send(bot))
        topic = f"datastream_bot/{ORGANIZATION}/organization/cottage"
        await wire.say(f"{topic}/message/news", {}, answer_to=answer_to)
        await wire.say(f"{topic}/{bot.bot_id}/message/news", {"n": 1}, id="abc")
        # The other bot has answered, too.
        await until(lambda: any(told["failed"] for told in wire.payloads(answer_to)))
        (failed,) = (await sending)["failed"]
        await until(lambda: seen_by(bot)["receiver"].get("not_kept") == 2)
        assert issues.async_get_issue(DOMAIN, f"mqtt_unsaved_{bot.bot_id}")

    await wire.say(f"{topic}/{bot.bot_id}/message/news", {"n": 1}, id="abc")
    await until(lambda: {"n": 1} in ear.contents("news"))

    assert "cannot be" in failed["error"] or "locked" in failed["error"]
    assert "locked" in str([told["failed"] for told in wire.payloads(answer_to)])
    assert issues.async_get_issue(DOMAIN, f"mqtt_unsaved_{bot.bot_id}") is None
    wire.close()


async def test_who_cannot_write_down_what_is_sent_is_told(start: Start, tmp_path: Path) -> None:
    """In the receipt, and by a repair issue until it works again."""
    bot = await add_bot_of(await start("one"), name="Chief")
    await until(lambda: seen_by(bot)["connected"])
    issues, issue = ir.async_get(bot.hass), f"mqtt_unsaved_{bot.bot_id}"

    with contextlib.closing(sqlite3.connect(file_of(tmp_path / "one", bot.bot_id))) as other:
        other.execute("BEGIN IMMEDIATE")
        (failed,) = (await send(bot, homes=["villa"]))["failed"]
        assert issues.async_get_issue(DOMAIN, issue)
    (pending,) = (await send(bot, homes=["villa"]))["pending"]

    assert (failed["home"], pending["home"]) == ("villa", "villa")
    assert "locked" in failed["error"]
    assert issues.async_get_issue(DOMAIN, issue) is None


@pytest.mark.warns
async def test_a_bot_is_removed_while_its_broker_is_away(
    start: Start, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    """What is left at the broker is told."""
    hass = await start("one")
    bot = await add_bot_of(hass, "cottage", name="One")
    await until(lambda: seen_by(bot)["connected"])
    await broker.kill()

    assert await hass.config_entries.async_remove(bot.bot_id)

    assert "The broker still knows One, which is gone" in caplog.text


@pytest.mark.timeout(180)
async def test_the_organization_hears_thousands_of_homes(start: Start, broker: Broker) -> None:
    """Each with limits of its own, of which only those are kept that are used."""
    # Otherwise it keeps a stack trace of every task.
    asyncio.get_running_loop().set_debug(False)
    chief = await add_bot_of(await start("headquarters"), name="Chief", streams=NEWS)
    await until(lambda: seen_by(chief)["connected"])
    wire = Wire(broker)

    # The broker keeps no more than a thousand for who is busy, and these come without a lane.
    for numbers in batched(range(1, MAX_HOMES + 2), 500, strict=False):
        for number in numbers:
            wire.say_soon(f"datastream_bot/{ORGANIZATION}/home{number}/organization/message/news", {"n": number})
        await until(partial(has_accepted, chief, numbers[-1]), 60)

    wire.close()


def has_accepted(bot: Bot, number: int) -> bool:
    """Return whether a bot has accepted so many messages."""
    return bool(seen_by(bot)["receiver"].get("accepted") == number)


def test_there_are_only_so_many_homes() -> None:
    """Somebody could make them up."""
    peers = Peers()
    status = Status(name="Bot", session="1", mark="1", online=True)
    for number in range(MAX_KNOWN):
        peers.update((f"home{number}", "bot"), status)

    with pytest.raises(MessageError) as refusal:
        peers.update(("another", "bot"), status)

    assert refusal.value.code == "too_many_homes"
    assert len(list(peers)) == MAX_KNOWN


async def test_what_nobody_waits_for_is_written_all_the_same(hass: HomeAssistant, tmp_path: Path) -> None:
    """And does no harm when it cannot be."""
    hass.config.config_dir = str(tmp_path)
    store = Store(hass, "bot")
    file_of(tmp_path, "bot").mkdir(parents=True)

    store.run(set_session, "place", "one").cancel()
    await asyncio.wait([store.run(set_session, "place", "one")])
    file_of(tmp_path, "bot").rmdir()
    store.run(set_session, "place", "two").cancel()

    assert await store.run(load, "place") == ("two", [])
    await store.async_close(forget=True)
    assert not list((tmp_path / ".storage").iterdir())
