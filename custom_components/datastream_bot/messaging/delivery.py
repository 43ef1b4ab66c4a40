"""Delivery: a receiver handles its copy of a message, and what becomes of it is its own."""

import asyncio
from collections.abc import Mapping
import logging
from typing import Any

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.json import json_bytes

from ..const import DOMAIN
from ..errors import PartlyFailedError
from .message import Message
from .receipt import Delivery, Outcome
from .registry import Listing, Receiver

_LOGGER = logging.getLogger(__name__)


async def async_deliver(listing: Listing, receiver: Receiver, message: Message) -> Delivery:
    """Let a receiver handle its copy of the message; its failure is its own."""
    result: Mapping[str, Any] | None = None
    error: str | None = None
    try:
        result = await receiver.deliver(message.copy())
        if result is not None:
            _check_result(result)
    except ServiceValidationError as err:
        # The sender's mistake, and the error may quote the content: that is for the receipt, not for the log.
        error = _told(err)
        _LOGGER.warning("%s of %s refused a message to %s", receiver.name, listing.bot_name, message.address)
        _LOGGER.debug("The message was refused because of its content: %s", error)
    except HomeAssistantError as err:
        error = _told(err)
        result = err.result if isinstance(err, PartlyFailedError) else None
        _LOGGER.warning(
            "%s of %s failed on a message to %s: %s", receiver.name, listing.bot_name, message.address, error
        )
    except Exception as err:
        error = f"{type(err).__name__}: {_told(err)}"
        _LOGGER.exception("%s of %s failed on a message to %s", receiver.name, listing.bot_name, message.address)
    outcome = Outcome.HANDLED if error is None else Outcome.FAILED
    return answer(listing, receiver.name, outcome, result=result, error=error)


def _told(err: Exception) -> str:
    """Return what an error says, as text that can go wherever receipts go."""
    return str(err).encode(errors="replace").decode()


def _check_result(result: Mapping[str, Any]) -> None:
    """Check that a result can go wherever receipts go, which is where only JSON can go."""
    try:
        json_bytes(result)
    except (TypeError, ValueError) as err:
        raise HomeAssistantError(
            translation_domain=DOMAIN, translation_key="result_not_json", translation_placeholders={"problem": str(err)}
        ) from err


def delivery_by_now(listing: Listing, receiver: Receiver, task: asyncio.Task[Delivery]) -> Delivery:
    """Return what became of a delivery by now."""
    if not task.done():
        return answer(listing, receiver.name, Outcome.RUNNING)
    if task.cancelled():
        return answer(listing, receiver.name, Outcome.FAILED, error="Cancelled")
    return task.result()


def answer(
    listing: Listing,
    receiver: str,
    outcome: Outcome,
    *,
    result: Mapping[str, Any] | None = None,
    error: str | None = None,
) -> Delivery:
    """Return what a receiver of a bot answers."""
    return Delivery(
        bot_id=listing.bot_id,
        bot_name=listing.bot_name,
        receiver=receiver,
        outcome=outcome,
        result=result,
        error=error,
    )
