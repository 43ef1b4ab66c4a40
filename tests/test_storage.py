"""What bots remember on disk, when the files are not what they should be."""

import math
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.datastream_bot.const import DOMAIN

from .conftest import AddBot, Home, Send, SetPresence
from .days import everybody, turn
from .doors import OPEN, Client, as_json, open_doors, signed
from .home import is_on

FILES = ("", ".snapshot", ".signatures")
DAMAGED: list[Any] = [
    [],
    5,
    "text",
    {},
    {"version": "x", "key": "k", "data": {}},
    {"version": 0, "minor_version": 1, "key": "k", "data": {}},
    {"version": 1, "minor_version": 1, "key": "k", "data": 5},
    {"version": 1, "minor_version": 1, "key": "k", "data": [1]},
    {"version": 1, "minor_version": 1, "key": "k", "data": {"light.kitchen": 5, "persons": [], "presence": "moon"}},
    {"version": 1, "minor_version": 1, "key": "k", "data": {"light.kitchen": {"at": "soon"}, "presence": 1}},
    *(
        {
            "version": 1,
            "minor_version": 1,
            "key": "k",
            "data": {
                "persons": [],
                "presence": "home",
                "since": seconds,
                "light.kitchen": {"at": seconds, "attributes": {}, "changed": False},
                "signature": seconds,
            },
        }
        for seconds in (math.nan, math.inf, -1, 1e300)
    ),
]


@pytest.mark.warns
@pytest.mark.parametrize("damaged", DAMAGED, ids=str)
async def test_a_damaged_file_is_as_good_as_none(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    send: Send,
    client: Client,
    issue_registry: ir.IssueRegistry,
    damaged: Any,
) -> None:
    """Nothing crashes, nothing is switched by mistake, and the bot goes on."""
    bot = await open_doors(await add_bot(on_returning="restore"), webhook=OPEN | {"signed": True})
    await send("toggle_everything", {"on": True})
    commands = len(home["light.kitchen"].commands)
    await hass.config_entries.async_unload(bot.bot_id)
    for file in FILES:
        hass_storage[f"{DOMAIN}.{bot.bot_id}{file}"] = damaged

    await persons("anna", "not_home")
    await persons("bo", "not_home")
    assert await hass.config_entries.async_setup(bot.bot_id)
    await hass.async_block_till_done()

    assert len(home["light.kitchen"].commands) == commands
    await persons("anna", "home")
    assert len(home["light.kitchen"].commands) == commands
    await persons("anna", "not_home")
    await persons("anna", "home")
    assert is_on(hass, "light.kitchen")
    path, body = (
        f"/api/webhook/{bot.entry.options['doors']['webhook']['webhook_id']}",
        as_json(address="toggle_everything"),
    )
    assert len(await (await client.post(path, data=body, headers=signed(bot, body))).read()) > 0

    await hass.config_entries.async_reload(bot.bot_id)
    damages = [issue for issue in issue_registry.issues.values() if issue.translation_key == "memory_damaged"]
    assert damages == []


@pytest.mark.warns
async def test_a_damaged_file_has_a_repair_issue_that_can_be_closed(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    home: Home,
    add_bot: AddBot,
    issue_registry: ir.IssueRegistry,
    hass_client: ClientSessionGenerator,
) -> None:
    """It says where the file is."""
    assert await async_setup_component(hass, "repairs", {})
    bot = await add_bot()
    await hass.config_entries.async_unload(bot.bot_id)
    hass_storage[f"{DOMAIN}.{bot.bot_id}"] = {"version": 1, "minor_version": 1, "key": "k", "data": 5}
    await hass.config_entries.async_setup(bot.bot_id)

    issue_id = f"memory_{bot.bot_id}"
    issue = issue_registry.issues[DOMAIN, issue_id]
    assert str(issue.translation_placeholders).count(f"{DOMAIN}.{bot.bot_id}") == 1
    client = await hass_client()
    flow = await (await client.post("/api/repairs/issues/fix", json={"handler": DOMAIN, "issue_id": issue_id})).json()
    await client.post(f"/api/repairs/issues/fix/{flow['flow_id']}", json={})
    assert (DOMAIN, issue_id) not in issue_registry.issues


@pytest.mark.warns
async def test_a_file_of_a_newer_version_is_left_alone(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    send: Send,
    issue_registry: ir.IssueRegistry,
) -> None:
    """Whoever updates again finds what it held; until then the bot does without."""
    bot = await add_bot(on_returning="restore")
    await send("toggle_everything", {"on": True})
    await hass.config_entries.async_unload(bot.bot_id)
    newer = {"version": 7, "minor_version": 1, "key": "k", "data": {"something": "new"}}
    for file in ("", ".snapshot"):
        hass_storage[f"{DOMAIN}.{bot.bot_id}{file}"] = newer

    assert await hass.config_entries.async_setup(bot.bot_id)
    await hass.async_block_till_done()
    await persons("anna", "not_home")
    await persons("bo", "not_home")
    assert not is_on(hass, "light.kitchen")
    await persons("anna", "home")
    assert is_on(hass, "light.kitchen")
    await hass.config_entries.async_unload(bot.bot_id)

    issues = [issue.issue_id for issue in issue_registry.issues.values() if issue.translation_key == "memory_newer"]
    assert sorted(issues) == [f"memory_{bot.bot_id}", f"memory_{bot.bot_id}.snapshot"]
    assert hass_storage[f"{DOMAIN}.{bot.bot_id}"] == hass_storage[f"{DOMAIN}.{bot.bot_id}.snapshot"] == newer
    await hass.config_entries.async_remove(bot.bot_id)
    assert not issue_registry.issues


async def test_a_file_of_a_slightly_newer_version_is_read_as_far_as_it_is_known(
    hass: HomeAssistant, hass_storage: dict[str, Any], home: Home, persons: SetPresence, add_bot: AddBot, on: Any
) -> None:
    """What it has besides is passed over."""
    bot = await add_bot(on_returning="restore")
    await turn(hass, "light.kitchen", "on")
    await everybody(persons, "not_home")
    await hass.config_entries.async_unload(bot.bot_id)
    for file in ("", ".snapshot"):
        stored = hass_storage[f"{DOMAIN}.{bot.bot_id}{file}"]
        stored["minor_version"] = 7
        stored["data"]["something"] = "new"

    assert await hass.config_entries.async_setup(bot.bot_id)
    await everybody(persons, "home")

    assert on() == ["light.kitchen"]
