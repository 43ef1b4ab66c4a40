"""Posting: what a bot sends to other homes is kept until it is there, and sent again where it is missed."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import takewhile
import time
from typing import Any, Final
from weakref import WeakValueDictionary

from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later

from .const import ATTR_ADDRESS, ATTR_CONTENT
from .envelope import Envelope, Kind, Sender
from .journey import PostedJourney
from .link import Link
from .message import Message
from .outbox import Letter, Outbox
from .receipt import Answer
from .resending import Resending
from .roster import Peer, Roster
from .topics import Membership

BATCH: Final = 50
"""How many messages are given to the broker before it has confirmed them."""

LOOK_EVERY: Final = 5.0


class Posting:
    """Sends the messages of a bot to bots elsewhere.

    Attributes:
        resending: Sends them again to those who miss them.

    """

    def __init__(
        self,
        hass: HomeAssistant,
        sender: Sender,
        membership: Membership,
        *,
        link: Link,
        outbox: Outbox,
        roster: Roster,
        counts: Counter[str],
        lost: Callable[[], None],
    ) -> None:
        """Initialize posting.

        Args:
            hass: Home Assistant.
            sender: As whom to speak.
            membership: Whom it speaks for.
            link: The way to the broker.
            outbox: What is on its way.
            roster: Who is known.
            counts: Counts what is done.
            lost: Called when messages could not be kept until the broker was there.

        """
        self._hass = hass
        self._sender = sender
        self._membership = membership
        self._link = link
        self._outbox = outbox
        self._roster = roster
        self._counts = counts
        self._lost = lost
        self.resending = Resending(outbox, roster, counts, self._send_again)
        self._is_ready = False
        self._journeys: WeakValueDictionary[str, PostedJourney] = WeakValueDictionary()
        self._flushing: asyncio.Task[None] | None = None
        self._stop_looking: CALLBACK_TYPE | None = None

    @callback
    def async_start(self) -> None:
        """Take up what is left from before a restart."""
        self._look_later()

    @callback
    def async_stop(self) -> None:
        """Stop sending; what is left stays in the outbox."""
        self.async_set_ready(is_ready=False)
        if self._stop_looking is not None:
            self._stop_looking()
            self._stop_looking = None

    @callback
    def async_set_ready(self, *, is_ready: bool) -> None:
        """Begin to send, or wait until it is possible again."""
        self._is_ready = is_ready
        if is_ready:
            self.resending.async_begin()
            self._flush()
            return
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        for journey in list(self._journeys.values()):
            journey.stuck()

    @callback
    def async_send(self, message: Message) -> PostedJourney:
        """Send a message."""
        now = time.time()
        topics = frozenset(message.topics)
        hearers = [
            peer
            for home in self._roster.homes
            if self._membership.is_reached(self._membership.topic_to(home), topics)
            for peer in self._roster.of(home).values()
        ]
        letter = Letter(
            number=self._outbox.next_number(now),
            message_id=message.message_id,
            address=message.address,
            content=message.copy().content,
            hops=message.hops,
            time=now,
            expires=now + self._outbox.keep_for,
            size=message.size,
            topics=list(message.topics),
            waiting=dict.fromkeys(peer.sender.key for peer in hearers),
        )
        expected = [peer.sender.key for peer in hearers if not peer.is_silent]
        journey = PostedJourney(letter, self._hass.loop.create_future(), expected)
        if not self._is_ready:
            journey.stuck()
        self._journeys[letter.message_id] = journey
        self._dropped(self._outbox.add(letter))
        self._hass.async_create_task(self._async_save(journey), "datastream_bot outbox")
        self._flush()
        self._look_later()
        return journey

    @callback
    def async_answered(self, peer: Peer, data: Mapping[str, Any]) -> None:
        """Take the answer of a bot to a message."""
        sender, key, message_id = peer.sender, peer.sender.key, data["id"]
        peer.newest = data["newest"]
        journey = self._journeys.get(message_id)
        letter = journey.letter if journey is not None else self._outbox.get(message_id)
        if letter is None or not self._membership.is_reached(self._membership.topic_to(sender.home), letter.topics):
            return
        if key in letter.waiting:
            del letter.waiting[key]
            self._counts["answered"] += 1
            self._outbox.settle(letter)
        if journey is not None:
            journey.answered(
                key,
                Answer(home=sender.home, bot_id=sender.bot, bot_name=sender.name, deliveries=data["receipt"]),
            )

    @callback
    def async_forget(self, sender: Sender) -> None:
        """Wait no longer for a bot that is gone."""
        for letter in [letter for letter in self._outbox if sender.key in letter.waiting]:
            del letter.waiting[sender.key]
            self._outbox.settle(letter)

    def _send_again(self, peer: Peer, letters: Sequence[tuple[Letter, int]]) -> None:
        """Send messages to one bot, each with the number of the one before it."""
        topic = self._membership.topic_to(peer.sender.home)
        posts = [(topic, self._payload(letter, after=before, to=peer.sender.bot)) for letter, before in letters]
        self._hass.async_create_background_task(self._async_publish(posts), "datastream_bot sends again")

    async def _async_publish(self, posts: Iterable[tuple[str, bytes]]) -> list[bool]:
        """Publish in this order, and return what the broker surely got."""
        return await asyncio.gather(*(self._link.async_publish(*post) for post in posts))

    async def _async_save(self, journey: PostedJourney) -> None:
        await self._outbox.async_save()
        journey.saved()

    def _flush(self) -> None:
        if self._is_ready and (self._flushing is None or self._flushing.done()):
            self._flushing = self._hass.async_create_background_task(
                self._async_flush(), "datastream_bot sends", eager_start=False
            )

    async def _async_flush(self) -> None:
        """Give the broker what it does not have."""
        while letters := self._outbox.unsent()[:BATCH]:
            posts = [
                (letter, topic, self._payload(letter, after=self._number_before(letter, topic)))
                for letter in letters
                for topic in letter.topics
            ]
            taken = await self._async_publish((topic, payload) for _, topic, payload in posts)
            missed = {letter.number for (letter, _, _), is_taken in zip(posts, taken, strict=True) if not is_taken}
            self._sent(letter for letter in letters if letter.number not in missed)
            if missed:
                # The connection is about to be found broken; when it is there again, this goes on.
                return

    def _sent(self, letters: Iterable[Letter]) -> None:
        for letter in letters:
            letter.is_sent = True
            letter.sent_at = self._hass.loop.time()
            if (journey := self._journeys.get(letter.message_id)) is not None:
                journey.sent()
            self._counts["sent"] += 1
            self._outbox.settle(letter)

    def _number_before(self, letter: Letter, topic: str) -> int:
        """Return the number of what those who hear a topic were sent before a message, if it may still be missed."""
        earlier = takewhile(lambda each: each.number < letter.number, self._outbox)
        return max((each.number for each in earlier if self._membership.is_reached(topic, each.topics)), default=0)

    def _payload(self, letter: Letter, *, after: int, to: str | None = None) -> bytes:
        return Envelope(
            kind=Kind.MESSAGE,
            sender=self._sender,
            time=letter.time,
            to=to,
            data={
                "id": letter.message_id,
                "number": letter.number,
                "after": after,
                "expires": letter.expires,
                "hops": letter.hops,
                ATTR_ADDRESS: letter.address,
                ATTR_CONTENT: letter.content,
            },
        ).encode()

    @callback
    def _look(self, *_: object) -> None:
        """Look for what is too old, and for bots that should have answered."""
        self._stop_looking = None
        self._dropped(self._outbox.expire(time.time()))
        if self._is_ready:
            self._flush()
            self.resending.async_look(self._hass.loop.time())
        self._look_later()

    def _look_later(self) -> None:
        if len(self._outbox) and self._stop_looking is None:
            self._stop_looking = async_call_later(self._hass, LOOK_EVERY, HassJob(self._look, cancel_on_shutdown=True))

    def _dropped(self, letters: Iterable[Letter]) -> None:
        """Take note of messages that are not kept any longer."""
        lost = False
        for letter in letters:
            self._counts["unanswered" if letter.is_sent else "lost"] += 1
            lost = lost or not letter.is_sent
        if lost:
            self._lost()
