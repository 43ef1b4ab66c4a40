"""The repair issue about doubt: for a day, something has kept a bot from being sure about presence."""

from collections.abc import Sequence
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later

from ..issues import async_create_issue, async_delete_issue
from .observation import NOBODY
from .persons import Presence
from .tracker import PresenceTracker

LASTING: Final = 24 * 3600.0
"""Seconds after which people are told."""


class DoubtIssue:
    """Tells who keeps a bot from reacting to presence.

    It comes when the bot is unsure, and goes when the doubts are over: in between, others who come home make the bot
    sure for a while, and mend nothing.
    """

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any], tracker: PresenceTracker) -> None:
        """Initialize the issue about a bot."""
        self._hass = hass
        self._entry = entry
        self._tracker = tracker
        self._issue_id = f"doubt_{entry.entry_id}"
        self._cancel_timer: CALLBACK_TYPE | None = None

    @callback
    def async_connect(self) -> CALLBACK_TYPE:
        """Follow what is believed; return the function that stops it and deletes the issue."""
        disconnect = self._tracker.async_connect(self._update)

        @callback
        def stop() -> None:
            disconnect()
            self._stop_timer()
            async_delete_issue(self._hass, self._issue_id)

        return stop

    @callback
    def _update(self, _: object) -> None:
        self._stop_timer()
        now = self._hass.loop.time()
        ends = {each: since + LASTING for each, since in self._tracker.state.doubts.items()}
        if to_come := [end - now for end in ends.values() if end > now]:
            again = HassJob(self._update, cancel_on_shutdown=True)
            self._cancel_timer = async_call_later(self._hass, min(to_come), again)
        lasting = sorted(each for each, end in ends.items() if end <= now)
        if not lasting or not self._tracker.is_reacting:
            async_delete_issue(self._hass, self._issue_id)
        elif self._tracker.belief is Presence.UNSURE:
            self._report(lasting)

    def _report(self, doubts: Sequence[str]) -> None:
        if NOBODY in doubts:
            async_create_issue(self._hass, self._issue_id, translation_key="nobody_followed", entry=self._entry)
            return
        async_create_issue(
            self._hass,
            self._issue_id,
            translation_key="person_unsure",
            entry=self._entry,
            persons=", ".join(self._named(person) for person in doubts),
        )

    def _named(self, person: str) -> str:
        state = self._hass.states.get(person)
        return person if state is None else f"{state.name} ({person})"

    def _stop_timer(self) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None
