"""Bots of the same name: renaming one on Home Assistant's page asks nobody whether its new name is free."""

from typing import Any

from homeassistant.config_entries import SIGNAL_CONFIG_ENTRY_CHANGED, ConfigEntry, ConfigEntryChange
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect

from .const import DOMAIN
from .issues import async_create_issue, async_delete_issue


@callback
def async_watch_names(hass: HomeAssistant) -> None:
    """Raise a repair issue while two bots have the same name, for the one that was added later."""

    @callback
    def changed(change: ConfigEntryChange, entry: ConfigEntry[Any]) -> None:
        if entry.domain != DOMAIN:
            return
        if change is ConfigEntryChange.REMOVED:
            async_delete_issue(hass, _issue_id(entry))
        _check(hass)

    async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, changed)
    _check(hass)


def _check(hass: HomeAssistant) -> None:
    names: set[str] = set()
    for entry in hass.config_entries.async_entries(DOMAIN):
        name = entry.title.casefold()
        if name in names:
            async_create_issue(hass, _issue_id(entry), translation_key="same_name", entry=entry)
        else:
            async_delete_issue(hass, _issue_id(entry))
        names.add(name)


def _issue_id(entry: ConfigEntry[Any]) -> str:
    return f"same_name_{entry.entry_id}"
