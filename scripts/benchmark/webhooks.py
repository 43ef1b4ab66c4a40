"""How many requests a bot's webhook answers, against Home Assistant's own webhook trigger with the same action."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from homeassistant.core import HomeAssistant

from .automations import add_automations, automation
from .bell import RING, Bell
from .bots import CONTENT, NEWS, add_bot, stream
from .home import new_home
from .rounds import SOME, Comparison, Pair, Timed

WEBHOOK_ID: Final = "e" * 64
CONNECTIONS: Final = 4
REQUESTS: Final = 200

# What is measured is not to be the limit, which at the most that the form offers is 100 requests a second.
_DOORS: Final = {
    "webhook": {"open": True, "local_only": True, "signed": False, "webhook_id": WEBHOOK_ID, "secret": "e" * 64},
    "limits": {"rate": 1_000_000, "burst": 1_000_000},
}


@asynccontextmanager
async def webhooks() -> AsyncIterator[Pair]:
    """Compare the time of requests that have the bell rung, on the processor, which is never idle meanwhile.

    Both sides have the same client, in this process: what it costs is in both times, and draws the ratio towards 1.
    """
    async with new_home() as home, new_home("webhook") as other_home, aiohttp.ClientSession() as session:
        rung, other_bell = Bell(home), Bell(other_home)
        await add_bot(home, stream(NEWS, actions=[RING]), doors=_DOORS)
        trigger = {"trigger": "webhook", "webhook_id": WEBHOOK_ID, "allowed_methods": ["POST"], "local_only": True}
        await add_automations(other_home, automation("Ring", trigger))
        message = {"address": NEWS, "content": CONTENT}
        yield Pair(
            ours=Timed(job=partial(post, session, home, rung, message), times=REQUESTS),
            theirs=Timed(job=partial(post, session, other_home, other_bell, CONTENT), times=REQUESTS),
        )


async def post(session: aiohttp.ClientSession, hass: HomeAssistant, bell: Bell, data: dict[str, Any]) -> None:
    """Post the data again and again, over a few connections at once, and wait until each has rung the bell."""
    url = f"http://127.0.0.1:{hass.http.server_port}/api/webhook/{WEBHOOK_ID}"
    before = bell.count

    async def post_some() -> None:
        for _ in range(REQUESTS // CONNECTIONS):
            async with session.post(url, json=data) as response:
                if response.status != HTTPStatus.OK:
                    raise RuntimeError(f"The webhook answered {response.status}")
                await response.read()

    await asyncio.gather(*(post_some() for _ in range(CONNECTIONS)))
    await bell.until(before + REQUESTS)
    await hass.async_block_till_done()


MEASUREMENTS: Final = (
    Comparison(
        name="webhook",
        what="requests a second of a bot's webhook : of a webhook trigger with the same action",
        goal=1.0,
        sides=webhooks,
        rounds=SOME,
        inverse=True,
    ),
)
