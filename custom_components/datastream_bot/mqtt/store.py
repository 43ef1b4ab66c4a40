"""The store: keeps what a bot has on its way, and what it has handled, in a SQLite file of its own.

Its cost grows with what changes, not with what is there, and a power cut loses nothing that was said to be there.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
import logging
from pathlib import Path
from sqlite3 import Connection, DatabaseError, Error, OperationalError, connect
import time
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import STORAGE_DIR

from ..const import DOMAIN
from .payload import Sent

_LOGGER = logging.getLogger(__name__)

HANDLED_FOR: Final = 25 * 3600.0
"""Seconds for which it is remembered what was handled: longer than a sender keeps a message."""

MAX_HANDLED: Final = 100_000
UNKNOWN: Final = b""
"""The receipt of a message that was being handled when Home Assistant died."""

FAILURES: Final = (OSError, Error)
"""What is raised when something cannot be written or read."""

_SLICE: Final = 10
"""How many are told that theirs is done before all else in Home Assistant has its turn; they begin messages then."""

VERSION: Final = 1
"""The version of the tables. A file with tables and without a version has those of the first."""

TABLES: Final = f"""
CREATE TABLE IF NOT EXISTS session (place TEXT PRIMARY KEY, session TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sent (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, address TEXT NOT NULL, content BLOB NOT NULL,
    hops INTEGER NOT NULL, ends REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS unanswered (
    number INTEGER NOT NULL, home TEXT NOT NULL, bot TEXT NOT NULL, PRIMARY KEY (number, home, bot)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS handled (
    speaker TEXT NOT NULL, id TEXT NOT NULL, at REAL NOT NULL, receipt BLOB, PRIMARY KEY (speaker, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS handled_at ON handled (at);
PRAGMA user_version = {VERSION};
"""

type Key = tuple[str, str]
"""A bot elsewhere: the name of its home, and its id; without an id, whoever of that home is not known yet."""


class Store:
    """Runs changes in the order asked, and commits together what comes while it is at work."""

    def __init__(
        self, hass: HomeAssistant, bot_id: str, told: Callable[[Exception | None], None] = lambda _: None
    ) -> None:
        """Initialize the store of a bot; the file is opened when it is used.

        Whether all could be written is `told` each time: the error, or None.
        """
        self._hass = hass
        self._told = told
        self._path = Path(hass.config.path(STORAGE_DIR, f"{DOMAIN}.{bot_id}.mqtt"))
        self._asked: list[tuple[Callable[[Connection], Any], asyncio.Future[Any]]] = []
        self._working: asyncio.Task[None] | None = None
        self._connection: Connection | None = None

    def run[*Ts, T](self, change: Callable[[Connection, *Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Run one of the functions below, and return a future of what it returns.

        That raises one of `FAILURES` when nothing was written.
        """
        future: asyncio.Future[T] = self._hass.loop.create_future()
        self._asked.append((lambda connection: change(connection, *args), future))
        if self._working is None:
            # Not started at once, so that all that is asked for until then is done together.
            self._working = self._hass.async_create_task(self._async_work(), f"{DOMAIN} MQTT store", eager_start=False)
        return future

    async def async_close(self, *, forget: bool = False) -> None:
        """Close the file when all is done that was asked for, and remove it if nothing of it is wanted any more."""
        if self._working is not None:
            await self._working
        await self._hass.async_add_executor_job(self._close, forget)

    async def _async_work(self) -> None:
        while self._asked:
            asked, self._asked = self._asked, []
            try:
                results = await self._hass.async_add_executor_job(self._commit, [change for change, _ in asked])
            except FAILURES as err:
                self._told(err)
                for _, future in asked:
                    if not future.done():
                        future.set_exception(err)
                        # Whoever does not wait for it needs no warning.
                        future.exception()
                continue
            self._told(None)
            for number, ((_, future), result) in enumerate(zip(asked, results, strict=True), 1):
                if not future.done():
                    future.set_result(result)
                if not number % _SLICE:
                    await asyncio.sleep(0)
        self._working = None

    def _commit(self, changes: Iterable[Callable[[Connection], Any]]) -> list[Any]:
        try:
            connection = self._connection = self._connection or self._opened()
            with connection:
                connection.execute("DELETE FROM handled WHERE at < ?", (time.time() - HANDLED_FOR,))
                return [change(connection) for change in changes]
        except FAILURES:
            # If it is damaged, that is seen to when it is opened.
            self._close()
            raise

    def _opened(self) -> Connection:
        self._path.parent.mkdir(exist_ok=True)
        try:
            connection = self._connection = connect(self._path, check_same_thread=False)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version < VERSION:
                connection.executescript(TABLES)
        except DatabaseError as err:
            if isinstance(err, OperationalError):
                # The disk may be full.
                raise
            _LOGGER.warning("%s is damaged, and begun anew: %s", self._path, err)
            self._close(forget=True)
            return self._opened()
        if version > VERSION:
            aside = self._path.with_name(f"{self._path.name}.newer")
            _LOGGER.warning("%s is of a newer version: it is kept as %s, and begun anew", self._path, aside.name)
            self._close()
            self._path.replace(aside)
            return self._opened()
        return connection

    def _close(self, forget: bool = False) -> None:  # noqa: FBT001, FBT002 - it is run in another thread
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        for path in self._path.parent.glob(f"{self._path.name}*") if forget else ():
            path.unlink()


def load(connection: Connection, place: str) -> tuple[str, list[tuple[int, Sent, list[Key]]]]:
    """Return the session of the bot in a place, or nothing, and what it has on its way; forget all of another place.

    Each message comes with its number, and with who has not answered.
    """
    session = connection.execute("SELECT session FROM session WHERE place = ?", (place,)).fetchone()
    if session is None:
        for table in ("session", "sent", "unanswered", "handled"):
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - no input
        set_session(connection, place, "")
        return "", []
    connection.execute("UPDATE handled SET receipt = ? WHERE receipt IS NULL", (UNKNOWN,))
    oldest = "SELECT at FROM handled ORDER BY at DESC LIMIT 1 OFFSET ?"
    connection.execute(f"DELETE FROM handled WHERE at <= ({oldest})", (MAX_HANDLED,))  # noqa: S608 - no input
    unanswered: dict[int, list[Key]] = defaultdict(list)
    for number, home, bot in connection.execute("SELECT number, home, bot FROM unanswered"):
        unanswered[number].append((home, bot))
    rows = connection.execute("SELECT number, id, address, content, hops, ends FROM sent ORDER BY number")
    return session[0], [(number, Sent(*message), unanswered[number]) for number, *message in rows]


def set_session(connection: Connection, place: str, session: str) -> None:
    """Set the session of the bot in its place."""
    connection.execute("INSERT OR REPLACE INTO session (place, session) VALUES (?, ?)", (place, session))


def add(connection: Connection, message: Sent, unanswered: Iterable[Key]) -> int:
    """Add a message on its way, and return its number."""
    number: int = connection.execute(
        "INSERT INTO sent (id, address, content, hops, ends) VALUES (?, ?, ?, ?, ?) RETURNING number", message
    ).fetchone()[0]
    await_answers(connection, [(number, *key) for key in unanswered])
    return number


def await_answers(connection: Connection, answers: Iterable[tuple[int, str, str]]) -> None:
    """Take note of who is to answer: numbers of messages, homes, and bots."""
    connection.executemany("INSERT OR IGNORE INTO unanswered (number, home, bot) VALUES (?, ?, ?)", answers)


def answered(connection: Connection, answers: Iterable[tuple[int, str, str]]) -> None:
    """Take note of who has answered."""
    connection.executemany("DELETE FROM unanswered WHERE number = ? AND home = ? AND bot = ?", answers)


def remove(connection: Connection, number: int) -> None:
    """Remove a message of which nothing more is expected."""
    connection.execute("DELETE FROM sent WHERE number = ?", (number,))
    connection.execute("DELETE FROM unanswered WHERE number = ?", (number,))


def begin(connection: Connection, speaker: str, message_id: str, after: str | None) -> tuple[str, bytes | None]:
    """Mark a message that came as being handled if it is `new`; otherwise it is `repeated`, or `too_early`.

    That is when the one before it, of which there was no receipt when it was sent, has not come. Return which, and the
    receipt of one that was handled before.
    """
    marked = connection.execute(
        "INSERT OR IGNORE INTO handled (speaker, id, at) SELECT ?1, ?2, ?3 WHERE ?4 IS NULL"
        " OR EXISTS (SELECT 1 FROM handled WHERE speaker = ?1 AND id = ?4)",
        (speaker, message_id, time.time(), after),
    ).rowcount
    if marked:
        return "new", None
    known = connection.execute("SELECT receipt FROM handled WHERE speaker = ? AND id = ?", (speaker, message_id))
    row = known.fetchone()
    return ("too_early", None) if row is None else ("repeated", row[0])


def finish(connection: Connection, speaker: str, message_id: str, receipt: bytes) -> None:
    """Remember the receipt of a message that was handled."""
    connection.execute("UPDATE handled SET receipt = ? WHERE speaker = ? AND id = ?", (receipt, speaker, message_id))
