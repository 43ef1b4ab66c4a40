"""The sender limit: users who send very much wait, and are refused in the end."""

import asyncio
from typing import Final

from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.helpers.singleton import singleton
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN
from .errors import MessageError
from .rate_limit import TokenBuckets
from .rights import async_is_administrator

PER_SECOND: Final = 50
AT_ONCE: Final = 500
"""How many messages of a user who is no administrator; Home Assistant's recorder falls behind at 180 a second."""

LONGEST_WAIT: Final = 10.0

_MAX_USERS: Final = 1000

_DATA: HassKey[SenderLimit] = HassKey(f"{DOMAIN}.sender_limit")


@singleton(_DATA)
@callback
def async_get_sender_limit(hass: HomeAssistant) -> SenderLimit:
    """Return the limit, which all ways that a user has to send share."""
    return SenderLimit(hass)


class SenderLimit:
    """Admits messages of users."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Initialize the limit."""
        self._hass = hass
        self._buckets = TokenBuckets(rate=PER_SECOND, burst=AT_ONCE, maximum=_MAX_USERS)

    async def async_admit(self, context: Context) -> None:
        """Wait until a message may be sent.

        Raises:
            MessageError: Its user has sent too many.

        """
        if context.user_id is None or await async_is_administrator(self._hass, context.user_id):
            return
        wait = self._buckets.of(context.user_id).reserve(self._hass.loop.time(), LONGEST_WAIT)
        if wait is None:
            raise MessageError(translation_key="sent_too_many", rate=PER_SECOND)
        if wait:
            await asyncio.sleep(wait)
