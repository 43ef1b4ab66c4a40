"""Which method of a microservice handles an address, with classes that inherit from others."""

from typing import override

import pytest

from custom_components.datastream_bot.messaging import Field, FieldType, Message, Microservice, Result, datastream

from .conftest import AddBot

NUMBER = (Field(name="number", type=FieldType.NUMBER, required=True),)


class Reader(Microservice):
    """Reads the news."""

    name = "reader"

    @datastream("news", NUMBER)
    def read(self, message: Message) -> Result:
        """Read."""
        return {"by": "reader"}


class Listener(Microservice):
    """Listens to the radio."""

    name = "listener"

    @datastream("radio")
    def listen(self, message: Message) -> Result:
        """Listen."""
        return {"by": "listener"}


class FastReader(Reader):
    """Reads the news in another way."""

    @override
    def read(self, message: Message) -> Result:
        return {"by": "fast reader", **(super().read(message) or {})}


class SpeedReader(Reader):
    """Reads the news in its own way."""

    @override
    def read(self, message: Message) -> Result:
        return {"by": "speed reader"}


class Everything(SpeedReader, Listener):
    """Reads and listens."""

    name = "everything"


class Both(Microservice):
    """Has one method for two addresses."""

    name = "both"

    @datastream("news", NUMBER)
    @datastream("radio")
    def take(self, message: Message) -> Result:
        """Take."""
        return {"by": "both"}


class Mixin:
    """Is no microservice by itself."""

    @datastream("radio")
    def listen(self, message: Message) -> Result:
        """Listen."""
        return {"by": "mixin"}


class Mixed(Mixin, Reader):
    """Has a handler of a class that is no microservice."""


@pytest.mark.parametrize(
    ("microservice", "address", "by"),
    [
        (SpeedReader(), "news", "speed reader"),
        (FastReader(), "news", "reader"),
        (Everything(), "news", "speed reader"),
        (Everything(), "radio", "listener"),
        (Both(), "news", "both"),
        (Both(), "radio", "both"),
        (Mixed(), "radio", "mixin"),
        (Mixed(), "news", "reader"),
    ],
)
async def test_a_message_reaches_the_method_that_python_would_call(
    add_bot: AddBot, microservice: Microservice, address: str, by: str
) -> None:
    """An override handles the addresses of what it overrides, and all base classes and marks count."""
    bot = await add_bot()
    bot.attach(microservice)

    receipt = await bot.async_distribute_datastream_message(address, {"number": 1}, external=False)

    assert [delivery.result for delivery in receipt.deliveries] == [{"by": by}]


@pytest.mark.parametrize("class_", [Reader, SpeedReader, Everything, Both, Mixed])
def test_an_address_keeps_its_fields_in_a_subclass(class_: type[Microservice]) -> None:
    """An override without a mark takes the same content."""
    assert class_.fields["news"] == NUMBER
