"""The router: carries messages to whoever listens, and receipts back."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
import logging
from typing import Any, Protocol

from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN, RECEIPT_WAIT
from .delivery import answer, async_deliver, delivery_by_now
from .loop_guard import MAX_HOPS, MAX_MESSAGES, HopCounter
from .message import Message
from .receipt import Afar, Delivery, Outcome, Receipt
from .registry import Directory, Listing, Receiver
from .schema import ContractError

_LOGGER = logging.getLogger(__name__)

DATA_ROUTER: HassKey[Router] = HassKey(DOMAIN)

RECEIVER_CONTRACT = "contract"
"""What receipts call a bot's refusal of content that does not fit."""

type Outlet = Callable[[Message, Mapping[str, Message]], None]
"""Takes every message that was not refused, in the order sent, with the message as each bot received it, by bot id."""


class Journey(Protocol):
    """What becomes of a message elsewhere."""

    @property
    def over(self) -> asyncio.Future[None]:
        """Return what is done when nobody else is expected to answer."""

    def by_now(self) -> Afar:
        """Return what became of the message by now."""


type Carrier = Callable[[Message], Journey]
"""Takes the external messages of a bot that go out of this Home Assistant."""


class Router:
    """Carries messages from those who send to those who listen; it knows neither."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Initialize the router."""
        self.directory = Directory()
        self._hass = hass
        self._hops = HopCounter()
        self._outlets: list[Outlet] = []
        self._carriers: dict[str, Carrier] = {}
        # Fair, so that what was sent first also starts first.
        self._starting = asyncio.Lock()

    @callback
    def connect_outlet(self, outlet: Outlet) -> CALLBACK_TYPE:
        """Connect an outlet of messages."""
        self._outlets.append(outlet)
        return lambda: self._outlets.remove(outlet)

    @callback
    def connect_carrier(self, bot_id: str, carrier: Carrier) -> CALLBACK_TYPE:
        """Connect what takes the messages of a bot out of this Home Assistant."""
        self._carriers[bot_id] = carrier

        @callback
        def disconnect() -> None:
            del self._carriers[bot_id]

        return disconnect

    @callback
    def hops_after(self, context: Context | None) -> int:
        """Return the hops of a message that is sent in this context."""
        return self._hops.after(context) if context else 0

    @callback
    def follow(self, context: Context) -> None:
        """Follow a message into a context that came of it, such as an automation's."""
        self._hops.follow(context)

    async def async_send(self, message: Message, done: CALLBACK_TYPE | None = None) -> Receipt:
        """Deliver a message and wait for the receipt, at most 10 seconds.

        Whoever is not done by then goes on and is `running` in the receipt; so do all when the sender is cancelled. A
        bot whose contract the content does not fit has failed in the receipt; the others receive it.

        Args:
            message: The message.
            done: Called when nobody is at work for the message any more, unless the message is refused.

        Raises:
            ContractError: The content fits none of the bots that would have received it.
            HomeAssistantError: Too many messages led to this one, or came of the one that they came of.

        """
        if self._hops.count(message.context, message.hops) > MAX_MESSAGES:
            raise self._endless(message, translation_key="too_many_messages", limit=MAX_MESSAGES)
        if message.hops > MAX_HOPS:
            raise self._endless(message, translation_key="too_many_hops", limit=MAX_HOPS)
        async with self._starting:
            accepted, refused = _check_contracts(message, self.directory.listings_for(message))
            # All who listen now, whoever comes or goes because of the message.
            receivers = [(listing, receiver, fitted) for listing, fitted in accepted for receiver in listing.receivers]
            received = {listing.bot_id: fitted for listing, fitted in accepted}
            for outlet in self._outlets:
                outlet(message, received)
            tasks = [
                (self._start(listing, receiver, fitted), listing, receiver) for listing, receiver, fitted in receivers
            ]
            journey = self._send_out(message)
        waiting: list[asyncio.Future[Any]] = [task for task, _, _ in tasks if not task.done()]
        _call_after(waiting, done)
        if journey is not None:
            waiting.append(journey.over)
        if waiting:
            await asyncio.wait(waiting, timeout=RECEIPT_WAIT)
        return Receipt(
            message_id=message.message_id,
            address=message.address,
            deliveries=(*(delivery_by_now(listing, receiver, task) for task, listing, receiver in tasks), *refused),
            afar=journey.by_now() if journey else None,
        )

    def _start(self, listing: Listing, receiver: Receiver, message: Message) -> asyncio.Task[Delivery]:
        """Let a receiver begin; most of them are done when this returns."""
        return self._hass.async_create_task(
            async_deliver(listing, receiver, message), f"{DOMAIN} {message.address} to {receiver.name}"
        )

    def _send_out(self, message: Message) -> Journey | None:
        """Send a message out of this Home Assistant, if it is to go there."""
        carrier = self._carriers.get(message.sender) if message.sender is not None else None
        return carrier(message) if carrier is not None and message.topics else None

    def _endless(self, message: Message, *, translation_key: str, limit: int) -> HomeAssistantError:
        """Return the refusal, having told about it once until the user has confirmed the repair issue."""
        issue_id = f"endless_{message.address}"
        placeholders = {"address": message.address, "limit": str(limit)}
        issue = ir.async_get(self._hass).async_get_issue(DOMAIN, issue_id)
        # After a restart, the registry still knows the issues of the time before, but shows them no longer.
        if issue is None or not issue.active:
            _LOGGER.error(
                "A message to %s was refused, as messages lead to each other without end; "
                "look for automations that answer each other",
                message.address,
            )
            ir.async_create_issue(
                self._hass,
                DOMAIN,
                issue_id,
                is_fixable=True,
                severity=ir.IssueSeverity.ERROR,
                translation_key="endless",
                translation_placeholders={"address": message.address},
            )
        return HomeAssistantError(
            translation_domain=DOMAIN, translation_key=translation_key, translation_placeholders=placeholders
        )


def _check_contracts(message: Message, listings: list[Listing]) -> tuple[list[tuple[Listing, Message]], list[Delivery]]:
    """Return the listings that accept a message, with the content as their contract reads it, and the refusals."""
    accepted: list[tuple[Listing, Message]] = []
    refused: list[Delivery] = []
    refusal: ContractError | None = None
    for listing in listings:
        try:
            content = listing.contract.checked(message.address, message.content)
        except ContractError as err:
            refusal = refusal or err
            refused.append(answer(listing, RECEIVER_CONTRACT, Outcome.FAILED, error=str(err)))
        else:
            fits_as_it_is = content is message.content
            accepted.append((listing, message if fits_as_it_is else message.with_content(content)))
    if refusal is not None and not accepted:
        raise refusal
    return accepted, refused


def _call_after(tasks: Iterable[asyncio.Future[Any]], done: CALLBACK_TYPE | None) -> None:
    """Call back when all tasks are done."""
    if done is None:
        return
    waiting = set(tasks)
    if not waiting:
        done()

    def finished(task: asyncio.Future[Any]) -> None:
        waiting.remove(task)
        if not waiting:
            done()

    for task in list(waiting):
        task.add_done_callback(finished)
