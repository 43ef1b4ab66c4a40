"""How the JSON of a request is encoded: at every door the same."""

from collections.abc import Awaitable, Callable
from itertools import count
import json

from aiohttp import ClientResponse
from homeassistant.core import HomeAssistant
import pytest

from custom_components.datastream_bot.bot import Bot

from .conftest import AddBot, Home
from .doors import OPEN, Client, open_doors, signed, signed_by_standard, told
from .streams import add_stream, row

type Post = Callable[[str, str], Awaitable[ClientResponse]]

JSON = "application/json"
NEWS = {"visitor": "Zo\u00eb"}


@pytest.fixture
async def bot(home: Home, add_bot: AddBot) -> Bot:
    """Return a bot with a data stream."""
    bot = await add_bot("Home")
    await add_stream(bot, "doorbell", fields=[row("visitor", required=True)])
    return bot


@pytest.fixture(params=["REST", "webhook", "signed webhook", "webhook signed by the standard", "BotLab"])
async def post(request: pytest.FixtureRequest, bot: Bot, client: Client, hass_access_token: str) -> Post:
    """Return what sends a body with a type to one of the doors; signatures are those of the bytes that are sent."""
    is_signed = "signed" in request.param
    bot = await open_doors(bot, webhook=OPEN | {"signed": is_signed}, cloud_api=OPEN)
    webhook = f"/api/webhook/{bot.entry.options['doors']['webhook']['webhook_id']}"
    bearer = {"Authorization": f"Bearer {hass_access_token}"}
    sent: dict[str, tuple[str, Callable[[bytes], dict[str, str]]]] = {
        "REST": ("/api/datastream_bot/stream", lambda _: bearer),
        "webhook": (webhook, lambda _: {}),
        "signed webhook": (webhook, lambda body: signed(bot, body)),
        "webhook signed by the standard": (webhook, lambda body: signed_by_standard(bot, body)),
        "BotLab": ("/cloud/appstore/stream?address=doorbell", lambda _: {"API_KEY": hass_access_token}),
    }
    path, headers_of = sent[request.param]

    message = {"feed": NEWS} if request.param == "BotLab" else {"address": "doorbell", "content": NEWS}

    async def post(encoding: str, media_type: str) -> ClientResponse:
        body = json.dumps(message, ensure_ascii=False).encode(encoding)
        return await client.post(path, data=body, headers={**headers_of(body), "Content-Type": media_type})

    return post


@pytest.mark.parametrize(
    ("encoding", "media_type"),
    [
        ("utf-8-sig", JSON),
        ("utf-8-sig", f"{JSON}; charset=utf-8"),
        ("utf-8", f"{JSON};charset=UTF-8"),
        ("utf-8", f'{JSON}; Charset="utf-8"'),
        ("utf-8", f"{JSON}; version=1; charset = utf8 ; q=1"),
        ("utf-8", f"{JSON}; charset=us-ascii"),
        ("utf-8", f"{JSON}; charset="),
    ],
    ids=count(),
)
async def test_json_in_utf_8_is_taken_as_programs_send_it(
    hass: HomeAssistant, post: Post, encoding: str, media_type: str
) -> None:
    """Many name the encoding, and those on Windows begin with a byte order mark, which is no part of the message."""
    response = await post(encoding, media_type)

    assert (response.status, len((await response.json())["handled"])) == (200, 1)
    state = hass.states.get("event.home_doorbell")
    assert state is not None
    assert state.attributes["content"] == NEWS


@pytest.mark.parametrize(
    ("encoding", "media_type", "status", "code"),
    [
        ("utf-16", f"{JSON}; charset=utf-16", 415, "charset_unsupported"),
        ("latin-1", f'{JSON}; charset="ISO-8859-1"', 415, "charset_unsupported"),
        ("utf-8", f"{JSON}; charset=klingon", 415, "charset_unsupported"),
        ("utf-8", f"{JSON}; charset={'x' * 1000}", 415, "charset_unsupported"),
        ("utf-16", JSON, 400, "body_not_json"),
        ("latin-1", f"{JSON}; charset=utf-8", 400, "body_not_json"),
    ],
    ids=count(),
)
async def test_json_in_another_encoding_is_refused(
    hass: HomeAssistant, post: Post, encoding: str, media_type: str, status: int, code: str
) -> None:
    """Nothing is guessed, and the sender is told."""
    assert await told(await post(encoding, media_type)) == (status, code)
    state = hass.states.get("event.home_doorbell")
    assert state is not None
    assert state.state == "unknown"
