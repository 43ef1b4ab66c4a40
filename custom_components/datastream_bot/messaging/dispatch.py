"""The dispatch: one message on its way, whose receipt it collects."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from homeassistant.core import callback

from ..const import RECEIPT_WAIT
from .log import MessageLog
from .message import Message
from .receipt import Delivery, Outcome, Receipt
from .registry import Endpoint, Forwarded


class Work(NamedTuple):
    """A receiver at work for a message.

    Attributes:
        endpoint: Where it receives the message.
        receiver: Its name.
        task: What it does.

    """

    endpoint: Endpoint
    receiver: str
    task: asyncio.Task[Delivery]

    def by_now(self) -> Delivery:
        """Return the delivery as it is now."""
        if not self.task.done():
            return self.endpoint.delivery(self.receiver, Outcome.RUNNING)
        if self.task.cancelled():
            return self.endpoint.delivery(self.receiver, Outcome.FAILED, error="Cancelled")
        return self.task.result()


class Dispatch:
    """One message on its way.

    Attributes:
        message: The message.

    """

    __slots__ = ("_deliveries", "_forwarded", "_log", "_record", "_refused", "_working", "message")

    def __init__(
        self,
        message: Message,
        started: Sequence[Delivery | Work],
        refused: list[Delivery],
        forwarded: Forwarded | None,
        *,
        log: MessageLog,
        began: float,
    ) -> None:
        """Initialize it, and write it down.

        Args:
            message: The message.
            started: What became of it at each receiver, or the receiver that is still at work.
            refused: What became of it at those that refused it.
            forwarded: It on its way beyond this Home Assistant, or None.
            log: Is told now, and when those are done that are not.
            began: When it was sent, by the clock of the event loop.

        """
        self.message = message
        self._refused = refused
        self._forwarded = forwarded
        self._log = log
        # By their numbers.
        self._working = {index: each for index, each in enumerate(started) if isinstance(each, Work)}
        self._deliveries = [each.by_now() if isinstance(each, Work) else each for each in started]
        elsewhere = None if forwarded is None else forwarded.by_now()
        self._record = log.async_add(message, began, self._deliveries, refused, elsewhere)
        for index, work in self._working.items():
            work.task.add_done_callback(partial(self._receiver_is_done, index, work))
        if forwarded is not None:
            forwarded.over.add_done_callback(partial(self._elsewhere_is_over, forwarded))

    @callback
    def async_call_when_finished(self, finished: Callable[[], None]) -> None:
        """Call a function when no receiver here is at work for the message any more."""
        if working := [work.task for work in self._working.values() if not work.task.done()]:
            asyncio.gather(*working, return_exceptions=True).add_done_callback(lambda _: finished())
        else:
            finished()

    async def async_receipt(self) -> Receipt:
        """Collect all deliveries, after at most 10 seconds.

        Receivers that are not done by then are `running` and go on; so do all when the sender is cancelled.
        """
        envelope, forwarded = self.message.envelope, self._forwarded
        deliveries, elsewhere = [*self._deliveries], list[Delivery]()
        if self._working or forwarded is not None:
            waiting: list[asyncio.Future[Any]] = [work.task for work in self._working.values() if not work.task.done()]
            if forwarded is not None:
                waiting.append(forwarded.over)
            if waiting:
                await asyncio.wait(waiting, timeout=RECEIPT_WAIT)
            for index, work in self._working.items():
                deliveries[index] = work.by_now()
            if forwarded is not None:
                elsewhere = forwarded.by_now()
                if not forwarded.over.done():
                    self._log.async_update_elsewhere(self._record, elsewhere)
        is_received = bool(deliveries or [each for each in elsewhere if each.outcome is not Outcome.PENDING])
        return Receipt(envelope.context.id, envelope.address, [*deliveries, *self._refused, *elsewhere], is_received)

    def _receiver_is_done(self, index: int, work: Work, _: object) -> None:
        self._log.async_update(self._record, index, work.by_now())

    def _elsewhere_is_over(self, forwarded: Forwarded, _: object) -> None:
        self._log.async_update_elsewhere(self._record, forwarded.by_now())
