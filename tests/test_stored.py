"""Entries and files that former versions stored."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
)

from custom_components.datastream_bot.const import DOMAIN

from .conftest import Home, SetPresence
from .days import everybody, go_on
from .forms import show_form_of, suggested


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
