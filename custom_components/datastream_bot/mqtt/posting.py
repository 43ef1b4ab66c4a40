"""Posting: what a bot sends to other homes is kept until it is there, and sent again where it is missed."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
import time
from typing import Final
from weakref import WeakValueDictionary

from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.json import json_bytes

from ..messaging.content import copied_content
from ..messaging.message import Message
from .addressing import Addressing
from .envelope import Envelope, Kind, Sender, home_key
from .journey import Answer, PostedJourney
from .link import Link
from .outbox import Letter, Outbox
from .resending import Resending
from .roster import Peer, Roster
from .topics import Membership
from .trouble import Trouble
from .voice import Voice

BATCH: Final = 50
"""How many messages are given to the broker before it has confirmed them."""

LOOK_EVERY: Final = 5.0

RESENDING: Final = 4
"""To how many bots messages are sent again at a time: all homes may come back at once."""


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
        voice: Voice,
        trouble: Trouble,
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
            voice: Says that there is nothing to wait for.
            trouble: Is told when messages could not be kept until the broker was there.

        """
        self._hass = hass
        self._addressing = Addressing(sender, membership, outbox, roster)
        self._link = link
        self._outbox = outbox
        self._counts = counts
        self._voice = voice
        self._trouble = trouble
        self.resending = Resending(outbox, roster, counts, self._send_again, hass.loop.time)
        self._is_ready = False
        self._resending = asyncio.Semaphore(RESENDING)
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
    def async_send(self, topics: Collection[str], message: Message) -> PostedJourney:
        """Send a message on some topics."""
        now = time.time()
        letter = Letter(
            number=self._outbox.next_number(now),
            message_id=message.message_id,
            address=message.address,
            content=copied_content(message.content),
            hops=message.envelope.hops,
            time=now,
            expires=now + self._outbox.keep_for,
            size=len(json_bytes(message.content)),
            topics=list(topics),
        )
        hearers = dict(self._addressing.hearers(letter))
        expected = [key for key, peer in hearers.items() if peer is not None and not peer.is_silent]
        journey = PostedJourney(letter, self._hass.loop.create_future(), expected, hearers)
        if not self._is_ready:
            journey.stuck()
        self._journeys[letter.message_id] = journey
        self._dropped(self._outbox.add(letter))
        self._hass.async_create_task(self._async_save(journey), "datastream_bot outbox")
        self._look_later()
        return journey

    @callback
    def async_answered(self, peer: Peer, envelope: Envelope) -> None:
        """Take the answer of a bot to a message."""
        data = envelope.data
        sender, key, message_id = peer.sender, peer.sender.key, data["id"]
        peer.newest = data["newest"]
        journey = self._journeys.get(message_id)
        letter = journey.letter if journey is not None else self._outbox.get(message_id)
        if letter is None or not self._addressing.is_heard_by(peer, letter):
            return
        if self._outbox.answered(letter, key):
            self._counts["answered"] += 1
        if journey is not None:
            answer = Answer(home=sender.home, bot_id=sender.bot, bot_name=sender.name, deliveries=data["receipt"])
            journey.answered(key, answer, envelope.size)

    @callback
    def async_met(self, peer: Peer) -> None:
        """Take note of a bot that was not known: what was sent to its home before is for it."""
        self._outbox.introduce(home_key(peer.sender.home), peer.sender.key)

    @callback
    def async_missing(self, peer: Peer, newest: int) -> None:
        """Send a bot what it misses after a message, or tell it that there is nothing to wait for."""
        if not self.resending.async_missing(peer, newest):
            self._voice.async_say_to(peer, Kind.COMPLETE, {"newest": self._outbox.sent_up_to})

    @callback
    def async_forget(self, sender: Sender) -> None:
        """Wait no longer for a bot that is gone."""
        for letter in list(self._outbox):
            self._outbox.answered(letter, sender.key)

    def _send_again(self, peer: Peer, letters: Sequence[tuple[Letter, int]]) -> asyncio.Task[None]:
        """Send messages to one bot, each with the number of the one before it."""
        return self._hass.async_create_background_task(
            self._async_send_again(peer, letters), "datastream_bot sends again"
        )

    async def _async_send_again(self, peer: Peer, letters: Sequence[tuple[Letter, int]]) -> None:
        async with self._resending:
            topic = self._addressing.topic_to(peer)
            await self._async_publish(
                (topic, self._addressing.payload_to(peer, letter, before)) for letter, before in letters
            )

    async def _async_publish(self, posts: Iterable[tuple[str, bytes]]) -> list[bool]:
        """Publish in this order, and return what the broker surely got."""
        return await asyncio.gather(*(self._link.async_publish(*post) for post in posts))

    async def _async_save(self, journey: PostedJourney) -> None:
        await self._outbox.async_save()
        # Not before: after a power cut with a clock that goes back, its number would be given to another message.
        journey.letter.is_saved = True
        journey.saved()
        self._flush()

    def _flush(self) -> None:
        if self._is_ready and (self._flushing is None or self._flushing.done()):
            self._flushing = self._hass.async_create_background_task(
                self._async_flush(), "datastream_bot sends", eager_start=False
            )

    async def _async_flush(self) -> None:
        """Give the broker what it does not have."""
        while letters := self._outbox.unsent(BATCH):
            for letter in letters:
                self._outbox.expect(letter, (key for key, _ in self._addressing.hearers(letter)))
            posts = list(self._addressing.posts(letters))
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

    @callback
    def _look(self, *_: object) -> None:
        """Look for what is too old, and for bots that should have answered."""
        self._stop_looking = None
        self._dropped(self._outbox.expire(time.time()))
        if self._is_ready:
            self._flush()
            self.resending.async_look()
        self._look_later()

    def _look_later(self) -> None:
        if len(self._outbox) and self._stop_looking is None:
            self._stop_looking = async_call_later(self._hass, LOOK_EVERY, HassJob(self._look, cancel_on_shutdown=True))

    def _dropped(self, letters: Iterable[Letter]) -> None:
        """Take note of messages that are not kept any longer."""
        lost = False
        for letter in letters:
            if not letter.is_sent:
                lost = True
                self._counts["lost"] += 1
            elif not self._addressing.is_answered(letter):
                self._counts["unanswered"] += 1
        if lost:
            self._trouble.lost(self._outbox.lost)
