"""What the recorder has to do for internal messages, against raw events of the same content."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path
import tempfile
import time
from typing import Any, Final

from homeassistant.components.recorder.core import Recorder
from homeassistant.core import HomeAssistant
from homeassistant.helpers.recorder import async_initialize_recorder, get_instance

from .automations import EVENT
from .bots import CONTENT, NEWS, Idler, add_bot, stream
from .home import home_in, set_up
from .rounds import Comparison, Pair

TIMES: Final = 1000

type Say = Callable[[dict[str, Any]], Awaitable[object]]


@asynccontextmanager
async def recorded() -> AsyncIterator[Pair]:
    """Compare what both sides cost the thread of the recorder, until all is committed to a database on disk."""
    with tempfile.TemporaryDirectory() as folder:
        async with home_in(Path(folder)) as hass:
            async_initialize_recorder(hass)
            await set_up(hass, "recorder", {"db_url": f"sqlite:///{folder}/home.db"})
            await hass.async_block_till_done()
            recorder = get_instance(hass)
            await recorder.async_recorder_ready.wait()
            bot = await add_bot(hass, stream(NEWS))
            bot.attach(Idler())
            numbers = count()

            async def fire(content: dict[str, Any]) -> None:
                hass.bus.async_fire(EVENT, content)

            say = partial(bot.async_distribute_datastream_message, NEWS, external=False)
            yield Pair(
                ours=partial(_recording, hass, recorder, lambda content: say(content=content), numbers),
                theirs=partial(_recording, hass, recorder, fire, numbers),
            )


async def _recording(hass: HomeAssistant, recorder: Recorder, say: Say, numbers: count[int]) -> float:
    """Return the seconds that the recorder's thread is on the processor for what is said, each with its own content."""
    await recorder.async_block_till_done()
    if recorder.ident is None:
        raise RuntimeError("The recorder does not run")
    clock = time.pthread_getcpuclockid(recorder.ident)
    before = time.clock_gettime(clock)
    for _ in range(TIMES):
        await say({**CONTENT, "level": next(numbers)})
    await hass.async_block_till_done()
    await recorder.async_block_till_done()
    return time.clock_gettime(clock) - before


MEASUREMENTS: Final = (
    Comparison(
        name="recorder",
        what=f"the recorder's work for {TIMES} internal messages : for as many events",
        goal=1.5,
        sides=recorded,
        unit=("ms", 1000),
    ),
)
