"""The webhook door, over real HTTP."""

import asyncio
from datetime import timedelta
import gzip
from http import HTTPStatus
from itertools import count
import json
import logging
import shlex
import threading
import time
from typing import Any
from unittest.mock import Mock

from aiohttp import StreamReader
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.test_utils import make_mocked_request
from aiohttp.web import RequestPayloadError
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import Event, HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from multidict import MultiDict
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events, async_fire_time_changed
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator
from yarl import URL

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.const import DOMAIN
from custom_components.datastream_bot.doors import webhook
from custom_components.datastream_bot.doors.door import DoorError
from custom_components.datastream_bot.doors.entering import open_doors as open_webhooks
from custom_components.datastream_bot.doors.request import async_read_body, read_message
from custom_components.datastream_bot.doors.signature import sign
from custom_components.datastream_bot.errors import MessageError

from .conftest import AddBot, Home, Send, SetClock
from .days import go_on, wait_over
from .doors import (
    OPEN,
    Client,
    as_json,
    come_again,
    fill_doors,
    go_online,
    open_doors,
    open_webhook,
    raw,
    request_head,
    signed,
    told,
)
from .home import is_on, seen_at, ticks, until
from .streams import add_stream, row

DEEP = b'{"address": "doorbell", "content": {"a": ' + b"[" * 16_000 + b"]" * 16_000 + b"}}"
ON = {"address": "toggle_everything", "content": {"on": True}}


@pytest.fixture
async def bot(hass: HomeAssistant, home: Home, add_bot: AddBot) -> Bot:
    """Return a bot with a data stream that checks its content."""
    bot = await add_bot()
    await add_stream(
        bot, "doorbell", fields=[row("times", "number", required=True), row("visitor", default="Somebody")]
    )
    return bot


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("", ON),
        ("", {"address": "toggle_everything", "feed": {"on": True}}),
        ("?address=toggle_everything", {"on": True}),
        ("?address=toggle_everything&source=tasker", {"on": "on"}),
    ],
)
async def test_a_message_is_answered_with_its_receipt(
    hass: HomeAssistant, home: Home, bot: Bot, client: Client, query: str, body: dict[str, Any]
) -> None:
    """In each of the forms that a body may have."""
    path = await open_webhook(bot, names_entities=True)

    response = await client.post(path + query, json=body)

    assert response.status == 200
    receipt = await response.json()
    assert [delivery["receiver"] for delivery in receipt["handled"]] == ["device"]
    assert receipt["handled"][0]["result"]["switched"] == list(home)
    assert all(is_on(hass, entity_id) for entity_id in home)


async def test_an_address_that_needs_no_content_needs_no_body(hass: HomeAssistant, bot: Bot, client: Client) -> None:
    """For devices that can do little more than open a URL."""
    await add_stream(bot, "alarm")
    path = await open_webhook(bot)

    response = await client.post(f"{path}?address=alarm")

    assert (response.status, (await response.json())["failed"]) == (200, [])


@pytest.mark.parametrize("status", ["failed", "running"])
@pytest.mark.warns
async def test_the_receipt_tells_what_did_not_work(
    hass: HomeAssistant, home: Home, bot: Bot, client: Client, freezer: FrozenDateTimeFactory, status: str
) -> None:
    """It came through the door all the same."""
    path = await open_webhook(bot)
    home["light.porch"].broken = "stuck"
    if status == "running":
        home["light.kitchen"].responding.clear()

    sending = asyncio.create_task(client.post(path, json=ON))
    await until(lambda: home["light.porch"].commands == [True])
    await wait_over(hass, freezer)
    response = await sending

    assert response.status == 200
    assert [delivery["receiver"] for delivery in (await response.json())[status]] == ["device"]
    home["light.kitchen"].responding.set()


@pytest.mark.parametrize(
    ("query", "body", "status", "code"),
    [
        ("", b"", 400, "address_missing"),
        ("", b"{", 400, "body_not_json"),
        ("", b"\xff{}", 400, "body_not_json"),
        ("", '{"address": "doorbell"}'.encode("utf-16"), 400, "body_not_json"),
        ("", b'{"address": "doorbell", "content": {"times": "\xc3\x28"}}', 400, "body_not_json"),
        ("", b'{"address": "doorbell", "content": {"times": ' + b"9" * 5000 + b"}}", 400, "body_not_json"),
        ("", b"[]", 400, "body_not_object"),
        ("", b"null", 400, "body_not_object"),
        ("", b"1", 400, "body_not_object"),
        ("", b"[" * 30_000, 400, "body_not_json"),
        (
            "",
            b'{"address": "doorbell", "content": {"a": ' + b"[" * 16_000 + b"]" * 16_000 + b"}}",
            400,
            "content_too_deep",
        ),
        ("", b'{"address": "doorbell", "content": ' + b'{"a":' * 17 + b"1" + b"}" * 18, 400, "content_too_deep"),
        ("", b'{"address": "a", "address": "doorbell"}', 400, "body_key_twice"),
        ("", b'{"address": "doorbell", "content": {"times": 1, "times": 2}}', 400, "body_key_twice"),
        ("", as_json(content={}), 400, "address_missing"),
        ("", as_json(address=None), 400, "invalid_address"),
        ("", as_json(address="../x"), 400, "invalid_address"),
        ("", as_json(address="a" * 65), 400, "invalid_address"),
        ("", as_json(address="doorbell", content={}, feed={}), 400, "content_twice"),
        ("", as_json(address="doorbell", sender="me"), 400, "body_keys_unknown"),
        ("", as_json(address="doorbell", content={}, hops=0), 400, "body_keys_unknown"),
        ("", as_json(address="doorbell", content={}, origin="action"), 400, "body_keys_unknown"),
        ("", b'{"address": "doorbell", "\\ud800": 1}', 400, "body_keys_unknown"),
        ("", b'{"\\ud800": 1, "\\ud800": 2}', 400, "body_key_twice"),
        ("", b"{" + b"".join(b'"%x":1,' % number for number in range(4000)) + b'"1":1}', 400, "body_key_twice"),
        ("", as_json(address="doorbell", content=[1]), 400, "content_not_object"),
        ("", b'{"address": "doorbell", "content": {"times": NaN}}', 400, "content_not_json"),
        ("", b'{"address": "doorbell", "content": {"times": 1e999}}', 400, "content_not_json"),
        ("", b'{"address": "doorbell", "content": {"visitor": "\\ud800", "times": 1}}', 400, "content_not_json"),
        ("", b'{"address": "doorbell", "content": {"\\ud800": NaN}}', 400, "content_not_json"),
        ("", as_json(address="doorbell", content={"times": 2**64}), 400, "content_not_json"),
        ("", as_json(address="doorbell", content={}), 400, "content_refused"),
        ("?address=", b"{}", 400, "invalid_address"),
        ("?address=doorbell&address=doorbell", b"{}", 400, "address_twice"),
        ("?address=doorbell", b"[]", 400, "body_not_object"),
        ("", as_json(address="unheard_of", content={}), 404, "address_not_open"),
        ("?address=unheard_of", b"{}", 404, "address_not_open"),
        ("?address=doorbell", b" " * (32 * 1024 + 1), 413, "body_too_large"),
        # As JSON has it, these are 18 characters each.
        ("?address=doorbell", b'{"times": [' + b"1e15," * 4000 + b"1]}", 413, "content_too_large"),
    ],
    ids=count(),
)
async def test_what_is_wrong_is_said(
    home: Home, bot: Bot, client: Client, query: str, body: bytes, status: int, code: str
) -> None:
    """And nothing happens."""
    path = await open_webhook(bot)

    response = await client.post(path + query, data=body, headers={"Content-Type": "application/json"})

    assert await told(response) == (status, code)
    assert all(device.commands == [] for device in home.values())


async def test_every_fault_of_the_content_is_named(bot: Bot, client: Client) -> None:
    """For people in a sentence, for programs in a list."""
    path = await open_webhook(bot)

    response = await client.post(f"{path}?address=doorbell", json={"tims": 2})

    answer = await response.json()
    assert answer["faults"] == [
        {"field": "tims", "expected": "times", "received": "2"},
        {"field": "times", "expected": "a number", "received": None},
    ]
    assert "tims is unknown, perhaps times is meant; times is missing" in answer["message"]


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD"])
async def test_only_post_is_taken(bot: Bot, client: Client, method: str) -> None:
    """Nothing is sent by looking."""
    path = await open_webhook(bot)

    response = await client.request(method, f"{path}?address=toggle_everything", json={"on": True})

    assert (response.status, response.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Content-Type": "text/plain"}, "media_type_unsupported"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, "media_type_unsupported"),
        ({"Content-Type": "application/json, text/plain"}, "media_type_unsupported"),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, "body_encoded"),
        ({"Content-Type": "application/json", "Content-Encoding": "deflate"}, "body_encoded"),
    ],
)
async def test_only_json_is_taken(bot: Bot, client: Client, headers: dict[str, str], code: str) -> None:
    """Nothing is guessed, nothing is unpacked."""
    path = await open_webhook(bot)
    compressed = gzip.compress(as_json(**ON))

    response = await client.post(path, data=compressed, headers=headers)

    assert await told(response) == (415, code)


async def test_the_type_may_say_more_about_the_json(bot: Bot, client: Client) -> None:
    """Many programs name the encoding."""
    path = await open_webhook(bot)

    response = await client.post(path, data=as_json(**ON), headers={"Content-Type": "Application/JSON; charset=utf-8"})

    assert response.status == 200


async def test_a_body_may_come_in_pieces(bot: Bot, client: Client) -> None:
    """Byte by byte, with or without its length."""
    path, body = await open_webhook(bot), as_json(**ON)
    pieces = [body[index : index + 1] for index in range(len(body))]
    chunks = [b"1\r\n" + piece + b"\r\n" for piece in pieces]

    with_length = await raw(client, request_head(path, f"Content-Length: {len(body)}"), *pieces, pause=0.001)
    without = await raw(client, request_head(path, "Transfer-Encoding: chunked"), *chunks, b"0\r\n\r\n", pause=0.001)

    assert with_length.startswith(b"HTTP/1.1 200")
    assert without.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("framing", ["Content-Length: 16777216", "Transfer-Encoding: chunked", "Content-Length: 90000"])
async def test_a_body_that_is_too_large_is_not_read_to_its_end(bot: Bot, client: Client, framing: str) -> None:
    """The answer comes while most of it is still at the sender."""
    path = await open_webhook(bot)
    piece = b" " * 40_000
    if framing.endswith("chunked"):
        piece = b"9c40\r\n" + piece + b"\r\n"

    answer = await raw(client, request_head(path, framing), piece)

    assert answer.startswith(b"HTTP/1.1 413")


async def test_16_mib_are_refused_like_any_other_body_that_is_too_large(bot: Bot, client: Client) -> None:
    """Sent as a whole."""
    path = await open_webhook(bot)

    response = await client.post(path, data=b"x" * 16 * 2**20, headers={"Content-Type": "application/json"})

    assert await told(response) == (413, "body_too_large")


async def test_a_body_of_a_wrong_length_does_nothing(home: Home, bot: Bot, client: Client) -> None:
    """Too short, and the sender goes away; too long, and what is cut off is no JSON."""
    path, body = await open_webhook(bot), as_json(**ON)

    await raw(client, request_head(path, f"Content-Length: {len(body) + 10}") + body, end=True)
    cut = await raw(client, request_head(path, f"Content-Length: {len(body) - 10}") + body)
    broken = await raw(client, request_head(path, "Transfer-Encoding: chunked") + b"zz\r\n" + body)

    assert cut.split(b" ")[1] == broken.split(b" ")[1] == b"400"
    assert all(device.commands == [] for device in home.values())


async def test_a_body_that_takes_too_long_is_given_up(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
    """After ten seconds."""
    stream = StreamReader(Mock(), 2**16, loop=hass.loop)
    request = make_mocked_request("POST", "/", headers={"Content-Length": "5"}, payload=stream)
    reading = asyncio.create_task(async_read_body(request))
    await ticks()

    await go_on(hass, freezer, 11)

    with pytest.raises(DoorError) as refused:
        await reading
    assert refused.value.status == HTTPStatus.REQUEST_TIMEOUT


@pytest.mark.slow
async def test_a_slow_sender_is_given_up_and_holds_nobody_up(bot: Bot, client: Client) -> None:
    """However many there are of them."""
    path, body = await open_webhook(bot), as_json(**ON)
    slow = [
        asyncio.create_task(raw(client, request_head(path, f"Content-Length: {len(body)}"), body[:5], pause=0.01))
        for _ in range(20)
    ]
    await asyncio.sleep(0.2)

    response = await client.post(path, json=ON)

    assert response.status == 200
    assert not any(task.done() for task in slow)
    assert {(await task).split(b"\r\n")[0] for task in slow} == {b"HTTP/1.1 408 Request Timeout"}


async def test_a_door_leads_into_its_own_bot_only(
    hass: HomeAssistant, home: Home, add_bot: AddBot, client: Client
) -> None:
    """Another bot that opened the address has a door of its own, or none."""
    anna = await add_bot("Anna", target={"entity_id": ["light.kitchen"]})
    await add_bot("Bo", target={"entity_id": ["light.porch"]})
    path = await open_webhook(anna)

    receipt = await (await client.post(path, json=ON)).json()

    assert [delivery["bot"] for delivery in receipt["handled"]] == ["Anna"]
    assert [entity_id for entity_id in home if is_on(hass, entity_id)] == ["light.kitchen"]


async def test_an_address_that_is_not_open_to_the_outside_is_as_good_as_none(bot: Bot, client: Client) -> None:
    """Whether the bot knows it or not."""
    await add_stream(bot, "inside", external=False)
    path = await open_webhook(bot)

    answers = [await (await client.post(path, json={"address": address})).json() for address in ("inside", "nothere")]

    assert answers[0]["message"].replace("inside", "nothere") == answers[1]["message"]


async def test_the_sender_cannot_pretend_to_be_somebody(hass: HomeAssistant, bot: Bot, client: Client) -> None:
    """What the envelope says, the door says."""
    events: list[Event] = async_capture_events(hass, "datastream_bot_message")
    await add_stream(bot, "news")
    path = await open_webhook(bot)

    content = {"sender": "me", "hops": 7, "origin": "action", "id": "1", "address": "other"}
    await client.post(path, json={"address": "news", "content": content})

    (event,) = events
    assert event.data["content"] == content
    assert {key: event.data[key] for key in ("address", "sender", "hops", "origin")} == {
        "address": "news",
        "sender": None,
        "hops": 0,
        "origin": "webhook",
    }
    assert event.context.user_id is None


async def test_unknown_closed_and_wrongly_signed_look_alike(
    hass: HomeAssistant, bot: Bot, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody learns by trying whether there is a door."""
    caplog.set_level(logging.DEBUG)
    path, body = await open_webhook(bot), as_json(**ON)
    await open_doors(bot)
    closed = await client.post(path, data=body, headers={"Content-Type": "application/json"})
    await open_doors(bot, webhook=OPEN | {"signed": True})
    answers = [
        closed,
        await client.post("/api/webhook/unknown", json=ON),
        await client.post(path, json=ON),
        await client.post(path, data=body, headers=signed(bot, body + b" ")),
        await client.post(path, data=body, headers=signed(bot, body) | {"X-Datastream-Timestamp": "1"}),
        await client.post(path, data=body, headers=signed(bot, body) | {"X-Datastream-Timestamp": "x"}),
        await client.post(path, data=body, headers=signed(bot, body) | {"X-Datastream-Signature": "\u00e9"}),
        await client.post(path, data=b"x" * 40_000, headers=signed(bot, body)),
        await client.get(path),
        await client.put(path, data=b"x"),
    ]

    def seen(response: Any, body: bytes) -> tuple[Any, ...]:
        headers = {name: value for name, value in response.headers.items() if name != "Date"}
        return response.status, body, headers

    assert [seen(answer, await answer.read()) for answer in answers] == [seen(answers[0], b"")] * len(answers)
    webhook_id = path.rsplit("/", 1)[-1]
    logged = [one for one in caplog.records if one.levelno >= logging.INFO and one.name != "aiohttp.access"]
    assert not [one for one in logged if webhook_id in one.getMessage()]
    assert (await seen_at(bot.entry.runtime_data, "webhook"))["counts"] == {"wrong_signature": 8}


async def test_what_cannot_be_unpacked_cannot_be_signed(bot: Bot, client: Client) -> None:
    """Nor does it break anything."""
    path = await open_webhook(bot, signed=True)

    response = await client.post(path, data=b"no gzip", headers=signed(bot, b"no gzip") | {"Content-Encoding": "gzip"})

    assert (response.status, await response.read()) == (200, b"")


async def test_whoever_cannot_sign_is_not_waited_for(bot: Bot, client: Client) -> None:
    """Nobody is, at a URL that is not there."""
    path = await open_webhook(bot, signed=True)
    async with asyncio.timeout(2):
        answer = await raw(client, request_head(path, "Content-Length: 100", "Connection: close"), b"x")
    assert answer.startswith(b"HTTP/1.1 200")


async def test_what_was_seen_is_on_disk_in_a_second_however_much_comes(
    hass: HomeAssistant, hass_storage: dict[str, Any], bot: Bot, client: Client, freezer: FrozenDateTimeFactory
) -> None:
    """A power cut must not let anybody send again what was recorded before it."""
    path, body = await open_webhook(bot, signed=True), as_json(**ON)
    for _ in range(10):
        await client.post(path, data=body, headers=signed(bot, body))
        freezer.tick(0.4)
        async_fire_time_changed(hass, dt_util.utcnow())
        await hass.async_block_till_done()

    assert len(hass_storage[f"datastream_bot.{bot.bot_id}.signatures"]["data"]) >= 6


@pytest.mark.warns
@pytest.mark.parametrize("result", ["{{ 2**70 }}", "{{ [2**64] }}"])
async def test_what_comes_of_a_message_may_be_anything(
    hass: HomeAssistant, bot: Bot, client: Client, result: str
) -> None:
    """What JSON cannot carry has failed, and the receipt says so."""
    actions = [{"variables": {"answer": {"big": result}}}, {"stop": "", "response_variable": "answer"}]
    await add_stream(bot, "count", actions=actions)
    path = await open_webhook(bot)

    response = await client.post(f"{path}?address=count")

    assert response.status == 200
    (failed,) = (await response.json())["failed"]
    assert failed["error"].startswith("What came of it is nothing that JSON can carry")


@pytest.mark.warns
@pytest.mark.parametrize(("is_signed", "status"), [(False, 500), (True, 200)])
async def test_no_error_of_ours_shows_the_url(
    bot: Bot,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    *,
    is_signed: bool,
    status: int,
) -> None:
    """Neither in the log nor to whoever cannot sign."""

    async def broken(request: Any) -> bytes:
        raise RuntimeError

    monkeypatch.setattr(webhook, "async_read_body", broken)
    path, body = await open_webhook(bot, signed=is_signed), as_json(**ON)

    response = await client.post(path, data=body, headers=signed(bot, body))

    assert (response.status, await response.read()) == (status, b"")
    assert "The webhook of Home failed" in caplog.text


async def test_a_signed_request_is_taken_once(hass: HomeAssistant, home: Home, bot: Bot, client: Client) -> None:
    """Whoever records it cannot send it again, not even when the bot was reloaded meanwhile."""
    path, body = await open_webhook(bot, signed=True), as_json(**ON)
    headers = signed(bot, body)

    first = await client.post(path, data=body, headers=headers)
    again = await client.post(path, data=body, headers=headers)
    await hass.config_entries.async_reload(bot.bot_id)
    after = await client.post(path, data=body, headers=headers)
    another = await client.post(path, data=body, headers=signed(bot, body))

    assert [len(await answer.read()) > 0 for answer in (first, again, after, another)] == [True, False, False, True]
    assert home["light.kitchen"].commands == [True, True]


async def test_a_signed_request_is_taken_once_though_the_clock_jumps(
    home: Home, bot: Bot, client: Client, set_clock: SetClock
) -> None:
    """Two days forward, and back again, as the clocks of small computers do."""
    path, body = await open_webhook(bot, signed=True), as_json(**ON)
    headers = signed(bot, body)
    answers = [await client.post(path, data=body, headers=headers)]
    set_clock(timedelta(days=2))
    answers.append(await client.post(path, data=body, headers=signed(bot, body)))
    set_clock(timedelta(days=-2))
    answers.append(await client.post(path, data=body, headers=headers))

    assert [len(await answer.read()) > 0 for answer in answers] == [True, True, False]
    assert home["light.kitchen"].commands == [True, True]


@pytest.mark.parametrize(("seconds", "taken"), [(-290, True), (290, True), (-310, False), (310, False)])
async def test_the_clocks_may_differ_by_five_minutes(
    hass: HomeAssistant, bot: Bot, client: Client, seconds: float, *, taken: bool
) -> None:
    """Older requests are as good as recorded ones."""
    path, body = await open_webhook(bot, signed=True), as_json(**ON)

    response = await client.post(path, data=body, headers=signed(bot, body, seconds=seconds))

    assert (len(await response.read()) > 0) is taken


async def test_what_was_seen_is_forgotten_when_it_is_too_old_to_come_again(
    hass: HomeAssistant, hass_storage: dict[str, Any], bot: Bot, client: Client, freezer: FrozenDateTimeFactory
) -> None:
    """Or the memory would grow for years."""
    path, body = await open_webhook(bot, signed=True), as_json(**ON)
    for _ in range(3):
        await client.post(path, data=body, headers=signed(bot, body))
        freezer.tick(400)
    await hass.config_entries.async_unload(bot.bot_id)

    assert len(hass_storage[f"datastream_bot.{bot.bot_id}.signatures"]["data"]) == 2
    await hass.config_entries.async_remove(bot.bot_id)
    assert f"datastream_bot.{bot.bot_id}.signatures" not in hass_storage


@pytest.mark.parametrize(
    ("query", "headers", "status", "code"),
    [
        ("?address=doorbell", {}, 400, "query_not_signed"),
        ("", {"Content-Type": "text/plain"}, 415, "media_type_unsupported"),
    ],
)
async def test_who_signs_is_told_what_is_wrong(
    bot: Bot, client: Client, query: str, headers: dict[str, str], status: int, code: str
) -> None:
    """Nobody else is."""
    path, body = await open_webhook(bot, signed=True), as_json(**ON)

    response = await client.post(path + query, data=body, headers=signed(bot, body) | headers)

    assert await told(response) == (status, code)


async def test_a_local_door_does_not_answer_the_internet(
    hass: HomeAssistant,
    home: Home,
    add_bot: AddBot,
    hass_client_no_auth: ClientSessionGenerator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nor does the URL get into the log because somebody tried."""
    caplog.set_level(logging.INFO)
    assert await async_setup_component(
        hass, "http", {"http": {"use_x_forwarded_for": True, "trusted_proxies": ["127.0.0.1"]}}
    )
    bot = await add_bot()
    client = await go_online(hass, hass_client_no_auth)
    path = await open_webhook(bot)
    outside = {"X-Forwarded-For": "203.0.113.7"}

    refused = await client.post(path, json=ON, headers=outside)
    local = await client.post(path, json=ON, headers={"X-Forwarded-For": "192.168.1.7"})
    counts = (await seen_at(bot.entry.runtime_data, "webhook"))["counts"]
    await open_doors(bot, webhook={"open": True, "local_only": False})
    taken = await client.post(path, json=ON, headers=outside)

    assert [len(await answer.read()) > 0 for answer in (refused, local, taken)] == [False, True, True]
    assert counts == {"not_local": 1, "accepted": 1}
    webhook_id = path.rsplit("/", 1)[-1]
    assert not [one for one in caplog.records if webhook_id in one.getMessage() and one.name != "aiohttp.access"]


async def test_it_works_over_home_assistants_own_connection_too(
    hass: HomeAssistant, bot: Bot, hass_ws_client: WebSocketGenerator
) -> None:
    """Apps hand webhooks on over it, and the cloud does it in the same way."""
    path = await open_webhook(bot)
    websocket = await hass_ws_client(hass)

    await websocket.send_json_auto_id(
        {
            "type": "webhook/handle",
            "webhook_id": path.rsplit("/", 1)[-1],
            "method": "POST",
            "headers": {"Content-Type": "application/json"},
            "body": json.dumps(ON),
        }
    )

    result = (await websocket.receive_json())["result"]
    assert (result["status"], len(json.loads(result["body"])["handled"])) == (200, 1)


@pytest.mark.parametrize("remote", [None, "not an address"])
async def test_whoever_comes_from_nowhere_is_not_local(hass: HomeAssistant, bot: Bot, remote: str | None) -> None:
    """Requests that the cloud hands on have no address."""
    await open_doors(bot, webhook=OPEN)
    (door,) = open_webhooks(hass, webhook.WebhookDoor)
    assert not door.admits(remote)


@pytest.mark.parametrize("is_signed", [False, True])
async def test_a_bot_that_is_removed_during_a_request_looks_as_if_it_had_never_been_there(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    home: Home,
    bot: Bot,
    client: Client,
    *,
    is_signed: bool,
) -> None:
    """The message has not begun, so it is not sent; and nothing is left of the bot."""
    path, body = await open_webhook(bot, signed=is_signed), as_json(**ON)
    headers = [f"{name}: {value}" for name, value in signed(bot, body).items() if name != "Content-Type"]

    async def leave() -> None:
        await asyncio.sleep(0.1)
        await hass.config_entries.async_remove(bot.bot_id)

    leaving = asyncio.create_task(leave())
    head = request_head(path, f"Content-Length: {len(body)}", *headers)
    answer = await raw(client, head, body[:5], body[5:], pause=0.3)
    await leaving
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=5))
    await hass.async_block_till_done()
    assert not [key for key in hass_storage if bot.bot_id in key]

    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"\r\n\r\n")
    assert home["light.kitchen"].commands == []


@pytest.mark.parametrize("is_signed", [False, True])
async def test_a_bot_that_is_loaded_anew_during_a_request_asks_to_come_again(
    hass: HomeAssistant, home: Home, bot: Bot, client: Client, *, is_signed: bool
) -> None:
    """And takes the same request then."""
    path, body = await open_webhook(bot, signed=is_signed), as_json(**ON)
    headers = signed(bot, body)
    pieces = [f"{name}: {value}" for name, value in headers.items() if name != "Content-Type"]

    async def leave() -> None:
        await asyncio.sleep(0.1)
        await hass.config_entries.async_reload(bot.bot_id)

    leaving = asyncio.create_task(leave())
    head = request_head(path, f"Content-Length: {len(body)}", *pieces)
    answer = await raw(client, head, body[:5], body[5:], pause=0.3)
    await leaving

    assert answer.startswith(b"HTTP/1.1 503")
    assert home["light.kitchen"].commands == []
    assert (await client.post(path, data=body, headers=headers)).status == 200
    assert home["light.kitchen"].commands == [True]


async def test_while_a_bot_is_not_loaded_only_who_may_know_of_it_is_told_to_come_again(
    hass: HomeAssistant, bot: Bot, client: Client
) -> None:
    """To all others it is not there, as ever."""
    path, body = await open_webhook(bot, signed=True), as_json(**ON)
    await hass.config_entries.async_unload(bot.bot_id)
    secret = bot.entry.options["doors"]["webhook"]["secret"]
    stamp = f"{time.time():.6f}"
    headers = {"X-Datastream-Timestamp": stamp, "X-Datastream-Signature": sign(secret, stamp, body)}

    assert await come_again(await client.post(path, data=body, headers=headers))
    assert not await come_again(await client.post(path, data=body + b" ", headers=headers))
    assert not await come_again(await client.post(path, data=body))


async def test_while_a_bot_is_not_loaded_its_webhook_asks_to_come_again_unless_it_is_closed(
    hass: HomeAssistant, bot: Bot, client: Client
) -> None:
    """Or the bot is disabled: that may be for weeks."""
    path = await open_webhook(bot)
    await hass.config_entries.async_unload(bot.bot_id)
    assert await come_again(await client.post(path, json=ON))
    await hass.config_entries.async_setup(bot.bot_id)
    await hass.config_entries.async_set_disabled_by(bot.bot_id, ConfigEntryDisabler.USER)
    assert not await come_again(await client.post(path, json=ON))
    await hass.config_entries.async_set_disabled_by(bot.bot_id, None)
    await open_doors(bot, webhook={"open": False})
    await hass.config_entries.async_unload(bot.bot_id)
    assert not await come_again(await client.post(path, json=ON))


@pytest.mark.warns
async def test_a_webhook_asks_to_come_again_from_the_start_on(
    hass: HomeAssistant, hass_client_no_auth: ClientSessionGenerator, enable_custom_integrations: None
) -> None:
    """Before its bot is loaded, which this one never is; nobody outside learns of a local one."""
    trusting = {"use_x_forwarded_for": True, "trusted_proxies": ["127.0.0.1"]}
    assert await async_setup_component(hass, "http", {"http": trusting})
    webhooks = {
        local_only: {"open": True, "webhook_id": f"{local_only}" * 9, "local_only": local_only}
        for local_only in (False, True)
    }
    for settings in webhooks.values():
        # Of a version to come.
        MockConfigEntry(domain=DOMAIN, version=9, options={"doors": {"webhook": settings}}).add_to_hass(hass)
    await async_setup_component(hass, DOMAIN, {})
    client = await go_online(hass, hass_client_no_auth)

    paths = [f"/api/webhook/{settings['webhook_id']}" for settings in webhooks.values()]
    assert [await come_again(await client.post(path, json=ON)) for path in paths] == [True, True]
    outside = {"X-Forwarded-For": "203.0.113.7"}
    assert [await come_again(await client.post(path, json=ON, headers=outside)) for path in paths] == [True, False]


async def test_a_bot_that_goes_during_a_message_finishes_it(
    hass: HomeAssistant, home: Home, bot: Bot, client: Client
) -> None:
    """The sender gets its receipt."""
    path = await open_webhook(bot)
    home["light.kitchen"].responding.clear()
    sending = asyncio.create_task(client.post(path, json=ON))
    await until(lambda: home["light.kitchen"].commands == [True])

    await hass.config_entries.async_remove(bot.bot_id)
    home["light.kitchen"].responding.set()

    response = await sending
    assert (response.status, len((await response.json())["handled"])) == (200, 1)


async def test_a_webhook_that_was_never_opened_is_not_there(
    hass: HomeAssistant, bot: Bot, client: Client, send: Send
) -> None:
    """Nor is the part of Home Assistant that it needs."""
    assert "webhook" not in hass.config.components
    assert [door.origin for door in bot.doors] == ["http"]


async def test_it_survives_a_restart(hass: HomeAssistant, bot: Bot, client: Client) -> None:
    """With the same URL."""
    path = await open_webhook(bot)

    for _ in range(2):
        assert await hass.config_entries.async_reload(bot.bot_id)
        assert bot.entry.state is ConfigEntryState.LOADED

    assert (await client.post(path, json=ON)).status == 200


async def test_a_new_url_is_made_on_request_only(bot: Bot, client: Client) -> None:
    """The former one is gone then."""
    first = await open_webhook(bot)
    await open_doors(bot)
    same = await open_webhook(bot)
    secret = bot.entry.options["doors"]["webhook"]["secret"]
    other = await open_webhook(bot, renew="url_and_secret")

    assert first == same != other
    assert bot.entry.options["doors"]["webhook"]["secret"] != secret
    assert await (await client.post(first, json=ON)).read() == b""
    assert (await client.post(other, json=ON)).status == 200


async def test_the_form_shows_the_url_before_it_opens_the_door(hass: HomeAssistant, bot: Bot, client: Client) -> None:
    """Whoever closes it there has changed nothing."""
    await hass.config.async_update(internal_url="http://192.168.1.2:8123", external_url="https://example.com")

    local = await fill_doors(bot, webhook=OPEN)
    everywhere = await fill_doors(bot, webhook={"open": True, "local_only": False, "signed": True})

    assert local["step_id"] == "webhook"
    assert local["description_placeholders"]["url"].startswith("http://192.168.1.2:8123/api/webhook/")
    assert everywhere["step_id"] == "webhook_signed"
    assert everywhere["description_placeholders"]["url"].startswith("https://example.com/api/webhook/")
    assert everywhere["description_placeholders"]["secret"].startswith("whsec_")
    assert "doors" not in bot.entry.options


async def test_the_line_for_a_terminal_notifies(
    hass: HomeAssistant, bot: Bot, client: Client, notifications: list[dict[str, Any]]
) -> None:
    """As it is shown beside the URL, which is there to select and to scan, and so is the secret to select."""
    await hass.config.async_update(internal_url="http://192.168.1.2:8123")
    shown = await fill_doors(bot, webhook=OPEN)
    *_, message, url = shlex.split(shown["description_placeholders"]["curl"])
    as_shown = shown["data_schema"]({})
    await hass.config_entries.options.async_configure(shown["flow_id"], as_shown)
    await hass.async_block_till_done()

    answer = await client.post(URL(url).path, data=message, headers={"Content-Type": "application/json"})
    assert (answer.status, ["Hello" in each["message"] for each in notifications]) == (200, [True])
    assert url == as_shown["url"] == shown["data_schema"].schema["qr_code"].config["data"]
    signed_one = await fill_doors(bot, webhook=OPEN | {"signed": True})
    assert signed_one["data_schema"]({})["secret"] == bot.entry.options["doors"]["webhook"]["secret"]


async def test_without_an_address_of_its_own_home_assistant_shows_the_path(
    hass: HomeAssistant, bot: Bot, client: Client
) -> None:
    """That is all there is to know."""
    hass.config.api = None

    shown = await fill_doors(bot, webhook=OPEN)

    assert shown["description_placeholders"]["url"].startswith("/api/webhook/")


@pytest.mark.parametrize("error", [ConnectionResetError(), RequestPayloadError(), HttpProcessingError()])
async def test_a_body_that_breaks_off_is_refused(error: Exception) -> None:
    """As the server tells of it when a connection breaks."""
    body = StreamReader(Mock(), 2**16, loop=asyncio.get_running_loop())
    body.feed_data(b"{")
    body.set_exception(error)
    with pytest.raises(DoorError) as refused:
        await async_read_body(make_mocked_request("POST", "/", payload=body))
    assert (refused.value.status, refused.value.code) == (400, "body_broken")


def test_what_is_nested_deeper_than_python_can_go_is_too_deep_as_well() -> None:
    """How deep that is depends on where it runs."""
    refused: list[str] = []

    def read() -> None:
        with pytest.raises(MessageError) as error:
            read_message(MultiDict(), DEEP)
        refused.append(error.value.code)

    former = threading.stack_size(256 * 1024)
    reading = threading.Thread(target=read)
    reading.start()
    reading.join()
    threading.stack_size(former)

    assert refused == ["content_too_deep"]
