"""The MQTT door: messages between the bots of many homes, over the broker that Home Assistant is connected to."""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
import logging
import random
import time
from typing import Any, Final

from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.event import async_call_later

from .const import (
    CONF_HOME,
    CONF_KEEP_FOR,
    CONF_KEEP_MESSAGES,
    CONF_LIMITS,
    CONF_MQTT,
    CONF_ORGANIZATION,
    CONF_ROLE,
    DOMAIN,
)
from .envelope import MAX_NUMBER, Envelope, EnvelopeError, Fault, Kind, Sender, decode
from .greeting import Greeting
from .link import Link, Payload, async_publish
from .microservice import Stop
from .outbox import Outbox, outbox_memory
from .posting import Posting
from .receiving import Receiving
from .roster import Peer, Roster, roster_memories
from .router import Router
from .signals import mqtt_signal
from .topics import Membership, Role, Scope, is_name
from .trouble import Trouble, async_end_trouble

_LOGGER = logging.getLogger(__name__)

REPLY_WITHIN: Final = 5.0
"""Seconds within which all homes reply to an organization that asks who is there."""


def membership_of(settings: Mapping[str, Any]) -> Membership:
    """Return whom a bot speaks for, as the form of its doors says."""
    is_home = settings[CONF_ROLE] == Role.HOME
    return Membership(organization=settings[CONF_ORGANIZATION], home=settings[CONF_HOME] if is_home else None)


LAST_WORDS: Final = 1.0
"""Seconds to wait until the broker has what is said last."""


class MqttDoor:
    """A bot's way to bots elsewhere, and theirs to it.

    Attributes:
        is_ready: Whether the broker lets the bot speak and listen.

    """

    def __init__(
        self, hass: HomeAssistant, bot_id: str, bot_name: str, router: Router, settings: Mapping[str, Any]
    ) -> None:
        """Initialize the door of a bot.

        Args:
            hass: Home Assistant.
            bot_id: Id of the bot.
            bot_name: What people call the bot.
            router: Carries the messages.
            settings: The settings of all doors.

        """
        self.is_ready = False
        self._hass = hass
        self._router = router
        own = settings[CONF_MQTT]
        self._membership = membership_of(own)
        self._self = Sender(home=self._membership.home, bot=bot_id, name=bot_name)
        self._counts: Counter[str] = Counter()
        self._trouble = Trouble(hass, self._self, self._membership)
        self._is_new = True
        self._roster = Roster(hass, bot_id)
        self._outbox = Outbox(
            hass,
            bot_id,
            (self._membership.organization, self._membership.home),
            max_letters=int(own[CONF_KEEP_MESSAGES]),
            keep_for=own[CONF_KEEP_FOR] * 60,
        )
        self._link = Link(
            hass,
            self._membership.subscriptions,
            self._received,
            self._connection_changed,
            self._trouble.missing,
        )
        self._greeting = Greeting(hass, self._greet, self._heard_itself, self._trouble.refused)
        self._posting = Posting(
            hass,
            self._self,
            self._membership,
            link=self._link,
            outbox=self._outbox,
            roster=self._roster,
            counts=self._counts,
            lost=lambda: self._trouble.lost(self._outbox.lost),
        )
        self._receiving = Receiving(
            hass,
            self._self,
            router,
            roster=self._roster,
            counts=self._counts,
            limits=settings[CONF_LIMITS],
            publish=self._say_to,
            timed=self._trouble.timed,
        )
        self._replies: set[CALLBACK_TYPE] = set()
        self._saying: set[asyncio.Task[bool]] = set()

    async def async_open(self) -> Stop:
        """Send and receive until the returned function is called."""
        await self._roster.async_load(time.time())
        await self._outbox.async_load()
        disconnect = self._router.connect_carrier(self._self.bot, self._posting.async_send)
        self._posting.async_start()
        close_link = await self._link.async_open()

        async def async_close() -> None:
            disconnect()
            self._greeting.async_end()
            # What is at work is still answered.
            await self._receiving.async_stop()
            if self._saying:
                await asyncio.wait(self._saying, timeout=LAST_WORDS)
            self._posting.async_stop()
            close_link()
            for cancel in self._replies:
                cancel()
            self._trouble.end()
            await self._outbox.async_save()
            await self._roster.async_save_all()

        return async_close

    def topics_for(self, scopes: Collection[Scope] | None, homes: Collection[str] | None) -> tuple[str, ...]:
        """Return the topics that a message goes out on.

        Raises:
            MessageError: It cannot be sent there.

        """
        return self._membership.topics_for(scopes, homes)

    @property
    def kept(self) -> int:
        """Return how many messages wait for the broker."""
        return len(self._outbox.unsent())

    def diagnostics(self) -> dict[str, Any]:
        """Return what the door sees."""
        return {
            "connected": self.is_ready,
            "mqtt_set_up": self._link.is_set_up,
            "organization": self._membership.organization,
            "home": self._membership.home,
            "homes_known": len(self._roster.homes),
            "bots_known": sum(1 for _ in self._roster),
            "bots_silent": sum(peer.is_silent for peer in self._roster),
            "on_their_way": len(self._outbox),
            "kept": self.kept,
            "lost": self._outbox.lost,
            "counts": dict(self._counts),
        }

    @callback
    def _connection_changed(self, is_connected: bool) -> None:  # noqa: FBT001 - it is a callback
        if is_connected:
            self._greeting.async_begin()
            return
        self._greeting.async_end()
        self._set_ready(is_ready=False)

    @callback
    def _heard_itself(self) -> None:
        self._trouble.not_refused()
        self._set_ready(is_ready=True)
        wants_all = self._membership.home is not None or not any(self._roster.homes)
        self._say(self._membership.wide_topic, self._hello(ask=self._is_new and wants_all))
        self._is_new = False

    def _set_ready(self, *, is_ready: bool) -> None:
        if is_ready == self.is_ready:
            return
        self.is_ready = is_ready
        _LOGGER.info(
            "The MQTT door of %s is connected" if is_ready else "The MQTT door of %s is not connected any more",
            self._self.name,
        )
        self._posting.async_set_ready(is_ready=is_ready)
        async_dispatcher_send(self._hass, mqtt_signal(self._self.bot))

    @callback
    def _received(self, topic: str, payload: Payload, is_retained: bool) -> None:  # noqa: FBT001 - it is a callback
        """Take what came in, if it is what it has to be and comes from whom it says."""
        if is_retained:
            self._counts["retained"] += 1
            return
        home = self._membership.speaker_on(topic)
        try:
            envelope = decode(payload)
        except EnvelopeError as err:
            self._refuse(err.fault, home)
            return
        sender = envelope.sender
        if sender.home != home or (home is not None and not is_name(home)):
            self._refuse(Fault.FORGED, home)
        elif sender == self._self:
            if envelope.kind is Kind.HELLO:
                self._greeting.async_echo()
        # What bots of this Home Assistant say has reached this one without MQTT.
        elif envelope.to in {None, self._self.bot} and not self._is_here(sender.bot):
            self._take(envelope)

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

    def _is_here(self, bot_id: str) -> bool:
        entry = self._hass.config_entries.async_get_entry(bot_id)
        return entry is not None and entry.domain == DOMAIN

    @callback
    def _greet(self) -> None:
        self._say(self._membership.own_topic, self._hello(ask=self._is_new))

    def _hello(self, *, ask: bool, to: str | None = None) -> Envelope:
        """Return a hello to all who hear it or to one bot, which may ask who is there."""
        return Envelope(kind=Kind.HELLO, sender=self._self, time=time.time(), to=to, data={"ask": ask})

    def _reply_soon(self, peer: Peer) -> None:
        """Say hello to a bot that asked who is there, not all homes at once."""
        is_asked_by_many = peer.sender.home is None and self._membership.home is not None

        @callback
        def reply(*_: object) -> None:
            self._replies.discard(cancel)
            self._say_to(peer, self._hello(ask=False, to=peer.sender.bot))

        delay = random.uniform(0, REPLY_WITHIN) if is_asked_by_many else 0  # noqa: S311 - no secret
        cancel = async_call_later(self._hass, delay, HassJob(reply, cancel_on_shutdown=True))
        self._replies.add(cancel)

    @callback
    def _say_to(self, peer: Peer, envelope: Envelope) -> None:
        self._say(self._membership.topic_to(peer.sender.home), envelope)

    @callback
    def _say(self, topic: str, envelope: Envelope) -> None:
        saying = self._hass.async_create_background_task(
            self._link.async_publish(topic, envelope.encode()), "datastream_bot says something"
        )
        self._saying.add(saying)
        saying.add_done_callback(self._saying.discard)

    def _refuse(self, fault: Fault, home: str | None) -> None:
        self._counts[fault.value] += 1
        self._trouble.unread(fault, home)


async def async_say_goodbye(hass: HomeAssistant, bot_id: str, bot_name: str, settings: Mapping[str, Any]) -> None:
    """Tell bots elsewhere not to wait for this one any more."""
    membership = membership_of(settings)
    sender = Sender(home=membership.home, bot=bot_id, name=bot_name)
    goodbye = Envelope(kind=Kind.GOODBYE, sender=sender, time=time.time(), data={}).encode()
    with suppress(TimeoutError):
        async with asyncio.timeout(LAST_WORDS):
            for topic in (membership.own_topic, membership.wide_topic):
                await async_publish(hass, topic, goodbye)


async def async_forget_kept(hass: HomeAssistant, bot_id: str) -> None:
    """Forget the messages of a bot that are on their way, as nobody waits for them after a goodbye."""
    await outbox_memory(hass, bot_id).async_remove()


async def async_remove_mqtt(hass: HomeAssistant, bot_id: str) -> None:
    """Remove what the door of a bot stored, and its repair issues."""
    for memory in (outbox_memory(hass, bot_id), *roster_memories(hass, bot_id)):
        await memory.async_remove()
    async_end_trouble(hass, bot_id)
