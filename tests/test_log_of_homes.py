"""The message log and Activity, of messages to other homes and from there."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.logbook import _described
from custom_components.datastream_bot.messaging import dispatch
from custom_components.datastream_bot.receipt_event import EVENT_DATASTREAM_BOT_RECEIPT

from .broker import acquainted, add_bot_of, broker_at, more_homes, needs_broker, running_broker, until
from .home import Reader
from .messages import get_messages

pytestmark = needs_broker


@pytest.fixture
async def homes(tmp_path: Path) -> AsyncIterator[list[Bot]]:
    """Run a broker and two bots of the same home, the second of which has opened `news`."""
    async with running_broker(tmp_path / "broker") as broker, more_homes() as start:
        options: Any = {"streams": [{"address": "news"}], **broker_at(broker.port)}
        bots = [
            await add_bot_of(await start(tmp_path / name), "cottage", name=name, **options) for name in ("one", "two")
        ]
        await acquainted(*bots)
        yield bots


async def test_of_other_homes_the_log_has_numbers(homes: list[Bot]) -> None:
    """And the log there says where the message came from."""
    one = homes[0]
    fired = [async_capture_events(bot.hass, EVENT_DATASTREAM_BOT_RECEIPT) for bot in homes]
    receipt = await one.async_distribute_datastream_message("news", {"n": 1}, internal=False)
    assert [delivery.home for delivery in receipt.deliveries] == ["cottage"]

    (sent,), (came,) = [await get_messages(bot.hass) for bot in homes]

    assert (sent["outcome"], sent["elsewhere"], sent["deliveries"]) == ("handled", {"handled": 1}, [])
    assert sent["duration"] > 0
    assert (came["outcome"], came["home"], came["origin"], came["sender"]) == ("handled", "cottage", "mqtt", None)
    await until(lambda: all(fired))
    told = [_described(bot.hass, events[0].data)["message"] for bot, events in zip(homes, fired, strict=True)]
    assert told == ["news (n: 1): 1 handled in other homes", "news (n: 1) from cottage: handled"]
    assert [len(events) for events in fired] == [1, 1]


@pytest.mark.warns
async def test_what_other_homes_answer_late_is_brought_up_to_date(
    homes: list[Bot], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender has its receipt by then, and Activity its sentence."""
    one, two = homes
    reader = Reader()
    reader.free.clear()
    two.attach(reader)
    monkeypatch.setattr(dispatch, "RECEIPT_WAIT", 0.05)
    fired = async_capture_events(one.hass, EVENT_DATASTREAM_BOT_RECEIPT)
    on_its_way = await one.async_dispatch("news", {}, internal=False)
    assert (await get_messages(one.hass))[0]["duration"] is None
    await on_its_way.async_receipt()
    (sent,) = await get_messages(one.hass)
    assert (sent["outcome"], sent["elsewhere"]) == ("pending", {"pending": 1})
    assert _described(one.hass, fired[0].data)["message"] == "news: 1 pending in other homes"

    reader.free.set()
    while sent["outcome"] == "pending":
        await asyncio.sleep(0.01)
        (sent,) = await get_messages(one.hass)

    assert sent["elsewhere"] == {"handled": 2}
    assert len(fired) == 1
