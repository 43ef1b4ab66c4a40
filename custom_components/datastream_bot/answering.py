"""Answering: the sender of a message from elsewhere is told what became of it, also when the message comes again."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
import time
from typing import Any, Final

from homeassistant.core import callback

from .envelope import MAX_PAYLOAD_BYTES, Envelope, Kind, Sender
from .receipt import Delivery, Outcome, Receipt
from .roster import Peer

MAX_ANSWERS: Final = 500
MAX_DELIVERIES: Final = 50
MAX_ERROR: Final = 200

_RECEIVER: Final = "door"

type Lists = Mapping[str, Sequence[Mapping[str, Any]]]
"""The deliveries of a receipt as JSON, by outcome."""

type Publish = Callable[[Peer, Envelope], None]
"""Says something to a bot elsewhere."""


class Answering:
    """Answers bots elsewhere, and remembers the latest answers."""

    def __init__(self, sender: Sender, publish: Publish) -> None:
        """Initialize answering as a bot."""
        self._sender = sender
        self._publish = publish
        self._answers: OrderedDict[tuple[str, str], Envelope] = OrderedDict()

    def failed(self, err: Exception) -> Lists:
        """Return what to answer when a message did not even get to the bot's receivers."""
        delivery = Delivery(
            bot_id=self._sender.bot,
            bot_name=self._sender.name,
            receiver=_RECEIVER,
            outcome=Outcome.FAILED,
            error=str(err),
        )
        return Receipt(message_id="", address="", deliveries=(delivery,)).lists()

    @callback
    def async_answer(self, peer: Peer, message_id: str, lists: Lists, newest: int) -> None:
        """Answer a message.

        Args:
            peer: Who sent it.
            message_id: Its id.
            lists: What became of it.
            newest: Number of the sender's message up to which all are here.

        """
        answer = self._envelope(peer, message_id, lists, newest)
        if len(answer.encode()) > MAX_PAYLOAD_BYTES:
            short = {outcome: _shortened(deliveries) for outcome, deliveries in lists.items()}
            answer = self._envelope(peer, message_id, short, newest)
        self._answers[peer.sender.key, message_id] = answer
        if len(self._answers) > MAX_ANSWERS:
            self._answers.popitem(last=False)
        self._publish(peer, answer)

    @callback
    def async_answer_again(self, peer: Peer, message_id: str) -> bool:
        """Answer a message as before, and return whether the answer is remembered."""
        answer = self._answers.get((peer.sender.key, message_id))
        if answer is not None:
            self._publish(peer, answer)
        return answer is not None

    @callback
    def async_tell_missing(self, peer: Peer, newest: int) -> None:
        """Tell a bot from where on messages of it are missed."""
        self._publish(peer, self._say(peer, Kind.MISSING, {"newest": newest}))

    def _envelope(self, peer: Peer, message_id: str, lists: Lists, newest: int) -> Envelope:
        return self._say(peer, Kind.ANSWER, {"id": message_id, "newest": newest, "receipt": lists})

    def _say(self, peer: Peer, kind: Kind, data: Mapping[str, Any]) -> Envelope:
        return Envelope(kind=kind, sender=self._sender, time=time.time(), to=peer.sender.bot, data=data)


def _shortened(deliveries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return deliveries that are not too large to be sent: what a receiver returns can be of any size."""
    shortened = []
    for delivery in deliveries[:MAX_DELIVERIES]:
        short = {name: value for name, value in delivery.items() if name != "result"}
        if "error" in short:
            short["error"] = short["error"][:MAX_ERROR]
        shortened.append(short)
    return shortened
