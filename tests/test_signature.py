"""Signatures: those of Standard Webhooks, two secrets while one is replaced, and wrong ones."""

import asyncio
import time
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.const import DOMAIN
from custom_components.datastream_bot.doors.signature import claim_in, right_signatures, sign_by_standard

from .conftest import AddBot, Home
from .days import go_on
from .doors import (
    OPEN,
    Client,
    as_json,
    come_again,
    open_doors,
    open_webhook,
    raw,
    request_head,
    signed,
    signed_by_standard,
    told,
)
from .home import diagnostics_of, seen_at

ON = {"address": "toggle_everything", "content": {"on": True}}
BODY = as_json(**ON)
DAY = 24 * 60 * 60

# Those that the libraries of Standard Webhooks are tested with.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - nobody's
PAYLOAD = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
OTHER = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
HEADERS = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": SIGNATURE,
}


@pytest.fixture
async def bot(home: Home, add_bot: AddBot) -> Bot:
    """Return a bot."""
    return await add_bot()


def secret_of(bot: Bot) -> str:
    """Return the secret that the form shows."""
    secret: str = bot.entry.options["doors"]["webhook"]["secret"]
    return secret


def signed_with(secret: str, bot: Bot, **more: Any) -> dict[str, str]:
    """Return the headers of a request that is signed with a secret, whichever the bot has."""
    return signed_by_standard(bot, BODY, secret=secret, **more)


async def is_taken(client: Client, path: str, headers: dict[str, str]) -> bool:
    """Return whether a request is answered with a receipt; otherwise there seems to be no webhook."""
    response = await client.post(path, data=BODY, headers=headers)
    body = await response.read()
    assert (response.status, b"message_id" in body) in {(200, True), (200, False)}
    return body != b""


@pytest.mark.parametrize("secret", [SECRET, SECRET.removeprefix("whsec_")])
@pytest.mark.parametrize(
    ("changes", "is_right"),
    [
        ({}, True),
        ({"webhook-signature": f"{OTHER} v2,{SIGNATURE[3:]} {SIGNATURE} {OTHER}"}, True),
        ({"webhook-signature": f"v1a,{OTHER[3:]} {SIGNATURE}"}, True),
        ({"webhook-signature": OTHER}, False),
        ({"webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA="}, False),
        ({"webhook-signature": f"v1a,{SIGNATURE[3:]}"}, False),
        ({"webhook-signature": SIGNATURE[3:]}, False),
        ({"webhook-signature": "v1,"}, False),
        ({"webhook-signature": ""}, False),
        ({"webhook-signature": "\udcff"}, False),
        ({"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJel"}, False),
        ({"webhook-id": "\udcff"}, False),
        ({"webhook-id": None}, False),
        ({"webhook-timestamp": "1614265331"}, False),
        ({"webhook-timestamp": "1614265330.0"}, False),
        ({"webhook-timestamp": "hello"}, False),
        ({"webhook-timestamp": None}, False),
        ({"webhook-signature": None}, False),
    ],
)
def test_the_vectors_of_standard_webhooks(secret: str, changes: dict[str, str | None], *, is_right: bool) -> None:
    """With and without what secrets begin with; any right signature will do."""
    headers = {name: value for name, value in {**HEADERS, **changes}.items() if value is not None}
    claim = claim_in(headers, 1614265330)
    assert (claim is not None and right_signatures(claim, [secret], PAYLOAD) == [SIGNATURE]) is is_right
    assert claim_in(headers, 1614265330 + 302) is claim_in(headers, 1614265330 - 302) is None


@pytest.mark.parametrize("stored", [{}, {"secret": "ecb82638f3b908cc34b72c21833d62fa6fef8d16ff8bc47abc9d209a0a93ea9d"}])
async def test_a_request_signed_by_standard_webhooks_is_taken_once(
    hass: HomeAssistant, home: Home, bot: Bot, client: Client, stored: dict[str, str]
) -> None:
    """A retry is signed anew, and gets the first receipt. The secrets of former versions are good for it."""
    path = await open_webhook(bot, signed=True)
    webhook = bot.entry.options["doors"]["webhook"] | stored
    doors = bot.entry.options["doors"] | {"webhook": webhook}
    hass.config_entries.async_update_entry(bot.entry, options={**bot.entry.options, "doors": doors})
    await hass.async_block_till_done()
    headers = signed_by_standard(bot, BODY)

    first = await client.post(path, data=BODY, headers=headers)
    again = await client.post(path, data=BODY, headers=headers)
    anew = await client.post(path, data=BODY, headers=signed_by_standard(bot, BODY, seconds=-10))
    other = await client.post(path, data=BODY, headers=signed_by_standard(bot, BODY, key="msg_2"))

    assert await again.read() == b""
    ids = [(await answer.json())["message_id"] for answer in (first, anew, other)]
    assert ids[0] == ids[1] != ids[2]
    assert home["light.kitchen"].commands == [True, True]


async def test_who_signs_with_an_id_that_is_none_is_told(bot: Bot, client: Client) -> None:
    """The standard does not say what an id may be."""
    path = await open_webhook(bot, signed=True)

    response = await client.post(path, data=BODY, headers=signed_by_standard(bot, BODY, key="é"))

    assert await told(response) == (400, "id_not_valid")


async def test_wrongly_signed_by_standard_webhooks_looks_like_not_there(home: Home, bot: Bot, client: Client) -> None:
    """Nor is a body taken that stops half way. Of two kinds of signatures, that of this project counts."""
    path = await open_webhook(bot, signed=True)
    right = signed_by_standard(bot, BODY)

    for wrong in (
        right | {"webhook-signature": OTHER},
        right | {"webhook-id": "msg_2"},
        signed_by_standard(bot, BODY, seconds=-310),
        right | {"X-Datastream-Signature": "0" * 64},
    ):
        assert not await is_taken(client, path, wrong)
    too_large = await client.post(path, data=b"x" * 40_000, headers=right)
    assert (too_large.status, await too_large.read()) == (200, b"")
    head = request_head(path, f"Content-Length: {len(BODY) + 10}", *(f"{name}: {right[name]}" for name in HEADERS))
    await raw(client, head, BODY, end=True)

    assert home["light.kitchen"].commands == []
    both = signed(bot, BODY) | right | {"webhook-signature": OTHER}
    assert await is_taken(client, path, both)


async def test_the_former_secret_works_for_a_day_beside_a_new_one(
    hass: HomeAssistant, home: Home, bot: Bot, client: Client, freezer: FrozenDateTimeFactory
) -> None:
    """At the same URL, also after a reload and while the form is submitted for something else."""
    path = await open_webhook(bot, signed=True)
    former = secret_of(bot)

    assert await open_webhook(bot, signed=True, renew="secret") == path
    assert secret_of(bot) != former
    assert former not in str(await diagnostics_of(bot.entry.runtime_data))
    assert await is_taken(client, path, signed_with(former, bot, key="1"))
    assert await is_taken(client, path, signed_with(secret_of(bot), bot, key="2"))
    freezer.tick(DAY - 1)
    await open_webhook(bot, signed=True)
    await hass.config_entries.async_reload(bot.bot_id)
    assert await is_taken(client, path, signed_with(former, bot, key="3"))
    freezer.tick(1)
    assert not await is_taken(client, path, signed_with(former, bot, key="4"))
    assert await is_taken(client, path, signed_with(secret_of(bot), bot, key="5"))
    assert former in str(bot.entry.options)
    await open_webhook(bot, signed=True)
    assert former not in str(bot.entry.options)


async def test_while_a_bot_is_not_loaded_who_has_the_former_secret_is_told_to_come_again(
    hass: HomeAssistant, bot: Bot, client: Client
) -> None:
    """As who has the new one is."""
    path = await open_webhook(bot, signed=True)
    former = secret_of(bot)
    await open_webhook(bot, signed=True, renew="secret")
    await hass.config_entries.async_unload(bot.bot_id)

    for secret, is_told in ((former, True), (secret_of(bot), True), (SECRET, False)):
        response = await client.post(path, data=BODY, headers=signed_with(secret, bot))
        assert await come_again(response) is is_told


async def test_of_two_new_secrets_in_a_day_only_the_last_former_one_works(bot: Bot, client: Client) -> None:
    """And with a new URL, none does."""
    path = await open_webhook(bot, signed=True)
    secrets = [secret_of(bot)]
    for _ in range(2):
        await open_webhook(bot, signed=True, renew="secret")
        secrets.append(secret_of(bot))

    taken = [await is_taken(client, path, signed_with(secret, bot, key=secret)) for secret in secrets]
    assert taken == [False, True, True]
    other = await open_webhook(bot, signed=True, renew="url_and_secret")
    assert other != path
    for secret in secrets:
        assert not await is_taken(client, other, signed_with(secret, bot))
    assert await is_taken(client, other, signed_with(secret_of(bot), bot))


async def test_a_new_secret_lets_nobody_send_again_what_was_recorded(home: Home, bot: Bot, client: Client) -> None:
    """Neither what was signed with the former one, nor one of two signatures without the other."""
    path = await open_webhook(bot, signed=True)
    former, before = secret_of(bot), signed(bot, BODY)
    assert await is_taken(client, path, before)
    await open_webhook(bot, signed=True, renew="secret")
    assert not await is_taken(client, path, before)

    stamp = str(int(time.time()))
    signatures = [sign_by_standard(secret, "msg_1", stamp, BODY) for secret in (secret_of(bot), former)]
    headers = signed_with(former, bot) | {"webhook-timestamp": stamp}
    assert await is_taken(client, path, headers | {"webhook-signature": " ".join(signatures)})
    for signature in signatures:
        assert not await is_taken(client, path, headers | {"webhook-signature": signature})
    assert home["light.kitchen"].commands == [True, True]


@pytest.mark.warns
async def test_many_wrong_signatures_are_told_once(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    bot: Bot,
    client: Client,
    issue_registry: ir.IssueRegistry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """By a repair issue that goes when there are no more for an hour, and by one line in the log."""
    path = await open_webhook(bot, signed=True)

    async def send_wrong(count: int) -> list[ir.IssueEntry]:
        for _ in range(count):
            await client.post(path, data=BODY)
        return list(issue_registry.issues.values())

    assert await send_wrong(19) == []
    await go_on(hass, freezer, 3599)
    (issue,) = await send_wrong(1)
    assert (issue.domain, issue.translation_key) == (DOMAIN, "wrong_signatures")
    assert issue.translation_placeholders == {"bot": "Home", "number": "20"}
    await go_on(hass, freezer, 3599)
    assert len(await send_wrong(1)) == 1
    await go_on(hass, freezer, 3599)
    assert len(issue_registry.issues) == 1
    await go_on(hass, freezer, 2)
    assert await send_wrong(19) == []
    assert caplog.text.count("gets many requests with wrong signatures") == 1

    assert len(await send_wrong(1)) == 1
    await hass.config_entries.async_reload(bot.bot_id)
    assert await send_wrong(19) == []


async def test_wrong_signatures_of_before_a_pause_do_not_count(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, bot: Bot, client: Client, issue_registry: ir.IssueRegistry
) -> None:
    """A sender whose clock is wrong now and then is no reason to worry."""
    path = await open_webhook(bot, signed=True)
    for _ in range(3):
        for _ in range(10):
            await client.post(path, data=BODY)
        await go_on(hass, freezer, 3601)
    assert not issue_registry.issues
    assert (await seen_at(bot.entry.runtime_data, "webhook"))["counts"] == {"wrong_signature": 30}


async def test_a_wrong_signature_that_ends_after_its_bot_was_unloaded_does_no_harm(
    hass: HomeAssistant, bot: Bot, client: Client
) -> None:
    """Nobody is left to count it."""
    path = await open_webhook(bot, signed=True)
    headers = [f"{name}: {value}" for name, value in signed(bot, b"other").items() if name != "Content-Type"]

    async def leave() -> None:
        await asyncio.sleep(0.1)
        await hass.config_entries.async_unload(bot.bot_id)

    leaving = asyncio.create_task(leave())
    head = request_head(path, f"Content-Length: {len(BODY)}", *headers)
    answer = await raw(client, head, BODY[:5], BODY[5:], pause=0.3)
    await leaving

    assert answer.endswith(b"\r\n\r\n")


async def test_an_unsigned_webhook_asks_for_no_signature_by_standard_webhooks(bot: Bot, client: Client) -> None:
    """But takes each id once, as a signed one does."""
    bot = await open_doors(bot, webhook=OPEN)
    path = f"/api/webhook/{bot.entry.options['doors']['webhook']['webhook_id']}"
    headers = signed_with(SECRET, bot)

    answers = [await (await client.post(path, data=BODY, headers=headers)).json() for _ in range(2)]

    assert answers[0]["message_id"] == answers[1]["message_id"]
