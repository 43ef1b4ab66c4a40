"""Programs that speak MQTT and know nothing of bots: what they send, and what they are told."""

import asyncio
from collections.abc import AsyncIterator
import json
from pathlib import Path
import shutil
import sys
from typing import Any

import pytest

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.messaging.content import MAX_CONTENT_DEPTH
from custom_components.datastream_bot.messaging.message import Message
from custom_components.datastream_bot.messaging.microservice import Microservice, datastream
from custom_components.datastream_bot.mqtt.payload import MAX_MESSAGE_BYTES

from .broker import (
    Broker,
    Ear,
    Wire,
    acquainted,
    add_bot_of,
    broker_at,
    more_homes,
    needs_broker,
    running_broker,
    until,
)
from .streams import row

pytestmark = needs_broker

DOORBELL = [{"address": "doorbell", "fields": [row("times", "number", default=1)]}]
SAYS = "datastream_bot/acme/cottage/cottage"
RING = f"{SAYS}/message/doorbell"
RECEIPTS = f"{SAYS}/receipt/program"
needs_clients = pytest.mark.skipif(
    not shutil.which("mosquitto_rr"), reason="Debian's package mosquitto-clients is not installed"
)


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    """Run a broker for everyone."""
    async with running_broker(tmp_path / "broker") as running:
        yield running


@pytest.fixture
async def bot(broker: Broker, tmp_path: Path) -> AsyncIterator[Bot]:
    """Run a bot of the cottage that opened the doorbell."""
    async with more_homes() as start:
        bot = await add_bot_of(
            await start(tmp_path / "one"), "cottage", name="Cottage", streams=DOORBELL, **broker_at(broker.port)
        )
        await acquainted(bot)
        yield bot


@pytest.fixture
async def program(broker: Broker) -> AsyncIterator[Wire]:
    """Return a program that waits for receipts."""
    program = Wire(broker)
    await program.listen(RECEIPTS)
    yield program
    program.close()


async def answer_to(program: Wire, content: object, topic: str = RING, **properties: Any) -> dict[str, Any]:
    """Send a message, and return the receipt."""
    known = len(program.heard)
    await program.say(topic, content, answer_to=RECEIPTS, correlation=b"mark", **properties)
    await until(lambda: len(program.heard) > known)
    receipt = program.heard[-1]
    told_with: Any = receipt.properties
    assert (told_with.CorrelationData, told_with.ContentType) == (b"mark", "application/json")
    told = json.loads(receipt.payload)
    assert isinstance(told, dict)
    return told


async def output_of(*command: str) -> str:
    """Run a program, and return what it prints."""
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode()


async def test_a_message_is_handled_and_has_a_receipt(bot: Bot, program: Wire) -> None:
    """As those of bots."""
    ear = Ear(bot.hass)

    receipt = await answer_to(program, {"times": 2})

    handled = {"bot": "Cottage", "config_entry_id": bot.bot_id, "receiver": "mapping"}
    assert receipt == {"handled": [handled], "failed": [], "running": []}
    (heard,) = ear.heard
    assert heard | {"id": ""} == {
        "address": "doorbell",
        "content": {"times": 2},
        "id": "",
        "sender": None,
        "origin": "mqtt",
        "home": "cottage",
        "hops": 0,
    }


@pytest.mark.parametrize("payload", [b"", b"  ", b"{}"])
async def test_nothing_is_an_empty_content(bot: Bot, program: Wire, payload: bytes) -> None:
    """As many devices send it."""
    ear = Ear(bot.hass)

    await answer_to(program, payload)

    assert ear.contents("doorbell") == [{}]


@pytest.mark.parametrize(
    ("payload", "properties", "error"),
    [
        (b"ring", {}, "The payload is not a JSON object"),
        (b"[1]", {}, "The payload is not a JSON object"),
        (b"\xff\xfe", {}, "The payload is not a JSON object"),
        (b'{"times": NaN}', {}, "The payload is not a JSON object"),
        (5000 * b'{"a":' + b"1" + 5000 * b"}", {}, "The payload is not a JSON object"),
        (b'"' + MAX_MESSAGE_BYTES * b"x" + b'"', {}, f"The payload is larger than {MAX_MESSAGE_BYTES} bytes"),
        (b'{"a": "' + 40_000 * b"x" + b'"}', {}, "The content is larger than 32 KiB as JSON"),
        (20 * b'{"a":' + b"1" + 20 * b"}", {}, f"The content is nested more than {MAX_CONTENT_DEPTH} levels deep"),
        (b'{"times": "often"}', {}, "The content does not fit doorbell"),
        (b"{}", {"hops": "many"}, "The payload or its properties are not valid: hops"),
        (b"{}", {"hops": "-1"}, "The payload or its properties are not valid: hops"),
        (b"{}", {"hops": "9" * 5}, "The payload or its properties are not valid: hops"),
        (b"{}", {"hops": "9"}, "more than 8 messages led to it"),
        (b"{}", {"id": "x" * 65}, "The payload or its properties are not valid: id"),
        (b"{}", {"after": "x" * 65}, "The payload or its properties are not valid: id"),
    ],
    ids=range(15),
)
@pytest.mark.warns
async def test_what_is_wrong_is_told_and_not_handled(
    bot: Bot, program: Wire, payload: bytes, properties: dict[str, str], error: str
) -> None:
    """And the next message is."""
    ear = Ear(bot.hass)

    receipt = await answer_to(program, payload, **properties)
    await answer_to(program, {"times": 2})

    assert [receipt["handled"], receipt["running"]] == [[], []]
    (failed,) = receipt["failed"]
    assert failed["config_entry_id"] == bot.bot_id
    assert error in failed["error"]
    assert ear.contents("doorbell") == [{"times": 2}]


async def test_an_address_that_is_not_open_has_an_empty_receipt(bot: Bot, program: Wire) -> None:
    """Nobody can find out what is there."""
    nobody: dict[str, Any] = {"handled": [], "failed": [], "running": []}

    assert await answer_to(program, {}, f"{SAYS}/message/window") == nobody


@pytest.mark.parametrize("address", ["1st", "a b", "x" * 65])
async def test_what_is_no_address_is_told(bot: Bot, program: Wire, address: str) -> None:
    """As it is everywhere."""
    receipt = await answer_to(program, {}, f"{SAYS}/message/{address}")

    assert "is not an address" in receipt["failed"][0]["error"]


@pytest.mark.parametrize("topic", ["message", "message/doorbell/", "message/a/b", "a/b/message/doorbell", ""])
async def test_what_is_said_on_another_topic_is_for_nobody(bot: Bot, program: Wire, topic: str) -> None:
    """It is neither received nor answered."""
    ear = Ear(bot.hass)

    await program.say(f"{SAYS}/{topic}", {}, answer_to=RECEIPTS)
    await answer_to(program, {"times": 2})

    assert (len(program.heard), ear.contents("doorbell")) == (1, [{"times": 2}])


async def test_a_message_with_an_id_is_handled_once(bot: Bot, program: Wire) -> None:
    """Each time it has the same receipt, also after a reload."""
    ear = Ear(bot.hass)

    receipts = [await answer_to(program, {"times": 2}, id="ring-1") for _ in range(2)]
    await bot.hass.config_entries.async_reload(bot.bot_id)
    receipts += [await answer_to(program, {"times": 3}, id="ring-1")]
    receipts += [await answer_to(program, {"times": 4}, id="ring-2")]

    assert receipts[0] == receipts[1] == receipts[2]
    assert ear.contents("doorbell") == [{"times": 2}, {"times": 4}]


async def test_without_an_id_each_is_a_message(bot: Bot, program: Wire) -> None:
    """A bell may be rung twice."""
    ear = Ear(bot.hass)

    for _ in range(2):
        await answer_to(program, {"times": 2})

    assert ear.contents("doorbell") == [{"times": 2}] * 2


@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_each_quality_of_service_will_do(bot: Bot, program: Wire, qos: int) -> None:
    """Also the one that needs no acknowledgement."""
    ear = Ear(bot.hass)

    for number in range(3):
        await program.say(RING, {"times": number}, qos=qos, answer_to=RECEIPTS)
    await until(lambda: len(program.heard) == 3)

    assert ear.contents("doorbell") == [{"times": number} for number in range(3)]


async def test_a_retained_message_is_for_those_who_are_there(broker: Broker, bot: Bot, program: Wire) -> None:
    """A bell does not ring again at each start."""
    ear = Ear(bot.hass)
    await program.say(RING, {"times": 2}, retain=True)
    await until(lambda: ear.heard)

    await bot.hass.config_entries.async_reload(bot.bot_id)
    await answer_to(program, {"times": 3})

    assert ear.contents("doorbell") == [{"times": 2}, {"times": 3}]


async def test_a_bot_that_was_away_receives_what_the_broker_has_for_it(bot: Bot, program: Wire) -> None:
    """In the order sent."""
    ear = Ear(bot.hass)
    await bot.hass.config_entries.async_unload(bot.bot_id)
    for number in range(3):
        await program.say(RING, {"times": number}, answer_to=RECEIPTS)
    assert ear.heard == []

    await bot.hass.config_entries.async_setup(bot.bot_id)
    await until(lambda: len(program.heard) == 3)

    assert ear.contents("doorbell") == [{"times": number} for number in range(3)]


class Slow(Microservice):
    """Takes its time."""

    name = "slow"

    def __init__(self) -> None:
        """Initialize it."""
        self.working = asyncio.Event()
        self.may_end = asyncio.Event()

    @datastream("doorbell")
    async def take_time(self, message: Message) -> None:
        """Work until a test lets it end."""
        self.working.set()
        await self.may_end.wait()


async def test_what_comes_while_a_bot_is_unloaded_comes_again(bot: Bot, program: Wire) -> None:
    """And is handled once."""
    ear, slow = Ear(bot.hass), Slow()
    bot.attach(slow)
    await program.say(RING, {"times": 1})
    await slow.working.wait()

    unloading = bot.hass.async_create_task(bot.hass.config_entries.async_unload(bot.bot_id))
    await asyncio.sleep(0.1)
    await program.say(RING, {"times": 2})
    await asyncio.sleep(0.1)
    slow.may_end.set()
    await unloading
    assert ear.contents("doorbell") == [{"times": 1}]

    await bot.hass.config_entries.async_setup(bot.bot_id)
    await until(lambda: len(ear.heard) > 1)

    assert ear.contents("doorbell") == [{"times": 1}, {"times": 2}]


@needs_clients
async def test_mosquittos_client_prints_the_receipt(broker: Broker, bot: Bot) -> None:
    """With one line in a terminal."""
    where = ("-h", "127.0.0.1", "-p", str(broker.port), "-q", "1", "-W", "10")

    printed = await output_of("mosquitto_rr", "-V", "5", *where, "-t", RING, "-e", RECEIPTS, "-m", '{"times": 2}')

    assert json.loads(printed)["handled"][0]["bot"] == "Cottage"


@needs_clients
@pytest.mark.parametrize("version", ["5", "311", "31"])
async def test_mosquittos_client_sends_with_each_version(broker: Broker, bot: Bot, version: str) -> None:
    """Also with those that know no receipts."""
    ear = Ear(bot.hass)
    where = ("-h", "127.0.0.1", "-p", str(broker.port), "-q", "1", "-V", version)

    for number in range(2):
        await output_of("mosquitto_pub", *where, "-t", RING, "-m", json.dumps({"times": number}))
    await until(lambda: len(ear.heard) == 2)

    assert ear.contents("doorbell") == [{"times": 0}, {"times": 1}]


PAHO = """
import sys, paho.mqtt.client as mqtt
from paho.mqtt.properties import Properties
from paho.mqtt.packettypes import PacketTypes

host, port, says, hears = sys.argv[1:]
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
properties = Properties(PacketTypes.PUBLISH)
properties.ResponseTopic = hears
client.on_connect = lambda *_: client.subscribe(hears, 1)
client.on_subscribe = lambda *_: client.publish(says, '{"times": 2}', 1, properties=properties)
client.on_message = lambda _client, _data, message: (print(message.payload.decode()), client.disconnect())
client.connect(host, int(port))
client.loop_forever()
"""


async def test_a_program_in_python_prints_the_receipt(broker: Broker, bot: Bot) -> None:
    """With paho, in a process of its own."""
    printed = await output_of(sys.executable, "-c", PAHO, "127.0.0.1", str(broker.port), RING, RECEIPTS)

    assert json.loads(printed)["handled"][0]["bot"] == "Cottage"
