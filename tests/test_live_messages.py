"""The live messages of a page: what is in the message log, then what changes there, and never too much."""

import asyncio
from collections.abc import Mapping
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.typing import MockHAClientWebSocket, WebSocketGenerator

from custom_components.datastream_bot.live_messages import MAX_BYTES, MAX_CHANGES, MAX_UNREAD, SENT_EVERY
from custom_components.datastream_bot.messaging.message import Message
from custom_components.datastream_bot.messaging.microservice import Microservice, datastream
from custom_components.datastream_bot.messaging.router import DATA_ROUTER

from .conftest import AddBot, Send
from .home import Reader
from .messages import get_messages, outcomes
from .streams import add_stream, change_stream

SUBSCRIBE = {"type": "datastream_bot/messages/subscribe"}


class Teller(Microservice):
    """Tells much."""

    name = "teller"

    @datastream("news")
    async def tell(self, _: Message) -> Mapping[str, Any]:
        """Return much."""
        return {"text": "x" * 12_000}


async def subscribed(hass_ws_client: WebSocketGenerator) -> tuple[MockHAClientWebSocket, dict[str, Any]]:
    """Return a page that has subscribed, and what it is sent first."""
    page = await hass_ws_client()
    await page.send_json_auto_id(SUBSCRIBE)
    assert (await page.receive_json())["success"]
    return page, await received(page)


async def received(page: MockHAClientWebSocket) -> dict[str, Any]:
    """Return the next event that a page is sent."""
    event: dict[str, Any] = (await page.receive_json())["event"]
    return event


async def read(page: MockHAClientWebSocket, subscription: int = 1) -> None:
    """Say that a page has read an event."""
    await page.send_json_auto_id({"type": "datastream_bot/messages/read", "subscription": subscription})
    assert (await page.receive_json())["success"]


async def test_a_page_is_sent_what_there_is_and_then_what_changes(
    hass: HomeAssistant, add_bot: AddBot, send: Send, hass_ws_client: WebSocketGenerator
) -> None:
    """As the action returns it, and together."""
    bot = await add_bot()
    reader = Reader()
    reader.free.clear()
    bot.attach(reader)
    await send("before")
    page, first = await subscribed(hass_ws_client)
    assert (outcomes(first["messages"]), first["left_out"]) == ([("before", "unheard")], 0)

    await bot.async_dispatch("news", {})
    await send("after")
    with pytest.raises(ServiceValidationError):
        await send("no address")
    then = await received(page)
    assert then["messages"] == (await get_messages(hass))[1:]
    assert outcomes(then["messages"]) == [("news", "running"), ("after", "unheard"), (None, "refused")]

    reader.free.set()
    assert outcomes((await received(page))["messages"]) == [("news", "handled")]


@pytest.mark.parametrize(
    ("number", "content", "slices"), [(450, {}, [200, 200, 50]), (20, {"much": "x" * 30_000}, [8, 8, 4])]
)
async def test_what_there_is_comes_in_slices_as_the_page_reads_them(
    add_bot: AddBot,
    hass_ws_client: WebSocketGenerator,
    number: int,
    content: dict[str, Any],
    slices: list[int],
) -> None:
    """And what has changed meanwhile after all of it."""
    bot = await add_bot()
    for index in range(number):
        await bot.async_dispatch("news", {"number": index, **content})
    page, event = await subscribed(hass_ws_client)
    await bot.async_dispatch("news", {"number": number})
    await asyncio.sleep(SENT_EVERY * 1.2)

    events = [event]
    for _ in slices:
        await read(page)
        events.append(await received(page))

    assert [len(each["messages"]) for each in events] == [*slices, 1]
    assert sum(len(str(message)) for message in events[0]["messages"]) < MAX_BYTES
    assert [message["content"]["number"] for each in events for message in each["messages"]] == [*range(number + 1)]
    assert [each["left_out"] for each in events] == [0] * len(events)


async def test_a_message_that_is_larger_than_a_slice_is_one(
    hass: HomeAssistant, add_bot: AddBot, send: Send, hass_ws_client: WebSocketGenerator
) -> None:
    """As of many receivers that tell much."""
    bot = await add_bot()
    await send("before")
    for _ in range(30):
        bot.attach(Teller())
    await send("news", config_entry_id=bot.bot_id)
    await send("after")
    page, event = await subscribed(hass_ws_client)
    for address in ("before", "news"):
        assert [message["address"] for message in event["messages"]] == [address]
        await read(page)
        event = await received(page)
    assert [message["address"] for message in event["messages"]] == ["after"]


async def test_a_message_that_changes_many_times_is_sent_once(
    hass: HomeAssistant, add_bot: AddBot, send: Send, hass_ws_client: WebSocketGenerator
) -> None:
    """As it is then."""
    await add_bot()
    page, _ = await subscribed(hass_ws_client)
    for _ in range(50):
        with pytest.raises(ServiceValidationError):
            await send("no address")
    (refused,) = (await received(page))["messages"]
    assert refused["refusal"]["count"] == 50


async def test_of_very_many_messages_the_newest_are_sent_and_the_others_counted(
    hass: HomeAssistant, add_bot: AddBot, send: Send, hass_ws_client: WebSocketGenerator
) -> None:
    """The connection stays."""
    await add_bot()
    page, _ = await subscribed(hass_ws_client)
    await asyncio.gather(*(send("news", {"number": number}) for number in range(5000)))

    numbers: list[int] = []
    left_out = 0
    while not numbers or numbers[-1] != 4999:
        told = await page.receive_json()
        # The answers to what the page says of reading are in between.
        if (event := told.get("event")) is None:
            continue
        await page.send_json_auto_id({"type": "datastream_bot/messages/read", "subscription": 1})
        assert len(event["messages"]) <= MAX_CHANGES
        numbers += [message["content"]["number"] for message in event["messages"]]
        left_out += event["left_out"]

    assert len(numbers) + left_out == 5000
    assert numbers == sorted(numbers)


async def test_large_messages_are_left_out_as_well(
    hass: HomeAssistant, add_bot: AddBot, hass_ws_client: WebSocketGenerator
) -> None:
    """All the page has is the newest."""
    bot = await add_bot()
    page, _ = await subscribed(hass_ws_client)
    for number in range(20):
        await bot.async_dispatch("news", {"number": number, "much": "x" * 30_000})
    event = await received(page)
    assert event["left_out"] == 20 - len(event["messages"]) > 0
    assert event["messages"][-1]["content"]["number"] == 19
    assert sum(len(str(message)) for message in event["messages"]) < MAX_BYTES


async def test_a_page_that_reads_nothing_is_sent_no_more_until_it_does(
    hass: HomeAssistant, add_bot: AddBot, send: Send, hass_ws_client: WebSocketGenerator
) -> None:
    """Home Assistant would close its connection; what it has missed is counted, and the newest comes then."""
    await add_bot()
    page, _ = await subscribed(hass_ws_client)
    for number in range(600):
        await send("news", {"number": number})
        if number % 25 == 0:
            await asyncio.sleep(SENT_EVERY * 1.2)
    events = [await received(page) for _ in range(MAX_UNREAD - 1)]
    sent = sum(len(event["messages"]) for event in events)
    await page.send_json_auto_id({"type": "ping"})
    assert (await page.receive_json())["type"] == "pong"

    await read(page, subscription=7)
    await read(page)
    event = await received(page)
    assert (len(event["messages"]), event["left_out"]) == (MAX_CHANGES, 600 - sent - MAX_CHANGES)
    assert event["messages"][-1]["content"]["number"] == 599


@pytest.mark.parametrize("is_closed", [False, True])
async def test_a_page_that_is_left_costs_nothing_more(
    hass: HomeAssistant, add_bot: AddBot, send: Send, hass_ws_client: WebSocketGenerator, *, is_closed: bool
) -> None:
    """Nor one that leaves while something is about to be sent."""
    await add_bot()
    log = hass.data[DATA_ROUTER].log
    before = log._listeners
    page, _ = await subscribed(hass_ws_client)
    assert len(log._listeners) == len(before) + 1
    await send("news")
    if is_closed:
        await page.close()
        await hass.async_block_till_done()
    else:
        await page.send_json_auto_id({"type": "unsubscribe_events", "subscription": 1})
        assert (await page.receive_json())["success"]
    assert log._listeners == before


async def test_others_are_sent_only_what_a_bot_shows_to_everyone(
    hass: HomeAssistant,
    add_bot: AddBot,
    send: Send,
    hass_ws_client: WebSocketGenerator,
    hass_read_only_access_token: str,
) -> None:
    """What such messages say and what became of them; not who sent them, and no receiver or device."""
    bot, garden = await add_bot("Home"), await add_bot("Garden")
    await add_stream(bot, "doorbell", shown=True)
    await add_stream(garden, "secret")
    await send("doorbell", {"times": 1})
    await send("secret", {"code": 1234})
    page = await hass_ws_client(hass, hass_read_only_access_token)
    await page.send_json_auto_id(SUBSCRIBE)
    assert (await page.receive_json())["success"]
    (message,) = (await received(page))["messages"]
    assert message.keys() == {"id", "time", "address", "content", "outcome", "duration"}
    assert (message["address"], message["content"], message["outcome"]) == ("doorbell", {"times": 1}, "handled")

    await send("secret", {"code": 1234})
    await send("nobody", {"code": 1234})
    await send("doorbell", {"times": 2})
    event = await received(page)
    assert ([each["content"] for each in event["messages"]], event["left_out"]) == ([{"times": 2}], 0)
    await change_stream(bot, "doorbell", shown=False)
    await send("doorbell", {"times": 3})
    await asyncio.sleep(SENT_EVERY * 1.5)
    await page.send_json_auto_id({"type": "ping"})
    assert (await page.receive_json())["type"] == "pong"
