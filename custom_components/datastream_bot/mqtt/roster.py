"""The roster: which bots elsewhere are known, and how far what they sent was handled, also across a restart."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from heapq import nsmallest
from math import inf
from typing import Any, Final
from zlib import crc32

from homeassistant.core import HomeAssistant, callback
import voluptuous as vol

from ..rate_limit import TokenBucket
from ..storage import Storage, async_get_storage, timestamp
from .envelope import Sender

FORGOTTEN_AFTER: Final = 30 * 24 * 3600.0
WRITTEN_EVERY: Final = 12 * 3600.0
"""Seconds after which it is written down that a bot was heard again; other things are written with it."""

MAX_BOTS_OF_A_HOME: Final = 16
"""Homes have few bots. One that makes up ever new ones is not heard with them."""

REPLACED_AFTER: Final = 3600.0
"""Seconds after which a bot that was not heard makes room for a new one of its home."""

MAX_HOMES: Final = 100_000
REQUESTS_RATE: Final = 4.0
REQUESTS_BURST: Final = 100
SPOKEN_RATE: Final = 500.0
SPOKEN_BURST: Final = 3000
MAX_FILES: Final = 16
"""How many files many homes are spread over, because one of them is written with each message that is handled."""

_SCHEMA: Final = vol.Schema(
    {
        str: {
            vol.Required("home"): vol.Any(None, str),
            vol.Required("bot"): str,
            vol.Required("name"): str,
            vol.Required("heard"): timestamp,
            vol.Required("handled"): int,
        }
    }
)


@dataclass(slots=True, kw_only=True, eq=False)
class Peer:
    """A bot elsewhere.

    Attributes:
        sender: Who it is.
        heard: When it was last heard, in seconds since 1970.
        handled: Number of its latest message that was handled here, or 0.
        newest: Number of the message from here up to which it has said that it has them all.
        noted: When it was last written down that it was heard, in seconds since 1970.
        is_silent: Whether it did not answer when it should have.
        asked_at: When it was last asked again for an answer, in seconds of the loop's clock.
        patience: Seconds until it is asked again.
        sent_again_to: Number up to which it was sent again what it had missed, or None when it is up to date.
        began_again_at: When that was last begun because it asked for it, in seconds of the loop's clock.
        sending: How many times it is being sent something again just now.
        is_gone: Whether it is not known any more.
        knows_us: Whether it spoke to this bot alone since the start, so that it must know it.

    """

    sender: Sender
    heard: float
    handled: int = 0
    newest: int = 0
    noted: float = 0.0
    is_silent: bool = False
    asked_at: float = 0.0
    patience: float = 0.0
    sent_again_to: int | None = None
    began_again_at: float = -inf
    sending: int = 0
    is_gone: bool = False
    knows_us: bool = False


@dataclass(slots=True, eq=False)
class _Home:
    """The bots of a home that are known.

    Attributes:
        peers: The bots, by id.
        spoken: How often they may say anything: it has to be read before it can be told what it is.
        requests: How often they may ask for something: every few bytes of it can be answered with many.

    """

    peers: dict[str, Peer] = field(default_factory=dict)
    spoken: TokenBucket = field(default_factory=lambda: TokenBucket(rate=SPOKEN_RATE, burst=SPOKEN_BURST))
    requests: TokenBucket = field(default_factory=lambda: TokenBucket(rate=REQUESTS_RATE, burst=REQUESTS_BURST))

    @property
    def heard(self) -> float:
        """Return when one of them was last heard, in seconds since 1970."""
        return max((peer.heard for peer in self.peers.values()), default=0.0)


type _Stored = dict[str, dict[str, Any]]


def roster_memories(hass: HomeAssistant, bot_id: str, files: int = MAX_FILES) -> list[Storage[_Stored]]:
    """Return what remembers the bots elsewhere that a bot knows."""
    return [async_get_storage(hass, f"{bot_id}.roster_{number}", _SCHEMA) for number in range(files)]


class Roster:
    """All bots elsewhere that are known, by home."""

    def __init__(self, hass: HomeAssistant, bot_id: str, files: int = MAX_FILES) -> None:
        """Initialize the roster of a bot, spread over so many files."""
        self._memories = roster_memories(hass, bot_id, files)
        self._files: list[dict[str | None, _Home]] = [{} for _ in self._memories]

    def __iter__(self) -> Iterator[Peer]:
        """Go through all that are known."""
        return (peer for homes in self._files for home in homes.values() for peer in home.peers.values())

    async def async_load(self, now: float) -> None:
        """Remember who was known before a restart, but for those who were not heard for a month."""
        loaded = await asyncio.gather(*(memory.async_load() for memory in self._memories))
        for file, homes in zip(loaded, self._files, strict=True):
            for stored in (file or {}).values():
                sender = Sender(home=stored["home"], bot=stored["bot"], name=stored["name"])
                if stored["heard"] > now - FORGOTTEN_AFTER:
                    peer = Peer(sender=sender, heard=stored["heard"], handled=stored["handled"])
                    homes.setdefault(sender.home, _Home()).peers[sender.bot] = peer

    async def async_save(self, peer: Peer) -> None:
        """Return when what is known of a bot now is on disk."""
        number = self._file_of(peer.sender.home)
        await self._memories[number].async_save_together(lambda: self._stored(number))

    async def async_save_all(self) -> None:
        """Return when all that is known now is on disk."""
        used = [number for number, homes in enumerate(self._files) if homes]
        await asyncio.gather(*(self._memories[number].async_save(self._stored(number)) for number in used))

    def of(self, home: str | None) -> Mapping[str, Peer]:
        """Return who is known of a home, or of the organization, by id."""
        known = self._files[self._file_of(home)].get(home)
        return {} if known is None else known.peers

    @property
    def homes(self) -> list[str | None]:
        """Return the homes of which bots are known, None for the organization."""
        return [name for homes in self._files for name, home in homes.items() if home.peers]

    @callback
    def hear(self, sender: Sender, now: float) -> Peer | None:
        """Return a bot that was just heard, or None if its home has too many bots."""
        number = self._file_of(sender.home)
        peers = self._home(number, sender.home).peers
        peer = peers.get(sender.bot)
        if peer is None:
            if not _make_room(peers, now):
                return None
            peer = peers[sender.bot] = Peer(sender=sender, heard=now)
            self._save_soon(number)
        elif peer.sender != sender or peer.noted < now - WRITTEN_EVERY:
            peer.sender, peer.noted = sender, now
            self._save_soon(number)
        peer.heard = now
        return peer

    @callback
    def forget(self, sender: Sender) -> Peer | None:
        """Forget and return a bot that said goodbye, if it was known."""
        number = self._file_of(sender.home)
        # Its home remains, with what it may ask for.
        home = self._files[number].get(sender.home)
        peer = None if home is None else home.peers.pop(sender.bot, None)
        if peer is not None:
            _gone([peer])
            self._save_soon(number)
        return peer

    @callback
    def may_speak(self, home: str | None, now: float) -> bool:
        """Return whether a home may say anything now, and count it.

        Args:
            home: Name of the home.
            now: Seconds of the loop's clock.

        """
        return not self._home(self._file_of(home), home).spoken.take(now)

    @callback
    def may_ask(self, home: str | None, now: float) -> bool:
        """Return whether a home may ask for something now, and count it.

        Args:
            home: Name of the home.
            now: Seconds of the loop's clock.

        """
        return not self._home(self._file_of(home), home).requests.take(now)

    def _file_of(self, home: str | None) -> int:
        """Return the number of the file that a home is in."""
        return crc32((home or "").encode()) % len(self._files)

    def _home(self, number: int, name: str | None) -> _Home:
        homes = self._files[number]
        home = homes.get(name)
        if home is None:
            if len(homes) >= MAX_HOMES // MAX_FILES:
                # Some at once, as all have to be looked at for it.
                for quiet in nsmallest(1 + len(homes) // 10, homes, key=lambda each: homes[each].heard):
                    _gone(homes.pop(quiet).peers.values())
            home = homes[name] = _Home()
        return home

    def _save_soon(self, number: int) -> None:
        self._memories[number].async_delay_save(lambda: self._stored(number))

    def _stored(self, number: int) -> _Stored:
        return {
            peer.sender.key: {
                "home": peer.sender.home,
                "bot": peer.sender.bot,
                "name": peer.sender.name,
                "heard": peer.heard,
                "handled": peer.handled,
            }
            for home in self._files[number].values()
            for peer in home.peers.values()
        }


def _make_room(peers: dict[str, Peer], now: float) -> bool:
    """Return whether there is room for one more bot of a home, having forgotten one for it where that can be."""
    if len(peers) < MAX_BOTS_OF_A_HOME:
        return True
    quietest = min(peers, key=lambda bot: peers[bot].heard)
    if peers[quietest].heard > now - REPLACED_AFTER:
        return False
    _gone([peers.pop(quietest)])
    return True


def _gone(peers: Iterable[Peer]) -> None:
    for peer in peers:
        peer.is_gone = True
