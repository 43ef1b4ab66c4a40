"""Resending: bots that miss messages are sent them again, in order, no more at once than they can take."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

from homeassistant.core import callback

from .outbox import Letter, Outbox
from .roster import Peer, Roster

WINDOW: Final = 50
"""How many messages are sent again to a bot before it has said that it has the first half of them."""

PATIENCE: Final = 15.0
"""Seconds after which a bot that did not answer is asked again: its receivers may take ten."""

MAX_PATIENCE: Final = 60.0

PAUSE: Final = 4.0
"""Seconds before a bot that asks once more is sent a window once more: one has few bytes, the other many."""

type SendAgain = Callable[[Peer, Sequence[tuple[Letter, int]]], asyncio.Task[None]]
"""Sends messages to one bot, each with the number of the one before it that the bot may miss, or 0."""


class Resending:
    """Sends again what bots elsewhere have not got.

    With each answer a bot says up to which message it has them all. What it does not have it is sent again when it
    comes back, when it says that it misses something, and when it does not answer.
    """

    def __init__(
        self,
        outbox: Outbox,
        roster: Roster,
        counts: Counter[str],
        send_again: SendAgain,
        clock: Callable[[], float],
    ) -> None:
        """Initialize resending, with a clock in seconds that never goes back."""
        self._outbox = outbox
        self._roster = roster
        self._counts = counts
        self._send_again = send_again
        self._clock = clock
        self._asking: set[Peer] = set()

    @callback
    def async_begin(self) -> None:
        """Begin anew when there is a connection: what bots said meanwhile was not heard."""
        for peer in self._roster:
            peer.newest = 0

    @callback
    def async_heard(self, peer: Peer) -> None:
        """Take note that a bot is there."""
        if peer.is_silent:
            peer.sent_again_to = peer.newest
        peer.is_silent = False
        peer.patience = 0.0
        self._go_on(peer)

    @callback
    def async_missing(self, peer: Peer, newest: int) -> bool:
        """Take note that a bot misses what comes after a message; that is all of it when it has just come.

        Return whether it is sent something again, now or in a few seconds.
        """
        peer.newest = newest
        peer.is_silent = False
        if not self._outbox.owed_to(peer.sender.key, newest):
            peer.sent_again_to = None
            return False
        self._asking.add(peer)
        self._serve(peer)
        return True

    @callback
    def async_look(self) -> None:
        """Ask those again who should have answered."""
        for asking in list(self._asking):
            self._serve(asking)
        now = self._clock()
        due = [letter for letter in self._outbox.sent() if letter.sent_at + PATIENCE <= now]
        peers = {peer.sender.key: peer for peer in self._roster} if due else {}
        for letter in due:
            for key in letter.waiting:
                if (peer := peers.get(key)) is not None and self._is_to_be_asked(peer, letter, now):
                    del peers[key]
                    self._ask_again(peer, letter, now)

    def _serve(self, peer: Peer) -> None:
        """Begin to send a bot what it asked for, unless that was begun just now."""
        now = self._clock()
        if not peer.sending and peer.began_again_at + PAUSE <= now:
            self._asking.discard(peer)
            peer.began_again_at = now
            peer.sent_again_to = peer.newest
            self._go_on(peer)

    def _is_to_be_asked(self, peer: Peer, letter: Letter, now: float) -> bool:
        """Return whether a bot may not have a message, or should have answered it for long: answers get lost, too."""
        return letter.number > peer.newest or letter.sent_at + MAX_PATIENCE <= now

    def _ask_again(self, peer: Peer, letter: Letter, now: float) -> None:
        if peer.sending or peer.asked_at + peer.patience > now:
            return
        if letter.number > peer.newest:
            peer.is_silent = True
        peer.asked_at = now
        peer.patience = min(MAX_PATIENCE, peer.patience * 2 or PATIENCE)
        self._send(peer, [letter])

    def _send(self, peer: Peer, letters: Sequence[Letter]) -> None:
        """Send a bot messages again, each with the number of what came before it that it has not answered.

        It may have said that it has that, and have lost it since, with its memory.
        """
        owed = self._outbox.owed_to(peer.sender.key, 0)
        before = {number: before for before, number in pairwise([0, *(letter.number for letter in owed)])}
        self._counts["sent_again"] += len(letters)
        peer.sending += 1
        sending = self._send_again(peer, [(letter, before[letter.number]) for letter in letters])
        sending.add_done_callback(lambda _: _sent(peer))

    def _go_on(self, peer: Peer) -> None:
        """Send a bot more of what it misses, when it has most of what it was sent."""
        if (sent_to := peer.sent_again_to) is None:
            return
        owed = self._outbox.owed_to(peer.sender.key, peer.newest)
        left = [letter for letter in owed if letter.number > sent_to]
        if not left:
            peer.sent_again_to = None
        elif len(owed) - len(left) <= WINDOW // 2:
            window = left[:WINDOW]
            peer.sent_again_to = window[-1].number
            self._send(peer, window)


def _sent(peer: Peer) -> None:
    peer.sending -= 1
