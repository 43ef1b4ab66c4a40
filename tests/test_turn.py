"""Messages start one after another, and all else goes on meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
import math
import time
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest

from custom_components.datastream_bot.errors import MessageError
from custom_components.datastream_bot.messaging.message import Message
from custom_components.datastream_bot.messaging.microservice import Microservice, Result, datastream
from custom_components.datastream_bot.messaging.turn import LONGEST_HOLD, Turn

from .conftest import AddBot
from .home import Reader

pytestmark = pytest.mark.usefixtures("no_stack_traces")


@asynccontextmanager
async def rounds() -> AsyncIterator[Callable[[], int]]:
    """Count how often the event loop lets others run."""
    number = 0

    async def go_round() -> None:
        nonlocal number
        while True:
            number += 1
            await asyncio.sleep(0)

    others = asyncio.ensure_future(go_round())
    await asyncio.sleep(0)
    try:
        yield lambda: number
    finally:
        others.cancel()


async def test_a_script_of_very_many_messages_lets_others_run(hass: HomeAssistant, add_bot: AddBot) -> None:
    """Each of which is received before the next is sent."""
    bot = await add_bot()
    reader = Reader()
    bot.attach(reader)
    message = {"address": "news", "content": {"number": "{{ repeat.index }}"}, "config_entry_id": bot.bot_id}
    repeat: dict[str, Any] = {"count": 500, "sequence": [{"action": "datastream_bot.send", "data": message}]}
    assert await async_setup_component(hass, "script", {"script": {"flood": {"sequence": [{"repeat": repeat}]}}})

    async with rounds() as number:
        before = number()
        await hass.services.async_call("script", "flood", blocking=True)
        assert number() - before > 1

    assert len(reader.messages) == 500


async def test_very_many_messages_at_once_let_others_run_and_overtake_nobody(add_bot: AddBot) -> None:
    """Wherever they come from."""
    bot = await add_bot()
    reader = Reader()
    bot.attach(reader)
    sending = (bot.async_distribute_datastream_message("news", {"number": number}) for number in range(1000))

    async with rounds() as number:
        before = number()
        await asyncio.gather(*sending)
        assert number() - before > 10

    assert [message.content["number"] for message in reader.messages] == list(range(1000))


async def test_even_messages_that_take_long_let_others_run(add_bot: AddBot) -> None:
    """After each, if it takes longer than all of them may."""
    bot = await add_bot()

    class Slow(Microservice):
        name = "slow"

        @datastream("news")
        def read(self, message: Message) -> Result:
            time.sleep(LONGEST_HOLD * 1.2)
            return None

    bot.attach(Slow())
    async with rounds() as number:
        before = number()
        for _ in range(20):
            await bot.async_distribute_datastream_message("news", {})
        assert number() - before >= 19


async def test_even_messages_that_are_refused_let_others_run(add_bot: AddBot) -> None:
    """A script may go on after errors."""
    bot = await add_bot()
    async with rounds() as number:
        before = number()
        for _ in range(5000):
            with pytest.raises(MessageError):
                await bot.async_distribute_datastream_message("news", {"number": math.nan})
        assert number() - before > 1


async def test_who_is_cancelled_while_others_run_leaves_the_turn_to_the_next() -> None:
    """It is not lost."""
    loop = asyncio.get_running_loop()
    turn = Turn(loop)
    taken: list[int] = []

    async def take(number: int) -> None:
        async with turn:
            taken.append(number)

    await take(1)
    time.sleep(LONGEST_HOLD * 1.2)  # noqa: ASYNC251 - nothing else is to run
    second, third = (asyncio.Task(take(number), loop=loop, eager_start=True) for number in (2, 3))
    assert taken == [1]
    second.cancel()
    await asyncio.wait([second, third])

    assert second.cancelled()
    assert taken == [1, 3]
