"""Listeners hear of messages before these are received, and answer nothing."""

from collections.abc import Callable, Mapping
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.datastream_bot.messaging.listeners import async_get_listeners
from custom_components.datastream_bot.messaging.message import Message

from .conftest import AddBot
from .home import Reader


async def test_a_listener_hears_only_what_it_asked_for(hass: HomeAssistant, add_bot: AddBot) -> None:
    """Any message, those to an address, or those to it that a bot receives."""
    one, other = await add_bot("One"), await add_bot("Other")
    for bot in (one, other):
        bot.attach(Reader())
    listeners, heard = async_get_listeners(hass), list[str]()

    def hears(name: str) -> Callable[[Message, Mapping[str, Message]], None]:
        return lambda message, _: heard.append(f"{name} {message.address}")

    listeners.connect(hears("any"))
    listeners.connect(hears("address"), address="news")
    listeners.connect(hears("bot"), address="news", bot_id=one.bot_id)

    await one.async_distribute_datastream_message("news", {})
    await one.async_distribute_datastream_message("other", {})
    await other.async_distribute_datastream_message("news", {})

    assert heard == ["any news", "address news", "bot news", "any other", "any news", "address news"]


async def test_who_disconnects_twice_disconnects_nobody_else(hass: HomeAssistant, add_bot: AddBot) -> None:
    """Not even the same listener that is connected once more."""
    bot = await add_bot()
    heard: list[Message] = []

    def hear(message: Message, _: object) -> None:
        heard.append(message)

    first, second = (async_get_listeners(hass).connect(hear, address="news") for _ in range(2))
    counts = []
    for disconnect in (first, first, second, second):
        disconnect()
        heard.clear()
        await bot.async_distribute_datastream_message("news", {})
        counts.append(len(heard))

    assert counts == [1, 1, 0, 0]


@pytest.mark.warns
async def test_a_listener_that_fails_keeps_nobody_from_a_message(
    hass: HomeAssistant, add_bot: AddBot, router: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither its receivers nor the other listeners."""
    bot = await add_bot()
    heard: list[str] = []

    def fail(*_: object) -> None:
        raise ValueError

    disconnect = [async_get_listeners(hass).connect(fail)]
    disconnect.append(async_get_listeners(hass).connect(lambda message, received: heard.append(message.address)))
    reader = Reader()
    bot.attach(reader)
    await bot.async_distribute_datastream_message("news", {})
    for each in disconnect:
        each()

    assert (len(reader.messages), heard) == (1, ["news"])
    assert "A listener failed on a message to news" in caplog.text
