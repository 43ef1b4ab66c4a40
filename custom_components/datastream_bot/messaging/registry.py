"""The registry: who subscribes to which address, which addresses are open, and what content fits them."""

import asyncio
from bisect import insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Protocol

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, callback

from ..errors import nearest
from .message import Message, Route
from .microservice import Microservice
from .receipt import Delivery, Outcome
from .schema import NO_SCHEMA, Field, FindArea, Schema

_MAX_SIMILAR: Final = 1000
"""For how many unknown addresses the similar ones are remembered."""


def is_called(bot: str, bot_id: str, bot_name: str) -> bool:
    """Return whether a bot has this id, or this name in any case."""
    return bot == bot_id or bot.casefold() == bot_name.casefold()


class Forwarded(Protocol):
    """A message on its way beyond this Home Assistant.

    Attributes:
        over: Done when nobody there is expected to answer any more.

    """

    over: asyncio.Future[None]

    def by_now(self) -> list[Delivery]:
        """Return what became of the message so far."""


type Forward = Callable[[Message], Forwarded]
"""Sends a message on its way beyond this Home Assistant."""


class Relay(Protocol):
    """What carries the external messages of one bot beyond this Home Assistant."""

    def resolve(self, route: Route) -> Forward | None:
        """Return what forwards a message along a route, or None when the route leads to nobody.

        Raises:
            MessageError: The bot cannot send along this route.

        """


class Endpoint:
    """An address at one bot.

    Attributes:
        bot_id: Config entry id of the bot.
        receivers: The microservices that subscribe, in their order.
        schema: The declared fields; of those with the same name, the ones declared first.

    """

    __slots__ = ("_declared", "_entry", "_handled", "bot_id", "receivers", "schema")

    def __init__(self, entry: ConfigEntry[Any]) -> None:
        """Initialize the endpoint at the bot of a config entry."""
        self._entry = entry
        self.bot_id = entry.entry_id
        self.receivers: list[Microservice] = []
        self.schema = NO_SCHEMA
        self._declared: list[Schema] = []
        self._handled: dict[str, Delivery] = {}

    @property
    def bot_name(self) -> str:
        """Return what receipts call the bot, which may be renamed."""
        return self._entry.title

    @property
    def is_unused(self) -> bool:
        """Return whether nobody subscribes to or declares the address any more."""
        return not self.receivers and not self._declared

    def subscribe(self, receiver: Microservice) -> None:
        """Add a receiver."""
        insort(self.receivers, receiver, key=lambda each: each.order)

    def unsubscribe(self, receiver: Microservice) -> None:
        """Remove a receiver."""
        self.receivers.remove(receiver)

    def declare(self, schema: Schema) -> None:
        """Add the fields and the description of a schema."""
        self._declared.append(schema)
        self._update_schema()

    def withdraw(self, schema: Schema) -> None:
        """Remove what was added with a schema."""
        self._declared.remove(schema)
        self._update_schema()

    def handled(self, receiver: str) -> Delivery:
        """Return that a receiver handled a message and has nothing to tell: the same each time, as most are that."""
        known = self._handled.get(receiver)
        if known is None or known.bot_name != self._entry.title:
            known = self._handled[receiver] = self.delivery(receiver, Outcome.HANDLED)
        return known

    def delivery(
        self,
        receiver: str,
        outcome: Outcome,
        *,
        result: Mapping[str, Any] | None = None,
        error: str | None = None,
        quotes: bool = False,
    ) -> Delivery:
        """Return what became of a message at a receiver of the bot."""
        return Delivery(
            bot_id=self.bot_id,
            bot_name=self.bot_name,
            receiver=receiver,
            outcome=outcome,
            result=result,
            error=error,
            quotes=quotes,
        )

    def _update_schema(self) -> None:
        if len(self._declared) < 2:  # noqa: PLR2004 - one alone needs nothing of others
            self.schema = next(iter(self._declared), NO_SCHEMA)
            return
        fields = [field for schema in self._declared for field in schema.fields.values()]
        description = next((each.description for each in self._declared if each.description), "")
        self.schema = Schema(fields, description, self._declared[0].find_area)


class Registry:
    """The endpoints of all bots, and which of them are open to messages from outside their bot.

    Attributes:
        relays: What carries the external messages of bots beyond this Home Assistant, by bot id.

    """

    def __init__(self, find_area: FindArea) -> None:
        """Initialize the registry with what finds areas of the home."""
        self.relays: dict[str, Relay] = {}
        self._find_area = find_area
        # By address, then by bot.
        self._endpoints: dict[str, dict[str, Endpoint]] = {}
        self._open: dict[str, list[str]] = {}
        self._observers: list[CALLBACK_TYPE] = []
        self._similar: dict[str, str] = {}

    @property
    def addresses(self) -> set[str]:
        """Return every address that a bot subscribes to, declared or opened."""
        return {*self._endpoints, *self._open}

    def knows(self, address: str) -> bool:
        """Return whether a bot subscribes to, declared or opened an address."""
        return address in self._endpoints or address in self._open

    def similar(self, address: str) -> str:
        """Return the known addresses that are most similar to an unknown one, for people."""
        if address not in self._similar:
            if len(self._similar) >= _MAX_SIMILAR:
                self._similar.clear()
            # Looking through thousands takes its time, and the same ones are mistyped again and again.
            self._similar[address] = nearest(address, self.addresses)
        return self._similar[address]

    @property
    def schemas(self) -> dict[str, list[Schema]]:
        """Return what content the bots take, by address."""
        schemas: dict[str, list[Schema]] = {address: [] for address in self._open}
        schemas |= {address: self.schemas_at(address) for address in self._endpoints}
        return schemas

    @callback
    def observe(self, observer: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Register a callback for when an address comes, goes or changes; return the unsubscribe function."""
        self._observers.append(observer)
        return partial(self._observers.remove, observer)

    @callback
    def subscribe(self, entry: ConfigEntry[Any], address: str, receiver: Microservice) -> CALLBACK_TYPE:
        """Subscribe a receiver of a bot to an address; return the unsubscribe function."""
        self._endpoint(entry, address).subscribe(receiver)
        self._notify()
        return partial(self._leave, entry.entry_id, address, Endpoint.unsubscribe, receiver)

    @callback
    def declare(
        self, entry: ConfigEntry[Any], address: str, fields: Iterable[Field], description: str = ""
    ) -> CALLBACK_TYPE:
        """Declare what content a bot takes at an address, and what for; return the function that withdraws it."""
        schema = Schema(fields, description, self._find_area)
        self._endpoint(entry, address).declare(schema)
        self._notify()
        return partial(self._leave, entry.entry_id, address, Endpoint.withdraw, schema)

    @callback
    def open(self, bot_id: str, address: str) -> CALLBACK_TYPE:
        """Open an address of a bot to messages from outside the bot; return the function that closes it."""
        self._open.setdefault(address, []).append(bot_id)
        self._notify()
        return partial(self._close, bot_id, address)

    @callback
    def connect_relay(self, bot_id: str, relay: Relay) -> CALLBACK_TYPE:
        """Connect the relay of a bot's external messages; return the function that disconnects it."""
        self.relays[bot_id] = relay

        @callback
        def disconnect() -> None:
            del self.relays[bot_id]

        return disconnect

    def is_open(self, bot_id: str, address: str) -> bool:
        """Return whether a bot opened an address to messages from outside the bot."""
        return bot_id in self._open.get(address, ())

    def is_open_anywhere(self, address: str) -> bool:
        """Return whether any bot opened an address to messages from outside the bot."""
        return address in self._open

    def schema_of(self, bot_id: str, address: str) -> Schema | None:
        """Return what content a bot takes at an address, or None when it does not know the address."""
        endpoint = self._endpoints.get(address, {}).get(bot_id)
        return None if endpoint is None else endpoint.schema

    def endpoints_at(self, address: str) -> list[Endpoint]:
        """Return the endpoint of each bot that knows an address."""
        return [*self._endpoints.get(address, {}).values()]

    def schemas_at(self, address: str) -> list[Schema]:
        """Return what content each bot takes that knows an address."""
        return [endpoint.schema for endpoint in self._endpoints.get(address, {}).values()]

    def endpoints(
        self, address: str, *, sender: str | None, internal: bool, external: bool, only: Sequence[str] | None
    ) -> list[Endpoint]:
        """Return where a message goes: first to the sender's own receivers, then to all other bots that opened it.

        Args:
            address: What the message is sent to.
            sender: Config entry id of the sending bot, or None from outside.
            internal: Include the sender's own.
            external: Include those of other bots.
            only: Ids of the bots that its source found open and admitted the message to.

        """
        bot_ids = [sender] if internal and sender is not None else []
        if external:
            bot_ids += [
                bot_id for bot_id in (self._open.get(address, ()) if only is None else only) if bot_id != sender
            ]
        known = self._endpoints.get(address, {})
        return [known[bot_id] for bot_id in bot_ids if bot_id in known]

    def _endpoint(self, entry: ConfigEntry[Any], address: str) -> Endpoint:
        known = self._endpoints.setdefault(address, {})
        if entry.entry_id not in known:
            known[entry.entry_id] = Endpoint(entry)
        return known[entry.entry_id]

    def _leave[T](self, bot_id: str, address: str, remove: Callable[[Endpoint, T], None], what: T) -> None:
        known = self._endpoints[address]
        remove(known[bot_id], what)
        if known[bot_id].is_unused:
            del known[bot_id]
            if not known:
                del self._endpoints[address]
        self._notify()

    def _close(self, bot_id: str, address: str) -> None:
        self._open[address].remove(bot_id)
        if not self._open[address]:
            del self._open[address]
            self._notify()

    def _notify(self) -> None:
        self._similar.clear()
        for observer in self._observers:
            observer()
