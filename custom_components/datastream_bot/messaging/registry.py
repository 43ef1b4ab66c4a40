"""The directory: who listens to which address, who opened it, and what content has to be there."""

from bisect import insort
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from homeassistant.core import CALLBACK_TYPE, callback

from .field import Field
from .message import Message
from .schema import NO_CONTRACT, Contract


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Receiver:
    """One listener of a bot.

    Attributes:
        name: What receipts call it.
        order: Its place among the listeners of its bot.
        deliver: What receives the message.

    """

    name: str
    order: int
    deliver: Callable[[Message], Awaitable[Mapping[str, Any] | None]]


class Listing:
    """An address at one bot: its receivers, and the contract that content has to fit.

    Attributes:
        bot_id: Id of the bot.
        bot_name: What receipts call the bot.
        receivers: Who listens, in order.
        contract: The fields that were declared, those declared first before others of the same name.

    """

    __slots__ = ("_declared", "bot_id", "bot_name", "contract", "receivers")

    def __init__(self, bot_id: str, bot_name: str) -> None:
        """Initialize the listing."""
        self.bot_id = bot_id
        self.bot_name = bot_name
        self.receivers: list[Receiver] = []
        self.contract = NO_CONTRACT
        self._declared: list[tuple[Field, ...]] = []

    @property
    def is_empty(self) -> bool:
        """Return whether nobody listens to or declared the address."""
        return not self.receivers and not self._declared

    def connect(self, receiver: Receiver) -> None:
        """Add a receiver."""
        insort(self.receivers, receiver, key=lambda each: each.order)

    def disconnect(self, receiver: Receiver) -> None:
        """Remove a receiver."""
        self.receivers.remove(receiver)

    def declare(self, fields: tuple[Field, ...]) -> None:
        """Add fields to the contract."""
        self._declared.append(fields)
        self._update_contract()

    def withdraw(self, fields: tuple[Field, ...]) -> None:
        """Remove fields from the contract."""
        self._declared.remove(fields)
        self._update_contract()

    def _update_contract(self) -> None:
        self.contract = Contract.of(field for fields in self._declared for field in fields)


class Directory:
    """All bots' listings, and which of them are open to the outside."""

    def __init__(self) -> None:
        """Initialize the directory."""
        self._listings: dict[tuple[str, str], Listing] = {}
        self._open: dict[str, list[str]] = {}
        self._changed: list[CALLBACK_TYPE] = []

    @property
    def addresses(self) -> set[str]:
        """Return every address that a bot listens to, declared or opened."""
        return {address for _, address in self._listings}.union(self._open)

    @callback
    def async_on_change(self, changed: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Call this whenever an address comes or goes, until it is disconnected."""
        self._changed.append(changed)
        return partial(self._changed.remove, changed)

    @callback
    def connect(self, bot_id: str, bot_name: str, address: str, receiver: Receiver) -> CALLBACK_TYPE:
        """Let a receiver of a bot listen to an address."""
        self._list(bot_id, bot_name, address).connect(receiver)
        return partial(self._leave, (bot_id, address), Listing.disconnect, receiver)

    @callback
    def declare(self, bot_id: str, bot_name: str, address: str, fields: tuple[Field, ...]) -> CALLBACK_TYPE:
        """Declare an address of a bot, with the fields that content has to have there."""
        self._list(bot_id, bot_name, address).declare(fields)
        return partial(self._leave, (bot_id, address), Listing.withdraw, fields)

    @callback
    def open(self, bot_id: str, address: str) -> CALLBACK_TYPE:
        """Open an address of a bot to messages from outside the bot."""
        self._open.setdefault(address, []).append(bot_id)
        self._tell()
        return partial(self._close, bot_id, address)

    def is_open(self, bot_id: str, address: str) -> bool:
        """Return whether a bot opened an address to messages from outside the bot."""
        return bot_id in self._open.get(address, ())

    def listings_for(self, message: Message) -> list[Listing]:
        """Return who a message is for: first the sender's own, then all others who opened the address."""
        address, sender = message.address, message.sender
        bot_ids = [sender] if message.internal and sender is not None else []
        if message.external:
            bot_ids += [
                bot_id
                for bot_id in self._open.get(address, ())
                if bot_id != sender and (message.recipients is None or bot_id in message.recipients)
            ]
        return [listing for bot_id in bot_ids if (listing := self._listings.get((bot_id, address))) is not None]

    def _list(self, bot_id: str, bot_name: str, address: str) -> Listing:
        key = (bot_id, address)
        if (listing := self._listings.get(key)) is None:
            listing = self._listings[key] = Listing(bot_id, bot_name)
            self._tell()
        return listing

    def _leave[T](self, key: tuple[str, str], remove: Callable[[Listing, T], None], what: T) -> None:
        listing = self._listings[key]
        remove(listing, what)
        if listing.is_empty:
            del self._listings[key]
            self._tell()

    def _close(self, bot_id: str, address: str) -> None:
        self._open[address].remove(bot_id)
        if not self._open[address]:
            del self._open[address]
            self._tell()

    def _tell(self) -> None:
        for changed in self._changed:
            changed()
