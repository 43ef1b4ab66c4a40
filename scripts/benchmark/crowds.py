"""What a message costs among many addresses and bots, against one that has the home to itself."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from homeassistant.core import HomeAssistant

from .bots import NEWS, Idler, add_bot, stream
from .home import new_home
from .messages import TIMES, send_times
from .rounds import MANY, Comparison, Pair, Timed

type Crowd = Callable[[HomeAssistant], Awaitable[None]]

_ENTITIES_OF_A_BOT: Final = 5000
"""Home Assistant lets a config entry have 10,000 entities, and a bot has more than those of its data streams."""


async def addresses(hass: HomeAssistant) -> None:
    """Have 10,000 addresses declared, with the one that is there."""
    for number in range(2):
        streams = [stream(f"news_{number}_{n}") for n in range(_ENTITIES_OF_A_BOT - (number == 0))]
        await add_bot(hass, *streams, name=f"Bot {number}")


async def strangers(hass: HomeAssistant) -> None:
    """Have 100 bots that do not know the address."""
    for number in range(100):
        await add_bot(hass, name=f"Bot {number}")


async def recluses(hass: HomeAssistant) -> None:
    """Have 100 bots that declared the address and did not open it."""
    for number in range(100):
        await add_bot(hass, stream(NEWS, external=False), name=f"Bot {number}")


async def nobody(hass: HomeAssistant) -> None:
    """Leave the home as it is."""


@asynccontextmanager
async def among(crowd: Crowd) -> AsyncIterator[Pair]:
    """Compare a message in a crowd with one in a home that has one bot, with one microservice at the address."""
    async with new_home() as home, new_home() as other_home:
        for hass, others in ((home, crowd), (other_home, nobody)):
            bot = await add_bot(hass, stream(NEWS))
            bot.attach(Idler())
            await others(hass)
        ours, theirs = partial(send_times, home), partial(send_times, other_home)
        yield Pair(ours=Timed(job=ours, times=TIMES), theirs=Timed(job=theirs, times=TIMES))


MEASUREMENTS: Final = (
    Comparison(
        name="addresses",
        what="message among 10,000 declared addresses : with one",
        goal=1.10,
        sides=partial(among, addresses),
        rounds=MANY,
    ),
    Comparison(
        name="bots",
        what="message among 100 bots that do not know its address : with one bot",
        goal=1.10,
        sides=partial(among, strangers),
        rounds=MANY,
    ),
    Comparison(
        name="bots-inside",
        what="message among 100 bots that keep its address to themselves : with one bot",
        goal=1.10,
        sides=partial(among, recluses),
        rounds=MANY,
    ),
)
