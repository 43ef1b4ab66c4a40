"""The receiver: takes messages from other homes in order and once, and answers with receipts."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
import logging
from math import inf
from typing import Any, Final, NamedTuple

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.exceptions import HomeAssistantError

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
    """A home that a bot is at work for."""

    name: str
    waiting: deque[_Arrival] = field(default_factory=deque)
    is_beginning: bool = False
    working: int = 0


class Receiver:
    """Receives messages from bots in other homes."""

    def __init__(
        self,
        bot: Bot,
        membership: Membership,
        router: Router,
        limits: Mapping[str, Any],
        kept: Store,
        *,
        publish: Callable[[Packet], None],
        is_kept: Callable[[bool], None],
    ) -> None:
        """Initialize it; `is_kept` is called with whether messages can be marked, without which none is received."""
        self._hass = bot.hass
        self._bot = bot
        self._membership = membership
        self._router = router
        self._store = kept
        self._buckets = TokenBuckets(rate=limits[RATE], burst=int(limits[BURST]), maximum=MAX_HOMES)
        self._publish = publish
        self._is_kept = is_kept
        self._counts: Counter[str] = Counter()
        self._homes: dict[str, _Home] = {}
        self._working: set[asyncio.Task[None]] = set()
        self._is_stopped = False

    def diagnostics(self) -> dict[str, Any]:
        """Return what came, and what became of it."""
        return dict(self._counts)

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
            self._counts["unreadable"] += 1
            acknowledge()
            self._answer(said, packet, self._failed(err))
            return
        home = self._homes.get(said.speaker) or _Home(said.speaker)
        is_full = len(home.waiting) >= MAX_WAITING
        if is_full or (said.is_to_all and self._buckets.take(said.speaker, self._hass.loop.time())):
            self._counts["too_many"] += 1
            acknowledge()
            if said.is_to_all:
                self._answer(said, packet, self._failed(MessageError(translation_key="too_many_at_once")))
            return
        self._homes[said.speaker] = home
        home.waiting.append(_Arrival(said, packet, message, acknowledge))
        self._begin_next(home)

    async def async_stop(self) -> None:
        """Take nothing more; what is at work is still answered."""
        self._is_stopped = True
        for home in self._homes.values():
            home.waiting.clear()
        while self._working:
            await asyncio.wait(self._working)

    def _begin_next(self, home: _Home) -> None:
        """Begin with the next message of a home, if the one before it has begun."""
        if home.is_beginning or not home.waiting or home.working >= MAX_WORKING:
            return
        home.is_beginning = True
        home.working += 1
        # Nothing cancels it: what is marked on disk is to be handled, too.
        task = self._hass.async_create_background_task(
            self._async_work(home, home.waiting.popleft()), "datastream_bot message from another home"
        )
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def _async_work(self, home: _Home, arrival: _Arrival) -> None:
        """Handle a message, and answer it."""
        bucket, now = self._buckets.of(home.name), self._hass.loop.time()
        if not arrival.said.is_to_all and (wait := bucket.reserve(now, inf)):
            await asyncio.sleep(wait)
            if self._is_stopped:
                # It comes again, as the bot begins anew.
                return
        dispatch = await self._async_begin(arrival)
        home.is_beginning = False
        if dispatch is None:
            self._finished(home)
            return
        dispatch.async_call_when_finished(partial(self._finished, home))
        self._begin_next(home)
        receipt = await dispatch.async_receipt()
        self._finish(arrival, receipt_payload(receipt.lists()))

    def _finished(self, home: _Home) -> None:
        home.working -= 1
        self._begin_next(home)
        if not home.working:
            del self._homes[home.name]

    async def _async_begin(self, arrival: _Arrival) -> Dispatch | None:
        """Send a message on its way if it is new and next, or else answer it as far as that can be."""
        said, packet, message = arrival.said, arrival.packet, arrival.message
        try:
            what, receipt = await self._store.run(store.begin, said.speaker, message.message_id, message.after)
        except FAILURES as err:
            # It is sent again until it can be remembered.
            self._is_kept(False)  # noqa: FBT003
            self._counts["not_kept"] += 1
            arrival.acknowledge()
            if said.is_to_all:
                self._answer(said, packet, self._failed(MessageError(translation_key="not_kept", problem=err)))
            return None
        self._is_kept(True)  # noqa: FBT003
        arrival.acknowledge()
        if what != "new":
            self._counts[what] += 1
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
            self._counts["not_open"] += 1
            return None
        self._counts["accepted"] += 1
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
            self._counts["not_answered"] += 1
            _LOGGER.debug("No receipt goes to %s, which is not for %s", topic, said.speaker)
            return
        self._publish(Packet(topic, receipt, correlation=packet.correlation))
