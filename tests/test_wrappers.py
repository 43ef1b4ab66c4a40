"""A switch that is shown as something else is one thing with two faces."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er, label_registry as lr
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from .conftest import AddBot, Home, Send, SetPresence
from .days import LEAVING, RETURNING, everybody, group, power_cut, show_as, turn
from .forms import change_bot, show_form_of
from .home import is_on, remembered, ticks

EVERY = ["light.fan", "light.kitchen", "light.porch", "switch.fan"]


def put_label_on(hass: HomeAssistant, entity_id: str) -> None:
    """Keep every bot away from an entity."""
    labels = lr.async_get(hass)
    label = labels.async_get_label_by_name("datastream_bot_ignore") or labels.async_create("datastream_bot_ignore")
    er.async_get(hass).async_update_entity(entity_id, labels={label.label_id})


async def result_of(send: Send, content: dict[str, Any]) -> dict[str, Any]:
    """Return the result of a message that is handled."""
    (delivery,) = (await send("toggle_everything", content))["handled"]
    result: dict[str, Any] = delivery["result"]
    return result


@pytest.mark.parametrize("face", ["light.fan", "switch.fan"])
@pytest.mark.parametrize("by", ["form", "label"])
@pytest.mark.parametrize("target", [{}, {"entity_id": EVERY}, {"entity_id": ["light.all"]}])
async def test_what_is_excluded_is_not_touched_through_another_face(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, face: str, by: str, target: dict[str, Any]
) -> None:
    """Whichever face is excluded, however the bot is attached to the other, and also inside a group."""
    await show_as(hass, "switch.fan", "light")
    await group(hass, "All", ["light.fan", "light.porch"])
    await turn(hass, "switch.fan", "on")
    await turn(hass, "light.porch", "on")
    if by == "label":
        put_label_on(hass, face)
    await add_bot(target=target, exclude={"entity_id": [face]} if by == "form" else {})

    for content in (LEAVING, {"on": False, "domain": "light"}, {"on": False, "target": {"entity_id": EVERY}}):
        await send("toggle_everything", content)

    assert home["switch.fan"].commands == [True]
    assert not is_on(hass, "light.porch")


@pytest.mark.parametrize("domain", ["fan", "siren", "cover", "lock", "valve"])
async def test_a_face_that_no_bot_switches_keeps_what_is_behind_it_safe(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, domain: str
) -> None:
    """It is all that people see, so they put the label on it."""
    put_label_on(hass, await show_as(hass, "switch.fan", domain))
    await add_bot(target={"entity_id": ["switch.fan", "light.porch"]})

    assert (await result_of(send, {"on": True}))["switched"] == ["light.porch"]
    assert home["switch.fan"].commands == []


async def test_the_face_of_a_face_is_one_of_them(hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send) -> None:
    """A group of switches may be shown as a light as well."""
    options = {"group_type": "switch", "hide_members": True, "all": False, "name": "Both", "entities": ["switch.fan"]}
    entry = MockConfigEntry(domain="group", options=options, title="Motors")
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    registry = er.async_get(hass)
    registry.async_update_entity("switch.fan", hidden_by=er.RegistryEntryHider.INTEGRATION)
    face = await show_as(hass, "switch.motors", "light")
    bot = await add_bot()
    assert face in (await result_of(send, {"on": True}))["switched"]

    await result_of(send, LEAVING)
    assert await remembered(bot) == ["light.kitchen", "light.porch", "switch.fan"]
    put_label_on(hass, "switch.fan")
    await turn(hass, face, "on")
    await send("toggle_everything", {"on": False})

    assert is_on(hass, face)


async def test_any_helper_that_names_one_entity_in_its_options_is_a_face(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send
) -> None:
    """Also one of a custom integration, one that is not loaded, and one whose entity is known by its id."""
    registry = er.async_get(hass)
    fan = registry.async_get("switch.fan")
    assert fan is not None
    for wraps in (fan.id, "light.kitchen", "no-such-id", 5):
        entry = MockConfigEntry(domain="custom_wrapper", options={"entity_id": wraps})
        entry.add_to_hass(hass)
        wrapper = registry.async_get_or_create("light", "custom_wrapper", str(wraps), config_entry=entry)
        put_label_on(hass, wrapper.entity_id)
    await add_bot()

    assert (await result_of(send, {"on": True}))["switched"] == ["light.porch"]


async def test_what_observes_an_entity_is_no_face_of_it(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send
) -> None:
    """The label on a sensor that compares the fan's power with a limit says nothing of the fan."""
    options = {"entity_id": "switch.fan", "name": "Limit", "lower": None, "upper": 5.0, "hysteresis": 0.0}
    entry = MockConfigEntry(domain="threshold", options=options, title="Limit")
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    (limit,) = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    put_label_on(hass, limit.entity_id)
    await add_bot(exclude={"entity_id": [limit.entity_id]})

    assert (await result_of(send, {"on": True}))["switched"] == ["light.kitchen", "light.porch", "switch.fan"]


async def test_a_bot_does_not_switch_itself_through_another_face(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send
) -> None:
    """It would not react to presence any more."""
    own = "switch.home_presence_reaction"
    await add_bot()
    face = await show_as(hass, own, "light")
    await group(hass, "Mixed", [face, "light.porch"])

    for content in ({"on": False}, {"on": False, "target": {"entity_id": ["light.mixed", face, own]}}):
        assert face not in (await result_of(send, content))["switched"]

    assert is_on(hass, own)


@pytest.mark.parametrize(
    ("is_hidden", "switched", "of_lights", "of_switches"),
    [(True, "light.fan", ["light.fan"], []), (False, "switch.fan", ["switch.fan"], ["switch.fan"])],
)
async def test_two_faces_are_switched_once(
    hass: HomeAssistant,
    home: Home,
    add_bot: AddBot,
    send: Send,
    *,
    is_hidden: bool,
    switched: str,
    of_lights: list[str],
    of_switches: list[str],
) -> None:
    """What is shown as a light is a light; where the switch is not hidden, it is a switch as well."""
    await show_as(hass, "switch.fan", "light")
    if not is_hidden:
        er.async_get(hass).async_update_entity("switch.fan", hidden_by=None)
    bot = await add_bot()
    form = await show_form_of(bot)
    listed: Any = await hass.config_entries.options.async_configure(form["flow_id"], {"more": {}})

    every = await result_of(send, {"on": True})
    lights = await result_of(send, {"on": True, "domain": "light"})
    switches = await result_of(send, {"on": True, "domain": "switch"})

    assert every["switched"] == sorted(["light.kitchen", "light.porch", switched])
    assert lights["switched"] == sorted(["light.kitchen", "light.porch", *of_lights])
    assert switches["switched"] == of_switches
    shown = listed["description_placeholders"]
    assert shown["count"] == "3"
    assert f"`{switched}`" in shown["light"] + shown["switch"]


@pytest.mark.parametrize("face", ["light.fan", "switch.fan"])
async def test_a_message_may_name_either_face(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, face: str
) -> None:
    """An automation from before the switch was shown as a light goes on to work."""
    await show_as(hass, "switch.fan", "light")
    await add_bot()

    assert (await result_of(send, {"on": True, "target": {"entity_id": face}}))["switched"] == [face]
    assert home["switch.fan"].commands == [True]


async def test_what_was_on_comes_back_behind_its_face(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send
) -> None:
    """It is remembered once."""
    await show_as(hass, "switch.fan", "light")
    bot = await add_bot()
    await turn(hass, "light.fan", "on")

    await send("toggle_everything", LEAVING)
    assert await remembered(bot) == ["switch.fan"]
    returned = await result_of(send, RETURNING | {"domain": "light"})

    assert returned["switched"] == ["switch.fan"]
    assert home["switch.fan"].commands == [True, False, True]


@pytest.mark.warns
async def test_what_was_turned_on_behind_a_face_or_in_a_group_is_put_back(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    on: Any,
) -> None:
    """After a return that was interrupted, with everybody gone by the end of it."""
    await show_as(hass, "switch.fan", "light")
    await group(hass, "Both", ["light.kitchen", "light.porch"])
    bot = await add_bot(on_returning="on")
    await everybody(persons, "not_home")
    await change_bot(bot, on_leaving="nothing", on_returning="on")
    await turn(hass, "light.porch", "on")
    home["light.porch"].responding.clear()
    for person in ("anna", "bo"):
        hass.states.async_set(f"device_tracker.{person}", "home")
    await ticks(50)
    assert on() == ["light.kitchen", "light.porch", "switch.fan"]

    async def leave_again() -> None:
        for person in ("anna", "bo"):
            hass.states.async_set(f"device_tracker.{person}", "not_home")

    await power_cut(hass, hass_storage, bot, home, leave_again)

    assert on() == ["light.porch"]
