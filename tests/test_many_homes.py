"""Many homes: real Home Assistants with a real broker between them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.const import DOMAIN

from .broker import Broker, Ear, acquainted, add_bot_of, connect_to_broker, more_homes, needs_broker, running_broker

pytestmark = needs_broker

type Start = Callable[[str], Awaitable[HomeAssistant]]

NEWS = [{"address": "news"}]


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    """Run a broker for everyone."""
    async with running_broker(tmp_path / "broker") as running:
        yield running


@pytest.fixture
async def start(broker: Broker, tmp_path: Path) -> AsyncIterator[Start]:
    """Return a function that starts a Home Assistant, connected to the broker."""
    async with more_homes() as start_one:

        async def start_connected(name: str) -> HomeAssistant:
            hass: HomeAssistant = await start_one(tmp_path / name)
            await connect_to_broker(hass, broker)
            return hass

        yield start_connected


async def send(bot: Bot, content: object = None, **data: Any) -> dict[str, Any]:
    """Send a message to the news by the action, and return the receipt."""
    data = {"address": "news", "content": content, "config_entry_id": bot.bot_id, "internal": False, **data}
    receipt = await bot.hass.services.async_call(DOMAIN, "send", data, blocking=True, return_response=True)
    assert isinstance(receipt, dict)
    return receipt


def who(receipt: dict[str, Any]) -> list[str]:
    """Return whose bots handled a message."""
    return sorted(str(delivery["bot"]) for delivery in receipt["handled"])


async def test_bots_of_one_home_reach_each_other_from_two_home_assistants(start: Start) -> None:
    """Both ways, and the receipt says what became of it there."""
    one = await add_bot_of(await start("one"), "cottage", name="One", streams=NEWS)
    two = await add_bot_of(await start("two"), "cottage", name="Two", streams=NEWS)
    ear = Ear(two.hass)
    await acquainted(one, two)

    receipt = await send(one, {"snow": True})
    back = await send(two, {"snow": False})

    assert receipt == {
        "message_id": receipt["message_id"],
        "address": "news",
        "handled": [
            {"home": "cottage", "bot": "Two", "config_entry_id": two.bot_id, "receiver": "mapping", "result": {}},
        ],
        "failed": [],
        "running": [],
        "pending": [],
    }
    assert who(back) == ["One"]
    assert ear.heard[0] | {"id": ""} == {
        "address": "news",
        "content": {"snow": True},
        "id": "",
        "sender": None,
        "origin": "mqtt",
        "home": "cottage",
        "hops": 0,
    }
    state = two.hass.states.get("event.two_news")
    assert state is not None
    assert (state.attributes["origin"], state.attributes["home"]) == ("mqtt", "cottage")
    assert two.hass.states.is_state("binary_sensor.two_mqtt_connection", "on")


async def test_an_organization_and_homes_reach_whom_they_name(start: Start) -> None:
    """Homes reach their own and the organization, the organization its own, some homes, or all."""
    chief = await add_bot_of(await start("headquarters"), name="Chief", streams=NEWS)
    deputy = await add_bot_of(await start("branch"), name="Deputy", streams=NEWS)
    cottage = await add_bot_of(await start("cottage"), "cottage", streams=NEWS)
    villa = await add_bot_of(await start("villa"), "villa", streams=NEWS)
    tower = await add_bot_of(await start("tower"), "tower", streams=NEWS)
    await acquainted(chief, deputy, others=4)
    await acquainted(cottage, villa, tower, others=2)

    assert who(await send(cottage)) == []
    assert who(await send(cottage, scope="organization")) == ["Chief", "Deputy"]
    assert who(await send(cottage, scope=["location", "organization"])) == ["Chief", "Deputy"]
    assert who(await send(chief)) == ["Deputy"]
    assert who(await send(chief, homes=["villa"])) == ["villa"]
    assert who(await send(chief, homes=["villa", "cottage", "villa"])) == ["cottage", "villa"]
    assert who(await send(chief, homes="all")) == ["cottage", "tower", "villa"]
    assert who(await send(chief, homes="all", scope="organization")) == ["Deputy", "cottage", "tower", "villa"]
    assert who(await send(chief, homes=[])) == []
    assert (await send(villa, scope="organization"))["handled"][0]["home"] == "organization"


@pytest.mark.parametrize(
    ("home", "data", "key"),
    [
        ("cottage", {"homes": "all"}, "homes_need_organization"),
        ("", {"scope": "location"}, "organization_has_no_location"),
        ("", {"homes": ["a/b"]}, "home_name_not_valid"),
        ("", {"homes": ["+"]}, "home_name_not_valid"),
        ("", {"homes": ["status"]}, "home_name_not_valid"),
    ],
)
async def test_a_message_that_cannot_go_there_is_refused(
    start: Start, home: str, data: dict[str, Any], key: str
) -> None:
    """The error says why."""
    bot = await add_bot_of(await start("one"), home)

    with pytest.raises(ServiceValidationError) as refusal:
        await send(bot, **data)

    assert refusal.value.translation_key == key
