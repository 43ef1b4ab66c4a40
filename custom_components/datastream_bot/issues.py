"""Repair issues. Their texts are in the translations."""

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN


@callback
def async_create_issue(
    hass: HomeAssistant,
    issue_id: str,
    *,
    translation_key: str,
    severity: ir.IssueSeverity = ir.IssueSeverity.WARNING,
    is_fixable: bool = False,
    **placeholders: object,
) -> None:
    """Create a repair issue, or replace the one with this id."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        is_fixable=is_fixable,
        severity=severity,
        translation_key=translation_key,
        translation_placeholders={name: str(value) for name, value in placeholders.items()},
    )


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
