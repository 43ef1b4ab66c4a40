"""What is promised to messages between homes, whatever happens: none lost, none doubled, all in order."""

import asyncio
from pathlib import Path
import random

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
import pytest
from pytest_socket import socket_allow_hosts

from ..broker import needs_broker, running_broker, until
from .cable import cable_to
from .disk import small_disk
from .post_office import bot_id_in, session
from .scene import Scene

pytestmark = [*needs_broker, pytest.mark.slow, pytest.mark.timeout(300)]

SEEDS = (1, 2, 3)


@pytest.fixture(autouse=True)
def forks(socket_enabled: None) -> None:
    """Let processes be forked, which is asked for over a socket of this machine."""
    socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)


@pytest.fixture(params=SEEDS)
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Return what decides when it happens."""
    return random.Random(request.param)  # noqa: S311 - chance is all that is wanted


async def forget(broker_port: int, client_id: str) -> None:
    """Have the broker forget all that it keeps for a client, which loses its connection."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5)
    client.connect("127.0.0.1", broker_port, clean_start=True)
    client.loop_start()
    await until(client.is_connected)
    client.disconnect()
    client.loop_stop()


@pytest.mark.parametrize(
    ("victims", "kills"),
    [(("broker",), 6), (("sender",), 6), (("receiver",), 6), (("broker", "sender", "receiver"), 9)],
    ids=["broker", "sender", "receiver", "any"],
)
async def test_nothing_is_lost_doubled_or_out_of_order_whoever_is_killed(
    tmp_path: Path, victims: tuple[str, ...], kills: int, chance: random.Random
) -> None:
    """At any moment, again and again."""
    async with running_broker(tmp_path / "broker", persistent=True) as broker, Scene(broker, tmp_path, 1000) as scene:
        deaths = 0
        for number in range(1, kills + 1):
            await scene.has_come(number * scene.count // (kills + 1) - chance.randrange(40))
            victim = chance.choice(victims)
            await scene.kill(victim)
            deaths += victim == "receiver"
        await scene.check(deaths=deaths)


async def test_nothing_is_lost_with_a_broker_that_keeps_nothing(tmp_path: Path, chance: random.Random) -> None:
    """Neither messages nor who is there, whenever it is killed."""
    async with running_broker(tmp_path / "broker") as broker, Scene(broker, tmp_path, 500) as scene:
        for number in range(1, 6):
            await scene.has_come(number * 80 - chance.randrange(40))
            await scene.kill("broker")
        await scene.check()


async def test_nothing_is_lost_while_a_home_is_away(tmp_path: Path, chance: random.Random) -> None:
    """Though it is more than a broker keeps for one."""
    async with running_broker(tmp_path / "broker", persistent=True) as broker, Scene(broker, tmp_path, 1500) as scene:
        await scene.has_come(chance.randrange(1, 40))
        await scene.receiver.kill()
        await scene.all_are_kept()
        await scene.receiver.start()
        await scene.check(deaths=1)


async def test_nothing_is_lost_when_the_broker_dies_while_a_home_is_away(tmp_path: Path, chance: random.Random) -> None:
    """What the broker had for the home is gone with it."""
    async with running_broker(tmp_path / "broker", persistent=True) as broker, Scene(broker, tmp_path, 800) as scene:
        await scene.has_come(chance.randrange(1, 40))
        await scene.receiver.kill()
        await scene.all_are_kept()
        await scene.kill("broker")
        await scene.receiver.start()
        await scene.check(deaths=1)


async def test_nothing_is_lost_when_the_broker_forgets_a_home_that_is_away(
    tmp_path: Path, chance: random.Random
) -> None:
    """Its session was to last for three seconds."""
    async with (
        running_broker(tmp_path / "broker", persistent=True) as broker,
        Scene(broker, tmp_path, 300, receiver_keeps_for=0.05) as scene,
    ):
        await scene.has_come(chance.randrange(1, 40))
        await scene.receiver.kill()
        former = session(scene.receiver.folder)
        await scene.all_are_kept()
        await asyncio.sleep(10)
        await scene.receiver.start()
        await scene.check(deaths=1)
        assert session(scene.receiver.folder) != former


async def test_nothing_is_lost_when_the_broker_forgets_a_home(tmp_path: Path, chance: random.Random) -> None:
    """Whichever, again and again, in the middle of messages."""
    async with running_broker(tmp_path / "broker", persistent=True) as broker, Scene(broker, tmp_path, 600) as scene:
        for number in range(1, 6):
            await scene.has_come(number * 100 - chance.randrange(40))
            home = chance.choice((scene.sender, scene.receiver))
            await forget(broker.port, f"datastream-{bot_id_in(home.folder)}")
        await scene.check()


async def test_nothing_is_lost_when_the_network_is_away(tmp_path: Path, chance: random.Random) -> None:
    """Whether connections end, or nothing gets through for a while."""
    async with (
        running_broker(tmp_path / "broker", persistent=True) as broker,
        cable_to(broker.port) as cable,
        Scene(broker, tmp_path, 600, port=cable.port) as scene,
    ):
        for number in range(1, 6):
            await scene.has_come(number * 100 - chance.randrange(40))
            await cable.stall(chance.uniform(0, 2))
            cable.cut()
        await scene.check()


async def test_nothing_is_lost_when_a_connection_dies_without_a_word(tmp_path: Path) -> None:
    """It is noticed when a ping is not answered."""
    async with (
        running_broker(tmp_path / "broker", persistent=True) as broker,
        cable_to(broker.port) as cable,
        Scene(broker, tmp_path, 300, port=cable.port) as scene,
    ):
        await scene.has_come(100)
        cable.die()
        await scene.check()


async def test_nothing_is_lost_when_the_disk_of_the_home_that_receives_is_full(
    tmp_path: Path, chance: random.Random
) -> None:
    """It takes nothing until it can remember it."""
    with small_disk(tmp_path / "receiver" / ".storage", "8m") as disk:
        async with running_broker(tmp_path / "broker") as broker, Scene(broker, tmp_path, 300) as scene:
            await scene.has_come(chance.randrange(1, 40))
            disk.fill()
            await asyncio.sleep(1)
            came = scene.receiver.noted()
            await asyncio.sleep(1)
            assert scene.receiver.noted() == came != [*range(1, 301)]
            disk.make_room()
            await scene.check()


async def test_what_a_full_disk_cannot_keep_is_not_sent(tmp_path: Path, chance: random.Random) -> None:
    """Its sender is told so, and all else is sent."""
    with small_disk(tmp_path / "sender" / ".storage", "8m") as disk:
        async with running_broker(tmp_path / "broker") as broker, Scene(broker, tmp_path, 3000) as scene:
            await scene.has_come(chance.randrange(1, 40))
            disk.fill()
            await until(scene.sender.refused)
            disk.make_room()
            await scene.has_come(scene.count)
            noted, refused = scene.receiver.noted(), scene.sender.refused()
            assert noted == sorted({*noted})
            assert sorted(noted + refused) == [*range(1, scene.count + 1)]
