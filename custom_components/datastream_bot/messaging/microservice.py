"""The microservice: a part of a bot that listens to addresses."""

from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from types import FunctionType
from typing import Any, ClassVar, Final, override

from .field import Field
from .message import Message

type Result = Mapping[str, Any] | None
"""What a microservice tells the sender, as JSON can carry it."""

type Stop = Callable[[], Coroutine[Any, Any, None]]
"""Ends what was started."""

_MARK: Final = "datastream"

# The places of the microservices that every bot has; others come after them.
ORDER_LOCATION: Final = 0
ORDER_MAPPING: Final = 1
ORDER_DEVICE: Final = 2
ORDER_OTHERS: Final = 3


def datastream[H: Callable[..., Awaitable[Result]]](address: str, fields: tuple[Field, ...] = ()) -> Callable[[H], H]:
    """Mark a method of a microservice as the handler of an address, and say what content it takes.

    The handlers are collected when the class is made: a message can only choose among them, never name a method.
    Content is checked against the fields before it reaches the method; without fields any content does.
    """

    def mark(method: H) -> H:
        vars(method)[_MARK] = (address, fields)
        return method

    return mark


class Microservice:
    """A part of a bot that listens to addresses.

    Attributes:
        name: What receipts call it.
        order: Its place among the microservices of its bot.
        handlers: Its handlers by address, collected from the methods marked with `@datastream`.
        contracts: The fields of the content that they take, by address.

    """

    name: ClassVar[str]
    order: ClassVar[int] = ORDER_OTHERS
    handlers: ClassVar[Mapping[str, Callable[..., Awaitable[Result]]]] = {}
    contracts: ClassVar[Mapping[str, tuple[Field, ...]]] = {}

    @override
    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Collect the handlers."""
        super().__init_subclass__(**kwargs)
        marked = [
            (*vars(member)[_MARK], member)
            for member in vars(cls).values()
            if isinstance(member, FunctionType) and _MARK in vars(member)
        ]
        cls.handlers = {**cls.handlers, **{address: method for address, _, method in marked}}
        cls.contracts = {**cls.contracts, **{address: fields for address, fields, _ in marked}}

    @property
    def addresses(self) -> Collection[str]:
        """Return the addresses that it listens to."""
        return self.handlers.keys()

    async def async_datastream_updated(self, message: Message) -> Result:
        """React to a message to one of the addresses.

        The message is this microservice's own copy. What is returned stands in the sender's receipt, and so does the
        error that is raised.
        """
        return await self.handlers[message.address](self, message)

    def diagnostics(self) -> Mapping[str, Any]:
        """Return what helps to understand how the microservice behaves."""
        return {}
