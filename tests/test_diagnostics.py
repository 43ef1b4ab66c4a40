"""The diagnostics file that a user adds to a report."""

from collections.abc import Callable
import json
import re
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import get_system_health_info
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
    get_diagnostics_for_device,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.datastream_bot.const import DOMAIN
from custom_components.datastream_bot.messaging.router import Router
from custom_components.datastream_bot.mqtt.settings import MqttSettings

from .conftest import AddBot, Home, Send, SetPresence
from .doors import open_webhook
from .home import Reader
from .messages import change_log
from .streams import add_stream


async def test_diagnostics_say_what_the_bot_is_set_up_to_do_and_what_it_sees(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """Whoever reads a report can tell why the lights did what they did."""
    assert await async_setup_component(hass, "diagnostics", {})
    bot = await add_bot("Home", exclude={"entity_id": ["switch.fan"]})
    bot.attach(Reader())

    diagnostics: Any = await get_diagnostics_for_config_entry(hass, hass_client, bot.entry)

    assert diagnostics["microservices"] == [
        {
            "name": "location",
            "addresses": ["send_push_notification"],
            "presence": "home",
            "since": bot.tracker.since.isoformat(),
            "acted_on": "home",
            "begun": None,
            "settles_at": None,
            "reacting": True,
            "last_reaction": None,
        },
        {
            "name": "device",
            "addresses": ["toggle_everything"],
            "attached": ["light.kitchen", "light.porch"],
            "remembered": {},
        },
        {"name": "reader", "addresses": ["news"]},
    ]
    assert diagnostics["known_addresses"] == ["news", "send_push_notification", "toggle_everything"]
    assert diagnostics["entry"]["options"]["exclude"] == {"entity_id": ["switch.fan"]}
    assert [stream["title"] for stream in diagnostics["entry"]["subentries"]] == [
        "toggle_everything",
        "send_push_notification",
    ]


async def test_diagnostics_can_be_published_without_telling_who_lives_where(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    persons: SetPresence,
    add_bot: AddBot,
    router: Callable[[], Router],
) -> None:
    """Persons and homes have numbers, by which the same ones can be known again."""
    assert await async_setup_component(hass, "diagnostics", {})
    bot = await add_bot("Bot", persons=["person.anna", "person.bo"], notify=["notify.annas_phone"])
    mqtt = MqttSettings(organization="acme", home="cottage", host="broker.acme.example", username="anna")
    hass.config_entries.async_update_entry(bot.entry, options={**bot.entry.options, **mqtt.as_options()})
    bot.attach(Reader())
    await change_log(bot, keep_content=True, content_in_diagnostics=True)
    for home in ("cottage", "chalet", "cottage"):
        await router().async_dispatch("news", {"home": 5}, origin="mqtt", home=home, only=[bot.bot_id])

    diagnostics: Any = await get_diagnostics_for_config_entry(hass, hass_client, bot.entry)

    assert not re.findall("person.anna|person.bo|annas_phone|acme|cottage|chalet", json.dumps(diagnostics))
    options = diagnostics["entry"]["options"]
    assert (options["persons"], options["notify"]) == (["person 1", "person 2"], ["notify entity 1"])
    assert (options["mqtt"]["organization"], options["mqtt"]["home"]) == ("organization 1", "home 1")
    assert [message["home"] for message in diagnostics["messages"]] == ["home 1", "home 2", "home 1"]


async def test_diagnostics_tell_what_became_of_the_last_reaction_to_presence(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """Nobody sent that message, so nobody else has its receipt."""
    assert await async_setup_component(hass, "diagnostics", {})
    bot = await add_bot("Home")
    await persons("anna", "not_home")
    await persons("bo", "not_home")

    diagnostics: Any = await get_diagnostics_for_config_entry(hass, hass_client, bot.entry)

    location = diagnostics["microservices"][0]
    assert location["presence"] == "away"
    assert location["last_reaction"]["handled"][0]["result"]["on"] is False


async def test_the_diagnostics_of_a_device_are_those_of_its_data_stream_or_of_its_bot(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, add_bot: AddBot, send: Send
) -> None:
    """Without what is secret, and without content."""
    assert await async_setup_component(hass, "diagnostics", {})
    bot, garden = await add_bot("Home"), await add_bot("Garden")
    secret = [{"event": "ring", "event_data": {"token": "secret token"}}]
    stream = await add_stream(bot, "door-bell", actions=secret)
    await add_stream(garden, "door-bell")
    await send("door-bell", {"code": "1234"})
    await send("toggle_everything", {"on": True})

    async def of(identifier: str) -> Any:
        device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, identifier), bot.bot_id)
        assert device is not None
        return await get_diagnostics_for_device(hass, hass_client, bot.entry, device)

    told = await of(stream.subentry_id)
    assert (told["action"], told["is_open"], told["receivers"]) == ("datastream_bot.door_bell", True, ["mapping"])
    assert told["data_stream"]["data"]["address"] == "door-bell"
    assert [message["address"] for message in told["messages"]] == ["door-bell"]
    assert not {"secret token", "1234"} & {*re.findall(r"secret token|1234", str(told))}
    assert "microservices" in await of(bot.bot_id)


@pytest.mark.warns
async def test_system_health_counts_bots_doors_and_messages(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """Since the start."""
    assert await async_setup_component(hass, "system_health", {})
    bot, garden = await add_bot("Home"), await add_bot("Garden")
    await add_stream(garden, "closed", external=False)
    await add_stream(garden, "fails", actions=[{"stop": "No", "error": True}])
    await open_webhook(garden)
    await hass.config_entries.async_unload(bot.bot_id)
    await send("fails")
    await send("nobody")
    with pytest.raises(ServiceValidationError):
        await send("0")

    assert await get_system_health_info(hass, DOMAIN) == {
        "bots": "1 / 2",
        "open_addresses": 2,
        "doors": "http: 1, webhook: 1",
        "mqtt": 0,
        "messages": 2,
        "failed": 1,
        "refused": 1,
    }
