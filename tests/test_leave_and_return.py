"""Leaving and returning: settling, what was on, guests, dark, and never what must not be touched."""

from copy import deepcopy
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import EntityCategory
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
    label_registry as lr,
)
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    MockUser,
    async_capture_events,
)

from custom_components.datastream_bot.const import DOMAIN

from .conftest import AddBot, Home, Send, SetPresence, furnish
from .days import LEAVING, RESTORE, RETURNING, everybody, go_on, restart, turn
from .forms import show_form_of, submit_bot, suggested
from .home import PretendLamp, PretendLight, PretendSwitch, diagnostics_of, is_on, remembered, state_of, ticks


@pytest.fixture
def on(hass: HomeAssistant, home: Home) -> Any:
    """Return a function that tells what is on."""
    return lambda: [entity_id for entity_id in home if is_on(hass, entity_id)]


async def test_on_return_only_what_was_on_comes_back(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, on: Any
) -> None:
    """And what was off stays off."""
    bot = await add_bot(**RESTORE)
    await turn(hass, "light.kitchen", "on")

    await everybody(persons, "not_home")
    assert on() == []
    assert await remembered(bot) == ["light.kitchen"]
    await persons("anna", "home")

    assert on() == ["light.kitchen"]
    assert home["light.porch"].commands == [False]
    assert await remembered(bot) == []


async def test_a_lamp_comes_back_in_its_own_mode(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """With brightness, and the color or the white that it had."""
    await furnish(
        hass,
        {"light.desk": PretendLamp("Desk"), "light.shelf": PretendLamp("Shelf"), "light.sofa": PretendLamp("Sofa")},
    )
    await add_bot()
    await turn(hass, "light.desk", "on", brightness=77, hs_color=[120, 50])
    await turn(hass, "light.shelf", "on", brightness=10, color_temp_kelvin=2700)
    await turn(hass, "light.sofa", "on", effect="Candle")
    looks = {name: dict(state_of(hass, name).attributes) for name in ("light.desk", "light.shelf", "light.sofa")}

    await send("toggle_everything", LEAVING)
    assert not is_on(hass, "light.desk")
    receipt = await send("toggle_everything", RETURNING)

    assert receipt["handled"][0]["result"]["switched"] == ["light.desk", "light.shelf", "light.sofa"]
    assert {name: dict(state_of(hass, name).attributes) for name in looks} == looks


async def test_a_lamp_whose_color_is_unknown_comes_back_without_it(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """Rather than not at all."""
    lamp = PretendLamp("Desk")
    lamp._attr_color_temp_kelvin = None
    await furnish(hass, {"light.desk": lamp})
    await add_bot()
    await turn(hass, "light.desk", "on", brightness=77)

    await send("toggle_everything", LEAVING)
    await send("toggle_everything", RETURNING)

    assert (state_of(hass, "light.desk").state, state_of(hass, "light.desk").attributes["brightness"]) == ("on", 77)


async def test_what_changed_meanwhile_is_left_alone_and_named(
    hass: HomeAssistant, add_bot: AddBot, send: Send, entity_registry: er.EntityRegistry
) -> None:
    """What somebody turned on and off again, what is gone, and what cannot be reached."""
    lights: Home = {f"light.l{number}": PretendLight(f"L{number}") for number in range(6)}
    await furnish(hass, lights)
    bot = await add_bot()
    await send("toggle_everything", {"on": True})
    await send("toggle_everything", LEAVING)
    await turn(hass, "light.l0", "on")
    await turn(hass, "light.l1", "on")
    await turn(hass, "light.l1", "off")
    lights["light.l2"].set_available(available=False)
    entity_registry.async_remove("light.l3")
    await hass.async_block_till_done()
    form = await show_form_of(bot)
    await submit_bot(hass, form["flow_id"], name="Home", exclude={"entity_id": ["light.l4"]})

    (delivery,) = (await send("toggle_everything", RETURNING))["handled"]

    assert delivery["result"] == {
        "on": True,
        "switched": ["light.l5"],
        "unavailable": ["light.l2"],
        "changed": ["light.l0", "light.l1"],
        "gone": ["light.l3", "light.l4"],
        "expired": [],
    }
    assert is_on(hass, "light.l0")
    assert not is_on(hass, "light.l1")
    again = (await send("toggle_everything", RETURNING))["handled"][0]["result"]
    assert {name for name, value in again.items() if value} == {"on"}


async def test_a_second_leaving_keeps_what_the_first_remembered(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, on: Any
) -> None:
    """But what somebody turned on in between is theirs, and remembered as they left it."""
    bot = await add_bot()
    await turn(hass, "light.kitchen", "on")
    await turn(hass, "switch.fan", "on")
    await send("toggle_everything", LEAVING)
    await send("toggle_everything", LEAVING)
    await turn(hass, "switch.fan", "on")
    await turn(hass, "light.porch", "on")
    await send("toggle_everything", LEAVING)
    assert await remembered(bot) == ["light.kitchen", "light.porch", "switch.fan"]

    await send("toggle_everything", RETURNING)

    assert on() == ["light.kitchen", "light.porch", "switch.fan"]


@pytest.mark.warns
async def test_a_lamp_that_fades_is_remembered_as_it_was_before(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """Leaving twice in a row while it gets darker does not make it dark for good."""
    lamp = PretendLamp("Desk")
    await furnish(hass, {"light.desk": lamp})
    await add_bot()
    await turn(hass, "light.desk", "on", brightness=200)
    lamp.broken = "still fading"
    with_errors = await send("toggle_everything", LEAVING)
    lamp._attr_brightness = 20
    lamp.async_write_ha_state()
    lamp.broken = None

    await send("toggle_everything", LEAVING)
    await send("toggle_everything", RETURNING)

    assert with_errors["failed"] != []
    assert state_of(hass, "light.desk").attributes["brightness"] == 200


async def test_what_was_remembered_expires(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, on: Any, freezer: FrozenDateTimeFactory
) -> None:
    """Who comes back from a journey does not want last month's light."""
    await add_bot(remember_for=2)
    await turn(hass, "light.kitchen", "on")
    await send("toggle_everything", LEAVING)
    freezer.tick(timedelta(hours=2, seconds=1))

    (delivery,) = (await send("toggle_everything", RETURNING))["handled"]

    assert (delivery["result"]["expired"], on()) == (["light.kitchen"], [])


async def test_only_a_part_can_be_restored(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, on: Any
) -> None:
    """The rest stays remembered."""
    await add_bot()
    await send("toggle_everything", {"on": True})
    await send("toggle_everything", LEAVING)

    await send("toggle_everything", RETURNING | {"domain": "switch"})
    assert on() == ["switch.fan"]
    await send("toggle_everything", RETURNING | {"target": {"entity_id": "light.porch"}})
    assert on() == ["light.porch", "switch.fan"]
    await send("toggle_everything", RETURNING)
    assert on() == ["light.kitchen", "light.porch", "switch.fan"]


@pytest.mark.warns
async def test_what_cannot_be_restored_is_named(hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send) -> None:
    """Because it fails, or because the user may not."""
    await add_bot()
    await send("toggle_everything", {"on": True})
    await send("toggle_everything", LEAVING)
    home["light.porch"].broken = "stuck"

    (failed,) = (await send("toggle_everything", RETURNING))["failed"]

    assert failed["error"] == "These could not be switched: light.porch: stuck"
    assert failed["result"]["switched"] == ["light.kitchen", "switch.fan"]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ({"on": True, "remember": True}, "Only what is turned off can be remembered"),
        ({"on": False, "restore": True}, "Only what is turned on can be restored"),
        ({"on": True, "domain": "cover"}, "The domain is 'cover', it must be light or switch"),
        ({"on": True, "target": {"room": "kitchen"}}, "The target is not valid"),
        ({"on": True, "target": {"entity_id": "{{ x }}"}}, "The target is not valid"),
        ({"on": True, "target": {"entity_id": 5}}, "The target is not valid"),
    ],
)
@pytest.mark.warns
async def test_what_does_not_go_together_is_refused(
    home: Home, add_bot: AddBot, send: Send, content: dict[str, Any], error: str
) -> None:
    """And nothing is switched."""
    await add_bot()
    (failed,) = (await send("toggle_everything", content))["failed"]
    assert error in failed["error"]
    assert all(device.commands == [] for device in home.values())


async def test_a_message_says_which_lights_it_means(
    hass: HomeAssistant,
    home: Home,
    add_bot: AddBot,
    send: Send,
    entity_registry: er.EntityRegistry,
    area_registry: ar.AreaRegistry,
    label_registry: lr.LabelRegistry,
) -> None:
    """By entity, area, label or domain, always cut with what the bot is attached to."""
    area, label = area_registry.async_create("Kitchen"), label_registry.async_create("Cosy")
    entity_registry.async_update_entity("light.kitchen", area_id=area.id)
    entity_registry.async_update_entity("light.porch", labels={label.label_id})
    await add_bot(exclude={"entity_id": ["switch.fan"]})
    targets: list[tuple[dict[str, Any], list[str]]] = [
        ({"target": {"area_id": area.id}}, ["light.kitchen"]),
        ({"target": {"label_id": [label.label_id]}}, ["light.porch"]),
        ({"target": {"entity_id": ["light.porch", "switch.fan", "light.unknown"]}}, ["light.porch"]),
        ({"target": {"area_id": "unknown"}}, []),
        ({"target": {"area_id": []}}, []),
        ({"target": {"entity_id": []}}, []),
        ({"target": {"area_id": None}}, []),
        ({"domain": "light"}, ["light.kitchen", "light.porch"]),
        ({"domain": "switch"}, []),
        ({"target": {}}, ["light.kitchen", "light.porch"]),
    ]
    for content, meant in targets:
        (delivery,) = (await send("toggle_everything", {"on": True, **content}))["handled"]
        assert delivery["result"]["switched"] == meant, content


async def test_messages_about_different_lights_do_not_supersede_each_other(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send
) -> None:
    """Only of those about the same does the newest count."""
    await add_bot()
    home["light.kitchen"].responding.clear()
    contents: list[dict[str, Any]] = [
        {"on": True},
        {"on": True, "target": {"entity_id": "light.porch"}},
        {"on": False, "target": {"entity_id": "switch.fan"}},
        {"on": False, "target": {"entity_id": "light.porch"}},
    ]
    sending = []
    for content in contents:
        sending.append(hass.async_create_task(send("toggle_everything", content)))
        await ticks()
    home["light.kitchen"].responding.set()
    receipts = [await task for task in sending]

    assert ["superseded_by" in receipt["handled"][0]["result"] for receipt in receipts] == [False, True, False, False]
    assert (home["light.porch"].commands, home["switch.fan"].commands) == ([True, False], [True, False])


async def test_a_group_and_its_members_are_switched_once(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send
) -> None:
    """Also when the message names the group."""
    group = {"platform": "group", "name": "Both", "entities": ["light.kitchen", "light.porch"]}
    assert await async_setup_component(hass, "group", {})
    assert await async_setup_component(hass, "light", {"light": group})
    hass.states.async_set("light.both", "off", {"entity_id": ["light.kitchen", "light.porch"]})
    await add_bot()

    await send("toggle_everything", {"on": True, "target": {"entity_id": "light.both"}})

    assert [device.commands for device in home.values()] == [[True], [True], []]


async def test_leaving_settles_before_it_is_acted_on(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, on: Any, freezer: FrozenDateTimeFactory
) -> None:
    """A minute, unless the form says otherwise; who comes back within it has never left."""
    await add_bot(settling=60)
    await turn(hass, "light.kitchen", "on")

    await everybody(persons, "not_home")
    await go_on(hass, freezer, 30)
    await persons("bo", "Work")
    await go_on(hass, freezer, 29)
    assert on() == ["light.kitchen"]
    await persons("anna", "home")
    await go_on(hass, freezer, 60)
    assert home["light.porch"].commands == []

    await persons("anna", "not_home")
    await go_on(hass, freezer, 61)
    assert on() == []
    await persons("bo", "home")
    assert len(on()) == 3


async def test_a_tracker_that_flaps_never_gets_to_act(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, freezer: FrozenDateTimeFactory
) -> None:
    """However often it does."""
    await add_bot(settling=60)
    await persons("bo", "not_home")
    for _ in range(50):
        await persons("anna", "not_home")
        await go_on(hass, freezer, 50)
        await persons("anna", "home")
        await go_on(hass, freezer, 5)

    assert all(device.commands == [] for device in home.values())


async def test_not_knowing_at_the_end_of_settling_waits_until_it_is_known(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, freezer: FrozenDateTimeFactory
) -> None:
    """All trackers unavailable could be everybody at home, and the first that is back may tell what it last knew."""
    await add_bot(settling=60)
    await everybody(persons, "not_home")
    await everybody(persons, "unavailable")
    await go_on(hass, freezer, 3600)
    assert home["light.kitchen"].commands == []

    await everybody(persons, "not_home")
    await everybody(persons, "home")
    await go_on(hass, freezer, 61)
    assert home["light.kitchen"].commands == []

    await everybody(persons, "not_home")
    await everybody(persons, "unavailable")
    await go_on(hass, freezer, 61)
    await everybody(persons, "not_home")
    await go_on(hass, freezer, 59)
    assert home["light.kitchen"].commands == []
    await go_on(hass, freezer, 2)
    assert home["light.kitchen"].commands == [False]


async def test_not_knowing_in_the_midst_of_settling_does_not_make_it_longer(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, freezer: FrozenDateTimeFactory
) -> None:
    """A phone that sleeps for a moment has not been home."""
    await add_bot(settling=60)
    await everybody(persons, "not_home")
    await go_on(hass, freezer, 30)
    await persons("anna", "unavailable")
    await persons("anna", "not_home")
    await go_on(hass, freezer, 31)

    assert home["light.kitchen"].commands == [False]


@pytest.mark.parametrize(("passed", "told"), [(30, []), (61, [False])])
async def test_settling_survives_a_restart(
    hass: HomeAssistant,
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    freezer: FrozenDateTimeFactory,
    passed: float,
    told: list[bool],
) -> None:
    """What is left of it is waited for afterwards, and not more."""
    bot = await add_bot(settling=60)
    await everybody(persons, "not_home")
    await go_on(hass, freezer, 10)
    await hass.config_entries.async_unload(bot.bot_id)
    freezer.tick(passed - 10)
    await restart(hass, bot)

    assert home["light.kitchen"].commands == told
    await go_on(hass, freezer, 31)
    assert home["light.kitchen"].commands == [False]
    await restart(hass, bot)
    await go_on(hass, freezer, 100)
    assert home["light.kitchen"].commands == [False]


async def test_a_clock_that_was_wrong_does_not_make_settling_endless(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, freezer: FrozenDateTimeFactory
) -> None:
    """Small boxes have no clock of their own when they start."""
    bot = await add_bot(settling=60)
    await everybody(persons, "not_home")
    await hass.config_entries.async_unload(bot.bot_id)
    freezer.tick(timedelta(days=-300))
    await restart(hass, bot)

    await go_on(hass, freezer, 61)

    assert home["light.kitchen"].commands == [False]


@pytest.mark.parametrize(("hour", "told"), [(12, [False]), (22, [False, True])])
async def test_on_return_only_after_sunset(
    hass: HomeAssistant,
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    freezer: FrozenDateTimeFactory,
    hour: int,
    told: list[bool],
) -> None:
    """Nobody needs every lamp at three in the afternoon; leaving turns off at any time."""
    await hass.config.async_update(latitude=52.4, longitude=4.9, time_zone="UTC")
    freezer.move_to(f"2026-11-22T{hour}:00:00+00:00")
    await add_bot(only_when_dark=True)

    await everybody(persons, "not_home")
    await everybody(persons, "home")

    assert home["light.kitchen"].commands == told


async def test_returning_by_day_forgets_what_was_on(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, freezer: FrozenDateTimeFactory, on: Any
) -> None:
    """What is restored in the evening is what was on when they left in the evening."""
    await hass.config.async_update(latitude=52.4, longitude=4.9, time_zone="UTC")
    freezer.move_to("2026-11-22T10:00:00+00:00")
    bot = await add_bot(only_when_dark=True, **RESTORE)
    await turn(hass, "light.kitchen", "on")
    await everybody(persons, "not_home")
    await everybody(persons, "home")
    assert (await remembered(bot), on()) == ([], [])

    await turn(hass, "light.porch", "on")
    freezer.move_to("2026-11-22T20:00:00+00:00")
    await everybody(persons, "not_home")
    await everybody(persons, "home")

    assert on() == ["light.porch"]


async def test_while_guests_are_there_presence_is_only_followed(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """Turned on again, the reaction waits for the next edge, also after a restart."""
    bot = await add_bot("Home")
    switch, sensor = "switch.home_presence_reaction", "binary_sensor.home_presence"
    assert (state_of(hass, switch).state, state_of(hass, sensor).state) == ("on", "on")

    await turn(hass, switch, "off")
    await everybody(persons, "not_home")
    assert (state_of(hass, switch).state, state_of(hass, sensor).state) == ("off", "off")
    await restart(hass, bot)
    assert state_of(hass, switch).state == "off"
    await turn(hass, switch, "on")
    assert home["light.kitchen"].commands == []

    await persons("anna", "home")
    assert home["light.kitchen"].commands == [True]


async def test_a_restart_does_not_turn_the_reaction_on_for_a_moment(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """Automations that watch the switch would take it for somebody's wish."""
    bot = await add_bot("Home")
    await turn(hass, "switch.home_presence_reaction", "off")
    changes = async_capture_events(hass, "state_changed")

    await hass.config_entries.async_reload(bot.bot_id)
    await restart(hass, bot)

    shown = [change.data["new_state"] for change in changes if change.data["entity_id"].startswith("switch.home")]
    assert {state.state for state in shown if state is not None} == {"off", "unavailable"}


async def test_turning_the_reaction_off_ends_what_was_settling(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, freezer: FrozenDateTimeFactory
) -> None:
    """Also when it is turned on again at once."""
    await add_bot("Home", settling=60)
    await everybody(persons, "not_home")
    assert state_of(hass, "binary_sensor.home_presence").attributes["acts_at"] is not None

    await turn(hass, "switch.home_presence_reaction", "off")
    await turn(hass, "switch.home_presence_reaction", "on")
    assert state_of(hass, "binary_sensor.home_presence").attributes["acts_at"] is None
    await go_on(hass, freezer, 120)

    assert home["light.kitchen"].commands == []


async def test_a_pause_that_outlives_disabling_the_bot(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """Disabling forgets presence, not what the user said."""
    bot = await add_bot("Home")
    await turn(hass, "switch.home_presence_reaction", "off")
    await hass.config_entries.async_unload(bot.bot_id)
    await restart(hass, bot)
    assert state_of(hass, "switch.home_presence_reaction").state == "off"


async def test_the_sensor_says_what_the_bot_believes_and_why(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, freezer: FrozenDateTimeFactory
) -> None:
    """Home, away, or unknown; since when; and who is where."""
    await add_bot("Home")
    start = dt_util.utcnow()

    def shown() -> tuple[str, Any, list[list[str]]]:
        state = state_of(hass, "binary_sensor.home_presence")
        since = round((state.attributes["since"] - start).total_seconds())
        return state.state, since, [state.attributes[name] for name in ("home", "away", "unsure")]

    assert shown() == ("on", 0, [["person.anna", "person.bo"], [], []])
    freezer.tick(10)
    await persons("bo", "not_home")
    assert shown() == ("on", 0, [["person.anna"], ["person.bo"], []])
    await persons("anna", "unavailable")
    assert shown() == ("unknown", 10, [[], ["person.bo"], ["person.anna"]])
    freezer.tick(10)
    await persons("anna", "home")
    assert shown() == ("on", 0, [["person.anna"], ["person.bo"], []])
    await persons("anna", "not_home")
    assert shown() == ("off", 20, [[], ["person.anna", "person.bo"], []])


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


async def test_the_form_shows_what_is_attached_before_it_is_submitted(hass: HomeAssistant, add_bot: AddBot) -> None:
    """And again, after something was excluded, until the user is content."""
    devices: Home = {"light.kitchen": PretendLight("Kitchen"), "light.porch": PretendLight("Porch")}
    devices |= {"switch.fan": PretendSwitch("Fan"), "switch.freezer": PretendSwitch("Freezer")}
    devices["switch.child_lock"] = PretendSwitch("Child lock", category=EntityCategory.CONFIG)
    await furnish(hass, devices)
    flow = await hass.config_entries.flow.async_init(DOMAIN, context={"source": "user"})
    configure = hass.config_entries.flow.async_configure

    first: Any = await configure(flow["flow_id"], {"name": "Home", "more": {}})
    second: Any = await configure(flow["flow_id"], {"exclude": {"entity_id": ["switch.freezer"]}})
    wrong: Any = await configure(flow["flow_id"], {"exclude": {"entity_id": ["{{ all }}"]}})
    third: Any = await configure(flow["flow_id"], {"exclude": {"entity_id": ["switch.freezer"]}})

    assert first["description_placeholders"] == {
        "count": "4",
        "switches": "- Fan (`switch.fan`)\n- Freezer (`switch.freezer`)",
        "lights": "- Kitchen (`light.kitchen`)\n- Porch (`light.porch`)",
    }
    assert second["step_id"] == "attached"
    assert second["description_placeholders"]["switches"] == "- Fan (`switch.fan`)"
    assert suggested(second) == {"exclude": {"entity_id": ["switch.freezer"]}}
    assert (wrong["errors"], suggested(wrong)) == ({"exclude": "target_invalid"}, suggested(second))
    bot = third["result"].runtime_data
    assert (await diagnostics_of(bot))["entry"]["data"]["exclude"] == {"entity_id": ["switch.freezer"]}


async def test_the_form_names_so_many_and_counts_the_rest(hass: HomeAssistant, add_bot: AddBot) -> None:
    """Nobody reads a thousand names; and what is not there yet has none."""
    await furnish(hass, {f"light.l{number}": PretendLight(f"L{number}") for number in range(60)})
    flow = await hass.config_entries.flow.async_init(DOMAIN, context={"source": "user"})
    target = {"entity_id": [*(f"light.l{number}" for number in range(60)), "switch.soon"]}

    shown: Any = await hass.config_entries.flow.async_configure(
        flow["flow_id"], {"name": "Home", "target": target, "more": {}}
    )

    placeholders = shown["description_placeholders"]
    assert placeholders["count"] == "61"
    assert placeholders["lights"].endswith("\n- … 10 more")
    assert len(placeholders["lights"].splitlines()) == 51
    assert placeholders["switches"] == "- `switch.soon`"


@pytest.mark.warns
async def test_what_did_not_switch_is_asked_once_more_and_told_after_three_times(
    hass: HomeAssistant,
    home: Home,
    add_bot: AddBot,
    send: Send,
    freezer: FrozenDateTimeFactory,
    issue_registry: ir.IssueRegistry,
) -> None:
    """Bulbs that do not hear what they are told, and bulbs that hear only the second time."""
    bot = await add_bot("Home", verify_after=10)
    issue = (DOMAIN, f"not_reached_{bot.bot_id}")
    home["light.porch"].is_momentary = True
    home["switch.fan"].set_available(available=False)
    deaf = home["light.kitchen"]
    deaf.broken = "no answer"

    for number in range(1, 4):
        assert issue not in issue_registry.issues
        await send("toggle_everything", {"on": True})
        await go_on(hass, freezer, 11)
        await go_on(hass, freezer, 11)
        assert deaf.commands == [True, True] * number
    shown = issue_registry.issues[issue]
    assert shown.translation_placeholders == {"bot": "Home", "entities": "light.kitchen, light.porch"}

    home["light.porch"].is_momentary = False
    await send("toggle_everything", {"on": True})
    deaf.broken = None
    await go_on(hass, freezer, 11)
    await go_on(hass, freezer, 11)
    assert is_on(hass, "light.kitchen")
    assert issue not in issue_registry.issues


async def test_what_did_switch_is_not_asked_again(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory
) -> None:
    """Whoever turns it on again meanwhile has their reasons; so has a newer message."""
    await add_bot("Home", verify_after=10)
    await send("toggle_everything", {"on": True})
    await send("toggle_everything", {"on": False})
    await turn(hass, "light.kitchen", "on")
    for _ in range(3):
        await go_on(hass, freezer, 11)

    assert home["light.kitchen"].commands == [True, False, True]
    assert home["light.porch"].commands == [True, False]


@pytest.mark.warns
async def test_restoring_is_verified_too(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory
) -> None:
    """As it was, and without asking who may not."""
    await add_bot("Home", verify_after=10)
    await send("toggle_everything", {"on": True})
    await send("toggle_everything", LEAVING)
    home["light.porch"].is_momentary = True
    home["light.kitchen"].broken = "no answer"

    await send("toggle_everything", RETURNING | {"target": {"entity_id": "light.kitchen"}})
    home["light.kitchen"].broken = None
    await go_on(hass, freezer, 11)

    assert is_on(hass, "light.kitchen")


@pytest.mark.warns
async def test_who_may_not_switch_does_not_ask_again(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory
) -> None:
    """Nor is that the light's fault."""
    bot = await add_bot("Home", verify_after=10)
    policy: Any = {"entities": {"entity_ids": {"light.porch": {"control": True}}}}
    user = MockUser(name="Child").add_to_hass(hass)
    user.mock_policy(policy)
    for _ in range(3):
        await send("toggle_everything", {"on": True}, context=Context(user_id=user.id))
        await send("toggle_everything", {"on": True}, context=Context(user_id="nobody"))
        for _ in range(3):
            await go_on(hass, freezer, 11)

    assert home["light.kitchen"].commands == []
    assert not ir.async_get(hass).issues
    await hass.config_entries.async_unload(bot.bot_id)


async def test_a_thousand_lights_are_remembered_and_restored(
    hass: HomeAssistant, hass_storage: dict[str, Any], add_bot: AddBot, send: Send
) -> None:
    """Also across a restart."""
    await furnish(hass, {f"light.l{number}": PretendLamp(f"L{number}") for number in range(1000)})
    bot = await add_bot()
    await send("toggle_everything", {"on": True})

    await send("toggle_everything", LEAVING)
    assert len(hass_storage[f"datastream_bot.{bot.bot_id}.snapshot"]["data"]) == 1000
    await hass.config_entries.async_reload(bot.bot_id)
    (delivery,) = (await send("toggle_everything", RETURNING))["handled"]

    assert len(delivery["result"]["switched"]) == 1000
    assert hass_storage[f"datastream_bot.{bot.bot_id}.snapshot"]["data"] == {}


async def test_two_bots_with_different_persons_share_a_light(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, on: Any
) -> None:
    """Each restores what it turned off itself."""
    await add_bot("Anna", persons=["person.anna"], target={"entity_id": ["light.kitchen", "light.porch"]}, **RESTORE)
    await add_bot("Bo", persons=["person.bo"], target={"entity_id": ["light.porch", "switch.fan"]}, **RESTORE)
    for entity_id in home:
        await turn(hass, entity_id, "on")

    await persons("anna", "not_home")
    assert on() == ["switch.fan"]
    await persons("bo", "not_home")
    assert on() == []
    await persons("bo", "home")
    assert on() == ["switch.fan"]
    await persons("anna", "home")
    assert on() == ["light.kitchen", "light.porch", "switch.fan"]


@pytest.mark.warns
async def test_a_restart_while_restoring_loses_nothing(
    hass: HomeAssistant, hass_storage: dict[str, Any], home: Home, persons: SetPresence, add_bot: AddBot, on: Any
) -> None:
    """What was not yet on is turned on afterwards."""
    bot = await add_bot(**RESTORE)
    for entity_id in home:
        await turn(hass, entity_id, "on")
    await everybody(persons, "not_home")
    home["light.kitchen"].responding.clear()
    hass.states.async_set("device_tracker.anna", "home")
    await ticks(20)
    assert on() == ["light.porch", "switch.fan"]

    # A power cut: what was being done is simply not done, and nothing more is written.
    stored = {key: deepcopy(hass_storage[key]) for key in hass_storage if bot.bot_id in key}
    await hass.config_entries.async_unload(bot.bot_id)
    home["light.kitchen"].broken = "power cut"
    home["light.kitchen"].responding.set()
    await hass.async_block_till_done()
    home["light.kitchen"].broken = None
    hass_storage.update(stored)
    await restart(hass, bot)

    assert on() == ["light.kitchen", "light.porch", "switch.fan"]
    assert home["light.porch"].commands == [True, False, True]


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


async def test_entities_of_this_integration_are_never_attached(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send
) -> None:
    """Not even when they are named."""
    await add_bot("Home", target={"entity_id": ["switch.home_presence_reaction", "switch.fan"]})

    await send("toggle_everything", {"on": False})

    assert is_on(hass, "switch.home_presence_reaction")
    assert home["switch.fan"].commands == [False]


@pytest.mark.warns
async def test_unloaded_while_it_waits_for_a_light_a_bot_looks_no_more(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory
) -> None:
    """Nor does it complain of a light that was removed meanwhile."""
    bot = await add_bot("Home", verify_after=10)
    home["light.kitchen"].responding.clear()
    sending = hass.async_create_task(send("toggle_everything", {"on": True}))
    await ticks(10)
    er.async_get(hass).async_remove("light.porch")
    await hass.config_entries.async_unload(bot.bot_id)
    home["light.kitchen"].responding.set()
    await sending
    for _ in range(3):
        await go_on(hass, freezer, 11)

    assert home["light.kitchen"].commands == [True]
    assert not ir.async_get(hass).issues


@pytest.mark.warns
async def test_leaving_again_while_a_light_still_hangs_is_remembered(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, on: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is on when they leave again is what counts, whatever comes of the light that hangs."""
    for module in ("messaging.router", "microservices.device"):
        monkeypatch.setattr(f"custom_components.datastream_bot.{module}.RECEIPT_WAIT", 0.1)
    await add_bot()
    await send("toggle_everything", {"on": True})
    await send("toggle_everything", LEAVING)
    home["light.kitchen"].responding.clear()
    assert (await send("toggle_everything", RETURNING))["running"] != []
    await send("toggle_everything", LEAVING | {"target": {"entity_id": ["light.porch", "switch.fan"]}})
    home["light.kitchen"].responding.set()
    await hass.async_block_till_done()
    assert on() == ["light.kitchen"]

    await send("toggle_everything", RETURNING)

    assert on() == ["light.kitchen", "light.porch", "switch.fan"]


@pytest.mark.warns
async def test_a_light_that_hangs_longer_than_its_bot_lives_leaves_nothing_behind(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    home: Home,
    add_bot: AddBot,
    send: Send,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No listener, and no file of a bot that was removed."""
    monkeypatch.setattr("custom_components.datastream_bot.messaging.router.RECEIPT_WAIT", 0.1)
    bot = await add_bot()
    await send("toggle_everything", {"on": True})
    await send("toggle_everything", LEAVING)
    home["light.kitchen"].responding.clear()
    await send("toggle_everything", RETURNING)

    await hass.config_entries.async_remove(bot.bot_id)
    home["light.kitchen"].responding.set()
    await hass.async_block_till_done()

    assert not [key for key in hass_storage if bot.bot_id in key]
