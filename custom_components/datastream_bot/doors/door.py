"""The door: a way into a bot from outside Home Assistant, and how much may come through it."""

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
import logging
from typing import Any, Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.network import is_cloud_connection
from homeassistant.util.network import is_local

from ..const import (
    CONF_BURST,
    CONF_CLOUD_API,
    CONF_DOORS,
    CONF_HOME,
    CONF_KEEP_FOR,
    CONF_KEEP_MESSAGES,
    CONF_LIMITS,
    CONF_LOCAL_ONLY,
    CONF_MQTT,
    CONF_OPEN,
    CONF_ORGANIZATION,
    CONF_RATE,
    CONF_ROLE,
    CONF_SIGNED,
    CONF_WEBHOOK,
    DOMAIN,
    Origin,
)
from ..errors import LimitedError
from ..messaging.receipt import Delivery, Outcome
from ..mqtt.topics import Role
from ..rate_limit import TokenBucket

_LOGGER = logging.getLogger(__name__)

MAX_WORKING: Final = 100
"""For how many messages of a door bots may be at work."""

CLOSED: Final[Mapping[str, Mapping[str, Any]]] = {
    CONF_WEBHOOK: {CONF_OPEN: False, CONF_LOCAL_ONLY: True, CONF_SIGNED: False},
    CONF_MQTT: {
        CONF_OPEN: False,
        CONF_ORGANIZATION: "",
        CONF_HOME: "",
        CONF_ROLE: Role.HOME.value,
        CONF_KEEP_MESSAGES: 1000,
        CONF_KEEP_FOR: 60,
    },
    CONF_CLOUD_API: {CONF_OPEN: False, CONF_LOCAL_ONLY: True},
    CONF_LIMITS: {CONF_RATE: 10, CONF_BURST: 50},
}
"""The doors of a bot whose user has not opened any."""

_RECEIVER: Final = "door"
_CALM_AFTER: Final = 60.0
_NAMES: Final = {
    Origin.CLOUD_API: "BotLab-compatible API",
    Origin.HTTP: "HTTP API",
    Origin.WEBHOOK: "webhook",
}


def door_settings(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the doors that the data of a config entry hold; those of former versions hold fewer."""
    stored = data.get(CONF_DOORS, {})
    return {name: {**closed, **stored.get(name, {})} for name, closed in CLOSED.items()}


class Door:
    """A way into one bot, with limits of its own."""

    def __init__(
        self,
        hass: HomeAssistant,
        bot_id: str,
        bot_name: str,
        origin: Origin,
        limits: Mapping[str, Any],
        *,
        local_only: bool = False,
    ) -> None:
        """Initialize the door.

        Args:
            hass: Home Assistant.
            bot_id: Id of the bot that it leads to.
            bot_name: What people call that bot.
            origin: What messages that come through it are marked with.
            limits: How many messages a second, and how many at once.
            local_only: Whether it admits the home's own network only.

        """
        self.bot_id = bot_id
        self.origin = origin
        self.local_only = local_only
        self.is_open = True
        self._hass = hass
        self._bot_name = bot_name
        self._bucket = TokenBucket(rate=limits[CONF_RATE], burst=int(limits[CONF_BURST]))
        self._working = 0
        self._counts: Counter[str] = Counter()
        self._calm: CALLBACK_TYPE | None = None

    @callback
    def async_close(self) -> None:
        """Let nobody in any more, and forget that messages were refused."""
        self.is_open = False
        if self._calm is not None:
            self._calm()
            self._async_calm()

    def admits(self, remote: str | None) -> bool:
        """Return whether a request from this IP address may come to the door at all."""
        return self.is_open and (not self.local_only or _is_from_here(self._hass, remote))

    @callback
    def async_count(self, code: str) -> None:
        """Count a request that the door did not answer."""
        self._counts[code] += 1

    @callback
    def async_take(self) -> None:
        """Let one request through, or refuse it because too many came.

        Raises:
            LimitedError: The limit is reached.

        """
        if wait := self._bucket.take(self._hass.loop.time()):
            raise self._limited(LimitedError(translation_key="rate_limited", wait=wait), translation_key="door_limited")

    @callback
    def async_occupy(self) -> CALLBACK_TYPE:
        """Take the place of a message, and return what gives it back when nobody is at work for the message any more.

        Raises:
            LimitedError: There is no place.

        """
        if self._working >= MAX_WORKING:
            raise self._limited(LimitedError(translation_key="too_busy", wait=1), translation_key="door_busy")
        self._counts["accepted"] += 1
        self._working += 1

        @callback
        def leave() -> None:
            self._working -= 1

        return leave

    def failed(self, error: str) -> Delivery:
        """Return what a receipt says of the door's refusal."""
        return Delivery(
            bot_id=self.bot_id, bot_name=self._bot_name, receiver=_RECEIVER, outcome=Outcome.FAILED, error=error
        )

    def diagnostics(self) -> dict[str, Any]:
        """Return what came to the door, and what became of it."""
        return {"local_only": self.local_only, "working": self._working, "counts": dict(self._counts)}

    @callback
    def _limited(self, refusal: LimitedError, *, translation_key: str) -> LimitedError:
        """Return the refusal, having told about it once until no more are refused."""
        self._counts[refusal.code] += 1
        placeholders = {"door": _NAMES[self.origin], "bot": self._bot_name}
        if self._calm is None:
            _LOGGER.warning("The %(door)s of %(bot)s refuses messages, as too many come at once", placeholders)
            ir.async_create_issue(
                self._hass,
                DOMAIN,
                self._issue_id,
                is_fixable=False,
                severity=ir.IssueSeverity.WARNING,
                translation_key=translation_key,
                translation_placeholders=placeholders,
            )
        else:
            self._calm()
        self._calm = async_call_later(self._hass, _CALM_AFTER, self._async_calm)
        return refusal

    @callback
    def _async_calm(self, *_: object) -> None:
        self._calm = None
        ir.async_delete_issue(self._hass, DOMAIN, self._issue_id)

    @property
    def _issue_id(self) -> str:
        return f"door_limited_{self.origin}_{self.bot_id}"


def _is_from_here(hass: HomeAssistant, remote: str | None) -> bool:
    """Return whether a request comes from the home's own network."""
    return remote is not None and not is_cloud_connection(hass) and _is_local(remote)


@lru_cache(maxsize=64)
def _is_local(remote: str) -> bool:
    """Return whether an address is in the home's own network; most requests come from the same few."""
    try:
        return is_local(ip_address(remote))
    except ValueError:
        return False
