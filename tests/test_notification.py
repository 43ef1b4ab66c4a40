"""The address `send_push_notification`: people are told, on the devices that the user chose."""

from collections.abc import Awaitable, Callable
import re
from typing import Any, override

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.notify import NotifyEntity
from homeassistant.components.notify.const import NotifyEntityFeature
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed, setup_test_component_platform
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.datastream_bot.messaging.router import Router
from custom_components.datastream_bot.microservices.notification import CLEAR

from .conftest import AddBot, Send
from .doors import Client, open_webhook
from .home import ticks
from .streams import add_stream


class PretendPhone(NotifyEntity):
    """A phone that shows what it is told."""

    _attr_supported_features = NotifyEntityFeature.TITLE

    def __init__(self, name: str) -> None:
        """Initialize the phone."""
        self._attr_name = name
        self._attr_unique_id = name
        self.shown: list[tuple[str, str | None]] = []
        self.broken = False

    @override
    async def async_send_message(self, message: str, title: str | None = None) -> None:
        """Show a message."""
        if self.broken:
            msg = "battery empty"
            raise HomeAssistantError(msg)
        self.shown.append((message, title))


@pytest.fixture
async def phones(hass: HomeAssistant) -> dict[str, PretendPhone]:
    """Give Anna and Bo a phone each."""
    phones = {"notify.anna": PretendPhone("Anna"), "notify.bo": PretendPhone("Bo")}
    setup_test_component_platform(hass, "notify", phones.values(), from_config_entry=True)
    setup_test_component_platform(hass, "notify", phones.values())
    assert await async_setup_component(hass, "notify", {})
    component = hass.data["entity_components"]["notify"]
    await component.async_add_entities(phones.values())
    await hass.async_block_till_done()
    return phones


async def test_without_a_choice_home_assistant_shows_it(
    add_bot: AddBot, send: Send, notifications: list[dict[str, Any]]
) -> None:
    """With its title, and under the id that the data names, behind that of the bot."""
    bot = await add_bot()

    receipt = await send(
        "send_push_notification",
        {"message": "Hello", "title": "Lesson 6", "data": {"notification_id": "hello", "ttl": 0}},
    )
    await send("send_push_notification", {"message": "Again"})

    shown = [(shown["message"], shown["title"]) for shown in notifications]
    assert shown == [("Hello", "Lesson 6"), ("Again", None)]
    assert notifications[0]["notification_id"] == f"datastream_bot.{bot.bot_id}.hello"
    assert receipt["handled"][0]["result"] == {
        "notified": ["persistent_notification"],
        "notification_id": f"datastream_bot.{bot.bot_id}.hello",
        "ignored": ["ttl"],
    }


async def test_the_chosen_devices_show_it(
    add_bot: AddBot, send: Send, phones: dict[str, PretendPhone], notifications: list[dict[str, Any]]
) -> None:
    """And Home Assistant itself does not; the receipt names what the devices have no use for."""
    await add_bot(notify=["notify.anna", "notify.bo"])

    receipt = await send("send_push_notification", {"message": "Hello", "title": "Lesson 6", "data": {"ttl": 0}})
    await send("send_push_notification", {"message": "Again"})

    assert [phone.shown for phone in phones.values()] == [[("Hello", "Lesson 6"), ("Again", None)]] * 2
    assert receipt["handled"][0]["result"] == {"notified": ["notify.anna", "notify.bo"], "ignored": ["ttl"]}
    assert notifications == []


@pytest.mark.warns
async def test_a_device_that_fails_or_is_gone_is_named_and_the_others_show_it(
    add_bot: AddBot, send: Send, phones: dict[str, PretendPhone]
) -> None:
    """The receipt says that the message failed in part."""
    await add_bot(notify=["notify.anna", "notify.bo", "notify.gone"])
    phones["notify.anna"].broken = True

    receipt = await send("send_push_notification", {"message": "Hello"})

    assert phones["notify.bo"].shown == [("Hello", None)]
    assert receipt["failed"][0]["error"] == (
        "These could not be notified: notify.anna: battery empty; notify.gone: unavailable"
    )
    assert receipt["failed"][0]["result"]["notified"] == ["notify.bo"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({}, "message is missing, it must be text that is not empty (What to say)"),
        ({"message": ""}, "message is '', it must be text that is not empty (What to say)"),
        ({"message": " \n"}, "message is ' \\n', it must be text that is not empty (What to say)"),
        ({"message": None}, "message is null, it must be text that is not empty (What to say)"),
        (
            {"message": "a", "title": {}, "data": "x"},
            "data is 'x', it must be an object (What else the notification may carry)",
        ),
    ],
)
async def test_content_that_says_nothing_is_refused(
    add_bot: AddBot, send: Send, notifications: list[dict[str, Any]], content: dict[str, Any], told: str
) -> None:
    """Nobody is disturbed by an empty notification."""
    await add_bot()

    with pytest.raises(ServiceValidationError) as refused:
        await send("send_push_notification", content)

    assert (
        str(refused.value)
        == f"The content does not fit send_push_notification (Notifies where the bot's form says): {told}"
    )
    assert notifications == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1, 2", "1, 2"),
        ("[1,2]", "[1,2]"),
        ("{'a':  1}", "{'a':  1}"),
        ("{1,2}", "{1,2}"),
        ("()", "()"),
        ("...", "..."),
        ("b'a'", "b'a'"),
        ("True", "True"),
        ("true", "true"),
        ("7", "7"),
        ("{{ [1, 'a'] }}", "[1, 'a']"),
        ("{{ 1 == 1 }}", "True"),
    ],
)
async def test_text_from_a_template_is_told_as_it_was_written(
    hass: HomeAssistant, add_bot: AddBot, notifications: list[dict[str, Any]], text: str, told: str
) -> None:
    """Whatever Home Assistant reads from it; its own notify actions take it so, too."""
    await add_bot()
    # A text alone would be no template.
    content = {"message": f"{{# Tell it #}}{text}", "title": f"{{# Tell it #}}{text}"}
    action = {"action": "datastream_bot.send", "data": {"address": "send_push_notification", "content": content}}
    assert await async_setup_component(hass, "script", {"script": {"tell": {"sequence": [action]}}})

    await hass.services.async_call("script", "tell", blocking=True)

    assert [(shown["message"], shown["title"]) for shown in notifications] == [(told, told)]


@pytest.mark.warns
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{{ None }}", "message is null, it must be text that is not empty"),
        ("{{ '' }}", "message is '', it must be text that is not empty"),
    ],
)
async def test_a_template_that_writes_nothing_is_an_error(
    hass: HomeAssistant, add_bot: AddBot, notifications: list[dict[str, Any]], text: str, told: str
) -> None:
    """The automation or script says so."""
    await add_bot()
    action = {
        "action": "datastream_bot.send",
        "data": {"address": "send_push_notification", "content": {"message": text}},
    }
    assert await async_setup_component(hass, "script", {"script": {"tell": {"sequence": [action]}}})

    with pytest.raises(ServiceValidationError) as refused:
        await hass.services.async_call("script", "tell", blocking=True)

    assert str(refused.value).startswith("The content does not fit send_push_notification")
    assert told in str(refused.value)
    assert notifications == []


@pytest.fixture
def shown(hass: HomeAssistant, hass_ws_client: WebSocketGenerator) -> Callable[[], Awaitable[dict[str, Any]]]:
    """Return a function that tells the messages that Home Assistant shows now, by id."""

    async def shown() -> dict[str, Any]:
        assert await async_setup_component(hass, "persistent_notification", {})
        client = await hass_ws_client()
        await client.send_json_auto_id({"type": "persistent_notification/get"})
        notifications = (await client.receive_json())["result"]
        return {each["notification_id"]: each["message"] for each in notifications}

    return shown


async def test_nobody_replaces_the_notification_of_somebody_else(
    hass: HomeAssistant, add_bot: AddBot, send: Send, shown: Any
) -> None:
    """Neither Home Assistant's own, such as the warning of failed logins, nor that of another bot."""
    assert await async_setup_component(hass, "persistent_notification", {})
    warning = {"message": "Login failed", "notification_id": "http-login"}
    await hass.services.async_call("persistent_notification", "create", warning, blocking=True)
    home, office = await add_bot("Home"), await add_bot("Office")
    told = {"message": "Hello", "data": {"notification_id": "http-login"}}

    await send("send_push_notification", told, config_entry_id=home.bot_id, external=False)
    await send("send_push_notification", told | {"message": CLEAR}, config_entry_id=office.bot_id, external=False)

    assert await shown() == {
        "http-login": "Login failed",
        f"datastream_bot.{home.bot_id}.http-login": "Hello",
    }


async def test_who_sent_a_notification_replaces_it_and_takes_it_away(
    hass: HomeAssistant, add_bot: AddBot, send: Send, shown: Any
) -> None:
    """By the id that the receipt told, or by the part of it that is its own; also after a reload."""
    bot = await add_bot()
    (delivery,) = (await send("send_push_notification", {"message": "One"}))["handled"]
    data = {"notification_id": delivery["result"]["notification_id"]}
    await hass.config_entries.async_reload(bot.bot_id)

    await send("send_push_notification", {"message": "Two", "data": data})
    assert await shown() == {data["notification_id"]: "Two"}
    await send("send_push_notification", {"message": CLEAR, "data": data})
    assert await shown() == {}
    await send("send_push_notification", {"message": CLEAR, "data": {"notification_id": "never there"}})
    assert await shown() == {}


async def test_a_bot_keeps_its_last_notifications(hass: HomeAssistant, add_bot: AddBot, send: Send, shown: Any) -> None:
    """Also across a reload. Those that were replaced count as new."""
    bot = await add_bot()
    for number in range(21):
        data = {"notification_id": "replaced" if number in {1, 5} else str(number)}
        await send("send_push_notification", {"message": str(number), "data": data})
    await hass.config_entries.async_reload(bot.bot_id)
    await send("send_push_notification", {"message": "21"})

    assert sorted(map(int, (await shown()).values())) == list(range(2, 22))


MARKDOWN = "# Hi\n![x](https://example.com/x.png) [a](https://example.com) `b` <img src=x> **1.** & ~c~ 100%"


async def test_what_comes_in_by_a_door_is_shown_as_text(
    hass: HomeAssistant, add_bot: AddBot, send: Send, client: Client, notifications: list[dict[str, Any]]
) -> None:
    """And says by which bot and door it came. What automations say is theirs."""
    path = await open_webhook(await add_bot())
    content = {"message": MARKDOWN, "title": "*Title*"}

    await client.post(path, json={"address": "send_push_notification", "content": content})
    await send("send_push_notification", content)

    told, plain = notifications
    text, way = told["message"].split("\n\n")
    assert re.sub(r"\\(.)", r"\1", text) == MARKDOWN
    assert not re.search(r"(?<!\\)[\[\]()!<>#*`_&~]", re.sub(r"\\.", "", text))
    assert way == "— Home · webhook"
    # Home Assistant shows titles as text.
    assert told["title"] == "*Title*"
    assert plain["message"] == MARKDOWN


async def test_what_an_automation_passes_on_from_a_door_is_shown_as_text(
    hass: HomeAssistant,
    add_bot: AddBot,
    router: Callable[[], Router],
    notifications: list[dict[str, Any]],
    freezer: FrozenDateTimeFactory,
) -> None:
    """However long that takes."""
    bot = await add_bot()
    passed_on = {"address": "send_push_notification", "content": {"message": "{{ content.text }}"}}
    await add_stream(bot, "tell", actions=[{"delay": 300}, {"action": "datastream_bot.send", "data": passed_on}])

    await router().async_dispatch("tell", {"text": "[a](b)"}, origin="webhook", only=[bot.bot_id], from_outside=True)
    for _ in range(3):
        freezer.tick(150)
        async_fire_time_changed(hass)
        await ticks(50)

    assert [each["message"] for each in notifications] == ["\\[a\\]\\(b\\)\n\n— Home · webhook"]
