"""The peers: the bots in other homes, known by the statuses that the broker keeps."""

from collections.abc import Callable, Iterator
from typing import Final

from homeassistant.core import callback

from ..errors import MessageError
from .payload import Packet, Status, read_status
from .store import Key
from .topics import ALL_HOMES, ORGANIZATION, Said

MAX_BOTS: Final = 16
"""How many bots of a home are known; homes have few."""

MAX_HOMES: Final = 100_000


class Peer:
    """A bot in another home.

    Attributes:
        home: Name of its home, or `organization`.
        bot: Its id.
        name: What people call it.
        session: Changes when what was sent to it is gone: the broker has forgotten it, or it began anew before it was
            at work for all that it had taken.
        is_online: Whether it is there, as far as the broker knows.

    """

    __slots__ = ("bot", "home", "is_online", "name", "session")

    def __init__(self, home: str, bot: str, status: Status) -> None:
        """Initialize it."""
        self.home = home
        self.bot = bot
        self.take(status)

    @property
    def key(self) -> Key:
        """Return what stands for it on disk."""
        return (self.home, self.bot)

    def take(self, status: Status) -> None:
        """Take over what its status tells."""
        self.name = status.name
        self.session = hash((status.session, status.mark))
        self.is_online = status.is_online


class Peers:
    """The bots in other homes that are known."""

    def __init__(
        self,
        own: Key,
        came: Callable[[Peer, bool], None],
        went: Callable[[Peer], None],
        spoken_for: Callable[[Status], None],
    ) -> None:
        """Initialize it, knowing nobody.

        Args:
            own: The bot that knows them.
            came: Called with one that is new or changed, and whether its session is another.
            went: Called with one that is gone.
            spoken_for: Called with the own status as somebody else told it.

        """
        self._own = own
        self._came = came
        self._went = went
        self._spoken_for = spoken_for
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
        return next((peer for peer in self._homes.get(key[0], ()) if peer.bot == key[1]), None)

    @callback
    def async_read(self, said: Said, packet: Packet) -> None:
        """Take note of a status; an empty one is that of a bot that is gone.

        Raises:
            MessageError: It cannot be read.

        """
        key = (said.speaker, said.what)
        if not packet.payload:
            self._forget(key)
            return
        status = read_status(packet)
        if key == self._own:
            self._spoken_for(status)
            return
        peer = self.get(key)
        if peer is None:
            peer = self._add(key, status)
            self._came(peer, False)  # noqa: FBT003
            return
        former = peer.session
        peer.take(status)
        self._came(peer, peer.session != former)

    def _add(self, key: Key, status: Status) -> Peer:
        peers = self._homes.get(key[0], ())
        if len(peers) >= MAX_BOTS:
            raise MessageError(translation_key="too_many_bots", maximum=MAX_BOTS)
        if not peers and len(self._homes) >= MAX_HOMES:
            raise MessageError(translation_key="too_many_homes", maximum=MAX_HOMES)
        peer = Peer(*key, status)
        self._homes[peer.home] = (*peers, peer)
        return peer

    def _forget(self, key: Key) -> None:
        if (peer := self.get(key)) is None:
            return
        self._homes[key[0]] = tuple(each for each in self._homes[key[0]] if each is not peer)
        if not self._homes[key[0]]:
            del self._homes[key[0]]
        self._went(peer)
