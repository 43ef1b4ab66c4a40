"""The microservice: a part of a bot that listens to addresses."""

from collections.abc import Awaitable, Callable, Mapping
from types import FunctionType
from typing import Any, ClassVar, Final, override

from .message import Message

type Result = Mapping[str, Any] | None
"""What a microservice tells the sender, as JSON can carry it."""

_MARK: Final = "datastream_address"


def datastream[H: Callable[..., Awaitable[Result]]](address: str) -> Callable[[H], H]:
    """Mark a method of a microservice as the handler of an address.

    The handlers are collected when the class is made: a message can only choose among them, never name a method.
    """

    def mark(method: H) -> H:
        vars(method)[_MARK] = address
        return method

    return mark


class Microservice:
    """A part of a bot that listens to addresses.

    Attributes:
        name: What receipts call it.
        handlers: Its handlers by address, collected from the methods marked with `@datastream`.

    """

    name: ClassVar[str]
    handlers: ClassVar[Mapping[str, Callable[..., Awaitable[Result]]]] = {}

    @override
    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Collect the handlers."""
        super().__init_subclass__(**kwargs)
        cls.handlers = {
            **cls.handlers,
            **{
                vars(member)[_MARK]: member
                for member in vars(cls).values()
                if isinstance(member, FunctionType) and _MARK in vars(member)
            },
        }

    async def async_datastream_updated(self, message: Message) -> Result:
        """React to a message to one of the addresses.

        The message is this microservice's own copy. What is returned stands in the sender's receipt, and so does the
        error that is raised.
        """
        return await self.handlers[message.address](self, message)

    def diagnostics(self) -> Mapping[str, Any]:
        """Return what helps to understand how the microservice behaves."""
        return {}
