"""Measures one organization's bot with many homes: up, down, and what it remembers of each."""

import asyncio
from collections import Counter
from collections.abc import Callable
from os import sysconf
from pathlib import Path
import resource
import sys
import tempfile
import time
from typing import Any, Final

import homeassistant.core  # noqa: F401 - replaces modules that the integration imports

from custom_components.datastream_bot.mqtt.lane import Lane
from custom_components.datastream_bot.mqtt.packets import PacketClient
from custom_components.datastream_bot.mqtt.payload import Packet, Sent, Status, read_message
from custom_components.datastream_bot.mqtt.topics import ORGANIZATION as HEADQUARTERS, Kind, Membership, Said
from tests.broker import MOSQUITTO, ORGANIZATION, Broker, running_broker
from tests.real.home import PROJECT, HomeError, RealHome, real_home

DOWN: Final = 20
UP: Final = 10
CONTENT: Final = b'{"number": 1, "room": "kitchen", "open": true}'
RECEIPT: Final = b'{"handled": [{"receiver": "mapping", "bot": "Bot", "result": {}}], "failed": [], "running": []}'
TICKS: Final = sysconf("SC_CLK_TCK")


class SimulatedHome:
    """A home with one bot, which speaks as real ones do, over a connection of its own."""

    def __init__(self, number: int, port: int) -> None:
        """Connect to the broker."""
        self._membership = Membership(organization=ORGANIZATION, home=f"home{number}")
        self._bot = f"bot{number}"
        self._headquarters = ""
        self._lane = Lane[str]()
        self._number = 0
        self.sent_at: dict[str, float] = {}
        self.came: Counter[int] = Counter()
        self.latencies: list[float] = []
        self.sent_again = 0
        client = self._client = PacketClient(self._bot, self._heard)
        loop = asyncio.get_running_loop()
        client.on_socket_open = lambda _client, _data, sock: loop.add_reader(sock, client.loop_read, 100)
        client.on_socket_close = lambda _client, _data, sock: _ignore(loop.remove_reader(sock))
        client.on_socket_register_write = lambda _client, _data, sock: loop.add_writer(sock, client.loop_write)
        client.on_socket_unregister_write = lambda _client, _data, sock: _ignore(loop.remove_writer(sock))
        client.connect("127.0.0.1", port, keepalive=3600)

    def begin(self) -> None:
        """Listen, and tell who is there."""
        messages, statuses = self._membership.listened_to(self._bot)
        self._client.subscribe([(topic, 1) for topic in (*messages, *statuses)])
        status = Status(name=f"Bot {self._bot}", session=self._bot, mark=self._bot, online=True)
        self._client.publish_packet(status.packet(self._membership.status(self._bot)))

    @property
    def is_waiting(self) -> bool:
        """Return whether something was not answered."""
        return not self._lane.is_empty

    def send(self) -> None:
        """Send a message to the organization."""
        self._number += 1
        message_id = f"{self._bot}-{self._number}"
        self.sent_at[message_id] = time.monotonic()
        self._lane.add(message_id)
        self._publish_due()

    def send_again(self) -> None:
        """Send again what was not answered for too long."""
        self.sent_again += self._lane.lose_patience(time.monotonic())
        self._publish_due()

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()

    def _publish_due(self) -> None:
        for message_id, after in self._lane.due(time.monotonic()):
            packet = Sent(message_id, "news", CONTENT, hops=0, ends=0).packet(
                self._membership.message(HEADQUARTERS, self._headquarters, "news"),
                after=after,
                expiry=3600,
                answer_to=self._membership.receipt(HEADQUARTERS, self._headquarters, self._bot),
            )
            self._client.publish_packet(packet)

    def _heard(self, packet: Packet, mid: int) -> None:
        self._client.ack(mid, 1)
        match self._membership.read(packet.topic):
            case Said(Kind.STATUS, speaker, bot) if speaker == HEADQUARTERS:
                self._headquarters = bot
            case Said(Kind.MESSAGE):
                self._answer(packet)
            case Said(Kind.RECEIPT):
                self._answered(packet, time.monotonic())

    def _answer(self, packet: Packet) -> None:
        """Take a message, and tell its sender so."""
        content = read_message(packet).content
        self.came[content["n"]] += 1
        if self.came[content["n"]] == 1:
            self.latencies.append(time.time() - content["at"])
        self._client.publish_packet(
            Packet(topic=packet.answer_to or "", payload=RECEIPT, correlation=packet.correlation)
        )

    def _answered(self, packet: Packet, now: float) -> None:
        message_id = (packet.correlation or b"").decode()
        if self._lane.answered(message_id, now):
            self.latencies.append(now - self.sent_at[message_id])
        self._publish_due()


def _ignore(_: bool) -> None:  # noqa: FBT001
    """Return nothing, as a callback has to."""


class Headquarters:
    """A real Home Assistant with the organization's bot."""

    def __init__(self, home: RealHome) -> None:
        """Initialize it."""
        self.home = home
        self._bot = ""

    async def furnish(self, port: int) -> None:
        """Connect Home Assistant to the broker, and add the bot."""
        await self.home.connect_to_broker(port)
        self._bot = await self.home.add_bot()
        await self.home.add_data_stream(self._bot, {"address": "news", "external": True})
        await self.home.reach_other_homes(self._bot, role="organization", organization=ORGANIZATION)

        async def is_connected() -> bool:
            return bool((await self.seen())["connected"])

        await self.home.wait_for("The connection", is_connected, 30)

    async def seen(self) -> Any:
        """Return what the bot sees of other homes."""
        return (await self.home.diagnostics(self._bot))["mqtt"]

    async def send(self, number: int) -> int:
        """Send a message to all homes, and return how many have handled it."""
        content = {"n": number, "at": time.time()}
        data = {"address": "news", "content": content, "config_entry_id": self._bot, "homes": "all"}
        receipt = await self.home.act_for_response("datastream_bot.send", data)
        listed = sum("home" in delivery for delivery in receipt["handled"])
        return listed + int(receipt.get("more", {}).get("handled", 0))

    @property
    def memory(self) -> float:
        """Return the memory of its process in KiB."""
        return memory_of(self.home.process.pid)

    @property
    def worked(self) -> float:
        """Return for how many seconds its process has worked."""
        fields = Path(f"/proc/{self.home.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    async def longest_busy(self) -> int:
        """Return for how many milliseconds at most its event loop was busy with one thing since this was last asked."""
        busy: int = (await self.home.act_for_response("heartbeat.longest", {}))["milliseconds"]
        return busy


class Stopwatch:
    """Measures many messages."""

    def __init__(self, headquarters: Headquarters) -> None:
        """Begin."""
        self._headquarters = headquarters
        self._began = time.monotonic()
        self._worked = headquarters.worked

    async def tell(self, what: str, count: int, homes: list[SimulatedHome]) -> None:
        """Print what was measured."""
        seconds, worked = time.monotonic() - self._began, self._headquarters.worked - self._worked
        latencies = sorted(each for home in homes for each in home.latencies) or [float("nan")]
        half, most = (latencies[int(len(latencies) * part)] for part in (0.5, 0.99))
        print(
            f"{what}: {count} messages in {seconds:.1f} s, {count / seconds:.0f} a second; "
            f"half of them within {half * 1000:.0f} ms, the slowest 1 % after more than {most * 1000:.0f} ms\n"
            f"      Home Assistant worked {worked / count * 1e6:.0f} µs for each, "
            f"its event loop {await self._headquarters.longest_busy()} ms at a time at most",
            flush=True,
        )


def memory_of(pid: int) -> float:
    """Return the memory of a process in KiB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return float(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


async def until(is_so: Callable[[], bool], seconds: float) -> None:
    """Wait until something is so, for so many seconds at most."""
    deadline = time.monotonic() + seconds
    while not is_so() and time.monotonic() < deadline:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.05)


async def measure(number: int) -> int:
    """Measure with so many homes, and return how many messages were lost, doubled or sent again."""
    if not MOSQUITTO:
        raise HomeError("There is no Mosquitto. Install it: scripts/setup says how")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < number + 200:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, number + 200), hard))
    with tempfile.TemporaryDirectory(prefix="datastream-bot-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "configuration.yaml").write_text("diagnostics:\nheartbeat:\nhistory:\n", encoding="utf-8")
        (folder / "custom_components").mkdir()
        (folder / "custom_components" / "heartbeat").symlink_to(PROJECT / "scripts" / "heartbeat")
        queue = "max_queued_messages 100000\nmax_inflight_messages 100"
        async with running_broker(folder / "broker", more=queue) as broker, real_home(folder) as home:
            headquarters = Headquarters(home)
            await headquarters.furnish(broker.port)
            homes = [SimulatedHome(n, broker.port) for n in range(number)]
            return await measure_with(headquarters, broker, homes)


async def measure_with(headquarters: Headquarters, broker: Broker, homes: list[SimulatedHome]) -> int:
    """Measure what was prepared."""
    # The end of the start has some work left.
    await asyncio.sleep(10)
    before = headquarters.memory
    await headquarters.longest_busy()
    began = time.monotonic()
    for home in homes:
        home.begin()
        await asyncio.sleep(0)
    known = 0
    while known < len(homes) and time.monotonic() < began + 120:
        await asyncio.sleep(0.2)
        known = (await headquarters.seen())["bots_known"]
    print(f"Known: {known} homes after {time.monotonic() - began:.1f} s", flush=True)
    await asyncio.sleep(5)
    grown = (headquarters.memory - before) / len(homes)
    print(f"Memory: {grown:.2f} KiB for each home known; the broker has {memory_of(broker.pid) / 1024:.0f} MiB")
    await headquarters.longest_busy()
    wrong = await measure_down(headquarters, homes) + await measure_up(headquarters, homes)
    for home in homes:
        home.close()
    return wrong


async def measure_down(headquarters: Headquarters, homes: list[SimulatedHome]) -> int:
    """Measure messages from the organization to all homes."""
    number = len(homes)
    watch = Stopwatch(headquarters)
    answered = [await headquarters.send(n) for n in range(DOWN)]
    await until(lambda: all(len(home.came) == DOWN for home in homes), 60)
    await watch.tell("Down", number * DOWN, homes)
    lost = number * DOWN - sum(len(home.came) for home in homes)
    doubled = sum(times - 1 for home in homes for times in home.came.values())
    again = (await headquarters.seen())["sender"].get("sent_again", 0)
    print(
        f"      lost {lost}, doubled {doubled}, sent again {again}; "
        f"{sum(answered) / DOWN:.0f} of {number} homes in each receipt",
        flush=True,
    )
    return int(lost + doubled + again)


async def measure_up(headquarters: Headquarters, homes: list[SimulatedHome]) -> int:
    """Measure messages from all homes to the organization, all at once."""
    number = len(homes)
    for home in homes:
        home.latencies.clear()
    watch = Stopwatch(headquarters)
    for _ in range(UP):
        for count, home in enumerate(homes):
            home.send()
            if count % 20 == 0:
                await asyncio.sleep(0)
    deadline = time.monotonic() + 180
    while any(home.is_waiting for home in homes) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
        for home in homes:
            home.send_again()
    await watch.tell("Up", number * UP, homes)
    accepted = (await headquarters.seen())["receiver"].get("accepted", 0)
    lost, doubled = max(0, number * UP - accepted), max(0, accepted - number * UP)
    again = sum(home.sent_again for home in homes)
    print(f"      lost {lost}, doubled {doubled}, sent again {again}", flush=True)
    return int(lost + doubled + again)


async def main() -> int:
    """Measure, and fail when anything was lost, doubled or sent again."""
    return 1 if await measure(int(sys.argv[1]) if len(sys.argv) > 1 else 2000) else 0


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except HomeError as err:
        sys.exit(str(err))
