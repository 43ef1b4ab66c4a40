"""Measures one organization's bot with many homes: up, down, and what it remembers of each."""

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
import resource
import sys
import tempfile
import time
from typing import Any, Final

import homeassistant.core  # noqa: F401 - replaces modules that the integration imports
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from custom_components.datastream_bot.mqtt.envelope import Envelope, Kind, Sender, decode
from custom_components.datastream_bot.mqtt.topics import Membership
from tests.broker import MOSQUITTO, ORGANIZATION, Broker, running_broker
from tests.real.home import HomeError, RealHome, real_home

DOWN: Final = 20
UP: Final = 10
RESEND_AFTER: Final = 15.0


class SimulatedHome:
    """A home with one bot, which speaks as real ones do, over a connection of its own."""

    def __init__(self, number: int, port: int) -> None:
        """Connect to the broker."""
        self._membership = Membership(organization=ORGANIZATION, home=f"home{number}")
        self._sender = Sender(home=f"home{number}", bot=f"bot{number}", name=f"Bot {number}")
        self._number = 0
        self.waiting: dict[str, tuple[float, Envelope]] = {}
        self.latencies: list[float] = []
        self.came: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        client = self._client = Client(CallbackAPIVersion.VERSION2)
        loop = asyncio.get_running_loop()
        client.on_socket_open = lambda _client, _data, sock: loop.add_reader(sock, client.loop_read, 100)
        client.on_socket_close = lambda _client, _data, sock: _ignore(loop.remove_reader(sock))
        client.on_socket_register_write = lambda _client, _data, sock: loop.add_writer(sock, client.loop_write)
        client.on_socket_unregister_write = lambda _client, _data, sock: _ignore(loop.remove_writer(sock))
        client.on_message = self._heard
        client.connect("127.0.0.1", port, keepalive=3600)

    def begin(self) -> None:
        """Listen, and say hello to the organization."""
        for topic in self._membership.subscriptions:
            self._client.subscribe(topic, qos=1)
        self._say(Kind.HELLO, {"ask": False, "mark": self._sender.bot})

    def send(self) -> None:
        """Send a message to the organization."""
        self._number += 1
        at = time.time()
        message_id = f"{self._sender.bot}-{self._number}"
        data = {
            "id": message_id,
            "number": self._number,
            "after": self._number - 1,
            "expires": at + 3600,
            "hops": 0,
            "address": "news",
            "content": {"number": self._number, "room": "kitchen", "open": True},
        }
        self.waiting[message_id] = (at, self._say(Kind.MESSAGE, data))

    def send_again(self) -> int:
        """Send the first again that was not answered in time, if there is one, and return how many that are."""
        late = [said for at, said in self.waiting.values() if at < time.time() - RESEND_AFTER][:1]
        for said in late:
            self._client.publish(self._membership.wide_topic, said.encode(), qos=1)
        return len(late)

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()

    def _say(self, kind: Kind, data: dict[str, Any], to: str | None = None) -> Envelope:
        said = Envelope(kind=kind, sender=self._sender, time=time.time(), to=to, data=data)
        self._client.publish(self._membership.wide_topic, said.encode(), qos=1)
        return said

    def _heard(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        heard = decode(message.payload)
        now = time.time()
        if heard.kind is Kind.ANSWER:
            self.answers[heard.data["id"]] += 1
            if (waited := self.waiting.pop(heard.data["id"], None)) is not None:
                self.latencies.append(now - waited[0])
        elif heard.kind is Kind.MESSAGE:
            self.came[heard.data["id"]] += 1
            if self.came[heard.data["id"]] == 1:
                self.latencies.append(now - heard.time)
            receipt: dict[str, list[Any]] = {"handled": [], "failed": [], "running": []}
            self._say(
                Kind.ANSWER,
                {"id": heard.data["id"], "newest": heard.data["number"], "receipt": receipt},
                to=heard.sender.bot,
            )


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
        mqtt = {"open": True, "role": "organization", "organization": ORGANIZATION}
        await self.home.open_doors(self._bot, mqtt=mqtt, limits={"rate": 100, "burst": 1000})

        async def is_connected() -> bool:
            seen = await self.seen()
            return bool(seen and seen["connected"])

        await self.home.wait_for("The connection", is_connected, 30)

    async def seen(self) -> Any:
        """Return what the bot sees of other homes."""
        return (await self.home.diagnostics(self._bot))["mqtt"]

    async def send(self, number: int) -> Any:
        """Send a message to all homes, and return the receipt."""
        data = {"address": "news", "content": {"n": number}, "config_entry_id": self._bot, "homes": "all"}
        return await self.home.act_for_response("datastream_bot.send", data)


def memory_of(pid: int) -> float:
    """Return the memory of a process in KiB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return float(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


async def until(is_so: Callable[[], bool], seconds: float) -> None:
    """Wait until something is so, for so many seconds at most."""
    deadline = time.monotonic() + seconds
    while not is_so() and time.monotonic() < deadline:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.05)


def told(what: str, count: int, seconds: float, latencies: list[float]) -> None:
    """Print what was measured."""
    latencies.sort()
    slowest = latencies[int(len(latencies) * 0.99)] if latencies else float("nan")
    median = latencies[len(latencies) // 2] if latencies else float("nan")
    print(
        f"{what}: {count} messages in {seconds:.1f} s, {count / seconds:.0f} a second; "
        f"half of them within {median * 1000:.0f} ms, the slowest 1 % after more than {slowest * 1000:.0f} ms",
        flush=True,
    )


async def measure(number: int) -> int:
    """Measure with so many homes, and return how many messages were lost or doubled."""
    if not MOSQUITTO:
        raise HomeError("There is no Mosquitto. Install it: scripts/setup says how")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < number + 200:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, number + 200), hard))
    with tempfile.TemporaryDirectory(prefix="datastream-bot-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "configuration.yaml").write_text("diagnostics:\nhistory:\n", encoding="utf-8")
        queue = "max_queued_messages 100000"
        async with running_broker(folder / "broker", more=queue) as broker, real_home(folder) as home:
            headquarters = Headquarters(home)
            await headquarters.furnish(broker.port)
            homes = [SimulatedHome(n, broker.port) for n in range(number)]
            return await measure_with(headquarters, broker, homes)


async def measure_with(headquarters: Headquarters, broker: Broker, homes: list[SimulatedHome]) -> int:
    """Measure what was prepared."""
    pid = headquarters.home.process.pid
    await asyncio.sleep(2)
    before = memory_of(pid)
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
    grown = (memory_of(pid) - before) / len(homes)
    print(f"Memory: {grown:.1f} KiB for each home known; the broker has {memory_of(broker.pid) / 1024:.0f} MiB")
    return await measure_down(headquarters, homes) + await measure_up(headquarters, homes)


async def measure_down(headquarters: Headquarters, homes: list[SimulatedHome]) -> int:
    """Measure messages from the organization to all homes."""
    number = len(homes)
    began = time.monotonic()
    receipts = [await headquarters.send(n) for n in range(DOWN)]
    await until(lambda: all(len(home.came) == DOWN for home in homes), 60)
    told("Down", number * DOWN, time.monotonic() - began, [each for home in homes for each in home.latencies])
    answered = sum(len(receipt["elsewhere"]["answered"]) for receipt in receipts) / DOWN
    lost = number * DOWN - sum(len(home.came) for home in homes)
    doubled = sum(times - 1 for home in homes for times in home.came.values())
    print(f"      lost {lost}, doubled {doubled}; {answered:.0f} of {number} homes in each receipt", flush=True)
    return int(lost + doubled)


async def measure_up(headquarters: Headquarters, homes: list[SimulatedHome]) -> int:
    """Measure messages from all homes to the organization, all at once."""
    number = len(homes)
    for home in homes:
        home.latencies.clear()
    accepted = (await headquarters.seen())["counts"].get("accepted", 0)
    began = time.monotonic()
    for _ in range(UP):
        for count, home in enumerate(homes):
            home.send()
            if count % 20 == 0:
                await asyncio.sleep(0)
    sent_again = 0
    while any(home.waiting for home in homes) and time.monotonic() < began + 180:
        await until(lambda: not any(home.waiting for home in homes), RESEND_AFTER)
        sent_again += sum(home.send_again() for home in homes)
    told("Up", number * UP, time.monotonic() - began, [each for home in homes for each in home.latencies])
    seen = await headquarters.seen()
    came = seen["counts"]["accepted"] - accepted
    lost, doubled = sum(len(home.waiting) for home in homes), max(0, came - number * UP)
    print(f"      lost {lost}, doubled {doubled}; {sent_again} were sent again", flush=True)
    for home in homes:
        home.close()
    return int(lost + doubled)


async def main() -> int:
    """Measure, and fail when anything was lost or doubled."""
    return 1 if await measure(int(sys.argv[1]) if len(sys.argv) > 1 else 2000) else 0


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except HomeError as err:
        sys.exit(str(err))
