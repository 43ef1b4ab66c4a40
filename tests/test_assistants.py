"""Assistants: what language models see of data streams, and what becomes of what they say; by Home Assistant's MCP."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
import json
import shlex
from typing import Any

from homeassistant.auth.const import GROUP_ID_READ_ONLY, GROUP_ID_USER
from homeassistant.auth.models import User
from homeassistant.components.llm import async_get_tools
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.llm import LLM_API_ASSIST, LLMContext, Tool, ToolInput, ToolResult
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import parse_yaml
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.datastream_bot.const import DOMAIN
from custom_components.datastream_bot.llm import DataStreamTool

from .conftest import AddBot, Home
from .home import is_on
from .pages import examples
from .streams import add_stream, change_stream, look_and_submit, paste, row, show_form, submit
from .test_rights import PORCH_ONLY, member_of, user_with
from .test_stream_actions import listener_to

type Ask = Callable[..., Awaitable[Any]]

FIELDS = [
    row("times", "number", limits="1 to 5", required=True, description="How often"),
    row("loud", "boolean", default=False),
    row("color", "choice", limits="red, green"),
    row("who", "list"),
    row("more", "object"),
]


@pytest.fixture
async def ask(hass: HomeAssistant, hass_client_no_auth: ClientSessionGenerator) -> Ask:
    """Return a function that asks Home Assistant's MCP server as a user."""
    assert await async_setup_component(hass, "homeassistant", {})
    assert await async_setup_component(hass, "mcp_server", {})
    # Before there is a client, as tests may add nothing to its server afterwards.
    assert await async_setup_component(hass, DOMAIN, {})
    flow = await hass.config_entries.flow.async_init("mcp_server", context={"source": "user"})
    done = await hass.config_entries.flow.async_configure(flow["flow_id"], {"llm_hass_api": ["assist"]})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    client = await hass_client_no_auth()

    async def ask_as(user: User, method: str, **params: Any) -> Any:
        refresh_token = await hass.auth.async_create_refresh_token(user, "https://example.com")
        response = await client.post(
            "/api/mcp/assist",
            json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params},
            headers={
                "Authorization": f"Bearer {hass.auth.async_create_access_token(refresh_token)}",
                "Accept": "application/json",
            },
        )
        assert response.status == HTTPStatus.OK
        return (await response.json())["result"]

    return ask_as


async def call(ask: Ask, user: User, name: str, **arguments: Any) -> tuple[Any, bool]:
    """Call a tool, and return what it says, and whether that is an error."""
    result = await ask(user, "tools/call", name=f"datastream_bot__{name}", arguments=arguments)
    (content,) = result["content"]
    text = content["text"]
    return json.loads(text) if text.startswith("{") else text, result["isError"]


async def tools(ask: Ask, user: User) -> dict[str, Any]:
    """Return our tools by name."""
    listed = (await ask(user, "tools/list"))["tools"]
    return {tool["name"]: tool for tool in listed if tool["name"].startswith("datastream_bot")}


async def test_a_model_sees_what_the_user_marked_and_nothing_else(
    hass: HomeAssistant, add_bot: AddBot, ask: Ask
) -> None:
    """With what it is for, and what to say; as long as it is marked, and its bot is loaded."""
    user, bot = await member_of(hass, GROUP_ID_USER), await add_bot()
    await add_stream(bot, "secret")
    assert await tools(ask, user) == {}
    await add_stream(bot, "door-bell", description="Rings the bell", fields=FIELDS, assistants=True)
    await add_stream(bot, "plain", assistants=True)

    listed = await tools(ask, user)
    assert listed.keys() == {"datastream_bot__door_bell", "datastream_bot__plain"}
    tool = listed["datastream_bot__door_bell"]
    assert (tool["title"], tool["description"]) == ("Door bell", "Rings the bell")
    assert listed["datastream_bot__plain"]["description"] == "Sends a message to plain."
    assert tool["inputSchema"]["required"] == ["times"]
    assert tool["inputSchema"]["properties"] == {
        "times": {
            "anyOf": [{"type": "number"}, {"type": "string"}],
            "description": "It is a number from 1 to 5 (How often)",
        },
        "loud": {"anyOf": [{"type": "boolean"}, {"type": "string"}], "description": "It is true or false"},
        "color": {"type": "string", "description": "It is red or green"},
        "who": {"anyOf": [{"type": "array", "items": {}}, {"type": "string"}], "description": "It is a list"},
        "more": {
            "anyOf": [{"type": "object", "additionalProperties": True}, {"type": "string"}],
            "description": "It is an object",
        },
    }

    await change_stream(bot, "plain", assistants=False)
    assert (await tools(ask, user)).keys() == {"datastream_bot__door_bell"}
    await hass.config_entries.async_unload(bot.bot_id)
    assert await tools(ask, user) == {}


async def test_a_model_sends_a_message_and_reads_the_receipt(hass: HomeAssistant, add_bot: AddBot, ask: Ask) -> None:
    """It goes to the bots that let it, and not to others that have the address."""
    user = await member_of(hass, GROUP_ID_USER)
    bot, garden = await add_bot("Home"), await add_bot("Garden")
    await add_stream(bot, "door-bell", fields=FIELDS, assistants=True)
    await add_stream(garden, "door-bell")
    listener = listener_to(bot, "door-bell")

    receipt, is_error = await call(ask, user, "door_bell", times="2", color="GREEN")
    assert not is_error
    assert [(each["bot"], each["receiver"]) for each in receipt["handled"]] == [
        ("Home", "mapping"),
        ("Home", "listener"),
    ]
    assert receipt["failed"] == receipt["running"] == []
    assert listener.contents == [{"times": 2, "loud": False, "color": "green"}]


async def test_the_reminder_of_the_documentation(
    hass: HomeAssistant, add_bot: AddBot, home: Home, ask: Ask, notifications: list[dict[str, Any]]
) -> None:
    """It is pasted, and what a program outside says arrives."""
    user, bot = await member_of(hass, GROUP_ID_USER), await add_bot()
    yaml: Any = parse_yaml(examples("yaml", "address: remind"))
    await look_and_submit(bot, await paste(bot, await show_form(bot), yaml))
    command = shlex.split(examples("sh", "/api/mcp/assist"))
    asked = json.loads(command[command.index("-d") + 1])

    assert not (await ask(user, asked["method"], **asked["params"]))["isError"]
    assert [(shown["title"], shown["message"]) for shown in notifications] == [
        ("Reminder", "The laundry is done\n\n— Home · assistant")
    ]
    assert not is_on(hass, "light.kitchen")
    _, is_error = await call(ask, user, "remind", text="Dinner", urgent="yes")
    assert (is_error, is_on(hass, "light.kitchen")) == (False, True)


@pytest.mark.parametrize(
    ("arguments", "problem", "fault"),
    [
        ({"times": 9}, "times is 9.0, it must be a number from 1 to 5 (How often)", "times"),
        ({"times": "two"}, "times is 'two', it must be a number from 1 to 5", "times"),
        ({"times": 1, "tims": 2}, "tims is unknown, perhaps times is meant", "tims"),
        ({"times": 1, "color": "gren"}, "color is 'gren', it must be red or green, perhaps green is meant", "color"),
        ({"times": 1, "who": "me"}, "who is 'me', it must be a list", "who"),
        ({"times": 1, "more": {"a": [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]}}, "levels", None),
        ({"times": 1, "more": {"a": "x" * 40_000}}, "KiB", None),
    ],
)
async def test_what_a_model_gets_wrong_it_is_told_in_words(
    hass: HomeAssistant, add_bot: AddBot, ask: Ask, arguments: dict[str, Any], problem: str, fault: str | None
) -> None:
    """So that it can do better, and nothing is sent."""
    user, bot = await member_of(hass, GROUP_ID_USER), await add_bot()
    await add_stream(bot, "door-bell", fields=FIELDS, assistants=True)
    listener = listener_to(bot, "door-bell")
    told, is_error = await call(ask, user, "door_bell", **arguments)
    assert is_error
    assert problem in told["error"].replace("9, it", "9.0, it")
    assert [each["field"] for each in told.get("faults", [])] == ([fault] if fault else [])
    assert listener.contents == []


@pytest.mark.warns
async def test_a_model_has_the_rights_of_its_user(
    hass: HomeAssistant, add_bot: AddBot, home: Home, on: Any, ask: Ask
) -> None:
    """Home Assistant's MCP server is open to every user."""
    bot = await add_bot()
    await change_stream(bot, "toggle_everything", assistants=True)
    assert (await tools(ask, await member_of(hass, GROUP_ID_READ_ONLY))).keys() == {"datastream_bot__toggle_everything"}

    told, is_error = await call(ask, await member_of(hass, GROUP_ID_READ_ONLY), "toggle_everything", on=True)
    assert is_error
    assert "not allowed" in told["failed"][0]["error"]
    assert on() == []
    told, is_error = await call(ask, user_with(hass, PORCH_ONLY), "toggle_everything", on=True)
    assert is_error
    assert on() == ["light.porch"]
    assert "light.kitchen" not in json.dumps(told)
    told, is_error = await call(ask, await member_of(hass, GROUP_ID_USER), "toggle_everything", on=True)
    assert not is_error
    assert is_on(hass, "light.kitchen")


async def test_an_assistant_without_a_user_acts_as_home_assistant_itself(
    hass: HomeAssistant, add_bot: AddBot, home: Home, on: Any, notifications: list[dict[str, Any]]
) -> None:
    """As a voice assistant in a room does; what it lets a bot notify is no Markdown, whoever told it what to say."""
    bot = await add_bot()
    await change_stream(bot, "toggle_everything", assistants=True)
    await change_stream(bot, "send_push_notification", assistants=True)
    switch, notify = await our_tools(hass)
    assert not (await use(hass, switch, on="yes")).error
    assert "light.porch" in on()
    assert not (await use(hass, notify, message="![](https://example.com/?secret)")).error
    assert notifications[-1]["message"].startswith(r"\!\[\]\(https")


NOBODY = LLMContext(platform="test", context=None, language="en", assistant="conversation", device_id=None)


async def our_tools(hass: HomeAssistant, api: str = LLM_API_ASSIST) -> list[Tool]:
    """Return our tools."""
    assert await async_setup_component(hass, "homeassistant", {})
    assert await async_setup_component(hass, "llm", {})
    return [tool for tool in (await async_get_tools(hass, NOBODY, api)).tools if isinstance(tool, DataStreamTool)]


async def use(hass: HomeAssistant, tool: Tool, **arguments: Any) -> ToolResult:
    """Let a model use a tool."""
    result = await tool.async_call(hass, ToolInput(tool.name, arguments), NOBODY)
    assert isinstance(result, ToolResult)
    return result


async def test_a_tool_that_a_model_still_remembers_says_when_it_is_no_more(
    hass: HomeAssistant, add_bot: AddBot
) -> None:
    """And other interfaces than Assist have none of them."""
    bot = await add_bot()
    await add_stream(bot, "ring", assistants=True)
    assert await our_tools(hass, "other") == []
    (tool,) = await our_tools(hass)
    await change_stream(bot, "ring", external=False, assistants=False)
    result = await use(hass, tool)
    assert result.error
    assert "No bot that is running has opened ring to the outside" in str(result.data["error"])


@pytest.mark.warns
async def test_an_error_that_nobody_expected_stays_in_the_log(
    hass: HomeAssistant, add_bot: AddBot, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It might tell a stranger what is nobody's business."""
    await add_stream(await add_bot(), "ring", assistants=True)
    (tool,) = await our_tools(hass)
    monkeypatch.delattr(tool, "_bot_ids")
    result = await use(hass, tool)
    assert (result.error, result.data) == (
        True,
        {"error": "Home Assistant could not send the message. Its log says why."},
    )
    assert "AttributeError" in caplog.text


async def test_what_is_closed_cannot_be_marked(hass: HomeAssistant, add_bot: AddBot) -> None:
    """The form says why."""
    bot = await add_bot()
    data = {"address": "ring", "external": False, "assistants": True, "mode": "parallel"}
    result = await submit(bot, await show_form(bot), data)
    assert result["errors"] == {"assistants": "assistants_not_open"}
