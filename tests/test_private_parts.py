"""A Home Assistant that no longer has what it keeps for itself: a feature is missing, and everything else works."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from homeassistant.auth import auth_manager_from_config
from homeassistant.auth.providers import homeassistant as provider
from homeassistant.components import frontend
from homeassistant.components.http import auth_util, ban
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import paho.mqtt.client as paho
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events, ensure_auth_manager_loaded
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.datastream_bot import trigger_description
from custom_components.datastream_bot.messaging import rendered
from custom_components.datastream_bot.microservices import script_trace
from custom_components.datastream_bot.mqtt.packets import PacketClient

from .automations import listen
from .broker import ORGANIZATION, Ear, Wire, add_bot_of, broker_at, needs_broker, running_broker, seen_by, until
from .conftest import AddBot, Home, Send
from .doors import OPEN, Client, open_doors
from .home import is_on
from .streams import add_stream, row

NOTHING = SimpleNamespace()


async def test_without_the_descriptions_of_triggers_only_the_editor_misses_the_addresses(
    hass: HomeAssistant, add_bot: AddBot, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trigger takes them all the same."""
    monkeypatch.setattr(trigger_description, "trigger_helper", NOTHING)
    await add_stream(await add_bot(), "doorbell")
    heard = await listen(hass, address="doorbell")

    await send("doorbell", {"visitor": "Anna"})
    await hass.async_block_till_done()

    assert [event.data["content"] for event in heard] == [{"visitor": "Anna"}]


@pytest.mark.parametrize("module", ["trace", "script"])
@pytest.mark.warns
async def test_without_traces_the_actions_of_a_data_stream_run(
    hass: HomeAssistant, add_bot: AddBot, send: Send, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    """With what they answer, and with the errors that Home Assistant raises by itself."""
    monkeypatch.setattr(script_trace, module, NOTHING)
    bot = await add_bot()
    answer = [{"variables": {"answer": {"a": 1}}}, {"stop": "Done", "response_variable": "answer"}]
    await add_stream(bot, "ask", actions=answer)
    await add_stream(bot, "fail", actions=[{"action": "no.such"}])

    answered, failed = await send("ask", {}), await send("fail", {})

    assert [one["result"] for one in answered["handled"]] == [{"response": {"a": 1}}]
    assert "no.such" in failed["failed"][0]["error"]
    await hass.config_entries.async_unload(bot.bot_id)


async def test_without_traces_actions_that_stop_themselves_count_as_done(
    hass: HomeAssistant, add_bot: AddBot, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else tells that they did."""
    monkeypatch.setattr(script_trace, "trace", NOTHING)
    await add_stream(await add_bot(), "stop", actions=[{"stop": "Enough", "error": True}])

    assert [one["receiver"] for one in (await send("stop", {}))["handled"]] == ["mapping"]


async def test_without_the_text_that_a_template_wrote_other_text_arrives_as_it_is(
    hass: HomeAssistant, add_bot: AddBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Text that Home Assistant reads as a list arrives as it writes that list."""
    monkeypatch.setattr(rendered, "template", NOTHING)
    await add_stream(await add_bot(), "news", event_type="datastream_bot_news", fields=[row("text")])
    told = async_capture_events(hass, "datastream_bot_news")
    sequence = [
        {"action": "datastream_bot.send", "data": {"address": "news", "content": {"text": f"{{{{ '{text}' }}}}"}}}
        for text in ("1, 2", "Hello")
    ]
    assert await async_setup_component(hass, "script", {"script": {"tell": {"sequence": sequence}}})

    await hass.services.async_call("script", "tell", blocking=True)
    await hass.async_block_till_done()

    assert [event.data["text"] for event in told] == ["[1, 2]", "Hello"]


@pytest.mark.parametrize("is_there", [True, False])
async def test_without_the_list_of_automations_the_page_shows_only_what_bots_know(
    hass: HomeAssistant,
    add_bot: AddBot,
    hass_ws_client: WebSocketGenerator,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_there: bool,
) -> None:
    """Whether the list is gone, or automations do not tell how they are configured."""
    await add_bot()
    await listen(hass, address="nowhere")
    without = SimpleNamespace(entities=[NOTHING]) if is_there else NOTHING
    monkeypatch.setitem(hass.data, "automation", without)
    page = await hass_ws_client()

    await page.send_json_auto_id({"type": "datastream_bot/addresses"})

    known = (await page.receive_json())["result"]
    assert [one["address"] for one in known] == ["send_push_notification", "toggle_everything"]


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (provider, "InvalidAuth"),
        (auth_util, "async_user_not_allowed_do_auth"),
        (ban, "process_wrong_login"),
    ],
)
async def test_without_home_assistants_login_the_botlab_api_lets_nobody_in(
    hass: HomeAssistant, add_bot: AddBot, client: Client, monkeypatch: pytest.MonkeyPatch, module: Any, name: str
) -> None:
    """Whether the password is right or wrong."""
    await open_doors(await add_bot(), cloud_api=OPEN)
    monkeypatch.delattr(module, name)

    response = await client.get("/cloud/json/login", params={"username": "anna"}, headers={"PASSWORD": "any"})

    assert (response.status, (await response.json())["resultCode"]) == (503, 1)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (provider.HassAuthProvider, "async_validate_login"),
        (auth_util, "async_user_not_allowed_do_auth"),
        (ban, "process_success_login"),
    ],
)
async def test_when_home_assistants_login_is_called_otherwise_the_botlab_api_lets_nobody_in(
    hass: HomeAssistant, add_bot: AddBot, client: Client, monkeypatch: pytest.MonkeyPatch, module: Any, name: str
) -> None:
    """Even with the right password."""
    hass.auth = await auth_manager_from_config(hass, [{"type": "homeassistant"}], [])
    ensure_auth_manager_loaded(hass.auth)
    auth = provider.async_get_provider(hass)
    await auth.async_initialize()
    await auth.async_add_auth("anna", "correct horse")
    credentials = await auth.async_get_or_create_credentials({"username": "anna"})
    await hass.auth.async_link_user(await hass.auth.async_create_user("Anna"), credentials)
    await open_doors(await add_bot(), cloud_api=OPEN)
    parameters, headers = {"username": "anna"}, {"PASSWORD": "correct horse"}
    assert (await client.get("/cloud/json/login", params=parameters, headers=headers)).status == 200
    monkeypatch.setattr(module, name, lambda: None)

    response = await client.get("/cloud/json/login", params=parameters, headers=headers)

    assert (response.status, (await response.json())["code"]) == (503, "login_unavailable")


@pytest.mark.parametrize("name", ["async_user_not_allowed_do_auth", "process_wrong_login"])
async def test_without_home_assistants_check_of_users_keys_open_nothing(
    hass: HomeAssistant, add_bot: AddBot, client: Client, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Whatever the key is."""
    await open_doors(await add_bot(), cloud_api=OPEN)
    monkeypatch.delattr({"async_user_not_allowed_do_auth": auth_util, "process_wrong_login": ban}[name], name)

    response = await client.get("/cloud/json/user", headers={"API_KEY": "any"})

    assert (response.status, (await response.json())["resultCode"]) == (503, 1)


@needs_broker[0]
@needs_broker[1]
@pytest.mark.parametrize("is_there", [True, False])
async def test_without_paho_as_it_is_messages_of_other_homes_come_all_the_same(
    hass: HomeAssistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_there: bool
) -> None:
    """Whether a packet looks otherwise, or nothing asks for the quick way of unpacking it."""
    {True: rename_what_is_in_a_packet, False: take_away_the_quick_way}[is_there](monkeypatch)
    async with running_broker(tmp_path / "broker") as broker:
        bot = await add_bot_of(hass, "cottage", streams=[{"address": "news"}], **broker_at(broker.port))
        await until(lambda: seen_by(bot)["connected"])
        ear, wire = Ear(hass), Wire(broker)
        answer_to = f"datastream_bot/{ORGANIZATION}/cottage/organization/me/receipt/{bot.bot_id}"
        await wire.listen(answer_to)
        topic = f"datastream_bot/{ORGANIZATION}/organization/cottage/{bot.bot_id}/message/news"

        await wire.say(topic, {"hot": True}, id="abc", answer_to=answer_to)
        await wire.say(topic, {"hot": True}, id="abc", answer_to=answer_to)
        await until(lambda: len(wire.payloads(answer_to)) == 2)

        assert ear.contents("news") == [{"hot": True}]
        wire.close()
        await hass.config_entries.async_unload(bot.bot_id)


def rename_what_is_in_a_packet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let paho call the bytes of a packet otherwise, and know that by itself."""
    client: Any = paho.Client
    quick, own = PacketClient._handle_publish, client._handle_publish

    def with_other_name(self: Any) -> Any:
        self._in_packet["body"] = self._in_packet.pop("packet")
        return quick(self)

    def knowing_it(self: Any) -> Any:
        self._in_packet.setdefault("packet", self._in_packet.pop("body", None))
        return own(self)

    monkeypatch.setattr(PacketClient, "_handle_publish", with_other_name)
    monkeypatch.setattr(client, "_handle_publish", knowing_it)


def take_away_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing call it any more."""
    monkeypatch.delattr(PacketClient, "_handle_publish")


@pytest.mark.warns
async def test_without_pages_like_this_one_the_bot_has_no_page(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Home Assistant's log says why."""
    assert await async_setup_component(hass, "http", {})
    hass.config.components.add("frontend")
    monkeypatch.delattr(frontend, "async_register_built_in_panel")
    await add_bot()

    await send("toggle_everything", {"on": True})

    assert is_on(hass, "light.porch")
