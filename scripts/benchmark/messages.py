"""What a message costs, against an automation that an event triggers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from homeassistant.core import HomeAssistant

from .automations import EVENT, add_automations, automation, fire_and_wait, on_event
from .bell import RING, Bell
from .bots import CONTENT, NEWS, Idler, Ringer, add_bot, send, stream
from .home import new_home
from .rounds import MANY, Comparison, Pair, Timed

TIMES: Final = 40


async def send_times(hass: HomeAssistant, times: int = TIMES, address: str = NEWS) -> None:
    """Send so many messages, each until its receipt is there, and wait until nothing is left to do."""
    for _ in range(times):
        await send(hass, address)
    await hass.async_block_till_done()


@asynccontextmanager
async def against_automation(*, is_mapped: bool) -> AsyncIterator[Pair]:
    """Compare a message that has the bell rung with an event that does."""
    async with new_home() as home, new_home() as other_home:
        rung, other_bell = Bell(home), Bell(other_home)
        bot = await add_bot(home, stream(NEWS, actions=[RING] if is_mapped else []))
        if not is_mapped:
            bot.attach(Ringer(home))
        await add_automations(other_home, automation("Ring", on_event()))

        async def ours() -> None:
            before = rung.count
            await send_times(home)
            if rung.count != before + TIMES:
                raise RuntimeError("The bell was not rung once for each message")

        theirs = partial(fire_and_wait, other_home, other_bell, TIMES)
        yield Pair(ours=Timed(job=ours, times=TIMES), theirs=Timed(job=theirs, times=TIMES))


@asynccontextmanager
async def to_nobody() -> AsyncIterator[Pair]:
    """Compare a message to an address that nobody knows with an event that many automations do not want."""
    async with new_home() as home, new_home() as other_home:
        Bell(other_home)
        await add_bot(home, stream(NEWS))
        filtering = [automation(f"Filter {n}", on_event(address=f"news_{n}")) for n in range(1000)]
        await add_automations(other_home, *filtering)
        times = 10

        async def theirs() -> None:
            for _ in range(times):
                other_home.bus.async_fire(EVENT, {"address": "nobody", **CONTENT})
            await other_home.async_block_till_done()

        ours = partial(send_times, home, TIMES, "nobody")
        yield Pair(ours=Timed(job=ours, times=TIMES), theirs=Timed(job=theirs, times=times))


@asynccontextmanager
async def to_many(number: int) -> AsyncIterator[Pair]:
    """Compare a message to so many microservices with one to a single one; none of them does anything."""
    async with new_home() as home, new_home() as other_home:
        for hass, listeners in ((home, number), (other_home, 1)):
            bot = await add_bot(hass, stream(NEWS))
            for _ in range(listeners):
                bot.attach(Idler())
        ours, theirs = partial(send_times, home), partial(send_times, other_home)
        yield Pair(ours=Timed(job=ours, times=TIMES), theirs=Timed(job=theirs, times=TIMES))


MEASUREMENTS: Final = (
    Comparison(
        name="microservice",
        what="message to a microservice that calls an action : automation",
        goal=0.20,
        sides=partial(against_automation, is_mapped=False),
        rounds=MANY,
    ),
    Comparison(
        name="mapping",
        what="message to a mapped address with that action : automation",
        goal=1.00,
        sides=partial(against_automation, is_mapped=True),
        rounds=MANY,
    ),
    Comparison(
        name="nobody",
        what="message to an address of nobody : event that 1,000 automations filter",
        goal=0.05,
        sides=to_nobody,
        rounds=MANY,
    ),
    Comparison(
        name="ten", what="message to ten microservices : to one", goal=6, sides=partial(to_many, 10), rounds=MANY
    ),
)
