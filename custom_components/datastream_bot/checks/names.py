"""Bots of the same name: renaming one on Home Assistant's page asks nobody whether its new name is free."""

from collections.abc import Collection
from typing import override

from homeassistant.core import callback

from ..const import DOMAIN
from ..issues import async_create_issue
from .check import Check


class NameCheck(Check):
    """Finds bots that have the name of another, which was added before."""

    @callback
    @override
    def async_connect(self) -> None:
        super().async_connect()
        self._connect_bots()

    @override
    def _report(self) -> Collection[str]:
        names: set[str] = set()
        found: list[str] = []
        for entry in self._hass.config_entries.async_entries(DOMAIN):
            if (name := entry.title.casefold()) in names:
                found.append(issue_id := f"same_name_{entry.entry_id}")
                async_create_issue(self._hass, issue_id, translation_key="same_name", entry=entry)
            names.add(name)
        return found
