"""Answering: the sender of a message from elsewhere is told what became of it, also when the message comes again."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
import time
from typing import Any, Final

from homeassistant.core import callback

from .envelope import MAX_PAYLOAD_BYTES, Envelope, Kind, Sender, is_deep
from .message import MAX_CONTENT_DEPTH
from .receipt import MAX_DELIVERIES, Lists, shortened
from .roster import Peer

MAX_ANSWERS: Final = 2000

_LISTS_DEPTH: Final = MAX_CONTENT_DEPTH + 3
"""The lists, each list, and each delivery are levels around a result."""

type Publish = Callable[[Peer, Envelope], None]
"""Says something to a bot elsewhere."""


class Answering:
    """Answers bots elsewhere, and remembers the latest answers."""

    def __init__(self, sender: Sender, publish: Publish) -> None:
        """Initialize answering as a bot."""
        self._sender = sender
        self._publish = publish
        self._answers: OrderedDict[tuple[str, str], Envelope] = OrderedDict()

    @callback
    def async_answer(self, peer: Peer, message_id: str, lists: Lists, newest: int, *, is_kept: bool = True) -> None:
        """Answer a message.

        Args:
            peer: Who sent it.
            message_id: Its id.
            lists: What became of it.
            newest: Number of the sender's message up to which all are here.
            is_kept: Whether to remember the answer.

        """
        answer = self._envelope(peer, message_id, lists, newest)
        if not _fits(lists) or len(answer.encode()) > MAX_PAYLOAD_BYTES:
            answer = self._envelope(peer, message_id, shortened(lists), newest)
        if is_kept:
            self._answers[peer.sender.key, message_id] = answer
        if len(self._answers) > MAX_ANSWERS:
            self._answers.popitem(last=False)
        self._publish(peer, answer)

    @callback
    def async_answer_again(self, peer: Peer, message_id: str, newest: int) -> bool:
        """Answer a message as before, and return whether the answer is remembered."""
        answer = self._answers.get((peer.sender.key, message_id))
        if answer is not None:
            self._publish(peer, replace(answer, data={**answer.data, "newest": newest}))
        return answer is not None

    @callback
    def async_tell_missing(self, peer: Peer, newest: int) -> None:
        """Tell a bot from where on messages of it are missed."""
        self._publish(peer, self._say(peer, Kind.MISSING, {"newest": newest}))

    def _envelope(self, peer: Peer, message_id: str, lists: Lists, newest: int) -> Envelope:
        return self._say(peer, Kind.ANSWER, {"id": message_id, "newest": newest, "receipt": lists})

    def _say(self, peer: Peer, kind: Kind, data: Mapping[str, Any]) -> Envelope:
        return Envelope(kind=kind, sender=self._sender, time=time.time(), to=peer.sender.bot, data=data)


def _fits(lists: Lists) -> bool:
    """Return whether a receipt may go out as it is."""
    return not is_deep(lists, _LISTS_DEPTH) and all(len(deliveries) <= MAX_DELIVERIES for deliveries in lists.values())
