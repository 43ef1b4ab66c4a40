"""The sender: puts messages on the lanes to their receivers, sends what is due, and reads the receipts."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable
from functools import partial
import time
from typing import TYPE_CHECKING, Any, Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.json import json_bytes

from ..errors import MessageError
from ..messaging.message import Message, Route
from ..messaging.registry import Forward
from . import store
from .journey import Journey, failure
from .lane import Lane
from .payload import Lists, Packet, Sent, read_receipt, read_status
from .peers import Peer, Peers
from .settings import MqttSettings
from .store import FAILURES, Key, Store
from .topics import ALL_HOMES

if TYPE_CHECKING:
    from .client import Client

SETTLED_AFTER: Final = 5.0
"""Seconds after the first connection in which the broker tells who exists."""

RETURNED_AFTER: Final = 65.0
"""Seconds after it in which all are back that the broker has forgotten: nobody waits for longer to connect again."""

_TICK: Final = 1.0


class Sender:
    """Sends the messages of a bot to its peers in other homes, as long as there is a client."""

    def __init__(
        self, hass: HomeAssistant, bot_id: str, settings: MqttSettings, kept: Store, dropped: Callable[[int], None]
    ) -> None:
        """Initialize it; `dropped` is called with how many messages were more than are kept."""
        self.peers = Peers()
        self.client: Client | None = None
        self._counts: Counter[str] = Counter()
        self._loop = hass.loop
        self._bot_id = bot_id
        self._membership = settings.membership
        self._store = kept
        self._keep_messages = int(settings.keep_messages)
        self._keep_for = settings.keep_for * 60
        self._dropped = dropped
        self._journeys: dict[str, Journey] = {}
        self._lanes: dict[Key, Lane[Journey]] = {}
        self._due: deque[Key] = deque()
        # Written down together, as it does no harm to send again what a crash let be forgotten.
        self._answers: list[tuple[int, str, str]] = []
        self._ticking: asyncio.TimerHandle | None = None
        self._settling: list[asyncio.TimerHandle] = []
        # First the broker is to tell who exists, then those are to return that it has forgotten.
        self._unsettled = 2

    def diagnostics(self) -> dict[str, Any]:
        """Return what is on its way."""
        return {"on_their_way": len(self._journeys), "lanes": len(self._lanes), **self._counts}

    @callback
    def async_load(self, stored: Iterable[tuple[int, Sent, Iterable[Key]]]) -> None:
        """Load what was on its way before a restart; its receipts are for nobody any more."""
        over = self._loop.create_future()
        over.set_result(None)
        for number, sent, keys in stored:
            ends = self._loop.time() + min(sent.ends - time.time(), self._keep_for)
            self._start(Journey(sent=sent, ends=ends, over=over, unanswered=dict.fromkeys(keys), number=number))

    @callback
    def async_begin(self, client: Client) -> None:
        """Start to send over a new connection, with all that has no receipt."""
        self.client = client
        self._settling = self._settling or [
            self._loop.call_later(after, self._settle) for after in (SETTLED_AFTER, RETURNED_AFTER)
        ]
        for lane in self._lanes.values():
            self._counts["sent_again"] += lane.begin_again()
        self._due = deque(self._lanes)
        self.async_publish_due()

    @callback
    def async_pause(self) -> None:
        """Send nothing until there is a connection again."""
        self.client = None
        for journey in self._journeys.values():
            journey.expected.clear()
            journey.look()

    @callback
    def async_stop(self) -> None:
        """Stop; what is on its way stays on disk."""
        self.async_pause()
        self._write_answers()
        for handle in (self._ticking, *self._settling):
            if handle is not None:
                handle.cancel()

    def resolve(self, route: Route) -> Forward | None:
        """Return what sends a message along a route, or None when that leads to nobody.

        It raises a `MessageError` if it cannot be sent there.
        """
        hearers = self._membership.hearers(route)
        return partial(self._send, hearers) if hearers else None

    def _send(self, hearers: tuple[str, ...], message: Message) -> Journey:
        """Send a message to all whom it is for, as soon as it is on disk."""
        content, ends = json_bytes(message.content), time.time() + self._keep_for
        peers = [peer for hearer in hearers for peer in self.peers.of(hearer)]
        journey = Journey(
            sent=Sent(message.message_id, message.address, content, message.envelope.hops, ends),
            ends=self._loop.time() + self._keep_for,
            over=self._loop.create_future(),
            unanswered={peer.key: peer.name for peer in peers},
            expected={peer.key for peer in peers if peer.is_online and self.client is not None},
        )
        for hearer in hearers:
            if self._is_awaited(hearer):
                # Where somebody is known, nobody may ever come besides.
                is_told = hearer != self._membership.home and not any(self.peers.of(hearer))
                journey.unanswered[hearer, ""] = "" if is_told else None
        if not journey.unanswered:
            journey.over.set_result(None)
            return journey
        self._counts["sent"] += 1
        adding = self._store.run(store.add, journey.sent, list(journey.unanswered))
        adding.add_done_callback(partial(self._added, journey))
        return journey

    def _is_awaited(self, hearer: str) -> bool:
        """Return whether there may be bots that are to hear a message and are not known yet."""
        if any(self.peers.of(hearer)):
            return self._unsettled > 1
        return self._unsettled > 0 or hearer not in (self._membership.home, ALL_HOMES)

    def _added(self, journey: Journey, adding: asyncio.Future[int]) -> None:
        try:
            journey.number = adding.result()
        except FAILURES as err:
            journey.fail(str(MessageError(translation_key="not_kept", problem=err)))
            return
        journey.look()
        self._start(journey)
        self._due.extend(journey.unanswered)
        self.async_publish_due()
        while len(self._journeys) > self._keep_messages:
            self._counts["dropped"] += 1
            self._remove(next(iter(self._journeys.values())))
            self._dropped(self._counts["dropped"])

    def _start(self, journey: Journey) -> None:
        self._journeys[journey.sent.message_id] = journey
        for hearer in [home for home, bot in journey.unanswered if not bot]:
            # Some may have been met since the message was sent.
            for peer in self.peers.of(hearer):
                self._add(journey, peer)
        for key in journey.unanswered:
            if key[1]:
                self._lanes.setdefault(key, Lane()).add(journey)
        if self._ticking is None:
            self._ticking = self._loop.call_later(_TICK, self._tick)

    @callback
    def async_publish_due(self) -> None:
        """Publish what is due, as much as the broker takes at once."""
        now = self._loop.time()
        while self._due and self.client is not None and self.client.has_room:
            home, bot = key = self._due.popleft()
            lane = self._lanes.get(key)
            for journey, after in () if lane is None else lane.due(now):
                packet = journey.sent.packet(
                    self._membership.message(home, bot, journey.sent.address),
                    after=None if after is None else after.sent.message_id,
                    expiry=max(1, int(journey.ends - now)),
                    answer_to=self._membership.receipt(home, bot, self._bot_id),
                )
                self.client.async_publish(packet, partial(self._was_published, key, journey))

    def _was_published(self, key: Key, journey: Journey, refusal: str) -> None:
        if refusal and key in journey.unanswered and journey.sent.message_id in self._journeys:
            self._counts["refused"] += 1
            error = MessageError(translation_key="refused_by_broker", reason=refusal)
            self._end(journey, key, failure(str(error)))

    @callback
    def async_take_receipt(self, key: Key, packet: Packet) -> None:
        """Take a receipt, or raise a `MessageError` if it cannot be read."""
        journey = self._journeys.get((packet.correlation or b"").decode(errors="replace"))
        if journey is not None and key in journey.unanswered:
            lists = read_receipt(packet)
            self._counts["answered"] += 1
            self._lanes[key].answered(journey, self._loop.time())
            self._end(journey, key, lists)
            self.async_publish_due()

    @callback
    def async_take_status(self, key: Key, packet: Packet) -> None:
        """Take note of who is there; an empty status is that of a bot that is gone.

        It raises a `MessageError` if it cannot be read, or there are too many.
        """
        if not packet.payload:
            self.peers.remove(key)
            for journey in list(self._journeys.values()):
                if key in journey.unanswered:
                    self._end(journey, key, {})
            return
        peer, is_session_new = self.peers.update(key, read_status(packet))
        # What waits for its home is sent to it, and what may be gone is sent again.
        added = [self._add(journey, peer) for journey in self._journeys.values()]
        if any(added) or is_session_new:
            # A lane is begun anew, as what was added may be older than what is on it.
            if (lane := self._lanes.pop(key, None)) is not None:
                self._counts["sent_again"] += lane.begin_again()
            if due := [journey for journey in self._journeys.values() if key in journey.unanswered]:
                self._lanes[key] = Lane(due)
        self._due.append(key)
        self.async_publish_due()

    def _add(self, journey: Journey, peer: Peer) -> bool:
        """Add a bot to the receivers of a message that waits for its home; return whether it was added."""
        if is_added := journey.add(peer.key, peer.name):
            self._store.run(store.await_answers, [(journey.number, *peer.key)])
        return is_added

    def _settle(self) -> None:
        """Wait no more for bots of homes that are known; the second time, for none of the own home or of all."""
        self._unsettled -= 1
        for journey in list(self._journeys.values()):
            for home, bot in list(journey.unanswered):
                if not bot and not self._is_awaited(home):
                    self._end(journey, (home, bot), {})

    @callback
    def _tick(self) -> None:
        """Give up what is too old, and send again what was not answered for too long."""
        now = self._loop.time()
        for journey in [each for each in self._journeys.values() if each.ends <= now]:
            self._counts["expired"] += 1
            self._remove(journey)
        self._write_answers()
        for key, lane in self._lanes.items() if self.client is not None else ():
            # What waits at the broker for one that is away is not sent again.
            if (peer := self.peers.get(key)) is not None and peer.is_online:
                self._counts["sent_again"] += lane.lose_patience(now)
                self._due.append(key)
        self.async_publish_due()
        self._ticking = self._loop.call_later(_TICK, self._tick) if self._journeys else None

    def _write_answers(self) -> None:
        kept = {journey.number for journey in self._journeys.values()}
        if answers := [answer for answer in self._answers if answer[0] in kept]:
            self._store.run(store.answered, answers)
        self._answers = []

    def _end(self, journey: Journey, key: Key, lists: Lists) -> None:
        """Take the answer of a bot, or whatever stands for it, and let go of the message if it was the last."""
        journey.answer(key, lists)
        self._answers.append((journey.number, *key))
        self._leave(key, journey)
        if not journey.unanswered:
            self._remove(journey)

    def _remove(self, journey: Journey) -> None:
        """Let go of a message, whoever has not answered."""
        for key in journey.unanswered:
            self._leave(key, journey)
        del self._journeys[journey.sent.message_id]
        self._store.run(store.remove, journey.number)

    def _leave(self, key: Key, journey: Journey) -> None:
        """Remove a message from the lane to a bot, which may have room for another one then."""
        if (lane := self._lanes.get(key)) is not None:
            lane.remove(journey)
            self._due.append(key)
            if lane.is_empty:
                del self._lanes[key]
