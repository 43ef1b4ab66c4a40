"""The door: a way into one bot from outside Home Assistant, and how much may come through it."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus
from ipaddress import ip_address
import logging
import math
from typing import Any, ClassVar, Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.network import is_cloud_connection
from homeassistant.util.network import is_local
import voluptuous as vol

from ..bot import Bot, DatastreamBotConfigEntry
from ..channel import Channel
from ..const import CONF_DOORS_CLOSED
from ..errors import MessageError
from ..issues import async_create_issue, async_delete_issue
from ..messaging.router import Router
from ..rate_limit import BURST, LIMITS, LIMITS_FORM, RATE, TokenBucket
from ..settings import door_settings
from .idempotency import async_get_receipts
from .streak import Streak

_LOGGER = logging.getLogger(__name__)

CONF_LOCAL_ONLY: Final = "local_only"
CONF_OPEN: Final = "open"

MAX_WORKING: Final = 100
"""For how many messages of a door bots may be at work."""

_LOADED_AFTER: Final = 5
_LIMITED_FOR: Final = 60.0


class DoorError(MessageError):
    """A request was refused."""

    def __init__(
        self,
        status: HTTPStatus,
        headers: Mapping[str, str] | None = None,
        *,
        translation_key: str,
        **placeholders: object,
    ) -> None:
        """Initialize the error with the HTTP status and headers of the answer."""
        super().__init__(translation_key=translation_key, **placeholders)
        self.status = status
        self.headers = headers or {}


class LimitedError(DoorError):
    """A request was refused because too many came."""

    def __init__(self, *, translation_key: str, wait: float) -> None:
        """Initialize the error with the seconds after which another request would be admitted."""
        seconds = math.ceil(wait)
        super().__init__(
            HTTPStatus.TOO_MANY_REQUESTS,
            {"Retry-After": str(seconds)},
            translation_key=translation_key,
            seconds=seconds,
        )


class NotReadyError(DoorError):
    """A request came for a bot that is about to be loaded."""

    def __init__(self) -> None:
        """Initialize the error with the seconds after which it will be loaded."""
        # Home Assistant's cloud passes on the body, but not the header.
        super().__init__(
            HTTPStatus.SERVICE_UNAVAILABLE,
            {"Retry-After": str(_LOADED_AFTER)},
            translation_key="bot_not_ready",
            seconds=_LOADED_AFTER,
        )


class Door:
    """A way into one bot, with limits of its own.

    Attributes:
        hass: Home Assistant.
        origin: What messages that come through it are marked with; also the key of its settings.
        title: What people call it, in every language.
        form: Its section in the form of the doors, with defaults; a door without one is always open.
        bot_id: Config entry id of the bot.
        entry: Config entry of the bot.
        router: Takes the messages.
        receipts: The receipts of messages that had an idempotency key.
        settings: What it is opened with.
        is_open: Whether it lets anybody in.

    """

    origin: ClassVar[str]
    title: ClassVar[str]
    form: ClassVar[Mapping[vol.Marker, Any]] = {}

    def __init__(self, bot: Bot, router: Router) -> None:
        """Initialize the door of a bot, closed."""
        self.hass = bot.hass
        self.bot_id = bot.bot_id
        self.entry = bot.entry
        self.router = router
        self.receipts = async_get_receipts(bot.hass, bot.bot_id, self.origin)
        self.is_open = False
        own = door_settings(bot.entry.options, self.origin, self.form)
        limits = door_settings(bot.entry.options, LIMITS, LIMITS_FORM)
        self.settings: Mapping[str, Any] = {**own, LIMITS: limits}
        self._local_only: bool = own.get(CONF_LOCAL_ONLY, False)
        self._bucket = TokenBucket(rate=limits[RATE], burst=int(limits[BURST]))
        self._working = 0
        self._counts: Counter[str] = Counter()
        self._refusals = Streak(bot.hass, _LIMITED_FOR, lambda: async_delete_issue(bot.hass, self._issue_id))

    async def async_prepare(self) -> None:
        """Load what it needs before it is opened."""

    @callback
    def async_close(self) -> None:
        """Let nobody in any more."""
        self.is_open = False
        self._refusals.async_end()

    @classmethod
    def will_admit(cls, hass: HomeAssistant, entry: DatastreamBotConfigEntry, remote: str | None) -> bool:
        """Return whether a request from this IP address may come to the door of a bot as soon as that is loaded."""
        local_only = door_settings(entry.options, cls.origin, cls.form).get(CONF_LOCAL_ONLY, False)
        return cls.will_open(hass, entry) and (not local_only or _is_from_here(hass, remote))

    @classmethod
    def will_open(cls, hass: HomeAssistant, entry: DatastreamBotConfigEntry) -> bool:
        """Return whether the door of a bot is open, or will be as soon as the bot is loaded."""
        is_there = entry.disabled_by is None and hass.config_entries.async_get_entry(entry.entry_id) is not None
        is_open: bool = door_settings(entry.options, cls.origin, cls.form).get(CONF_OPEN, True)
        return is_there and is_open and not entry.options.get(CONF_DOORS_CLOSED, False)

    @abstractmethod
    def channels(self, address: str) -> Sequence[Channel]:
        """Return where messages to an open address may be sent."""

    @property
    def is_unloaded(self) -> bool:
        """Return whether it is closed only until the bot is loaded anew."""
        return not self.is_open and self.will_open(self.hass, self.entry)

    def admits(self, remote: str | None) -> bool:
        """Return whether a request from this IP address may come to the door at all."""
        return self.is_open and (not self._local_only or _is_from_here(self.hass, remote))

    @callback
    def async_count(self, code: str) -> None:
        """Count a request that was not answered."""
        self._counts[code] += 1

    @callback
    def async_take(self) -> None:
        """Count a request within the rate limit.

        Raises:
            LimitedError: The limit is reached.

        """
        if wait := self._bucket.take(self.hass.loop.time()):
            raise self._limited(LimitedError(translation_key="rate_limited", wait=wait), translation_key="door_limited")

    @callback
    def async_occupy(self) -> CALLBACK_TYPE:
        """Reserve a concurrency slot; return the function that releases it.

        Raises:
            LimitedError: There is none.

        """
        if self._working >= MAX_WORKING:
            raise self._limited(LimitedError(translation_key="too_busy", wait=1), translation_key="door_busy")
        self._counts["accepted"] += 1
        self._working += 1
        return self._release

    @callback
    def _release(self) -> None:
        self._working -= 1

    def diagnostics(self) -> dict[str, Any]:
        """Return what came to the door, and what became of it."""
        return {"local_only": self._local_only, "working": self._working, "counts": dict(self._counts)}

    @callback
    def _limited(self, error: LimitedError, *, translation_key: str) -> LimitedError:
        """Return the refusal of a request; log it and raise a repair issue until no more are refused."""
        self._counts[error.code] += 1
        if self._refusals.async_count() == 1:
            _LOGGER.warning(
                "%s refuses messages at its door %s, as too many come at once", self.entry.title, self.title
            )
            async_create_issue(
                self.hass, self._issue_id, translation_key=translation_key, entry=self.entry, door=self.title
            )
        return error

    @property
    def _issue_id(self) -> str:
        return f"door_limited_{self.origin}_{self.bot_id}"


def _is_from_here(hass: HomeAssistant, remote: str | None) -> bool:
    """Return whether a request comes from the home's own network."""
    return remote is not None and not is_cloud_connection(hass) and _is_local(remote)


@lru_cache(maxsize=64)
def _is_local(remote: str) -> bool:
    """Return whether an IP address is in the home's own network; most requests come from the same few."""
    try:
        return is_local(ip_address(remote))
    except ValueError:
        return False
