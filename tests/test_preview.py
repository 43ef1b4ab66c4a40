"""What the page tries: a message, or only what it, or leaving and returning, would lead to."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, override

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.datastream_bot.messaging.message import Message

from .conftest import AddBot, Home, Send, SetPresence
from .days import RESTORE, everybody, turn
from .messages import get_messages
from .streams import add_stream, row
from .test_rights import PORCH_ONLY, user_with
from .test_stream_actions import CALLED, Listener, listener_to

type Ask = Callable[..., Awaitable[Any]]


@pytest.fixture
def ask(hass: HomeAssistant, hass_ws_client: WebSocketGenerator) -> Ask:
    """Return a function that asks as an administrator's page does."""

    async def ask_for(what: str, **data: Any) -> Any:
        client = await hass_ws_client(hass)
        await client.send_json_auto_id({"type": f"datastream_bot/{what}", **data})
        answer = await client.receive_json()
        return answer["result"] if answer["success"] else answer["error"]["message"]

    return ask_for


async def test_a_dry_run_tells_what_would_be_switched_and_switches_nothing(
    hass: HomeAssistant, home: Home, add_bot: AddBot, ask: Ask, on: Any
) -> None:
    """And remembered, and left alone, by the reason."""
    bot = await add_bot()
    await turn(hass, "light.kitchen", "on")
    hass.states.async_set("switch.fan", "unavailable")
    changes = async_capture_events(hass, "state_changed")

    (told,) = await ask("preview", address="toggle_everything", content={"on": "no", "remember": True})
    assert told == {
        "bot": "Home",
        "config_entry_id": bot.bot_id,
        "receiver": "device",
        "would": {
            "on": False,
            "would_switch": ["light.kitchen", "light.porch"],
            "unavailable": ["switch.fan"],
            "would_remember": ["light.kitchen"],
            "not_allowed": [],
        },
    }
    target = {"entity_id": ["light.porch", "light.nowhere"]}
    (told,) = await ask("preview", address="toggle_everything", content={"on": True, "target": target})
    assert (told["would"]["would_switch"], told["would"]["not_found"]) == (["light.porch"], ["light.nowhere"])
    (told,) = await ask("preview", address="toggle_everything", content={"on": True, "remember": True})
    assert told["error"].startswith("Only what is turned off can be remembered")
    (told,) = await ask("preview", address="toggle_everything")
    assert (told["receiver"], "on is missing" in told["error"]) == ("schema", True)
    assert (changes, on()) == ([], ["light.kitchen"])


async def test_a_dry_run_of_leaving_and_returning(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, ask: Ask, on: Any
) -> None:
    """It is what the bot would do by now; a bot that does nothing says so."""
    bot = await add_bot(**RESTORE)
    await turn(hass, "light.kitchen", "on")
    of_bot = {"config_entry_id": bot.bot_id}
    (told,) = await ask("preview_reaction", presence="away", **of_bot)
    assert (told["would"]["on"], told["would"]["would_remember"]) == (False, ["light.kitchen"])

    await everybody(persons, "not_home")
    assert on() == []
    await turn(hass, "light.porch", "on")
    (told,) = await ask("preview_reaction", presence="home", **of_bot)
    assert (told["would"]["on"], told["would"]["would_switch"]) == (True, ["light.kitchen"])
    assert on() == ["light.porch"]

    idle = await add_bot("Idle", on_leaving="nothing", on_returning="nothing")
    assert await ask("preview_reaction", presence="away", config_entry_id=idle.bot_id) == []
    assert "No bot has the id nobody" in await ask("preview_reaction", presence="away", config_entry_id="nobody")
    assert "presence" in await ask("preview_reaction", presence="unsure", **of_bot)


async def test_a_dry_run_tells_of_each_receiver(hass: HomeAssistant, add_bot: AddBot, ask: Ask, send: Send) -> None:
    """Actions, events, notifications; who cannot tell says nothing."""
    home, garden = await add_bot("Home"), await add_bot("Garden", notify=["notify.phone"])
    await add_stream(home, "ring", fields=[row("times", "number")], actions=CALLED, event_type="datastream_bot_ring")
    await add_stream(garden, "ring", external=False, actions=CALLED)
    listener = listener_to(home, "ring")
    events = async_capture_events(hass, "datastream_bot_ring")

    def by_receiver(told: list[Any]) -> dict[str, Any]:
        return {f"{each['bot']} {each['receiver']}": each["would"] for each in told}

    assert by_receiver(await ask("preview", address="ring", content={"times": "2"})) == {
        "Home mapping": {"would_run_actions": True, "would_fire": "datastream_bot_ring"},
        "Home listener": None,
    }
    of_garden = {"Garden mapping": {"would_run_actions": True}}
    assert by_receiver(await ask("preview", address="ring", config_entry_id=garden.bot_id)) == of_garden
    # As a bot, it is for its own and for all others that opened the address.
    assert by_receiver(await ask("preview", address="ring", sender=garden.bot_id)).keys() == {
        *of_garden,
        "Home mapping",
        "Home listener",
    }
    say = {"address": "send_push_notification", "content": {"message": "Hello"}}
    assert by_receiver(await ask("preview", **say)) == {"Home location": {"would_notify": ["persistent_notification"]}}
    told = await ask("preview", config_entry_id=garden.bot_id, **say)
    assert by_receiver(told) == {"Garden location": {"would_notify": ["notify.phone"]}}
    assert (listener.contents, events) == ([], [])
    assert "No bot that is running has opened gone" in await ask("preview", address="gone")
    assert "has no data stream gone" in await ask("preview", address="gone", config_entry_id=home.bot_id)
    assert "levels" in await ask("preview", address="ring", content={"a": [[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]})


class Broken(Listener):
    """Cannot tell."""

    @override
    async def async_preview(self, message: Message) -> Mapping[str, Any]:
        raise KeyError("secret")


async def test_a_receiver_of_others_that_fails_in_a_dry_run_costs_nothing_but_its_own_line(
    hass: HomeAssistant, add_bot: AddBot, ask: Ask
) -> None:
    """Whatever it raises."""
    bot = await add_bot()
    await add_stream(bot, "ring", actions=CALLED)
    listener_to(bot, "ring", Broken)
    mapping, broken = await ask("preview", address="ring")
    assert (mapping["would"], broken["error"]) == ({"would_run_actions": True}, "KeyError: 'secret'")


@pytest.mark.warns
async def test_everybody_may_send_within_their_rights(
    hass: HomeAssistant, home: Home, add_bot: AddBot, on: Any, hass_ws_client: WebSocketGenerator
) -> None:
    """To one bot, or to all that opened the address; the receipt names what they may know."""
    bot, garden = await add_bot("Home"), await add_bot("Garden")
    await add_stream(bot, "ring", fields=[row("times", "number")])
    await add_stream(garden, "ring", external=False)
    child = user_with(hass, PORCH_ONLY)
    token = hass.auth.async_create_access_token(
        await hass.auth.async_create_refresh_token(child, "https://example.com")
    )
    client = await hass_ws_client(hass, token)

    async def send(address: str, **data: Any) -> Any:
        await client.send_json_auto_id({"type": "datastream_bot/send", "address": address, **data})
        answer = await client.receive_json()
        return answer["result"] if answer["success"] else answer["error"]["message"]

    assert [each["bot"] for each in (await send("ring", content={"times": "2"}))["handled"]] == ["Home"]
    assert "times is 'two'" in await send("ring", content={"times": "two"})
    assert "you may not speak for Garden" in await send("ring", config_entry_id=garden.bot_id)
    refused = [each["refusal"]["reason"] for each in await get_messages(hass, outcome="refused")]
    assert refused == ["content_refused", "address_closed"]
    receipt = await send("toggle_everything", content={"on": True}, config_entry_id=bot.bot_id)
    assert on() == ["light.porch"]
    assert "light.kitchen" not in str(receipt)


async def test_a_dry_run_tells_of_actions_that_are_not_valid(hass: HomeAssistant, add_bot: AddBot, ask: Ask) -> None:
    """As the message would."""
    bot = await add_bot()
    stream = await add_stream(bot, "ring", actions=CALLED)
    hass.config_entries.async_update_subentry(
        bot.entry,
        stream,
        data={**stream.data, "actions": [{"device_id": "gone", "domain": "light", "type": "turn_on"}]},
    )
    await hass.async_block_till_done()
    (told,) = await ask("preview", address="ring")
    assert "not valid" in told["error"]


async def test_only_administrators_may_try(
    hass: HomeAssistant, add_bot: AddBot, hass_ws_client: WebSocketGenerator, hass_read_only_access_token: str
) -> None:
    """It names what there is in the home."""
    bot = await add_bot()
    client = await hass_ws_client(hass, hass_read_only_access_token)
    for what in ({"type": "preview", "address": "toggle_everything"}, {"type": "preview_reaction", "presence": "home"}):
        data = {**what, "type": f"datastream_bot/{what['type']}", "config_entry_id": bot.bot_id}
        await client.send_json_auto_id(data)
        assert (await client.receive_json())["error"]["code"] == "unauthorized"
