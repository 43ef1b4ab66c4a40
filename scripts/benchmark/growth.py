"""What many addresses, bots, messages, data streams and automations cost, and what they take in memory."""

from collections.abc import Awaitable, Callable
from functools import partial
import gc
from pathlib import Path
import resource
import tracemalloc
from typing import Any, Final

from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE

from .bots import NEWS, add_bot, add_listeners, fire, send, stream
from .home import RING, Home, new_home, set_up
from .rounds import Comparison, Once, Row, metered, tidy

IN_MEMORY: Final = 300
MESSAGES: Final = 100_000
WARM_UP: Final = 5000
"""More than the messages that the integration remembers to tell who goes in circles: that it does is no growth."""

type Do = Callable[..., Awaitable[Any]]


async def alone(home: Home) -> Once:
    """Send a message to the only bot."""
    await add_bot(home, stream(NEWS))
    return partial(send, home)


async def among_addresses(home: Home) -> Once:
    """Send it where 10,000 addresses are declared, with the one that is there."""
    # By two bots: Home Assistant lets a config entry have 10,000 entities.
    for bot, number in (("A", 5000), ("B", 4999)):
        await add_bot(home, *(stream(f"news_{bot}_{n}") for n in range(number)), name=bot)
    return await alone(home)


async def among_bots(home: Home) -> Once:
    """Send it where 99 more bots declared the address and did not open it."""
    for number in range(99):
        await add_bot(home, stream(NEWS, external=False), name=f"Bot {number}")
    return await alone(home)


async def in_old_home(home: Home, number: int = MESSAGES // 10) -> Once:
    """Send many messages where there were some before."""
    once = await alone(home)
    for _ in range(WARM_UP):
        await once()

    async def send_many() -> float:
        tidy()
        return await metered(home, once, number)

    return send_many


async def in_young_homes(_: Home) -> Once:
    """Do the same in a new home each time."""

    async def once() -> float:
        async with new_home() as home:
            return float(await (await in_old_home(home))())

    return once


async def memory_after(number: int, home: Home) -> Once:
    """Measure the memory of this process after so many more messages."""
    send_all = await in_old_home(home, number)

    async def once() -> float:
        await send_all()
        gc.collect()
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]  # noqa: ASYNC240 - it is no file
        return int(pages) * resource.getpagesize()

    return once


async def add_streams(home: Home, number: int = 100) -> None:
    """Add a bot with so many data streams."""
    await add_bot(home, *(stream(f"news_{n}", actions=[RING]) for n in range(number)))


async def restarted(first: Do, again: Do, before: Home) -> Once:
    """Set up what a home had before it was restarted; its entities are registered, its configuration is read."""
    await first(before)
    before.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await before.async_block_till_done()

    async def once() -> float:
        async with new_home(before.config.config_dir) as home:
            cost = await metered(home, partial(again, home))
            if not set(before.states.async_entity_ids()) <= set(home.states.async_entity_ids()):
                raise RuntimeError("Not everything was set up again")
            return cost

    return once


async def in_memory(add: Do, run: Do, _: Home) -> Once:
    """Measure the bytes of each that has run, as Python counts them, with entities and all."""

    async def once() -> float:
        async with new_home() as home:
            gc.collect()
            tracemalloc.start()
            await add(home, IN_MEMORY)
            for n in range(IN_MEMORY):
                await run(home, f"news_{n}")
            await home.async_block_till_done()
            gc.collect()
            memory, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            return memory / home.rung

    return once


_MEMORY: Final = (partial(memory_after, MESSAGES), partial(memory_after, 1))
_STREAMS: Final = partial(restarted, add_streams, partial(set_up, component="datastream_bot"))
_AUTOMATIONS: Final = partial(restarted, add_listeners, add_listeners)
_KEPT: Final = (partial(in_memory, add_streams, send), partial(in_memory, add_listeners, fire))

COMPARISONS: Final = (
    Comparison(Row("growth-memory", 1.02, *_MEMORY), rounds=1, times=0, is_counted=False),
    Comparison(Row("growth", 1.02, in_old_home, in_young_homes), rounds=10, times=0, is_counted=False),
    Comparison(
        Row("addresses", 1.05, among_addresses, alone), Row("bots", 1.05, among_bots, alone), rounds=201, times=40
    ),
    Comparison(Row("set-up", 1.0, _STREAMS, _AUTOMATIONS), times=0),
    Comparison(Row("memory", 0.8, *_KEPT), rounds=3, times=0, is_counted=False),
)
