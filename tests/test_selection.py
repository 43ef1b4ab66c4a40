"""Which lights and switches a bot attaches to."""

from typing import Any

from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    floor_registry as fr,
    label_registry as lr,
)
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
)

from .conftest import AddBot, Home, Send, SetPresence, furnish
from .forms import show_form_of, suggested
from .home import PretendLight, PretendSwitch

KITCHEN, PORCH, FAN = "light.kitchen", "light.porch", "switch.fan"


@pytest.fixture
async def furnished(hass: HomeAssistant, home: Home) -> None:
    """Give the home a floor, areas, labels and a device with a child."""
    floor = fr.async_get(hass).async_create("Ground floor")
    areas = ar.async_get(hass)
    kitchen = areas.async_create("Kitchen", floor_id=floor.floor_id)
    areas.async_create("Garden", labels={lr.async_get(hass).async_create("Outside").label_id})
    lr.async_get(hass).async_create("Cold")
    lr.async_get(hass).async_create("Motor")

    devices = dr.async_get(hass)
    entry = MockConfigEntry()
    entry.add_to_hass(hass)
    fan_device = devices.async_get_or_create(config_entry_id=entry.entry_id, identifiers={("test", "fan")})
    devices.async_update_device(fan_device.id, labels={"motor"}, area_id="garden")

    entities = er.async_get(hass)
    entities.async_update_entity(KITCHEN, area_id=kitchen.id, labels={"cold"})
    entities.async_update_entity(PORCH, area_id="garden")
    entities.async_update_entity(FAN, device_id=fan_device.id)


async def switched(send: Send) -> list[str]:
    """Return what a message switches."""
    receipt = await send("toggle_everything", {"on": True})
    result: list[str] = receipt["handled"][0]["result"]["switched"]
    return result


@pytest.mark.usefixtures("furnished")
@pytest.mark.parametrize(
    ("target", "attached"),
    [
        ({}, [KITCHEN, PORCH, FAN]),
        ({"area_id": []}, [KITCHEN, PORCH, FAN]),
        ({"entity_id": [PORCH]}, [PORCH]),
        ({"area_id": ["kitchen"]}, [KITCHEN]),
        ({"area_id": ["garden"]}, [PORCH, FAN]),
        ({"floor_id": ["ground_floor"]}, [KITCHEN]),
        ({"label_id": ["cold"]}, [KITCHEN]),
        ({"label_id": ["motor"]}, [FAN]),
        ({"label_id": ["outside"]}, [PORCH, FAN]),
        ({"label_id": ["cold"], "entity_id": [PORCH]}, [KITCHEN, PORCH]),
        ({"area_id": ["no_longer_there"]}, []),
    ],
)
async def test_a_target_is_what_it_says_and_none_is_everything(
    add_bot: AddBot, send: Send, target: dict[str, Any], attached: list[str]
) -> None:
    """By area, floor, label, device or entity."""
    await add_bot(target=target)
    assert await switched(send) == attached


@pytest.mark.usefixtures("furnished")
@pytest.mark.parametrize(
    ("exclude", "attached"),
    [
        ({"entity_id": [PORCH]}, [KITCHEN, FAN]),
        ({"area_id": ["kitchen"]}, [PORCH, FAN]),
        ({"area_id": ["garden"]}, [KITCHEN]),
        ({"floor_id": ["ground_floor"]}, [PORCH, FAN]),
        ({"label_id": ["cold"]}, [PORCH, FAN]),
        ({"label_id": ["motor"]}, [KITCHEN, PORCH]),
        ({"label_id": ["outside"]}, [KITCHEN]),
        ({"label_id": ["no_longer_there"]}, [KITCHEN, PORCH, FAN]),
    ],
)
async def test_what_is_excluded_is_never_touched(
    add_bot: AddBot, send: Send, exclude: dict[str, Any], attached: list[str]
) -> None:
    """However it is excluded, and whatever the target says."""
    await add_bot(exclude=exclude)
    assert await switched(send) == attached
    await add_bot("By name", target={"entity_id": [KITCHEN, PORCH, FAN]}, exclude=exclude, on_leaving="nothing")
    assert await switched(send) == attached


@pytest.mark.usefixtures("furnished")
async def test_a_device_is_excluded_with_its_children(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """The sockets of a power strip go with the strip."""
    devices = dr.async_get(hass)
    entry = MockConfigEntry()
    entry.add_to_hass(hass)
    strip = devices.async_get_or_create(config_entry_id=entry.entry_id, identifiers={("test", "strip")})
    socket = devices.async_get_or_create_child(
        config_entry_id=entry.entry_id, parent_device_id=strip.id, identifiers={("test", "socket")}
    )
    er.async_get(hass).async_update_entity(FAN, device_id=socket.id)

    await add_bot(exclude={"device_id": [strip.id]})

    assert await switched(send) == [KITCHEN, PORCH]


@pytest.mark.usefixtures("furnished")
async def test_what_is_attached_follows_the_registries(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """A lamp that moves to the kitchen belongs to the kitchen, without a reload."""
    await add_bot(target={"area_id": ["kitchen"]})
    assert await switched(send) == [KITCHEN]

    er.async_get(hass).async_update_entity(PORCH, area_id="kitchen")
    er.async_get(hass).async_update_entity(KITCHEN, area_id="garden")

    assert await switched(send) == [PORCH]


@pytest.mark.usefixtures("home")
async def test_what_is_attached_follows_what_comes_and_goes(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """Also what no registry knows, from one message to the next."""

    async def unavailable() -> list[str]:
        receipt = await send("toggle_everything", {"on": True})
        result: list[str] = receipt["handled"][0]["result"]["unavailable"]
        return result

    await add_bot()
    assert await unavailable() == []

    hass.states.async_set("light.garden", "unavailable")
    assert await unavailable() == ["light.garden"]

    hass.states.async_remove("light.garden")
    assert await unavailable() == []


@pytest.mark.usefixtures("home")
async def test_who_joins_an_excluded_group_is_safe_at_once(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """Although nothing tells of it but the state of the group."""
    hass.states.async_set("group.motors", "on", {"entity_id": [FAN]})
    await add_bot(exclude={"entity_id": ["group.motors"]})
    assert await switched(send) == [KITCHEN, PORCH]

    hass.states.async_set("group.motors", "on", {"entity_id": [FAN, PORCH]})
    assert await switched(send) == [KITCHEN]

    hass.states.async_set("group.motors", "on", {"entity_id": []})
    assert await switched(send) == [KITCHEN, PORCH, FAN]


async def test_everything_leaves_out_what_is_hidden_or_only_configures(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send
) -> None:
    """A target that names such an entity means it, though."""
    await furnish(
        hass,
        {
            "switch.led": PretendSwitch("LED", category=EntityCategory.CONFIG),
            "light.signal": PretendLight("Signal", category=EntityCategory.DIAGNOSTIC),
        },
    )
    er.async_get(hass).async_update_entity(PORCH, hidden_by=er.RegistryEntryHider.USER)
    await add_bot("Everything")
    assert await switched(send) == [KITCHEN, FAN]


async def test_what_a_bot_would_be_attached_to_is_known_after_it_was_unloaded(
    hass: HomeAssistant, home: Home, add_bot: AddBot
) -> None:
    """What still runs then leaves alone what was hidden meanwhile."""
    bot = await add_bot()
    assert bot.device.attached() == [*home]
    assert await hass.config_entries.async_unload(bot.bot_id)

    er.async_get(hass).async_update_entity("light.kitchen", hidden_by=er.RegistryEntryHider.USER)
    assert "light.kitchen" not in bot.device.attached()


async def test_disabled_entities_are_not_attached(hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send) -> None:
    """Receipts would name them as unavailable for ever."""
    ar.async_get(hass).async_create("Kitchen")
    registry = er.async_get(hass)
    entry = registry.async_get_or_create("light", "test", "spare", disabled_by=er.RegistryEntryDisabler.USER)
    for entity_id in (entry.entity_id, KITCHEN):
        registry.async_update_entity(entity_id, area_id="kitchen")
    await add_bot(target={"area_id": ["kitchen"]})

    receipt = await send("toggle_everything", {"on": True})

    assert receipt["handled"][0]["result"] == {
        "on": True,
        "switched": [KITCHEN],
        "not_reached": [],
        "unavailable": [],
    }


@pytest.mark.parametrize("as_list", [True, False])
async def test_what_the_form_names_keeps_its_meaning_when_it_is_renamed(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, send: Send, as_list: bool
) -> None:
    """An exclusion that means nothing any more would cost a freezer its power."""
    fan: Any = [FAN] if as_list else FAN
    bot = await add_bot(exclude={"entity_id": fan}, persons=["person.anna"], notify=["notify.phone"])
    registry = er.async_get(hass)
    registry.async_update_entity(FAN, new_entity_id="switch.freezer")
    registry.async_update_entity("person.anna", new_entity_id="person.anne")
    await hass.async_block_till_done()

    assert await switched(send) == [KITCHEN, PORCH]
    shown = suggested(await show_form_of(bot))
    assert (shown["persons"], shown["notify"]) == (["person.anne"], ["notify.phone"])


async def test_a_target_may_name_what_is_hidden(hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send) -> None:
    """The user has chosen this very entity."""
    er.async_get(hass).async_update_entity(PORCH, hidden_by=er.RegistryEntryHider.USER)
    await add_bot(target={"entity_id": [PORCH]})
    assert await switched(send) == [PORCH]


async def test_a_light_without_a_registry_entry_is_a_light(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """It cannot be in an area, but it can be switched."""
    light = PretendLight("Bare")
    light._attr_unique_id = None
    await furnish(hass, {"light.bare": light})
    await add_bot(exclude={"label_id": ["cold"]})
    assert await switched(send) == ["light.bare"]


async def test_entities_of_this_integration_are_never_attached(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send
) -> None:
    """A bot that switched itself off would be a surprise."""
    own = er.async_get(hass).async_get_or_create("switch", "datastream_bot", "own")
    hass.states.async_set(own.entity_id, "off")
    await add_bot(target={"entity_id": [own.entity_id, KITCHEN, "sensor.unrelated"]})
    assert await switched(send) == [KITCHEN]


async def groups(hass: HomeAssistant, *configs: dict[str, Any]) -> None:
    """Set up light groups, as its helper does in the UI."""
    for config in configs:
        options = {"group_type": "light", "hide_members": False, "all": False, **config}
        entry = MockConfigEntry(domain="group", options=options, title=config["name"])
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()


async def told(hass: HomeAssistant, home: Home, send: Send) -> dict[str, int]:
    """Return how often each device is switched by a message."""
    await send("toggle_everything", {"on": True})
    await hass.async_block_till_done()
    return {entity_id: len(device.commands) for entity_id, device in home.items()}


async def test_a_group_and_its_members_are_switched_once(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """Also when a group is in a group."""
    home: Home = {KITCHEN: PretendLight("Kitchen"), PORCH: PretendLight("Porch")}
    await furnish(hass, home)
    await groups(
        hass,
        {"name": "Inner", "entities": [KITCHEN, PORCH]},
        {"name": "Outer", "entities": ["light.inner"]},
    )
    await add_bot()
    assert await told(hass, home, send) == {KITCHEN: 1, PORCH: 1}


async def test_a_group_stands_for_its_hidden_members(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """Home Assistant offers to hide the members of a group; the group is then what people see."""
    home: Home = {KITCHEN: PretendLight("Kitchen"), PORCH: PretendLight("Porch"), "light.hall": PretendLight("Hall")}
    await furnish(hass, home)
    await groups(
        hass,
        {"name": "All", "entities": [KITCHEN, PORCH]},
        {"name": "Both", "entities": [PORCH, "light.hall"]},
    )
    for entity_id in home:
        er.async_get(hass).async_update_entity(entity_id, hidden_by=er.RegistryEntryHider.USER)
    await add_bot()

    assert await switched(send) == ["light.all", "light.hall"]
    assert {entity_id: len(device.commands) for entity_id, device in home.items()} == dict.fromkeys(home, 1)


@pytest.mark.parametrize(
    ("exclude", "expected"),
    [
        ({"entity_id": [PORCH]}, {KITCHEN: 1, PORCH: 0}),
        ({"entity_id": ["light.both"]}, {KITCHEN: 0, PORCH: 0}),
        ({"label_id": ["cold"]}, {KITCHEN: 1, PORCH: 0}),
    ],
)
async def test_a_group_does_not_switch_what_is_excluded(
    hass: HomeAssistant, add_bot: AddBot, send: Send, exclude: dict[str, Any], expected: dict[str, int]
) -> None:
    """Whether a member is excluded by itself, by its label although hidden, or with the whole group."""
    home: Home = {KITCHEN: PretendLight("Kitchen"), PORCH: PretendLight("Porch")}
    await furnish(hass, home)
    await groups(hass, {"name": "Both", "entities": [KITCHEN, PORCH, "light.gone"]})
    lr.async_get(hass).async_create("Cold")
    er.async_get(hass).async_update_entity(PORCH, labels={"cold"}, hidden_by=er.RegistryEntryHider.USER)
    await add_bot(target={"entity_id": ["light.both"]}, exclude=exclude)

    assert await told(hass, home, send) == expected


async def test_an_old_style_group_is_its_members(hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send) -> None:
    """As a target, and as an exclusion, whatever else is in it."""
    hass.states.async_set("sensor.warmth", "21")
    inside = [KITCHEN, FAN, "sensor.warmth"]
    assert await async_setup_component(
        hass, "group", {"group": {"inside": {"entities": inside}, "motors": {"entities": [FAN]}}}
    )
    await hass.async_block_till_done()
    await add_bot(target={"entity_id": ["group.inside"]}, exclude={"entity_id": ["group.motors"]})
    assert await switched(send) == [KITCHEN]


@pytest.mark.parametrize("where", ["entity", "device", "area"])
@pytest.mark.parametrize("lost", [False, True])
async def test_the_label_on_a_group_keeps_every_bot_away_from_its_members(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, where: str, *, lost: bool
) -> None:
    """Also when the bot is not attached to the group, and when the group itself is turned off."""
    await groups(hass, {"name": "Both", "entities": [KITCHEN, PORCH]})
    label = lr.async_get(hass).async_create("datastream_bot_ignore").label_id
    entry = MockConfigEntry()
    entry.add_to_hass(hass)
    device = dr.async_get(hass).async_get_or_create(config_entry_id=entry.entry_id, identifiers={("test", "both")})
    area = ar.async_get(hass).async_create("Cellar")
    put_label_on: dict[str, Any] = {
        "entity": lambda: er.async_get(hass).async_update_entity("light.both", labels={label}),
        "device": lambda: dr.async_get(hass).async_update_device(device.id, labels={label}),
        "area": lambda: ar.async_get(hass).async_update(area.id, labels={label}),
    }
    er.async_get(hass).async_update_entity(
        "light.both",
        device_id=device.id,
        area_id=area.id,
        disabled_by=er.RegistryEntryDisabler.USER if lost else None,
    )
    await hass.async_block_till_done()
    await add_bot()
    await add_bot("By name", target={"entity_id": [KITCHEN, FAN]})

    put_label_on[where]()

    assert await told(hass, home, send) == {KITCHEN: 0, PORCH: 0, FAN: 2}


async def test_what_is_in_an_excluded_group_is_safe_whatever_became_of_the_group(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send
) -> None:
    """A helper that does not load, or whose form is gone, and a group that was made by hand."""
    registry = er.async_get(hass)
    porch, spare = registry.async_get(PORCH), registry.async_get_or_create("light", "test", "spare")
    assert porch is not None
    await groups(
        hass,
        {"name": "Both", "entities": [KITCHEN, "light.gone"]},
        {"name": "By id", "entities": [porch.id, spare.id]},
    )
    registry.async_get_or_create("light", "group", "by hand", suggested_object_id="by_hand")
    for entity_id in ("light.both", "light.by_id"):
        registry.async_update_entity(entity_id, disabled_by=er.RegistryEntryDisabler.USER)
    registry.async_remove(spare.entity_id)
    await hass.async_block_till_done()
    await add_bot(exclude={"entity_id": ["light.both", "light.by_id", "light.by_hand"]})

    assert await told(hass, home, send) == {KITCHEN: 0, PORCH: 0, FAN: 1}


async def test_the_label_is_known_by_its_name_too(hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send) -> None:
    """A label that was renamed keeps the id that it was made with."""
    labels = lr.async_get(hass)
    label = labels.async_create("Do not touch")
    er.async_get(hass).async_update_entity(FAN, labels={label.label_id})
    await add_bot()
    assert await switched(send) == [KITCHEN, PORCH, FAN]

    labels.async_update(label.label_id, name="datastream_bot_ignore")

    assert await switched(send) == [KITCHEN, PORCH]


async def test_what_has_the_label_is_never_touched(
    hass: HomeAssistant,
    home: Home,
    add_bot: AddBot,
    send: Send,
    entity_registry: er.EntityRegistry,
    device_registry: dr.DeviceRegistry,
    area_registry: ar.AreaRegistry,
    label_registry: lr.LabelRegistry,
) -> None:
    """On the entity, on its device or on its area, put on at any time, and even if a bot names it."""
    label = label_registry.async_create("datastream_bot_ignore")
    assert label.label_id == "datastream_bot_ignore"
    entry = MockConfigEntry()
    entry.add_to_hass(hass)
    device = device_registry.async_get_or_create(config_entry_id=entry.entry_id, identifiers={("test", "plug")})
    area = area_registry.async_create("Cellar")
    await add_bot("Freezer", target={"entity_id": ["switch.fan", "light.porch", "light.kitchen"]})

    async def switched() -> list[str]:
        (delivery,) = (await send("toggle_everything", {"on": True}))["handled"]
        switched: list[str] = delivery["result"]["switched"]
        return switched

    entity_registry.async_update_entity("switch.fan", labels={label.label_id})
    assert await switched() == ["light.kitchen", "light.porch"]
    entity_registry.async_update_entity("light.porch", device_id=device.id)
    device_registry.async_update_device(device.id, labels={label.label_id})
    assert await switched() == ["light.kitchen"]
    entity_registry.async_update_entity("light.kitchen", area_id=area.id)
    area_registry.async_update(area.id, labels={label.label_id})
    assert await switched() == []
