"""Renaming bots and data streams on Home Assistant's own page, which asks the integration nothing."""

from collections.abc import Awaitable, Callable
from typing import Any

from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.datastream_bot.const import DOMAIN

from .conftest import AddBot, Home, Send, SetPresence
from .doors import OPEN, Client, open_doors, open_webhook
from .forms import show_name_of
from .home import Reader, state_of, ticks, until
from .streams import add_stream, change_stream, row, stream_of

GREETING = {"message": "hello"}
GREETED = {"address": "send_push_notification", "content": GREETING}

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


async def test_nothing_is_told_of_what_loads_nothing_anew(
    recorder_mock: Any,
    hass: HomeAssistant,
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    send: Send,
    rename: Rename,
    hass_ws_client: WebSocketGenerator,
) -> None:
    """A name, a door, a limit and a data stream are changed: no state is another, and the activity stays empty."""
    hass.config.components.add("frontend")
    assert await async_setup_component(hass, "logbook", {})
    bot = await add_bot("Home")
    await add_stream(bot, "news")
    for address, content in (("news", {}), ("toggle_everything", {"on": True}), ("send_push_notification", GREETING)):
        assert (await send(address, content))["handled"]
    await hass.async_block_till_done(wait_background_tasks=True)
    entities = {each for each in hass.states.async_entity_ids() if "home_" in each}
    assert len(entities) == 10
    changes = async_capture_events(hass, EVENT_STATE_CHANGED)
    began = dt_util.utcnow()

    await rename("update", entry_id=bot.bot_id, title="Cottage")
    form = await show_name_of(bot)
    await hass.config_entries.flow.async_configure(form["flow_id"], {"name": "Villa"})
    await hass.async_block_till_done()
    await open_doors(bot, webhook=OPEN, cloud_api=OPEN, limits={"rate": 5, "burst": 20})
    await change_stream(bot, "news", address="paper", fields=[row("page", "number")])
    await hass.async_block_till_done()

    assert bot.entry.runtime_data is bot
    assert {change.data["entity_id"] for change in changes} == entities
    states = [[change.data["old_state"], change.data["new_state"]] for change in changes]
    assert [[old, new] for old, new in states if not old or not new or old.state != new.state] == []
    assert {state_of(hass, each).name.split()[0] for each in entities} == {"Villa"}
    await hass.data["recorder_instance"].async_block_till_done()
    told = await hass_ws_client()
    await told.send_json_auto_id(
        {"type": "logbook/get_events", "start_time": began.isoformat(), "entity_ids": sorted(entities)}
    )
    assert (await told.receive_json())["result"] == []


async def test_a_message_that_is_at_work_while_its_bot_is_renamed_is_done(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send
) -> None:
    """So is what waits for its turn, and so are actions that run."""
    bot = await add_bot("Home")
    await add_stream(bot, "slow", actions=[{"wait_for_trigger": {"trigger": "event", "event_type": "go"}}])
    home["light.kitchen"].responding.clear()
    messages: tuple[tuple[str, Any], ...] = (
        ("toggle_everything", {"on": True}),
        ("slow", {}),
        ("toggle_everything", {"on": False}),
    )
    sending = [hass.async_create_task(send(*message)) for message in messages]
    await until(lambda: home["light.kitchen"].commands == [True])

    hass.config_entries.async_update_entry(bot.entry, title="Cottage")
    await ticks(50)
    home["light.kitchen"].responding.set()
    hass.bus.async_fire("go")
    receipts = [await task for task in sending]

    assert [[one["bot"] for one in receipt["handled"]] for receipt in receipts] == [["Cottage"]] * 3
    assert home["light.kitchen"].commands == [True, False]


async def test_a_renamed_bot_is_called_by_its_new_name(
    hass: HomeAssistant,
    home: Home,
    add_bot: AddBot,
    rename: Rename,
    client: Client,
    hass_access_token: str,
    notifications: list[dict[str, Any]],
) -> None:
    """On its device page, at its data streams, at its doors and in its notifications."""
    bot = await add_bot("Home")
    path = await open_webhook(bot)
    bearer = {"Authorization": f"Bearer {hass_access_token}"}

    await rename("update", entry_id=bot.bot_id, title="Cottage")
    assert await bot.async_distribute_datastream_message("toggle_everything", {"on": True})
    receipt: Any = await (await client.post(path, json=GREETED)).json()
    statuses = [
        (await client.post(f"/api/datastream_bot/{name}/stream", json=GREETED, headers=bearer)).status
        for name in ("Cottage", "Home")
    ]

    devices = dr.async_entries_for_config_entry(dr.async_get(hass), bot.bot_id)
    assert {device.name for device in devices} == {
        "Cottage",
        "Cottage toggle_everything",
        "Cottage send_push_notification",
    }
    assert state_of(hass, "event.home_toggle_everything").attributes["sender_name"] == "Cottage"
    assert [one["bot"] for one in receipt["handled"]] == ["Cottage"]
    assert notifications[0]["message"].endswith("— Cottage · webhook")
    assert statuses == [200, 404]


async def test_devices_that_the_user_named_keep_their_names(
    hass: HomeAssistant, add_bot: AddBot, rename: Rename, device_registry: dr.DeviceRegistry
) -> None:
    """The bot's, and one of a data stream that is called by its address alone."""
    bot = await add_bot("Home")
    await add_stream(bot, "news")
    stream = device_registry.async_get_device_by_identifier(
        (DOMAIN, stream_of(bot, "news").subentry_id), bot.entry.entry_id
    )
    assert stream is not None
    device_registry.async_update_device(stream.id, name="news")
    device_registry.async_update_device(bot.device_id, name_by_user="Butler")

    await rename("update", entry_id=bot.bot_id, title="Cottage")

    assert state_of(hass, "switch.home_doors").name == "Butler Doors"
    assert state_of(hass, "event.home_news").name == "news"


@pytest.mark.warns
async def test_the_log_calls_a_renamed_bot_by_its_new_name(
    add_bot: AddBot, rename: Rename, caplog: pytest.LogCaptureFixture
) -> None:
    """What fails, and which actions run."""
    bot = await add_bot("Home")
    await add_stream(bot, "news", actions=[{"event": "heard"}])
    reader = Reader()
    reader.error = HomeAssistantError("no glasses")
    bot.attach(reader)

    await rename("update", entry_id=bot.bot_id, title="Cottage")
    await bot.async_distribute_datastream_message("news", {})

    assert "reader of Cottage failed on a message to news: no glasses" in caplog.text
    assert "Cottage news: Running data stream" in caplog.text


@pytest.mark.warns
async def test_a_repair_issue_calls_a_renamed_bot_by_its_new_name(
    hass: HomeAssistant, add_bot: AddBot, rename: Rename, issue_registry: ir.IssueRegistry
) -> None:
    """And stays ignored if it was; that of another bot is its own."""
    bots = [await add_bot("Home"), await add_bot("Garden")]
    issue_ids = []
    for bot in bots:
        stream = await add_stream(bot, "work")
        broken = {**stream.data, "actions": [{"device_id": "gone", "domain": "light", "type": "turn_on"}]}
        hass.config_entries.async_update_subentry(bot.entry, stream, data=broken)
        await hass.async_block_till_done()
        issue_ids.append(f"invalid_actions_{stream.subentry_id}")
    issue_registry.async_ignore(DOMAIN, issue_ids[0], ignore=True)

    await rename("update", entry_id=bots[0].bot_id, title="Cottage")

    issues = [issue_registry.issues[DOMAIN, issue_id] for issue_id in issue_ids]
    assert [(issue.translation_placeholders or {})["bot"] for issue in issues] == ["Cottage", "Garden"]
    assert [(issue.translation_placeholders or {})["address"] for issue in issues] == ["work", "work"]
    assert [issue.dismissed_version is not None for issue in issues] == [True, False]
