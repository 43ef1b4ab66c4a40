"""Hearing: what bots elsewhere say is taken if it comes from whom it says, and passed on to what it is for."""

from collections import Counter
import random
import time
from typing import Final

from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later

from ..const import DOMAIN
from .envelope import MAX_NUMBER, Envelope, EnvelopeError, Fault, Kind, Sender, decode
from .greeting import Greeting
from .link import Payload
from .posting import Posting
from .receiving import Receiving
from .roster import Peer, Roster
from .settings import CONF_OPEN, mqtt_settings
from .topics import Membership, is_name, membership_of
from .trouble import Trouble
from .voice import Voice

REPLY_WITHIN: Final = 5.0
"""Seconds within which all homes reply to an organization that asks who is there."""

MAX_COPIES: Final = 10
"""How many copies of a bot are told that they are copies."""


class Hearing:
    """Takes what comes on the topics of a bot."""

    def __init__(
        self,
        hass: HomeAssistant,
        sender: Sender,
        membership: Membership,
        *,
        roster: Roster,
        counts: Counter[str],
        voice: Voice,
        greeting: Greeting,
        posting: Posting,
        receiving: Receiving,
        trouble: Trouble,
    ) -> None:
        """Initialize hearing.

        Args:
            hass: Home Assistant.
            sender: The bot that hears.
            membership: Whom it speaks for.
            roster: Who is known.
            counts: Counts what came.
            voice: Replies to greetings.
            greeting: Waits for the echo of its own.
            posting: Takes answers.
            receiving: Takes messages.
            trouble: Is told of what is wrong.

        """
        self._hass = hass
        self._self = sender
        self._membership = membership
        self._roster = roster
        self._counts = counts
        self._voice = voice
        self._greeting = greeting
        self._posting = posting
        self._receiving = receiving
        self._trouble = trouble
        self._may_be_copied = False
        self._copies: set[str] = set()
        self._replies: set[CALLBACK_TYPE] = set()

    @callback
    def async_stop(self) -> None:
        """Reply to nobody any more."""
        for cancel in self._replies:
            cancel()

    @callback
    def async_hear(self, topic: str, payload: Payload, is_retained: bool) -> None:  # noqa: FBT001 - it is a callback
        """Take what came in, if it is what it has to be and comes from whom it says."""
        if is_retained:
            self._counts["retained"] += 1
            return
        home = self._membership.speaker_on(topic)
        if not self._roster.may_speak(home, self._hass.loop.time()):
            self._counts["flooded"] += 1
            return
        try:
            envelope = _read(home, payload)
        except EnvelopeError as err:
            self._counts[err.fault.value] += 1
            self._trouble.unread(err.fault, home)
            return
        sender = envelope.sender
        if (sender.home, sender.bot) == (self._self.home, self._self.bot):
            if envelope.kind is Kind.HELLO:
                self._hear_itself(**envelope.data)
        # What bots of this Home Assistant say has reached this one without MQTT.
        elif envelope.to in {None, self._self.bot} and not self._is_here(sender):
            self._take(envelope)

    def _hear_itself(self, *, mark: str, ask: bool) -> None:
        """Take the echo of a greeting, or notice that it is the greeting of a copy."""
        if mark == self._voice.mark:
            self._greeting.async_echo()
            if self._may_be_copied:
                self._may_be_copied = False
                self._greet_copies(ask=True)
        elif self._greeting.is_waiting:
            # It can also be what the bot said itself before a restart. A copy answers when it is asked.
            self._may_be_copied = True
        else:
            is_new = mark not in self._copies and len(self._copies) < MAX_COPIES
            if is_new:
                self._copies.add(mark)
                self._trouble.copied()
            if is_new or ask:
                self._greet_copies(ask=False)

    def _greet_copies(self, *, ask: bool) -> None:
        self._voice.async_say_hello(self._membership.own_topic, ask=ask)

    def _take(self, envelope: Envelope) -> None:
        """Take what a bot elsewhere says."""
        sender, now = envelope.sender, time.time()
        is_request = envelope.kind in {Kind.GOODBYE, Kind.HELLO, Kind.MISSING}
        if is_request and not self._roster.may_ask(sender.home, self._hass.loop.time()):
            self._counts["limited"] += 1
            return
        if envelope.kind is Kind.GOODBYE:
            self._part(sender)
            return
        is_new = sender.bot not in self._roster.of(sender.home)
        peer = self._roster.hear(sender, now)
        if peer is None:
            self._counts["crowded"] += 1
            return
        peer.knows_us = peer.knows_us or envelope.to is not None
        if is_new:
            self._posting.async_met(peer)
        self._listen(peer, envelope)
        self._posting.resending.async_heard(peer)

    def _listen(self, peer: Peer, envelope: Envelope) -> None:
        """Take what a bot says that is known now."""
        if envelope.kind is Kind.ANSWER:
            self._posting.async_answered(peer, envelope)
        elif envelope.kind is Kind.MESSAGE:
            self._receiving.async_take(peer, envelope)
        elif envelope.kind is Kind.COMPLETE:
            self._receiving.async_complete(peer, envelope.data["newest"])
        elif envelope.kind is Kind.MISSING:
            self._posting.async_missing(peer, envelope.data["newest"])
        else:
            self._posting.resending.async_missing(peer, 0)
            # An organization that was away when this home came does not ask; its homes do.
            if envelope.data["ask"] or not (peer.knows_us or self._membership.home is None):
                self._reply_soon(peer)

    def _part(self, sender: Sender) -> None:
        """Wait no longer for a bot that says goodbye."""
        if (peer := self._roster.forget(sender)) is not None:
            self._posting.async_forget(sender)
            self._receiving.async_complete(peer, MAX_NUMBER)
            self._trouble.timed(peer, None)

    def _is_here(self, sender: Sender) -> bool:
        """Return whether a bot is one of this Home Assistant, and no copy of one that speaks for another home."""
        entry = self._hass.config_entries.async_get_entry(sender.bot)
        if entry is None or entry.domain != DOMAIN:
            return False
        own = mqtt_settings(entry.options)
        return bool(own[CONF_OPEN]) and membership_of(own).home == sender.home

    def _reply_soon(self, peer: Peer) -> None:
        """Say hello to a bot that asked who is there, not all homes at once."""
        is_asked_by_many = peer.sender.home is None and self._membership.home is not None

        @callback
        def reply(*_: object) -> None:
            self._replies.discard(cancel)
            self._voice.async_say_hello(self._membership.topic_to(peer.sender.home), ask=False, to=peer.sender.bot)

        delay = random.uniform(0, REPLY_WITHIN) if is_asked_by_many else 0  # noqa: S311 - no secret
        cancel = async_call_later(self._hass, delay, HassJob(reply, cancel_on_shutdown=True))
        self._replies.add(cancel)


def _read(home: str | None, payload: Payload) -> Envelope:
    """Read what was said on a topic of a home, or of the organization.

    Raises:
        EnvelopeError: It cannot be read, or does not come from there.

    """
    envelope = decode(payload)
    if envelope.sender.home != home or (home is not None and not is_name(home)):
        raise EnvelopeError(Fault.FORGED)
    return envelope
