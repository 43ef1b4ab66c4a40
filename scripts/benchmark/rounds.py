"""Rounds: all sides do the same by turns, so that what disturbs one disturbs the others."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
import gc
from statistics import median, quantiles
from typing import Any, Final, NamedTuple

from .home import Home, new_home
from .meters import COUNTED_IN, start, stop

WARM_UPS: Final = 5
HEADER: Final = f"{'what':<25}{'ratio':>6}  {'middle half':^15}{'goal':>7}    ours : theirs"

type Once = Callable[[], Awaitable[Any]]
type Side = Callable[[Home], Awaitable[Once]]
"""Makes a home ready, and returns what is done there again and again."""


class Row(NamedTuple):
    """What one side costs against another: at most the goal, or of requests a second, at least."""

    name: str
    goal: float
    ours: Side
    theirs: Side


class Comparison:
    """Sides that are measured together, each in a home of its own, and what is told of them.

    In a turn, a side does its work so many `times`; if these are 0, once, and says what it cost. It rings the bell so
    often. Where `is_counted`, instructions say as much as seconds, and are counted in good time.
    """

    def __init__(self, *rows: Row, rounds: int = 21, times: int = 1, rings: int = 0, is_counted: bool = True) -> None:
        """Initialize it."""
        self.rows, self.is_counted = rows, is_counted
        self._rounds, self._times, self._rings = rounds, times, rings

    async def figures(self) -> list[tuple[Row, float, str]]:
        """Measure; return of each row the ratio, and a line for people."""
        sides = dict.fromkeys(side for row in self.rows for side in (row.theirs, row.ours))
        async with AsyncExitStack() as stack:
            stack.callback(gc.unfreeze)
            homes = [await stack.enter_async_context(new_home()) for _ in sides]
            work = [(home, await side(home)) for home, side in zip(homes, sides, strict=True)]
            for each in work * min(WARM_UPS, self._rounds // 2):
                await self._turn(*each)
            tidy()
            costs = [[await self._turn(*each) for each in work] for _ in range(3 if COUNTED_IN else self._rounds)]
        by_side = dict(zip(sides, zip(*costs, strict=True), strict=True))
        return [_figure(row, by_side[row.ours], by_side[row.theirs]) for row in self.rows]

    async def _turn(self, home: Home, once: Once) -> float:
        before = home.rung
        cost: float = await (metered(home, once, self._times) if self._times else once())
        if home.rung != before + self._rings:
            raise RuntimeError(f"The bell was rung {home.rung - before} times, not {self._rings}")
        return cost


def _figure(row: Row, ours: Sequence[float], theirs: Sequence[float]) -> tuple[Row, float, str]:
    """Return the median of the ratios, and a line with what encloses half of them."""
    is_speed = "requests" in row.name
    ratios = [b / a if is_speed else a / b for a, b in zip(ours, theirs, strict=True)]
    low, ratio, high = quantiles(ratios, method="inclusive")
    is_met = ratio >= row.goal if is_speed else ratio <= row.goal
    goal = f"{'≥' if is_speed else '≤'} {row.goal:.2f} {' ' if is_met else '✗'}"
    unit, factor = ("KiB", 2**-10) if "memory" in row.name else ("thousand", 1e-3) if COUNTED_IN else ("µs", 1e6)
    costs = f"{median(ours) * factor:,.1f} : {median(theirs) * factor:,.1f} {unit}"
    return row, ratio, f"{row.name:<25}{ratio:>6.3f}  {low:.3f} - {high:.3f}  {goal:>9}  {costs}"


def tidy() -> None:
    """Spare the garbage collector what was made ready: it would look through all of it in the midst of some turn."""
    gc.collect()
    gc.freeze()


async def metered(home: Home, once: Once, times: int = 1) -> float:
    """Do something so many times, and return what each costs until nothing is left to do."""
    began = start()
    for _ in range(times):
        await once()
    await home.async_block_till_done()
    return stop(began) / times
