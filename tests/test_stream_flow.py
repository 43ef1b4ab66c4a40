"""Adding, changing and deleting data streams in the UI, without a restart."""

from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest

from .conftest import AddBot, Home, Send
from .forms import suggested
from .home import is_on, ticks
from .streams import add_stream, change_stream, remove_stream, row, show_form, show_form_of, stream_of, submit

TURN_ON_PORCH = {"action": "light.turn_on", "target": {"entity_id": "light.porch"}}


async def test_a_data_stream_works_as_soon_as_it_is_added_and_no_longer_when_it_is_deleted(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send
) -> None:
    """Its actions run, its schema holds, and it has a device with an event entity under the bot's."""
    bot = await add_bot()
    stream = await add_stream(bot, "doorbell", actions=[TURN_ON_PORCH], fields=[row("times", "number", required=True)])

    receipt = await send("doorbell", {"times": "2"})
    assert [delivery["receiver"] for delivery in receipt["handled"]] == ["mapping"]
    assert is_on(hass, "light.porch")
    with pytest.raises(ServiceValidationError, match="times is missing, it must be a number"):
        await send("doorbell", {})
    entity_id = er.async_get(hass).async_get_entity_id("event", "datastream_bot", stream.subentry_id)
    assert entity_id == "event.home_doorbell"
    (device,) = dr.async_entries_for_config_entry(dr.async_get(hass), bot.bot_id)[-1:]
    assert isinstance(device, dr.DeviceEntry)
    assert (device.name, device.via_device_id, device.config_subentry_id) == (
        "Home doorbell",
        bot.device_id,
        stream.subentry_id,
    )

    await remove_stream(bot, "doorbell")
    assert (await send("doorbell", {}))["handled"] == []
    assert hass.states.get("event.home_doorbell") is None
    assert dr.async_get(hass).async_get(device.id) is None


async def test_every_part_of_a_data_stream_can_be_changed(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send
) -> None:
    """Address, schema and actions; its entity and device follow, and what was is no more."""
    bot = await add_bot()
    await add_stream(bot, "doorbell", actions=[TURN_ON_PORCH])
    form = await show_form_of(bot, "doorbell")
    assert suggested(form) == dict(stream_of(bot, "doorbell").data)

    changes = {"actions": [], "fields": [row("who")], "event_type": "datastream_bot_gate_rang"}
    await change_stream(bot, "doorbell", address="gate", **changes)

    assert (await send("doorbell"))["handled"] == []
    assert not is_on(hass, "light.porch")
    assert (await send("gate", {"who": "Bo"}))["handled"][0]["result"] == {"event": "datastream_bot_gate_rang"}
    state = hass.states.get("event.home_doorbell")
    assert state is not None
    assert state.attributes["content"] == {"who": "Bo"}
    assert state.name == "Home gate"


async def test_changing_one_stream_does_not_disturb_messages_to_the_others(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """What waits goes on waiting, and the bot is not set up anew."""
    bot = await add_bot()
    wait = {"wait_for_trigger": {"trigger": "event", "event_type": "go"}}
    await add_stream(bot, "slow", actions=[wait, {"stop": "done", "response_variable": "content"}])
    await add_stream(bot, "other")
    sending = hass.async_create_task(send("slow", {"number": 1}))
    await ticks(200)

    await change_stream(bot, "other", description="Changed")
    hass.bus.async_fire("go")

    assert (await sending)["handled"][0]["result"]["response"] == {"number": 1}
    assert bot.entry.runtime_data is bot


async def test_a_stream_that_is_closed_hears_its_own_bot_only(add_bot: AddBot, send: Send) -> None:
    """And it can be opened again."""
    bot = await add_bot()
    await add_stream(bot, "doorbell", external=False)

    assert (await send("doorbell"))["handled"] == []
    assert (await send("doorbell", config_entry_id=bot.bot_id))["handled"] != []
    await change_stream(bot, "doorbell", external=True)
    assert (await send("doorbell"))["handled"] != []


async def test_built_in_streams_keep_their_handling_and_take_actions_on_top(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send
) -> None:
    """They can be given fields of their own too, but not lose those that their handling needs."""
    bot = await add_bot(target={"entity_id": ["light.kitchen"]})

    await change_stream(bot, "toggle_everything", actions=[TURN_ON_PORCH], fields=[row("reason")])

    receipt = await send("toggle_everything", {"on": "yes", "reason": "test"})
    assert [delivery["receiver"] for delivery in receipt["handled"]] == ["mapping", "device"]
    assert [is_on(hass, entity_id) for entity_id in home] == [True, True, False]
    with pytest.raises(ServiceValidationError, match="on is missing"):
        await send("toggle_everything", {"reason": "test"})


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"address": "lights"}, {"address": "address_built_in"}),
        ({"fields": [row("why", required=True)]}, {"fields": "field_required_built_in"}),
    ],
)
async def test_what_would_break_the_handling_of_a_built_in_stream_is_refused(
    add_bot: AddBot, changes: dict[str, Any], errors: dict[str, str]
) -> None:
    """It could not be moved, and the bot's own messages would no longer fit."""
    bot = await add_bot()
    form = await show_form_of(bot, "toggle_everything")
    assert form["step_id"] == "reconfigure_toggle_everything"
    result = await submit(bot, form, {**suggested(form), **changes})
    assert result["errors"] == errors


async def test_the_fields_of_a_built_in_stream_stay_as_they_are(add_bot: AddBot, send: Send, home: Home) -> None:
    """Also when the stream was deleted and is added again."""
    bot = await add_bot()
    form = await show_form_of(bot, "toggle_everything")
    assert suggested(form)["fields"] == []
    taken = {**suggested(form), "fields": [row("on", "text"), row("", required=True)]}
    refused = await submit(bot, form, taken)
    assert refused["errors"] == {"fields": "field_several_invalid"}
    assert suggested(refused) == taken
    assert refused["description_placeholders"]["problems"] == (
        "Every field needs a name, without spaces around it. "
        "The bot has a field of this name at this address by itself. Choose another name. "
        "What this bot sends to itself has only its own fields. "
        "A field that you add here needs a default, or must not be required."
    )

    await change_stream(bot, "toggle_everything", fields=[row("why", required=True, default="so")])
    assert suggested(await show_form_of(bot, "toggle_everything"))["fields"] == [
        row("why", required=True, default="so")
    ]
    assert [(field["name"], field["type"]) for field in stream_of(bot, "toggle_everything").data["fields"]] == [
        ("on", "boolean"),
        ("target", "object"),
        ("domain", "choice"),
        ("remember", "boolean"),
        ("restore", "boolean"),
        ("memory", "text"),
        ("why", "text"),
    ]
    await remove_stream(bot, "toggle_everything")
    await add_stream(bot, "toggle_everything")
    assert stream_of(bot, "toggle_everything").data["fields"][0]["name"] == "on"
    assert (await send("toggle_everything", {"on": True}))["handled"] != []


async def test_a_deleted_built_in_stream_closes_its_address(add_bot: AddBot, send: Send, home: Home) -> None:
    """The bot itself still understands it."""
    bot = await add_bot()
    await remove_stream(bot, "toggle_everything")

    assert (await send("toggle_everything", {"on": True}))["handled"] == []
    assert (await send("toggle_everything", {"on": True}, config_entry_id=bot.bot_id))["handled"] != []


@pytest.mark.parametrize(
    ("form", "errors"),
    [
        ({"address": "two words"}, {"address": "address_invalid"}),
        ({"address": ""}, {"address": "address_invalid"}),
        ({"address": "toggle_everything"}, {"address": "address_in_use"}),
        (
            {"address": "toggle_everything", "fields": [row("on")]},
            {"address": "address_in_use", "fields": "field_name_built_in"},
        ),
        ({"fields": [row("a"), row("a", "number")]}, {"fields": "field_name_in_use"}),
        ({"fields": [row(" a")]}, {"fields": "field_name_invalid"}),
        ({"fields": [row("a", "number", default="x")]}, {"fields": "field_default_invalid"}),
        ({"event_type": "Two Words"}, {"event_type": "event_type_invalid"}),
        ({"event_type": "homeassistant_stop"}, {"event_type": "event_type_invalid"}),
        ({"event_type": "entity_registry_updated"}, {"event_type": "event_type_invalid"}),
        ({"event_type": "automation_triggered"}, {"event_type": "event_type_invalid"}),
        ({"event_type": "datastream_bot_"}, {"event_type": "event_type_invalid"}),
        ({"event_type": "datastream_bot_" + "a" * 50}, {"event_type": "event_type_invalid"}),
        ({"event_type": "datastream_bot_message"}, {"event_type": "event_type_reserved"}),
        ({"actions": [{"action": "no dot"}]}, {"actions": "actions_invalid"}),
        ({"actions": [{"device_id": "gone", "domain": "light", "type": "turn_on"}]}, {"actions": "actions_invalid"}),
        ({"actions": "nonsense"}, {"actions": "actions_invalid"}),
        (
            {"address": "", "event_type": "!", "fields": [row("")]},
            {"address": "address_invalid", "event_type": "event_type_invalid", "fields": "field_name_invalid"},
        ),
    ],
)
async def test_a_form_that_is_not_right_says_so_and_keeps_what_was_typed(
    add_bot: AddBot, form: dict[str, Any], errors: dict[str, str]
) -> None:
    """All that is wrong is told at once, and the corrected form is taken."""
    bot = await add_bot()
    shown = await show_form(bot)
    typed = {"address": "doorbell", "description": "Rings", **form}

    result = await submit(bot, shown, typed)
    assert (result["type"], result["errors"]) == (FlowResultType.FORM, errors)
    assert suggested(result)["description"] == "Rings"
    assert suggested(result)["fields"] == form.get("fields", [])
    assert bool(result["description_placeholders"]["problem"]) == ("actions" in errors)

    corrected = await submit(bot, shown, {"address": " doorbell ", "event_type": " datastream_bot_rang "})
    assert (corrected["type"], corrected["title"]) == (FlowResultType.CREATE_ENTRY, "doorbell")
    assert stream_of(bot, "doorbell").data["event_type"] == "datastream_bot_rang"


async def test_a_row_of_the_fields_says_in_words_what_it_holds(hass: HomeAssistant, add_bot: AddBot) -> None:
    """Home Assistant's page shows all values of a row side by side, and leaves choices in it to the integration."""
    form = await show_form(await add_bot())
    (selector,) = (selector for name, selector in form["data_schema"].schema.items() if name == "fields")
    shown = selector.config
    assert not {"label_field", "description_field"} & shown.keys()
    assert [*shown["fields"]] == ["name", "type", "limits", "required", "description", "default"]
    choices = {name: shown["fields"][name]["selector"].config["options"] for name in ("type", "required")}
    assert choices["type"][2] == {"value": "boolean", "label": "True or false"}
    assert choices["required"] == [
        {"value": "optional", "label": "Optional"},
        {"value": "required", "label": "Required"},
    ]


async def test_an_error_says_what_the_messages_and_their_fields_are_for(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """As the form describes them."""
    bot = await add_bot()
    fields = [row("times", "number", required=True, description="How often it was pressed.")]
    await add_stream(bot, "doorbell", description="Somebody rings.", fields=fields)
    with pytest.raises(ServiceValidationError) as refused:
        await send("doorbell", {})
    assert str(refused.value) == (
        "The content does not fit doorbell (Somebody rings): "
        "times is missing, it must be a number (How often it was pressed)"
    )


async def test_an_address_cannot_be_changed_to_that_of_another_stream(add_bot: AddBot) -> None:
    """Its own it may keep."""
    bot = await add_bot()
    await add_stream(bot, "doorbell")
    form = await show_form_of(bot, "doorbell")

    taken = await submit(bot, form, {"address": "toggle_everything"})
    assert taken["errors"] == {"address": "address_in_use"}
    kept = await submit(bot, form, {"address": "doorbell", "description": "Rings"})
    assert kept["type"] is FlowResultType.ABORT


async def test_a_bad_change_of_a_stream_leaves_it_as_it_was(add_bot: AddBot, send: Send) -> None:
    """It goes on working."""
    bot = await add_bot()
    await add_stream(bot, "doorbell")
    await submit(bot, await show_form_of(bot, "doorbell"), {"address": "!"})
    assert (await send("doorbell"))["handled"] != []


@pytest.mark.usefixtures("no_stack_traces")
async def test_five_hundred_streams_are_no_burden(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """All are there after a reload, each with its entity."""
    bot = await add_bot()
    for number in range(500):
        data = {**stream_of(bot, "toggle_everything").data, "address": f"stream_{number}", "fields": []}
        hass.config_entries.async_add_subentry(bot.entry, subentry_of(data))
    await hass.async_block_till_done()
    assert await hass.config_entries.async_reload(bot.bot_id)
    await hass.async_block_till_done()

    assert len(hass.states.async_entity_ids("event")) == 502
    assert (await send("stream_499"))["handled"] != []


def subentry_of(data: dict[str, Any]) -> ConfigSubentry:
    """Return a subentry with this data."""
    return ConfigSubentry(
        data=MappingProxyType(data),
        subentry_type="data_stream",
        title=data["address"],
        unique_id=f"data_stream:{data['address']}",
    )
