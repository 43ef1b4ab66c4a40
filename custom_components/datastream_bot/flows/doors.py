"""The form of a bot's doors: a section for each, as the door itself describes it."""

from collections.abc import Mapping
import json
import time
from typing import Any, Final

from homeassistant.const import CONF_URL
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    QrCodeSelector,
    QrCodeSelectorConfig,
    QrErrorCorrectionLevel,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
)
import voluptuous as vol

from ..const import ADDRESS_SEND_PUSH_NOTIFICATION
from ..doors import DOORS
from ..doors.credentials import CONF_SECRET, Renewal, with_credentials
from ..doors.webhook import CONF_SIGNED, WebhookDoor
from ..rate_limit import LIMITS, LIMITS_FORM
from ..settings import door_settings

CONF_QR_CODE: Final = "qr_code"
CONF_RENEW: Final = "renew"

_FORMS: Final[Mapping[str, Mapping[vol.Marker, Any]]] = {
    **{door.origin: door.form for door in DOORS if door.form},
    LIMITS: LIMITS_FORM,
}
_ONLY_IN_FORM: Final[Mapping[str, Mapping[vol.Marker, Any]]] = {
    WebhookDoor.origin: {
        vol.Required(CONF_RENEW, default=Renewal.NOTHING.value): SelectSelector(
            SelectSelectorConfig(options=[*Renewal], translation_key="renew")
        )
    },
}
DOORS_SCHEMA: Final = vol.Schema(
    {
        vol.Required(name): section(
            vol.Schema({**form, **_ONLY_IN_FORM.get(name, {})}), {"collapsed": name != WebhookDoor.origin}
        )
        for name, form in _FORMS.items()
    }
)


def doors_from_options(options: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the settings of all doors in the options of a bot."""
    return {name: door_settings(options, name, form) for name, form in _FORMS.items()}


def doors_from_form(user_input: Mapping[str, Any], former: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the doors that a form asks for."""
    webhook = dict(user_input[WebhookDoor.origin])
    renewal = Renewal(webhook.pop(CONF_RENEW))
    return {
        **user_input,
        WebhookDoor.origin: with_credentials(webhook, former[WebhookDoor.origin], renewal, time.time()),
    }


def webhook_schema(webhook: Mapping[str, Any], url: str) -> vol.Schema:
    """Return the schema of the page that shows a webhook: its URL to select or to scan, and its secret if it needs one.

    Args:
        webhook: The settings of the webhook.
        url: Its URL.

    """
    shown = {CONF_URL: url} | ({CONF_SECRET: webhook[CONF_SECRET]} if webhook[CONF_SIGNED] else {})
    qr_code = QrCodeSelectorConfig(data=url, scale=4, error_correction_level=QrErrorCorrectionLevel.QUARTILE)
    return vol.Schema(
        {
            # Not read-only: Home Assistant greys that out, and nothing in it can be selected.
            **{vol.Optional(name, default=value): TextSelector() for name, value in shown.items()},
            vol.Optional(CONF_QR_CODE): QrCodeSelector(qr_code),
        }
    )


def curl_line(url: str) -> str:
    """Return a line for a shell that sends a notification to a webhook."""
    message = json.dumps({"address": ADDRESS_SEND_PUSH_NOTIFICATION, "content": {"message": "Hello"}})
    return f"curl -H 'Content-Type: application/json' -d '{message}' '{url}'"
