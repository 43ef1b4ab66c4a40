"""Entering: a message from outside comes through the doors of the bots that it is for, and reaches no others."""

from collections.abc import Collection
from dataclasses import replace
from http import HTTPStatus

from homeassistant.core import CALLBACK_TYPE, Context

from ..errors import DoorError, LimitedError
from ..messaging.message import Message
from ..messaging.receipt import Delivery, Receipt
from ..messaging.router import Router
from .door import Door
from .request import Incoming


def doors_to(router: Router, doors: Collection[Door], address: str) -> list[Door]:
    """Return those of the doors that lead to a bot that opened the address.

    Raises:
        DoorError: None does.

    """
    if opened := [door for door in doors if door.is_open and router.directory.is_open(door.bot_id, address)]:
        return opened
    raise DoorError(HTTPStatus.NOT_FOUND, translation_key="address_not_open", address=address)


async def async_enter(
    router: Router, doors: Collection[Door], incoming: Incoming, context: Context | None = None, *, counted: bool
) -> Receipt:
    """Send a message to the bots behind these doors, which are all of one kind.

    A bot at the limit of its door is `failed` in the receipt; the others receive the message.

    Args:
        router: Carries the message.
        doors: Where it comes in; at least one.
        incoming: The message.
        context: Who sends it.
        counted: Whether the doors have counted it already.

    Raises:
        LimitedError: All doors are at their limits.
        MessageError: The content is not valid, or fits none of the bots.

    """
    admitted: dict[str, CALLBACK_TYPE] = {}
    refused: list[Delivery] = []
    refusal: LimitedError | None = None
    for door in doors:
        try:
            if not counted:
                door.async_take()
            admitted[door.bot_id] = door.async_occupy()
        except LimitedError as err:
            refusal = err
            refused.append(door.failed(str(err)))
    if refusal is not None and not admitted:
        raise refusal

    def leave() -> None:
        for leave_one in admitted.values():
            leave_one()

    try:
        message = Message.create(
            incoming.address,
            incoming.content,
            origin=next(door.origin for door in doors),
            context=context,
            internal=False,
            recipients=frozenset(admitted),
        )
        receipt = await router.async_send(message, done=leave)
    except Exception:
        leave()
        raise
    return replace(receipt, deliveries=(*receipt.deliveries, *refused)) if refused else receipt
