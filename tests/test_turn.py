"""Messages start one after another, and all else goes on meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest

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
    yield lambda: number
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


async def test_who_is_cancelled_while_others_run_leaves_the_turn_to_the_next() -> None:
    """It is not lost."""
    now = 1.0
    turn = Turn(lambda: now)
    taken: list[int] = []

    async def take(number: int) -> None:
        async with turn:
            taken.append(number)

    await take(1)
    now += LONGEST_HOLD * 0.75
    await take(2)
    now += LONGEST_HOLD * 0.75
    third, fourth = asyncio.ensure_future(take(3)), asyncio.ensure_future(take(4))
    await asyncio.sleep(0)
    assert taken == [1, 2]
    third.cancel()
    await asyncio.wait([third, fourth])

    assert third.cancelled()
    assert taken == [1, 2, 4]
