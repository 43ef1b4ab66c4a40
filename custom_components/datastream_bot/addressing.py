"""Addressing: who hears a message to other homes, and what has to be on its envelope for them."""

from collections.abc import Iterator
from itertools import takewhile
from typing import Any

from .const import ATTR_ADDRESS, ATTR_CONTENT
from .envelope import MAX_DIRECTED, Envelope, Kind, Sender, home_key
from .outbox import Letter, Outbox
from .roster import Peer, Roster
from .topics import ALL_HOMES, Membership, mark_of


class Addressing:
    """Knows who hears the messages of a bot."""

    def __init__(self, sender: Sender, membership: Membership, outbox: Outbox, roster: Roster) -> None:
        """Initialize addressing as a bot."""
        self._sender = sender
        self._membership = membership
        self._outbox = outbox
        self._roster = roster

    def hearers(self, letter: Letter) -> Iterator[tuple[str, Peer | None]]:
        """Go through the keys of those who hear a message.

        Whoever is in a home that is named but was never heard has the key of the home, until it is.
        """
        for topic in letter.topics:
            home = self._membership.hearers_on(topic)
            homes = [each for each in self._roster.homes if each is not None] if home == ALL_HOMES else [home]
            known = [(peer.sender.key, peer) for each in homes for peer in self._roster.of(each).values()]
            yield from known
            if not known and home != ALL_HOMES and topic != self._membership.own_topic:
                yield home_key(home), None

    def is_answered(self, letter: Letter) -> bool:
        """Return whether all who are known to hear a message have answered it."""
        split = (key.partition("/") for key in letter.waiting)
        return all(not bot and self._roster.of(home or None) for home, _, bot in split)

    def is_heard_by(self, peer: Peer, letter: Letter) -> bool:
        """Return whether a bot hears a message."""
        return self._membership.is_reached(self.topic_to(peer), letter.topics)

    def topic_to(self, peer: Peer) -> str:
        """Return the topic on which a bot can be spoken to."""
        return self._membership.topic_to(peer.sender.home)

    def payload(self, letter: Letter, topic: str) -> bytes:
        """Return what goes out on a topic."""
        return self._payload(letter, **self._before(letter, topic))

    def payload_to(self, peer: Peer, letter: Letter, after: int) -> bytes:
        """Return what goes out to one bot, with the number of what was sent to it before and it may miss."""
        return self._payload(letter, to=peer.sender.bot, after=after)

    def _before(self, letter: Letter, topic: str) -> dict[str, Any]:
        """Return what those who hear a topic were sent before a message and may still miss.

        It is the number of the latest of it, and for what was sent to single homes in front of a message to all, the
        number for each of those homes.
        """
        earlier = [*takewhile(lambda each: each.number < letter.number, self._outbox)]
        after = max((each.number for each in earlier if self._membership.is_reached(topic, each.topics)), default=0)
        if self._membership.hearers_on(topic) != ALL_HOMES:
            return {"after": after}
        directed = {
            mark_of(home): each.number
            for each in earlier
            if each.number > after
            for key in each.waiting
            if (home := key.partition("/")[0])
        }
        if len(directed) > MAX_DIRECTED:
            # Nobody can tell which of it was for them, so that all have to ask.
            return {"after": max(directed.values())}
        return {"after": after, "directed": directed}

    def _payload(self, letter: Letter, *, to: str | None = None, **before: Any) -> bytes:
        return Envelope(
            kind=Kind.MESSAGE,
            sender=self._sender,
            time=letter.time,
            to=to,
            data={
                "id": letter.message_id,
                "number": letter.number,
                **before,
                "expires": letter.expires,
                "hops": letter.hops,
                ATTR_ADDRESS: letter.address,
                ATTR_CONTENT: letter.content,
            },
        ).encode()
