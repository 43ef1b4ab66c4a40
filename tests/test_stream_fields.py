"""Fields with types and limits in data streams: declared by the form, checked when they are saved, held by messages."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import area_registry as ar
import pytest

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.messaging import Field, FieldType, Message, Microservice, datastream

from .automations import listen
from .conftest import AddBot, Home, Send
from .forms import suggested
from .streams import (
    add_stream,
    change_stream,
    look_and_submit,
    paste,
    row,
    show_form,
    show_form_of,
    shown_yaml,
    stream_of,
    submit,
)

ANSWER = [{"variables": {"answer": {"content": "{{ content }}"}}}, {"stop": "done", "response_variable": "answer"}]
FIELDS = [
    row("mode", "choice", limits="eco, comfort, off", required=True),
    row("level", "number", limits="0 to 100 step 5 %", description="How warm."),
    row("lamp", "entity", limits="light, switch"),
    row("room", "area"),
    row("at", "datetime"),
    row("for", "duration"),
]


@pytest.fixture
async def bot(home: Home, add_bot: AddBot) -> Bot:
    """Return a bot."""
    return await add_bot("Home")


@pytest.fixture
def kitchen(hass: HomeAssistant) -> str:
    """Add an area, and return its id."""
    return ar.async_get(hass).async_create("Kitchen", aliases={"Galley"}).id


def content_of(receipt: dict[str, Any]) -> Any:
    """Return what actions got."""
    return receipt["handled"][0]["result"]["response"]["content"]


async def test_actions_get_each_field_in_one_form(hass: HomeAssistant, bot: Bot, send: Send, kitchen: str) -> None:
    """However the sender wrote it; also after the bot was set up anew."""
    await hass.config.async_set_time_zone("Europe/Berlin")
    await add_stream(bot, "heat", fields=FIELDS, actions=ANSWER)
    read = {
        "mode": "off",
        "level": 20,
        "lamp": "light.porch",
        "room": kitchen,
        "at": "2026-11-25T07:00:00+01:00",
        "for": 300,
    }
    written = {"mode": False, "level": "20", "lamp": "Light.Porch", "room": " kitchen ", "at": "2026-11-25 07:00:00"}

    assert content_of(await send("heat", {**written, "for": {"minutes": 5}})) == read
    await hass.config_entries.async_reload(bot.bot_id)
    assert content_of(await send("heat", {**written, "for": "0:05:00"})) == read
    assert content_of(await send("heat", read)) == read


async def test_a_message_beyond_the_limits_is_refused_with_all_that_is_wrong(
    bot: Bot, send: Send, kitchen: str
) -> None:
    """In words, with what may have been meant."""
    await add_stream(bot, "heat", fields=FIELDS)
    wrong = {"mode": "confort", "level": 101, "lamp": "fan.attic", "room": "Kitchn", "at": "7:00", "for": "soon"}
    with pytest.raises(ServiceValidationError) as refused:
        await send("heat", wrong)
    assert str(refused.value) == (
        "The content does not fit heat: "
        "mode is 'confort', it must be eco, comfort or off, perhaps comfort is meant; "
        "level is 101, it must be a number from 0 to 100 % in steps of 5 (How warm); "
        "lamp is 'fan.attic', it must be an entity of light or switch, such as light.kitchen; "
        "room is 'Kitchn', it must be the name or the id of an area, perhaps Kitchen is meant; "
        "at is '7:00', it must be a date and time, such as 2026-11-25 07:00; "
        "for is 'soon', it must be a duration, such as 0:05:00, or a number of seconds"
    )


async def test_an_area_is_known_by_its_id_its_names_and_an_alias_that_is_its_own(
    hass: HomeAssistant, bot: Bot, send: Send, kitchen: str
) -> None:
    """As they are when the message comes."""
    areas = ar.async_get(hass)
    await add_stream(bot, "clean", fields=[row("room", "area")], actions=ANSWER)
    for name in (kitchen, "KITCHEN", "galley"):
        assert content_of(await send("clean", {"room": name})) == {"room": kitchen}

    areas.async_update(kitchen, name="Cookery")
    # An id goes on meaning what it meant, whatever another area is called.
    hall = areas.async_create("Hall", aliases={"Galley"}).id
    areas.async_update(hall, name="kitchen")
    assert content_of(await send("clean", {"room": "cookery"})) == {"room": kitchen}
    assert content_of(await send("clean", {"room": "kitchen"})) == {"room": kitchen}
    assert content_of(await send("clean", {"room": "Kitchen"})) == {"room": hall}
    for unknown in ("galley", "attic"):
        with pytest.raises(ServiceValidationError, match=f"room is '{unknown}', it must be the name or the id of an"):
            await send("clean", {"room": unknown})
    areas.async_delete(kitchen)
    with pytest.raises(ServiceValidationError, match="room is 'Cookery', it must be the name or the id of an area"):
        await send("clean", {"room": "Cookery"})


async def test_a_microservice_and_a_data_stream_at_one_address_find_areas(bot: Bot, send: Send, kitchen: str) -> None:
    """The fields of both hold."""

    class Cleaner(Microservice):
        name = "cleaner"

        @datastream("clean", fields=(Field(name="with", type=FieldType.CHOICE, limits="broom, mop", required=True),))
        async def clean(self, message: Message) -> dict[str, Any]:
            return {**message.content}

    await add_stream(bot, "clean", fields=[row("room", "area")])
    bot.attach(Cleaner())

    receipt = await send("clean", {"room": "Kitchen", "with": "Mop"})

    (cleaned,) = (each["result"] for each in receipt["handled"] if each["receiver"] == "cleaner")
    assert cleaned == {"room": kitchen, "with": "mop"}


async def test_defaults_are_saved_as_messages_have_them(bot: Bot, send: Send, kitchen: str) -> None:
    """The form shows what they were read as."""
    fields = [
        row("mode", "choice", limits="eco, off", default="ECO"),
        row("level", "number", limits="0 to 100", default="5"),
        row("room", "area", default="kitchen"),
        row("for", "duration", default={"minutes": 1}),
        row("who"),
    ]
    await add_stream(bot, "heat", fields=fields, actions=ANSWER)
    read = {"mode": "eco", "level": 5, "room": kitchen, "for": 60}

    shown = suggested(await show_form_of(bot, "heat"))["fields"]
    assert {field["name"]: field["default"] for field in shown if "default" in field} == read
    assert content_of(await send("heat")) == read

    await change_stream(bot, "heat", description="Warm.")
    assert suggested(await show_form_of(bot, "heat"))["fields"] == shown


LIMITS_TEXT = (
    "are not right. A choice needs what there is to choose from, such as red, green, blue. A number may have a range, "
    "a step and a unit, such as 0 to 100 step 5 %. An entity may have domains, such as light, switch. "
    "Other types have no limits."
)


@pytest.mark.parametrize(
    ("fields", "error", "placeholders"),
    [
        (
            [row("mode", "choice"), row("level", "number", limits="5 to 1", default=9), row("who")],
            "field_limits_invalid",
            {"fields": "mode, level", "problems": f"The limits of mode, level {LIMITS_TEXT}"},
        ),
        (
            [row("level", "number", limits="0 to 100", default=101), row("room", "area", default="Kitchn")],
            "field_default_invalid",
            {
                "fields": "level is 101, it must be a number from 0 to 100; "
                "room is 'Kitchn', it must be the name or the id of an area, perhaps Kitchen is meant"
            },
        ),
        (
            [row("on", "boolean", limits="{}"), row("mode", "choice", limits="a, b", default="c")],
            "field_several_invalid",
            {
                "problems": f"The limits of on {LIMITS_TEXT} "
                "A default does not fit its field: mode is 'c', it must be a or b."
            },
        ),
    ],
)
@pytest.mark.usefixtures("kitchen")
async def test_fields_that_cannot_hold_are_not_saved(
    bot: Bot, fields: list[dict[str, Any]], error: str, placeholders: dict[str, str]
) -> None:
    """The form says which and why, and keeps what was typed."""
    before = len(bot.entry.subentries)
    typed = {"address": "heat", "external": True, "mode": "parallel", "fields": fields}
    result = await submit(bot, await show_form(bot), typed)
    assert (result["type"], result["errors"]) == (FlowResultType.FORM, {"fields": error})
    assert result["description_placeholders"].items() >= placeholders.items()
    assert suggested(result)["fields"] == fields
    assert len(bot.entry.subentries) == before


async def test_limits_are_shared_as_yaml(bot: Bot) -> None:
    """As they were typed; and what is wrong with them is told there."""
    await add_stream(bot, "heat", fields=[row("level", "number", limits="0 to 100  step 5 %"), row("who")])
    yaml = shown_yaml(await show_form_of(bot, "heat"))
    assert yaml["fields"] == [
        {"name": "level", "type": "number", "limits": "0 to 100  step 5 %"},
        {"name": "who", "type": "text"},
    ]

    await look_and_submit(bot, await paste(bot, await show_form(bot), {**yaml, "address": "cool"}))
    assert stream_of(bot, "cool").data["fields"][0]["limits"] == "0 to 100  step 5 %"

    yaml["fields"][1]["limits"] = "5"
    refused = await paste(bot, await show_form(bot), {**yaml, "address": "dry"})
    assert refused["description_placeholders"]["problem"] == f"fields: The limits of who {LIMITS_TEXT}"
    yaml["fields"][1]["limits"] = 5
    refused = await paste(bot, await show_form(bot), {**yaml, "address": "dry"})
    assert refused["description_placeholders"]["problem"].startswith("fields.1.limits: expected text")


async def test_a_trigger_waits_for_a_field_however_it_is_written(
    hass: HomeAssistant, bot: Bot, send: Send, kitchen: str
) -> None:
    """In the message as well as in the trigger."""
    await add_stream(bot, "clean", fields=[row("room", "area"), row("for", "duration")])
    heard = await listen(hass, address="clean", content={"room": "galley", "for": "0:01"})

    await send("clean", {"room": "Kitchen", "for": {"minutes": 2}})
    await send("clean", {"room": "Kitchen", "for": 60})
    await hass.async_block_till_done()

    assert [event.data["content"] for event in heard] == [{"room": kitchen, "for": 60}]
