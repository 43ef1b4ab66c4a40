"""The router: the way of a message from top to bottom. Accept, resolve, announce, deliver, collect.

It knows neither the sources of messages nor their receivers.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from functools import partial
import logging
from typing import Any, Final

from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.json import json_bytes
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..errors import MessageError, PartlyFailedError
from .areas import find_area
from .content import encoded_content
from .dispatch import Dispatch, Work
from .failure_log import FailureLog
from .listeners import async_get_listeners
from .log import MessageLog
from .loop_guard import LoopGuard
from .message import DEFAULT_ROUTE, Envelope, Message, Route, checked_address
from .microservice import Microservice, Result
from .receipt import Delivery, Outcome
from .registry import Endpoint, Forward, Registry
from .schema import SchemaError
from .turn import Turn

_LOGGER = logging.getLogger(__name__)

DATA_ROUTER: HassKey[Router] = HassKey(DOMAIN)

RECEIVER_SCHEMA: Final = "schema"
"""What receipts call the schema of an address where it refuses content."""

type Follower = Callable[[Message, Delivery], None]
"""Is told what became of each message at a bot, also of those that its schema refused."""


class Router:
    """Carries messages from sources to receivers, and receipts back.

    Attributes:
        registry: Who receives what.
        log: What became of the last messages.

    """

    def __init__(self, hass: HomeAssistant) -> None:
        """Initialize the router."""
        self.registry = Registry(partial(find_area, hass))
        self._hass = hass
        self._loop_guard = LoopGuard(hass)
        self.log = MessageLog(hass, self._loop_guard)
        self._failure_log = FailureLog(hass)
        self._listeners = async_get_listeners(hass)
        self._followers: dict[str, tuple[Follower, ...]] = {}
        self._turn = Turn(hass.loop)

    @callback
    def connect_follower(self, bot_id: str, follower: Follower) -> CALLBACK_TYPE:
        """Connect a follower of the deliveries to a bot; return the function that disconnects it."""
        self._followers[bot_id] = (*self._followers.get(bot_id, ()), follower)
        return partial(self._disconnect_follower, bot_id, follower)

    def _disconnect_follower(self, bot_id: str, follower: Follower) -> None:
        self._followers[bot_id] = tuple(each for each in self._followers[bot_id] if each is not follower)
        if not self._followers[bot_id]:
            del self._followers[bot_id]

    @callback
    def follow(self, context: Context) -> None:
        """Follow a message into a context that it caused, such as an automation's."""
        self._loop_guard.follow(context)

    @callback
    def follow_message(self, context: Context, message_id: str) -> None:
        """Follow a message into a context that it caused, and that has another parent."""
        self._loop_guard.follow_message(context, message_id)

    async def async_dispatch(
        self,
        address: object,
        content: object,
        *,
        origin: str,
        sender: str | None = None,
        context: Context | None = None,
        internal: bool = True,
        external: bool = True,
        route: Route | None = DEFAULT_ROUTE,
        only: Sequence[str] | None = None,
        from_outside: bool = False,
        refused: Iterable[Delivery] = (),
        home: str | None = None,
        hops: int = 0,
    ) -> Dispatch:
        """Send a message on its way, and return when its receivers have started.

        Args:
            address: What it is sent to.
            content: A JSON object, or None for an empty one.
            origin: Kind of its source.
            sender: Config entry id of the sending bot, or None from outside.
            context: What it is sent because of.
            internal: Deliver it to the sender's own microservices.
            external: Deliver it to the other bots that opened the address.
            route: Which bots beyond this Home Assistant it is for, or None to stay here.
            only: Ids of the bots to which its source admitted it, having found the address open there.
            from_outside: Whether it comes from outside Home Assistant.
            refused: What its source refused, for the receipt.
            home: Name of the home that it came from, or None.
            hops: How many messages led to it elsewhere.

        Raises:
            MessageError: The address or the content is not valid, or fits none of the bots that would have received
                it; nobody could ever receive it; or it cannot be sent along the route.
            HomeAssistantError: Too many messages led to it, or came of the message that it came of.

        """
        began = self._hass.loop.time()
        unfit: list[Delivery] = []
        try:
            if not (internal and sender) and not external:
                raise MessageError(translation_key="nowhere_to_go" if sender else "internal_needs_bot")
            entrance = origin if from_outside else None
            hops_here, chain = self._loop_guard.link(context, entrance)
            # What no source can forget or forge: id, hops, entrance and context.
            address = checked_address(address)
            # A context of its own tells what the message causes from what else its sender does.
            own_context = Context(context.user_id, context.id) if context else Context()
            entrance, hops = entrance or chain.entrance, max(hops, hops_here)
            # By position, as names take three times as long.
            envelope = Envelope(address, own_context, origin, entrance, sender, hops, external, home)
            message = Message(envelope, *encoded_content(content))
            forward = self._resolve_route(message, route)
            self._loop_guard.count(message, chain)
            async with self._turn:
                endpoints = self.registry.endpoints(
                    message.address, sender=sender, internal=internal, external=external, only=only
                )
                accepted, unfit, refusal = _resolve(message, endpoints)
                for delivery in unfit:
                    self._tell(message, delivery)
                if refusal is not None and not accepted:
                    raise refusal
                # Fixed before the listeners hear of it, who may subscribe or unsubscribe.
                receivers = [
                    (endpoint, receiver, fitted) for endpoint, fitted in accepted for receiver in endpoint.receivers
                ]
                self._listeners.tell(message, {endpoint.bot_id: fitted for endpoint, fitted in accepted})
                started = [self._deliver(*each) for each in receivers]
                forwarded = None if forward is None else forward(message)
        except HomeAssistantError as err:
            self.log.async_refuse(
                err, origin=origin, address=address, sender=sender, context=context, refused=[*unfit, *refused]
            )
            # So that thousands of refused ones let all else run as well.
            async with self._turn:
                raise
        return Dispatch(message, started, [*unfit, *refused], forwarded, log=self.log, began=began)

    async def async_preview(
        self,
        address: object,
        content: object,
        *,
        origin: str,
        context: Context,
        sender: str | None = None,
        external: bool = True,
        only: Sequence[str] | None = None,
    ) -> list[dict[str, Any]]:
        """Return what a message would lead to by now at each receiver here, without sending it.

        Each has `bot`, `config_entry_id`, `receiver`, and either `would`, which is None where nobody can tell, or
        `error`.

        Raises:
            MessageError: The address or the content is not valid.

        """
        envelope = Envelope(
            address=checked_address(address),
            context=Context(user_id=context.user_id),
            origin=origin,
            entrance=None,
            sender=sender,
            hops=0,
            external=external,
            home=None,
        )
        message = Message(envelope, *encoded_content(content))
        endpoints = self.registry.endpoints(message.address, sender=sender, internal=True, external=external, only=only)
        accepted, unfit, _ = _resolve(message, endpoints)
        previews = [
            await _async_preview(endpoint, receiver, fitted)
            for endpoint, fitted in accepted
            for receiver in endpoint.receivers
        ]
        return [
            *previews,
            *(_preview(each.bot_name, each.bot_id, each.receiver, error=each.error) for each in unfit),
        ]

    def _resolve_route(self, message: Message, route: Route | None) -> Forward | None:
        """Return what forwards a message beyond this Home Assistant, if it is to go there."""
        if route is None or (route is DEFAULT_ROUTE and not self.registry.relays):
            return None
        sender, external = message.envelope.sender, message.envelope.external
        if external and sender is not None and (relay := self.registry.relays.get(sender)) is not None:
            return relay.resolve(route)
        if route.is_empty:
            return None
        if sender is None:
            raise MessageError(translation_key="scope_needs_bot")
        raise MessageError(translation_key="relay_missing" if external else "scope_needs_external")

    def _deliver(self, endpoint: Endpoint, receiver: Microservice, message: Message) -> Delivery | Work:
        """Let a receiver handle its own copy of a message, and return what became of it, or the receiver at work."""
        try:
            handling = receiver.async_datastream_updated(message.copy())
            if handling is not None and asyncio.iscoroutine(handling):
                return self._start(endpoint, receiver, message, handling)
            delivery = _handled(endpoint, receiver, handling)
        except Exception as err:  # noqa: BLE001 - others write receivers as well
            delivery = self._failed(endpoint, receiver, message, err)
        self._tell(message, delivery)
        return delivery

    def _start(
        self, endpoint: Endpoint, receiver: Microservice, message: Message, handling: Coroutine[Any, Any, Result]
    ) -> Delivery | Work:
        """Have a receiver handle a message in a task of its own; most are done when this returns."""
        create_task = (
            self._hass.async_create_background_task if receiver.is_background else self._hass.async_create_task
        )
        task = create_task(
            self._async_deliver(endpoint, receiver, message, handling),
            f"{DOMAIN} {message.address} to {receiver.name}",
        )
        if task.done() and not task.cancelled():
            delivery = task.result()
            self._tell(message, delivery)
            return delivery
        work = Work(endpoint, receiver.name, task)
        task.add_done_callback(lambda _: self._tell(message, work.by_now()))
        return work

    def _tell(self, message: Message, delivery: Delivery) -> None:
        if self._followers:
            for follower in self._followers.get(delivery.bot_id, ()):
                follower(message, delivery)

    async def _async_deliver(
        self, endpoint: Endpoint, receiver: Microservice, message: Message, handling: Coroutine[Any, Any, Result]
    ) -> Delivery:
        """Wait until a receiver has handled a message, and return what became of it."""
        try:
            return _handled(endpoint, receiver, await handling)
        except Exception as err:  # noqa: BLE001 - others write receivers as well
            return self._failed(endpoint, receiver, message, err)

    def _failed(self, endpoint: Endpoint, receiver: Microservice, message: Message, err: Exception) -> Delivery:
        """Log that a receiver failed, and return that."""
        self._failure_log.write(endpoint.bot_id, f"{receiver.name} of {endpoint.bot_name}", message.address, err)
        return endpoint.delivery(
            receiver.name,
            Outcome.FAILED,
            result=err.result if isinstance(err, PartlyFailedError) else None,
            error=_told(err),
            # Nobody knows what the other kinds tell.
            quotes=isinstance(err, ServiceValidationError) or not isinstance(err, HomeAssistantError),
        )


def _resolve(
    message: Message, endpoints: list[Endpoint]
) -> tuple[list[tuple[Endpoint, Message]], list[Delivery], SchemaError | None]:
    """Return the endpoints that accept a message, each with the content as its schema reads it; and the refusals.

    They stand there as deliveries, and beside them the error of the first one.
    """
    accepted: list[tuple[Endpoint, Message]] = []
    refused: list[Delivery] = []
    refusal: SchemaError | None = None
    address = message.address
    for endpoint in endpoints:
        try:
            content = endpoint.schema.read(address, message.content)
        except SchemaError as err:
            refusal = refusal or err
            refused.append(endpoint.delivery(RECEIVER_SCHEMA, Outcome.FAILED, error=str(err), quotes=True))
        else:
            fitted = message if content is message.content else Message(message.envelope, content, message.json)
            accepted.append((endpoint, fitted))
    return accepted, refused, refusal


def _handled(endpoint: Endpoint, receiver: Microservice, result: Result) -> Delivery:
    """Return that a receiver has handled a message.

    Raises:
        HomeAssistantError: Its result cannot be sent as JSON, as receipts are.

    """
    if result is None:
        return endpoint.handled(receiver.name)
    try:
        json_bytes(result)
    except (TypeError, ValueError) as err:
        raise HomeAssistantError(
            translation_domain=DOMAIN, translation_key="result_not_json", translation_placeholders={"problem": str(err)}
        ) from err
    return endpoint.delivery(receiver.name, Outcome.HANDLED, result=result)


async def _async_preview(endpoint: Endpoint, receiver: Microservice, message: Message) -> dict[str, Any]:
    told = partial(_preview, endpoint.bot_name, endpoint.bot_id, receiver.name)
    try:
        return told(would=await receiver.async_preview(message.copy()))
    except Exception as err:  # noqa: BLE001 - others write receivers as well
        return told(error=_told(err))


def _preview(bot_name: str, bot_id: str, receiver: str, **what: object) -> dict[str, Any]:
    return {"bot": bot_name, "config_entry_id": bot_id, "receiver": receiver, **what}


def _told(err: Exception) -> str:
    """Return what senders are told of an error of a receiver, as Unicode that can be encoded."""
    text = str(err).encode(errors="replace").decode()
    return text if isinstance(err, HomeAssistantError) else f"{type(err).__name__}: {text}"
