"""The outbox: messages to other homes, on disk until they were sent and answered, or are too old."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice, takewhile
from typing import Any, Final

from homeassistant.core import HomeAssistant
import voluptuous as vol

from ..storage import Storage, async_get_storage
from .waiting import Keys, Waiting

MAX_BYTES: Final = 8 * 1024 * 1024
"""How large all messages together may be; it is all written with each change."""

SPARE_KEYS: Final = 100
OVERHEAD: Final = 250
"""How many bytes a message takes besides its content, its topics and who has to answer it."""

_LETTER: Final = vol.Schema(
    {
        vol.Required("number"): int,
        vol.Required("message_id"): str,
        vol.Required("address"): str,
        vol.Required("content"): dict,
        vol.Required("hops"): int,
        vol.Required("time"): vol.Coerce(float),
        vol.Required("expires"): vol.Coerce(float),
        vol.Required("size"): int,
        vol.Required("topics"): [str],
        vol.Required("waiting"): vol.All(str, lambda bits: int(bits, 16)),
        vol.Required("is_sent"): bool,
    }
)
_SCHEMA: Final = vol.Schema(
    {
        vol.Required("membership"): [vol.Any(None, str)],
        vol.Required("newest"): int,
        vol.Required("lost"): int,
        vol.Required("keys"): [str],
        vol.Required("letters"): [_LETTER],
    }
)


@dataclass(slots=True, kw_only=True, eq=False)
class Letter:
    """A message on its way to other homes.

    Attributes:
        number: Its place among all that the bot ever sent; numbers only grow.
        message_id: Id of the message.
        address: Address of the message.
        content: Content of the message.
        hops: Hops of the message.
        time: When it was sent, in seconds since 1970.
        expires: When nobody is to receive it any more, in seconds since 1970.
        size: Bytes of the content.
        topics: Where it goes.
        waiting: Keys of the bots that hear it and have not answered, in no order. It is empty before the broker is
            given the message: who is known then counts.
        is_sent: Whether the broker has it.
        is_saved: Whether it is on disk.
        sent_at: When the broker got it, in seconds of the loop's clock.

    """

    number: int
    message_id: str
    address: str
    content: Mapping[str, Any]
    hops: int
    time: float
    expires: float
    size: int
    topics: list[str]
    waiting: Waiting = field(default_factory=lambda: Waiting(Keys()))
    is_sent: bool = False
    is_saved: bool = False
    sent_at: float = 0.0

    @property
    def is_done(self) -> bool:
        """Return whether nothing is left to do for it."""
        return self.is_sent and not self.waiting

    @property
    def weight(self) -> int:
        """Return about how many bytes of the outbox it takes."""
        return OVERHEAD + self.size + sum(map(len, self.topics)) + self.waiting.bits.bit_length() // 4


def outbox_memory(hass: HomeAssistant, bot_id: str) -> Storage[dict[str, Any]]:
    """Return what remembers the messages of a bot that are on their way."""
    return async_get_storage(hass, f"{bot_id}.outbox", _SCHEMA)


class Outbox:
    """The messages of a bot that are on their way, in the order sent."""

    def __init__(
        self, hass: HomeAssistant, bot_id: str, membership: tuple[str, str | None], *, max_letters: int, keep_for: float
    ) -> None:
        """Initialize the outbox.

        Args:
            hass: Home Assistant.
            bot_id: Id of the bot.
            membership: Whom the bot speaks for: what is left from when it spoke for others is thrown away.
            max_letters: How many messages to keep.
            keep_for: Seconds to keep each.

        """
        self.lost = 0
        self.keep_for = keep_for
        self._membership = list(membership)
        self._max_letters = max_letters
        self._memory = outbox_memory(hass, bot_id)
        self._letters: dict[str, Letter] = {}
        self._newest = 0
        self._bytes = 0
        self._keys = Keys()

    def __len__(self) -> int:
        """Return how many messages are on their way."""
        return len(self._letters)

    def __iter__(self) -> Iterator[Letter]:
        """Go through the messages in the order sent."""
        return iter(self._letters.values())

    @property
    def sent_up_to(self) -> int:
        """Return the number up to which the broker has them all."""
        return next((letter.number - 1 for letter in self if not letter.is_sent), self._newest)

    async def async_load(self) -> None:
        """Take up what was on its way before a restart."""
        stored = await self._memory.async_load()
        if stored is None or stored["membership"] != self._membership:
            return
        self._newest, self.lost = stored["newest"], stored["lost"]
        self._keys = Keys(stored["keys"])
        for letter in stored["letters"]:
            self._put(Letter(**{**letter, "waiting": Waiting(self._keys, letter["waiting"])}, is_saved=True))

    async def async_save(self) -> None:
        """Return when what is on its way now is on disk."""
        await self._memory.async_save_together(self._stored)

    def save_soon(self) -> None:
        """Have it on disk in a second."""
        self._memory.async_delay_save(self._stored)

    def next_number(self, now: float) -> int:
        """Return a number that no message has had, not even one whose number did not get to disk."""
        self._newest = max(self._newest + 1, int(now * 1_000_000))
        return self._newest

    def add(self, letter: Letter) -> list[Letter]:
        """Add a message, and return those that there is no room for any more."""
        self._put(letter)
        pushed_out = []
        while len(self._letters) > self._max_letters or self._bytes > MAX_BYTES:
            oldest = next(iter(self))
            self._drop(oldest)
            pushed_out.append(oldest)
        return pushed_out

    def expire(self, now: float) -> list[Letter]:
        """Drop and return what nobody is to receive any more, and forget who had to answer nothing but that."""
        expired = [letter for letter in self if letter.expires <= now]
        for letter in expired:
            self._drop(letter)
        self._forget_keys()
        return expired

    def get(self, message_id: str) -> Letter | None:
        """Return a message that is on its way."""
        return self._letters.get(message_id)

    def kept(self) -> int:
        """Return how many messages the broker does not have."""
        return sum(not letter.is_sent for letter in self)

    def unsent(self, count: int) -> list[Letter]:
        """Return the first of what the broker does not have, up to the first that is not on disk."""
        saved = takewhile(lambda letter: letter.is_saved, self)
        return list(islice((letter for letter in saved if not letter.is_sent), count))

    def sent(self) -> Iterator[Letter]:
        """Go through what the broker has, up to the first message that it does not have."""
        return takewhile(lambda letter: letter.is_sent, self)

    def owed_to(self, key: str, after: int) -> list[Letter]:
        """Return what was sent after a message to a bot that has not answered."""
        return [letter for letter in self.sent() if letter.number > after and key in letter.waiting]

    def expect(self, letter: Letter, keys: Iterable[str]) -> None:
        """Expect the answers of bots to a message."""
        self._bytes -= letter.weight
        letter.waiting = Waiting(self._keys)
        letter.waiting.update(keys)
        self._bytes += letter.weight

    def answered(self, letter: Letter, key: str) -> bool:
        """Expect the answer of a bot no longer, and return whether it was expected."""
        if key not in letter.waiting:
            return False
        is_here = letter.message_id in self._letters
        self._bytes -= letter.weight if is_here else 0
        letter.waiting.discard(key)
        self._bytes += letter.weight if is_here else 0
        self.settle(letter)
        return True

    def introduce(self, home: str, key: str) -> None:
        """Expect the answer of a bot to what was sent to its home when no bot of it was known.

        There may be others of it, which are not known yet.
        """
        for letter in self:
            if home in letter.waiting:
                self.expect(letter, [*letter.waiting, key])
                self.save_soon()

    def settle(self, letter: Letter) -> None:
        """Drop a message that nothing is left to do for."""
        if letter.is_done and letter.message_id in self._letters:
            self._drop(letter)
        self.save_soon()

    def _forget_keys(self) -> None:
        """Forget the keys of bots that nothing is expected of any more: bots come and go for years."""
        used = 0
        for letter in self:
            used |= letter.waiting.bits
        if len(self._keys.names) > 2 * used.bit_count() + SPARE_KEYS:
            self._keys = Keys()
            for letter in self:
                self.expect(letter, list(letter.waiting))

    def _put(self, letter: Letter) -> None:
        self._letters[letter.message_id] = letter
        self._bytes += letter.weight

    def _drop(self, letter: Letter) -> None:
        del self._letters[letter.message_id]
        self._bytes -= letter.weight
        if not letter.is_sent:
            self.lost += 1

    def _stored(self) -> dict[str, Any]:
        return {
            "membership": self._membership,
            "newest": self._newest,
            "lost": self.lost,
            "keys": list(self._keys.names),
            "letters": [_stored(letter) for letter in self],
        }


def _stored(letter: Letter) -> dict[str, Any]:
    return {
        "number": letter.number,
        "message_id": letter.message_id,
        "address": letter.address,
        "content": letter.content,
        "hops": letter.hops,
        "time": letter.time,
        "expires": letter.expires,
        "size": letter.size,
        "topics": letter.topics,
        "waiting": f"{letter.waiting.bits:x}",
        "is_sent": letter.is_sent,
    }
