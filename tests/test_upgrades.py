"""Updates of the integration, and the way back: what each version stored of the same bot goes on as it was."""

from collections.abc import Mapping
import json
from pathlib import Path
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    RegistryEntryWithDefaults,
    async_capture_events,
    mock_registry,
)

from custom_components.datastream_bot.const import DOMAIN

from .conftest import Home, Send, SetPresence
from .forms import change_bot, show_form_of, suggested
from .home import diagnostics_of
from .issues import shown_issues, told_by

VERSIONS: Mapping[str, Mapping[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((Path(__file__).parent / "stored" / "versions").iterdir())
}


def entry_of(hass: HomeAssistant, stored: Mapping[str, Any]) -> MockConfigEntry:
    """Return a bot as it is stored, in a home with the person and the switch that it names."""
    settings = {**stored["data"], **stored["options"]}
    named = {"person.bo": settings["persons"][0], "switch.fan": settings["exclude"]["entity_id"][0]}
    mock_registry(
        hass,
        {
            entity_id: RegistryEntryWithDefaults(
                entity_id=entity_id, unique_id=unique_id, platform=platform, id=named[entity_id]
            )
            for entity_id, unique_id, platform in (("person.bo", "bo", "person"), ("switch.fan", "Fan", "test"))
        },
    )
    entry = MockConfigEntry(
        domain=DOMAIN,
        subentries_data=stored["subentries"],
        **{name: value for name, value in stored.items() if name != "subentries"},
    )
    entry.add_to_hass(hass)
    return entry


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    """Return a version, and what is special about what it stored."""
    return str(request.param)


@pytest.fixture
async def updated(hass: HomeAssistant, version: str, home: Home, persons: SetPresence) -> MockConfigEntry:
    """Return a bot that the version had added, after the update."""
    entry = entry_of(hass, VERSIONS[version])
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return entry


# There is no broker.
@pytest.mark.warns
async def test_a_bot_is_set_up_after_the_update_as_it_was_before(version: str, updated: MockConfigEntry) -> None:
    """Nothing that was filled in before has to be filled in again."""
    stored = VERSIONS[version]
    before = {**stored["data"], **stored["options"]}
    after = (await diagnostics_of(updated.runtime_data))["entry"]["options"]
    bot, mqtt = [suggested(await show_form_of(updated.runtime_data, step)) for step in ("bot", "mqtt")]

    assert (updated.version, updated.minor_version, dict(updated.data)) == (2, 2, {})
    assert (bot["persons"], after["exclude"]) == (["person.bo"], {"entity_id": ["switch.fan"]})
    assert (after["on_returning"], after["settling"], after["remember_for"]) == ("restore", 30, 48)
    assert (mqtt["organization"], mqtt["home"], mqtt["keep_for"]) == ("acme", "cottage", 120)
    doors = updated.options["doors"]
    assert doors.keys() == {"webhook", "cloud_api", "limits"}
    assert doors["limits"] == {"rate": 5, "burst": 20}
    assert [doors["webhook"][name] for name in ("webhook_id", "secret")] == [
        before["doors"]["webhook"][name] for name in ("webhook_id", "secret")
    ]


@pytest.mark.warns
async def test_a_data_stream_works_after_the_update_as_it_did_before(
    hass: HomeAssistant, updated: MockConfigEntry, send: Send
) -> None:
    """With its fields, its actions and its event."""
    rang = async_capture_events(hass, updated.get_subentries_of_type("data_stream")[-1].data["event_type"])

    receipt = await send("doorbell", {"times": "2"})

    assert [one["receiver"] for one in receipt["handled"]] == ["mapping"]
    assert [event.data for event in rang] == [{"times": 2, "visitor": "Somebody"}]
    assert hass.states.is_state("light.porch", "on")


async def test_the_way_to_other_homes_that_was_set_up_anew_after_an_update_that_lost_it_stays(
    hass: HomeAssistant, home: Home, persons: SetPresence
) -> None:
    """It was lost when it was no door any more."""
    stored = VERSIONS["2.1_with_mqtt_door"]
    entry = entry_of(hass, {**stored, "options": {**stored["options"], "mqtt": {"open": False, "home": "chalet"}}})

    assert await hass.config_entries.async_setup(entry.entry_id)

    assert suggested(await show_form_of(entry.runtime_data, "mqtt"))["home"] == "chalet"
    assert "mqtt" not in entry.options["doors"]


async def test_a_former_version_leaves_alone_what_it_does_not_know(
    hass: HomeAssistant, home: Home, persons: SetPresence
) -> None:
    """Also when the user changes something in a form meanwhile."""
    stored = VERSIONS["2.1"]
    entry = entry_of(hass, {**stored, "options": {**stored["options"], "new": 1}, "minor_version": 9})
    assert await hass.config_entries.async_setup(entry.entry_id)

    await change_bot(entry.runtime_data, on_returning="on")

    assert (entry.version, entry.minor_version) == (2, 9)
    assert (entry.options["new"], entry.options["on_returning"]) == (1, "on")


@pytest.mark.warns
async def test_a_version_that_cannot_read_what_a_newer_one_stored_says_so_and_touches_nothing(
    hass: HomeAssistant, hass_storage: dict[str, Any], home: Home, persons: SetPresence
) -> None:
    """Neither the bot nor what it remembers, for when the newer version comes back."""
    stored = {**VERSIONS["2.1"], "version": 3, "minor_version": 1}
    entry = entry_of(hass, stored)
    file = {"version": 1, "minor_version": 1, "key": f"{DOMAIN}.{entry.entry_id}", "data": {"new": 1}}
    hass_storage[f"{DOMAIN}.{entry.entry_id}"] = dict(file)

    await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done()

    assert entry.state is ConfigEntryState.MIGRATION_ERROR
    assert (entry.version, entry.minor_version, entry.options) == (3, 1, stored["options"])
    assert hass_storage[f"{DOMAIN}.{entry.entry_id}"] == file
    issue = shown_issues(hass)["version_newer"]
    assert told_by(issue) == {"bot": "Home"}

    await hass.config_entries.async_remove(entry.entry_id)
    assert not shown_issues(hass)
