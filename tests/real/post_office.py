"""A home of its own process with a bot that sends numbers to the news, or writes down those that come.

It has all that a bot has and the real way to the broker, but little else of Home Assistant, so that it starts fast.
Arguments: folder, port of the broker, name of the home, and how many numbers to send, or 0.
"""

import asyncio
import contextlib
import logging
import os
from pathlib import Path
import sqlite3
import sys
from typing import Final

from custom_components.datastream_bot.messaging.message import Message
from custom_components.datastream_bot.messaging.microservice import Microservice, datastream
from custom_components.datastream_bot.mqtt.store import FILE
from tests.broker import add_bot_of, broker_at, more_homes

AT_ONCE: Final = 50


class Notebook(Microservice):
    """Writes down each number that comes, where no crash can undo it."""

    name = "notebook"

    def __init__(self, path: Path) -> None:
        """Open the notebook."""
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    @datastream("news")
    async def note(self, message: Message) -> None:
        """Write down a number."""
        os.write(self._file, f"{message.content['n']}\n".encode())


def kept(folder: Path) -> int:
    """Return how many messages were ever kept to be sent."""
    path = folder / ".storage" / FILE
    if not path.exists():
        return 0
    with contextlib.closing(sqlite3.connect(path)) as connection:
        row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'sent'").fetchone()
    return 0 if row is None else int(row[0])


def unknown(folder: Path) -> int:
    """Return of how many messages that came the outcome is unknown."""
    with contextlib.closing(sqlite3.connect(folder / ".storage" / FILE)) as connection:
        statement = "SELECT count(*) FROM handled WHERE receipt IS NULL OR receipt = x''"
        return int(connection.execute(statement).fetchone()[0])


async def main(folder: Path, port: int, home: str, count: int) -> None:
    """Live until killed."""
    first = kept(folder) + 1
    async with more_homes() as start:
        hass = await start(folder)
        bot = await add_bot_of(
            hass,
            home,
            entry_id=f"{folder.name:0<26}".upper(),
            streams=[{"address": "news"}],
            **broker_at(port),
            keep_for=30,
        )
        bot.attach(Notebook(folder / "notebook"))
        (folder / "ready").touch()
        sending: set[asyncio.Future[None]] = set()
        for number in range(first, count + 1):
            content = {"n": number}
            dispatch = await bot.async_dispatch("news", content, internal=False)
            receipt = asyncio.ensure_future(_receipt(dispatch.async_receipt()))
            sending.add(receipt)
            receipt.add_done_callback(sending.discard)
            while len(sending) > AT_ONCE:
                await asyncio.wait(sending, return_when="FIRST_COMPLETED")
        await asyncio.Event().wait()


async def _receipt(receiving: object) -> None:
    await receiving  # type: ignore[misc]


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
