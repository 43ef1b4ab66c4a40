"""The microservice: a part of a bot that subscribes to addresses."""

from collections.abc import Callable, Collection, Coroutine, Mapping
from types import FunctionType
from typing import Any, ClassVar, Final, override

from .message import Message
from .schema import Field

type Result = Mapping[str, Any] | None
"""What a microservice tells the sender, as JSON can carry it; None when it has nothing to tell."""

type Handling = Result | Coroutine[Any, Any, Result]
"""The result of a handler, or the coroutine that returns it."""

_MARKS: Final = "datastreams"


def datastream[H: Callable[..., Handling]](address: str, fields: tuple[Field, ...] = ()) -> Callable[[H], H]:
    """Mark a method of a microservice as the handler of an address; a method may have several marks.

    The handlers are collected when the class is made: a message can only choose among them, never name a method. A
    subclass that overrides a marked method handles its addresses, with or without marks of its own.
    A plain one, no `async def`, runs at once, in the sender's step and before later messages, so it has to be quick.

    Args:
        address: What the method receives messages to: a letter, then letters, digits, `_`, `-` and `.`; at most 64
            characters.
        fields: What their content has to fit before it reaches the method; without fields any content does.

    """

    def mark(method: H) -> H:
        vars(method)[_MARKS] = (*vars(method).get(_MARKS, ()), (address, tuple(fields)))
        return method

    return mark


class Microservice:
    """A part of a bot that subscribes to addresses.

    Attributes:
        name: Its name in receipts. Before that of another integration's microservice stands the integration's domain.
        order: Its place among the microservices of its bot, the smallest number first; those that every bot has come
            first, with less than 100.
        is_background: Whether Home Assistant starts and stops without waiting for its handlers. Those of other
            integrations always are.
        handlers: The names of its handlers by address, collected from the methods marked with `@datastream`, also
            those that it inherits.
        fields: The fields of the content that they take, by address.

    """

    name: str
    order: int = 100
    is_background: bool = False
    handlers: ClassVar[Mapping[str, str]] = {}
    fields: Mapping[str, tuple[Field, ...]] = {}

    @override
    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Collect the handlers."""
        super().__init_subclass__(**kwargs)
        marked = [
            (address, fields, name)
            for base in reversed(cls.__mro__)
            for name, member in vars(base).items()
            if isinstance(member, FunctionType)
            for address, fields in vars(member).get(_MARKS, ())
        ]
        cls.handlers = {address: name for address, _, name in marked}
        cls.fields = {**cls.fields, **{address: fields for address, fields, _ in marked}}

    @property
    def addresses(self) -> Collection[str]:
        """Return the addresses that it subscribes to."""
        return self.handlers.keys()

    def async_datastream_updated(self, message: Message) -> Handling:
        """Handle a message to one of the addresses.

        In BotLab this is `datastream_updated`. A sender waits for 10 seconds at most; what takes longer goes on, and is
        `running` in the receipt. A bot unloaded meanwhile cancels it for microservices of other integrations only.

        Args:
            message: The microservice's own copy, its content read by the fields of its bot.

        Returns:
            What the sender's receipt shows as the result, as JSON can carry it; or the coroutine that returns it, as
            of every handler that is an `async def`. What is done at once needs none.

        Raises:
            ServiceValidationError: The sender has made a mistake, which the receipt shows.
            HomeAssistantError: It failed, which the receipt shows and the log.

        """
        handler: Callable[[Message], Handling] = getattr(self, self.handlers[message.address])
        return handler(message)

    async def async_preview(self, message: Message) -> Result:
        """Return what a message would lead to by now, without doing anything; None where nobody can tell.

        Args:
            message: The microservice's own copy.

        Raises:
            ServiceValidationError: The sender would make a mistake.

        """
        return None

    def diagnostics(self) -> Mapping[str, Any]:
        """Return what helps to understand how the microservice behaves, as JSON can carry it, and nothing secret."""
        return {}
