"""The examples of the page about many homes, run as they stand there, with a real broker."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.util.yaml import parse_yaml
import pytest

from custom_components.datastream_bot.bot import Bot

from .broker import Broker, Ear, acquainted, add_bot_of, connect_to_broker, more_homes, needs_broker, running_broker
from .pages import examples

pytestmark = needs_broker

ANY_ID = {"config_entry_id", "message_id", "address", "result"}


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    """Run a broker for everyone."""
    async with running_broker(tmp_path / "broker") as running:
        yield running


async def perform(bot: Bot, action: Any) -> Any:
    """Perform an action of the page as the bot that is meant, and return the response."""
    domain, name = action["action"].split(".")
    data = {**action["data"], "config_entry_id": bot.bot_id}
    return await bot.hass.services.async_call(domain, name, data, blocking=True, return_response=True)


def without_ids(value: Any) -> Any:
    """Return what the page shows of a receipt."""
    if isinstance(value, dict):
        return {key: without_ids(item) for key, item in value.items() if key not in ANY_ID}
    return [without_ids(item) for item in value] if isinstance(value, list) else value


async def test_two_home_assistants_in_one_home(broker: Broker, tmp_path: Path) -> None:
    """The receipt is as shown."""
    async with more_homes() as start:
        bots = []
        for name in ("Cottage", "Workshop"):
            hass: HomeAssistant = await start(tmp_path / name)
            await connect_to_broker(hass, broker)
            bots.append(await add_bot_of(hass, "cottage", name=name, streams=[{"address": "toggle_everything"}]))
        await acquainted(*bots)

        receipt = await perform(bots[0], parse_yaml(examples("yaml", "\nresponse_variable: receipt")))

        assert without_ids(receipt) == parse_yaml(examples("yaml", "elsewhere:"))


async def test_an_organization_and_its_homes(broker: Broker, tmp_path: Path) -> None:
    """Headquarters warns the homes, and a home tells headquarters."""
    streams = [{"address": "storm_warning"}, {"address": "window_open"}]
    async with more_homes() as start:
        bots: dict[str, Bot] = {}
        for home in ("", "cottage", "villa"):
            hass: HomeAssistant = await start(tmp_path / f"of {home}")
            await connect_to_broker(hass, broker)
            bots[home] = await add_bot_of(hass, home, streams=streams)
        await acquainted(bots[""], others=2)
        await acquainted(bots["cottage"], bots["villa"], others=1)
        ears = {home: Ear(bot.hass) for home, bot in bots.items()}
        actions: Any = parse_yaml(examples("yaml", "homes: [cottage, villa]"))

        warned = await perform(bots[""], actions[0])
        told = await perform(bots["cottage"], actions[1])

        assert [warned["elsewhere"]["unanswered"], told["elsewhere"]["unanswered"]] == [0, 0]
        assert [ears[home].contents("storm_warning") for home in ("cottage", "villa")] == [[{"wind": 120}]] * 2
        assert [one["home"] for one in ears[""].heard if one["address"] == "window_open"] == ["cottage"]
