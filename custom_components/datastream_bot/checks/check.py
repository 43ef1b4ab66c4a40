"""The base of all checks."""

from abc import ABC, abstractmethod
from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from homeassistant.config_entries import SIGNAL_CONFIG_ENTRY_CHANGED, ConfigEntry, ConfigEntryChange
from homeassistant.core import CALLBACK_TYPE, CoreState, HassJob, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.start import async_at_started

from ..const import DOMAIN
from ..issues import async_delete_issue

_SETTLED_AFTER: Final = 10.0
"""Seconds after a change: while things are loaded anew, some are gone before they are back."""


class Check(ABC):
    """Creates the repair issues that there are, and deletes those that are over.

    It does nothing while Home Assistant starts or stops, when much is not there.
    """

    def __init__(self, hass: HomeAssistant) -> None:
        """Initialize the check."""
        self._hass = hass
        self._due: CALLBACK_TYPE | None = None
        self._issue_ids: set[str] = set()

    @abstractmethod
    def _report(self) -> Collection[str]:
        """Create all issues that there are, and return their ids."""

    @callback
    def async_connect(self) -> None:
        """Check once Home Assistant has started, and again whenever something changes."""
        async_at_started(self._hass, self._changed)

    def _connect_bots(self) -> None:
        """Check at once when bots change: users look what became of the issue that they had a form for."""

        @callback
        def changed(_: ConfigEntryChange, entry: ConfigEntry[Any]) -> None:
            if entry.domain == DOMAIN:
                self._check()

        async_dispatcher_connect(self._hass, SIGNAL_CONFIG_ENTRY_CHANGED, changed)

    @callback
    def _changed(self, *_: object) -> None:
        """Check in a while, once for all that changes until then."""
        if self._due is None and self._hass.state is CoreState.running:
            job = HassJob(self._settled, cancel_on_shutdown=True)
            self._due = async_call_later(self._hass, _SETTLED_AFTER, job)

    @callback
    def _settled(self, _: datetime) -> None:
        self._due = None
        self._check()

    def _check(self) -> None:
        if self._hass.state is not CoreState.running:
            return
        found = {*self._report()}
        for issue_id in self._issue_ids - found:
            async_delete_issue(self._hass, issue_id)
        self._issue_ids = found
