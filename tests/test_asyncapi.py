"""The description for programs: what they may send where, over real HTTP, and the specification's own schema says so.

That schema is kept as `tests/stored/asyncapi-3.0.0.json.gz`, unchanged but for spaces. It is `schemas/3.0.0.json` of
https://github.com/asyncapi/spec-json-schemas, copyright 2016-2025 AsyncAPI Initiative, under the Apache License 2.0.
"""

from collections.abc import AsyncIterator, Iterator
import gzip
import json
from pathlib import Path
import re
from typing import Any

from homeassistant.auth.const import GROUP_ID_ADMIN, GROUP_ID_READ_ONLY, GROUP_ID_USER
from homeassistant.auth.models import Group
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from jsonschema import Draft7Validator, Draft202012Validator
import pytest
from pytest_homeassistant_custom_component.common import MockUser

from custom_components.datastream_bot.asyncapi import AT_ONCE
from custom_components.datastream_bot.bot import Bot

from .broker import Broker, Ear, Wire, add_bot_of, broker_at, needs_broker, running_broker, seen_by, until
from .conftest import AddBot, Home
from .doors import OPEN, Client, go_online, open_doors, signed, token_of
from .streams import add_stream, row

URL = "/api/datastream_bot/asyncapi.json"
SPECIFICATION = Draft7Validator(
    json.loads(gzip.decompress((Path(__file__).parent / "stored" / "asyncapi-3.0.0.json.gz").read_bytes()))
)
ALL_LIGHTS: Any = {"entities": {"domains": {"light": True}}}
PORCH_ONLY: Any = {"entities": {"entity_ids": {"light.porch": True}}}


@pytest.fixture
def bearer(hass_access_token: str) -> dict[str, str]:
    """Return the header of an administrator."""
    return {"Authorization": f"Bearer {hass_access_token}"}


async def description(client: Client, headers: dict[str, str]) -> dict[str, Any]:
    """Return the description, which is valid and whole."""
    response = await client.get(URL, headers=headers)
    assert response.status == 200
    document: dict[str, Any] = await response.json()
    assert [error.message for error in SPECIFICATION.iter_errors(document)] == []
    for reference in references_in(document):
        assert target_of(document, reference) is not None
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    return document


def references_in(value: Any) -> Iterator[str]:
    """Return all references in a document."""
    match value:
        case {"$ref": str(reference)}:
            yield reference
        case dict():
            for each in value.values():
                yield from references_in(each)
        case list():
            for each in value:
                yield from references_in(each)


def target_of(document: dict[str, Any], reference: str) -> Any:
    """Return what a reference leads to."""
    target: Any = document
    for part in reference.removeprefix("#/").split("/"):
        target = target[part]
    return target


def is_described(document: dict[str, Any], channel: str, address: str, sent: object) -> bool:
    """Return whether the description says that something may be sent."""
    payload = document["channels"][channel]["messages"][address]["payload"]
    return bool(Draft202012Validator({**payload, "components": document["components"]}).is_valid(sent))


def ways(document: dict[str, Any]) -> dict[str, list[str]]:
    """Return the addresses of each channel."""
    return {name: list(channel["messages"]) for name, channel in document["channels"].items()}


async def test_without_a_bot_there_is_nothing_to_send(
    hass: HomeAssistant, add_bot: AddBot, client: Client, bearer: dict[str, str]
) -> None:
    """Nor with one that is disabled, about to be loaded, or has its doors closed."""
    bot = await add_bot("Home")
    entry = bot.entry
    assert ways(await description(client, bearer)) != {}

    bot.async_close_doors(close=True)
    await hass.async_block_till_done()
    assert ways(await description(client, bearer)) == {}
    bot.async_close_doors(close=False)
    await hass.async_block_till_done()
    await hass.config_entries.async_unload(entry.entry_id)
    assert ways(await description(client, bearer)) == {}
    await hass.config_entries.async_set_disabled_by(entry.entry_id, ConfigEntryDisabler.USER)
    assert ways(await description(client, bearer)) == {}
    await hass.config_entries.async_remove(entry.entry_id)
    document = await description(client, bearer)
    assert (document["channels"], document["operations"], document["components"]) == ({}, {}, {"schemas": {}})
    assert document["servers"] == {"http": {"host": f"127.0.0.1:{client.port}", "protocol": "http"}}


@pytest.mark.warns
async def test_nothing_is_told_without_a_token(add_bot: AddBot, client: Client) -> None:
    """Whoever asks."""
    await add_bot("Home")

    for headers in ({}, {"Authorization": "Bearer wrong"}):
        assert (await client.get(URL, headers=headers)).status == 401


async def test_what_is_open_is_described_and_nothing_else(
    home: Home, add_bot: AddBot, client: Client, bearer: dict[str, str]
) -> None:
    """Each address with its meaning, its schema, and how to send to it."""
    bot = await add_bot("Home")
    fields = [row("times", "number", limits="1 to 5", required=True), row("visitor", default="Somebody")]
    await add_stream(bot, "doorbell", description="Somebody rings", fields=fields)
    await add_stream(bot, "secret", external=False)

    document = await description(client, bearer)

    addresses = ["doorbell", "send_push_notification", "toggle_everything"]
    assert ways(document) == {"http": addresses, f"http.{bot.bot_id}": addresses}
    channel = document["channels"][f"http.{bot.bot_id}"]
    assert (channel["title"], channel["address"]) == ("Home", f"/api/datastream_bot/{bot.bot_id}/stream")
    assert channel["messages"]["doorbell"] == {
        "name": "doorbell",
        "summary": "Somebody rings",
        "payload": {
            "type": "object",
            "properties": {
                "address": {"type": "string", "const": "doorbell"},
                "content": {"$ref": f"#/components/schemas/{bot.bot_id}.doorbell"},
            },
            "required": ["address", "content"],
            "additionalProperties": False,
        },
    }
    assert document["components"]["schemas"][f"{bot.bot_id}.doorbell"] == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "description": "Somebody rings",
        "properties": {
            "times": {"type": "number", "minimum": 1, "maximum": 5, "examples": [1]},
            "visitor": {"type": "string", "examples": ["Hello"], "default": "Somebody"},
        },
        "required": ["times"],
        "additionalProperties": False,
    }
    assert document["operations"]["http"] == {
        "action": "receive",
        "channel": {"$ref": "#/channels/http"},
        "security": [{"type": "http", "scheme": "bearer"}],
        "bindings": {"http": {"method": "POST"}},
    }


async def test_what_is_described_is_accepted_at_each_door(
    home: Home, add_bot: AddBot, client: Client, bearer: dict[str, str]
) -> None:
    """With the secrets that only its sender knows, none of which is told."""
    bot = await open_doors(await add_bot("Home"), webhook=OPEN | {"signed": True}, cloud_api=OPEN)
    await add_stream(bot, "doorbell", fields=[row("times", "number", required=True)])

    document = await description(client, bearer)

    secrets = bot.entry.options["doors"]["webhook"]
    assert not [each for each in (secrets["webhook_id"], secrets["secret"]) if each in json.dumps(document)]
    assert document["channels"][f"webhook.{bot.bot_id}"]["description"] == "It answers the home's network only."
    key = {
        scheme["name"]: bearer["Authorization"].removeprefix("Bearer ")
        for scheme in document["operations"]["cloud_api.doorbell"]["security"]
    }
    message, feed = ({"address": "doorbell", "content": {"times": 2}}, {"feed": {"times": 2}})
    body = json.dumps(message).encode()
    sent: dict[str, tuple[object, bytes, dict[str, str]]] = {
        "http": (message, body, bearer),
        f"http.{bot.bot_id}": (message, body, bearer),
        f"webhook.{bot.bot_id}": (message, body, signed(bot, body)),
        "cloud_api.doorbell": (feed, json.dumps(feed).encode(), key),
    }
    for name, (content, data, secret) in sent.items():
        assert is_described(document, name, "doorbell", content)
        assert not is_described(document, name, "doorbell", {**message, "content": {"times": "often"}})
        query = document["operations"][name]["bindings"]["http"].get("query", {"properties": {}})
        params = {key: schema["const"] for key, schema in query["properties"].items()}
        path = document["channels"][name]["address"].format(webhook_id=secrets["webhook_id"])
        headers = {"Content-Type": "application/json", **secret}
        response = await client.post(path, data=data, params=params, headers=headers)
        receipt = await response.json()
        assert [delivery["bot"] for delivery in receipt["handled"]] == ["Home"], name


async def test_bots_that_take_different_content_are_described_together_and_apart(
    home: Home, add_bot: AddBot, client: Client, bearer: dict[str, str]
) -> None:
    """What fits one of them may be sent to all."""
    first, second = await add_bot("Home"), await add_bot("Hut")
    await add_stream(first, "doorbell", fields=[row("times", "number", required=True)])
    await add_stream(second, "doorbell", description="Rings", fields=[row("visitor", required=True)])
    times, visitor = ({"address": "doorbell", "content": content} for content in ({"times": 2}, {"visitor": "Anna"}))

    document = await description(client, bearer)

    assert document["channels"]["http"]["messages"]["doorbell"]["summary"] == "Rings"
    assert [
        [is_described(document, name, "doorbell", sent) for sent in (times, visitor, {**times, "content": {}})]
        for name in ("http", f"http.{first.bot_id}", f"http.{second.bot_id}")
    ] == [[True, True, False], [True, False, False], [False, True, False]]
    for sent, bot in ((times, first), (visitor, second)):
        receipt = await (await client.post("/api/datastream_bot/stream", json=sent, headers=bearer)).json()
        assert [delivery["config_entry_id"] for delivery in receipt["handled"]] == [bot.bot_id]


async def test_a_user_is_told_what_that_user_may_send(
    hass: HomeAssistant, home: Home, add_bot: AddBot, client: Client
) -> None:
    """With own rights, what is open; with the rights of a bot, only who could do all that the bot does."""
    lights, everything = (
        await add_bot("Lights", target={"entity_id": ["light.porch", "light.kitchen"]}),
        await add_bot(),
    )
    for bot in (lights, everything):
        await open_doors(bot, webhook=OPEN)
    of_lights, of_everything = {f"webhook.{lights.bot_id}"}, {f"webhook.{everything.bot_id}"}
    own = {group_id: await hass.auth.async_get_group(group_id) for group_id in (GROUP_ID_ADMIN, GROUP_ID_USER)}
    looks_only = await hass.auth.async_get_group(GROUP_ID_READ_ONLY)
    groups = [
        (own[GROUP_ID_ADMIN], of_lights | of_everything),
        (own[GROUP_ID_USER], of_lights | of_everything),
        (Group(name="Of all lights", policy=ALL_LIGHTS), of_lights),
        (Group(name="Of one light", policy=PORCH_ONLY), set()),
        (Group(name="Of nothing", policy={}), set()),
        (looks_only, set()),
    ]
    for group, webhooks in groups:
        assert group is not None
        headers = await token_of(hass, MockUser(groups=[group]))
        document = await description(client, headers)
        assert document["channels"].keys() == webhooks | {
            *("http", f"http.{lights.bot_id}", f"http.{everything.bot_id}")
        }
        message = {"address": "send_push_notification", "content": {"message": "Hello"}}
        assert is_described(document, "http", "send_push_notification", message)
        response = await client.post("/api/datastream_bot/stream", json=message, headers=headers)
        assert response.status == 200


@pytest.mark.parametrize(
    ("outside", "told"),
    [({}, {"http", "webhook", "cloud_api"}), ({"X-Forwarded-For": "203.0.113.7"}, {"http"})],
    ids=["at home", "outside"],
)
async def test_doors_that_answer_the_home_only_are_not_described_outside(
    hass: HomeAssistant,
    home: Home,
    add_bot: AddBot,
    hass_client_no_auth: Any,
    bearer: dict[str, str],
    *,
    outside: dict[str, str],
    told: set[str],
) -> None:
    """There, they answer as if they were not there."""
    http = {"use_x_forwarded_for": True, "trusted_proxies": ["127.0.0.1"]}
    assert await async_setup_component(hass, "http", {"http": http})
    client = await go_online(hass, hass_client_no_auth)
    await open_doors(await add_bot("Home"), webhook=OPEN, cloud_api=OPEN)

    document = await description(client, bearer | outside)

    assert {name.partition(".")[0] for name in document["channels"]} == told


async def test_a_user_is_not_told_of_entities_that_the_user_may_not_read(
    hass: HomeAssistant, home: Home, add_bot: AddBot, client: Client, bearer: dict[str, str]
) -> None:
    """As in receipts. The field may still be left out."""
    bot = await add_bot("Home")
    names = {"kitchen": "light.kitchen", "porch": "light.porch"}
    await add_stream(bot, "light", fields=[row(name, "entity", default=value) for name, value in names.items()])
    headers = await token_of(hass, MockUser(groups=[Group(name="Of one light", policy=PORCH_ONLY)]))

    schemas = [
        (await description(client, each))["components"]["schemas"][f"{bot.bot_id}.light"] for each in (bearer, headers)
    ]

    assert [{name: told.get("default") for name, told in each["properties"].items()} for each in schemas] == [
        names,
        {"kitchen": None, "porch": "light.porch"},
    ]
    assert [each["required"] for each in schemas] == [[], []]


async def test_whoever_asks_again_and_again_has_to_wait_and_others_have_not(
    hass: HomeAssistant, add_bot: AddBot, client: Client, bearer: dict[str, str]
) -> None:
    """A description of many addresses takes its time."""
    await add_bot("Home")
    assert {(await client.get(URL, headers=bearer)).status for _ in range(AT_ONCE)} == {200}

    refused = await client.get(URL, headers=bearer)

    told = await refused.json()
    assert (refused.status, told["code"]) == (429, "rate_limited")
    assert told["message"] == f"Too many requests. The next one is taken in {refused.headers['Retry-After']} s"
    await description(client, await token_of(hass, MockUser()))


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    """Run a broker."""
    async with running_broker(tmp_path / "broker") as running:
        yield running


@needs_broker[0]
@needs_broker[1]
@pytest.mark.parametrize(("home_name", "speaker"), [("cottage", "organization"), ("cottage", "cottage"), ("", "villa")])
async def test_what_is_described_is_received_from_other_homes(
    hass: HomeAssistant, broker: Broker, client: Client, bearer: dict[str, str], home_name: str, speaker: str
) -> None:
    """Whoever may speak for a bot is told the topics, and not how to log in."""
    streams = [{"address": "news"}, {"address": "doorbell"}]
    bot: Bot = await add_bot_of(hass, home_name, streams=streams, **broker_at(broker.port))
    await until(lambda: seen_by(bot)["connected"])
    ear, wire = Ear(hass), Wire(broker)

    document = await description(client, bearer)
    guest = await hass.auth.async_get_group(GROUP_ID_READ_ONLY)
    assert guest is not None
    told_to_guest = await description(client, await token_of(hass, MockUser(groups=[guest])))

    topics = {name: each["address"] for name, each in document["channels"].items() if name.startswith("mqtt.")}
    assert list(topics) == [f"mqtt.{bot.bot_id}.doorbell", f"mqtt.{bot.bot_id}.news"]
    assert document["servers"]["mqtt"]["host"] == "{broker}"
    assert str(broker.port) not in re.sub(r"127\.0\.0\.1:\d+", "", json.dumps(document))
    assert not [name for name in (*told_to_guest["servers"], *told_to_guest["channels"]) if name.startswith("mqtt")]
    assert is_described(document, f"mqtt.{bot.bot_id}.news", "news", {"hot": True})
    await wire.say(topics[f"mqtt.{bot.bot_id}.news"].format(speaker=speaker), {"hot": True})
    await until(lambda: ear.contents("news"))
    wire.close()
    assert ear.contents("news") == [{"hot": True}]


async def test_an_address_that_is_open_without_being_declared_takes_any_content(
    hass: HomeAssistant, add_bot: AddBot, client: Client, bearer: dict[str, str], router: Any
) -> None:
    """As another integration may have it."""
    bot = await add_bot("Home")
    close = router().registry.open(bot.bot_id, "news")

    document = await description(client, bearer)

    close()
    assert is_described(document, "http", "news", {"address": "news", "content": {"anything": [None]}})
