"""Handling: a message from another home is given to the bot, if it came in time and may come at all."""

from collections import Counter
from dataclasses import dataclass
import logging
import time
from typing import Final

from homeassistant.core import CALLBACK_TYPE
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util

from ..const import ATTR_ADDRESS, ATTR_CONTENT
from ..errors import MessageError
from ..messaging.loop_guard import MAX_HOPS
from ..messaging.message import checked_address
from ..messaging.receipt import Delivery, Outcome, Receipt
from ..messaging.router import Router
from .envelope import Envelope, Lists, Sender
from .roster import Peer
from .trouble import Trouble

_LOGGER = logging.getLogger(__name__)

MAX_AHEAD: Final = 300.0
"""Seconds that the clock of another home may be ahead."""

MAX_BEHIND: Final = 60.0
"""Seconds after its time in which a message may still come from a home whose clock is right."""

MAX_KEPT: Final = 24 * 3600.0 + MAX_AHEAD
"""Seconds that a sender may keep a message, as the form of the doors has it, and more for its clock."""

ORIGIN: Final = "mqtt"

_RECEIVER: Final = "door"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A message that came.

    Attributes:
        envelope: The message.
        at: When it came, in seconds since 1970.

    """

    envelope: Envelope
    at: float

    @property
    def expires(self) -> float:
        """Return when it is too old, in seconds since 1970, however long its sender claims to keep it."""
        return min(float(self.envelope.data["expires"]), self.at + MAX_KEPT)


class Handling:
    """Gives messages from bots elsewhere to a bot."""

    def __init__(self, sender: Sender, router: Router, counts: Counter[str], trouble: Trouble) -> None:
        """Initialize handling.

        Args:
            sender: The bot that receives.
            router: Carries the messages.
            counts: Counts what came.
            trouble: Is told of wrong clocks.

        """
        self._sender = sender
        self._router = router
        self._counts = counts
        self._trouble = trouble

    async def async_handle(self, peer: Peer, arrival: Arrival, done: CALLBACK_TYPE) -> Lists:
        """Give a message to the bot, and return the lists of the receipt.

        Args:
            peer: Who sent it.
            arrival: The message.
            done: Called when nobody is at work for it any more.

        """
        try:
            return await self._async_send(peer, arrival, done)
        except HomeAssistantError as err:
            done()
            return self.failed(err)
        except Exception as err:
            _LOGGER.exception("A message from %s failed", peer.sender.name)
            done()
            return self.failed(err)

    def failed(self, err: Exception) -> Lists:
        """Return what to answer when a message did not even get to the bot's receivers."""
        return self._lists(Outcome.FAILED, str(err))

    def running(self) -> Lists:
        """Return what to answer when nobody waits any longer for what becomes of a message."""
        return self._lists(Outcome.RUNNING)

    def _lists(self, outcome: Outcome, error: str | None = None) -> Lists:
        delivery = Delivery(
            bot_id=self._sender.bot, bot_name=self._sender.name, receiver=_RECEIVER, outcome=outcome, error=error
        )
        return Receipt(message_id="", address="", deliveries=(delivery,)).lists()

    async def _async_send(self, peer: Peer, arrival: Arrival, done: CALLBACK_TYPE) -> Lists:
        envelope = arrival.envelope
        self._check_time(peer, arrival)
        address, hops = checked_address(envelope.data[ATTR_ADDRESS]), envelope.data["hops"]
        if hops > MAX_HOPS:
            # Its sender should have refused it, and told there of automations that answer each other.
            raise MessageError(translation_key="too_many_hops", address=address, limit=str(MAX_HOPS))
        if not self._router.registry.is_open(self._sender.bot, address):
            self._counts["not_open"] += 1
            done()
            return Receipt(message_id="", address=address).lists()
        self._counts["accepted"] += 1
        dispatch = await self._router.async_dispatch(
            address,
            envelope.data[ATTR_CONTENT],
            origin=ORIGIN,
            internal=False,
            only=(self._sender.bot,),
            home=peer.sender.home,
            hops=hops,
        )
        dispatch.async_call_when_finished(done)
        return (await dispatch.async_receipt()).lists()

    def _check_time(self, peer: Peer, arrival: Arrival) -> None:
        """Check that a message is neither too old nor from the future.

        Raises:
            MessageError: It is.

        """
        envelope, now = arrival.envelope, time.time()
        is_late = arrival.expires <= now
        is_early = envelope.time > arrival.at + MAX_AHEAD
        # It may also have waited for long here, or have been sent again in its last seconds.
        is_possible = not is_early and envelope.data["expires"] > arrival.at - MAX_BEHIND
        self._trouble.timed(peer, None if is_possible else arrival.at - envelope.time)
        if not is_late and not is_early:
            return
        self._counts["late" if is_late else "early"] += 1
        raise MessageError(
            translation_key="message_late" if is_late else "message_early",
            sent=dt_util.utc_from_timestamp(envelope.time).isoformat(timespec="seconds"),
            here=dt_util.utc_from_timestamp(now).isoformat(timespec="seconds"),
        )
