"""Repair issues. Their texts are in the translations."""

from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN

_BOT_ID: Final = "bot_id"


@callback
def async_create_issue(
    hass: HomeAssistant,
    issue_id: str,
    *,
    translation_key: str,
    severity: ir.IssueSeverity = ir.IssueSeverity.WARNING,
    is_fixable: bool = False,
    entry: ConfigEntry[Any] | None = None,
    **placeholders: object,
) -> None:
    """Create a repair issue, or replace the one with this id.

    Args:
        hass: Home Assistant.
        issue_id: Its id.
        translation_key: Key of its text.
        severity: How bad it is.
        is_fixable: Whether users can confirm it.
        entry: Config entry of the bot that it is about, whose name is the placeholder `bot`.
        placeholders: What else its text has.

    """
    named = {} if entry is None else {"bot": entry.title}
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        data=None if entry is None else {_BOT_ID: entry.entry_id},
        is_fixable=is_fixable,
        severity=severity,
        translation_key=translation_key,
        translation_placeholders={**named, **{name: str(value) for name, value in placeholders.items()}},
    )


@callback
def async_rename_in_issues(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Let the repair issues about a bot call it by its name of now."""
    for issue in list(ir.async_get(hass).issues.values()):
        if issue.domain == DOMAIN and issue.active and issue.data == {_BOT_ID: entry.entry_id}:
            placeholders = {**(issue.translation_placeholders or {}), "bot": entry.title}
            kept = {name: getattr(issue, name) for name in ("data", "is_fixable", "severity", "translation_key")}
            ir.async_create_issue(hass, DOMAIN, issue.issue_id, **kept, translation_placeholders=placeholders)


@callback
def async_delete_issue(hass: HomeAssistant, issue_id: str) -> None:
    """Delete a repair issue, if it is there."""
    ir.async_delete_issue(hass, DOMAIN, issue_id)


@callback
def async_has_issue(hass: HomeAssistant, issue_id: str) -> bool:
    """Return whether a repair issue is there and shown.

    After a restart the registry still knows the issues of the time before, but shows them no longer.
    """
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    return issue is not None and issue.active
