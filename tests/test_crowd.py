"""Messages to more homes than are served at a time."""

import asyncio
from pathlib import Path
from typing import Any

from custom_components.datastream_bot.const import DOMAIN

from .broker import Wire, acquainted, add_bot_of, broker_at, more_homes, needs_broker, running_broker, until

pytestmark = needs_broker

HOMES = 60


async def test_messages_that_are_sent_together_come_to_each_of_many_homes_in_order(tmp_path: Path) -> None:
    """The second is sent while the first is not sent to all of them yet."""
    async with running_broker(tmp_path / "broker") as broker, more_homes() as start:
        wire = Wire(broker)
        await wire.listen("datastream_bot/acme/organization/+/bot/message/news")
        for number in range(HOMES):
            await wire.exist(f"home{number}", "bot")
        hass = await start(tmp_path / "headquarters")
        chief = await add_bot_of(hass, name="Chief", **broker_at(broker.port))
        await acquainted(chief, others=HOMES)

        def send(number: int) -> Any:
            data = {"address": "news", "content": {"n": number}, "config_entry_id": chief.bot_id, "homes": "all"}
            return hass.services.async_call(DOMAIN, "send", data)

        await asyncio.gather(send(1), send(2))
        await until(lambda: wire.has_heard(2 * HOMES))

        for number in range(HOMES):
            topic = f"datastream_bot/acme/organization/home{number}/bot/message/news"
            assert wire.payloads(topic) == [{"n": 1}, {"n": 2}]
        wire.close()
