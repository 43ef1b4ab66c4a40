"""Entries and files that former versions stored."""

import json
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    RegistryEntryWithDefaults,
    async_capture_events,
    mock_registry,
)

from custom_components.datastream_bot.const import DOMAIN

from .conftest import Home, SetPresence, furnish
from .days import everybody, go_on
from .doors import Client, as_json, go_online, signed
from .forms import show_form_of, suggested
from .home import PretendLight, PretendSwitch, diagnostics_of, is_on, remembered

STORED = Path(__file__).parent / "stored"
ENTRIES: list[dict[str, Any]] = json.loads((STORED / "config_entries.json").read_text(encoding="utf-8"))
FILES: dict[str, dict[str, Any]] = json.loads((STORED / "files.json").read_text(encoding="utf-8"))
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
    assert (await diagnostics_of(bot))["entry"]["data"]["exclude"] == {"entity_id": ["switch.freezer"]}


@pytest.mark.parametrize(("now", "comes"), [("2026-11-28", False), ("2026-01-01", True)])
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


async def test_messages_that_were_on_their_way_before_an_update_are_so_after_it(
    hass: HomeAssistant, hass_storage: dict[str, Any], stored_home: Home
) -> None:
    """The other home has not answered."""
    await set_up(hass, hass_storage)
    bot = hass.config_entries.async_get_known_entry(WORKSHOP).runtime_data
    assert (await diagnostics_of(bot))["mqtt"]["on_their_way"] == 1


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


@pytest.mark.parametrize(("minor_version", "names_entities"), [(1, True), (2, False), (3, False)])
async def test_webhooks_of_before_they_could_withhold_names_go_on_naming(
    hass: HomeAssistant, minor_version: int, *, names_entities: bool
) -> None:
    """What a newer version stored stays as it is, for when that comes back."""
    entry = MockConfigEntry(domain=DOMAIN, data=ENTRIES[0]["data"], minor_version=minor_version)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert entry.data["doors"]["webhook"].get("names_entities", False) is names_entities
    assert entry.minor_version == max(minor_version, 2)
