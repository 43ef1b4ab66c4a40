"""The journey: what becomes of a message that goes to other homes, as far as its sender waits to see."""

import asyncio
from collections.abc import Collection
from dataclasses import replace
from typing import Final

from homeassistant.core import callback

from ..messaging.receipt import Afar, Answer, shortened
from .envelope import home_key
from .outbox import Letter

MAX_ANSWERS_BYTES: Final = 4 * 1024 * 1024
"""How many bytes all answers in one receipt may have; beyond them, results are left out."""

_SAVED: Final = "saved"
_SENT: Final = "sent"


class PostedJourney:
    """What becomes of a message that was posted.

    Attributes:
        letter: The message on its way.
        over: Done when it is on disk and with the broker, and nobody else is expected to answer.

    """

    def __init__(
        self, letter: Letter, over: asyncio.Future[None], expected: Collection[str], silent: Collection[str]
    ) -> None:
        """Initialize the journey.

        Args:
            letter: The message on its way.
            over: The future that is done when the journey is over.
            expected: Keys of those who are expected to answer.
            silent: Keys of those who may answer, but are not waited for.

        """
        self.letter = letter
        self.over = over
        self._expected = {_SAVED, _SENT, *expected}
        self._unanswered = {*expected, *silent}
        self._answers: dict[str, Answer] = {}
        self._bytes = 0

    @callback
    def saved(self) -> None:
        """Take note that the message is on disk."""
        self._met(_SAVED)

    @callback
    def sent(self) -> None:
        """Take note that the broker has the message."""
        self._met(_SENT)

    @callback
    def stuck(self) -> None:
        """Take note that nothing more will happen before the broker is back."""
        self._expected &= {_SAVED}
        self._met(_SENT)

    @callback
    def answered(self, key: str, answer: Answer, size: int) -> None:
        """Take an answer, which came in so many bytes."""
        if key in self._answers:
            return
        self._bytes += size
        if self._bytes > MAX_ANSWERS_BYTES:
            answer = replace(answer, deliveries=shortened(answer.deliveries))
        self._answers[key] = answer
        # It may have been sent when nobody of this home was known.
        self._unanswered -= {key, home_key(answer.home)}
        self._met(key)

    def by_now(self) -> Afar:
        """Return what became of the message by now."""
        return Afar(
            answers=tuple(self._answers.values()),
            unanswered=len(self._unanswered),
            is_kept=not self.letter.is_sent,
        )

    def _met(self, key: str) -> None:
        self._expected.discard(key)
        if not self._expected and not self.over.done():
            self.over.set_result(None)
