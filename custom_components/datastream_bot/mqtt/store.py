"""The store: keeps what was sent and what was handled in one SQLite file for all bots.

Its cost grows with what changes, not with what is there, and a power cut loses nothing that was said to be there.
"""

import asyncio
from collections.abc import Callable, Iterable
import logging
from pathlib import Path
import sqlite3
import time
from typing import Any, Final, NamedTuple

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.storage import STORAGE_DIR
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from .lane import is_next

_LOGGER = logging.getLogger(__name__)

_DATA: HassKey[Store] = HassKey(f"{DOMAIN}.mqtt_store")
FILE: Final = f"{DOMAIN}_mqtt.sqlite"
HANDLED_FOR: Final = 25 * 3600.0
"""Seconds for which it is remembered what was handled: longer than a sender keeps a message."""

_SLICE: Final = 10
"""How many are told that theirs is done before all else in Home Assistant has its turn; they begin messages then."""

MAX_HANDLED: Final = 100_000
UNKNOWN: Final = b""
"""The receipt of a message that was being handled when Home Assistant died."""

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS bot (bot TEXT PRIMARY KEY, place TEXT NOT NULL, session TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sent (
    number INTEGER PRIMARY KEY AUTOINCREMENT, bot TEXT NOT NULL, id TEXT NOT NULL, address TEXT NOT NULL,
    content BLOB NOT NULL, hops INTEGER NOT NULL, expires REAL NOT NULL, awaited TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS unanswered (
    number INTEGER NOT NULL, home TEXT NOT NULL, bot TEXT NOT NULL, PRIMARY KEY (number, home, bot)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS handled (
    bot TEXT NOT NULL, speaker TEXT NOT NULL, id TEXT NOT NULL, at REAL NOT NULL, receipt BLOB,
    PRIMARY KEY (bot, speaker, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS handled_at ON handled (at);
"""

type Key = tuple[str, str]
"""A bot elsewhere: the name of its home, and its id."""

FAILURES: Final = (OSError, sqlite3.Error)
"""What is raised when something cannot be written or read."""


class Sent(NamedTuple):
    """A message on its way.

    Attributes:
        message_id: Its id.
        address: Its address.
        content: Its content as JSON.
        hops: How many messages led to it.
        expires: When nobody is to receive it any more, in seconds since 1970.
        awaited: The homes whose bots are to receive it as soon as they are known.

    """

    message_id: str
    address: str
    content: bytes
    hops: int
    expires: float
    awaited: tuple[str, ...]


class Came(NamedTuple):
    """What is known of a message that came.

    Attributes:
        is_new: Whether it is marked as being handled from now on.
        is_next: Whether those before it came.
        receipt: The receipt of one that was handled before.

    """

    is_new: bool
    is_next: bool = True
    receipt: bytes | None = None


@callback
def async_get_store(hass: HomeAssistant) -> Store:
    """Return the store of a Home Assistant."""
    return hass.data.setdefault(_DATA, Store(hass))


class Store:
    """Runs changes in the order asked, and commits together what comes while it is at work.

    Each method returns a future of what it says; it raises an `OSError` or `sqlite3.Error` when nothing was written.
    """

    def __init__(self, hass: HomeAssistant) -> None:
        """Initialize it; see `async_get_store`."""
        self._hass = hass
        self._path = Path(hass.config.path(STORAGE_DIR, FILE))
        self._asked: list[tuple[Callable[[sqlite3.Connection], Any], asyncio.Future[Any]]] = []
        self._working: asyncio.Task[None] | None = None
        self._connection: sqlite3.Connection | None = None
        self._users = 0
        self._began = time.time()

    def async_use(self) -> None:
        """Keep the file open until `async_leave` was called as often."""
        self._users += 1

    async def async_leave(self) -> None:
        """Close the file when all is done and nobody uses it any more."""
        self._users -= 1
        while self._working is not None:
            await self._working
        if not self._users and self._connection is not None:
            # Let go of first: who asks for something meanwhile opens the file anew.
            connection, self._connection = self._connection, None
            await self._hass.async_add_executor_job(connection.close)

    def session(self, bot: str, place: str) -> asyncio.Future[str | None]:
        """Return the session of a bot in its place; what it had elsewhere is forgotten."""

        def work(connection: sqlite3.Connection) -> str | None:
            row = connection.execute("SELECT place, session FROM bot WHERE bot = ?", (bot,)).fetchone()
            if row is not None and row[0] == place:
                return str(row[1])
            _forget(connection, bot)
            return None

        return self._do(work)

    def set_session(self, bot: str, place: str, session: str) -> asyncio.Future[None]:
        """Set the session of a bot in its place."""
        return self._run("INSERT OR REPLACE INTO bot VALUES (?, ?, ?)", bot, place, session)

    def sent(self, bot: str) -> asyncio.Future[list[tuple[int, Sent, list[Key]]]]:
        """Return what a bot has on its way: the number and the message, and who has not answered."""

        def work(connection: sqlite3.Connection) -> list[tuple[int, Sent, list[Key]]]:
            unanswered: dict[int, list[Key]] = {}
            for number, *key in connection.execute(
                "SELECT number, home, unanswered.bot FROM unanswered JOIN sent USING (number) WHERE sent.bot = ?",
                (bot,),
            ):
                unanswered.setdefault(number, []).append((key[0], key[1]))
            rows = connection.execute(
                "SELECT number, id, address, content, hops, expires, awaited FROM sent WHERE bot = ? ORDER BY number",
                (bot,),
            )
            return [
                (
                    number,
                    Sent(each, address, content, hops, expires, tuple(awaited.split())),
                    unanswered.get(number, []),
                )
                for number, each, address, content, hops, expires, awaited in rows
            ]

        return self._do(work)

    def add(self, bot: str, message: Sent, unanswered: Iterable[Key]) -> asyncio.Future[int]:
        """Add a message on its way, and return its number."""
        keys = list(unanswered)

        def work(connection: sqlite3.Connection) -> int:
            number = connection.execute(
                "INSERT INTO sent (bot, id, address, content, hops, expires, awaited) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (bot, *message[:-1], " ".join(message.awaited)),
            ).lastrowid
            assert number is not None, "Every row has a number"  # noqa: S101
            connection.executemany("INSERT INTO unanswered VALUES (?, ?, ?)", [(number, *key) for key in keys])
            return number

        return self._do(work)

    def await_answer(self, number: int, key: Key) -> asyncio.Future[None]:
        """Add a bot that is to answer a message."""
        return self._run("INSERT OR IGNORE INTO unanswered VALUES (?, ?, ?)", number, *key)

    def answered(self, number: int, key: Key) -> asyncio.Future[None]:
        """Take note that a bot has answered a message."""
        return self._run("DELETE FROM unanswered WHERE number = ? AND home = ? AND bot = ?", number, *key)

    def remove(self, number: int) -> asyncio.Future[None]:
        """Remove a message of which nothing more is expected."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM unanswered WHERE number = ?", (number,))
            connection.execute("DELETE FROM sent WHERE number = ?", (number,))

        return self._do(work)

    def begin(self, bot: str, speaker: str, message_id: str, after: str | None) -> asyncio.Future[Came]:
        """Mark a message that came as being handled, if it is new and next."""

        def work(connection: sqlite3.Connection) -> Came:
            def receipt_of(each: str) -> tuple[bytes | None] | None:
                row: tuple[bytes | None] | None = connection.execute(
                    "SELECT receipt FROM handled WHERE bot = ? AND speaker = ? AND id = ?", (bot, speaker, each)
                ).fetchone()
                return row

            if (known := receipt_of(message_id)) is not None:
                return Came(is_new=False, receipt=known[0])
            if not is_next(after, lambda each: receipt_of(each) is not None):
                return Came(is_new=False, is_next=False)
            connection.execute("INSERT INTO handled VALUES (?, ?, ?, ?, NULL)", (bot, speaker, message_id, time.time()))
            return Came(is_new=True)

        return self._do(work)

    def finish(self, bot: str, speaker: str, message_id: str, receipt: bytes) -> asyncio.Future[None]:
        """Remember the receipt of a message that was handled, and forget what is too old."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE handled SET receipt = ? WHERE bot = ? AND speaker = ? AND id = ?",
                (receipt, bot, speaker, message_id),
            )
            connection.execute("DELETE FROM handled WHERE at < ?", (time.time() - HANDLED_FOR,))

        return self._do(work)

    def forget(self, bot: str) -> asyncio.Future[None]:
        """Forget all of a bot."""
        return self._do(lambda connection: _forget(connection, bot))

    async def async_remove(self, bot: str) -> None:
        """Forget all of a bot that is gone, if there ever was anything."""
        if await self._hass.async_add_executor_job(self._path.exists):
            self.async_use()
            await asyncio.wait([self.forget(bot)])
            await self.async_leave()

    def _run(self, statement: str, *values: object) -> asyncio.Future[None]:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(statement, values)

        return self._do(work)

    def _do[T](self, work: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        future: asyncio.Future[T] = self._hass.loop.create_future()
        self._asked.append((work, future))
        if self._working is None:
            # Not started at once, so that all that is asked for until then is done together.
            self._working = self._hass.async_create_task(self._async_work(), f"{DOMAIN} MQTT store", eager_start=False)
        return future

    async def _async_work(self) -> None:
        while self._asked:
            asked, self._asked = self._asked, []
            try:
                results = await self._hass.async_add_executor_job(self._work, [work for work, _ in asked])
            except FAILURES as err:
                _LOGGER.debug("Nothing was written: %s", err)
                for _, future in asked:
                    if not future.done():
                        future.set_exception(err)
                        # Whoever does not wait for it needs no warning.
                        future.exception()
                continue
            for number, ((_, future), result) in enumerate(zip(asked, results, strict=True), 1):
                if not future.done():
                    future.set_result(result)
                if not number % _SLICE:
                    await asyncio.sleep(0)
        self._working = None

    def _work(self, works: Iterable[Callable[[sqlite3.Connection], Any]]) -> list[Any]:
        if self._connection is None:
            self._connection = self._open()
        try:
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                return [work(self._connection) for work in works]
        except FAILURES:
            # If it is damaged, that is seen to when it is opened.
            self._connection.close()
            self._connection = None
            raise

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(exist_ok=True)
        try:
            return self._opened()
        except sqlite3.OperationalError:
            # The disk may be full.
            raise
        except sqlite3.DatabaseError as err:
            _LOGGER.warning("%s is damaged, and begun anew: %s", self._path, err)
            for path in self._path.parent.glob(f"{FILE}*"):
                path.unlink()
            return self._opened()

    def _opened(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.executescript(_TABLES)
            # What is at work since the start will have a receipt.
            unknown = "UPDATE handled SET receipt = ? WHERE receipt IS NULL AND at < ?"
            connection.execute(unknown, (UNKNOWN, self._began))
            oldest = "SELECT at FROM handled ORDER BY at DESC LIMIT 1 OFFSET ?"
            connection.execute(f"DELETE FROM handled WHERE at <= ({oldest})", (MAX_HANDLED,))  # noqa: S608 - no input
        except BaseException:
            connection.close()
            raise
        return connection


def _forget(connection: sqlite3.Connection, bot: str) -> None:
    connection.execute("DELETE FROM unanswered WHERE number IN (SELECT number FROM sent WHERE bot = ?)", (bot,))
    for table in ("sent", "handled", "bot"):
        connection.execute(f"DELETE FROM {table} WHERE bot = ?", (bot,))  # noqa: S608 - no input
