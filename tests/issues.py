"""Repair issues, as Home Assistant's page shows them."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from custom_components.datastream_bot.const import DOMAIN


def shown_issues(hass: HomeAssistant) -> dict[str, ir.IssueEntry]:
    """Return the issues that are shown, by the key of their text."""
    issues = ir.async_get(hass).issues.values()
    return {str(issue.translation_key): issue for issue in issues if issue.domain == DOMAIN and issue.active}


def told_by(issue: ir.IssueEntry) -> dict[str, Any]:
    """Return what an issue tells."""
    return issue.translation_placeholders or {}
