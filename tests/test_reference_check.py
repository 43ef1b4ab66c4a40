"""Settings of a bot that name what was removed from Home Assistant."""

from collections.abc import Awaitable, Callable
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    floor_registry as fr,
    label_registry as lr,
)
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from .conftest import AddBot, Send, SetPresence
from .days import go_on
from .forms import change_bot, show_form_of, suggested
from .issues import shown_issues, told_by

type Look = Callable[[], Awaitable[dict[str, tuple[str, str]]]]

KITCHEN, PORCH, FAN = "light.kitchen", "light.porch", "switch.fan"


def shown(hass: HomeAssistant) -> dict[str, tuple[str, str]]:
    """Return how severe the issues are, and what they name."""
    return {key: (str(issue.severity), told_by(issue)["names"]) for key, issue in shown_issues(hass).items()}


@pytest.fixture
def look(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> Look:
    """Return a function that waits a while, and returns what the issues tell."""

    async def look() -> dict[str, tuple[str, str]]:
        await hass.async_block_till_done()
        await go_on(hass, freezer, 11)
        return shown(hass)

    return look


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("form", "gone", "told"),
    [
        ({"persons": ["person.anna"]}, ["person.anna"], {"persons_gone": ("error", "person.anna")}),
        ({"persons": ["person.anna", "person.bo"]}, ["person.anna"], {"persons_gone": ("warning", "person.anna")}),
        ({"notify": ["notify.anna"]}, ["notify.anna"], {"notify_gone": ("error", "notify.anna")}),
        ({"notify": ["notify.anna", "notify.bo"]}, ["notify.bo"], {"notify_gone": ("warning", "notify.bo")}),
        ({"target": {"entity_id": [KITCHEN]}}, [KITCHEN], {"target_gone": ("error", KITCHEN)}),
        ({"target": {"entity_id": [KITCHEN, FAN]}}, [KITCHEN], {"target_gone": ("warning", KITCHEN)}),
        ({"target": {"entity_id": [KITCHEN, FAN]}}, [FAN, KITCHEN], {"target_gone": ("error", f"{KITCHEN}, {FAN}")}),
        ({"exclude": {"entity_id": [KITCHEN]}}, [KITCHEN], {"exclude_gone": ("warning", KITCHEN)}),
        (
            {"persons": ["person.bo"], "exclude": {"entity_id": [FAN]}},
            ["person.bo", FAN],
            {"persons_gone": ("error", "person.bo"), "exclude_gone": ("warning", FAN)},
        ),
        ({}, ["person.anna", KITCHEN], {}),
        ({"target": {"entity_id": [KITCHEN]}}, [FAN], {}),
    ],
)
async def test_a_setting_that_names_what_was_removed_is_an_issue_until_that_is_back(
    hass: HomeAssistant,
    persons: SetPresence,
    add_bot: AddBot,
    look: Look,
    form: dict[str, Any],
    gone: list[str],
    told: dict[str, Any],
) -> None:
    """An error if it leaves the bot with nothing."""
    entities = er.async_get(hass)
    for person in ("anna", "bo"):
        entities.async_get_or_create("notify", "test", person, object_id_base=person)
    await add_bot(**form)
    assert await look() == {}

    removed = [entry for entity_id in gone if (entry := entities.async_get(entity_id))]
    for entry in removed:
        entities.async_remove(entry.entity_id)
    assert await look() == told

    for entry in removed:
        entities.async_get_or_create(entry.domain, entry.platform, entry.unique_id)
    assert await look() == {}


@pytest.mark.usefixtures("home")
async def test_devices_areas_floors_and_labels_are_told_by_their_last_names(
    hass: HomeAssistant, add_bot: AddBot, look: Look
) -> None:
    """As the user called them."""
    owner = MockConfigEntry()
    owner.add_to_hass(hass)
    areas, devices, floors, labels = ar.async_get(hass), dr.async_get(hass), fr.async_get(hass), lr.async_get(hass)
    area, floor, label = areas.async_create("Bad"), floors.async_create("Unten"), labels.async_create("Kalt")
    lamp, plug = (
        devices.async_get_or_create(config_entry_id=owner.entry_id, identifiers={("test", name)}, name=name)
        for name in ("Lamp", "Plug")
    )
    devices.async_update_device(plug.id, name_by_user="Heater")
    areas.async_update(area.id, name="Bad oben")
    target = {"area_id": [area.id], "floor_id": [floor.floor_id], "label_id": [label.label_id]}
    await add_bot(target={**target, "device_id": [lamp.id, plug.id], "entity_id": [KITCHEN]})
    assert await look() == {}

    areas.async_delete(area.id)
    floors.async_delete(floor.floor_id)
    labels.async_delete(label.label_id)
    for device in (lamp, plug):
        devices.async_remove_device(device.id)

    assert await look() == {"target_gone": ("warning", "Bad oben, Heater, Kalt, Lamp, Unten")}


@pytest.mark.usefixtures("home")
async def test_the_form_can_be_saved_with_what_is_gone_and_without(
    hass: HomeAssistant, add_bot: AddBot, send: Send, look: Look
) -> None:
    """As it is, it changes nothing, least of all what the bot switches; without it, the issue ends at once."""
    bot = await add_bot(target={"entity_id": [KITCHEN, FAN]}, exclude={"entity_id": [PORCH]})
    options = bot.entry.options
    for entity_id in (KITCHEN, PORCH):
        er.async_get(hass).async_remove(entity_id)
    told = {"target_gone": ("warning", KITCHEN), "exclude_gone": ("warning", PORCH)}
    assert await look() == told

    opened = suggested(await show_form_of(bot))
    assert len(opened["target"]["entity_id"]) == 2
    saved = await change_bot(bot, **{name: opened[name] for name in opened if name != "more"})
    assert saved["type"] is FlowResultType.CREATE_ENTRY
    assert {name: bot.entry.options[name] for name in ("target", "exclude")} == {
        name: options[name] for name in ("target", "exclude")
    }
    assert shown(hass) == told

    await change_bot(bot, target={"entity_id": [FAN]}, exclude={})
    assert shown(hass) == {}
    receipt = await send("toggle_everything", {"on": True})
    assert receipt["handled"][0]["result"]["switched"] == [FAN]


@pytest.mark.usefixtures("home", "persons")
async def test_what_is_only_out_of_reach_or_disabled_is_there(hass: HomeAssistant, add_bot: AddBot, look: Look) -> None:
    """And so may be what never was in the registry."""
    await add_bot(persons=["person.anna"], target={"entity_id": [KITCHEN, FAN, "light.from_yaml"]})
    hass.states.async_set(KITCHEN, STATE_UNAVAILABLE)
    er.async_get(hass).async_update_entity(FAN, disabled_by=er.RegistryEntryDisabler.USER)
    hass.states.async_remove("person.anna")
    assert await look() == {}


@pytest.mark.usefixtures("home")
async def test_while_home_assistant_starts_nothing_is_gone(hass: HomeAssistant, add_bot: AddBot, look: Look) -> None:
    """And what was removed before has the name by which the registry remembers it."""
    hass.set_state(CoreState.not_running)
    bot = await add_bot(target={"entity_id": [KITCHEN]})
    er.async_get(hass).async_remove(KITCHEN)
    await hass.config_entries.async_reload(bot.bot_id)
    assert await look() == {}
    await hass.async_start()
    assert shown(hass) == {}
    assert await look() == {"target_gone": ("error", KITCHEN)}


@pytest.mark.usefixtures("home")
async def test_a_bot_that_is_disabled_or_deleted_has_no_issue(hass: HomeAssistant, add_bot: AddBot, look: Look) -> None:
    """It is told again when the bot is enabled, and by its name."""
    bot = await add_bot(target={"entity_id": [KITCHEN]})
    er.async_get(hass).async_remove(KITCHEN)
    told = {"target_gone": ("error", KITCHEN)}
    assert await look() == told

    await hass.config_entries.async_reload(bot.bot_id)
    assert shown(hass) == told
    await hass.config_entries.async_set_disabled_by(bot.bot_id, ConfigEntryDisabler.USER)
    assert shown(hass) == {}
    await hass.config_entries.async_set_disabled_by(bot.bot_id, None)
    assert shown(hass) == told
    hass.config_entries.async_update_entry(bot.entry, title="Garden")
    await hass.async_block_till_done()
    assert told_by(shown_issues(hass)["target_gone"])["bot"] == "Garden"
    await hass.config_entries.async_remove(bot.bot_id)
    assert shown(hass) == {}
