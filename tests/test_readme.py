"""The examples of the README, run as they stand there."""

from pathlib import Path
import re
import shlex
from typing import Any

from aiohttp import ClientResponse
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import parse_yaml
import pytest

from custom_components.datastream_bot.messaging.microservice import Microservice

from .conftest import AddBot, Home, Send
from .doors import OPEN, Client, open_doors, open_webhook
from .home import is_on
from .streams import add_stream, row

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def examples(language: str, containing: str) -> str:
    """Return the example in a language that contains a text."""
    (example,) = (block for block in re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL) if containing in block)
    return str(example)


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


async def test_doorbell_event(hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send) -> None:
    """An automation reacts to the event of an address that no bot knows."""
    await add_bot()
    example: Any = parse_yaml(examples("yaml", "event_type: datastream_bot_message"))
    automation = {"alias": "Doorbell", **example}
    assert await async_setup_component(hass, "automation", {"automation": automation})

    await send("doorbell")
    await hass.async_block_till_done()

    assert is_on(hass, "light.porch")


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


async def test_porch_light_for_a_late_visitor(hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send) -> None:
    """The trigger works for an address that no bot knows."""
    await add_bot()
    automation = parse_yaml(examples("yaml", "late visitor"))
    assert await async_setup_component(hass, "automation", {"automation": automation})
    await hass.async_block_till_done()

    await send("doorbell")
    await hass.async_block_till_done()

    assert is_on(hass, "light.porch")


async def test_from_python(add_bot: AddBot) -> None:
    """The microservice of the example hears what the example sends."""
    source = examples("python", "class Doorbell").split("\n\n\nbot =")[0]
    names: dict[str, Any] = {}
    exec(source, names)  # noqa: S102 - it is our own
    bot = await add_bot()
    doorbell = names["Doorbell"]()
    assert isinstance(doorbell, Microservice)
    bot.attach(doorbell)

    receipt = await bot.async_distribute_datastream_message("doorbell", {"times": 2}, external=False)

    assert [delivery.result for delivery in receipt.deliveries] == [{"answered": True}]


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
    return await client.post(url.removeprefix("http://homeassistant.local:8123"), data=body, headers=headers)


@pytest.mark.parametrize("containing", ["8123/api/webhook/SECRET\n", "address=doorbell", "/api/datastream_bot/Home"])
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
    """Written from what the README says."""
    bot = await open_doors(await add_bot(), webhook=OPEN | {"signed": True})
    webhook = bot.entry.data["doors"]["webhook"]
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
