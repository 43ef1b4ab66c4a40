"""The address `send_push_notification`: people are told, on the devices that the user chose."""

from typing import Any, override

from homeassistant.components.notify import NotifyEntity
from homeassistant.components.notify.const import NotifyEntityFeature
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import setup_test_component_platform

from .conftest import AddBot, Send


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
    """With its title, and under the id that the data names."""
    await add_bot()

    receipt = await send(
        "send_push_notification",
        {"message": "Hello", "title": "Lesson 6", "data": {"notification_id": "hello", "ttl": 0}},
    )
    await send("send_push_notification", {"message": "Again"})

    shown = [(shown["message"], shown["title"]) for shown in notifications]
    assert shown == [("Hello", "Lesson 6"), ("Again", None)]
    assert notifications[0]["notification_id"] == "hello"
    assert receipt["handled"][0]["result"] == {"notified": ["persistent_notification"], "ignored": ["ttl"]}


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
        ({}, "message is missing, it must be text that is not empty"),
        ({"message": ""}, "message is '', it must be text that is not empty"),
        ({"message": " \n"}, "message is ' \\n', it must be text that is not empty"),
        ({"message": ["a"]}, "message is ['a'], it must be text that is not empty"),
        ({"message": None}, "message is null, it must be text that is not empty"),
        (
            {"message": "a", "title": {}, "data": "x"},
            "title is {}, it must be text; data is 'x', it must be an object",
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

    assert str(refused.value) == f"The content does not fit send_push_notification: {told}"
    assert notifications == []
