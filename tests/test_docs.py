"""The documentation: its examples, run as they stand there, its links, its limits and its tables."""

from ast import PyCF_ALLOW_TOP_LEVEL_AWAIT
import asyncio
import json
import os
from pathlib import Path
import re
import shlex
import sys
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from aiohttp import ClientResponse
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import parse_yaml
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events, async_fire_time_changed

from custom_components.datastream_bot import other_integrations, receipt_event, sensor
from custom_components.datastream_bot.actions import form
from custom_components.datastream_bot.actions.send import MAX_HOMES_NAMED
from custom_components.datastream_bot.devices import expectations
from custom_components.datastream_bot.doors import botlab_api, door, idempotency, request, signature
from custom_components.datastream_bot.flows import data_stream as stream_form, lists
from custom_components.datastream_bot.issues import KINDS, Kind
from custom_components.datastream_bot.messaging import content, log, loop_guard, message, record, refusals, schema
from custom_components.datastream_bot.microservices import script_run
from custom_components.datastream_bot.mqtt import lane, payload, peers, receiver, store
from custom_components.datastream_bot.other_integrations import guard
from custom_components.datastream_bot.presence import doubt_issue

from .conftest import AddBot, Home, Send, SetPresence
from .days import RESTORE, everybody, go_on, turn
from .doors import OPEN, Client, open_doors, open_webhook
from .home import is_on, ticks, until
from .pages import PAGES, ROOT, all_examples, examples, text_of
from .streams import add_stream, look_and_submit, paste, row, show_form

HOUSE = ROOT / "custom_components" / "datastream_bot"
LINKED = (*PAGES, ROOT / "CONTRIBUTING.md")
OURS = "https://github.com/datastream-bot/datastream-bot/blob/main/"


async def test_somebody_rings(hass: HomeAssistant, home: Home, add_bot: AddBot) -> None:
    """The data stream of the first page, in an automation and in a script."""
    fields = [row("times", "number", limits="1 to 5", required=True), row("visitor", default="Somebody")]
    fields.append(row("door", "choice", limits="front, garden"))
    actions = [{"action": "light.turn_on", "target": {"entity_id": "light.porch"}}]
    await add_stream(await add_bot(), "doorbell", fields=fields, actions=actions)
    rung = async_capture_events(hass, "datastream_bot_message")
    automation = parse_yaml(examples("yaml", "alias: Somebody rings"))
    assert await async_setup_component(hass, "automation", {"automation": automation})
    assert await async_setup_component(hass, "script", {"script": parse_yaml(examples("yaml", "ring:\n"))})
    await hass.async_block_till_done()

    for state in ("off", "on"):
        hass.states.async_set("binary_sensor.front_door_button", state)
        await hass.async_block_till_done()
    assert is_on(hass, "light.porch")
    await hass.services.async_call("script", "ring", blocking=True)
    assert [event.data["content"] for event in rung] == [{"times": 2, "visitor": "Anna"}] * 2


@pytest.mark.warns
async def test_good_night(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, notifications: list[dict[str, Any]]
) -> None:
    """It says what did not go off."""
    await add_bot()
    await send("toggle_everything", {"on": True})
    home["light.porch"].broken = "stuck"
    automation = parse_yaml(examples("yaml", "Good night"))
    assert await async_setup_component(hass, "automation", {"automation": automation})

    await hass.services.async_call("automation", "trigger", {"entity_id": "automation.good_night"}, blocking=True)
    await hass.services.async_call("automation", "turn_off", {"entity_id": "automation.good_night"}, blocking=True)

    assert [is_on(hass, entity_id) for entity_id in home] == [False, True, False]
    assert [(shown["title"], shown["message"]) for shown in notifications] == [
        ("Still on", "These could not be switched: light.porch: stuck")
    ]


async def test_air_while_everyone_is_away(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, freezer: FrozenDateTimeFactory
) -> None:
    """Not while somebody is home, nor while somebody may be."""
    await hass.config.async_set_time_zone("UTC")
    freezer.move_to("2026-06-01 08:00:00+00:00")
    await add_bot("Home", on_leaving="nothing")
    automation = parse_yaml(examples("yaml", "Air while everyone is away"))
    assert await async_setup_component(hass, "automation", {"automation": automation})
    await hass.async_block_till_done()

    switched: list[bool] = []
    for state in ("home", "unavailable", "not_home"):
        await everybody(persons, state)
        await go_on(hass, freezer, 24 * 3600)
        switched.append(is_on(hass, "switch.fan"))
    await hass.services.async_call("automation", "turn_off", {"entity_id": "all"}, blocking=True)
    assert switched == [False, False, True]


@pytest.mark.warns
async def test_lock_up(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, notifications: list[dict[str, Any]]
) -> None:
    """Nobody is told that all is well when something failed."""
    await add_bot()
    assert await async_setup_component(hass, "script", {"script": parse_yaml(examples("yaml", "lock_up"))})
    await send("toggle_everything", {"on": True})
    home["light.porch"].broken = "stuck"

    with pytest.raises(HomeAssistantError, match=re.escape("Home (device): These could not be switched: light.porch")):
        await hass.services.async_call("script", "lock_up", blocking=True)
    assert notifications == []

    home["light.porch"].broken = None
    await hass.services.async_call("script", "lock_up", blocking=True)
    assert [shown["message"] for shown in notifications] == ["Everything was asked to go off"]


async def test_off_again_after_a_power_cut(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, on: Any, freezer: FrozenDateTimeFactory
) -> None:
    """While somebody is home, nothing is turned off; what was on when everyone left comes back on."""
    await add_bot("Home", **RESTORE)
    automation = parse_yaml(examples("yaml", "after a power cut"))
    assert await async_setup_component(hass, "automation", {"automation": automation})
    await hass.async_block_till_done()
    bulbs = [home[entity_id] for entity_id in ("light.kitchen", "light.porch")]

    async def cut_power() -> None:
        for bulb in bulbs:
            bulb.set_available(available=False)
        await hass.async_block_till_done()
        for bulb in bulbs:
            bulb._attr_is_on = True
            bulb.set_available(available=True)
        await hass.async_block_till_done()

    await cut_power()
    assert on() == ["light.kitchen", "light.porch"]
    await turn(hass, "light.porch", "off")
    await everybody(persons, "not_home")
    await go_on(hass, freezer, 3600)
    await cut_power()
    assert on() == []
    await everybody(persons, "home")
    assert on() == ["light.kitchen"]


async def test_doorbell_event(hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send) -> None:
    """An automation reacts to the event of an address that no bot knows."""
    await add_bot()
    example: Any = parse_yaml(examples("yaml", "triggers:\n  - trigger: event\n"))
    automation = {"alias": "Doorbell", **example}
    assert await async_setup_component(hass, "automation", {"automation": automation})

    await send("doorbell")
    await hass.async_block_till_done()

    assert is_on(hass, "light.porch")


@pytest.mark.parametrize(
    ("example", "light"),
    [("Kitchen light for a visitor", "light.kitchen"), ("Porch light for somebody who rings twice", "light.porch")],
)
async def test_a_doorbell_as_a_target(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, example: str, light: str
) -> None:
    """By the trigger of the integration, and by that of Home Assistant."""
    await add_stream(await add_bot(), "doorbell", fields=[row("times", "number")])
    assert await async_setup_component(hass, "automation", {"automation": parse_yaml(examples("yaml", example))})
    await hass.async_block_till_done()

    await send("doorbell", {"times": 1})
    await hass.async_block_till_done()
    assert not is_on(hass, light)
    await send("doorbell", {"times": 2})
    await hass.async_block_till_done()
    assert is_on(hass, light)


async def test_ask_and_wait_for_the_answer(hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send) -> None:
    """The event trigger takes templates, so that only the answer to this very question counts."""
    await add_bot()
    await send("toggle_everything", {"on": True})
    asked = async_capture_events(hass, "datastream_bot_message")
    assert await async_setup_component(hass, "script", {"script": parse_yaml(examples("yaml", "wait_for_trigger"))})
    await hass.services.async_call("script", "ask_whether_to_turn_off")
    await until(lambda: bool(asked))
    await ticks(50)
    question = asked[0].data["content"]["question"]

    await send("answer", {"question": "another one", "agreed": True})
    await ticks(50)
    assert is_on(hass, "light.kitchen")
    await send("answer", {"question": question, "agreed": True})
    await hass.async_block_till_done()

    assert not is_on(hass, "light.kitchen")


async def test_from_nothing_to_a_checked_address(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, notifications: list[dict[str, Any]]
) -> None:
    """The doorbell of the worked example."""
    bot = await add_bot()
    fields = [row("times", "number", required=True), row("visitor", default="Somebody")]
    actions: Any = parse_yaml(examples("yaml", "content.visitor"))
    await add_stream(bot, "doorbell", fields=fields, actions=actions)

    assert (await send("doorbell", {"times": 2}))["handled"] != []
    assert is_on(hass, "light.porch")
    assert [shown["message"] for shown in notifications] == ["Somebody rang 2 times"]
    with pytest.raises(ServiceValidationError) as refused:
        await send("doorbell", {"tims": 2})
    assert "tims is unknown, perhaps times is meant; times is missing" in str(refused.value)


async def test_a_shared_data_stream(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory
) -> None:
    """It is taken over as it stands there."""
    bot = await add_bot()
    yaml: Any = parse_yaml(examples("yaml", "address: light_for_a_while"))

    await look_and_submit(bot, await paste(bot, await show_form(bot), yaml))
    sending = hass.async_create_task(send("light_for_a_while", {"lamp": "light.porch", "color": "Blue", "for": "0:01"}))
    await ticks(200)
    assert is_on(hass, "light.porch")
    freezer.tick(61)
    async_fire_time_changed(hass)

    receipt = await sending
    await hass.async_block_till_done()

    assert (receipt["failed"], is_on(hass, "light.porch")) == ([], False)
    with pytest.raises(ServiceValidationError, match="color is 'green', it must be white, orange or blue"):
        await send("light_for_a_while", {"lamp": "light.porch", "color": "green"})


async def test_porch_light_for_a_late_visitor(hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send) -> None:
    """The trigger works for an address that no bot knows."""
    await add_bot()
    automation = parse_yaml(examples("yaml", "late visitor"))
    assert await async_setup_component(hass, "automation", {"automation": automation})
    await hass.async_block_till_done()

    await send("doorbell")
    await hass.async_block_till_done()

    assert is_on(hass, "light.porch")


def test_the_example_of_another_integration_is_the_one_that_is_tested() -> None:
    """All of it, in less than 25 lines."""
    shown = examples("python", "async_get_microservices")
    assert shown == text_of("tests/integrations/doorbell_demo/datastream_bot.py")
    assert len(shown.splitlines()) < 25
    manifest = json.loads(text_of("tests/integrations/doorbell_demo/manifest.json"))
    assert json.loads(examples("json", "after_dependencies")).items() <= manifest.items()


async def test_from_python_without_a_microservice(hass: HomeAssistant, home: Home, add_bot: AddBot) -> None:
    """The listener of the example hears what the example sends."""
    await add_stream(await add_bot(), "doorbell")
    names: dict[str, Any] = {"hass": hass, "visitors": []}
    code = compile(examples("python", "async_listen"), "docs", "exec", flags=PyCF_ALLOW_TOP_LEVEL_AWAIT)

    await eval(code, names)  # noqa: S307 - it is our own

    assert names["visitors"] == ["Anna"]
    assert [delivery.receiver for delivery in names["receipt"].deliveries] == ["mapping"]


async def test_what_went_wrong_today(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, notifications: list[dict[str, Any]]
) -> None:
    """Only that, and in the order in which it came."""
    await add_bot()
    await send("toggle_everything", {"on": True})
    await send("doorbel")
    with pytest.raises(ServiceValidationError):
        await send("toggle_everything", {"off": True})
    automation = parse_yaml(examples("yaml", "What went wrong today"))
    assert await async_setup_component(hass, "automation", {"automation": automation})

    await hass.services.async_call(
        "automation", "trigger", {"entity_id": "automation.what_went_wrong_today"}, blocking=True
    )
    await hass.services.async_call("automation", "turn_off", {"entity_id": "all"}, blocking=True)

    (shown,) = notifications
    assert shown["message"].split("\n") == ["doorbel: unheard", "toggle_everything: refused"]


async def test_the_log_is_as_told(add_bot: AddBot, send: Send, hass: HomeAssistant) -> None:
    """Every key, and every outcome."""
    await add_bot()
    await send("news", {"number": 1})
    with pytest.raises(ServiceValidationError):
        await send("no address")
    text = text_of("docs/message-log.md")
    answer: Any = await hass.services.async_call("datastream_bot", "get_messages", blocking=True, return_response=True)
    keys = {key for each in answer["messages"] for key in each}

    def first_column(heading: str) -> list[str]:
        rows = text.partition(f"| {heading} | |")[2].partition("\n\n")[0].splitlines()[2:]
        return [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])]

    assert set(first_column("key")) == keys
    assert sorted(first_column("outcome")) == sorted(record.OUTCOMES)


def test_the_recorder_is_told_to_leave_out_the_right_event() -> None:
    """By its name."""
    example: Any = parse_yaml(examples("yaml", "recorder:"))
    (left_out,) = example["recorder"]["exclude"]["event_types"]
    assert left_out == receipt_event.EVENT_DATASTREAM_BOT_RECEIPT


async def test_the_receipt_is_as_shown(home: Home, add_bot: AddBot, send: Send) -> None:
    """Field by field."""
    shown: Any = parse_yaml(examples("yaml", "message_id:"))
    await add_bot("Home")

    receipt = await send("toggle_everything", {"on": False})

    for both in (shown, receipt):
        del both["message_id"], both["handled"][0]["config_entry_id"]
    assert receipt == shown


async def _curl(client: Client, command: str) -> ClientResponse:
    """Ask what a command line of curl asks."""
    words = iter(shlex.split(command))
    headers, body, url = {}, "", ""
    for word in words:
        if word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(words)
        else:
            url = word
    path = url.removeprefix("http://homeassistant.local:8123")
    return await client.request("POST" if body else "GET", path, data=body or None, headers=headers)


@pytest.mark.parametrize(
    "containing", ["8123/api/webhook/SECRET\n", "address=doorbell", "/api/datastream_bot/Home", "X-Datastream-Id"]
)
async def test_curl(
    hass: HomeAssistant, home: Home, add_bot: AddBot, client: Client, hass_access_token: str, containing: str
) -> None:
    """Each example is handled."""
    bot = await add_bot("Home")
    await add_stream(bot, "doorbell", fields=[row("times", "number", required=True)])
    secret = (await open_webhook(bot)).rsplit("/", 1)[-1]
    example = examples("sh", containing).replace("SECRET", secret).replace("$TOKEN", hass_access_token)

    response = await _curl(client, example)

    assert (response.status, len((await response.json())["handled"])) == (200, 1)


async def test_what_can_be_sent(home: Home, add_bot: AddBot, client: Client, hass_access_token: str) -> None:
    """The schema is as shown."""
    bot = await add_bot("Home")
    times = row("times", "number", limits="1 to 5", required=True, description="How often")
    fields = [times, row("visitor", default="Somebody"), row("for", "duration")]
    await add_stream(bot, "doorbell", description="Somebody rings", fields=fields)

    response = await _curl(client, examples("sh", "asyncapi.json").replace("$TOKEN", hass_access_token))

    schemas = (await response.json())["components"]["schemas"]
    assert schemas[f"{bot.bot_id}.doorbell"] == json.loads(examples("json", "$schema"))


async def test_doorbell_with_esphome(home: Home, add_bot: AddBot, client: Client) -> None:
    """It sends numbers as text."""
    bot = await add_bot()
    await add_stream(bot, "doorbell", fields=[row("times", "number", required=True)])
    path = await open_webhook(bot)
    esp: Any = parse_yaml(examples("yaml", "http_request.post"))
    post = esp["button"][0]["on_press"][0]["http_request.post"]
    query = post["url"].partition("?")[2]

    response = await client.post(f"{path}?{query}", json=post["json"], headers=post["request_headers"])

    assert response.status == 200


async def test_a_signed_request_from_python(
    hass: HomeAssistant, home: Home, add_bot: AddBot, client: Client, send: Send
) -> None:
    """Written from what the page says."""
    bot = await open_doors(await add_bot(), webhook=OPEN | {"signed": True})
    webhook = bot.entry.options["doors"]["webhook"]
    await send("toggle_everything", {"on": True})
    names = {
        "SECRET": webhook["secret"],
        "URL": str(client.make_url(f"/api/webhook/{webhook['webhook_id']}")),
    }

    await hass.async_add_executor_job(exec, examples("python", "hmac.new"), names)

    assert b'"handled":[{' in names["answer"]
    assert not is_on(hass, "light.kitchen")


async def test_film(hass: HomeAssistant, home: Home, add_bot: AddBot) -> None:
    """It gets dark, and then as it was."""
    await add_bot()
    assert await async_setup_component(hass, "input_boolean", {"input_boolean": {"film": None}})
    assert await async_setup_component(hass, "automation", {"automation": parse_yaml(examples("yaml", "alias: Film"))})
    for entity_id in ("light.kitchen", "switch.fan"):
        await hass.services.async_call(entity_id.split(".")[0], "turn_on", {"entity_id": entity_id}, blocking=True)
    shown = []

    for action in ("turn_on", "turn_off"):
        await hass.services.async_call("input_boolean", action, {"entity_id": "input_boolean.film"}, blocking=True)
        await hass.async_block_till_done()
        shown.append([entity_id for entity_id in home if is_on(hass, entity_id)])

    assert shown == [["switch.fan"], ["light.kitchen", "switch.fan"]]


async def test_a_button_on_a_dashboard(hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send) -> None:
    """Tapping it performs the action."""
    await add_bot()
    await send("toggle_everything", {"on": True})
    button: Any = parse_yaml(examples("yaml", "tap_action"))
    tap = button["tap_action"]
    assert tap["action"] == "perform-action"

    domain, name = tap["perform_action"].split(".")
    await hass.services.async_call(domain, name, tap["data"], blocking=True)

    assert not any(is_on(hass, entity_id) for entity_id in home)


async def test_a_refusal_is_as_shown(add_bot: AddBot, client: Client) -> None:
    """Word by word."""
    bot = await add_bot()
    await add_stream(bot, "doorbell", fields=[row("times", "number", required=True)])
    path = await open_webhook(bot)

    response = await client.post(path, json={"address": "doorbell"})

    assert await response.json() == json.loads(examples("json", "content_refused"))


COMMANDS = examples("sh", "send_datastream doorbell").splitlines()
QUESTIONS = examples("sh", "send_datastream --list").splitlines()


@pytest.mark.parametrize(
    ("command", "answer"),
    [*((command, b"handled") for command in COMMANDS), *((question, b"doorbell") for question in QUESTIONS)],
    ids=range(len(COMMANDS + QUESTIONS)),
)
async def test_a_command_line(
    hass: HomeAssistant,
    home: Home,
    add_bot: AddBot,
    client: Client,
    hass_access_token: str,
    tmp_path: Path,
    command: str,
    answer: bytes,
) -> None:
    """As a shell runs it, with the files of the example."""
    bot = await add_bot("Home")
    await add_stream(bot, "doorbell", fields=[row("times", "number", required=True), row("visitor")])
    path = await open_webhook(bot)
    url = str(client.make_url("")).rstrip("/")
    config = tmp_path / ".config"
    config.mkdir()
    (config / "webhook").write_text(f"{url}{path}", encoding="utf-8")
    (config / "token").write_text(hass_access_token, encoding="utf-8")
    folders = (ROOT / "scripts", Path(sys.executable).parent, os.environ["PATH"])

    process = await asyncio.create_subprocess_shell(
        command.replace("http://homeassistant.local:8123", url),
        stdout=asyncio.subprocess.PIPE,
        env={"PATH": os.pathsep.join(map(str, folders)), "HOME": str(tmp_path), "LANG": "C.UTF-8"},
    )
    output, _ = await process.communicate()

    assert process.returncode == 0
    assert answer in output


def keys_of(value: object) -> list[object]:
    """Return the keys of all objects in a value."""
    if isinstance(value, dict):
        return [*value, *(key for item in value.values() for key in keys_of(item))]
    return [key for item in value for key in keys_of(item)] if isinstance(value, list) else []


@pytest.mark.parametrize("example", all_examples("yaml", "json"))
def test_every_key_of_an_example_is_text(example: str) -> None:
    """YAML takes a bare `on` for true."""
    keys = keys_of(parse_yaml(example))
    assert keys
    assert all(isinstance(key, str) for key in keys)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_key_that_yaml_takes_for_true_or_false_stands_in_quotes(page: Path) -> None:
    """Also within a sentence."""
    assert not re.search(r"(?<![\"\w])(on|off|yes|no): (true|false)", page.read_text(encoding="utf-8"))


def anchors_in(page: Path) -> set[str]:
    """Return what can be linked to in a page, as GitHub names it."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = [heading.strip().lower() for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)]
    anchors = [re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings]
    assert len(set(anchors)) == len(anchors), page
    return set(anchors)


def links_in(page: Path) -> list[str]:
    """Return where the links of a page lead."""
    return re.findall(r"\]\(([^()\s]+)\)", page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", LINKED, ids=lambda page: page.name)
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    """To a file, and to a heading in it."""
    for link in links_in(page):
        if re.match("https?:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / unquote(path)).resolve() if path else page
        assert target.is_file(), link
        assert not anchor or anchor in anchors_in(target), link


@pytest.mark.parametrize("page", LINKED, ids=lambda page: page.name)
def test_every_link_to_the_projects_home_leads_somewhere(page: Path) -> None:
    """Also one that Home Assistant is asked to open."""
    for link in links_in(page):
        for url in (link, *parse_qs(urlsplit(link).query).get("blueprint_url", ())):
            if url.startswith(OURS):
                assert (ROOT / url.removeprefix(OURS)).is_file(), link


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_issue_leads_to_where_it_is_explained(kind: Kind) -> None:
    """To a heading of a page."""
    page, _, heading = kind.docs.partition("#")
    assert heading in anchors_in(ROOT / "docs" / page)


def test_every_page_is_linked_from_the_first() -> None:
    """And what it is about stands beside it."""
    rows = re.findall(r"^\| \[[^\]]+\]\((docs/[a-z-]+\.md)\) \| \S.*\|$", text_of("README.md"), re.MULTILINE)
    assert sorted(rows) == [page.relative_to(ROOT).as_posix() for page in PAGES[1:]]


@pytest.mark.parametrize(
    "limit",
    [
        f"{message.MAX_ADDRESS_LENGTH} characters",
        f"{content.MAX_CONTENT_BYTES // 1024} KiB as JSON, {content.MAX_CONTENT_DEPTH} levels deep",
        f"{schema.MAX_SHOWN}; over HTTP",
        f"{stream_form.MAX_BYTES // 1024} KiB as JSON, {stream_form.MAX_LEVELS} levels deep |",
        f"{loop_guard.MAX_HOPS} hops; {loop_guard.MAX_MESSAGES:,} messages",
        f"actions of one data stream | {script_run.MAX_RUNS}",
        f"lists {lists.MAX_LISTED} lights and {lists.MAX_LISTED} switches",
        f"if it can be within {expectations._DEFERRED_FOR / 60:.0f} minutes",
        f"after {doubt_issue.LASTING / 3600:.0f} hours a repair issue",
        f"are returned | {other_integrations.MAX_WAIT:.0f} seconds",
        f"of theirs at work | {guard.MAX_WORKING} messages",
        f"the last {log.MAX_RECORDS}, of all bots together; {log.MAX_BYTES // 2**20} MiB",
        f"{refusals.MAX_REFUSALS} kinds, {refusals.MAX_ADDRESSES} addresses",
        f"{record.MAX_ERROR_LENGTH} characters, {record.MAX_RESULT_BYTES // 1024} KiB",
        f"{receipt_event.PER_SECOND} a second; a refusal",
        f"once in {receipt_event.REFUSED_AGAIN_AFTER:.0f} seconds",
        f"{log.SAVED_AFTER:.0f} seconds after a change",
        f"{request.MAX_BODY_BYTES // 1024} KiB, within {request.BODY_TIMEOUT} seconds",
        f"follows {sensor.LOOK_AFTER:.0f} seconds after",
        f"through one door | {door.MAX_WORKING} messages",
        f"{signature.MAX_SKEW // 60} minutes off",
        f"ids that a door remembers | the last {idempotency.MAX_KEYS:,}",
        f"receipts in {idempotency.MAX_ERROR_LENGTH} characters",
        f"{botlab_api.GUESSES_PER_SECOND} login a second and {botlab_api.GUESSES_AT_ONCE} at once",
        f"homes that a bot knows | {peers.MAX_HOMES:,}",
        f"bots of one home | {peers.MAX_BOTS}",
        f"can name | {MAX_HOMES_NAMED:,}",
        f"without a receipt | {lane.WINDOW}",
        f"after {lane.PATIENCE:.0f} seconds, then after twice as long, {lane.MAX_PATIENCE / 60:.0f} minutes at most",
        f"at work | {receiver.MAX_WORKING} messages; {receiver.MAX_WAITING} more wait",
        f"{payload.MAX_RECEIPT_BYTES // 1024} KiB, {payload.MAX_RECEIPT_ENTRIES} entries",
        f"the last {store.MAX_HANDLED:,}, and {store.HANDLED_FOR / 3600:.0f} hours",
    ],
)
def test_a_limit_is_that_of_the_code(limit: str) -> None:
    """With its number."""
    assert limit in text_of("docs/known-limitations.md")


def test_every_origin_is_explained_and_has_a_text() -> None:
    """On the page about sending, and in the attribute of the event entity."""
    table = text_of("docs/sending.md").partition("### Origin")[2].partition("## ")[0]
    explained = {name for line in table.splitlines() for name in re.findall(r"`(\w+)`", line.split(" | ")[0])}
    texts = json.loads((HOUSE / "translations" / "en.json").read_text(encoding="utf-8"))
    origin = texts["entity"]["event"]["data_stream"]["state_attributes"]["origin"]["state"]
    assert explained == origin.keys()


@pytest.mark.parametrize("address", ["doorbell", "toggle_everything"])
def test_every_reserved_name_of_a_field_is_told(address: str) -> None:
    """Where fields are explained."""
    told = text_of("docs/data-streams.md").partition("Some names are taken")[2].partition("\n\n")[0]
    assert all(f"`{name}`" in told for name in form.reserved_fields(address))


def test_every_entity_is_listed_with_its_attributes() -> None:
    """Those that have a name of their own."""
    listed = text_of("docs/known-limitations.md").partition("## Entities")[2].partition("\n## ")[0]
    entities = json.loads((HOUSE / "translations" / "en.json").read_text(encoding="utf-8"))["entity"]
    for entity in (entity for of_domain in entities.values() for entity in of_domain.values()):
        name = f"(*{entity['name']}*)" if "name" in entity else "named after the bot and the address"
        assert name in listed
        for attribute in entity.get("state_attributes", ()):
            assert f"`{attribute}`" in listed


def test_what_the_architecture_names_is_there() -> None:
    """Files, packages, and names in the code."""
    text = text_of("docs/architecture.md")
    source = "\n".join(path.read_text(encoding="utf-8") for path in HOUSE.rglob("*.py"))
    for name in re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)):
        if "/" in name or name.endswith(".py"):
            assert (HOUSE / name).exists() or (ROOT / name).exists(), name
        elif name.isidentifier() or "." in name:
            assert all(part in source for part in name.split(".")), name


def test_the_architecture_names_every_part() -> None:
    """Nothing in the house is left out."""
    listed = text_of("docs/architecture.md").partition("## The house")[2].partition("An import")[0]
    parts = [f"{path.name}/" if path.is_dir() else path.name for path in HOUSE.iterdir()]
    code = [
        part
        for part in parts
        if part.endswith((".py", "/")) and part not in {"__pycache__/", "brand/", "translations/"}
    ]
    assert [part for part in code if f"`{part}`" not in listed] == []
