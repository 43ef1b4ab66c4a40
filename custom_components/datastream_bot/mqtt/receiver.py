"""The receiver: takes messages from other homes in order and once, and answers with receipts."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Mapping
import logging
from math import inf
from typing import Any, Final, NamedTuple
from uuid import uuid4

from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError

from ..bot import Bot
from ..errors import MessageError
from ..messaging.loop_guard import MAX_HOPS
from ..messaging.message import checked_address
from ..messaging.receipt import Delivery, Outcome, Receipt
from ..messaging.router import Dispatch, Router
from ..rate_limit import BURST, RATE, TokenBucket
from .payload import Inbound, Packet, read_message, receipt_payload
from .store import FAILURES, UNKNOWN, Store
from .topics import Membership, Said

_LOGGER = logging.getLogger(__name__)

ORIGIN: Final = "mqtt"
RECEIVER: Final = "mqtt"

MAX_WORKING: Final = 25
"""For how many messages of a home a bot is at work; the next ones wait."""

MAX_WAITING: Final = 400
"""How many messages of a home wait; more come again, as they get no receipt."""

MAX_HOMES: Final = 2000
"""How many homes are remembered that have nothing waiting, for their limits."""


class _Arrival(NamedTuple):
    """A message that came."""

    said: Said
    packet: Packet
    message: Inbound
    message_id: str
    acknowledge: Callable[[], None]


class _Home:
    """What came from a home, and what may come."""

    __slots__ = ("bucket", "slots", "task", "waiting")

    def __init__(self, limits: Mapping[str, Any]) -> None:
        self.bucket = TokenBucket(rate=limits[RATE], burst=int(limits[BURST]))
        self.slots = asyncio.Semaphore(MAX_WORKING)
        self.waiting: deque[_Arrival] = deque()
        self.task: asyncio.Task[None] | None = None


class Receiver:
    """Receives messages from bots in other homes."""

    def __init__(
        self,
        bot: Bot,
        membership: Membership,
        router: Router,
        store: Store,
        *,
        limits: Mapping[str, Any],
        publish: Callable[[Packet], None],
        is_kept: Callable[[bool], None],
    ) -> None:
        """Initialize it; `is_kept` is called with whether messages can be marked, without which none is received."""
        self._hass = bot.hass
        self._bot = bot
        self._bot_id = bot.bot_id
        self._membership = membership
        self._router = router
        self._store = store
        self._limits = limits
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
    def async_take(self, said: Said, packet: Packet, acknowledge: Callable[[], None]) -> None:
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
        home = self._home(said.speaker)
        now = self._hass.loop.time()
        if len(home.waiting) >= MAX_WAITING or (said.is_to_all and home.bucket.take(now)):
            self._counts["too_many"] += 1
            acknowledge()
            if said.is_to_all:
                self._answer(said, packet, self._failed(MessageError(translation_key="too_many_at_once")))
            return
        home.waiting.append(_Arrival(said, packet, message, message.message_id or uuid4().hex, acknowledge))
        if home.task is None:
            home.task = self._hass.async_create_background_task(
                self._async_work(home), f"datastream_bot messages from {said.speaker}"
            )

    async def async_stop(self) -> None:
        """Take nothing more; what is at work is still answered."""
        self._is_stopped = True
        for home in self._homes.values():
            home.waiting.clear()
            if home.task is not None:
                home.task.cancel()
        while self._working:
            await asyncio.wait(self._working)

    def _home(self, name: str) -> _Home:
        home = self._homes.pop(name, None) or _Home(self._limits)
        self._homes[name] = home
        if len(self._homes) > MAX_HOMES:
            for idle in [each for each, its in self._homes.items() if its.task is None][: MAX_HOMES // 10]:
                del self._homes[idle]
        return home

    async def _async_work(self, home: _Home) -> None:
        """Begin with what came from a home, one after the other."""
        while home.waiting:
            arrival = home.waiting.popleft()
            if not arrival.said.is_to_all:
                await asyncio.sleep(home.bucket.reserve(self._hass.loop.time(), inf) or 0)
            await home.slots.acquire()
            # Not to be cancelled: what is marked on disk is to be handled, too.
            await asyncio.wait([self._work(self._async_begin(arrival, home.slots.release))])
        home.task = None

    def _work(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something for a message, which is waited for when the bot is unloaded."""
        task = self._hass.async_create_background_task(work, "datastream_bot message from another home")
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        return task

    async def _async_begin(self, arrival: _Arrival, finished: Callable[[], None]) -> None:
        said, message, packet = arrival.said, arrival.message, arrival.packet
        try:
            came = await self._store.begin(self._bot_id, said.speaker, arrival.message_id, message.after)
        except FAILURES as err:
            # It is sent again until it can be remembered.
            self._is_kept(False)  # noqa: FBT003
            self._counts["not_kept"] += 1
            arrival.acknowledge()
            finished()
            if said.is_to_all:
                self._answer(said, packet, self._failed(MessageError(translation_key="not_kept", problem=err)))
            return
        self._is_kept(True)  # noqa: FBT003
        arrival.acknowledge()
        if not came.is_new:
            finished()
            self._counts["repeated" if came.is_next else "too_early"] += 1
            if came.receipt is not None:
                unknown = self._failed(MessageError(translation_key="outcome_unknown"))
                self._answer(said, packet, unknown if came.receipt == UNKNOWN else came.receipt)
            return
        try:
            dispatch = await self._async_dispatch(said, message)
        except Exception as err:
            if not isinstance(err, HomeAssistantError):
                _LOGGER.exception("A message from %s failed", said.speaker)
            finished()
            self._finish(arrival, self._failed(err))
            return
        if dispatch is None:
            finished()
            self._finish(arrival, _payload())
            return
        dispatch.async_call_when_finished(finished)
        self._work(self._async_answer(arrival, dispatch))

    async def _async_dispatch(self, said: Said, message: Inbound) -> Dispatch | None:
        """Send a message on its way, or return None when the bot did not open its address."""
        address = checked_address(said.what)
        if message.hops > MAX_HOPS:
            # Its sender should have refused it, and told there of automations that answer each other.
            raise MessageError(translation_key="too_many_hops", address=address, limit=str(MAX_HOPS))
        if not self._router.registry.is_open(self._bot_id, address):
            self._counts["not_open"] += 1
            return None
        self._counts["accepted"] += 1
        return await self._router.async_dispatch(
            address,
            message.content,
            origin=ORIGIN,
            internal=False,
            only=(self._bot_id,),
            from_outside=True,
            home=said.speaker,
            hops=message.hops,
        )

    async def _async_answer(self, arrival: _Arrival, dispatch: Dispatch) -> None:
        receipt = await dispatch.async_receipt()
        self._finish(arrival, receipt_payload(receipt.lists()))

    def _finish(self, arrival: _Arrival, receipt: bytes) -> None:
        self._store.finish(self._bot_id, arrival.said.speaker, arrival.message_id, receipt)
        self._answer(arrival.said, arrival.packet, receipt)

    def _failed(self, err: Exception) -> bytes:
        return _payload(
            Delivery(
                bot_id=self._bot_id,
                bot_name=self._bot.entry.title,
                receiver=RECEIVER,
                outcome=Outcome.FAILED,
                error=str(err),
            )
        )

    def _answer(self, said: Said, packet: Packet, receipt: bytes) -> None:
        """Answer a message whose sender wants that, where it may be answered."""
        topic = packet.answer_to
        if topic is None:
            return
        if not self._membership.may_answer(said.speaker, topic):
            self._counts["not_answered"] += 1
            _LOGGER.debug("No receipt goes to %s, which is not for %s", topic, said.speaker)
            return
        self._publish(Packet(topic=topic, payload=receipt, correlation=packet.correlation))


def _payload(*deliveries: Delivery) -> bytes:
    return receipt_payload(Receipt(message_id="", address="", deliveries=deliveries).lists())
