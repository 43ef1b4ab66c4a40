"""Trouble: what keeps a bot from other homes is told to whoever can mend it, until it is mended."""

import logging
from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..const import DOMAIN
from .envelope import Fault, Sender
from .household import MAX_WORKING
from .roster import Peer
from .topics import Membership

_LOGGER = logging.getLogger(__name__)

MAX_COMPLAINTS: Final = 100

DRIFT: Final = 5
"""By how many minutes a wrong clock has to change before that is told."""

_FAULTS: Final = {
    Fault.FORGED: "it says that it comes from somebody else",
    Fault.NOT_JSON: "it is no JSON object",
    Fault.NOT_VALID: "something in it is missing or is not what it has to be",
    Fault.OTHER_VERSION: "it is of another version of this integration",
    Fault.TOO_LARGE: "it is too large",
}


class Trouble:
    """The repair issues and warnings of one MQTT door."""

    def __init__(self, hass: HomeAssistant, sender: Sender, membership: Membership) -> None:
        """Initialize it without any."""
        self._hass = hass
        self._sender = sender
        self._membership = membership
        self._told: set[tuple[str, str | None]] = set()
        self._wrong_clocks: dict[Peer, tuple[str, int]] = {}
        self._told_clock: tuple[str, int] | None = None

    def unread(self, fault: Fault, home: str | None) -> None:
        """Tell the log of what came in and cannot be read, once for each home and reason."""
        if self._is_news(fault, home):
            _LOGGER.warning(
                "The MQTT door of %s leaves alone what came from %s: %s",
                self._sender.name,
                _named(home),
                _FAULTS[fault],
            )

    @callback
    def busy(self, home: str | None) -> None:
        """Tell the log of a home that waits because the bot is still at work for what came from it before, once."""
        if self._is_news("busy", home):
            _LOGGER.warning(
                "%s is still at work for %s messages from %s, and begins with no other from there before one ends",
                self._sender.name,
                MAX_WORKING,
                _named(home),
            )

    @callback
    def copied(self) -> None:
        """Tell that another Home Assistant has this bot, too."""
        self._complain(translation_key="mqtt_copied")

    @callback
    def missing(self, is_missing: bool) -> None:  # noqa: FBT001 - it is a callback
        """Tell that Home Assistant has no MQTT integration, until it has one."""
        if is_missing:
            self._complain(translation_key="mqtt_missing")
        else:
            self._resolve("mqtt_missing")

    @callback
    def refused(self) -> None:
        """Tell that the broker does not let the bot hear itself."""
        self._complain(translation_key="mqtt_refused", home=self._membership.home or self._membership.organization)

    def not_refused(self) -> None:
        """Take note that it does."""
        self._resolve("mqtt_refused")

    @callback
    def lost(self, number: int) -> None:
        """Tell that messages could not be kept until the broker was there."""
        self._complain(translation_key="mqtt_lost", is_fixable=True, number=number)

    @callback
    def timed(self, peer: Peer, late_by: float | None) -> None:
        """Tell of the clock of a bot whose message came at an impossible time, until all are right or gone."""
        if late_by is None and not self._wrong_clocks:
            return
        if late_by is None:
            self._wrong_clocks.pop(peer, None)
        else:
            self._wrong_clocks[peer] = peer.sender.home or self._membership.organization, round(late_by / 60)
        # What a bot has sent may be handled when it is gone.
        self._wrong_clocks = {each: clock for each, clock in self._wrong_clocks.items() if not each.is_gone}
        if not self._wrong_clocks:
            self._told_clock = None
            self._resolve("mqtt_clock")
            return
        clock = home, minutes = next(reversed(self._wrong_clocks.values()))
        # Each message takes its own time, and an issue is not rewritten for that.
        if self._told_clock is None or self._told_clock[0] != home or abs(self._told_clock[1] - minutes) >= DRIFT:
            self._told_clock = clock
            self._complain(translation_key="mqtt_clock", home=home, minutes=minutes)

    def end(self) -> None:
        """Tell no more of what only matters while the door is open."""
        for about in ("mqtt_missing", "mqtt_refused", "mqtt_clock", "mqtt_copied"):
            self._resolve(about)

    def _is_news(self, about: str, home: str | None) -> bool:
        """Return whether the log was not told of something about a home yet; it is not told of any number of homes."""
        is_news = (about, home) not in self._told and len(self._told) < MAX_COMPLAINTS
        if is_news:
            self._told.add((about, home))
        return is_news

    def _complain(self, *, translation_key: str, is_fixable: bool = False, **placeholders: object) -> None:
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            f"{translation_key}_{self._sender.bot}",
            is_fixable=is_fixable,
            severity=ir.IssueSeverity.WARNING,
            translation_key=translation_key,
            translation_placeholders={
                "bot": self._sender.name,
                **{name: str(value) for name, value in placeholders.items()},
            },
        )

    def _resolve(self, about: str) -> None:
        ir.async_delete_issue(self._hass, DOMAIN, f"{about}_{self._sender.bot}")


def _named(home: str | None) -> str:
    return "the organization" if home is None else home


@callback
def async_end_trouble(hass: HomeAssistant, bot_id: str) -> None:
    """Tell no more of a bot that is gone."""
    ir.async_delete_issue(hass, DOMAIN, f"mqtt_lost_{bot_id}")
