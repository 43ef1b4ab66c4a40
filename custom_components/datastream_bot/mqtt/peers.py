"""The peers: the bots in other homes, known by the statuses that the broker keeps."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from ..errors import MessageError
from .payload import Status
from .store import Key
from .topics import ALL_HOMES, ORGANIZATION

MAX_BOTS: Final = 16
"""How many bots of a home are known; homes have few."""

MAX_HOMES: Final = 100_000


class Peer(NamedTuple):
    """A bot in another home, which is there as far as the broker knows.

    Its session changes when what was sent to it is gone: the broker has forgotten it, or it began anew before it was at
    work for all that it had taken.
    """

    key: Key
    name: str
    session: int
    is_online: bool

    @property
    def home(self) -> str:
        """Return the name of its home, or `organization`."""
        return self.key[0]


class Peers:
    """The bots in other homes that are known."""

    def __init__(self) -> None:
        """Initialize it, knowing nobody."""
        # Most homes have one.
        self._homes: dict[str, tuple[Peer, ...]] = {}

    def __iter__(self) -> Iterator[Peer]:
        """Go through all that are known."""
        return (peer for peers in self._homes.values() for peer in peers)

    def of(self, hearer: str) -> Iterator[Peer]:
        """Go through those of a home, of the organization, or of all homes."""
        if hearer != ALL_HOMES:
            return iter(self._homes.get(hearer, ()))
        return (peer for peer in self if peer.home != ORGANIZATION)

    def get(self, key: Key) -> Peer | None:
        """Return a bot if it is known."""
        return next((peer for peer in self.of(key[0]) if peer.key == key), None)

    def update(self, key: Key, status: Status) -> tuple[Peer, bool]:
        """Take note of a status; return its bot, and whether what was sent to it is gone.

        It raises a `MessageError` if there are too many.
        """
        former, peers = self.get(key), self._homes.get(key[0], ())
        if former is None and len(peers) >= MAX_BOTS:
            raise MessageError(translation_key="too_many_bots", maximum=MAX_BOTS)
        if not peers and len(self._homes) >= MAX_HOMES:
            raise MessageError(translation_key="too_many_homes", maximum=MAX_HOMES)
        peer = Peer(key, status.name, hash((status.session, status.mark)), status.online)
        self._homes[key[0]] = (*(each for each in peers if each is not former), peer)
        return peer, former is not None and peer.session != former.session

    def remove(self, key: Key) -> None:
        """Remove a bot that is gone, if it is known."""
        others = tuple(peer for peer in self._homes.pop(key[0], ()) if peer.key != key)
        if others:
            self._homes[key[0]] = others
