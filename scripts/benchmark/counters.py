"""What counts the instructions of a process: the processor itself where the machine lets it, or Valgrind."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
import re
import shutil
import signal
from typing import Protocol

_PERF = ("perf", "stat", "--field-separator", ",", "--event", "instructions:u")
_PERF_COUNT = re.compile(r"^(\d+),[^,]*,instructions:u", re.MULTILINE)
_CALLGRIND_COUNT = re.compile(r"^totals: (\d+)$", re.MULTILINE)


class CounterError(Exception):
    """Instructions cannot be counted."""


class Counter(Protocol):
    """Counts the instructions of a process, part of the time."""

    @property
    def command(self) -> Sequence[str]:
        """Return what the process is started with."""

    def counting(self, pid: int) -> AbstractAsyncContextManager[None]:
        """Count for as long as the context lasts."""

    def count(self) -> int:
        """Return how many there were, when the process has ended."""


class Perf:
    """Reads the processor's own counter."""

    command: Sequence[str] = ()

    def __init__(self) -> None:
        """Initialize it."""
        self._told = ""

    @asynccontextmanager
    async def counting(self, pid: int) -> AsyncIterator[None]:
        """Count for as long as the context lasts."""
        pipe = asyncio.subprocess.PIPE
        perf = await asyncio.create_subprocess_exec(*_PERF, "--pid", str(pid), stderr=pipe)
        # It does not say when it has begun.
        await asyncio.sleep(0.5)
        try:
            yield
        finally:
            perf.send_signal(signal.SIGINT)
            _, told = await perf.communicate()
            self._told = told.decode()

    def count(self) -> int:
        """Return how many there were."""
        if (found := _PERF_COUNT.search(self._told)) is None:
            raise CounterError(f"perf could not count: {self._told}")
        return int(found[1])


class Callgrind:
    """Runs the process in Valgrind, some fifty times as slowly, and quicker while it does not count."""

    def __init__(self, folder: Path) -> None:
        """Initialize it, with a folder for what it writes."""
        self._file = folder / "counted"
        options = ("--instr-atstart=no", f"--callgrind-out-file={self._file}", f"--log-file={folder / 'log'}")
        self.command = ("valgrind", "--tool=callgrind", *options)

    @asynccontextmanager
    async def counting(self, pid: int) -> AsyncIterator[None]:
        """Count for as long as the context lasts."""
        await _run("callgrind_control", "--instr=on", str(pid))
        try:
            yield
        finally:
            await _run("callgrind_control", "--instr=off", str(pid))

    def count(self) -> int:
        """Return how many there were."""
        if (found := _CALLGRIND_COUNT.search(self._file.read_text(encoding="ascii", errors="replace"))) is None:
            raise CounterError("Valgrind did not tell what it counted")
        return int(found[1])


async def new_counter(folder: Path) -> Counter:
    """Return what works on this machine."""
    if shutil.which("perf") and _PERF_COUNT.search(await _run(*_PERF, "true")):
        return Perf()
    if shutil.which("valgrind"):
        return Callgrind(folder)
    raise CounterError("Neither perf nor Valgrind can count here; scripts/bench without --instructions needs none")


async def _run(*command: str) -> str:
    """Run a command, and return what it says."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
    output, _ = await process.communicate()
    return output.decode()
