"""A home of its own process with a bot that sends numbers to the news, or writes down those that come.

It has all that a bot has and the real way to the broker, but little else of Home Assistant.
"""

import asyncio
import contextlib
import logging
import os
from pathlib import Path
import sqlite3
import sys
from typing import Final

from custom_components.datastream_bot.messaging.dispatch import Dispatch
from custom_components.datastream_bot.messaging.message import Message
from custom_components.datastream_bot.messaging.microservice import Microservice, datastream
from custom_components.datastream_bot.messaging.receipt import Outcome
from tests.broker import add_bot_of, broker_at, file_of, more_homes

AT_ONCE: Final = 50


class Paper:
    """Where what was written down cannot be undone by a crash."""

    def __init__(self, path: Path) -> None:
        """Open it."""
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def write(self, number: int) -> None:
        """Write down a number."""
        os.write(self._file, f"{number}\n".encode())


class Notebook(Microservice):
    """Writes down each number that comes."""

    name = "notebook"

    def __init__(self, paper: Paper) -> None:
        """Initialize it, with the paper."""
        self._paper = paper

    @datastream("news")
    async def note(self, message: Message) -> None:
        """Write down a number."""
        self._paper.write(message.content["n"])


def kept(folder: Path) -> int:
    """Return how many messages were ever kept to be sent."""
    path = file_of(folder, bot_id_in(folder))
    if not path.exists():
        return 0
    with contextlib.closing(sqlite3.connect(path)) as connection:
        row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'sent'").fetchone()
    return 0 if row is None else int(row[0])


def bot_id_in(folder: Path) -> str:
    """Return the id of the bot."""
    return f"{folder.name:0<26}".upper()


def session(folder: Path) -> str:
    """Return by what others know that the broker has kept what came for the bot."""
    with contextlib.closing(sqlite3.connect(file_of(folder, bot_id_in(folder)))) as connection:
        return str(connection.execute("SELECT session FROM session").fetchone()[0])


def unknown(folder: Path) -> int:
    """Return of how many messages that came the outcome is unknown."""
    with contextlib.closing(sqlite3.connect(file_of(folder, bot_id_in(folder)))) as connection:
        statement = "SELECT count(*) FROM handled WHERE receipt IS NULL OR receipt = x''"
        return int(connection.execute(statement).fetchone()[0])


async def _live(folder: Path, port: int, count: int, keep_for: float) -> None:
    first = kept(folder) + 1
    refused = Paper(folder / "refused")
    async with more_homes() as start:
        bot = await add_bot_of(
            await start(folder),
            "cottage",
            entry_id=bot_id_in(folder),
            streams=[{"address": "news"}],
            **broker_at(port),
            keep_for=keep_for,
            keep_messages=10_000,
        )
        bot.attach(Notebook(Paper(folder / "notebook")))
        (folder / "ready").touch()

        async def wait_for_receipt(number: int, dispatch: Dispatch) -> None:
            receipt = await dispatch.async_receipt()
            if any(delivery.outcome is Outcome.FAILED for delivery in receipt.deliveries):
                refused.write(number)

        sending: set[asyncio.Task[None]] = set()
        for number in range(first, count + 1):
            dispatch = await bot.async_dispatch("news", {"n": number}, internal=False)
            sending.add(task := asyncio.create_task(wait_for_receipt(number, dispatch)))
            task.add_done_callback(sending.discard)
            while len(sending) > AT_ONCE:
                await asyncio.wait(sending, return_when="FIRST_COMPLETED")
        await asyncio.Event().wait()


def live(folder: Path, port: int, count: int, keep_for: float) -> None:
    """Live until killed.

    Args:
        folder: Where all that it keeps is.
        port: Port of its broker.
        count: How many numbers to send, or 0.
        keep_for: For how many minutes messages are kept.

    """
    log = os.open(folder / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(log, sys.stdout.fileno())
    os.dup2(log, sys.stderr.fileno())
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(_live(folder, port, count, keep_for))
