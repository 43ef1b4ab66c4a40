"""Two homes, each a process of its own, and a broker: numbers go from one home to the other."""

import asyncio
import multiprocessing
from pathlib import Path
from typing import Any, Final, Self

from ..broker import Broker, until
from . import post_office

LATEST: Final = 150.0
"""Seconds after which what has not come will not come."""


# What a home imports takes a hundred times as long as all else of its start, so each is a fork of one that has it all.
_FORKS: Final = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([post_office.__name__])


class PostOffice:
    """A home in a process of its own, which can be killed and started again."""

    def __init__(self, folder: Path, port: int, count: int = 0, keep_for: float = 30) -> None:
        """Initialize it; it sends so many numbers, or receives."""
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self._arguments = (folder, port, count, keep_for)
        self._process = _FORKS.Process()

    async def start(self) -> None:
        """Start it, and wait until it is there."""
        ready = self.folder / "ready"
        ready.unlink(missing_ok=True)
        self._process = _FORKS.Process(target=post_office.live, args=self._arguments)
        self._process.start()
        await until(ready.exists, 60)

    async def kill(self) -> None:
        """Kill it, as a power cut would."""
        self._process.kill()
        await asyncio.to_thread(self._process.join)

    def noted(self) -> list[int]:
        """Return the numbers that came."""
        return self._read("notebook")

    def refused(self) -> list[int]:
        """Return the numbers whose receipts said that they failed."""
        return self._read("refused")

    def _read(self, name: str) -> list[int]:
        path = self.folder / name
        return [int(line) for line in path.read_text().splitlines()] if path.exists() else []


class Scene:
    """A broker, a home that sends, and one that receives."""

    def __init__(
        self, broker: Broker, folder: Path, count: int, *, port: int | None = None, receiver_keeps_for: float = 30
    ) -> None:
        """Initialize it; nothing is started."""
        self.broker = broker
        self.count = count
        self.sender = PostOffice(folder / "sender", port or broker.port, count)
        self.receiver = PostOffice(folder / "receiver", port or broker.port, keep_for=receiver_keeps_for)

    async def __aenter__(self) -> Self:
        """Start both homes."""
        await self.receiver.start()
        await self.sender.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Kill both homes."""
        await self.sender.kill()
        await self.receiver.kill()

    async def kill(self, who: str) -> None:
        """Kill one of the three, and start it again after a moment."""
        victim: Any = getattr(self, who)
        await victim.kill()
        await asyncio.sleep(0.3)
        await victim.start()

    async def has_come(self, number: int) -> None:
        """Wait until a number has come, or a later one."""
        await until(lambda: self.receiver.noted()[-1:] >= [number], LATEST)

    async def all_are_kept(self) -> None:
        """Wait until the sender has sent all, as far as it can."""
        await until(lambda: post_office.kept(self.sender.folder) == self.count, LATEST)

    async def check(self, *, deaths: int = 0) -> None:
        """Wait for the last number, and check that all came once and in order, but for what was at work at a death."""
        await self.has_come(self.count)
        await self.receiver.kill()
        noted = self.receiver.noted()
        missing = {*range(1, self.count + 1)} - {*noted}
        assert noted == sorted({*noted})
        assert len(missing) <= deaths
        # Of those, their sender is told so.
        assert len(missing) <= post_office.unknown(self.receiver.folder)
