"""The authenticated door, over real HTTP."""

import asyncio
import time
from typing import Any

from homeassistant.auth.const import GROUP_ID_READ_ONLY
from homeassistant.auth.models import Group
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import Event, HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockUser, async_capture_events

from .conftest import AddBot, Home
from .doors import Client, as_json, raw, request_head, token_of, told
from .home import is_on
from .streams import add_stream, remove_stream, row

STREAM = "/api/datastream_bot/Home/stream"
ON = {"address": "toggle_everything", "content": {"on": True}}


@pytest.fixture
def bearer(hass_access_token: str) -> dict[str, str]:
    """Return the header of somebody who has a token."""
    return {"Authorization": f"Bearer {hass_access_token}"}


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("", ON),
        ("", {"address": "toggle_everything", "feed": {"on": True}}),
        ("?address=toggle_everything", {"on": True}),
    ],
)
async def test_a_message_is_answered_with_its_receipt(
    hass: HomeAssistant,
    home: Home,
    add_bot: AddBot,
    client: Client,
    bearer: dict[str, str],
    query: str,
    body: dict[str, Any],
) -> None:
    """Without opening anything: whoever has a token can send by the action as well."""
    await add_bot("Home")

    response = await client.post(STREAM + query, json=body, headers=bearer)

    assert response.status == 200
    assert [delivery["receiver"] for delivery in (await response.json())["handled"]] == ["device"]
    assert all(is_on(hass, entity_id) for entity_id in home)


async def test_the_bot_is_named_by_its_id_or_by_its_name(
    home: Home, add_bot: AddBot, client: Client, bearer: dict[str, str]
) -> None:
    """Or not at all: then all bots that opened the address receive the message."""
    garden = await add_bot("Garden & a/b")
    await add_bot("Home")
    paths = [f"{garden.bot_id}/stream", "garden%20%26%20A%2Fb/stream", "HOME/stream", "stream"]

    bots = []
    for path in paths:
        response = await client.post(f"/api/datastream_bot/{path}", json=ON, headers=bearer)
        bots.append([delivery["bot"] for delivery in (await response.json())["handled"]])

    assert bots == [["Garden & a/b"], ["Garden & a/b"], ["Home"], ["Garden & a/b", "Home"]]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/api/datastream_bot/Hut/stream", as_json(**ON), 404, "bot_not_found"),
        ("POST", f"{STREAM}?address=nowhere", b"{}", 404, "address_not_open"),
        ("POST", "/api/datastream_bot/stream?address=nowhere", b"{}", 404, "address_not_open"),
        ("POST", STREAM, b"{", 400, "body_not_json"),
        ("POST", f"{STREAM}?address=toggle_everything", b'{"on": "perhaps"}', 400, "content_refused"),
        ("POST", STREAM, b" " * 40_000, 413, "body_too_large"),
        ("GET", STREAM, b"", 405, "method_not_allowed"),
        ("PUT", STREAM, as_json(**ON), 405, "method_not_allowed"),
        ("PATCH", STREAM, as_json(**ON), 405, "method_not_allowed"),
        ("DELETE", STREAM, b"", 405, "method_not_allowed"),
    ],
)
async def test_what_is_wrong_is_said(
    home: Home,
    add_bot: AddBot,
    client: Client,
    bearer: dict[str, str],
    method: str,
    path: str,
    body: bytes,
    status: int,
    code: str,
) -> None:
    """As at every other door."""
    await add_bot("Home")
    headers = bearer | {"Content-Type": "application/json"}

    assert await told(await client.request(method, path, data=body, headers=headers)) == (status, code)
    assert all(device.commands == [] for device in home.values())


@pytest.mark.warns
@pytest.mark.parametrize("path", [STREAM, "/api/datastream_bot/stream", "/api/datastream_bot/Hut/stream"])
async def test_without_a_token_nobody_is_answered(add_bot: AddBot, client: Client, path: str) -> None:
    """Whether there is such a bot or not."""
    await add_bot("Home")

    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer \u00e9"}):
        response = await client.post(path, json=ON, headers=headers)
        assert (response.status, await response.text()) == (401, "401: Unauthorized")


@pytest.mark.warns
async def test_the_users_rights_hold_down_to_the_entity(
    hass: HomeAssistant, home: Home, add_bot: AddBot, client: Client
) -> None:
    """Nobody has to be an administrator, and nobody can do more here than elsewhere."""
    events: list[Event] = async_capture_events(hass, "datastream_bot_message")
    await add_bot("Home")
    policy: Any = {"entities": {"entity_ids": {"light.porch": {"control": True, "read": True}}}}
    user = MockUser(name="Child", groups=[Group(name="Children", policy=policy)])

    response = await client.post(STREAM, json=ON, headers=await token_of(hass, user))

    assert response.status == 200
    (failed,) = (await response.json())["failed"]
    assert failed["result"]["switched"] == ["light.porch"]
    assert (failed["result"]["failed"], failed["result"]["more"]) == ({}, {"failed": 2})
    assert [entity_id for entity_id in home if is_on(hass, entity_id)] == ["light.porch"]
    assert (events[0].context.user_id, events[0].data["origin"]) == (user.id, "http")


@pytest.mark.warns
async def test_who_may_only_look_switches_nothing(
    hass: HomeAssistant, home: Home, add_bot: AddBot, client: Client
) -> None:
    """As with any other action."""
    await add_bot("Home")
    group = await hass.auth.async_get_group(GROUP_ID_READ_ONLY)
    assert group is not None

    response = await client.post(STREAM, json=ON, headers=await token_of(hass, MockUser(groups=[group])))

    assert [delivery["receiver"] for delivery in (await response.json())["failed"]] == ["device"]
    assert all(device.commands == [] for device in home.values())


async def test_while_a_bot_is_loaded_anew_its_senders_are_asked_to_come_again(
    hass: HomeAssistant, home: Home, add_bot: AddBot, client: Client, bearer: dict[str, str]
) -> None:
    """By whatever they name it; what no bot opens, or no bot is called, is not there as ever."""
    bot = await add_bot("Home")
    await remove_stream(await add_bot("Office"), "toggle_everything")
    await hass.config_entries.async_unload(bot.bot_id)

    for path in (STREAM, f"/api/datastream_bot/{bot.bot_id}/stream", "/api/datastream_bot/stream"):
        response = await client.post(path, json=ON, headers=bearer)
        assert (await told(response), response.headers["Retry-After"]) == ((503, "bot_not_ready"), "5")
    for path, body in (
        ("/api/datastream_bot/Cottage/stream", ON),
        ("/api/datastream_bot/stream", {"address": "unknown"}),
    ):
        assert (await client.post(path, json=body, headers=bearer)).status == 404
    await hass.config_entries.async_set_disabled_by(bot.bot_id, ConfigEntryDisabler.USER)
    assert (await client.post(STREAM, json=ON, headers=bearer)).status == 404


async def test_a_bot_that_goes_during_a_request_is_not_there(
    hass: HomeAssistant, home: Home, add_bot: AddBot, client: Client, bearer: dict[str, str]
) -> None:
    """The message has not begun, so it is not sent."""
    bot = await add_bot("Home")
    body = as_json(**ON)

    async def leave() -> None:
        await asyncio.sleep(0.1)
        await hass.config_entries.async_remove(bot.bot_id)

    leaving = asyncio.create_task(leave())
    head = request_head(STREAM, f"Content-Length: {len(body)}", f"Authorization: {bearer['Authorization']}")
    answer = await raw(client, head, body[:5], body[5:], pause=0.3)
    await leaving

    assert answer.startswith(b"HTTP/1.1 404")
    assert home["light.kitchen"].commands == []


@pytest.mark.warns
@pytest.mark.usefixtures("no_stack_traces")
async def test_a_thousand_requests_at_once(
    hass: HomeAssistant, home: Home, add_bot: AddBot, client: Client, bearer: dict[str, str]
) -> None:
    """As many as the limit says are served, the others are told when to come again, and none is lost."""
    bot = await add_bot("Home")
    await add_stream(bot, "doorbell", fields=[row("times", "number", required=True)])
    events: list[Event] = async_capture_events(hass, "datastream_bot_message")

    async def send(number: int) -> tuple[int, str | None]:
        message = {"address": "doorbell", "content": {"times": number}}
        async with client.post(STREAM, json=message, headers=bearer) as response:
            await response.read()
            return response.status, response.headers.get("Retry-After")

    start = time.monotonic()
    answers = await asyncio.gather(*(send(number) for number in range(1000)))
    seconds = time.monotonic() - start

    served = [number for number, (status, _) in enumerate(answers) if status == 200]
    assert 50 <= len(served) <= 51 + 10 * seconds
    assert {status for status, _ in answers} == {200, 429}
    assert {after for status, after in answers if status == 429} <= {"1", "2"}
    assert sorted(event.data["content"]["times"] for event in events) == served
