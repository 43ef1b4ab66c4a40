"""The receiver: takes messages from other homes in order and once, and answers with receipts."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
import logging
from math import inf
from typing import Any, Final, NamedTuple

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util.async_ import create_eager_task

from ..bot import Bot
from ..errors import MessageError
from ..messaging.dispatch import Dispatch
from ..messaging.loop_guard import MAX_HOPS
from ..messaging.message import checked_address
from ..messaging.receipt import Outcome
from ..messaging.router import Router
from ..rate_limit import BURST, RATE, TokenBuckets
from . import store
from .journey import RECEIVER
from .payload import Inbound, Packet, read_message, receipt_payload
from .store import FAILURES, UNKNOWN, Store
from .topics import Membership, Said

_LOGGER = logging.getLogger(__name__)

ORIGIN: Final = "mqtt"

MAX_WORKING: Final = 25
"""For how many messages of a home a bot is at work; the next ones wait."""

MAX_WAITING: Final = 400
"""How many messages of a home wait; more come again, as they get no receipt."""

MAX_HOMES: Final = 2000
"""Of how many homes it is remembered how much they sent."""


class _Arrival(NamedTuple):
    """A message that came."""

    said: Said
    packet: Packet
    message: Inbound
    acknowledge: CALLBACK_TYPE


@dataclass(slots=True)
class _Home:
    """A home that a bot is at work for: its messages begin one after another, as soon as there is room for each."""

    name: str
    messages: int = 0
    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_WORKING))
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Receiver:
    """Receives messages from bots in other homes, and counts what became of them."""

    def __init__(
        self,
        bot: Bot,
        membership: Membership,
        router: Router,
        limits: Mapping[str, Any],
        kept: Store,
        *,
        publish: Callable[[Packet], None],
    ) -> None:
        """Initialize it; what cannot be marked as being handled is not received."""
        self.counts: Counter[str] = Counter()
        self._hass = bot.hass
        self._bot = bot
        self._membership = membership
        self._router = router
        self._store = kept
        self._buckets = TokenBuckets(rate=limits[RATE], burst=int(limits[BURST]), maximum=MAX_HOMES)
        self._publish = publish
        self._homes: dict[str, _Home] = {}
        self._working: set[asyncio.Task[None]] = set()
        self._is_stopped = False

    @callback
    def async_take(self, said: Said, packet: Packet, acknowledge: CALLBACK_TYPE) -> None:
        """Take a message.

        On a lane it comes again until there is a receipt, so the broker may forget it at once. What comes otherwise is
        acknowledged when it is on disk.
        """
        if self._is_stopped:
            # It comes again, as nobody acknowledges it.
            return
        if not said.is_to_all:
            acknowledge()
        try:
            message = read_message(packet)
        except MessageError as err:
            self.counts["unreadable"] += 1
            acknowledge()
            self._answer(said, packet, self._failed(err))
            return
        arrival = _Arrival(said, packet, message, acknowledge)
        home = self._homes.get(said.speaker) or _Home(said.speaker)
        is_full = home.messages >= MAX_WORKING + MAX_WAITING
        if is_full or (said.is_to_all and self._buckets.take(home.name, self._hass.loop.time())):
            self._refuse(arrival, "too_many", MessageError(translation_key="too_many_at_once"))
            return
        self._homes[home.name] = home
        home.messages += 1
        # What is marked on disk is to be handled, too. Home Assistant would cancel a background task before it stops,
        # and its start would wait for one of another kind.
        task = create_eager_task(self._async_work(home, arrival), name="datastream_bot message from another home")
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def async_stop(self) -> None:
        """Take nothing more; what is at work is still answered, and what waits for room is let go of."""
        self._is_stopped = True
        for home in self._homes.values():
            for _ in range(home.messages):
                home.room.release()
        while self._working:
            await asyncio.wait(self._working)

    async def _async_work(self, home: _Home, arrival: _Arrival) -> None:
        """Handle a message when it is its turn, and answer it."""
        await home.room.acquire()
        async with home.turn:
            bucket, now = self._buckets.of(home.name), self._hass.loop.time()
            if not self._is_stopped and not arrival.said.is_to_all and (wait := bucket.reserve(now, inf)):
                await asyncio.sleep(wait)
            # What has not begun by now comes again, as the bot begins anew.
            dispatch = None if self._is_stopped else await self._async_begin(arrival)
        if dispatch is None:
            self._finished(home)
            return
        dispatch.async_call_when_finished(partial(self._finished, home))
        receipt = await dispatch.async_receipt()
        self._finish(arrival, receipt_payload(receipt.lists()))

    def _finished(self, home: _Home) -> None:
        home.room.release()
        home.messages -= 1
        if not home.messages:
            del self._homes[home.name]

    async def _async_begin(self, arrival: _Arrival) -> Dispatch | None:
        """Send a message on its way if it is new and next, or else answer it as far as that can be."""
        said, packet, message, acknowledge = arrival
        try:
            what, receipt = await self._store.run(store.begin, said.speaker, message.message_id, message.after)
        except FAILURES as err:
            # It is sent again until it can be remembered.
            self._refuse(arrival, "not_kept", MessageError(translation_key="not_kept", problem=err))
            return None
        acknowledge()
        if what != "new":
            self.counts[what] += 1
            if receipt == UNKNOWN:
                receipt = self._failed(MessageError(translation_key="outcome_unknown"))
            if receipt is not None:
                self._answer(said, packet, receipt)
            return None
        try:
            dispatch = await self._async_dispatch(said, message)
        except Exception as err:
            if not isinstance(err, HomeAssistantError):
                _LOGGER.exception("A message from %s failed", said.speaker)
            self._finish(arrival, self._failed(err))
            return None
        if dispatch is None:
            self._finish(arrival, receipt_payload({}))
        return dispatch

    async def _async_dispatch(self, said: Said, message: Inbound) -> Dispatch | None:
        """Send a message on its way, or return None when the bot did not open its address."""
        address = checked_address(said.what)
        if message.hops > MAX_HOPS:
            # Its sender should have refused it, and told there of automations that answer each other.
            raise MessageError(translation_key="too_many_hops", address=address, limit=str(MAX_HOPS))
        if not self._router.registry.is_open(self._bot.bot_id, address):
            self.counts["not_open"] += 1
            return None
        self.counts["accepted"] += 1
        return await self._router.async_dispatch(
            address,
            message.content,
            origin=ORIGIN,
            internal=False,
            only=(self._bot.bot_id,),
            from_outside=True,
            home=said.speaker,
            hops=message.hops,
        )

    def _refuse(self, arrival: _Arrival, why: str, error: MessageError) -> None:
        """Do not take a message; on a lane it comes again, all others are told so."""
        self.counts[why] += 1
        arrival.acknowledge()
        if arrival.said.is_to_all:
            self._answer(arrival.said, arrival.packet, self._failed(error))

    def _finish(self, arrival: _Arrival, receipt: bytes) -> None:
        self._store.run(store.finish, arrival.said.speaker, arrival.message.message_id, receipt)
        self._answer(arrival.said, arrival.packet, receipt)

    def _failed(self, err: Exception) -> bytes:
        entry = {"bot": self._bot.entry.title, "config_entry_id": self._bot.bot_id, "receiver": RECEIVER}
        return receipt_payload({Outcome.FAILED: [entry | {"error": str(err)}]})

    def _answer(self, said: Said, packet: Packet, receipt: bytes) -> None:
        """Answer a message whose sender wants that, where it may be answered."""
        if (topic := packet.answer_to) is None:
            return
        if not self._membership.may_answer(said.speaker, topic):
            self.counts["not_answered"] += 1
            _LOGGER.debug("No receipt goes to %s, which is not for %s", topic, said.speaker)
            return
        self._publish(Packet(topic, receipt, correlation=packet.correlation))
