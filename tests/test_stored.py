"""Entries and files that former versions stored."""

import json
import logging
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    RegistryEntryWithDefaults,
    async_capture_events,
    mock_registry,
)

from custom_components.datastream_bot.const import DOMAIN

from .conftest import Home, SetPresence, furnish
from .days import everybody, go_on, turn
from .doors import Client, as_json, go_online, signed, signed_by_standard
from .forms import show_form_of, suggested
from .home import PretendLight, PretendSwitch, diagnostics_of, is_on, remembered

STORED = Path(__file__).parent / "stored"
ENTRIES: list[dict[str, Any]] = json.loads((STORED / "config_entries.json").read_text(encoding="utf-8"))
FILES: dict[str, dict[str, Any]] = json.loads((STORED / "files.json").read_text(encoding="utf-8"))
GARDEN: dict[str, Any] = json.loads((STORED / "before_options.json").read_text(encoding="utf-8"))
HOME, WORKSHOP = (entry["entry_id"] for entry in ENTRIES)


@pytest.fixture
async def stored_home(hass: HomeAssistant, hass_storage: dict[str, Any], freezer: FrozenDateTimeFactory) -> Home:
    """Start the home of a version that kept all modules in one folder, a minute after everybody had left."""
    freezer.move_to("2026-11-25T21:11:00+00:00")
    ids = {entity_id: one["id"] for entity_id, one in FILES[f"datastream_bot.{HOME}.snapshot"]["data"].items()}
    names = {entity_id: entity_id.partition(".")[2] for entity_id in [*ids, "switch.radio"]}
    registered: dict[str, er.RegistryEntry] = {
        entity_id: RegistryEntryWithDefaults(
            entity_id=entity_id, unique_id=name, platform="test", **({"id": ids[entity_id]} if entity_id in ids else {})
        )
        for entity_id, name in names.items()
    }
    mock_registry(hass, registered)
    devices: Home = {
        entity_id: PretendLight(name) if entity_id.startswith("light") else PretendSwitch(name)
        for entity_id, name in names.items()
    }
    await furnish(hass, devices)
    return devices


async def set_up(hass: HomeAssistant, hass_storage: dict[str, Any]) -> None:
    """Set up both bots with what they stored."""
    hass_storage.update({name: dict(file) for name, file in FILES.items()})
    for stored in ENTRIES:
        entry = MockConfigEntry(
            domain=DOMAIN,
            title=stored["title"],
            data=stored["data"],
            entry_id=stored["entry_id"],
            subentries_data=stored["subentries"],
        )
        entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(HOME)
    await hass.async_block_till_done()
    assert [entry.state for entry in hass.config_entries.async_entries(DOMAIN)] == [ConfigEntryState.LOADED] * 2


@pytest.mark.warns
async def test_what_was_on_before_an_update_comes_back_after_it(
    hass: HomeAssistant, hass_storage: dict[str, Any], stored_home: Home, persons: SetPresence
) -> None:
    """Everybody had left; what is excluded is left alone, also under another name."""
    await everybody(persons, "not_home")
    await set_up(hass, hass_storage)
    bot = hass.config_entries.async_get_known_entry(HOME).runtime_data
    assert await remembered(bot) == sorted(stored_home.keys() - {"switch.radio"})
    er.async_get(hass).async_update_entity("switch.radio", new_entity_id="switch.freezer")
    await hass.async_block_till_done()

    await persons("anna", "home")

    assert [entity_id for entity_id in stored_home if not hass.states.get(entity_id)] == ["switch.radio"]
    assert all(is_on(hass, entity_id) for entity_id in stored_home.keys() - {"switch.radio"})
    assert stored_home["switch.radio"].commands == []
    assert (await diagnostics_of(bot))["entry"]["options"]["exclude"] == {"entity_id": ["switch.freezer"]}


@pytest.mark.parametrize(("now", "comes"), [("2026-11-28", False), ("2026-01-01", True)])
@pytest.mark.warns
async def test_what_was_on_before_an_update_is_as_old_as_the_clock_says(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    stored_home: Home,
    persons: SetPresence,
    freezer: FrozenDateTimeFactory,
    now: str,
    *,
    comes: bool,
) -> None:
    """A clock that is behind says nothing, and then it has just been turned off."""
    await everybody(persons, "not_home")
    freezer.move_to(now)
    await set_up(hass, hass_storage)

    await persons("anna", "home")

    assert is_on(hass, "light.porch") is comes


@pytest.mark.warns
async def test_doors_and_data_streams_from_before_an_update_work_after_it(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    stored_home: Home,
    persons: SetPresence,
    hass_client_no_auth: Any,
) -> None:
    """The event that a data stream fires keeps the name that it had."""
    await set_up(hass, hass_storage)
    client: Client = await go_online(hass, hass_client_no_auth)
    rang = async_capture_events(hass, "doorbell_rang")
    bot = hass.config_entries.async_get_known_entry(HOME).runtime_data
    body = as_json(address="doorbell", content={"times": "2"})
    switching = as_json(address="toggle_everything", content={"on": True})
    webhook_id = ENTRIES[0]["data"]["doors"]["webhook"]["webhook_id"]

    response = await client.post(f"/api/webhook/{webhook_id}", data=body, headers=signed(bot, body))

    assert [one["receiver"] for one in (await response.json())["handled"]] == ["mapping"]
    assert [event.data for event in rang] == [{"times": 2, "visitor": "Somebody"}]
    assert is_on(hass, "light.porch")
    # Its receipts name entities as they did.
    response = await client.post(f"/api/webhook/{webhook_id}", data=switching, headers=signed(bot, switching))
    assert "light.porch" in (await response.json())["handled"][0]["result"]["switched"]


@pytest.mark.warns
async def test_messages_to_other_homes_that_were_on_their_way_are_dropped_and_told(
    hass: HomeAssistant, hass_storage: dict[str, Any], stored_home: Home
) -> None:
    """No other home would understand them any more."""
    await set_up(hass, hass_storage)
    issues = ir.async_get(hass)
    while issues.async_get_issue(DOMAIN, f"mqtt_upgraded_{WORKSHOP}") is None:
        # Time does not pass here.
        await hass.async_add_executor_job(int)
    issue = issues.async_get_issue(DOMAIN, f"mqtt_upgraded_{WORKSHOP}")
    assert issue is not None
    assert (issue.translation_placeholders or {})["number"] == "1"


async def test_a_bot_of_a_former_version_goes_on(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    home: Home,
    persons: SetPresence,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Its entry and its memory know nothing of what was added."""
    await everybody(persons, "not_home")
    data = {"persons": [], "target": {}, "exclude": {}, "on_leaving": "off", "on_returning": "on", "notify": []}
    entry = MockConfigEntry(domain=DOMAIN, title="Home", data=data)
    entry.add_to_hass(hass)
    hass_storage[f"datastream_bot.{entry.entry_id}"] = {
        "version": 1,
        "minor_version": 1,
        "key": f"datastream_bot.{entry.entry_id}",
        "data": {"persons": [], "presence": "home"},
    }

    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert home["light.kitchen"].commands == []
    await go_on(hass, freezer, 61)

    assert home["light.kitchen"].commands == [False]
    form = await show_form_of(entry.runtime_data)
    assert suggested(form)["on_returning"] == "on"


@pytest.mark.parametrize(("minor_version", "names_entities"), [(1, True), (2, False)])
async def test_webhooks_of_before_they_could_withhold_names_go_on_naming(
    hass: HomeAssistant, minor_version: int, *, names_entities: bool
) -> None:
    """Those of later on do as their form says."""
    entry = MockConfigEntry(domain=DOMAIN, data=ENTRIES[0]["data"], minor_version=minor_version)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert entry.options["doors"]["webhook"].get("names_entities", False) is names_entities


@pytest.fixture
async def stored_garden(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> MockConfigEntry:
    """Return the entry of a version that kept no options but that the doors are closed."""
    freezer.move_to("2026-11-26T17:00:00+00:00")
    (person,), (fan,) = GARDEN["data"]["persons"], GARDEN["data"]["exclude"]["entity_id"]
    known = {"person.bo": ("bo", "person", person), "switch.fan": ("Fan", "test", fan)}
    mock_registry(
        hass,
        {
            entity_id: RegistryEntryWithDefaults(entity_id=entity_id, unique_id=unique_id, platform=platform, id=id_)
            for entity_id, (unique_id, platform, id_) in known.items()
        },
    )
    kept = ("data", "disabled_by", "entry_id", "minor_version", "options", "title", "version")
    entry = MockConfigEntry(
        domain=DOMAIN, subentries_data=GARDEN["subentries"], **{name: GARDEN[name] for name in kept}
    )
    entry.add_to_hass(hass)
    return entry


async def test_a_bot_of_before_it_had_options_loses_nothing(
    hass: HomeAssistant,
    stored_garden: MockConfigEntry,
    home: Home,
    persons: SetPresence,
    hass_client_no_auth: Any,
) -> None:
    """Its doors stay closed until they are opened again; the webhook, both secrets, and what is excluded stay."""
    assert await hass.config_entries.async_setup(GARDEN["entry_id"])
    await hass.async_block_till_done()
    bot = stored_garden.runtime_data
    assert stored_garden.data == {}
    doors = dict(GARDEN["data"]["doors"])
    mqtt = doors.pop("mqtt")
    assert stored_garden.options == {**GARDEN["data"], "doors": doors, "mqtt": mqtt, "doors_closed": True}
    webhook = GARDEN["data"]["doors"]["webhook"]
    client: Client = await go_online(hass, hass_client_no_auth)
    body = as_json(address="toggle_everything", content={"on": True})

    async def answer(secret: str) -> Any:
        headers = signed_by_standard(bot, body, key=secret, secret=webhook[secret])
        return await (await client.post(f"/api/webhook/{webhook['webhook_id']}", data=body, headers=headers)).read()

    assert [await answer(secret) for secret in ("secret", "former_secret")] == [b"", b""]
    await turn(hass, "switch.garden_doors", "on")
    await hass.async_block_till_done()
    assert [b"light.porch" in await answer(secret) for secret in ("secret", "former_secret")] == [True, True]

    assert [entity_id for entity_id in home if is_on(hass, entity_id)] == ["light.kitchen", "light.porch"]
    assert suggested(await show_form_of(bot))["persons"] == ["person.bo"]
    assert (await diagnostics_of(bot))["entry"]["options"]["exclude"] == {"entity_id": ["switch.fan"]}


async def test_a_disabled_bot_of_before_it_had_options_keeps_its_webhook_a_secret(
    hass: HomeAssistant, stored_garden: MockConfigEntry, hass_client_no_auth: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Home Assistant would write the URL into its log if it did not know it."""
    await hass.config_entries.async_set_disabled_by(stored_garden.entry_id, ConfigEntryDisabler.USER)
    assert await async_setup_component(hass, DOMAIN, {})
    client: Client = await go_online(hass, hass_client_no_auth)
    webhook_id = GARDEN["data"]["doors"]["webhook"]["webhook_id"]

    response = await client.post(f"/api/webhook/{webhook_id}", json={})

    assert (response.status, await response.read()) == (200, b"")
    loud = [each for each in caplog.records if each.levelno >= logging.INFO and each.name.startswith("homeassistant")]
    assert not [record for record in loud if webhook_id in record.getMessage()]
