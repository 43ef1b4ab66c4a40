"""The forms of a bot's way to other homes."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.const import DOMAIN

from .broker import (
    PASSWORD,
    Broker,
    Wire,
    add_bot_of,
    broker_at,
    mqtt_entry,
    needs_broker,
    running_broker,
    seen_by,
    until,
)
from .conftest import AddBot
from .forms import show_form_of, suggested

pytestmark = needs_broker

HOME = {"open": True, "organization": "acme", "role": "home", "home": "cottage"}


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    """Run a broker for two users."""
    async with running_broker(tmp_path / "broker", users=("cottage", "villa")) as running:
        yield running


async def submit(hass: HomeAssistant, form: Any, **data: Any) -> Any:
    """Submit a form of the options."""
    return await hass.config_entries.options.async_configure(form["flow_id"], data)


@pytest.fixture
async def bot(hass: HomeAssistant, add_bot: AddBot) -> Bot:
    """Add a bot."""
    return await add_bot("Home")


async def test_home_assistants_broker_is_tried_before_anything_is_changed(
    hass: HomeAssistant, bot: Bot, broker: Broker
) -> None:
    """Without it, the form says what is missing, and keeps what was entered."""
    wire = Wire(broker, "cottage")
    await wire.exist("cottage", "workshop")
    form = await show_form_of(bot, "mqtt")
    missing = await submit(hass, form, **HOME, broker="home_assistant")
    mqtt_entry(broker, "cottage").add_to_hass(hass)
    stored = await submit(hass, missing, **suggested(missing))
    await until(lambda: bot.transport is not None and bot.transport.is_connected)

    assert (missing["step_id"], missing["errors"]) == ("mqtt", {"base": "broker_unusable"})
    assert "MQTT" in missing["description_placeholders"]["problem"]
    assert suggested(missing)["home"] == "cottage"
    assert stored["type"] is FlowResultType.CREATE_ENTRY
    assert hass.states.is_state("binary_sensor.home_mqtt_connection", "on")
    wire.close()


async def test_another_broker_is_asked_for_and_tried(hass: HomeAssistant, bot: Bot, broker: Broker) -> None:
    """What is wrong is said in words, and nothing that was entered is lost."""
    form = await show_form_of(bot, "mqtt")
    asked = await submit(hass, form, **HOME, broker="other")
    login = {"host": "127.0.0.1", "port": broker.port, "username": "cottage", "tls": False}
    wrong = await submit(hass, asked, **login, password=PASSWORD[1:])
    shown = suggested(wrong)
    stored = await submit(hass, wrong, **{**shown, "password": PASSWORD})
    await until(lambda: bot.transport is not None and bot.transport.is_connected)

    assert (asked["step_id"], asked["errors"]) == ("broker", None)
    assert (wrong["step_id"], wrong["errors"]) == ("broker", {"base": "broker_unusable"})
    assert "password" in wrong["description_placeholders"]["problem"]
    assert (shown["username"], shown["port"]) == ("cottage", broker.port)
    assert stored["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(
    ("names", "errors"),
    [
        ({"organization": "a b"}, {"organization": "name_not_valid"}),
        ({"home": "all"}, {"home": "name_not_valid"}),
        ({"home": "organization", "organization": ""}, dict.fromkeys(("home", "organization"), "name_not_valid")),
    ],
)
async def test_names_that_nobody_can_have_are_told_all_at_once(
    hass: HomeAssistant, bot: Bot, names: dict[str, str], errors: dict[str, str]
) -> None:
    """A bot that is closed may have any."""
    form = await show_form_of(bot, "mqtt")
    wrong = await submit(hass, form, **{**HOME, **names}, broker="other")
    closed = await submit(hass, wrong, **{**suggested(wrong), "open": False})

    assert wrong["errors"] == errors
    assert closed["type"] is FlowResultType.CREATE_ENTRY
    assert bot.transport is None


async def test_the_form_shows_who_is_there(hass: HomeAssistant, broker: Broker) -> None:
    """By name, which is shown as it is, whatever it could be in Markdown."""
    login = {"username": "cottage", "password": PASSWORD}
    bot = await add_bot_of(hass, "cottage", **broker_at(broker.port, **login))
    wire = Wire(broker, "villa")
    await wire.exist("cottage", "work_shop")
    await wire.exist("organization", "chief", online=False)
    await until(lambda: seen_by(bot)["bots_known"] == 2)

    form = await show_form_of(bot, "mqtt")

    assert form["description_placeholders"]["there"] == "- cottage: Work\\_Shop\n- organization: Chief (away)"
    wire.close()


async def test_of_many_who_are_there_so_many_are_listed(hass: HomeAssistant, broker: Broker) -> None:
    """And nobody is while there is no connection."""
    login = {"username": "cottage", "password": PASSWORD}
    bot = await add_bot_of(hass, "", **broker_at(broker.port, **login))
    wire = Wire(broker, "villa")
    for number in range(52):
        await wire.exist(f"home{number}", "bot")
    await until(lambda: seen_by(bot)["bots_known"] == 52)

    there = (await show_form_of(bot, "mqtt"))["description_placeholders"]["there"]
    assert await hass.config_entries.async_unload(bot.bot_id)

    assert there.splitlines()[-1] == "- … 2 more"
    assert (await show_form_of(bot, "mqtt"))["description_placeholders"]["there"] == "- none"
    wire.close()


@pytest.mark.warns
async def test_a_broker_that_refuses_the_login_asks_for_another(hass: HomeAssistant, broker: Broker) -> None:
    """With it, the bot is connected; a wrong one is told."""
    login = {"username": "cottage", "password": "old"}
    bot = await add_bot_of(hass, "cottage", **broker_at(broker.port, **login))
    await until(lambda: hass.config_entries.flow.async_progress_by_handler(DOMAIN))
    (flow,) = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    flows = hass.config_entries.flow

    wrong = await flows.async_configure(flow["flow_id"], {"username": "cottage", "password": "older"})
    done = await flows.async_configure(flow["flow_id"], {"username": "cottage", "password": PASSWORD})
    await until(lambda: bot.transport is not None and bot.transport.is_connected)

    assert (flow["step_id"], wrong["errors"]) == ("reauth_confirm", {"base": "broker_unusable"})
    assert done["reason"] == "reauth_successful"
    assert bot.entry.options["mqtt"]["host"] == "127.0.0.1"
