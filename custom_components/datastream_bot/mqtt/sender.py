"""The sender: puts messages on the lanes to their receivers, sends what is due, and reads the receipts."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
import time
from typing import TYPE_CHECKING, Any, Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.json import json_bytes

from ..errors import MessageError
from ..messaging.message import Message, Route
from ..messaging.receipt import Delivery, Outcome
from ..messaging.registry import Forward
from .journey import Journey
from .lane import Lane
from .payload import Lists, Packet, message_packet, read_receipt
from .peers import Peer, Peers
from .store import FAILURES, Key, Sent, Store
from .topics import ALL_HOMES, ORGANIZATION, Membership, Said

if TYPE_CHECKING:
    from .client import Client

RECEIVER: Final = "mqtt"
"""What receipts call the way to a bot elsewhere."""

_TICK: Final = 1.0
_SLICE: Final = 50
"""To how many is sent before all else in Home Assistant has its turn."""


class _OnItsWay:
    """A message on its way."""

    __slots__ = ("awaited", "ends", "journey", "number", "receivers", "sent", "unanswered")

    def __init__(
        self, sent: Sent, number: int, ends: float, unanswered: Iterable[Key], journey: Journey | None
    ) -> None:
        self.sent = sent
        self.number = number
        self.ends = ends
        self.awaited = sent.awaited
        self.unanswered = set(unanswered)
        self.receivers = set(self.unanswered) if sent.awaited else self.unanswered
        self.journey = journey


class Sender:
    """Sends the messages of a bot to bots in other homes."""

    def __init__(
        self,
        hass: HomeAssistant,
        bot_id: str,
        membership: Membership,
        store: Store,
        peers: Peers,
        *,
        keep_messages: int,
        keep_for: float,
        dropped: Callable[[int], None],
    ) -> None:
        """Initialize it; `dropped` is called with how many messages were more than are kept."""
        self._counts: Counter[str] = Counter()
        self._hass = hass
        self._loop = hass.loop
        self._bot_id = bot_id
        self._membership = membership
        self._store = store
        self._peers = peers
        self._keep_messages = keep_messages
        self._keep_for = keep_for
        self._dropped = dropped
        self._client: Client | None = None
        self._is_settled = False
        self._on_its_way: dict[str, _OnItsWay] = {}
        self._lanes: dict[Key, Lane] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._due: dict[Key, None] = {}
        self._publishing: asyncio.Handle | None = None

    def diagnostics(self) -> dict[str, Any]:
        """Return what is on its way."""
        return {"on_their_way": len(self._on_its_way), "lanes": len(self._lanes), **self._counts}

    @callback
    def async_load(self, stored: Iterable[tuple[int, Sent, Iterable[Key]]]) -> None:
        """Load what was on its way before a restart."""
        now = time.time()
        for number, sent, unanswered in stored:
            ends = self._loop.time() + min(sent.expires - now, self._keep_for)
            self._start(_OnItsWay(sent, number, ends, unanswered, None))

    def resolve(self, route: Route) -> Forward | None:
        """Return what sends a message along a route, or None when that leads to nobody.

        Raises:
            MessageError: It cannot be sent there.

        """
        hearers = self._membership.hearers(route)
        return partial(self._send, hearers) if hearers else None

    @callback
    def async_begin(self, client: Client) -> None:
        """Start to send over a new connection, with all that has no receipt."""
        self._client = client
        for lane in self._lanes.values():
            self._counts["sent_again"] += lane.begin_again()
        self._publish(list(self._lanes))

    @callback
    def async_settle(self) -> None:
        """Stop to wait for bots that are not known yet; the broker has named all by now."""
        self._is_settled = True
        for each in list(self._on_its_way.values()):
            each.awaited = tuple(hearer for hearer in each.awaited if self._is_awaited(hearer))
            self._look(each)

    @callback
    def async_pause(self) -> None:
        """Send nothing until there is a connection again."""
        self._client = None
        for each in self._on_its_way.values():
            if each.journey is not None:
                each.journey.stop_waiting()

    @callback
    def async_stop(self) -> None:
        """Stop; what is on its way stays on disk."""
        self.async_pause()
        for handle in (self._timer, self._publishing):
            if handle is not None:
                handle.cancel()

    @callback
    def async_meet(self, peer: Peer, *, is_session_new: bool) -> None:
        """Update a bot that is new or changed, and send it what waits for its home."""
        added = [self._add_receiver(each, peer) for each in self._on_its_way.values()]
        if any(added):
            self._renew_lane(peer.key)
        if (lane := self._lanes.get(peer.key)) is not None:
            if is_session_new:
                self._counts["sent_again"] += lane.begin_again()
            self._publish([peer.key])

    @callback
    def async_forget(self, peer: Peer) -> None:
        """Remove a bot that is gone from all messages."""
        for each in list(self._on_its_way.values()):
            if peer.key in each.unanswered:
                self._end(each, peer.key, [])

    @callback
    def async_read(self, said: Said, packet: Packet) -> None:
        """Take a receipt.

        Raises:
            MessageError: It cannot be read.

        """
        key = (said.speaker, said.what)
        lists = read_receipt(packet)
        each = self._on_its_way.get((packet.correlation or b"").decode(errors="replace"))
        if each is None or key not in each.unanswered:
            return
        self._counts["answered"] += 1
        self._lanes[key].answered(each.sent.message_id, self._loop.time())
        self._end(each, key, self._deliveries(key, lists))
        self._publish([key])

    def _send(self, hearers: tuple[str, ...], message: Message) -> Journey:
        """Send a message to all whom it is for, as soon as it is on disk."""
        peers = {peer.key: peer for hearer in hearers for peer in self._peers.of(hearer)}
        awaited = tuple(hearer for hearer in hearers if self._is_awaited(hearer))
        pending = {key: _pending(*key, peer.name) for key, peer in peers.items()}
        # Where somebody is known, nobody may ever come besides.
        unknown = [hearer for hearer in awaited if not any(self._peers.of(hearer)) and hearer != self._membership.home]
        pending |= {(hearer, ""): _pending(hearer) for hearer in unknown}
        is_sent = self._client is not None
        journey = Journey(
            self._loop.create_future(), pending, [key for key, peer in peers.items() if is_sent and peer.is_online]
        )
        if not peers and not awaited:
            journey.keep()
            return journey
        self._counts["sent"] += 1
        sent = Sent(
            message_id=message.message_id,
            address=message.address,
            content=json_bytes(message.content),
            hops=message.envelope.hops,
            expires=time.time() + self._keep_for,
            awaited=awaited,
        )
        each = _OnItsWay(sent, 0, self._loop.time() + self._keep_for, peers, journey)
        self._store.add(self._bot_id, sent, peers).add_done_callback(partial(self._added, each))
        return journey

    def _is_awaited(self, hearer: str) -> bool:
        """Return whether there may be bots that are to hear a message and are not known yet."""
        is_other = hearer not in (self._membership.home, ALL_HOMES)
        return not self._is_settled or (is_other and not any(self._peers.of(hearer)))

    def _add_receiver(self, each: _OnItsWay, peer: Peer) -> bool:
        """Add a bot to the receivers of a message that waits for its home; return whether it was added."""
        is_for_it = peer.home in each.awaited or (ALL_HOMES in each.awaited and peer.home != ORGANIZATION)
        if not is_for_it or peer.key in each.receivers:
            return False
        each.receivers.add(peer.key)
        each.unanswered.add(peer.key)
        self._store.await_answer(each.number, peer.key)
        return True

    def _renew_lane(self, key: Key) -> None:
        """Rebuild the lane to a bot in the order of sending, as older messages were added to it."""
        if (former := self._lanes.get(key)) is not None:
            self._counts["sent_again"] += former.begin_again()
        lane = self._lanes[key] = Lane()
        for message_id in [each for each, its in self._on_its_way.items() if key in its.unanswered]:
            lane.add(message_id)

    def _added(self, each: _OnItsWay, adding: asyncio.Future[int]) -> None:
        assert each.journey is not None, "It was just sent"  # noqa: S101
        try:
            each.number = adding.result()
        except FAILURES as err:
            each.journey.fail(str(MessageError(translation_key="not_kept", problem=err)))
            return
        self._start(each)
        each.journey.keep()
        self._publish(list(each.unanswered))
        while len(self._on_its_way) > self._keep_messages:
            oldest = next(iter(self._on_its_way.values()))
            self._give_up(oldest, "dropped")
            self._dropped(self._counts["dropped"])

    def _start(self, each: _OnItsWay) -> None:
        message_id = each.sent.message_id
        self._on_its_way[message_id] = each
        # Those may have been met since the message was sent.
        for peer in self._peers if each.awaited else ():
            self._add_receiver(each, peer)
        for key in each.unanswered:
            self._lanes.setdefault(key, Lane()).add(message_id)
        if self._timer is None:
            self._timer = self._loop.call_later(_TICK, self._tick)

    @callback
    def _tick(self) -> None:
        """Give up what is too old, and send again what was not answered for too long."""
        now = self._loop.time()
        for each in [each for each in self._on_its_way.values() if each.ends <= now]:
            self._give_up(each, "expired")
        self._publish(list(self._lanes))
        self._timer = self._loop.call_later(_TICK, self._tick) if self._on_its_way else None

    def _publish(self, keys: Iterable[Key]) -> None:
        """Send what is due on some lanes, in slices: there can be thousands."""
        self._due |= dict.fromkeys(keys)
        self._publishing = self._publishing or self._loop.call_soon(self._publish_some)

    @callback
    def _publish_some(self) -> None:
        for key in list(islice(self._due, _SLICE)):
            del self._due[key]
            self._publish_to(key)
        self._publishing = self._loop.call_soon(self._publish_some) if self._due else None

    def _publish_to(self, key: Key) -> None:
        client, lane, now = self._client, self._lanes.get(key), self._loop.time()
        if client is None or lane is None:
            return
        # What waits at the broker for one that is away is not sent again.
        if (peer := self._peers.get(key)) is not None and peer.is_online:
            self._counts["sent_again"] += lane.lose_patience(now)
        for message_id, after in lane.due(now):
            packet = self._packet(key, self._on_its_way[message_id], after, now)
            client.async_publish(packet).add_done_callback(partial(self._was_published, key, message_id))

    def _packet(self, key: Key, each: _OnItsWay, after: str | None, now: float) -> Packet:
        home, bot = key
        return message_packet(
            self._membership.message(home, bot, each.sent.address),
            each.sent.content,
            message_id=each.sent.message_id,
            after=after,
            hops=each.sent.hops,
            expiry=max(1, int(each.ends - now)),
            answer_to=self._membership.receipt(home, bot, self._bot_id),
        )

    def _was_published(self, key: Key, message_id: str, publishing: asyncio.Future[str]) -> None:
        refusal, each = publishing.result(), self._on_its_way.get(message_id)
        if not refusal or each is None or key not in each.unanswered:
            return
        self._counts["refused"] += 1
        name = "" if (peer := self._peers.get(key)) is None else peer.name
        refused = _pending(*key, name)._replace(
            outcome=Outcome.FAILED, error=str(MessageError(translation_key="refused_by_broker", reason=refusal))
        )
        self._end(each, key, [refused])

    def _deliveries(self, key: Key, lists: Lists) -> Iterator[Delivery]:
        home, bot = key
        peer = self._peers.get(key)
        for outcome, entries in lists.items():
            for entry in entries:
                yield Delivery(
                    bot_id=bot,
                    bot_name=entry.get("bot") or ("" if peer is None else peer.name),
                    receiver=entry["receiver"],
                    outcome=Outcome(outcome),
                    result=entry.get("result"),
                    error=entry.get("error"),
                    home=home,
                )

    def _end(self, each: _OnItsWay, key: Key, deliveries: Iterable[Delivery]) -> None:
        """Remove a bot from those who have not answered a message."""
        each.unanswered.discard(key)
        self._leave(key, each.sent.message_id)
        self._store.answered(each.number, key)
        if each.journey is not None:
            each.journey.end(key, deliveries)
        self._look(each)

    def _look(self, each: _OnItsWay) -> None:
        """Remove a message when all have answered and nobody is awaited."""
        if not each.unanswered and not each.awaited:
            del self._on_its_way[each.sent.message_id]
            self._store.remove(each.number)

    def _give_up(self, each: _OnItsWay, why: str) -> None:
        self._counts[why] += 1
        del self._on_its_way[each.sent.message_id]
        self._store.remove(each.number)
        for key in each.unanswered:
            self._leave(key, each.sent.message_id)

    def _leave(self, key: Key, message_id: str) -> None:
        lane = self._lanes[key]
        lane.remove(message_id)
        if lane.is_empty:
            del self._lanes[key]


def _pending(home: str, bot: str = "", name: str = "") -> Delivery:
    return Delivery(bot_id=bot, bot_name=name, receiver=RECEIVER, outcome=Outcome.PENDING, home=home)
