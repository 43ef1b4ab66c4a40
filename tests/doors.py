"""The doors of a bot, opened by its form, and requests that come to them."""

import asyncio
from collections.abc import Awaitable, Callable
import json
import time
from typing import Any

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from pytest_homeassistant_custom_component.common import MockUser
from yarl import URL

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.doors.signature import sign, sign_by_standard

from .forms import show_form_of

type Client = TestClient[Any, Any]

OPEN = {"open": True, "local_only": True}


async def go_online(hass: HomeAssistant, client: Callable[[], Awaitable[Client]]) -> Client:
    """Return somebody outside, whom Home Assistant answers as it does when it is up."""
    # As Home Assistant does when it starts: new paths may come at any time.
    hass.http.app.router.freeze = lambda: None  # type: ignore[method-assign]
    return await client()


async def fill_doors(
    bot: Bot,
    *,
    webhook: dict[str, Any] | None = None,
    cloud_api: dict[str, Any] | None = None,
    limits: dict[str, Any] | None = None,
) -> Any:
    """Submit the form of the doors, and return what it shows next."""
    form = await show_form_of(bot, "doors")
    closed = {"open": False, "local_only": True}
    filled = {
        "webhook": {**closed, "signed": False, "names_entities": False, "renew": "nothing"} | (webhook or {}),
        "cloud_api": closed | (cloud_api or {}),
        "limits": {"rate": 10, "burst": 50} | (limits or {}),
    }
    return await bot.hass.config_entries.options.async_configure(form["flow_id"], filled)


async def open_doors(bot: Bot, **doors: dict[str, Any]) -> Bot:
    """Open the doors of a bot and close all others, and return the bot as it is afterwards."""
    result = await fill_doors(bot, **doors)
    if result["type"] is FlowResultType.FORM:
        result = await bot.hass.config_entries.options.async_configure(result["flow_id"], {})
    assert result["type"] is FlowResultType.CREATE_ENTRY, result
    await bot.hass.async_block_till_done()
    changed: Bot = bot.entry.runtime_data
    return changed


async def open_webhook(bot: Bot, **webhook: Any) -> str:
    """Open the webhook of a bot and return its path."""
    bot = await open_doors(bot, webhook=OPEN | webhook)
    return f"/api/webhook/{bot.entry.options['doors']['webhook']['webhook_id']}"


def signed(bot: Bot, body: bytes, *, seconds: float = 0.0) -> dict[str, str]:
    """Return the headers of a signed request, made some seconds later than now."""
    timestamp = f"{time.time() + seconds:.6f}"
    secret = bot.entry.runtime_data.entry.options["doors"]["webhook"]["secret"]
    return {
        "Content-Type": "application/json",
        "X-Datastream-Timestamp": timestamp,
        "X-Datastream-Signature": sign(secret, timestamp, body),
    }


def signed_by_standard(
    bot: Bot, body: bytes, *, key: str = "msg_1", seconds: float = 0.0, secret: str | None = None
) -> dict[str, str]:
    """Return the headers of a request that is signed as Standard Webhooks has it."""
    timestamp = str(int(time.time() + seconds))
    secret = secret or bot.entry.runtime_data.entry.options["doors"]["webhook"]["secret"]
    return {
        "Content-Type": "application/json",
        "webhook-id": key,
        "webhook-timestamp": timestamp,
        "webhook-signature": sign_by_standard(secret, key, timestamp, body),
    }


async def told(response: ClientResponse) -> tuple[int, str]:
    """Return the status and the code of an answer that is a refusal in words."""
    answer = await response.json()
    assert answer["message"].endswith(("seconds", ".")) or " " in answer["message"]
    return response.status, answer["code"]


async def come_again(response: ClientResponse) -> bool:
    """Return whether a sender is told to come again."""
    if response.status == 200:
        assert await response.read() == b""
        return False
    answer = await response.json()
    assert (response.status, response.headers["Retry-After"], answer["code"]) == (503, "5", "bot_not_ready")
    assert "5 seconds" in answer["message"]
    return True


async def token_of(hass: HomeAssistant, user: MockUser) -> dict[str, str]:
    """Return the header of a user."""
    token = await hass.auth.async_create_refresh_token(user.add_to_hass(hass), "https://example.com/app")
    return {"Authorization": f"Bearer {hass.auth.async_create_access_token(token)}"}


async def raw(client: Client, *pieces: bytes, pause: float = 0.0, end: bool = False) -> bytes:
    """Send bytes over a connection of their own, piece by piece, and return all that is answered."""
    url: URL = client.make_url("/")
    reader, writer = await asyncio.open_connection(url.host, url.port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        if end:
            writer.write_eof()
        async with asyncio.timeout(20):
            return await reader.read(4096)
    finally:
        writer.close()


def request_head(path: str, *headers: str) -> bytes:
    """Return the head of a request."""
    lines = [f"POST {path} HTTP/1.1", "Host: test", "Content-Type: application/json", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def as_json(**data: Any) -> bytes:
    """Return data as JSON."""
    return json.dumps(data).encode()
