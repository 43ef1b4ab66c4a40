"""Entering: a message from outside comes through the doors of the bots that it is for, and reaches no others."""

from collections.abc import Collection
from contextlib import ExitStack
from http import HTTPStatus

from homeassistant.core import Context

from .door import Door
from .errors import DoorError
from .incoming import Incoming
from .message import Message
from .receipt import Receipt
from .router import Router


def doors_to(router: Router, doors: Collection[Door], address: str) -> list[Door]:
    """Return those of the doors that lead to a bot that opened the address.

    Raises:
        DoorError: None does.

    """
    if opened := [door for door in doors if router.directory.is_open(door.bot_id, address)]:
        return opened
    raise DoorError(HTTPStatus.NOT_FOUND, translation_key="address_not_open", address=address)


async def async_enter(
    router: Router, doors: Collection[Door], incoming: Incoming, context: Context | None = None
) -> Receipt:
    """Send a message to the bots behind these doors, which are all of one kind.

    Raises:
        DoorError: Too many messages are waiting for their receipts.
        MessageError: The content is not valid, or fits none of the bots.

    """
    with ExitStack() as places:
        for door in doors:
            places.enter_context(door.working())
        message = Message.create(
            incoming.address,
            incoming.content,
            origin=next(door.origin for door in doors),
            context=context,
            internal=False,
            recipients=frozenset(door.bot_id for door in doors),
        )
        return await router.async_send(message)
