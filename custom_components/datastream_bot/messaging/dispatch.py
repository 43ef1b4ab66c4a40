"""The dispatch: one message on its way, whose receipt it collects."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from homeassistant.core import callback

from ..const import RECEIPT_WAIT
from .log import MessageLog
from .message import Message
from .microservice import Microservice
from .receipt import Delivery, Outcome, Receipt
from .registry import Endpoint, Forwarded

type Started = tuple[Endpoint, Microservice, asyncio.Task[Delivery]]
"""A receiver at work for a message."""


class Dispatch:
    """One message on its way.

    Attributes:
        message: The message.

    """

    __slots__ = ("_deliveries", "_forwarded", "_log", "_record", "_refused", "_started", "_working", "message")

    def __init__(
        self,
        message: Message,
        started: list[Started],
        refused: list[Delivery],
        forwarded: Forwarded | None,
        *,
        log: MessageLog,
        began: float,
    ) -> None:
        """Initialize it, and write it down.

        Args:
            message: The message.
            started: The receivers, most of which are done by now.
            refused: What became of it at those that refused it.
            forwarded: It on its way beyond this Home Assistant, or None.
            log: Is told now, and when those are done that are not.
            began: When it was sent, by the clock of the event loop.

        """
        self.message = message
        self._started = started
        self._refused = refused
        self._forwarded = forwarded
        self._log = log
        self._deliveries = [delivery_by_now(*each) for each in started]
        self._working = [task for _, _, task in started if not task.done()]
        elsewhere = None if forwarded is None else forwarded.by_now()
        self._record = log.async_add(message, began, self._deliveries, refused, elsewhere)
        for index, each in enumerate(started) if self._working else ():
            if not each[-1].done():
                each[-1].add_done_callback(partial(self._receiver_is_done, index, each))
        if forwarded is not None:
            forwarded.over.add_done_callback(partial(self._elsewhere_is_over, forwarded))

    @callback
    def async_call_when_finished(self, finished: Callable[[], None]) -> None:
        """Call a function when no receiver here is at work for the message any more."""
        if working := [task for task in self._working if not task.done()]:
            asyncio.gather(*working, return_exceptions=True).add_done_callback(lambda _: finished())
        else:
            finished()

    async def async_receipt(self) -> Receipt:
        """Collect all deliveries, after at most 10 seconds.

        Receivers that are not done by then are `running` and go on; so do all when the sender is cancelled.
        """
        envelope, forwarded = self.message.envelope, self._forwarded
        waiting: list[asyncio.Future[Any]] = [task for task in self._working if not task.done()]
        if forwarded is not None:
            waiting.append(forwarded.over)
        if waiting:
            await asyncio.wait(waiting, timeout=RECEIPT_WAIT)
        if self._working:
            self._deliveries = [delivery_by_now(*each) for each in self._started]
        elsewhere: list[Delivery] = []
        if forwarded is not None:
            elsewhere = forwarded.by_now()
            if not forwarded.over.done():
                self._log.async_update_elsewhere(self._record, elsewhere)
        return Receipt(
            message_id=envelope.context.id,
            address=envelope.address,
            deliveries=[*self._deliveries, *self._refused, *elsewhere],
            is_received=bool(self._started) or any(each.outcome is not Outcome.PENDING for each in elsewhere),
        )

    def _receiver_is_done(self, index: int, started: Started, _: object) -> None:
        self._log.async_update(self._record, index, delivery_by_now(*started))

    def _elsewhere_is_over(self, forwarded: Forwarded, _: object) -> None:
        self._log.async_update_elsewhere(self._record, forwarded.by_now())


def delivery_by_now(endpoint: Endpoint, receiver: Microservice, task: asyncio.Task[Delivery]) -> Delivery:
    """Return what has become of a message at a receiver by now."""
    if not task.done():
        return endpoint.delivery(receiver.name, Outcome.RUNNING)
    if task.cancelled():
        return endpoint.delivery(receiver.name, Outcome.FAILED, error="Cancelled")
    return task.result()
