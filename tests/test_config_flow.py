"""Adding and changing bots in the UI."""

from typing import Any

from homeassistant.config_entries import SOURCE_USER, ConfigEntryState
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, section
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
)
import pytest

from custom_components.datastream_bot.const import DOMAIN
from custom_components.datastream_bot.data_streams import DataStream

from .conftest import AddBot, Home, Send, SetPresence, furnish
from .doors import fill_doors
from .forms import change_bot, show_form_of, show_name_of, submit_bot, suggested
from .home import PretendLight, PretendSwitch, diagnostics_of, is_on


async def show_form(hass: HomeAssistant) -> Any:
    """Open the form of a new bot."""
    return await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})


async def test_the_form_can_be_submitted_without_a_change(
    hass: HomeAssistant, home: Home, persons: SetPresence, send: Send
) -> None:
    """The bot that comes of it does what the lesson says."""
    form = await show_form(hass)
    assert form["type"] is FlowResultType.FORM
    shown = await hass.config_entries.flow.async_configure(form["flow_id"], {**suggested(form), "more": {}})
    result = await hass.config_entries.flow.async_configure(form["flow_id"], suggested(shown))
    await hass.async_block_till_done()

    assert result["type"] is FlowResultType.CREATE_ENTRY
    entry = result["result"]
    assert entry.state is ConfigEntryState.LOADED
    assert entry.title == hass.config.location_name
    assert entry.data == {}
    assert entry.options == {
        "persons": [],
        "target": {},
        "exclude": {},
        "on_leaving": "off",
        "on_returning": "on",
        "notify": [],
        "settling": 60,
        "only_when_dark": False,
        "remember_for": 24,
        "verify_after": 0,
    }
    await send("toggle_everything", {"on": True})
    assert all(is_on(hass, entity_id) for entity_id in home)


async def test_a_new_bot_has_the_two_data_streams_of_the_lesson(add_bot: AddBot) -> None:
    """Both are open to the outside."""
    bot = await add_bot()
    streams = [DataStream.from_data(stream.data) for stream in bot.entry.subentries.values()]
    assert [
        (stream.address, stream.external, [field.name for field in stream.fields], stream.actions, stream.event_type)
        for stream in streams
    ] == [
        ("toggle_everything", True, ["on", "target", "domain", "remember", "restore", "memory"], (), None),
        ("send_push_notification", True, ["message", "title", "data"], (), None),
    ]


async def test_a_bot_is_a_service_device_with_its_name(
    hass: HomeAssistant, add_bot: AddBot, device_registry: dr.DeviceRegistry
) -> None:
    """So it has a page of its own."""
    bot = await add_bot("Home")
    device = device_registry.async_get(bot.device_id)
    assert isinstance(device, dr.DeviceEntry)
    assert (device.name, device.entry_type, device.identifiers) == (
        "Home",
        dr.DeviceEntryType.SERVICE,
        {(DOMAIN, bot.bot_id)},
    )


async def test_the_next_bot_is_offered_a_name_that_is_free(hass: HomeAssistant, add_bot: AddBot) -> None:
    """Its form can be submitted without a change as well."""
    await add_bot(hass.config.location_name)
    await add_bot(f"{hass.config.location_name} 2")

    assert suggested(await show_form(hass))["name"] == f"{hass.config.location_name} 3"


@pytest.mark.parametrize(
    ("form", "errors"),
    [
        ({"name": "  "}, {"name": "name_empty"}),
        ({"name": " HOME "}, {"name": "name_in_use"}),
        ({"name": "Garden", "target": {"area_id": ["{{ area }}"]}}, {"target": "target_invalid"}),
        ({"name": "", "target": {"entity_id": "none"}}, {"name": "name_empty", "target": "target_invalid"}),
    ],
)
async def test_a_form_that_is_not_right_says_so_and_keeps_what_was_typed(
    hass: HomeAssistant, add_bot: AddBot, form: dict[str, Any], errors: dict[str, str]
) -> None:
    """All that is wrong is told at once, and the corrected form is taken."""
    await add_bot("Home")

    shown = await show_form(hass)
    result = await hass.config_entries.flow.async_configure(
        shown["flow_id"], {"on_leaving": "nothing", "more": {}, **form}
    )
    assert (result["type"], result["errors"]) == (FlowResultType.FORM, errors)
    assert suggested(result)["on_leaving"] == "nothing"
    assert suggested(result)["name"] == form["name"]

    corrected = await submit_bot(hass.config_entries.flow, shown["flow_id"], name=" Garden ")
    assert (corrected["type"], corrected["title"]) == (FlowResultType.CREATE_ENTRY, "Garden")


def opened(form: Any) -> set[str]:
    """Return the sections of a form that are open."""
    return {
        str(name)
        for name, field in form["data_schema"].schema.items()
        if isinstance(field, section) and not field.options["collapsed"]
    }


async def test_a_section_with_something_in_it_is_open(hass: HomeAssistant, add_bot: AddBot) -> None:
    """Others can stay as they are."""
    assert opened(await show_form(hass)) == set()
    bot = await add_bot("Home", settling=5)
    assert opened(await show_form_of(bot)) == {"more"}

    refused: Any = await hass.config_entries.flow.async_configure(
        (await show_form(hass))["flow_id"], {"name": "", "more": {"verify_after": 9}}
    )
    assert opened(refused) == {"more"}


async def test_a_door_with_something_in_it_is_open(hass: HomeAssistant, add_bot: AddBot) -> None:
    """So that nobody has to look for it."""
    bot = await add_bot("Home")
    assert opened(await show_form_of(bot, "doors")) == {"webhook"}

    await fill_doors(bot, limits={"rate": 11})
    await hass.async_block_till_done()
    assert opened(await show_form_of(bot, "doors")) == {"webhook", "limits"}


async def test_a_bot_cannot_be_attached_to_what_is_its_own(hass: HomeAssistant, home: Home, add_bot: AddBot) -> None:
    """Nor to what is another bot's; the form names it, and keeps what was chosen."""
    bot = await add_bot("Home")
    own = {"device_id": [bot.device_id], "entity_id": ["switch.home_doors", "light.porch"]}
    configure = hass.config_entries.flow.async_configure

    shown = await show_form(hass)
    form: dict[str, Any] = {"name": "Garden", "more": {}}
    refused: Any = await configure(shown["flow_id"], {**form, "target": own})
    assert (refused["errors"], suggested(refused)["target"]) == ({"target": "target_own"}, own)
    assert refused["description_placeholders"]["own"] == "Home, Home Doors"

    attached: Any = await configure(shown["flow_id"], form)
    refused = await configure(shown["flow_id"], {"exclude": {"entity_id": ["switch.home_doors"]}})
    assert (refused["errors"], suggested(refused)) == (
        {"exclude": "target_own"},
        {"exclude": {"entity_id": ["switch.home_doors"]}},
    )
    assert refused["description_placeholders"] == {**attached["description_placeholders"], "own": "Home Doors"}
    added: Any = await configure(shown["flow_id"], {"exclude": {}})
    assert added["type"] is FlowResultType.CREATE_ENTRY


async def test_everything_in_the_form_can_be_changed_later(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send
) -> None:
    """The bot does the new at once."""
    bot = await add_bot("Home", exclude={"entity_id": ["switch.fan"]})
    form = await show_form_of(bot)
    shown = {name: value for name, value in suggested(form).items() if name != "more"}
    assert shown.items() <= bot.entry.options.items()

    target = {"entity_id": ["light.porch"]}
    changed = {"target": target, "on_leaving": "nothing", "exclude": {}, "remember_for": 2}
    result = await change_bot(bot, **changed)

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert bot.entry.options["exclude"] == {}
    assert bot.entry.options["on_leaving"] == "nothing"
    assert bot.entry.options["remember_for"] == 2
    await send("toggle_everything", {"on": True})
    assert [entity_id for entity_id in home if is_on(hass, entity_id)] == ["light.porch"]


async def test_a_bot_cannot_be_given_the_name_of_another(hass: HomeAssistant, add_bot: AddBot) -> None:
    """Its own it may keep."""
    await add_bot("Home")
    garden = await add_bot("Garden")
    form = await show_name_of(garden)
    assert suggested(form) == {"name": "Garden"}
    configure = hass.config_entries.flow.async_configure

    taken: Any = await configure(form["flow_id"], {"name": "home"})
    assert (taken["errors"], suggested(taken)) == ({"name": "name_in_use"}, {"name": "home"})
    empty: Any = await configure(form["flow_id"], {"name": " "})
    assert empty["errors"] == {"name": "name_empty"}
    kept: Any = await configure(form["flow_id"], {"name": " garden "})

    assert (kept["type"], kept["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    assert garden.entry.title == "garden"


async def test_the_form_shows_what_is_attached_before_it_is_submitted(
    hass: HomeAssistant, persons: SetPresence
) -> None:
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
        "own": "",
        "shared": "",
        "person": "- Anna (`person.anna`)\n- Bo (`person.bo`)",
        "switch": "- Fan (`switch.fan`)\n- Freezer (`switch.freezer`)",
        "light": "- Kitchen (`light.kitchen`)\n- Porch (`light.porch`)",
    }
    assert second["step_id"] == "attached"
    assert second["description_placeholders"]["switch"] == "- Fan (`switch.fan`)"
    assert suggested(second) == {"exclude": {"entity_id": ["switch.freezer"]}}
    assert (wrong["errors"], suggested(wrong)) == ({"exclude": "target_invalid"}, suggested(second))
    bot = third["result"].runtime_data
    assert (await diagnostics_of(bot))["entry"]["options"]["exclude"] == {"entity_id": ["switch.freezer"]}


async def show_second_step(hass: HomeAssistant, **form: Any) -> Any:
    """Submit the first step of the form of a new bot."""
    shown = await show_form(hass)
    return await hass.config_entries.flow.async_configure(shown["flow_id"], {"name": "Home", "more": {}, **form})


async def test_the_form_shows_whom_the_bot_follows(hass: HomeAssistant, home: Home, persons: SetPresence) -> None:
    """Those who count as present and have a tracker."""
    hass.states.async_set("person.admin", "unknown", {"device_trackers": []})

    everyone = await show_second_step(hass)
    chosen = await show_second_step(hass, persons=["person.admin", "person.bo"])

    assert (everyone["step_id"], everyone["description_placeholders"]["person"]) == (
        "attached",
        "- Anna (`person.anna`)\n- Bo (`person.bo`)",
    )
    assert (chosen["step_id"], chosen["description_placeholders"]["person"]) == ("attached", "- Bo (`person.bo`)")


@pytest.mark.parametrize("chosen", [["person.admin"], ["person.gone"]])
async def test_the_form_warns_of_a_bot_that_follows_nobody(
    hass: HomeAssistant, home: Home, persons: SetPresence, chosen: list[str]
) -> None:
    """And takes it all the same, as the tracker may come later."""
    hass.states.async_set("person.admin", "unknown", {"device_trackers": []})

    warned = await show_second_step(hass, persons=chosen)
    excluded = await hass.config_entries.flow.async_configure(
        warned["flow_id"], {"exclude": {"entity_id": ["switch.fan"]}}
    )
    added: Any = await hass.config_entries.flow.async_configure(excluded["flow_id"], suggested(excluded))

    assert [shown["step_id"] for shown in (warned, excluded)] == ["attached_nobody"] * 2
    assert (added["type"], added["result"].options["persons"]) == (FlowResultType.CREATE_ENTRY, chosen)


async def test_the_form_warns_of_a_bot_that_is_attached_to_nothing(
    hass: HomeAssistant, home: Home, persons: SetPresence
) -> None:
    """Whether nothing is there, or all of it is excluded; it asks for no freezer then."""
    chosen = {"target": {"entity_id": ["light.porch"]}}
    shown = await show_second_step(hass, **chosen)
    configure = hass.config_entries.flow.async_configure

    warned: Any = await configure(shown["flow_id"], {"exclude": {"entity_id": ["light.porch"]}})
    corrected = await configure(shown["flow_id"], {"exclude": {}})

    assert [one["step_id"] for one in (shown, warned, corrected)] == ["attached", "attached_nothing", "attached"]
    assert warned["description_placeholders"]["person"] == "- Anna (`person.anna`)\n- Bo (`person.bo`)"


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
    assert placeholders["light"].endswith("\n- … 10 more")
    assert len(placeholders["light"].splitlines()) == 51
    assert placeholders["switch"] == "- `switch.soon`"


async def test_what_was_removed_stays_chosen_until_the_user_says_otherwise(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """Without it, the list would be empty, which means everything and everyone."""
    bot = await add_bot(target={"entity_id": ["light.kitchen"]}, persons=["person.bo"])
    chosen = {name: bot.entry.options[name] for name in ("target", "persons")}
    for entity_id in ("light.kitchen", "person.bo"):
        er.async_get(hass).async_remove(entity_id)
    await hass.async_block_till_done()

    shown = {name: value for name, value in suggested(await show_form_of(bot)).items() if name != "more"}
    await change_bot(bot, **shown)

    assert {name: bot.entry.options[name] for name in chosen} == chosen
    assert (await diagnostics_of(bot.entry.runtime_data))["microservices"][1]["attached"] == []
