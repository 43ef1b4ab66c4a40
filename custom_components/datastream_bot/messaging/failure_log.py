"""The failure log: tells Home Assistant's log what receivers failed on, in one line, and not time and again."""

from collections import OrderedDict
import logging
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from ..errors import printable

_LOGGER = logging.getLogger(__name__)

_AGAIN_AFTER: Final = 60.0
"""Seconds after which the same is told again."""

_REMEMBERED: Final = 1000

type _Failure = tuple[str, str, str, type[Exception]]


class FailureLog:
    """Writes failures of receivers. What came in a message reaches the log as text that can be seen, or not at all."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Initialize the log."""
        self._hass = hass
        self._written: OrderedDict[_Failure, float] = OrderedDict()

    def write(self, bot_id: str, receiver: str, address: str, err: Exception) -> None:
        """Write that a receiver failed on a message, unless it did so in the last minute.

        Args:
            bot_id: Config entry id of the bot.
            receiver: What people call the receiver.
            address: What the message was sent to.
            err: Why it failed.

        """
        error = printable(str(err))
        if self._is_repeated((bot_id, receiver, address, type(err))):
            _LOGGER.debug("%s failed again on a message to %s: %s", receiver, address, error)
        elif isinstance(err, ServiceValidationError):
            # The mistake is the sender's, and the error may quote the content: it is for the receipt.
            _LOGGER.warning("%s refused a message to %s", receiver, address)
            _LOGGER.debug("The message was refused because of its content: %s", error)
        elif isinstance(err, HomeAssistantError):
            _LOGGER.warning("%s failed on a message to %s: %s", receiver, address, error)
        else:
            # The error itself may quote the content.
            shown = RuntimeError(type(err).__name__).with_traceback(err.__traceback__)
            _LOGGER.error("%s failed on a message to %s", receiver, address, exc_info=shown)
            _LOGGER.debug("It failed because of this: %s", error)

    def _is_repeated(self, failure: _Failure) -> bool:
        now = self._hass.loop.time()
        if self._written.get(failure, -_AGAIN_AFTER) > now - _AGAIN_AFTER:
            return True
        self._written[failure] = now
        self._written.move_to_end(failure)
        if len(self._written) > _REMEMBERED:
            self._written.popitem(last=False)
        return False
