"""Renaming bots and data streams on Home Assistant's own page, which asks the integration nothing."""

from collections.abc import Awaitable, Callable
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.datastream_bot.const import DOMAIN

from .conftest import AddBot, Home
from .doors import Client
from .streams import add_stream, stream_of

type Rename = Callable[..., Awaitable[None]]


@pytest.fixture
async def rename(hass: HomeAssistant, hass_ws_client: WebSocketGenerator) -> Rename:
    """Return a function that renames a bot, or one of its data streams, as the page does."""
    assert await async_setup_component(hass, "config", {})

    async def rename(what: str, **command: Any) -> None:
        client = await hass_ws_client(hass)
        await client.send_json_auto_id({"type": f"config_entries/{what}", **command})
        assert (await client.receive_json())["success"]
        await hass.async_block_till_done()

    return rename


def shared_names(hass: HomeAssistant) -> list[str]:
    """Return the names that more than one bot has, as the repair issues say."""
    issues = [issue for issue in ir.async_get(hass).issues.values() if issue.domain == DOMAIN and issue.active]
    return [(issue.translation_placeholders or {})["bot"] for issue in issues if issue.translation_key == "same_name"]


async def test_a_data_stream_is_always_called_by_its_address(
    hass: HomeAssistant, add_bot: AddBot, rename: Rename
) -> None:
    """Whether it was renamed while its bot was loaded or while it was not."""
    bot = await add_bot()
    stream_id = (await add_stream(bot, "doorbell")).subentry_id
    new = {"entry_id": bot.bot_id, "subentry_id": stream_id, "title": "Front door"}

    await rename("subentries/update", **new)
    assert (stream_of(bot, "doorbell").title, stream_of(bot, "doorbell").subentry_id) == ("doorbell", stream_id)

    await hass.config_entries.async_unload(bot.bot_id)
    await rename("subentries/update", **new)
    await hass.config_entries.async_setup(bot.bot_id)
    assert stream_of(bot, "doorbell").title == "doorbell"


async def test_a_bot_that_is_given_the_name_of_another_is_a_repair_issue(
    hass: HomeAssistant, add_bot: AddBot, rename: Rename
) -> None:
    """Until one of them is renamed or deleted, and whatever other integrations do."""
    home, garden = await add_bot("Home"), await add_bot("Garden")
    assert shared_names(hass) == []

    await rename("update", entry_id=home.bot_id, title="GARDEN")
    assert shared_names(hass) == ["Garden"]
    other = MockConfigEntry(domain="other")
    other.add_to_hass(hass)
    await rename("update", entry_id=other.entry_id, title="Garden")
    assert shared_names(hass) == ["Garden"]
    await rename("update", entry_id=home.bot_id, title="Home")
    assert shared_names(hass) == []

    await rename("update", entry_id=garden.bot_id, title="Home")
    assert shared_names(hass) == ["Home"]
    await hass.config_entries.async_remove(garden.bot_id)
    assert shared_names(hass) == []


async def test_the_http_api_asks_for_the_id_of_a_bot_that_shares_its_name(
    hass: HomeAssistant, home: Home, add_bot: AddBot, rename: Rename, client: Client, hass_access_token: str
) -> None:
    """Also while one of the two is not loaded yet; by its id, each takes messages as before."""
    bot, garden = await add_bot("Home"), await add_bot("Garden")
    await rename("update", entry_id=garden.bot_id, title="home")

    async def answer(name: str) -> tuple[int, str]:
        response = await client.post(
            f"/api/datastream_bot/{name}/stream",
            json={"address": "toggle_everything", "content": {"on": True}},
            headers={"Authorization": f"Bearer {hass_access_token}"},
        )
        said = await response.json()
        return response.status, said.get("code") or said["handled"][0]["config_entry_id"]

    assert await answer("Home") == (409, "bot_ambiguous")
    assert await answer(garden.bot_id) == (200, garden.bot_id)
    await hass.config_entries.async_unload(bot.bot_id)
    assert await answer("Home") == (409, "bot_ambiguous")
