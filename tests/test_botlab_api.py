"""The BotLab-compatible API: what BotLab's own scripts ask, over real HTTP."""

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import Awaitable
from datetime import timedelta
import json
from pathlib import Path
import time
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.auth import auth_manager_from_config
from homeassistant.auth.const import GROUP_ID_USER
from homeassistant.auth.models import User
from homeassistant.auth.providers.homeassistant import async_get_provider
from homeassistant.components.http import ban
from homeassistant.core import Event, HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events, ensure_auth_manager_loaded
import requests

from custom_components.datastream_bot.bot import Bot, loaded_bots
from custom_components.datastream_bot.doors.botlab_api import machine_of
from custom_components.datastream_bot.rate_limit import TokenBuckets

from .conftest import AddBot, Home
from .doors import OPEN, Client, as_json, go_online, open_doors, raw, request_head
from .home import is_on, seen_at
from .streams import add_stream

LOGIN, USER, STREAM = "/cloud/json/login", "/cloud/json/user", "/cloud/appstore/stream"
PASSWORD = "geheim"  # noqa: S105
ON = {"feed": {"on": True}}


@pytest.fixture
async def user(hass: HomeAssistant) -> User:
    """Let Anna have a user name and a password; she is no administrator."""
    hass.auth = await auth_manager_from_config(
        hass, [{"type": "homeassistant"}], [{"type": "insecure_example", "data": []}]
    )
    ensure_auth_manager_loaded(hass.auth)
    provider = async_get_provider(hass)
    await provider.async_initialize()
    return await _add_user(hass, "anna", PASSWORD)


async def _add_user(hass: HomeAssistant, username: str, password: str, **settings: Any) -> User:
    provider = async_get_provider(hass)
    await provider.async_add_auth(username, password)
    user = await hass.auth.async_create_user(username.title(), group_ids=[GROUP_ID_USER], **settings)
    await hass.auth.async_link_user(user, await provider.async_get_or_create_credentials({"username": username}))
    return user


@pytest.fixture
async def bot(user: User, home: Home, add_bot: AddBot, client: Client) -> Bot:
    """Return a bot that opened the API."""
    return await open_doors(await add_bot("Home"), cloud_api=OPEN)


async def log_in(client: Client, username: str = "anna", password: str = PASSWORD, **headers: str) -> Any:
    """Log in and return the answer."""
    response = await client.get(LOGIN, params={"username": username}, headers={"PASSWORD": password, **headers})
    return await response.json()


async def key_of(client: Client) -> dict[str, str]:
    """Log in and return the header with the key."""
    return {"API_KEY": (await log_in(client))["key"]}


def send_as_botlabs_scripts_do(server: str, username: str, password: str, address: str, content: Any) -> str:
    """Send with `requests`, one after the other what those scripts ask; return what they print, or raise."""

    def checked(response: requests.Response) -> Any:
        answer = json.loads(response.text)
        if answer["resultCode"] > 0:
            raise RuntimeError(answer["resultCodeMessage"])
        return answer

    headers = {"PASSWORD": password, "Content-Type": "application/json"}
    key = checked(requests.get(f"{server}{LOGIN}", params={"username": username}, headers=headers, timeout=10))["key"]
    headers = {"PRESENCE_API_KEY": key, "Content-Type": "application/json"}
    checked(requests.get(f"{server}{USER}", headers=headers, timeout=10))
    response = requests.post(
        f"{server}{STREAM}/",
        params={"address": address, "organizational": "1"},
        data=json.dumps({"feed": content}),
        headers={"API_KEY": key, "Content-Type": "application/json"},
        timeout=10,
    )
    checked(response)
    return response.text


@pytest.mark.parametrize("on", [True, False])
async def test_botlabs_scripts_toggle_everything(
    hass: HomeAssistant, home: Home, bot: Bot, user: User, client: Client, *, on: bool
) -> None:
    """Without a change in them."""
    events: list[Event] = async_capture_events(hass, "datastream_bot_message")
    server = str(client.make_url("")).rstrip("/")

    printed = await hass.async_add_executor_job(
        send_as_botlabs_scripts_do, server, "anna", PASSWORD, "toggle_everything", {"on": on}
    )

    receipt = json.loads(printed)
    assert (receipt["resultCode"], receipt["handled"][0]["result"]["switched"]) == (0, list(home))
    assert all(is_on(hass, entity_id) is on for entity_id in home)
    assert (events[0].context.user_id, events[0].data["origin"]) == (user.id, "cloud_api")


async def test_botlabs_scripts_notify(
    hass: HomeAssistant, bot: Bot, client: Client, notifications: list[dict[str, Any]]
) -> None:
    """With a content of several fields."""
    server, content = str(client.make_url("")).rstrip("/"), {"title": "Lesson 6", "message": "Hello"}

    await hass.async_add_executor_job(
        send_as_botlabs_scripts_do, server, "anna", PASSWORD, "send_push_notification", content
    )

    assert [(shown["title"], shown["message"].splitlines()[0]) for shown in notifications] == [("Lesson 6", "Hello")]


@pytest.mark.parametrize("path", [STREAM, f"{STREAM}/"])
@pytest.mark.parametrize("query", [{}, {"organizational": "1"}, {"scope": "1", "locationId": "7"}])
async def test_the_parameters_of_botlabs_cloud_are_taken(
    hass: HomeAssistant, bot: Bot, client: Client, path: str, query: dict[str, str]
) -> None:
    """There is one home here, whatever they say."""
    params = {"address": "toggle_everything", **query}

    response = await client.post(path, params=params, json=ON, headers=await key_of(client))

    assert (response.status, (await response.json())["resultCode"]) == (200, 0)


@pytest.mark.parametrize("header", ["API_KEY", "PRESENCE_API_KEY"])
async def test_the_key_tells_whose_it_is(
    hass: HomeAssistant, bot: Bot, user: User, client: Client, header: str
) -> None:
    """Under either of the two names that BotLab has for it."""
    key = (await log_in(client))["key"]

    answer = await (await client.get(USER, headers={header: key})).json()

    assert answer == {
        "resultCode": 0,
        "user": {"id": user.id, "userName": "Anna", "firstName": "Anna"},
        "locations": [{"id": 1, "name": "test home"}],
    }


@pytest.mark.parametrize(
    ("params", "body", "headers", "status", "code", "result"),
    [
        ([], b"{}", {}, 400, "address_missing", 9),
        ([("address", "x y")], b"{}", {}, 400, "invalid_address", 8),
        ([("address", "a"), ("address", "b")], b"{}", {}, 400, "address_twice", 8),
        ([("address", "nowhere")], b"{}", {}, 404, "address_not_open", 6),
        ([("address", "toggle_everything")], b'{"feed": {"on": 2}}', {}, 400, "content_refused", 8),
        ([("address", "toggle_everything")], b'{"feed": 1}', {}, 400, "content_not_object", 8),
        ([("address", "toggle_everything")], b'{"feed": {}, "bots": [1]}', {}, 400, "body_keys_unknown", 8),
        ([("address", "toggle_everything")], b"{", {}, 400, "body_not_json", 8),
        ([("address", "toggle_everything")], b" " * 40_000, {}, 413, "body_too_large", 8),
        ([("address", "toggle_everything")], b"{}", {"Content-Type": "text/plain"}, 415, "media_type_unsupported", 8),
    ],
)
async def test_what_is_wrong_is_said_in_botlabs_way(
    home: Home,
    bot: Bot,
    client: Client,
    params: list[tuple[str, str]],
    body: bytes,
    headers: dict[str, str],
    status: int,
    code: str,
    result: int,
) -> None:
    """And in ours."""
    headers = {"Content-Type": "application/json", **await key_of(client), **headers}

    response = await client.post(STREAM, params=params, data=body, headers=headers)

    answer = await response.json()
    assert (response.status, answer["code"], answer["resultCode"]) == (status, code, result)
    assert answer["resultCodeMessage"] == answer["message"] != ""
    assert all(device.commands == [] for device in home.values())


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("POST", LOGIN, "GET"), ("DELETE", USER, "GET"), ("GET", STREAM, "POST"), ("PUT", STREAM, "POST")],
)
async def test_only_botlabs_methods_are_taken(bot: Bot, client: Client, method: str, path: str, allowed: str) -> None:
    """Nothing is sent by looking."""
    response = await client.request(method, path)
    assert (response.status, response.headers["Allow"]) == (405, allowed)
    assert (await response.json())["resultCode"] == 8


@pytest.mark.warns
@pytest.mark.parametrize("path", [USER, STREAM])
@pytest.mark.parametrize("key", [{}, {"API_KEY": "wrong"}, {"API_KEY": "a.b.c"}, {"API_KEY": "\u00e9"}])
async def test_a_wrong_key_is_refused(bot: Bot, client: Client, path: str, key: dict[str, str]) -> None:
    """And is a failed login for Home Assistant."""
    response = await client.request("POST" if path == STREAM else "GET", path, json=ON, headers=key)
    assert (response.status, (await response.json())["resultCode"]) == (401, 2)


@pytest.mark.warns
async def test_a_key_is_short_lived_and_can_be_revoked(
    hass: HomeAssistant, bot: Bot, user: User, client: Client, freezer: FrozenDateTimeFactory
) -> None:
    """It is a token of Home Assistant, of which each user has one, however often it logs in."""
    first, second = await key_of(client), await key_of(client)
    (token,) = user.refresh_tokens.values()
    assert token.client_name == "Data Stream Bot (BotLab-compatible API)"

    async def status(key: dict[str, str]) -> int:
        return (await client.get(USER, headers=key)).status

    assert [await status(first), await status(second)] == [200, 200]
    freezer.tick(timedelta(minutes=31))
    assert await status(first) == 401
    third = await key_of(client)
    assert await status(third) == 200
    hass.auth.async_remove_refresh_token(token)
    assert await status(third) == 401


@pytest.mark.warns
async def test_who_may_not_log_in_is_refused_in_the_same_words(
    hass: HomeAssistant, bot: Bot, user: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So nobody learns whether a password was right."""
    inactive = await _add_user(hass, "bo", "bo")
    await hass.auth.async_update_user(inactive, is_active=False)
    guarded = await _add_user(hass, "cy", "cy")
    await hass.auth.async_enable_user_mfa(guarded, "insecure_example", {"pin": "1234"})
    await async_get_provider(hass).async_add_auth("nobody", "nobody")

    answers = [
        await log_in(client, "anna", "wrong"),
        await log_in(client, "unknown", "wrong"),
        await log_in(client, "bo", "bo"),
        await log_in(client, "cy", "cy"),
        await log_in(client, "nobody", "nobody"),
    ]

    assert answers == [answers[0]] * 5
    assert (answers[0]["resultCode"], answers[0]["code"]) == (12, "login_refused")


@pytest.mark.warns
async def test_without_home_assistants_own_users_nobody_logs_in(hass: HomeAssistant, bot: Bot, client: Client) -> None:
    """They may all come from elsewhere."""
    hass.auth = await auth_manager_from_config(hass, [], [])
    assert (await log_in(client))["resultCode"] == 12


@pytest.mark.parametrize("password", ["gehe\u00efm", "\u043f\u0430\u0440\u043e\u043b\u044c"])
async def test_a_password_may_have_any_letters(hass: HomeAssistant, bot: Bot, client: Client, password: str) -> None:
    """However a program writes them into a header."""
    await _add_user(hass, "dora", password)
    assert (await log_in(client, "dora", password))["resultCode"] == 0


async def test_a_password_may_come_in_latin_1(hass: HomeAssistant, bot: Bot, client: Client) -> None:
    """As `requests` sends what fits into it."""
    await _add_user(hass, "dora", "gehe\u00efm")
    server = str(client.make_url("")).rstrip("/")

    printed = await hass.async_add_executor_job(
        send_as_botlabs_scripts_do, server, "dora", "gehe\u00efm", "toggle_everything", {"on": True}
    )

    assert json.loads(printed)["resultCode"] == 0


@pytest.mark.parametrize(
    ("params", "headers"), [({}, {"PASSWORD": "x"}), ({"username": "anna"}, {}), ({"username": ""}, {"PASSWORD": "x"})]
)
async def test_a_login_needs_both(bot: Bot, client: Client, params: dict[str, str], headers: dict[str, str]) -> None:
    """And is told so."""
    answer = await (await client.get(LOGIN, params=params, headers=headers)).json()
    assert (answer["resultCode"], answer["code"]) == (9, "login_missing")


@pytest.mark.warns
async def test_guessing_is_slowed_down(bot: Bot, client: Client) -> None:
    """Each guess costs this machine a fifth of a second."""
    start = time.monotonic()
    responses = await asyncio.gather(
        *(client.get(LOGIN, params={"username": "x"}, headers={"PASSWORD": "x"}) for _ in range(20))
    )

    statuses = [response.status for response in responses]
    assert 10 <= statuses.count(401) <= 11 + time.monotonic() - start
    assert {response.headers["Retry-After"] for response in responses if response.status == 429} == {"1"}
    answers = [await response.json() for response in responses if response.status == 429]
    assert {answer["resultCode"] for answer in answers} == {1}


@pytest.mark.warns
async def test_failed_logins_lead_to_home_assistants_own_ban(
    hass: HomeAssistant,
    user: User,
    home: Home,
    add_bot: AddBot,
    hass_client_no_auth: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Where the user has set it, and with keys as with passwords."""
    monkeypatch.setattr(ban, "IP_BANS_FILE", str(tmp_path / "ip_bans.yaml"))
    assert await async_setup_component(hass, "http", {"http": {"login_attempts_threshold": 3, "ip_ban_enabled": True}})
    client = await go_online(hass, hass_client_no_auth)
    await open_doors(await add_bot("Home"), cloud_api=OPEN)

    await log_in(client, "anna", "wrong")
    await log_in(client, "anna", "wrong")
    await log_in(client)
    failures = [
        (await client.get(LOGIN, params={"username": "anna"}, headers={"PASSWORD": "wrong"})).status,
        (await client.get(USER, headers={"API_KEY": "wrong"})).status,
        (await client.post(STREAM, json=ON)).status,
    ]

    assert failures == [401, 401, 401]
    assert (await client.get(LOGIN, params={"username": "anna"}, headers={"PASSWORD": PASSWORD})).status == 403


@pytest.mark.parametrize(("local_only", "answered"), [(True, 404), (False, 200)])
@pytest.mark.warns
async def test_outside_the_house_it_answers_when_the_user_says_so(
    hass: HomeAssistant,
    user: User,
    home: Home,
    add_bot: AddBot,
    hass_client_no_auth: Any,
    *,
    local_only: bool,
    answered: int,
) -> None:
    """But never to users who may only log in at home."""
    http = {"use_x_forwarded_for": True, "trusted_proxies": ["127.0.0.1"]}
    assert await async_setup_component(hass, "http", {"http": http})
    client = await go_online(hass, hass_client_no_auth)
    await open_doors(await add_bot("Home"), cloud_api={"open": True, "local_only": local_only})
    await _add_user(hass, "eve", "eve", local_only=True)
    outside = {"X-Forwarded-For": "203.0.113.7"}
    keys = {
        name: (await log_in(client, name, password))["key"] for name, password in (("anna", PASSWORD), ("eve", "eve"))
    }

    logins = [
        (await client.get(LOGIN, params={"username": name}, headers={"PASSWORD": password, **outside})).status
        for name, password in (("anna", PASSWORD), ("eve", "eve"))
    ]
    used = [(await client.get(USER, headers={"API_KEY": key, **outside})).status for key in keys.values()]

    refused = 404 if local_only else 401
    assert logins == used == [answered, refused]


async def test_closed_it_looks_as_if_it_were_not_there(
    hass: HomeAssistant, home: Home, user: User, add_bot: AddBot, client: Client
) -> None:
    """Whatever is asked."""
    await add_bot("Home")
    unknown = await client.get("/cloud/json/unknown")
    expected = (unknown.status, await unknown.read(), unknown.headers["Content-Type"])

    for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
        for path in (LOGIN, USER, STREAM, f"{STREAM}/"):
            response = await client.request(method, path, headers={"PASSWORD": PASSWORD})
            assert (response.status, await response.read(), response.headers["Content-Type"]) == expected


async def test_it_leads_to_the_bots_that_opened_it(
    hass: HomeAssistant, home: Home, user: User, add_bot: AddBot, client: Client
) -> None:
    """As in BotLab, where all bots of an account hear what is sent to it."""
    for name, door in (("Anna", OPEN), ("Bo", {}), ("Cy", OPEN)):
        await open_doors(await add_bot(name), cloud_api=door)

    response = await client.post(f"{STREAM}?address=toggle_everything", json=ON, headers=await key_of(client))

    assert [delivery["bot"] for delivery in (await response.json())["handled"]] == ["Anna", "Cy"]


@pytest.mark.warns
async def test_the_limit_of_one_bot_does_not_silence_the_others(
    hass: HomeAssistant, home: Home, user: User, add_bot: AddBot, client: Client
) -> None:
    """The receipt names the one that did not get the message; only when none did is it refused."""
    await open_doors(await add_bot("Anna"), cloud_api=OPEN)
    strict = await open_doors(await add_bot("Bo"), cloud_api=OPEN, limits={"rate": 1, "burst": 1})
    await add_stream(strict, "news")
    key = await key_of(client)

    news = [await client.post(f"{STREAM}?address=news", json={}, headers=key) for _ in range(2)]
    on = [await client.post(f"{STREAM}?address=toggle_everything", json=ON, headers=key) for _ in range(3)]

    assert [response.status for response in (*news, *on)] == [200, 429, 200, 200, 200]
    receipt = await on[-1].json()
    assert [delivery["bot"] for delivery in receipt["handled"]] == ["Anna"]
    assert [(delivery["bot"], delivery["receiver"]) for delivery in receipt["failed"]] == [("Bo", "door")]
    counts = [(await seen_at(bot, "cloud_api"))["counts"] for bot in loaded_bots(hass)]
    assert counts == [{"accepted": 3}, {"accepted": 1, "rate_limited": 4}]


@pytest.mark.warns
async def test_who_guesses_keeps_nobody_else_out(
    hass: HomeAssistant, user: User, home: Home, add_bot: AddBot, hass_client_no_auth: Any
) -> None:
    """Each machine is slowed down on its own, and only the last of them are remembered."""
    http = {"use_x_forwarded_for": True, "trusted_proxies": ["127.0.0.1"]}
    assert await async_setup_component(hass, "http", {"http": http})
    client = await go_online(hass, hass_client_no_auth)
    await open_doors(await add_bot("Home"), cloud_api={"open": True, "local_only": False})

    async def guess(number: int) -> int:
        headers = {"PASSWORD": "x", "X-Forwarded-For": "203.0.113.7"}
        return (await client.get(LOGIN, params={"username": f"u{number}"}, headers=headers)).status

    assert 429 in await asyncio.gather(*(guess(number) for number in range(15)))
    assert (await log_in(client, **{"X-Forwarded-For": "192.168.1.5"}))["resultCode"] == 0


@pytest.mark.warns
async def test_wrong_keys_are_slowed_down_and_right_ones_are_not(
    user: User, home: Home, bot: Bot, client: Client
) -> None:
    """Whichever part of the API they are tried at."""
    key = await key_of(client)

    async def guess(number: int) -> int:
        path, wrong = (USER, STREAM)[number % 2], {"API_KEY": f"wrong{number}"}
        return (await client.request("POST" if path == STREAM else "GET", path, json=ON, headers=wrong)).status

    statuses = [await guess(number) for number in range(15)]

    assert statuses[:10] == [401] * 10
    assert 429 in statuses
    assert (await client.get(USER, headers=key)).status == 200


@pytest.mark.parametrize(
    ("remote", "machine"),
    [
        (None, None),
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
    ],
)
def test_a_machine_is_not_its_address(remote: str | None, machine: str | None) -> None:
    """With IPv6, everybody has more addresses than there are stars."""
    assert machine_of(remote) == machine


def test_only_so_many_machines_are_remembered() -> None:
    """Or many that guess would fill the memory."""
    logins = TokenBuckets(rate=1, burst=1, maximum=1000)
    for number in range(1001):
        assert logins.take(number, 0.0) == 0

    assert logins.take(1000, 0.0) > 0
    assert logins.take(0, 0.0) == 0


@pytest.mark.warns
@pytest.mark.parametrize("claims", ['{"iss": []}', '{"iss": {}}', '{"iss": 5}', "[]", "5", '"x"', "{"])
async def test_a_key_that_is_made_to_break_things_is_a_wrong_key(bot: Bot, client: Client, claims: str) -> None:
    """As any other."""
    parts = [urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in ('{"alg": "HS256"}', claims)]
    response = await client.get(USER, headers={"API_KEY": ".".join([*parts, "c2ln"])})
    assert (response.status, (await response.json())["resultCode"]) == (401, 2)


async def test_while_a_bot_is_loaded_anew_its_senders_are_asked_to_come_again(
    hass: HomeAssistant, home: Home, bot: Bot, client: Client
) -> None:
    """Also those whose request came in meanwhile."""
    body, key = as_json(**ON), await key_of(client)
    head = request_head(
        f"{STREAM}?address=toggle_everything", f"API_KEY: {key['API_KEY']}", f"Content-Length: {len(body)}"
    )
    loading = asyncio.create_task(_later(0.1, hass.config_entries.async_reload(bot.bot_id)))
    answer = await raw(client, head, body[:5], body[5:], pause=0.5)
    await loading
    assert answer.startswith(b"HTTP/1.1 503")

    await hass.config_entries.async_unload(bot.bot_id)
    response = await client.post(f"{STREAM}?address=toggle_everything", json=ON, headers=key)
    assert (response.status, response.headers["Retry-After"]) == (503, "5")
    assert (await response.json())["resultCode"] > 0
    assert all(device.commands == [] for device in home.values())


async def test_closed_while_a_request_comes_in_it_is_closed(
    hass: HomeAssistant, home: Home, bot: Bot, client: Client
) -> None:
    """What the user has closed lets nothing in any more."""
    body = as_json(**ON)
    key = (await key_of(client))["API_KEY"]
    head = request_head(f"{STREAM}?address=toggle_everything", f"API_KEY: {key}", f"Content-Length: {len(body)}")
    closing = asyncio.create_task(_later(0.1, open_doors(bot)))

    answer = await raw(client, head, body[:5], body[5:], pause=0.5)
    await closing

    assert answer.startswith(b"HTTP/1.1 404")
    assert all(device.commands == [] for device in home.values())


async def _later(seconds: float, what: Awaitable[Any]) -> None:
    await asyncio.sleep(seconds)
    await what
