"""The action `datastream_bot.send`, as automations, people and programs use it."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from homeassistant.auth.models import Group, User
from homeassistant.auth.permissions.const import CAT_ENTITIES
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.service import async_get_all_descriptions
from homeassistant.helpers.template import Template
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import parse_yaml
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser, async_capture_events
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator
import voluptuous as vol

from custom_components.datastream_bot.const import DOMAIN
from custom_components.datastream_bot.messaging.router import Router

from .automations import listen
from .conftest import AddBot, Home, Send
from .forms import show_name_of
from .home import Reader, is_on, state_of
from .streams import add_stream, row


async def test_the_lesson_by_the_action(hass: HomeAssistant, add_bot: AddBot, home: Home, send: Send) -> None:
    """`toggle_everything` switches the lights and switches, and the receipt tells by whom and which."""
    bot = await add_bot()

    receipt = await send("toggle_everything", {"on": True})

    assert [is_on(hass, entity_id) for entity_id in home] == [True, True, True]
    assert receipt == {
        "message_id": receipt["message_id"],
        "address": "toggle_everything",
        "handled": [
            {
                "bot": "Home",
                "config_entry_id": bot.bot_id,
                "receiver": "device",
                "result": {
                    "on": True,
                    "switched": ["light.kitchen", "light.porch", "switch.fan"],
                    "not_reached": [],
                    "unavailable": [],
                },
            }
        ],
        "failed": [],
        "running": [],
        "pending": [],
    }
    await send("toggle_everything", {"on": "off"})
    assert [is_on(hass, entity_id) for entity_id in home] == [False, False, False]


async def test_the_example_data_of_the_editor_makes_a_message_that_works(
    hass: HomeAssistant, add_bot: AddBot, home: Home, notifications: list[dict[str, Any]]
) -> None:
    """Home Assistant's button fills in all examples, read as YAML; whoever presses it switches nothing."""
    await add_bot()
    described = (await async_get_all_descriptions(hass))[DOMAIN]["send"]["fields"]
    fields = {**described, **described["reach"]["fields"]}
    filled_in = {name: parse_yaml(str(field["example"])) for name, field in fields.items() if "example" in field}

    receipt = await hass.services.async_call(DOMAIN, "send", filled_in, blocking=True, return_response=True)

    assert receipt is not None
    assert [receipt[outcome] for outcome in ("failed", "running")] == [[], []]
    assert receipt["handled"]
    assert [shown["message"] for shown in notifications] == ["Hello"]
    assert all(device.commands == [] for device in home.values())


async def test_the_response_is_optional(hass: HomeAssistant, add_bot: AddBot, home: Home) -> None:
    """An automation that does not ask for the receipt need not take it."""
    await add_bot()

    await hass.services.async_call(
        DOMAIN, "send", {"address": "toggle_everything", "content": {"on": True}}, blocking=True
    )

    assert is_on(hass, "light.kitchen")


async def test_a_message_sent_by_a_bot_reaches_itself_and_the_others(add_bot: AddBot, send: Send, home: Home) -> None:
    """As with BotLab's distribute method; both ways can be turned off."""
    bot = await add_bot("Home")
    await add_bot("Garden")

    async def reached(**data: Any) -> list[str]:
        receipt = await send("toggle_everything", {"on": True}, config_entry_id=bot.bot_id, **data)
        return [delivery["bot"] for delivery in receipt["handled"]]

    assert await reached() == ["Home", "Garden"]
    assert await reached(external=False) == ["Home"]
    assert await reached(internal=False) == ["Garden"]


async def test_an_automation_sends_and_reads_the_receipt(hass: HomeAssistant, add_bot: AddBot, home: Home) -> None:
    """The receipt is a response variable like any other."""
    await add_bot()
    done = async_capture_events(hass, "done")
    actions = [
        {
            "action": "datastream_bot.send",
            "data": {"address": "toggle_everything", "content": {"on": "{{ 1 == 1 }}"}},
            "response_variable": "receipt",
        },
        {"event": "done", "event_data": {"lights": "{{ receipt.handled[0].result.switched | count }}"}},
    ]
    config = {"alias": "Send", "triggers": {"trigger": "event", "event_type": "go"}, "actions": actions}
    assert await async_setup_component(hass, "automation", {"automation": config})

    hass.bus.async_fire("go")
    await hass.async_block_till_done()

    assert [event.data for event in done] == [{"lights": 3}]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"address": "../x"}, "invalid_address"),
        ({"address": "__init__"}, "invalid_address"),
        ({"address": ""}, "invalid_address"),
        ({"address": 7}, "invalid_address"),
        ({"address": "news", "content": "text"}, "content_not_object"),
        ({"address": "news", "content": [1]}, "content_not_object"),
        ({"address": "news", "content": {"x": "y" * 33_000}}, "content_too_large"),
        ({"address": "news", "external": False}, "internal_needs_bot"),
    ],
)
async def test_a_message_that_is_not_valid_is_refused_in_words(
    add_bot: AddBot, send: Send, data: dict[str, Any], problem: str
) -> None:
    """The error comes from the translations, so that the user can read it."""
    await add_bot()
    with pytest.raises(ServiceValidationError) as refused:
        await send(**data)
    assert (refused.value.translation_domain, refused.value.translation_key) == (DOMAIN, problem)
    assert "{" not in str(refused.value)


async def test_the_error_is_readable_over_the_websocket(add_bot: AddBot, hass_ws_client: WebSocketGenerator) -> None:
    """The UI's action editor shows it under the form."""
    await add_bot()
    client = await hass_ws_client()

    await client.send_json_auto_id(
        {"type": "call_service", "domain": DOMAIN, "service": "send", "service_data": {"address": "two words"}}
    )
    answer = await client.receive_json()

    assert answer["error"]["message"].endswith(
        "'two words' is not an address. Start with a letter and go on with letters from A to Z, digits, underscores, "
        "hyphens and dots, 64 characters at most"
    )


async def test_the_action_works_over_rest(
    add_bot: AddBot, home: Home, hass: HomeAssistant, hass_client: ClientSessionGenerator
) -> None:
    """With the receipt when it is asked for; content that is no JSON object is refused."""
    assert await async_setup_component(hass, "api", {})
    await add_bot()
    client = await hass_client()

    response = await client.post(
        "/api/services/datastream_bot/send?return_response",
        json={"address": "toggle_everything", "content": {"on": True}},
    )
    assert response.status == HTTPStatus.OK
    assert (await response.json())["service_response"]["handled"][0]["receiver"] == "device"
    assert is_on(hass, "switch.fan")

    refused = await client.post("/api/services/datastream_bot/send", json={"address": "news", "content": 7})
    assert refused.status == HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize(
    ("address", "told", "hint"),
    [
        (
            "toggle_everythin",
            "no bot listens to this address, but bots listen to toggle_everything",
            "toggle_everything",
        ),
        ("datastream_updated", "no bot listens to this address", None),
        ("attach", "no bot listens to this address", None),
        ("send_push_notification", "a bot knows this address, but this message could not reach it", None),
    ],
)
async def test_a_required_receiver_that_is_not_there_is_an_error(
    hass: HomeAssistant, add_bot: AddBot, send: Send, address: str, told: str, hint: str | None
) -> None:
    """It names the nearest known addresses, or says that the address is closed; the receipt has them as a hint."""
    bot = await add_bot()
    subentry = next(stream for stream in bot.entry.subentries.values() if stream.title == "send_push_notification")
    hass.config_entries.async_update_subentry(bot.entry, subentry, data={**subentry.data, "external": False})
    await hass.async_block_till_done()

    with pytest.raises(ServiceValidationError) as refused:
        await send(address, {"message": "hello"}, require_receiver=True)
    assert told in str(refused.value)

    receipt = await send(address, {"message": "hello"})
    assert [receipt[outcome] for outcome in ("handled", "failed", "running")] == [[], [], []]
    assert receipt.get("hint") == hint


async def test_a_required_receiver_that_is_there_is_no_error(add_bot: AddBot, send: Send) -> None:
    """It may even fail: the receipt says so."""
    await add_bot()
    assert (await send("send_push_notification", {"message": "hello"}, require_receiver=True))["handled"]


async def test_a_trigger_that_listens_is_no_receiver(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """It triggers all the same."""
    await add_bot()
    heard = await listen(hass, address="news")

    with pytest.raises(ServiceValidationError, match="no bot listens to this address"):
        await send("news", require_receiver=True)
    await hass.async_block_till_done()

    assert len(heard) == 1


@pytest.mark.parametrize(
    "content",
    [
        # A bare `on` in YAML, and what Home Assistant's editor makes of it.
        {True: True},
        {"true": True},
        '{"on": true}',
        ' {"true": "on"}\n',
    ],
)
async def test_a_bare_key_and_json_text_are_read_as_what_they_mean(
    hass: HomeAssistant, add_bot: AddBot, home: Home, send: Send, content: object
) -> None:
    """The help text's own example works without its quotes."""
    await add_bot()
    receipt = await send("toggle_everything", content)
    assert receipt["handled"][0]["result"]["on"] is True
    assert is_on(hass, "light.kitchen")


@pytest.mark.parametrize(
    ("content", "read"),
    [
        ({"true": "a", "false": "b"}, {"YES": "a", "off": "b"}),
        ({True: "a", False: "b"}, {"YES": "a", "off": "b"}),
        ({"YES": "a"}, {"YES": "a"}),
    ],
)
async def test_any_field_that_yaml_takes_for_true_or_false_may_be_meant(
    add_bot: AddBot, send: Send, router: Callable[[], Router], content: dict[Any, Any], read: dict[str, Any]
) -> None:
    """The name of the field is what receivers read."""
    bot = await add_bot()
    reader = Reader()
    bot.attach(reader)
    await add_stream(bot, "news", fields=[row("YES"), row("off"), row("room")])

    await send("news", content)

    assert [message.content for message in reader.messages] == [read]


@pytest.mark.parametrize(
    ("fields", "content", "problem"),
    [
        ([], {True: 1}, "content has the key True. Write it in quotes: YAML takes a bare on for true"),
        ([row("room")], {True: 1}, "content has the key True"),
        ([row("on"), row("yes")], {True: 1}, "content has the key True"),
        ([row("on"), row("yes")], {"true": 1}, "true is unknown"),
        ([row("on")], {"on": 1, True: 1}, "content has the key True"),
        ([row("on")], {"on": 1, "true": 1}, "true is unknown"),
        ([row("on")], {"false": 1}, "false is unknown"),
        ([row("on", "object")], {"on": {True: 1}}, "content.on has the key True"),
        ([row("on", "object")], {1: 1}, "content has the key 1"),
        ([], "{on: true}", "but it is text"),
        ([], "[1]", "but it is text"),
        ([], "\ud800", "but it is text"),
        pytest.param([], "[" * 10_000, "but it is text", id="too deep"),
    ],
)
async def test_a_key_or_a_text_of_which_it_is_not_known_what_it_means_is_refused(
    add_bot: AddBot, send: Send, fields: list[dict[str, Any]], content: object, problem: str
) -> None:
    """In words."""
    await add_stream(await add_bot(), "news", fields=fields)
    with pytest.raises(ServiceValidationError) as refused:
        await send("news", content)
    assert problem in str(refused.value)


async def test_a_list_from_a_template_is_a_list_where_one_is_meant(
    hass: HomeAssistant, add_bot: AddBot, send: Send, router: Callable[[], Router]
) -> None:
    """A bot whose field is text takes it as its text; where no bot has such a field, it is what was rendered."""
    home, garden = await add_bot("Home"), await add_bot("Garden")
    await add_stream(home, "news", fields=[row("rooms", "list")])
    await add_stream(garden, "news", fields=[row("rooms")])
    readers = (Reader(), Reader())
    for bot, reader in zip((home, garden), readers, strict=True):
        bot.attach(reader)
    events = async_capture_events(hass, "datastream_bot_message")
    rooms = Template("{# As text #}1, 2", hass).async_render()

    await send("news", {"rooms": rooms})
    await send("gossip", {"rooms": rooms})

    assert [reader.messages[0].content for reader in readers] == [{"rooms": [1, 2]}, {"rooms": "[1, 2]"}]
    assert [event.data["content"] for event in events] == [{"rooms": [1, 2]}] * 2


async def test_a_field_that_is_called_true_is_that_field(add_bot: AddBot, send: Send) -> None:
    """Whatever else there is."""
    bot = await add_bot()
    await add_stream(bot, "news", fields=[row("true", "number"), row("on", "boolean")])
    reader = Reader()
    bot.attach(reader)
    await send("news", {"true": 7})
    assert [message.content for message in reader.messages] == [{"true": 7}]


async def test_thousands_of_unknown_addresses_are_told_what_may_be_meant(add_bot: AddBot, send: Send) -> None:
    """Also when something has become known meanwhile."""
    bot = await add_bot()
    for number in range(1001):
        await send(f"nobody_{number}")
    assert (await send("dorbell")).get("hint") is None

    await add_stream(bot, "doorbell")
    assert (await send("dorbell"))["hint"] == "doorbell"


@pytest.mark.parametrize("name", ["read", "async_datastream_updated", "name", "handlers", "messages"])
async def test_no_name_in_a_message_calls_a_method(add_bot: AddBot, router: Callable[[], Router], name: str) -> None:
    """A microservice has only the handlers that it declares, whatever its methods are called."""
    bot = await add_bot()
    reader = Reader()
    bot.attach(reader)
    assert set(reader.handlers) == {"news"}

    receipt = await bot.async_distribute_datastream_message(name, {})

    assert not receipt.is_received
    assert reader.messages == []


async def test_a_bot_that_does_not_exist_cannot_send(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """Nor can another integration; whoever wrote a bot's name is told where its id is."""
    await add_bot()
    other = MockConfigEntry(domain="other")
    other.add_to_hass(hass)
    for named in ("Home", other.entry_id):
        with pytest.raises(ServiceValidationError) as refused:
            await send("news", config_entry_id=named)
        assert str(refused.value) == f"No bot has the id {named}. On a bot, Copy entry ID in the menu copies its id"


async def test_a_bot_that_is_not_loaded_cannot_send(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """The error names the bot."""
    bot = await add_bot("Garden")
    await hass.config_entries.async_unload(bot.bot_id)

    with pytest.raises(ServiceValidationError, match="The bot Garden cannot send, because it is not running"):
        await send("news", config_entry_id=bot.bot_id)


async def test_a_scope_that_does_not_exist_is_refused_in_words(add_bot: AddBot, send: Send) -> None:
    """With those that there are."""
    await add_bot()
    with pytest.raises(vol.Invalid, match=r"^value must be one of \['location', 'organization'\]"):
        await send("news", scope="world")


async def test_the_logbook_says_who_switched_the_lights(
    recorder_mock: Any,
    hass: HomeAssistant,
    add_bot: AddBot,
    home: Home,
    send: Send,
    hass_admin_user: MockUser,
    hass_ws_client: WebSocketGenerator,
) -> None:
    """The user who sent the message is the one who switched the light."""
    hass.config.components.add("frontend")
    assert await async_setup_component(hass, "logbook", {})
    await add_bot()
    await hass.async_block_till_done()
    start = state_of(hass, "light.kitchen").last_changed

    context = Context(user_id=hass_admin_user.id)
    await send("toggle_everything", {"on": True}, context=context)
    await hass.async_block_till_done(wait_background_tasks=True)
    await hass.data["recorder_instance"].async_block_till_done()

    assert state_of(hass, "light.kitchen").context.parent_id == context.id
    client = await hass_ws_client()
    await client.send_json_auto_id(
        {"type": "logbook/get_events", "start_time": start.isoformat(), "entity_ids": ["light.kitchen"]}
    )
    events = (await client.receive_json())["result"]
    assert [event["context_user_id"] for event in events if event["state"] == "on"] == [hass_admin_user.id]


@pytest.fixture
async def porch_user(hass: HomeAssistant) -> User:
    """Return a user who may switch the porch light and nothing else."""
    policy = {CAT_ENTITIES: {"entity_ids": {"light.porch": {"read": True, "control": True}}}}
    user = MockUser(name="Porch").add_to_hass(hass)
    user.groups = [Group(name="Porch", policy=policy)]
    return user


@pytest.mark.warns
async def test_a_user_cannot_switch_by_a_message_what_she_may_not_switch(
    hass: HomeAssistant, add_bot: AddBot, home: Home, send: Send, porch_user: User
) -> None:
    """What she may switch is switched, and the receipt names the rest."""
    await add_bot()

    receipt = await send("toggle_everything", {"on": True}, context=Context(user_id=porch_user.id))

    assert [entity_id for entity_id in home if is_on(hass, entity_id)] == ["light.porch"]
    assert receipt["failed"][0]["result"] == {
        "on": True,
        "switched": ["light.porch"],
        "not_reached": [],
        "unavailable": [],
        "failed": {},
        "more": {"failed": 2},
    }
    assert receipt["failed"][0]["error"] == "It failed for 2 of the entities"


@pytest.mark.warns
async def test_a_user_who_is_gone_switches_nothing(
    hass: HomeAssistant, add_bot: AddBot, home: Home, send: Send
) -> None:
    """As with any other action."""
    await add_bot()

    receipt = await send("toggle_everything", {"on": True}, context=Context(user_id="gone"))

    assert [delivery["receiver"] for delivery in receipt["failed"]] == ["device"]
    assert not any(is_on(hass, entity_id) for entity_id in home)


async def test_the_name_of_the_bot_is_what_the_user_called_it(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """Renamed, it has its new name in receipts at once."""
    bot = await add_bot("Home")
    form = await show_name_of(bot)
    await hass.config_entries.flow.async_configure(form["flow_id"], {"name": "Cottage"})

    receipt = await send("send_push_notification", {"message": "hello"})

    assert [delivery["bot"] for delivery in receipt["handled"]] == ["Cottage"]
