"""What all doors share: limits, the repair issue, the form, and diagnostics."""

import asyncio
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import InvalidData
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events, async_fire_time_changed
from pytest_homeassistant_custom_component.components.diagnostics import get_diagnostics_for_config_entry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.datastream_bot.const import DOMAIN
from custom_components.datastream_bot.doors.door import MAX_WORKING
from custom_components.datastream_bot.doors.entering import open_doors as open_doors_of
from custom_components.datastream_bot.doors.webhook import WebhookDoor
from custom_components.datastream_bot.rate_limit import TokenBucket

from .conftest import AddBot, Home
from .days import restart, turn, wait_over
from .doors import OPEN, Client, fill_doors, open_doors, open_webhook, told
from .forms import change_bot, show_form_of
from .home import diagnostics_of, seen_at, state_of, until
from .streams import add_stream

ON = {"address": "toggle_everything", "content": {"on": True}}


def test_a_bucket_holds_so_many_at_once_and_so_many_a_second() -> None:
    """And says when there is one again."""
    bucket = TokenBucket(rate=2, burst=3)
    assert [bucket.take(100.0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert [bucket.take(100.25), bucket.take(100.5), bucket.take(100.5)] == [0.25, 0, 0.5]
    assert [bucket.take(1000.0) for _ in range(4)] == [0, 0, 0, 0.5]


@pytest.mark.warns
async def test_over_its_limit_a_door_refuses_with_one_repair_issue_while_it_lasts(
    hass: HomeAssistant, home: Home, add_bot: AddBot, client: Client, issue_registry: ir.IssueRegistry
) -> None:
    """And one line in the log."""
    bot = await open_doors(await add_bot("Home"), webhook=OPEN, limits={"rate": 1, "burst": 2})
    await add_stream(bot, "news")
    path = f"/api/webhook/{bot.entry.options['doors']['webhook']['webhook_id']}?address=news"
    issue = (DOMAIN, f"door_limited_webhook_{bot.bot_id}")

    responses = [await client.post(path, json={}) for _ in range(4)]

    assert [response.status for response in responses] == [200, 200, 429, 429]
    assert await told(responses[-1]) == (429, "rate_limited")
    assert responses[-1].headers["Retry-After"] == "1"
    shown = issue_registry.issues[issue]
    assert shown.translation_placeholders == {"door": "Webhook", "bot": "Home"}
    assert shown.severity == "warning"

    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=61))
    await hass.async_block_till_done()
    assert issue not in issue_registry.issues


@pytest.mark.warns
async def test_the_issue_goes_with_the_bot(
    hass: HomeAssistant, home: Home, add_bot: AddBot, client: Client, issue_registry: ir.IssueRegistry
) -> None:
    """And comes again with the next message that is refused."""
    bot = await add_bot("Home")
    path = f"{await open_webhook(bot)}?address=toggle_everything"
    await open_doors(bot, webhook=OPEN, limits={"rate": 1, "burst": 1})

    for _ in range(2):
        for _ in range(3):
            await client.post(path, json={"on": True})
        assert len(issue_registry.issues) == 1
        await hass.config_entries.async_reload(bot.bot_id)
        assert not issue_registry.issues


@pytest.mark.warns
async def test_only_so_many_messages_of_a_door_are_in_work(
    hass: HomeAssistant,
    home: Home,
    add_bot: AddBot,
    client: Client,
    freezer: FrozenDateTimeFactory,
    issue_registry: ir.IssueRegistry,
) -> None:
    """Also those that have their receipt and go on; the others are refused at once."""
    bot = await add_bot("Home")
    path = await open_webhook(bot)
    (door,) = open_doors_of(hass, WebhookDoor)
    others = [door.async_occupy() for _ in range(MAX_WORKING - 1)]
    home["light.kitchen"].responding.clear()
    waiting = asyncio.create_task(client.post(path, json=ON))
    await until(lambda: home["light.kitchen"].commands == [True])
    await wait_over(hass, freezer)
    assert len((await (await waiting).json())["running"]) == 1

    refused = await client.post(path, json=ON)
    home["light.kitchen"].responding.set()
    for release in others:
        release()

    assert await told(refused) == (429, "too_busy")
    assert issue_registry.issues[DOMAIN, f"door_limited_webhook_{bot.bot_id}"].translation_key == "door_busy"
    await hass.async_block_till_done()
    assert await seen_at(bot.entry.runtime_data, "webhook") == {
        "local_only": True,
        "working": 0,
        "counts": {"accepted": MAX_WORKING, "too_busy": 1},
    }
    assert (await client.post(path, json=ON)).status == 200


async def test_a_message_that_is_refused_is_not_at_work(home: Home, add_bot: AddBot, client: Client) -> None:
    """Or a door would fill up with them."""
    bot = await add_bot("Home")
    path = await open_webhook(bot)

    refused = await client.post(path, json={"address": "toggle_everything", "content": {"on": "perhaps"}})

    assert refused.status == 400
    assert (await seen_at(bot.entry.runtime_data, "webhook"))["working"] == 0


@pytest.mark.warns
async def test_the_limit_of_one_door_is_not_that_of_another(
    home: Home, add_bot: AddBot, client: Client, hass_access_token: str
) -> None:
    """Nor of another bot."""
    bot = await add_bot("Home")
    path = await open_webhook(bot)
    other = await open_webhook(await add_bot("Garden"))
    await open_doors(bot, webhook=OPEN, limits={"rate": 1, "burst": 1})
    bearer = {"Authorization": f"Bearer {hass_access_token}"}

    statuses = [
        (await client.post(path, json=ON)).status,
        (await client.post(path, json=ON)).status,
        (await client.post(other, json=ON)).status,
        (await client.post("/api/datastream_bot/Home/stream", json=ON, headers=bearer)).status,
    ]

    assert statuses == [200, 429, 200, 200]


async def test_the_form_shows_what_is_set_and_keeps_it(hass: HomeAssistant, home: Home, add_bot: AddBot) -> None:
    """All doors are closed at first."""
    bot = await add_bot("Home")
    first = _shown(await show_form_of(bot, "doors"))
    await open_doors(bot, cloud_api={"open": True, "local_only": False}, limits={"rate": 5, "burst": 20})
    second = _shown(await show_form_of(bot, "doors"))

    assert first["webhook"] == {"open": False, "local_only": True, "signed": False, "names_entities": False}
    assert first["cloud_api"] == {"open": False, "local_only": True}
    assert first["limits"] == {"rate": 10, "burst": 50}
    assert second["cloud_api"] == {"open": True, "local_only": False}
    assert second["limits"] == {"rate": 5, "burst": 20}


def _shown(form: Any) -> dict[str, dict[str, Any]]:
    return {
        str(name): {
            str(field): field.description["suggested_value"]
            for field in section.schema.schema
            if field.description and "suggested_value" in field.description
        }
        for name, section in form["data_schema"].schema.items()
    }


async def test_changing_the_bot_leaves_its_doors_as_they_are(hass: HomeAssistant, home: Home, add_bot: AddBot) -> None:
    """And the other way round."""
    bot = await add_bot("Home", exclude={"entity_id": ["switch.fan"]})
    await open_webhook(bot)
    doors = bot.entry.options["doors"]
    assert (await diagnostics_of(bot))["entry"]["options"]["exclude"] == {"entity_id": ["switch.fan"]}

    await change_bot(bot, exclude={})

    assert bot.entry.options["doors"] == doors
    assert bot.entry.options["exclude"] == {}


@pytest.mark.parametrize("limits", [{"rate": 0}, {"rate": 101}, {"burst": 0}, {"burst": 1001}])
async def test_limits_that_are_none_are_refused(add_bot: AddBot, limits: dict[str, Any]) -> None:
    """By the form."""
    bot = await add_bot("Home")
    with pytest.raises(InvalidData, match="limits"):
        await fill_doors(bot, limits=limits)


async def test_secrets_are_in_no_diagnostics(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, home: Home, add_bot: AddBot, client: Client
) -> None:
    """What came to the doors is."""
    assert await async_setup_component(hass, "diagnostics", {})
    bot = await open_doors(await add_bot("Home"), webhook=OPEN | {"signed": True}, cloud_api=OPEN)
    webhook = bot.entry.options["doors"]["webhook"]
    await client.post(f"/api/webhook/{webhook['webhook_id']}", json=ON)

    diagnostics: Any = await get_diagnostics_for_config_entry(hass, hass_client, bot.entry)

    assert diagnostics["doors"] == {
        "http": {"local_only": False, "working": 0, "counts": {}},
        "cloud_api": {"local_only": True, "working": 0, "counts": {}},
        "webhook": {"local_only": True, "working": 0, "counts": {"wrong_signature": 1}},
    }
    assert diagnostics["entry"]["options"]["doors"]["webhook"]["open"]
    assert webhook["webhook_id"] not in str(diagnostics)
    assert webhook["secret"] not in str(diagnostics)


async def test_doors_of_a_former_version_keep_their_settings_and_get_what_was_added(
    hass: HomeAssistant, home: Home, client: Client
) -> None:
    """Each section of its entry may hold fewer settings than the form has now."""
    doors = {"webhook": {"open": True, "webhook_id": "1234", "secret": "5678"}, "cloud_api": {"open": True}}
    entry = MockConfigEntry(domain=DOMAIN, title="Home", version=2, options={"doors": doors})
    entry.add_to_hass(hass)

    assert await hass.config_entries.async_setup(entry.entry_id)

    assert (await client.post("/api/webhook/1234", json={"address": "nobody"})).status == 404
    assert (await client.get("/cloud/json/login")).status == 400
    assert (await seen_at(entry.runtime_data, "cloud_api"))["local_only"]


async def test_one_switch_closes_all_doors_and_opens_them_as_they_were(
    hass: HomeAssistant, home: Home, add_bot: AddBot, client: Client, hass_access_token: str
) -> None:
    """Also across a restart: a URL has got out, and it is night."""
    bot = await add_bot("Home")
    path = await open_webhook(bot)
    bearer = {"Authorization": f"Bearer {hass_access_token}"}

    async def answers() -> list[int]:
        bodies = [
            await (await client.post(path, json=ON)).read(),
            await (await client.post("/api/datastream_bot/Home/stream", json=ON, headers=bearer)).read(),
            await (await client.get("/cloud/json/login")).read(),
        ]
        return [b"handled" in body for body in bodies]

    assert await answers() == [True, True, False]
    await turn(hass, "switch.home_doors", "off")
    await hass.async_block_till_done()
    assert await answers() == [False, False, False]
    await restart(hass, bot)
    assert (await answers(), state_of(hass, "switch.home_doors").state) == ([False, False, False], "off")
    assert (await diagnostics_of(bot.entry.runtime_data))["doors"] == {}
    # What the form says is for later.
    path = await open_webhook(bot)
    assert await answers() == [False, False, False]
    await hass.config_entries.async_unload(bot.bot_id)
    assert await answers() == [False, False, False]
    await hass.config_entries.async_setup(bot.bot_id)
    await turn(hass, "switch.home_doors", "on")
    await hass.async_block_till_done()
    assert await answers() == [True, True, False]


@pytest.mark.warns
async def test_a_change_of_doors_loads_nothing_anew(
    hass: HomeAssistant, home: Home, add_bot: AddBot, client: Client
) -> None:
    """Nothing of the bot is unavailable meanwhile, and the new settings count at once."""
    bot = await add_bot("Home")
    path = await open_webhook(bot)
    changes = async_capture_events(hass, EVENT_STATE_CHANGED)

    await open_doors(bot, webhook=OPEN, cloud_api=OPEN, limits={"rate": 1, "burst": 1})
    await turn(hass, "switch.home_doors", "off")
    await turn(hass, "switch.home_doors", "on")
    await hass.async_block_till_done()

    assert bot.entry.runtime_data is bot
    assert [event.data["entity_id"] for event in changes] == ["switch.home_doors", "switch.home_doors"]
    assert [(await client.post(path, json=ON)).status for _ in range(2)] == [200, 429]
