"""Whether messages cost more, and the home takes more memory, the more messages there were before."""

from contextlib import AsyncExitStack
from functools import partial
import gc
from pathlib import Path
import resource
from statistics import median
from typing import Final

from homeassistant.core import HomeAssistant

from .bots import NEWS, Idler, add_bot, stream
from .home import new_home
from .messages import send_times
from .rounds import Figure, Timed, tidied

BLOCK: Final = 10_000
BLOCKS: Final = 10
TURN: Final = 500
WARM_UP: Final = 5000
"""More than the messages that the integration remembers to tell who goes in circles: that it does is no growth."""


class Growth:
    """Sends 100,000 messages in one home and, by turns, as many in ten homes of which each has a tenth of them.

    All homes are there from the beginning, so that what the process grows by is due to the messages.
    """

    name = "growth"

    async def figures(self) -> list[Figure]:
        """Measure the processor's time for every 10,000 messages, and the memory of the process."""
        async with AsyncExitStack() as stack:
            old, *young = [await _furnished(stack) for _ in range(BLOCKS + 1)]
            async with tidied():
                before = _memory()
                times = [await _send_block(old, home) for home in young]
                after = _memory()
        return [
            Figure(
                name="growth-seconds",
                what=f"seconds for {BLOCK * BLOCKS:,} messages : for {BLOCK:,}",
                ratios=[BLOCKS * ours / theirs for ours, theirs in times],
                goal=10.5,
                note=f"{sum(ours for ours, _ in times):.4g} : {median(theirs for _, theirs in times):.4g} s",
            ),
            Figure(
                name="growth-memory",
                what=f"memory of the process after {BLOCK * BLOCKS * 2:,} messages : before",
                ratios=[after / before],
                goal=1.02,
                note=f"{after / 2**20:.1f} : {before / 2**20:.1f} MiB",
            ),
        ]


async def _furnished(stack: AsyncExitStack) -> HomeAssistant:
    """Return a home with a bot that has taken a few messages."""
    home = await stack.enter_async_context(new_home())
    bot = await add_bot(home, stream(NEWS))
    bot.attach(Idler())
    await send_times(home, WARM_UP)
    return home


async def _send_block(old: HomeAssistant, young: HomeAssistant) -> tuple[float, float]:
    """Send 10,000 messages in each of two homes, and return the seconds that they took."""
    turns = [Timed(job=partial(send_times, home, TURN)) for home in (old, young)]
    times = [[await turn() for turn in turns] for _ in range(BLOCK // TURN)]
    return sum(ours for ours, _ in times), sum(theirs for _, theirs in times)


def _memory() -> float:
    """Return the memory that the process has, in bytes."""
    gc.collect()
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize()


MEASUREMENTS: Final = (Growth(),)
