"""The message log: what became of the last messages, also of those that were refused or that nobody received."""

from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Sequence
from functools import partial
import logging
import time
from typing import Any, Final
from weakref import WeakSet

from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
import voluptuous as vol

from ..const import ORIGIN_PRESENCE
from ..errors import MessageError
from ..storage import Storage, async_get_storage
from .loop_guard import LoopGuard
from .message import Message
from .receipt import Delivery, Outcome
from .record import STORED_SCHEMA, Record, count_outcomes
from .refusals import Refusals

_LOGGER = logging.getLogger(__name__)

MAX_RECORDS: Final = 500
MAX_BYTES: Final = 4 * 1024 * 1024
"""How much the records of all bots take together, about."""

SAVED_AFTER: Final = 300.0
"""Seconds after a change within which the log is on disk."""

_STORED: Final = "messages"
_STORAGE_SCHEMA: Final = vol.Schema({vol.Required(_STORED): [STORED_SCHEMA]})

type LogListener = Callable[[Record], None]
"""Is told of a record that is new or has changed."""


class MessageLog:
    """Keeps what became of the last messages: in memory, and without their content over a restart.

    Attributes:
        messages: How many messages have been sent since the start.
        failed: How many of them failed somewhere.
        refused: How many more did not even enter.

    """

    def __init__(self, hass: HomeAssistant, loop_guard: LoopGuard) -> None:
        """Initialize the log, empty, with what knows which message led to which."""
        self.messages = self.failed = self.refused = 0
        self._loop = hass.loop
        self._loop_guard = loop_guard
        self._storage: Storage[dict[str, Any]] = async_get_storage(hass, _STORED, _STORAGE_SCHEMA)
        self._records: deque[Record] = deque()
        self._bytes = 0
        self._refusals = Refusals(hass.loop.time)
        # Entity ids of the automations that ran last, by their context.
        self._automations: OrderedDict[str, str] = OrderedDict()
        self._refused: WeakSet[HomeAssistantError] = WeakSet()
        self._is_saved = True
        # Ids of the bots whose messages are kept without content.
        self._private: set[str] = set()
        # Replaced as a whole, as they may disconnect while they are told.
        self._listeners: tuple[LogListener, ...] = ()

    async def async_load(self, bot_ids: Collection[str]) -> None:
        """Load what was stored before a restart, but what concerns only bots that are gone by now."""
        if (stored := await self._storage.async_load()) is None:
            return
        lost = str(MessageError(translation_key="outcome_lost"))
        for record in [Record.from_stored(data, lost) for data in stored[_STORED]]:
            if record.bot_ids and record.bot_ids.isdisjoint(bot_ids):
                continue
            if record.refusal is None:
                self._add(record)
            else:
                self._refusals.restore(record, record.refusal)

    def records(self) -> list[Record]:
        """Return the records, those of the newest messages last."""
        return sorted((*self._records, *self._refusals.records), key=lambda record: record.time)

    @callback
    def connect(self, listener: LogListener) -> CALLBACK_TYPE:
        """Connect a listener; return the function that disconnects it."""
        self._listeners += (listener,)
        return partial(self._disconnect, listener)

    def _disconnect(self, listener: LogListener) -> None:
        self._listeners = tuple(each for each in self._listeners if each is not listener)

    @callback
    def async_note_automation(self, context: Context, entity_id: str) -> None:
        """Note which automation acts in a context, for the messages that it sends."""
        self._automations[context.id] = entity_id
        if len(self._automations) > MAX_RECORDS:
            self._automations.popitem(last=False)

    @callback
    def async_keep_content(self, bot_id: str, *, keep: bool) -> None:
        """Keep the content of what a bot sends and receives; or forget it, and keep none from now on."""
        if keep:
            self._private.discard(bot_id)
            return
        self._private.add(bot_id)
        for record in self.records():
            if bot_id in record.bot_ids:
                record.make_private()
                self._measure(record)

    @callback
    def async_forget(self, bot_id: str) -> None:
        """Forget the messages of a bot that is removed, but for those that concern others as well."""
        self._private.discard(bot_id)
        self._refusals.forget(bot_id)
        for record in [each for each in self._records if each.bot_ids == {bot_id}]:
            self._records.remove(record)
            self._drop(record)
        self._save()

    @callback
    def async_add(
        self,
        message: Message,
        began: float,
        deliveries: list[Delivery],
        refused: Sequence[Delivery],
        elsewhere: Sequence[Delivery] | None,
    ) -> Record:
        """Write down a message that is on its way, and return its record.

        Args:
            message: The message.
            began: When it was sent, by the clock of the event loop.
            deliveries: What became of it by now at each receiver here; those that are `running` are to be updated.
            refused: Who refused it.
            elsewhere: What became of it by now in other homes, to be updated as well, or None when it goes to none.

        """
        envelope = message.envelope
        context = envelope.context
        record = Record(context.id, envelope.address, time.time(), envelope.origin, envelope.sender)
        record.began, record.deliveries, record.content = began, deliveries, message.json
        record.external, record.user_id = envelope.external, context.user_id
        if (cause := context.parent_id) is not None:
            self._note_cause(record, cause)
        if envelope.hops or envelope.home is not None:
            record.hops, record.home = envelope.hops, envelope.home
        if envelope.origin == ORIGIN_PRESENCE:
            record.returned = message.content.get("on")
        if refused:
            record.keep_refusals(refused)
        # Of all that it concerns, also of those that refused it.
        if self._private and not self._private.isdisjoint(record.bot_ids):
            record.make_private()
        for index, delivery in enumerate(deliveries):
            if delivery.result or delivery.error is not None:
                record.keep(index, delivery)
            elif delivery.outcome is Outcome.RUNNING:
                record.working += 1
        if elsewhere is not None:
            record.elsewhere, record.is_awaited = count_outcomes(elsewhere), True
        record.started = self._loop.time() - began
        self.messages += 1
        self._add(record)
        self._settle(record, record.started)
        return record

    @callback
    def async_update(self, record: Record, index: int, delivery: Delivery) -> None:
        """Write down that a receiver is done."""
        seconds = self._loop.time() - record.began
        record.durations = {**record.durations, index: seconds}
        record.keep(index, delivery)
        record.working -= 1
        self._measure(record)
        self._settle(record, seconds)

    @callback
    def async_update_elsewhere(self, record: Record, elsewhere: Sequence[Delivery]) -> None:
        """Write down what became of a message in other homes, now that nobody waits for these any more."""
        record.elsewhere, record.is_awaited = count_outcomes(elsewhere), False
        self._settle(record, self._loop.time() - record.began)

    @callback
    def async_refuse(
        self,
        error: HomeAssistantError,
        *,
        origin: str,
        address: object,
        sender: str | None = None,
        context: Context | None = None,
        refused: Sequence[Delivery] = (),
    ) -> None:
        """Write down that a message did not enter, once for whoever the error passes on its way to the sender.

        Args:
            error: Why.
            origin: Kind of its source.
            address: What it was to be sent to, which may be none.
            sender: Config entry id of the bot that was to send it, or None.
            context: What it was to be sent because of.
            refused: Who refused it, if that was for bots to decide.

        """
        if error in self._refused:
            return
        self._refused.add(error)
        record = self._refusals.count(
            error,
            origin=origin,
            address=address,
            sender=sender,
            refused=refused,
            private=self._private,
        )
        if context is not None:
            record.user_id = context.user_id
            self._loop_guard.follow(context)
            self._note_cause(record, context.id)
        self.refused += 1
        self._tell(record)

    def _note_cause(self, record: Record, cause: str) -> None:
        """Note the context that a message was sent because of, the automation in it, and what message led to it."""
        record.cause, record.automation = cause, self._automations.get(cause)
        record.parent = self._loop_guard.parent(cause)

    def _add(self, record: Record) -> None:
        """Add a record, and drop the oldest ones that there is no room for."""
        self._records.append(record)
        self._bytes += record.measure()
        while len(self._records) > MAX_RECORDS or self._bytes > MAX_BYTES:
            self._drop(self._records.popleft())

    def _drop(self, record: Record) -> None:
        self._bytes -= record.size
        record.size = 0
        # A receiver may be at work for long, which is to keep nothing large in memory.
        record.content = None

    def _measure(self, record: Record) -> None:
        """Note that a record takes more or less by now, unless it is dropped or that of a refusal."""
        if record.size:
            before = record.size
            self._bytes += record.measure() - before
            while self._bytes > MAX_BYTES:
                self._drop(self._records.popleft())

    def _settle(self, record: Record, seconds: float) -> None:
        """Note when a message is over, and tell of the change."""
        if record.duration is None and not (record.working or record.is_awaited):
            record.duration = seconds
            self.failed += record.has_failed
        self._tell(record)

    def _tell(self, record: Record) -> None:
        for listener in self._listeners:
            try:
                listener(record)
            except Exception:
                _LOGGER.exception("A listener of the message log failed on a message to %s", record.address)
        if self._is_saved:
            self._save()

    def _save(self) -> None:
        self._is_saved = False
        self._storage.async_delay_save(self._as_stored, SAVED_AFTER)

    def _as_stored(self) -> dict[str, Any]:
        self._is_saved = True
        return {_STORED: [record.as_stored() for record in self.records()]}
