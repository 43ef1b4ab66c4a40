"""Counts the instructions of both sides, each in a process of its own: unlike seconds, they hardly change."""

import asyncio
from pathlib import Path
import sys
import tempfile
from typing import Final

from .counters import CounterError, new_counter
from .rounds import Comparison, Figure, Measurement, Timed, tidied

WARM_UPS: Final = 5
TURNS: Final = 5
SIDES: Final = ("ours", "theirs")


async def instructions(measurement: Measurement) -> Figure:
    """Return the ratio of instructions instead of seconds."""
    comparison = _timed(measurement)
    ours, theirs = [await _count(comparison, side) for side in SIDES]
    return Figure(
        name=comparison.name,
        what=comparison.what,
        ratios=[theirs / ours if comparison.inverse else ours / theirs],
        goal=comparison.goal,
        at_least=comparison.inverse,
        note=f"{ours / 1000:.5g} : {theirs / 1000:.5g} thousand",
    )


async def take_turns(measurement: Measurement, side: str) -> None:
    """Take turns of one side, in the process that is counted, when told to on the standard input."""
    async with _timed(measurement).sides() as pair, tidied():
        turn: Timed = getattr(pair, side)
        for _ in range(WARM_UPS):
            await turn()
        _tell_and_wait(str(turn.times))
        for _ in range(TURNS):
            await turn.job()
        _tell_and_wait("")


def _tell_and_wait(told: str) -> None:
    print(told, flush=True)
    sys.stdin.readline()


def _timed(measurement: Measurement) -> Comparison:
    if not isinstance(measurement, Comparison):
        raise CounterError(f"What {measurement.name} measures cannot be told by instructions")
    return measurement


async def _count(comparison: Comparison, side: str) -> float:
    """Return how many instructions each time of a side's job takes."""
    with tempfile.TemporaryDirectory() as folder:
        counter = await new_counter(Path(folder))
        pipe = asyncio.subprocess.PIPE
        # The same hashes give the same instructions.
        command = (*counter.command, sys.executable, "-m", __package__, "--side", comparison.name, side)
        process = await asyncio.create_subprocess_exec("env", "PYTHONHASHSEED=0", *command, stdin=pipe, stdout=pipe)
        if process.stdin is None or process.stdout is None or not (times := await process.stdout.readline()).strip():
            raise CounterError(f"{comparison.name} could not be counted")
        async with counter.counting(process.pid):
            process.stdin.write(b"go on\n")
            await process.stdout.readline()
        process.stdin.write(b"go on\n")
        await process.wait()
        return counter.count() / (TURNS * int(times))
