"""Refusals: messages that did not even enter, counted by what they have in common."""

from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
import time
from typing import Final, NamedTuple

from homeassistant.exceptions import HomeAssistantError
from homeassistant.util.ulid import ulid_now

from .message import is_address
from .receipt import Delivery
from .record import MAX_ERROR_LENGTH, Record, Refusal

MAX_REFUSALS: Final = 100
MAX_ADDRESSES: Final = 10
"""How many addresses of refusals for the same reason have records of their own; all others share one."""

_ERROR_LASTS: Final = 1.0
"""Seconds within which a refusal is only counted: to put errors into words takes its time."""


class _Key(NamedTuple):
    """What refusals have in common that share a record."""

    reason: str
    origin: str
    sender: str | None
    bot_ids: tuple[str, ...]
    address: str | None


class Refusals:
    """The records of messages that did not enter: a flood of them costs little, and has few records."""

    def __init__(self, now: Callable[[], float]) -> None:
        """Initialize it with the clock of the event loop, empty."""
        self._now = now
        self._records: OrderedDict[_Key, Record] = OrderedDict()

    @property
    def records(self) -> Collection[Record]:
        """Return the records."""
        return self._records.values()

    def restore(self, record: Record, refusal: Refusal) -> None:
        """Add a record as it was before a restart."""
        bot_ids = tuple(delivery.bot_id for delivery in record.refused)
        self._records[_Key(refusal.reason, record.origin, record.sender, bot_ids, record.address)] = record

    def forget(self, bot_id: str) -> None:
        """Forget what concerns a bot, and no other."""
        for key in [key for key, record in self._records.items() if record.bot_ids == {bot_id}]:
            del self._records[key]

    def count(
        self,
        error: HomeAssistantError,
        *,
        origin: str,
        address: object,
        sender: str | None,
        refused: Sequence[Delivery],
        private: Collection[str],
    ) -> Record:
        """Count a refusal, and return its record.

        Args:
            error: Why.
            origin: Kind of the source.
            address: What the message was to be sent to, which may be none.
            sender: Config entry id of the bot that was to send it, or None.
            refused: Who refused it, if that was for bots to decide.
            private: Ids of the bots whose messages are kept without content.

        """
        known = str(address) if is_address(address) else None
        bot_ids = tuple(delivery.bot_id for delivery in refused)
        key = _Key(error.translation_key or type(error).__name__, origin, sender, bot_ids, known)
        if key not in self._records:
            key = self._new(key, refused)
        record, now = self._records[key], self._now()
        self._records.move_to_end(key)
        refusal = record.refusal
        assert refusal is not None, "It is a refusal's"  # noqa: S101
        refusal.count += 1
        record.time = time.time()
        if not record.bot_ids.isdisjoint(private):
            record.make_private()
            return record
        record.is_private = False
        if refusal.error is None or now - record.began >= _ERROR_LASTS:
            refusal.error, record.began = str(error)[:MAX_ERROR_LENGTH], now
        return record

    def _new(self, key: _Key, refused: Sequence[Delivery]) -> _Key:
        """Add a record if there is none, and return its key: without the address when there are many."""
        if sum(each[:-1] == key[:-1] for each in self._records) >= MAX_ADDRESSES:
            key = key._replace(address=None)
            if key in self._records:
                return key
        self._records[key] = record = Record(ulid_now(), key.address, 0.0, key.origin, key.sender)
        record.refusal = Refusal(reason=key.reason, error=None, since=time.time(), count=0)
        record.keep_refusals(refused)
        if len(self._records) > MAX_REFUSALS:
            self._records.popitem(last=False)
        return key
