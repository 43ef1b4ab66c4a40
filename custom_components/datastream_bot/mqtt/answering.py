"""Answering: the sender of a message from elsewhere is told what became of it, also when the message comes again."""

from collections import OrderedDict
from dataclasses import replace
from typing import Final

from homeassistant.core import callback

from ..messaging.content import MAX_CONTENT_DEPTH
from .envelope import MAX_DELIVERIES, MAX_PAYLOAD_BYTES, Envelope, Kind, Lists, is_deep, shortened
from .roster import Peer
from .voice import Voice

MAX_ANSWERS: Final = 2000
MAX_ANSWERS_BYTES: Final = 4 * 1024 * 1024

_LISTS_DEPTH: Final = MAX_CONTENT_DEPTH + 3
"""The lists, each list, and each delivery are levels around a result."""


class Answering:
    """Answers bots elsewhere, and remembers the latest answers."""

    def __init__(self, voice: Voice) -> None:
        """Initialize answering with the voice of a bot."""
        self._voice = voice
        self._answers: OrderedDict[tuple[str, str], tuple[Envelope, int]] = OrderedDict()
        self._bytes = 0

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
        answer = self._write(peer, message_id, lists, newest)
        if not _fits(lists) or len(answer.encode()) > MAX_PAYLOAD_BYTES:
            answer = self._write(peer, message_id, shortened(lists), newest)
        if is_kept:
            self._keep((peer.sender.key, message_id), answer)
        self._voice.async_send(peer, answer)

    @callback
    def async_answer_again(self, peer: Peer, message_id: str, newest: int) -> bool:
        """Answer a message as before, and return whether the answer is remembered."""
        kept = self._answers.get((peer.sender.key, message_id))
        if kept is not None:
            answer, _ = kept
            self._voice.async_send(peer, replace(answer, data={**answer.data, "newest": newest}))
        return kept is not None

    @callback
    def async_tell_missing(self, peer: Peer, newest: int) -> None:
        """Tell a bot from where on messages of it are missed."""
        self._voice.async_say_to(peer, Kind.MISSING, {"newest": newest})

    def _keep(self, key: tuple[str, str], answer: Envelope) -> None:
        size = len(answer.encode())
        # Whoever sends may use an id twice.
        _, former = self._answers.pop(key, (None, 0))
        self._bytes -= former
        self._answers[key] = answer, size
        self._bytes += size
        while len(self._answers) > MAX_ANSWERS or self._bytes > MAX_ANSWERS_BYTES:
            _, (_, size) = self._answers.popitem(last=False)
            self._bytes -= size

    def _write(self, peer: Peer, message_id: str, lists: Lists, newest: int) -> Envelope:
        return self._voice.write(peer, Kind.ANSWER, {"id": message_id, "newest": newest, "receipt": lists})


def _fits(lists: Lists) -> bool:
    """Return whether a receipt may go out as it is."""
    return not is_deep(lists, _LISTS_DEPTH) and all(len(deliveries) <= MAX_DELIVERIES for deliveries in lists.values())
