"""The device microservice: everything on, everything off, and what it says when that does not go well."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import (
    area_registry as ar,
    entity_registry as er,
    label_registry as lr,
)
import pytest
from pytest_homeassistant_custom_component.common import (
    MockUser,
    async_capture_events,
)

from .conftest import AddBot, Home, Send, furnish
from .days import turn, wait_over
from .doors import Client, open_webhook
from .home import PretendLight, is_on, state_of, ticks


@pytest.mark.parametrize(
    ("value", "on"),
    [
        (True, True),
        (1, True),
        ("true", True),
        ("On", True),
        ("YES", True),
        ("1", True),
        (False, False),
        (0, False),
        ("False", False),
        ("off", False),
        ("no", False),
        ("0", False),
    ],
)
async def test_on_takes_every_usual_way_to_say_it(
    hass: HomeAssistant, add_bot: AddBot, home: Home, send: Send, value: object, on: bool
) -> None:
    """In any case, and as text; `off` never turns anything on."""
    await add_bot()
    await send("toggle_everything", {"on": not on})

    await send("toggle_everything", {"on": value})

    assert [is_on(hass, entity_id) for entity_id in home] == [on, on, on]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({}, "on is missing, it must be true or false (On, or off)"),
        ({"On": True}, "On is unknown, perhaps on is meant; on is missing, it must be true or false (On, or off)"),
        ({"on": "maybe"}, "on is 'maybe', it must be true or false (On, or off)"),
        ({"on": None}, "on is null, it must be true or false (On, or off)"),
        ({"on": 2}, "on is 2, it must be true or false (On, or off)"),
        ({"on": 1.0}, "on is 1.0, it must be true or false (On, or off)"),
        ({"on": ""}, "on is '', it must be true or false (On, or off)"),
        ({"on": "оn"}, "on is 'оn', it must be true or false (On, or off)"),  # noqa: RUF001 - a Cyrillic o
        ({"on": [True]}, "on is [True], it must be true or false (On, or off)"),
    ],
)
async def test_anything_else_switches_nothing_and_is_told(
    add_bot: AddBot, home: Home, send: Send, content: dict[str, Any], told: str
) -> None:
    """The error names the field, what came, and what was expected."""
    await add_bot()

    with pytest.raises(ServiceValidationError) as refused:
        await send("toggle_everything", content)

    assert (
        str(refused.value)
        == f"The content does not fit toggle_everything (Turns the bot's lights and switches on or off): {told}"
    )
    assert [device.commands for device in home.values()] == [[], [], []]


async def test_each_domain_is_called_once(hass: HomeAssistant, add_bot: AddBot, home: Home, send: Send) -> None:
    """With all its entities, as long as they are not too many for one call."""
    await add_bot()
    calls = async_capture_events(hass, "call_service")

    await send("toggle_everything", {"on": True})

    assert [
        (call.data["domain"], call.data["service"], call.data["service_data"])
        for call in calls
        if call.data["domain"] != "datastream_bot"
    ] == [
        ("light", "turn_on", {"entity_id": ["light.kitchen", "light.porch"]}),
        ("switch", "turn_on", {"entity_id": ["switch.fan"]}),
    ]


async def test_unavailable_devices_are_named_and_the_others_switched(
    hass: HomeAssistant, add_bot: AddBot, home: Home, send: Send
) -> None:
    """A lamp whose plug was pulled is nothing to worry about."""
    await add_bot()
    home["light.porch"].set_available(available=False)

    receipt = await send("toggle_everything", {"on": True})

    assert receipt["handled"][0]["result"] == {
        "on": True,
        "switched": ["light.kitchen", "switch.fan"],
        "not_reached": [],
        "unavailable": ["light.porch"],
    }
    assert home["light.porch"].commands == []


async def test_what_says_that_it_is_off_or_does_not_know_is_turned_off_like_what_is_on(
    hass: HomeAssistant, add_bot: AddBot, home: Home, send: Send
) -> None:
    """It may be on all the same: states can be old, and of some lamps Home Assistant only assumes them."""
    await add_bot()
    await turn(hass, "light.kitchen", "on")
    home["light.porch"]._attr_assumed_state = True
    home["light.porch"].async_write_ha_state()
    home["switch.fan"]._attr_is_on = None
    home["switch.fan"].async_write_ha_state()
    assert state_of(hass, "light.porch").attributes["assumed_state"] is True

    (delivery,) = (await send("toggle_everything", {"on": False}))["handled"]

    assert [device.commands for device in home.values()] == [[True, False], [False], [False]]
    assert delivery["result"]["switched"] == list(home)


@pytest.mark.warns
async def test_a_light_that_fails_is_named_with_its_error_and_the_others_switched(
    hass: HomeAssistant, add_bot: AddBot, home: Home, send: Send
) -> None:
    """The receipt says that the message failed in part."""
    await add_bot()
    home["light.kitchen"].broken = "no answer from the bridge"

    receipt = await send("toggle_everything", {"on": True})

    assert [is_on(hass, entity_id) for entity_id in home] == [False, True, True]
    assert receipt["handled"] == []
    assert receipt["failed"][0]["error"] == "These could not be switched: light.kitchen: no answer from the bridge"
    assert receipt["failed"][0]["result"] == {
        "on": True,
        "switched": ["light.porch", "switch.fan"],
        "not_reached": [],
        "unavailable": [],
        "failed": {"light.kitchen": "no answer from the bridge"},
    }


@pytest.mark.warns
async def test_an_only_switch_that_fails_without_a_word_is_named(add_bot: AddBot, home: Home, send: Send) -> None:
    """The kind of the error stands for the words that it has not."""
    await add_bot(target={"entity_id": ["switch.fan"]})
    home["switch.fan"].broken = ""

    receipt = await send("toggle_everything", {"on": True})

    assert receipt["failed"][0]["result"]["failed"] == {"switch.fan": "HomeAssistantError"}


@pytest.mark.warns
async def test_a_switch_is_never_pressed_twice(add_bot: AddBot, home: Home, send: Send) -> None:
    """It may open a gate, and its state need not follow."""
    await add_bot(target={"entity_id": ["light.kitchen", "light.porch"]})
    home["light.kitchen"].broken = "no answer"
    home["light.porch"].is_momentary = True

    await send("toggle_everything", {"on": True})

    assert home["light.porch"].commands == [True]


async def test_a_light_that_is_removed_is_no_longer_switched(
    hass: HomeAssistant, add_bot: AddBot, home: Home, send: Send
) -> None:
    """Nor asked for: the log has nothing to say about it."""
    await add_bot()
    er.async_get(hass).async_remove("light.porch")
    await hass.async_block_till_done()

    receipt = await send("toggle_everything", {"on": True})

    assert receipt["handled"][0]["result"]["switched"] == ["light.kitchen", "switch.fan"]


async def test_a_light_that_is_removed_while_a_message_waits_is_not_switched(
    hass: HomeAssistant, add_bot: AddBot, home: Home, send: Send
) -> None:
    """What is attached is looked up when it is the message's turn."""
    await add_bot()
    home["light.kitchen"].responding.clear()
    first = hass.async_create_task(send("toggle_everything", {"on": True}))
    await ticks()
    second = hass.async_create_task(send("toggle_everything", {"on": False}))
    await ticks()

    er.async_get(hass).async_remove("light.porch")
    home["light.kitchen"].responding.set()
    await hass.async_block_till_done()

    assert (await second)["handled"][0]["result"]["switched"] == ["light.kitchen", "switch.fan"]
    assert home["light.porch"].commands == [True]
    assert (await first)["handled"][0]["result"]["not_reached"] == ["light.porch"]


async def test_messages_that_pile_up_collapse_to_the_newest(
    hass: HomeAssistant, add_bot: AddBot, home: Home, send: Send
) -> None:
    """The lights end as the last message says, without flickering through all that came between."""
    await add_bot()
    home["light.kitchen"].responding.clear()
    sending = []
    for number in range(100):
        sending.append(hass.async_create_task(send("toggle_everything", {"on": number % 2 == 0})))
        await ticks()

    home["light.kitchen"].responding.set()
    results = [(await task)["handled"][0]["result"] for task in sending]
    newest = (await sending[-1])["message_id"]

    assert home["light.kitchen"].commands == [True, False]
    assert not is_on(hass, "light.kitchen")
    assert results[0]["switched"] == results[-1]["switched"] == ["light.kitchen", "light.porch", "switch.fan"]
    assert results[1:-1] == [{"superseded_by": newest}] * 98


@pytest.mark.warns
async def test_nobody_keeps_the_message_of_another_user_from_being_carried_out(
    hass: HomeAssistant, add_bot: AddBot, home: Home, send: Send
) -> None:
    """Whoever may switch nothing could otherwise keep the lights on in an empty house."""
    await add_bot()
    powerless = MockUser(name="Powerless").add_to_hass(hass)
    powerless.groups = []
    home["light.kitchen"].responding.clear()
    contexts = (Context(), Context(), Context(user_id=powerless.id))
    sending = []
    for on, context in zip((True, False, True), contexts, strict=True):
        sending.append(hass.async_create_task(send("toggle_everything", {"on": on}, context=context)))
        await ticks()

    home["light.kitchen"].responding.set()
    receipts = [await task for task in sending]

    assert [len(receipt["handled"]) for receipt in receipts] == [1, 1, 0]
    assert not any(is_on(hass, entity_id) for entity_id in home)


@pytest.mark.warns
async def test_a_light_that_hangs_holds_up_the_next_message_only_so_long(
    hass: HomeAssistant, add_bot: AddBot, home: Home, send: Send, freezer: FrozenDateTimeFactory
) -> None:
    """The other lights must go off when everyone leaves, whatever one of them does."""
    await add_bot()
    home["light.kitchen"].responding.clear()
    first = hass.async_create_task(send("toggle_everything", {"on": True}))
    await ticks()
    second = hass.async_create_task(send("toggle_everything", {"on": False}))
    await ticks()
    assert home["light.porch"].commands == [True]

    await wait_over(hass, freezer)

    assert home["light.porch"].commands == [True, False]
    assert [delivery["receiver"] for delivery in (await first)["running"]] == ["device"]
    home["light.kitchen"].broken = "timed out"
    home["light.kitchen"].responding.set()
    await hass.async_block_till_done()
    assert second.done()
    # The older message does not have its way after all.
    assert home["light.porch"].commands == [True, False]
    assert not is_on(hass, "light.porch")


async def test_it_attaches_to_lights_that_come_later(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """A home without any light is no error."""
    await add_bot()
    receipt = await send("toggle_everything", {"on": True})
    assert receipt["handled"][0]["result"]["switched"] == []

    await furnish(hass, {"light.new": PretendLight("New")})
    await send("toggle_everything", {"on": True})

    assert is_on(hass, "light.new")


async def test_hundreds_of_lights_are_switched_by_one_message(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """One of them broken, one unavailable."""
    lights: Home = {f"light.l{number}": PretendLight(f"L{number}") for number in range(250)}
    await furnish(hass, lights)
    await add_bot()
    lights["light.l7"].set_available(available=False)

    receipt = await send("toggle_everything", {"on": True})

    assert len(receipt["handled"][0]["result"]["switched"]) == 249
    assert sum(is_on(hass, entity_id) for entity_id in lights) == 249


@pytest.mark.warns
async def test_many_lights_are_switched_in_several_calls_at_the_same_time(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """Nobody waits for a light of another call, nor is named because of its error."""
    lights: Home = {f"light.l{number:03}": PretendLight(f"L{number:03}") for number in range(250)}
    await furnish(hass, lights)
    await add_bot()
    calls = async_capture_events(hass, "call_service")
    lights["light.l000"].responding.clear()
    lights["light.l150"].broken = "no answer"
    # After an error, what is not as wanted in the same call has failed with it.
    for name in ("light.l010", "light.l160"):
        lights[name].is_momentary = True

    sending = hass.async_create_task(send("toggle_everything", {"on": True}))
    await ticks(20)
    assert [is_on(hass, name) for name in ("light.l000", "light.l149", "light.l249")] == [False, True, True]
    lights["light.l000"].responding.set()
    receipt = await sending

    of_lights = [call for call in calls if call.data["domain"] == "light"]
    named = [call.data["service_data"]["entity_id"] for call in of_lights]
    assert [len(entity_ids) for entity_ids in named] == [100, 100, 50]
    assert [entity_id for entity_ids in named for entity_id in entity_ids] == list(lights)
    assert len({call.context.id for call in of_lights}) == 1
    assert receipt["failed"][0]["result"]["failed"] == {"light.l150": "no answer", "light.l160": "no answer"}
    assert receipt["failed"][0]["result"]["not_reached"] == ["light.l010"]
    assert len(receipt["failed"][0]["result"]["switched"]) == 247
    assert [len(light.commands) for light in lights.values()] == [1] * 250


async def test_a_sender_that_is_cancelled_leaves_no_lights_half_switched(
    hass: HomeAssistant, add_bot: AddBot, home: Home, send: Send
) -> None:
    """As when an automation is restarted while it waits for its receipt."""
    await add_bot()
    home["light.kitchen"].responding.clear()
    sending = hass.async_create_task(send("toggle_everything", {"on": True}))
    await ticks()

    sending.cancel()
    home["light.kitchen"].responding.set()
    await hass.async_block_till_done()

    assert sending.cancelled()
    assert [is_on(hass, entity_id) for entity_id in home] == [True, True, True]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ({"on": True, "remember": True}, "Only what is turned off can be remembered"),
        ({"on": False, "restore": True}, "Only what is turned on can be restored"),
        ({"on": True, "target": {"room": "kitchen"}}, "The target is not valid: room is 'kitchen'"),
        ({"on": True, "target": {"entity_id": "{{ x }}"}}, "The target is not valid: entity_id is '{{ x }}'"),
        ({"on": True, "target": {"entity_id": "kitchen"}}, "The target is not valid: entity_id is 'kitchen'"),
        ({"on": True, "target": {"entity_id": ["all"]}}, "The target is not valid: entity_id is ['all']"),
        ({"on": True, "target": {"entity_id": 5}}, "The target is not valid: entity_id is 5"),
        ({"on": True, "target": {"entity_id": {"a": 1}}}, "The target is not valid: entity_id is {'a': 1}"),
        ({"on": True, "target": {"area_id": [5, {}], "": 1}}, "not valid: area_id is [5, {}];  is 1"),
        ({"on": True, "target": {"room": "x" * 1000}}, f"room is '{'x' * 79}."),
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
        ({"target": {"entity_id": "light.kitchen, LIGHT.Porch"}}, ["light.kitchen", "light.porch"]),
        ({"target": {"entity_id": entity_registry.entities["light.porch"].id}}, ["light.porch"]),
        ({"target": {"entity_id": "all"}}, ["light.kitchen", "light.porch"]),
        ({"target": {"entity_id": "All", "area_id": area.id}}, ["light.kitchen", "light.porch"]),
        ({"target": {"entity_id": "all"}, "domain": "switch"}, []),
        ({"target": {"entity_id": "none"}}, []),
        ({"target": {"entity_id": "none", "area_id": area.id}}, ["light.kitchen"]),
        ({"target": {"area_id": "none"}}, []),
        ({"target": {"area_id": None}}, []),
        ({"domain": "light"}, ["light.kitchen", "light.porch"]),
        ({"domain": "switch"}, []),
        ({"target": {}}, ["light.kitchen", "light.porch"]),
    ]
    for content, meant in targets:
        (delivery,) = (await send("toggle_everything", {"on": True, **content}))["handled"]
        assert delivery["result"]["switched"] == meant, content
        assert delivery["result"].get("nothing_selected", False) is (not meant), content


async def test_a_target_with_entities_that_do_not_exist_names_them(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send
) -> None:
    """What exists is not among them, whether or not the bot is attached to it; nor does it say so for no reason."""
    await add_bot(exclude={"entity_id": ["switch.fan"]})
    hass.states.async_set("vacuum.robot", "docked")
    existing = ["light.porch", "switch.fan", "vacuum.robot"]

    async def result(entity_ids: object, **content: Any) -> dict[str, Any]:
        receipt = await send("toggle_everything", {"on": True, "target": {"entity_id": entity_ids}, **content})
        return {"not_found": None, "nothing_selected": None, **receipt["handled"][0]["result"]}

    said = [
        await result([*existing, "light.kitchn", "light.prch", "light.kitchn"]),
        await result("light.kitchn", restore=True),
        await result(existing),
        await result("switch.fan"),
    ]

    assert [each["not_found"] for each in said] == [["light.kitchn", "light.prch"], ["light.kitchn"], None, None]
    assert [each["nothing_selected"] for each in said] == [None, True, None, True]


@pytest.mark.warns
async def test_a_light_that_fails_does_not_hide_that_another_one_does_not_exist(
    home: Home, add_bot: AddBot, send: Send
) -> None:
    """Both are in the result."""
    await add_bot()
    home["light.porch"].broken = "no answer"
    receipt = await send("toggle_everything", {"on": True, "target": {"entity_id": "light.porch, light.kitchn"}})
    result = receipt["failed"][0]["result"]
    assert (result["failed"], result["not_found"]) == ({"light.porch": "no answer"}, ["light.kitchn"])


async def test_nobody_learns_which_entities_do_not_exist_who_may_not_know_of_them(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, client: Client
) -> None:
    """Neither a user who may switch nothing, nor who knows the URL of the webhook: what exists looks the same."""
    bot = await add_bot(exclude={"entity_id": ["switch.fan"]})
    powerless = MockUser(name="Powerless").add_to_hass(hass)
    powerless.groups = []
    url = await open_webhook(bot)

    for entity_id in ("switch.fan", "switch.gone"):
        content = {"on": True, "target": {"entity_id": entity_id}}
        receipt = await send("toggle_everything", content, context=Context(user_id=powerless.id))
        response = await client.post(url, json={"address": "toggle_everything", "content": content})
        for told in (receipt, await response.json()):
            result = {"on": True, "switched": [], "not_reached": [], "unavailable": [], "nothing_selected": True}
            assert told["handled"][0]["result"] == result


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
