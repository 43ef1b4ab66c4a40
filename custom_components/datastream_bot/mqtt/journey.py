"""The journey: what becomes of a message that goes to other homes, as far as its sender waits to see."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Final

from homeassistant.core import callback

from ..messaging.receipt import Elsewhere
from .envelope import Lists, home_key, shortened
from .outbox import Letter

MAX_ANSWERS_BYTES: Final = 4 * 1024 * 1024
"""How many bytes all answers in one receipt may have; beyond them, results are left out."""

_SAVED: Final = "saved"
_SENT: Final = "sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a bot elsewhere answered.

    Attributes:
        home: Name of its home, or None for the organization.
        bot_id: Id of the bot.
        bot_name: What people call it.
        deliveries: The lists of its receipt, by outcome.

    """

    home: str | None
    bot_id: str
    bot_name: str
    deliveries: Lists

    @property
    def is_empty(self) -> bool:
        """Return whether nobody there received the message."""
        return not any(self.deliveries.values())

    def as_dict(self) -> dict[str, Any]:
        """Return the answer as response data."""
        return {"home": self.home, "bot": self.bot_name, "config_entry_id": self.bot_id, **self.deliveries}


@dataclass(frozen=True, slots=True, kw_only=True)
class Afar:
    """What became of a message elsewhere.

    Attributes:
        answers: Those of the bots that answered within the wait.
        unanswered: How many bots that are known did not.
        is_kept: Whether the message waits here for the broker.

    """

    answers: tuple[Answer, ...]
    unanswered: int
    is_kept: bool

    def as_dict(self) -> dict[str, Any]:
        """Return it as response data."""
        return {
            "answered": [answer.as_dict() for answer in self.answers],
            "unanswered": self.unanswered,
            "kept": self.is_kept,
        }


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

    def by_now(self) -> Elsewhere:
        """Return what became of the message by now."""
        answers = tuple(self._answers.values())
        afar = Afar(answers=answers, unanswered=len(self._unanswered), is_kept=not self.letter.is_sent)
        return Elsewhere(is_received=not all(answer.is_empty for answer in answers), data=afar.as_dict())

    def _met(self, key: str) -> None:
        self._expected.discard(key)
        if not self._expected and not self.over.done():
            self.over.set_result(None)
