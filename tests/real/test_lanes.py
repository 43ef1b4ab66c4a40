"""What is promised to messages between homes, whatever is killed: none lost, none doubled, all in order.

The homes are processes of their own, and so is the broker. A thousand numbers go from one to the other.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
import random
import sys

import pytest

from ..broker import Broker, needs_broker, running_broker, until
from .home import PROJECT
from .post_office import unknown

pytestmark = [*needs_broker, pytest.mark.slow, pytest.mark.timeout(300)]

COUNT = 1000
SEEDS = (1, 2, 3)


class PostOffice:
    """A home in a process of its own, which can be killed and started again."""

    def __init__(self, folder: Path, port: int, count: int = 0) -> None:
        """Initialize it; it sends so many numbers, or receives."""
        folder.mkdir()
        self.folder = folder
        self.port = port
        self._count = count
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it."""
        arguments = ("-m", "tests.real.post_office", str(self.folder), str(self.port), "cottage", str(self._count))
        (self.folder / "ready").unlink(missing_ok=True)
        with (self.folder / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, *arguments, cwd=PROJECT, stdout=log, stderr=log
            )

    async def kill(self) -> None:
        """Kill it, as a power cut would."""
        if self._process is not None:
            if self._process.returncode is None:
                self._process.kill()
            await self._process.wait()
            self._process = None

    async def is_ready(self) -> None:
        """Wait until it is there."""
        await until((self.folder / "ready").exists, 60)

    def noted(self) -> list[int]:
        """Return the numbers that came."""
        notebook = self.folder / "notebook"
        # The last line may be half written.
        return [int(line) for line in notebook.read_text().splitlines()] if notebook.exists() else []


class Scene:
    """A broker, a home that sends, and one that receives."""

    def __init__(self, broker: Broker, folder: Path) -> None:
        """Initialize it; nothing is started."""
        self.broker = broker
        self.sender = PostOffice(folder / "sender", broker.port, COUNT)
        self.receiver = PostOffice(folder / "receiver", broker.port)

    async def start(self) -> None:
        """Start both homes."""
        await self.receiver.start()
        await self.receiver.is_ready()
        await self.sender.start()

    async def kill(self, who: str) -> None:
        """Kill one of the three, and start it again after a moment."""
        victim: Broker | PostOffice = getattr(self, who)
        await victim.kill()
        await asyncio.sleep(0.3)
        await victim.start()

    async def has_come(self, number: int, seconds: float = 150) -> None:
        """Wait until a number has come."""
        await until(lambda: number in self.receiver.noted()[-50:], seconds)

    async def end(self) -> None:
        """Kill both homes."""
        await self.sender.kill()
        await self.receiver.kill()


type MakeScene = Callable[..., Awaitable[Scene]]


@pytest.fixture
async def make_scene(tmp_path: Path) -> AsyncIterator[MakeScene]:
    """Return a function that makes a scene with a broker of given settings."""
    scenes: list[Scene] = []

    async def make(broker: Broker) -> Scene:
        scenes.append(Scene(broker, tmp_path))
        return scenes[-1]

    yield make
    for scene in scenes:
        await scene.end()


async def check(scene: Scene, deaths: int) -> None:
    """Check that all came once and in order, but for what was at work when its home died."""
    await scene.receiver.kill()
    noted = scene.receiver.noted()
    missing = {*range(1, COUNT + 1)} - {*noted}
    assert noted == sorted({*noted})
    assert len(missing) <= deaths
    # Of those, their sender is told so.
    assert len(missing) <= unknown(scene.receiver.folder)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("victims", "kills"),
    [(("broker",), 6), (("sender",), 6), (("receiver",), 6), (("broker", "sender", "receiver"), 9)],
    ids=["broker", "sender", "receiver", "any"],
)
async def test_nothing_is_lost_doubled_or_out_of_order_whoever_is_killed(
    make_scene: MakeScene, tmp_path: Path, victims: tuple[str, ...], kills: int, seed: int
) -> None:
    """At any moment, again and again."""
    chance = random.Random(seed)
    async with running_broker(tmp_path / "broker", persistent=True) as broker:
        scene = await make_scene(broker)
        await scene.start()
        deaths = 0
        for number in range(1, kills + 1):
            await scene.has_come(number * COUNT // (kills + 1) - chance.randrange(40))
            victim = chance.choice(victims)
            await scene.kill(victim)
            deaths += victim == "receiver"
        await scene.has_come(COUNT)
        await check(scene, deaths)
