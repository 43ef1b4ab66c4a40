"""What a broker lets homes do to each other, with the access list that the documentation gives."""

import asyncio
from collections.abc import AsyncIterator
import json
from pathlib import Path

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.const import DOMAIN
from custom_components.datastream_bot.mqtt import greeting

from .broker import (
    PASSWORD,
    Broker,
    Ear,
    Wire,
    acquainted,
    add_bot_of,
    connect_to_broker,
    more_homes,
    mqtt_entry,
    needs_broker,
    running_broker,
    seen_by,
    until,
)
from .pages import examples
from .test_mqtt_door import NEWS, message, send, who

pytestmark = needs_broker

ACCESS = examples("conf", "pattern ")
BRIDGE = examples("conf", "connection ")
TOPICS = "datastream_bot/acme"


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[Broker]:
    """Run a broker that holds everybody to their own name."""
    async with running_broker(tmp_path / "broker", users=("cottage", "villa", "headquarters"), access=ACCESS) as broker:
        yield broker


@pytest.mark.warns
async def test_a_home_can_only_speak_and_listen_for_itself(guarded: Broker, tmp_path: Path) -> None:
    """Not as another, not to another, and not as the organization; what is allowed works."""
    async with more_homes() as start:
        bots: dict[str, Bot] = {}
        for user, home in (("headquarters", ""), ("cottage", "cottage"), ("villa", "villa")):
            hass: HomeAssistant = await start(tmp_path / user)
            await connect_to_broker(hass, guarded, user)
            bots[user] = await add_bot_of(hass, home, name=user, streams=NEWS)
        await acquainted(bots["headquarters"], others=2)
        await acquainted(bots["cottage"], bots["villa"], others=1)
        assert who(await send(bots["villa"], scope="organization")) == ["headquarters"]
        assert who(await send(bots["headquarters"], homes="all")) == ["cottage", "villa"]
        assert who(await send(bots["headquarters"], homes=["cottage"])) == ["cottage"]
        ears = {user: Ear(bot.hass) for user, bot in bots.items()}

        # Whoever has the villa's password tries everything that there is.
        burglar = Wire(guarded, "villa")
        await burglar.listen("#")
        burglar.heard.clear()
        forged = {
            f"{TOPICS}/homes/cottage/location": message("cottage"),
            f"{TOPICS}/homes/cottage/organization": message("cottage"),
            f"{TOPICS}/organization/homes/cottage": message(None),
            f"{TOPICS}/organization/all": message(None),
            f"{TOPICS}/organization/bots": message(None),
            f"{TOPICS}/homes/villa/organization": message("cottage"),
        }
        for topic, payload in forged.items():
            await burglar.say(topic, json.dumps(payload).encode())
        await send(bots["headquarters"], {"n": 1}, homes=["cottage"])
        await send(bots["cottage"], {"n": 2}, scope=["location", "organization"])
        await asyncio.sleep(0.3)
        burglar.close()

        assert ears["cottage"].contents("news") == [{"n": 1}, {"n": 2}]
        assert ears["headquarters"].contents("news") == [{"n": 1}, {"n": 2}]
        assert ears["villa"].heard == []
        assert [topic for topic, _ in burglar.heard if "/villa" not in topic and not topic.endswith("/all")] == []
        # The last of them came through: the villa may speak to the organization, but only as itself.
        assert seen_by(bots["headquarters"])["counts"]["forged"] == 1


async def test_a_home_reaches_the_organization_from_a_broker_of_its_own(guarded: Broker, tmp_path: Path) -> None:
    """Both ways, and each message once."""
    bridge = BRIDGE.replace("broker.example.com:1883", f"127.0.0.1:{guarded.port}")
    assert f"remote_password {PASSWORD}" in bridge
    async with running_broker(tmp_path / "own", more=bridge) as own, more_homes() as start:
        chief_home, cottage_home = await start(tmp_path / "headquarters"), await start(tmp_path / "cottage")
        await connect_to_broker(chief_home, guarded, "headquarters")
        await connect_to_broker(cottage_home, own)
        chief = await add_bot_of(chief_home, name="chief", streams=NEWS)
        cottage = await add_bot_of(cottage_home, "cottage", streams=NEWS)
        await acquainted(chief, cottage)
        ears = [Ear(bot.hass) for bot in (chief, cottage)]

        assert who(await send(cottage, {"n": 1}, scope="organization")) == ["chief"]
        assert who(await send(chief, {"n": 2}, homes="all")) == ["cottage"]

        assert [ear.contents("news") for ear in ears] == [[{"n": 1}, {"n": 2}]] * 2
        assert "doubled" not in seen_by(chief)["counts"] | seen_by(cottage)["counts"]


@pytest.mark.warns
async def test_a_home_under_a_wrong_name_is_told_so(
    guarded: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker says nothing of it, and Home Assistant takes itself for connected."""
    monkeypatch.setattr(greeting, "REFUSED_AFTER", 1)
    async with more_homes() as start:
        hass: HomeAssistant = await start(tmp_path / "one")
        await connect_to_broker(hass, guarded, "villa")
        bot = await add_bot_of(hass, "cottage")
        issues = ir.async_get(hass).issues
        issue = (DOMAIN, f"mqtt_refused_{bot.bot_id}")

        await until(lambda: issue in issues)

        assert issues[issue].translation_placeholders == {"bot": "cottage", "home": "cottage"}
        assert hass.states.is_state("binary_sensor.cottage_mqtt_connection", "off")
        assert (await send(bot))["elsewhere"]["kept"] is True
        await hass.config_entries.async_unload(bot.bot_id)
        assert issue not in issues


async def test_with_a_wrong_password_everything_is_kept(guarded: Broker, tmp_path: Path) -> None:
    """And sent when the password is right."""
    async with more_homes() as start:
        hass: HomeAssistant = await start(tmp_path / "one")
        entry = mqtt_entry(guarded, "villa", "battery horse")
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        bot = await add_bot_of(hass, "villa")
        assert (await send(bot))["elsewhere"]["kept"] is True
        assert seen_by(bot)["connected"] is False

        right = mqtt_entry(guarded, "villa")
        hass.config_entries.async_update_entry(entry, data=right.data)
        await hass.config_entries.async_reload(entry.entry_id)

        assert entry.state is ConfigEntryState.LOADED
        await until(lambda: seen_by(bot)["on_their_way"] == 0)
