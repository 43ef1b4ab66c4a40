"""Repair issues: what there is of them, and how each is mended. Their texts are in the translations."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.issue_registry import IssueSeverity

from .const import DOMAIN

BOT_ID: Final = "bot_id"
STREAM_ID: Final = "stream_id"

_DOCS: Final = "https://github.com/datastream-bot/datastream-bot/blob/main/docs/"


class Fix(StrEnum):
    """How users fix an issue in its dialog."""

    CONFIRM = "confirm"
    """They say that they have seen to it, which nothing else could tell."""
    BOT = "bot"
    """By the form of what the bot looks after."""
    DOORS = "doors"
    """By the form of its doors."""
    MQTT = "mqtt"
    """By the form of its way to other homes."""
    NAME = "name"
    """By the form of its name."""
    DATA_STREAM = "data_stream"
    """By the form of one of its data streams."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of repair issues.

    Attributes:
        docs: Page of the documentation that helps, with the heading on it.
        severity: An error where something does not work until it is mended, a warning where it passes by itself, is
            over already, or may be meant.
        fix: How users fix it in its dialog, or None where that only tells what to do.

    """

    docs: str
    severity: IssueSeverity = IssueSeverity.WARNING
    fix: Fix | None = None


_ERROR: Final = IssueSeverity.ERROR
_CIRCLE: Final = "troubleshooting.md#-was-refused-because-more-than-8-messages-led-to-it"
_GONE: Final = "troubleshooting.md#the-settings-of-a-bot-name-what-is-gone"
_NOBODY: Final = "troubleshooting.md#the-receipt-is-empty-or-nobody-received-the-message"
_OTHER_HOMES: Final = "troubleshooting.md#other-homes-are-not-reached"
_REFUSED: Final = "troubleshooting.md#programs-are-refused-with-another-status"
_REMEMBERED: Final = "troubleshooting.md#what-a-bot-remembers-cannot-be-read-or-saved"
_TRIGGER: Final = "troubleshooting.md#a-trigger-does-not-fire"

KINDS: Final[Mapping[str, Kind]] = {
    "bot_gone": Kind(_TRIGGER, _ERROR),
    "bot_gone_nearest": Kind(_TRIGGER, _ERROR),
    "content_refused": Kind(_TRIGGER, _ERROR),
    "door_busy": Kind(_REFUSED),
    "door_limited": Kind(_REFUSED, fix=Fix.DOORS),
    "endless": Kind(_CIRCLE, _ERROR, Fix.CONFIRM),
    "exclude_gone": Kind(_GONE, fix=Fix.BOT),
    "invalid_actions": Kind("troubleshooting.md#the-actions-of-a-data-stream-are-not-valid", _ERROR, Fix.DATA_STREAM),
    "memory_damaged": Kind(_REMEMBERED, fix=Fix.CONFIRM),
    "memory_newer": Kind(_REMEMBERED, _ERROR),
    "memory_unsaved": Kind(_REMEMBERED, _ERROR),
    "mqtt_copied": Kind(_OTHER_HOMES, _ERROR, Fix.MQTT),
    "mqtt_lost": Kind(_OTHER_HOMES, fix=Fix.CONFIRM),
    "mqtt_unsaved": Kind(_OTHER_HOMES, _ERROR),
    "mqtt_unusable": Kind(_OTHER_HOMES, _ERROR, Fix.MQTT),
    "mqtt_upgraded": Kind("many-homes.md#keep-homes-apart", fix=Fix.CONFIRM),
    "nobody_followed": Kind("troubleshooting.md#-follows-nobody", fix=Fix.BOT),
    "not_reached": Kind("troubleshooting.md#a-light-or-switch-is-not-switched"),
    "notify_gone": Kind(_GONE, fix=Fix.BOT),
    "person_unsure": Kind("troubleshooting.md#-does-not-know-whether-everybody-has-left", fix=Fix.BOT),
    "persons_gone": Kind(_GONE, fix=Fix.BOT),
    "same_name": Kind("troubleshooting.md#two-bots-are-called-the-same", fix=Fix.NAME),
    "sends_to_nobody": Kind(_NOBODY),
    "sends_to_nobody_nearest": Kind(_NOBODY),
    "target_gone": Kind(_GONE, fix=Fix.BOT),
    "version_newer": Kind("troubleshooting.md#a-bot-was-set-up-by-a-newer-version", _ERROR),
    "waits_for_nobody_nearest": Kind(_TRIGGER),
    "wrong_signatures": Kind("troubleshooting.md#the-webhook--gets-many-wrong-signatures", fix=Fix.DOORS),
}
"""All kinds, by the key of their text."""


@callback
def async_create_issue(
    hass: HomeAssistant,
    issue_id: str,
    *,
    translation_key: str,
    entry: ConfigEntry[Any] | None = None,
    stream_id: str | None = None,
    severity: IssueSeverity | None = None,
    **placeholders: object,
) -> None:
    """Create a repair issue, or replace the one with this id.

    Args:
        hass: Home Assistant.
        issue_id: Its id.
        translation_key: Key of its text, and of its kind.
        entry: Config entry of the bot that it is about, whose name is the placeholder `bot`.
        stream_id: Id of the config subentry that it is about.
        severity: How bad it is, where it may be worse than its kind says.
        placeholders: What else its text has.

    """
    kind = KINDS[translation_key]
    named = {} if entry is None else {"bot": entry.title}
    about = {BOT_ID: None if entry is None else entry.entry_id, STREAM_ID: stream_id}
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        data={name: value for name, value in about.items() if value is not None},
        is_fixable=kind.fix is not None,
        learn_more_url=f"{_DOCS}{kind.docs}",
        severity=severity or kind.severity,
        translation_key=translation_key,
        translation_placeholders={**named, **{name: str(value) for name, value in placeholders.items()}},
    )


@callback
def async_rename_in_issues(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Let the repair issues about a bot call it by its name of now."""
    for issue in list(ir.async_get(hass).issues.values()):
        if issue.domain == DOMAIN and issue.active and (issue.data or {}).get(BOT_ID) == entry.entry_id:
            placeholders = {**(issue.translation_placeholders or {}), "bot": entry.title}
            same = ("data", "is_fixable", "learn_more_url", "severity", "translation_key")
            kept = {name: getattr(issue, name) for name in same}
            ir.async_create_issue(hass, DOMAIN, issue.issue_id, **kept, translation_placeholders=placeholders)


@callback
def async_delete_issue(hass: HomeAssistant, issue_id: str) -> None:
    """Delete a repair issue, if it is there."""
    ir.async_delete_issue(hass, DOMAIN, issue_id)


@callback
def async_delete_issues_about(hass: HomeAssistant, bot_id: str) -> None:
    """Delete the repair issues about a bot."""
    for issue in list(ir.async_get(hass).issues.values()):
        if issue.domain == DOMAIN and (issue.data or {}).get(BOT_ID) == bot_id:
            async_delete_issue(hass, issue.issue_id)


@callback
def async_has_issue(hass: HomeAssistant, issue_id: str) -> bool:
    """Return whether a repair issue is there and shown.

    After a restart the registry still knows the issues of the time before, but shows them no longer.
    """
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    return issue is not None and issue.active
