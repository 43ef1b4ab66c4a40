"""What data streams cost to set up and to keep, against automations."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
import gc
from pathlib import Path
import tempfile
import time
import tracemalloc
from typing import Any, Final

from homeassistant.config_entries import ConfigSubentryData
from homeassistant.core import HomeAssistant

from .automations import add_automations, automation, on_event
from .bell import RING, Bell
from .bots import add_bot, stream
from .home import home_in, new_home, set_up
from .rounds import SOME, Comparison, Pair

AT_START: Final = 100
IN_MEMORY: Final = 300

# What every home has, and what each side would otherwise set up for itself.
_COMPONENTS: Final = ("binary_sensor", "event", "switch", "blueprint", "trace")


def _streams(number: int) -> list[ConfigSubentryData]:
    return [stream(f"news_{n}", actions=[RING]) for n in range(number)]


def _automations(number: int) -> list[dict[str, Any]]:
    return [automation(f"News {n}", on_event(address=f"news_{n}")) for n in range(number)]


@asynccontextmanager
async def at_start() -> AsyncIterator[Pair]:
    """Compare setting up the integration and its bot with setting up automations, in a home that was restarted.

    Both sides find their entities in the registry; neither is charged for reading its configuration from disk.
    """
    config = _automations(AT_START)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as other_folder:
        async with home_in(Path(folder), *_COMPONENTS) as home:
            Bell(home)
            await add_bot(home, *_streams(AT_START))
        async with home_in(Path(other_folder), *_COMPONENTS) as other_home:
            Bell(other_home)
            await add_automations(other_home, *config)
        yield Pair(
            ours=partial(_restart, Path(folder), partial(set_up, component="datastream_bot"), "event", AT_START + 2),
            theirs=partial(
                _restart, Path(other_folder), lambda hass: add_automations(hass, *config), "automation", AT_START
            ),
        )


async def _restart(
    folder: Path, set_up_side: Callable[[HomeAssistant], Awaitable[None]], domain: str, number: int
) -> float:
    """Return the seconds on the processor until a side is set up and nothing is left to do."""
    async with home_in(folder, *_COMPONENTS) as hass:
        Bell(hass)
        began = time.process_time()
        await set_up_side(hass)
        await hass.async_block_till_done()
        took = time.process_time() - began
        if len(hass.states.async_entity_ids(domain)) != number:
            raise RuntimeError(f"Not all of {domain} were set up")
        return took


@asynccontextmanager
async def in_memory() -> AsyncIterator[Pair]:
    """Compare the memory of a data stream with that of an automation, both with the same action."""

    async def keep_streams(hass: HomeAssistant) -> None:
        await add_bot(hass, *_streams(IN_MEMORY))

    async def keep_automations(hass: HomeAssistant) -> None:
        await add_automations(hass, *_automations(IN_MEMORY))

    yield Pair(ours=partial(_memory_of, keep_streams), theirs=partial(_memory_of, keep_automations))


async def _memory_of(keep: Callable[[HomeAssistant], Awaitable[None]]) -> float:
    """Return the bytes of each that Python counts, of everything that is there once it is set up: entities too."""
    async with new_home(*_COMPONENTS) as hass:
        Bell(hass)
        gc.collect()
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            await keep(hass)
            gc.collect()
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        return (after - before) / IN_MEMORY


MEASUREMENTS: Final = (
    Comparison(
        name="set-up",
        what=f"set-up of a bot with {AT_START} data streams : of {AT_START} automations",
        goal=1.0,
        sides=at_start,
        rounds=SOME,
        unit=("ms", 1000),
    ),
    Comparison(
        name="memory",
        what="memory of a data stream : of an automation with an event trigger",
        goal=0.5,
        sides=in_memory,
        rounds=7,
        unit=("KiB", 1 / 1024),
    ),
)
