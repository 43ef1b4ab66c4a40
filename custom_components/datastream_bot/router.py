"""The router: carries messages to whoever listens, and receipts back."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
import logging
from typing import Any

from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import issue_registry as ir
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN, MAX_HOPS, RECEIPT_WAIT
from .errors import PartlyFailedError
from .hops import HopCounter
from .message import Message
from .receipt import Delivery, Outcome, Receipt

_LOGGER = logging.getLogger(__name__)

DATA_ROUTER: HassKey[Router] = HassKey(DOMAIN)

type Outlet = Callable[[Message], None]
"""Takes every external message out of the bots, in the order sent."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Receiver:
    """One listener of a bot."""

    bot_id: str
    bot_name: str
    name: str
    deliver: Callable[[Message], Awaitable[Mapping[str, Any] | None]]


class Router:
    """Knows which receivers listen to which address, and which bots opened it to the outside."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Initialize the router."""
        self._hass = hass
        self._hops = HopCounter()
        self._receivers: dict[tuple[str, str], list[Receiver]] = {}
        self._open: dict[str, list[str]] = {}
        self._outlets: list[Outlet] = []

    @callback
    def connect(self, receiver: Receiver, addresses: Iterable[str]) -> CALLBACK_TYPE:
        """Connect a receiver to addresses; those of one bot receive in the order in which they connect."""
        keys = [(receiver.bot_id, address) for address in addresses]
        for key in keys:
            self._receivers.setdefault(key, []).append(receiver)

        @callback
        def disconnect() -> None:
            for key in keys:
                _remove(self._receivers, key, receiver)

        return disconnect

    @callback
    def open(self, bot_id: str, address: str) -> CALLBACK_TYPE:
        """Open an address of a bot to messages from outside the bot."""
        self._open.setdefault(address, []).append(bot_id)

        @callback
        def close() -> None:
            _remove(self._open, address, bot_id)

        return close

    @callback
    def connect_outlet(self, outlet: Outlet) -> CALLBACK_TYPE:
        """Connect an outlet of external messages."""
        self._outlets.append(outlet)
        return lambda: self._outlets.remove(outlet)

    @property
    def addresses(self) -> set[str]:
        """Return every address that a bot listens to or opened."""
        return {address for _, address in self._receivers}.union(self._open)

    @callback
    def hops_after(self, context: Context | None) -> int:
        """Return the hops of a message that is sent in this context."""
        return self._hops.after(context) if context else 0

    @callback
    def follow(self, context: Context) -> None:
        """Follow a message into a context that came of it, such as an automation's."""
        self._hops.follow(context)

    async def async_send(self, message: Message) -> Receipt:
        """Deliver a message and wait for the receipt, at most 10 seconds.

        Whoever is not done by then goes on and is `running` in the receipt; so do all when the sender is cancelled.

        Raises:
            HomeAssistantError: More messages led to this one than a chain may have.

        """
        if message.hops > MAX_HOPS:
            raise self._too_many_hops(message)
        self._hops.remember(message.context, message.hops)
        tasks = {
            # Not started at once: what a receiver sends has to queue up behind this message at the other receivers.
            self._hass.async_create_task(
                _deliver(receiver, message), f"{DOMAIN} {message.address} to {receiver.name}", eager_start=False
            ): receiver
            for receiver in self._receivers_of(message)
        }
        if message.external:
            for outlet in self._outlets:
                outlet(message.copy())
        if tasks:
            await asyncio.wait(tasks, timeout=RECEIPT_WAIT)
        return Receipt(
            message_id=message.message_id,
            address=message.address,
            deliveries=tuple(_delivery(receiver, task) for task, receiver in tasks.items()),
        )

    def _receivers_of(self, message: Message) -> list[Receiver]:
        bot_ids: list[str] = []
        if message.internal and message.sender is not None:
            bot_ids.append(message.sender)
        if message.external:
            bot_ids.extend(bot_id for bot_id in self._open.get(message.address, ()) if bot_id != message.sender)
        return [receiver for bot_id in bot_ids for receiver in self._receivers.get((bot_id, message.address), ())]

    def _too_many_hops(self, message: Message) -> HomeAssistantError:
        """Return the refusal, having told about it once until the user has confirmed the repair issue."""
        issue_id = f"too_many_hops_{message.address}"
        placeholders = {"address": message.address, "max_hops": str(MAX_HOPS)}
        if ir.async_get(self._hass).async_get_issue(DOMAIN, issue_id) is None:
            _LOGGER.error(
                "A message to %s was refused, as %s messages led to it; look for automations that answer each other",
                message.address,
                message.hops,
            )
            ir.async_create_issue(
                self._hass,
                DOMAIN,
                issue_id,
                is_fixable=True,
                severity=ir.IssueSeverity.ERROR,
                translation_key="too_many_hops",
                translation_placeholders=placeholders,
            )
        return HomeAssistantError(
            translation_domain=DOMAIN, translation_key="too_many_hops", translation_placeholders=placeholders
        )


def _remove[K, V](lists: dict[K, list[V]], key: K, item: V) -> None:
    lists[key].remove(item)
    if not lists[key]:
        del lists[key]


async def _deliver(receiver: Receiver, message: Message) -> Delivery:
    """Let a receiver handle its copy of the message; its failure is its own."""
    result: Mapping[str, Any] | None = None
    error: str | None = None
    try:
        result = await receiver.deliver(message.copy())
    except ServiceValidationError as err:
        # The sender's mistake, and the error may quote the content: that is for the receipt, not for the log.
        error = str(err)
        _LOGGER.warning("%s of %s refused a message to %s", receiver.name, receiver.bot_name, message.address)
        _LOGGER.debug("The message was refused because of its content: %s", error)
    except HomeAssistantError as err:
        error = str(err)
        result = err.result if isinstance(err, PartlyFailedError) else None
        _LOGGER.warning(
            "%s of %s failed on a message to %s: %s", receiver.name, receiver.bot_name, message.address, error
        )
    except Exception as err:
        error = f"{type(err).__name__}: {err}"
        _LOGGER.exception("%s of %s failed on a message to %s", receiver.name, receiver.bot_name, message.address)
    return _answer(receiver, Outcome.HANDLED if error is None else Outcome.FAILED, result=result, error=error)


def _delivery(receiver: Receiver, task: asyncio.Task[Delivery]) -> Delivery:
    """Return what became of a delivery by now."""
    if not task.done():
        return _answer(receiver, Outcome.RUNNING)
    if task.cancelled():
        return _answer(receiver, Outcome.FAILED, error="Cancelled")
    return task.result()


def _answer(
    receiver: Receiver,
    outcome: Outcome,
    *,
    result: Mapping[str, Any] | None = None,
    error: str | None = None,
) -> Delivery:
    return Delivery(
        bot_id=receiver.bot_id,
        bot_name=receiver.bot_name,
        receiver=receiver.name,
        outcome=outcome,
        result=result,
        error=error,
    )
