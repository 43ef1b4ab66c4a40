"""Rounds: both sides do the same by turns, so that what disturbs one disturbs the other."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
import gc
from statistics import median, quantiles
import time
from typing import Final, Protocol

FEW: Final = 9
SOME: Final = 21
MANY: Final = 201

type Turn = Callable[[], Awaitable[float]]
"""Does one side's work once, and returns what it cost."""

type Job = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What was found.

    Attributes:
        name: What it is called on the command line.
        what: What is compared, for people.
        ratios: Ours against theirs, in each round.
        goal: What the ratio should be at most.
        at_least: Whether it should be so at least instead.
        note: What the two sides cost, for people.

    """

    name: str
    what: str
    ratios: Sequence[float]
    goal: float
    at_least: bool = False
    note: str = ""

    @property
    def ratio(self) -> float:
        """Return the median."""
        return median(self.ratios)

    @property
    def spread(self) -> tuple[float, float]:
        """Return between what the middle half lies."""
        if len(self.ratios) == 1:
            return self.ratio, self.ratio
        low, _, high = quantiles(self.ratios, method="inclusive")
        return low, high

    @property
    def is_met(self) -> bool:
        """Return whether the goal is met."""
        return self.ratio >= self.goal if self.at_least else self.ratio <= self.goal


class Measurement(Protocol):
    """Something that can be measured."""

    @property
    def name(self) -> str:
        """Return what it is called on the command line."""

    async def figures(self) -> list[Figure]:
        """Measure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two sides that are ready to be compared."""

    ours: Turn
    theirs: Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One measurement: how its sides are made ready, and what their ratio should be.

    Attributes:
        name: What it is called on the command line.
        what: What is compared, for people.
        goal: What the ratio should be at most.
        sides: Makes the sides ready, and takes them down.
        rounds: How often each side has its turn.
        warm_ups: How many turns before that do not count.
        unit: The unit to tell costs in, and how many of it there are to one of what turns return.
        inverse: Whether the ratio is theirs against ours, of what should be at least the goal.

    """

    name: str
    what: str
    goal: float
    sides: Callable[[], AbstractAsyncContextManager[Pair]]
    rounds: int = FEW
    warm_ups: int = 2
    unit: tuple[str, float] = ("µs", 1e6)
    inverse: bool = False

    async def figures(self) -> list[Figure]:
        """Measure."""
        ours: list[float] = []
        theirs: list[float] = []
        async with self.sides() as pair, tidied():
            for _ in range(self.warm_ups):
                await pair.ours()
                await pair.theirs()
            for _ in range(self.rounds):
                ours.append(await pair.ours())
                theirs.append(await pair.theirs())
        unit, factor = self.unit
        ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
        return [
            Figure(
                name=self.name,
                what=self.what,
                ratios=[1 / ratio for ratio in ratios] if self.inverse else ratios,
                goal=self.goal,
                at_least=self.inverse,
                note=f"{median(ours) * factor:.4g} : {median(theirs) * factor:.4g} {unit}",
            )
        ]


@asynccontextmanager
async def tidied() -> AsyncIterator[None]:
    """Spare the garbage collector what was made ready: it would look through all of it in the midst of some turn."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """The turn that does a job and costs the seconds that each of so many times in it takes.

    By default these are seconds of this process on the processor, which are not disturbed by what else runs on the
    machine: good for what never waits.
    """

    job: Job
    times: int = 1
    clock: Callable[[], float] = time.process_time

    async def __call__(self) -> float:
        """Do it."""
        began = self.clock()
        await self.job()
        return (self.clock() - began) / self.times
