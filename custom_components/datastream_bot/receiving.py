"""Receiving: what comes from other homes is handled in order, once, no faster than it may, and answered."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
import logging
import time
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util

from .answering import Answering, Lists, Publish
from .const import ATTR_ADDRESS, ATTR_CONTENT, CONF_BURST, CONF_RATE, Origin
from .door import MAX_WORKING
from .envelope import Envelope, Sender
from .errors import MessageError
from .inbox import Fate, Inbox
from .message import Message
from .receipt import Receipt
from .roster import Peer, Roster
from .router import Router
from .token_bucket import TokenBucket

_LOGGER = logging.getLogger(__name__)

TELL_EVERY: Final = 5.0
GIVE_UP_AFTER: Final = 30.0
"""Seconds to wait for a message that is missed, if nothing of what is missed comes."""

MAX_AHEAD: Final = 300.0
"""Seconds that the clock of another home may be ahead."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Box:
    """What came from one bot, and the pace at which it may go on."""

    peer: Peer
    inbox: Inbox[Envelope]
    bucket: TokenBucket
    came: asyncio.Event = field(default_factory=asyncio.Event)
    missing_since: float = 0.0


class Receiving:
    """Gives messages from bots elsewhere to a bot, and answers with its receipts."""

    def __init__(
        self,
        hass: HomeAssistant,
        sender: Sender,
        router: Router,
        *,
        roster: Roster,
        counts: Counter[str],
        limits: Mapping[str, Any],
        publish: Publish,
        timed: Callable[[Peer, float | None], None],
    ) -> None:
        """Initialize receiving.

        Args:
            hass: Home Assistant.
            sender: The bot that receives, as which it answers.
            router: Carries the messages.
            roster: Who is known.
            counts: Counts what came.
            limits: How many messages a second may come from one bot, and how many at once.
            publish: Says something to a bot.
            timed: Called with how many seconds ago a message was sent if it is refused because of that, or else None.

        """
        self._hass = hass
        self._sender = sender
        self._router = router
        self._roster = roster
        self._counts = counts
        self._rate: float = limits[CONF_RATE]
        self._burst = int(limits[CONF_BURST])
        self._answering = Answering(sender, publish)
        self._timed = timed
        self._places = asyncio.Semaphore(MAX_WORKING)
        self._boxes: dict[str, _Box] = {}
        self._workers: dict[str, asyncio.Task[None]] = {}
        self._working: set[tuple[str, str]] = set()

    async def async_stop(self) -> None:
        """Handle nothing more; what waits was not answered, and comes again."""
        workers = list(self._workers.values())
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        self._workers.clear()
        self._boxes.clear()

    @callback
    def async_take(self, peer: Peer, message: Envelope) -> None:
        """Take a message from a bot."""
        key = peer.sender.key
        box = self._boxes.get(key)
        if box is None:
            bucket = TokenBucket(rate=self._rate, burst=self._burst)
            box = self._boxes[key] = _Box(peer=peer, inbox=Inbox(peer.handled), bucket=bucket)
            self._workers[key] = self._hass.async_create_background_task(
                self._async_work(key, box), "datastream_bot receives", eager_start=False
            )
        # It may have said goodbye and come back.
        box.peer = peer
        was_holding = box.inbox.is_holding
        before = box.inbox.newest
        fate = box.inbox.put(message.data["number"], message.data["after"], message, message.size)
        if fate is Fate.DOUBLED:
            self._counts["doubled"] += 1
            self._answer_again(peer, message)
        elif fate is Fate.HELD and not was_holding:
            self._miss(box)
        if box.inbox.newest != before:
            box.missing_since = self._hass.loop.time()
        box.came.set()

    def _answer_again(self, peer: Peer, message: Envelope) -> None:
        """Answer a message that came before, if there is or was an answer."""
        message_id = message.data["id"]
        if self._answering.async_answer_again(peer, message_id) or (peer.sender.key, message_id) in self._working:
            return
        if peer.handled is not None and message.data["number"] <= peer.handled:
            lists = self._answering.failed(MessageError(translation_key="outcome_unknown"))
            self._answering.async_answer(peer, message_id, lists, self._newest(peer))

    async def _async_work(self, key: str, box: _Box) -> None:
        """Handle what comes from one bot, until nothing has come for as long as its limit can tell."""
        while not box.inbox.is_empty or await self._async_has_come(box, self._burst / self._rate):
            message = box.inbox.take()
            if message is None:
                # What came may have been there before.
                if box.inbox.is_holding:
                    await self._async_wait_for_missing(box)
                continue
            if wait := box.bucket.take(self._hass.loop.time()):
                await asyncio.sleep(wait)
                box.bucket.take(self._hass.loop.time())
            await self._places.acquire()
            await self._async_write_down(box.peer, message)
            self._hass.async_create_background_task(
                self._async_handle(box.peer, message), "datastream_bot handles a message"
            )
        del self._boxes[key], self._workers[key]

    async def _async_write_down(self, peer: Peer, message: Envelope) -> None:
        """Have it on disk that a message is handled before it is: rather not switch a light than press a button twice.

        When the bot is unloaded meanwhile, the message comes again.
        """
        before, peer.handled = peer.handled, message.data["number"]
        self._working.add((peer.sender.key, message.data["id"]))
        try:
            await self._roster.async_save(peer)
        except asyncio.CancelledError:
            peer.handled = before
            raise

    async def _async_has_come(self, box: _Box, timeout: float) -> bool:  # noqa: ASYNC109 - it is what the caller decides
        """Return whether something comes within some seconds."""
        box.came.clear()
        try:
            async with asyncio.timeout(timeout):
                await box.came.wait()
        except TimeoutError:
            return False
        return True

    async def _async_wait_for_missing(self, box: _Box) -> None:
        """Wait for what is missed, tell its sender again, and give it up in the end."""
        if await self._async_has_come(box, TELL_EVERY):
            return
        if self._hass.loop.time() < box.missing_since + GIVE_UP_AFTER:
            self._answering.async_tell_missing(box.peer, box.inbox.newest)
            return
        self._counts["missed"] += 1
        box.missing_since = self._hass.loop.time()
        box.inbox.give_up()

    def _miss(self, box: _Box) -> None:
        box.missing_since = self._hass.loop.time()
        self._answering.async_tell_missing(box.peer, box.inbox.newest)

    async def _async_handle(self, peer: Peer, envelope: Envelope) -> None:
        """Give a message to the bot, and answer with the receipt."""
        try:
            lists = await self._async_send(peer, envelope)
        except HomeAssistantError as err:
            self._places.release()
            lists = self._answering.failed(err)
        except Exception as err:
            _LOGGER.exception("A message from %s failed", peer.sender.name)
            self._places.release()
            lists = self._answering.failed(err)
        self._working.discard((peer.sender.key, envelope.data["id"]))
        self._answering.async_answer(peer, envelope.data["id"], lists, self._newest(peer))

    async def _async_send(self, peer: Peer, envelope: Envelope) -> Lists:
        """Give a message to the bot, and return the lists of the receipt."""
        self._check_time(peer, envelope)
        message = Message.create(
            envelope.data[ATTR_ADDRESS],
            envelope.data[ATTR_CONTENT],
            origin=Origin.MQTT,
            hops=envelope.data["hops"],
            internal=False,
            recipients=frozenset((self._sender.bot,)),
            home=peer.sender.home,
        )
        if not self._router.directory.is_open(self._sender.bot, message.address):
            self._counts["not_open"] += 1
            self._places.release()
            return Receipt(message_id=message.message_id, address=message.address).lists()
        self._counts["accepted"] += 1
        return (await self._router.async_send(message, done=self._places.release)).lists()

    def _check_time(self, peer: Peer, envelope: Envelope) -> None:
        """Check that a message is neither too old nor from the future.

        Raises:
            MessageError: It is.

        """
        now = time.time()
        is_late = envelope.data["expires"] <= now
        if not is_late and envelope.time <= now + MAX_AHEAD:
            self._timed(peer, None)
            return
        self._counts["late" if is_late else "early"] += 1
        self._timed(peer, now - envelope.time)
        raise MessageError(
            translation_key="message_late" if is_late else "message_early",
            sent=dt_util.utc_from_timestamp(envelope.time).isoformat(timespec="seconds"),
            here=dt_util.utc_from_timestamp(now).isoformat(timespec="seconds"),
        )

    def _newest(self, peer: Peer) -> int:
        """Return the number of the message of a bot up to which all are here."""
        box = self._boxes.get(peer.sender.key)
        return (peer.handled or 0) if box is None else box.inbox.newest
