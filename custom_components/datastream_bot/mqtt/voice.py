"""The voice: what a bot says to bots elsewhere besides messages, without waiting until the broker has it."""

import asyncio
from collections.abc import Mapping
import time
from typing import Any, Final
from uuid import uuid4

from homeassistant.core import HomeAssistant, callback

from .envelope import Envelope, Kind, Sender
from .link import Link
from .roster import Peer
from .topics import Membership

LAST_WORDS: Final = 1.0
"""Seconds to wait until the broker has what is said last."""


class Voice:
    """Speaks as a bot.

    Attributes:
        mark: What tells what this bot says from what a copy of it says.

    """

    def __init__(self, hass: HomeAssistant, sender: Sender, membership: Membership, link: Link) -> None:
        """Initialize the voice of a bot."""
        self.mark = uuid4().hex
        self._hass = hass
        self._sender = sender
        self._membership = membership
        self._link = link
        self._saying: set[asyncio.Task[bool]] = set()

    @callback
    def async_say_hello(self, topic: str, *, ask: bool, to: str | None = None) -> None:
        """Say hello to all who hear it or to one bot, and ask who is there or not."""
        self._say(topic, self._envelope(Kind.HELLO, {"ask": ask, "mark": self.mark}, to))

    @callback
    def async_say_to(self, peer: Peer, kind: Kind, data: Mapping[str, Any]) -> None:
        """Say something to one bot."""
        self.async_send(peer, self.write(peer, kind, data))

    def write(self, peer: Peer, kind: Kind, data: Mapping[str, Any]) -> Envelope:
        """Write what may be said to one bot more than once."""
        return self._envelope(kind, data, peer.sender.bot)

    @callback
    def async_send(self, peer: Peer, envelope: Envelope) -> None:
        """Say to one bot what is written."""
        self._say(self._membership.topic_to(peer.sender.home), envelope)

    async def async_finish(self) -> None:
        """Wait a moment for the broker to have it all."""
        if self._saying:
            await asyncio.wait(self._saying, timeout=LAST_WORDS)

    def _envelope(self, kind: Kind, data: Mapping[str, Any], to: str | None) -> Envelope:
        return Envelope(kind=kind, sender=self._sender, time=time.time(), to=to, data=data)

    def _say(self, topic: str, envelope: Envelope) -> None:
        saying = self._hass.async_create_background_task(
            self._link.async_publish(topic, envelope.encode()), "datastream_bot says something"
        )
        self._saying.add(saying)
        saying.add_done_callback(self._saying.discard)
