"""What a message costs, against the floor, against automations, and against one of which nothing is noted."""

import asyncio
from functools import partial
from types import SimpleNamespace
from typing import Any, Final

from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.json import json_bytes

from custom_components.datastream_bot.live_messages import ALL, SENT_EVERY, LiveMessages
from custom_components.datastream_bot.messaging.router import DATA_ROUTER

from .bots import CONTENT, NEWS, automate, by_action, by_automation, by_mapping, by_microservice, filtered, to_nobody
from .floor import by_hand
from .home import Home
from .rounds import Comparison, Once, Row, Side

ON_A_PAGE: Final = 200
AT_ONCE: Final = 1000
TICK: Final = 0.01
WEBHOOK_ID: Final = "e" * 64

# What is measured is not to be the limit, which at the most that the form offers is 100 requests a second.
_DOORS: Final = {
    "webhook": {"open": True, "local_only": True, "signed": False, "webhook_id": WEBHOOK_ID, "secret": "e" * 64},
    "limits": {"rate": 1_000_000, "burst": 1_000_000},
}


async def noted(home: Home) -> Once:
    """Send messages while a page is open, for which they become JSON as Home Assistant would send it."""
    once = await by_microservice(home)

    def send_to_page(event: dict[str, Any]) -> None:
        json_bytes(event)
        home.loop.call_soon(page.async_read)

    page = LiveMessages(home.loop, home.data[DATA_ROUTER].log, send_to_page, ALL)
    page.async_start()
    return partial(_send_and_show, once)


async def unnoted(home: Home) -> Once:
    """Send messages without a message log."""
    once = await by_microservice(home)
    vars(home.data[DATA_ROUTER])["log"] = SimpleNamespace(async_add=lambda *_: None, async_update=lambda *_: None)
    return partial(_send_and_show, once)


async def _send_and_show(once: Once) -> None:
    for _ in range(ON_A_PAGE):
        await once()
    await asyncio.sleep(SENT_EVERY * 1.1)


async def delayed(way: Side, home: Home) -> Once:
    """Have the bell rung many times at once, and measure by how many seconds a timer is late at most."""
    once = await way(home)

    async def all_at_once() -> float:
        ringing, delays = asyncio.gather(*(once() for _ in range(AT_ONCE))), [0.0]
        while not ringing.done():
            due = home.loop.time() + TICK
            await asyncio.wait([ringing], timeout=TICK)
            delays.append(home.loop.time() - due)
        return max(delays)

    return all_at_once


async def by_webhook(home: Home) -> Once:
    """Post a message to a bot with a mapped address."""
    await by_mapping(home, doors=_DOORS)
    return partial(_post, home, {"address": NEWS, "content": CONTENT})


async def by_webhook_trigger(home: Home) -> Once:
    """Post the content to an automation."""
    await automate(home, {"trigger": "webhook", "webhook_id": WEBHOOK_ID})
    return partial(_post, home, CONTENT)


async def _post(home: Home, data: dict[str, Any]) -> None:
    """Post data, from this process: what that costs is in the times of both sides, and draws the ratio towards 1."""
    url = f"http://127.0.0.1:{home.http.server_port}/api/webhook/{WEBHOOK_ID}"
    async with async_get_clientsession(home).post(url, json=data, raise_for_status=True) as response:
        await response.read()


_DELAYED: Final = (partial(delayed, by_microservice), partial(delayed, by_automation))

COMPARISONS: Final = (
    Comparison(
        Row("microservice-floor", 1.5, by_microservice, by_hand),
        Row("action-floor", 1.6, by_action, by_hand),
        Row("microservice-automation", 0.45, by_microservice, by_automation),
        Row("mapping-automation", 0.95, by_mapping, by_automation),
        rounds=201,
        times=40,
        rings=40,
    ),
    Comparison(Row("nobody", 0.08, to_nobody, filtered), rounds=201, times=20),
    Comparison(Row("log-and-page", 1.05, noted, unnoted), rings=ON_A_PAGE),
    Comparison(Row("delay", 0.5, *_DELAYED), times=0, rings=AT_ONCE, is_counted=False),
    Comparison(Row("webhook-requests", 1.0, by_webhook, by_webhook_trigger), times=200, rings=200),
)
