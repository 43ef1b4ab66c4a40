"""Entering: how a message comes in by the doors of one or more bots, within the limits of each."""

from collections.abc import Callable, Collection, Iterable, Sequence
from http import HTTPStatus
from typing import Any, Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import Context, HomeAssistant, callback

from ..bot import DatastreamBotConfigEntry, loaded_bots
from ..const import DOMAIN
from ..data_streams import opens
from ..errors import MessageError
from ..messaging.receipt import Delivery, Outcome, Receipt
from ..messaging.router import DATA_ROUTER
from .door import Door, DoorError, LimitedError, NotReadyError
from .idempotency import async_once
from .request import Received

_RECEIVER: Final = "door"


def open_doors[D: Door](hass: HomeAssistant, kind: type[D]) -> list[D]:
    """Return the open doors of a kind, of which each bot has at most one."""
    return [door for bot in loaded_bots(hass) for door in bot.doors if isinstance(door, kind)]


def entries_to_come(hass: HomeAssistant) -> list[DatastreamBotConfigEntry]:
    """Return the config entries of bots that are about to be loaded."""
    return [
        entry
        for entry in hass.config_entries.async_entries(DOMAIN, include_disabled=False)
        if entry.state is not ConfigEntryState.LOADED
    ]


def doors_to(address: str, doors: Collection[Door], to_come: Iterable[DatastreamBotConfigEntry] = ()) -> list[Door]:
    """Return those of the doors that lead to a bot that opened an address.

    Args:
        address: The address.
        doors: The doors.
        to_come: The config entries of bots that are about to be loaded.

    Raises:
        DoorError: None does, or not yet.

    """
    if found := [door for door in doors if door.is_open and door.router.registry.is_open(door.bot_id, address)]:
        return found
    unloaded = (door.entry for door in doors if door.is_unloaded)
    if any(opens(entry, address) for entry in (*to_come, *unloaded)):
        raise NotReadyError
    raise DoorError(HTTPStatus.NOT_FOUND, translation_key="address_not_open", address=address)


@callback
def async_take_each(doors: Iterable[Door]) -> tuple[list[Door], list[Delivery]]:
    """Count a request at each door, and return the doors within their rate limits, and the refusals of the others.

    Raises:
        LimitedError: All refuse it.

    """
    taken, refused = _ask_each(doors, Door.async_take)
    return list(taken), refused


async def async_enter(
    doors: Collection[Door],
    received: Received,
    *,
    key: str | None,
    context: Context | None = None,
    refused: Sequence[Delivery] = (),
) -> dict[str, Any]:
    """Send a message through doors of one kind, each of which leads to a bot that opened the address.

    Return its receipt as response data. A bot at the limit of its door is `failed` in it; the others receive it.

    Args:
        doors: Where it comes in; at least one.
        received: What is to be sent.
        key: Its idempotency key, if it has one.
        context: Carries the user who sends it.
        refused: What became of it at other doors.

    Raises:
        LimitedError: All doors are at their limits.
        MessageError: The content is not valid, or fits none of the bots.

    """
    if key is None:
        return (await _async_send(doors, received, context, refused)).as_dict()
    stopped = MessageError(translation_key="stopped_at_work")
    interrupted = Receipt(
        message_id="", address=received.address, deliveries=[_failed(door, stopped) for door in doors]
    )
    return await async_once(
        next(iter(doors)).hass,
        [door.receipts for door in doors],
        # Nobody gets the receipt of another user.
        key if context is None else f"{context.user_id}:{key}",
        interrupted.as_dict(),
        # It is not sent before its key is on disk, and meanwhile a door may be closed.
        lambda: _async_send(doors_to(received.address, doors), received, context, refused),
    )


@callback
def async_write_refusal(
    hass: HomeAssistant, error: MessageError, *, origin: str, doors: Iterable[Door], received: Received | None
) -> None:
    """Write into the message log that a message did not enter.

    Args:
        hass: Home Assistant.
        error: Why.
        origin: Kind of the doors.
        doors: Where it came to, if that is known.
        received: What was to be sent, or None when it could not be read.

    """
    refused = [
        Delivery(bot_id=door.bot_id, bot_name=door.entry.title, receiver=_RECEIVER, outcome=Outcome.FAILED)
        for door in doors
    ]
    address = None if received is None else received.address
    hass.data[DATA_ROUTER].log.async_refuse(error, origin=origin, address=address, refused=refused)


async def _async_send(
    doors: Collection[Door], received: Received, context: Context | None, refused: Sequence[Delivery]
) -> Receipt:
    occupied, busy = _ask_each(doors, Door.async_occupy)

    def release() -> None:
        for release_one in occupied.values():
            release_one()

    door = next(iter(occupied))
    try:
        dispatch = await door.router.async_dispatch(
            received.address,
            received.content,
            origin=door.origin,
            context=context,
            internal=False,
            only=[each.bot_id for each in occupied],
            from_outside=True,
            refused=[*busy, *refused],
        )
    except BaseException:
        release()
        raise
    dispatch.async_call_when_finished(release)
    return await dispatch.async_receipt()


def _ask_each[T](doors: Iterable[Door], ask: Callable[[Door], T]) -> tuple[dict[Door, T], list[Delivery]]:
    """Return what each door answers, and the refusals of those at their limits; raise when all are."""
    answers: dict[Door, T] = {}
    refused: list[Delivery] = []
    refusal: LimitedError | None = None
    for door in doors:
        try:
            answers[door] = ask(door)
        except LimitedError as err:
            refusal = err
            refused.append(_failed(door, err))
    if refusal is not None and not answers:
        raise refusal
    return answers, refused


def _failed(door: Door, err: MessageError) -> Delivery:
    """Return as part of a receipt why a message did not come through a door."""
    return Delivery(
        bot_id=door.bot_id, bot_name=door.entry.title, receiver=_RECEIVER, outcome=Outcome.FAILED, error=str(err)
    )
