"""Receiving: what comes from other homes is handled in order, once, no faster than it may, and answered."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
import time
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback

from ..errors import MessageError
from ..messaging.router import Router
from ..rate_limit import BURST, RATE
from .answering import Answering
from .envelope import Envelope, Sender
from .handling import Arrival, Handling
from .household import Household, Households
from .inbox import Fate, Inbox
from .roster import Peer, Roster
from .topics import mark_of
from .trouble import Trouble
from .voice import Voice

MAX_WORKING: Final = 100
"""For how many messages a bot may be at work."""

FINISHED_WITHIN: Final = 3.0
"""Seconds that messages at work have when the bot stops; what is not done by then is answered as running."""

TELL_EVERY: Final = 5.0
BUSY_AFTER: Final = 30.0
"""Seconds that a home waits for its turn before that is told."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Box:
    """What came from one bot."""

    peer: Peer
    household: Household
    inbox: Inbox[Arrival]
    came: asyncio.Event = field(default_factory=asyncio.Event)
    told_at: float = 0.0


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
        voice: Voice,
        trouble: Trouble,
    ) -> None:
        """Initialize receiving.

        Args:
            hass: Home Assistant.
            sender: The bot that receives, as which it answers.
            router: Carries the messages.
            roster: Who is known.
            counts: Counts what came.
            limits: How many messages a second may come from one home, and how many at once.
            voice: Answers.
            trouble: Is told of what keeps messages from being handled.

        """
        self._hass = hass
        self._roster = roster
        self._counts = counts
        self._trouble = trouble
        # After so many seconds without a message, so many may come at once again as ever.
        self._rest = int(limits[BURST]) / limits[RATE]
        self._households = Households(rate=limits[RATE], burst=int(limits[BURST]))
        self._answering = Answering(voice)
        self._handling = Handling(sender, router, counts, trouble)
        self._mark = mark_of(sender.home or "")
        self._places = asyncio.Semaphore(MAX_WORKING)
        self._boxes: dict[str, _Box] = {}
        self._workers: set[asyncio.Task[None]] = set()
        self._working: set[tuple[str, str]] = set()
        self._at_work: set[asyncio.Task[None]] = set()
        self._handles: set[asyncio.Task[None]] = set()
        self._is_stopped = False

    async def async_stop(self) -> None:
        """Begin with no other message, and finish those at work.

        What waits was not answered, and comes again.
        """
        self._is_stopped = True
        for worker in self._workers:
            worker.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(FINISHED_WITHIN):
                while tasks := self._workers | self._at_work:
                    await asyncio.wait(tasks)
        for handling in self._handles:
            handling.cancel()
        if self._handles:
            await asyncio.wait(self._handles, timeout=1)

    @callback
    def async_take(self, peer: Peer, message: Envelope) -> None:
        """Take a message from a bot."""
        if self._is_stopped:
            return
        box = self._box_of(peer)
        was_holding = box.inbox.is_holding
        after = max(message.data["after"], message.data["directed"].get(self._mark, 0))
        arrival = Arrival(envelope=message, at=time.time())
        fate = box.inbox.put(message.data["number"], after, arrival, message.size)
        if fate is Fate.DOUBLED:
            self._counts["doubled"] += 1
            # A few bytes may be answered with many.
            if self._roster.may_ask(peer.sender.home, self._hass.loop.time()):
                self._answer_again(peer, message)
        elif fate is Fate.HELD and not was_holding:
            self._tell_missing(box)
        box.came.set()

    @callback
    def async_complete(self, peer: Peer, up_to: int) -> None:
        """Take note that a bot has nothing to send that is missed up to a number."""
        if (box := self._boxes.get(peer.sender.key)) is not None:
            box.inbox.complete(up_to)
            box.came.set()

    def _box_of(self, peer: Peer) -> _Box:
        key = peer.sender.key
        box = self._boxes.get(key)
        if box is None:
            household = self._households.enter(peer.sender.home)
            box = self._boxes[key] = _Box(peer=peer, household=household, inbox=Inbox(peer.handled, household.room))
            worker = self._hass.async_create_background_task(
                self._async_work(key, box), "datastream_bot receives", eager_start=False
            )
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
        # It may have said goodbye and come back.
        box.peer = peer
        return box

    def _answer_again(self, peer: Peer, message: Envelope) -> None:
        """Answer a message that came before, if there is or was an answer."""
        message_id = message.data["id"]
        if (
            self._answering.async_answer_again(peer, message_id, self._newest(peer))
            or (peer.sender.key, message_id) in self._working
        ):
            return
        if message.data["number"] <= peer.handled:
            lists = self._handling.failed(MessageError(translation_key="outcome_unknown"))
            self._answering.async_answer(peer, message_id, lists, self._newest(peer), is_kept=False)

    async def _async_work(self, key: str, box: _Box) -> None:
        """Handle what comes from one bot, until nothing has come for as long as its limit can tell."""
        try:
            await self._async_work_until_empty(box)
        finally:
            del self._boxes[key]
            self._households.leave(box.peer.sender.home)

    async def _async_work_until_empty(self, box: _Box) -> None:
        while not box.inbox.is_empty or await self._async_has_come(box, self._rest):
            arrival = box.inbox.take()
            if arrival is None:
                # What came may have been there before.
                if box.inbox.is_holding:
                    await self._async_wait_for_missing(box)
                continue
            if await self._async_is_turn(box, arrival):
                await self._places.acquire()
                # When the worker is stopped meanwhile, nothing is left half done.
                await asyncio.shield(self._track(self._hass.async_create_task(self._async_begin(box, arrival))))

    async def _async_is_turn(self, box: _Box, arrival: Arrival) -> bool:
        """Wait until a message may be handled, and return whether that is before it gets too old."""
        await box.household.async_wait_for_turn(self._hass.loop.time)
        is_turn = await box.household.async_take_place(min(BUSY_AFTER, arrival.expires - time.time()))
        if not is_turn:
            self._trouble.busy(box.peer.sender.home)
            is_turn = await box.household.async_take_place(arrival.expires - time.time())
        self._counts["late"] += not is_turn
        return is_turn

    async def _async_begin(self, box: _Box, arrival: Arrival) -> None:
        """Begin with a message, when it is on disk that this was done: rather not switch a light than press twice.

        When the bot or Home Assistant stops meanwhile, the message comes again.
        """
        peer, message_id = box.peer, arrival.envelope.data["id"]
        before, peer.handled = peer.handled, arrival.envelope.data["number"]
        self._working.add((peer.sender.key, message_id))
        await self._roster.async_save(peer)
        if self._is_stopped or self._hass.is_stopping:
            peer.handled = before
            await self._roster.async_save(peer)
            return
        self._households.enter(peer.sender.home)
        handling = self._async_handle(peer, box.household, arrival)
        task = self._track(self._hass.async_create_background_task(handling, "datastream_bot handles a message"))
        self._handles.add(task)
        task.add_done_callback(self._handles.discard)

    def _track(self, task: asyncio.Task[None]) -> asyncio.Task[None]:
        """Note that a task has to be finished before the bot can be stopped."""
        self._at_work.add(task)
        task.add_done_callback(self._at_work.discard)
        return task

    async def _async_has_come(self, box: _Box, timeout: float) -> bool:  # noqa: ASYNC109 - it is what the caller decides
        """Return whether something comes within some seconds."""
        box.came.clear()
        try:
            async with asyncio.timeout(timeout):
                await box.came.wait()
        except TimeoutError:
            # It may have come in the last moment.
            return box.came.is_set()
        return True

    async def _async_wait_for_missing(self, box: _Box) -> None:
        """Wait for what is missed, tell its sender again, and give it up when what is held gets too old.

        No sooner: the sender may be away for long, and when it is back it sends what is missed, or says that it cannot.
        """
        if await self._async_has_come(box, max(0, box.told_at + TELL_EVERY - self._hass.loop.time())):
            return
        if box.inbox.first_held.expires > time.time() and not box.peer.is_gone:
            self._tell_missing(box)
            return
        self._counts["missed"] += 1
        box.inbox.give_up()

    def _tell_missing(self, box: _Box) -> None:
        box.told_at = self._hass.loop.time()
        self._answering.async_tell_missing(box.peer, box.inbox.newest)

    async def _async_handle(self, peer: Peer, household: Household, arrival: Arrival) -> None:
        """Give a message to the bot, and answer with the receipt."""
        home, message_id = peer.sender.home, arrival.envelope.data["id"]

        @callback
        def done() -> None:
            household.give_back_place()
            self._households.leave(home)

        try:
            lists = await self._handling.async_handle(peer, arrival, done)
        except asyncio.CancelledError:
            if not self._is_stopped:
                raise
            # Its receivers go on without being waited for.
            lists = self._handling.running()
        # Whoever is still at work takes a place of its home only.
        self._places.release()
        self._working.discard((peer.sender.key, message_id))
        self._answering.async_answer(peer, message_id, lists, self._newest(peer))

    def _newest(self, peer: Peer) -> int:
        """Return the number of the message of a bot up to which all are here."""
        box = self._boxes.get(peer.sender.key)
        return peer.handled if box is None else box.inbox.newest
