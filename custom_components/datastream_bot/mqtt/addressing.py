"""Addressing: who hears a message to other homes, and what has to be on its envelope for them."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from ..const import ATTR_ADDRESS, ATTR_CONTENT
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
        return any(topic in letter.topics for topic in self._membership.reaching(self.topic_to(peer)))

    def topic_to(self, peer: Peer) -> str:
        """Return the topic on which a bot can be spoken to."""
        return self._membership.topic_to(peer.sender.home)

    def posts(self, letters: Collection[Letter]) -> Iterator[tuple[Letter, str, bytes]]:
        """Go through what of some letters of the outbox goes out on which topic, in the order sent."""
        numbers = {letter.number for letter in letters}
        newest: dict[str, int] = {}
        # What went to single homes since the last message to all.
        single: list[Letter] = []
        for letter in self._outbox:
            if letter.number in numbers:
                for topic in letter.topics:
                    yield letter, topic, self._payload(letter, **self._before(topic, newest, single))
            newest.update(dict.fromkeys(letter.topics, letter.number))
            if self._membership.wide_topic in letter.topics:
                single.clear()
            else:
                single.append(letter)

    def payload_to(self, peer: Peer, letter: Letter, after: int) -> bytes:
        """Return what goes out to one bot, with the number of what was sent to it before and it may miss."""
        return self._payload(letter, to=peer.sender.bot, after=after)

    def _before(self, topic: str, newest: Mapping[str, int], single: Iterable[Letter]) -> dict[str, Any]:
        """Return what those who hear a topic were sent before a message and may still miss.

        It is the number of the latest of it, and for what was sent to single homes in front of a message to all, the
        number for each of those homes.

        Args:
            topic: The topic of the message.
            newest: Number of the latest message before it on each topic.
            single: What went to single homes since the last message to all.

        """
        after = max(newest.get(each, 0) for each in self._membership.reaching(topic))
        if self._membership.hearers_on(topic) != ALL_HOMES:
            return {"after": after}
        directed = {
            mark_of(home): each.number for each in single for home in {key.partition("/")[0] for key in each.waiting}
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
