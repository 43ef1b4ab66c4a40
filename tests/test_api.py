"""What other integrations call without a microservice: sending to all bots, and listening to all of them."""

import logging

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.datastream_bot.messaging import Message, async_listen, async_send

from .conftest import AddBot, Send
from .home import Reader
from .streams import add_stream


async def test_a_message_reaches_every_bot_that_opened_its_address(hass: HomeAssistant, add_bot: AddBot) -> None:
    """As one of another integration, and because of what that says."""
    home, garden, shed = await add_bot("Home"), await add_bot("Garden"), await add_bot("Shed")
    readers = [Reader(called=name) for name in ("home", "garden", "shed")]
    for bot, reader in zip((home, garden, shed), readers, strict=True):
        bot.attach(reader)
    await add_stream(home, "news")
    await add_stream(garden, "news")
    context = Context()

    receipt = await async_send(hass, "news", {"number": 1}, context=context)

    assert [each.result for each in receipt.deliveries if each.receiver == "reader"] == [
        {"read_by": "home"},
        {"read_by": "garden"},
    ]
    (message,) = readers[0].messages
    assert (message.envelope.origin, message.envelope.sender, message.content) == ("microservice", None, {"number": 1})
    assert message.context.parent_id == context.id
    assert readers[2].messages == []


async def test_a_message_that_nobody_receives_is_no_error(hass: HomeAssistant, add_bot: AddBot) -> None:
    """The receipt says so."""
    await add_bot()
    receipt = await async_send(hass, "news")
    assert (receipt.address, receipt.deliveries, receipt.is_received) == ("news", [], False)


async def test_a_message_to_what_is_no_address_is_refused(hass: HomeAssistant, add_bot: AddBot) -> None:
    """So is listening to it."""
    await add_bot()
    with pytest.raises(ServiceValidationError, match="no address"):
        await async_send(hass, "no address")
    with pytest.raises(ServiceValidationError):
        async_listen(hass, "no address", print)


async def test_without_the_integration_nothing_can_be_sent(hass: HomeAssistant) -> None:
    """The error says what is missing."""
    with pytest.raises(ServiceValidationError) as refused:
        await async_send(hass, "news")
    assert refused.value.translation_key == "not_set_up"


async def test_a_listener_hears_every_external_message_whether_bots_come_or_go(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """From before the first bot until it has had enough."""
    heard: list[Message] = []
    stop = async_listen(hass, "news", heard.append)
    bot = await add_bot()

    await send("news", {"number": 1})
    await send("other", {"number": 2})
    await bot.async_distribute_datastream_message("news", {"number": 3}, external=False)
    await hass.config_entries.async_reload(bot.bot_id)
    await bot.entry.runtime_data.async_distribute_datastream_message("news", {"number": 4})
    stop()
    await send("news", {"number": 5})

    assert [(message.content["number"], message.envelope.sender) for message in heard] == [(1, None), (4, bot.bot_id)]


async def test_a_listener_may_do_with_its_copy_as_it_likes(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """Others read what was sent."""
    bot, reader = await add_bot(), Reader()
    bot.attach(reader)

    def scribble(message: Message) -> None:
        assert isinstance(message.content, dict)
        message.content["number"] = "scribble"

    async_listen(hass, "news", scribble)
    await send("news", {"number": 1}, config_entry_id=bot.bot_id)

    assert [message.content for message in reader.messages] == [{"number": 1}]


@pytest.mark.warns
async def test_a_listener_that_fails_costs_nothing_but_itself(
    hass: HomeAssistant, add_bot: AddBot, send: Send, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has what it failed on, without the content."""
    await add_bot()
    heard: list[Message] = []

    def fail(message: Message) -> None:
        raise ValueError("out of paper")

    async_listen(hass, "news", fail)
    async_listen(hass, "news", heard.append)
    await send("news", {"code": "1234"})

    assert len(heard) == 1
    (record,) = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert record.getMessage() == "A listener failed on a message to news"
    assert "out of paper" in caplog.text
    assert "1234" not in caplog.text
