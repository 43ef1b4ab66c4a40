"""The form of a bot's doors: a section for each, as the door itself describes it."""

from collections.abc import Mapping
import time
from typing import Any, Final

from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import SelectSelector, SelectSelectorConfig
import voluptuous as vol

from ..doors import DOORS
from ..doors.credentials import Renewal, with_credentials
from ..doors.webhook import WebhookDoor
from ..mqtt import settings as mqtt
from ..rate_limit import LIMITS, LIMITS_FORM
from ..settings import door_settings

CONF_RENEW: Final = "renew"

_FORMS: Final[Mapping[str, Mapping[vol.Marker, Any]]] = {
    **{door.origin: door.form for door in DOORS if door.form},
    mqtt.SECTION: mqtt.FORM,
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


def doors_from_data(data: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the settings of all doors in the data of a config entry."""
    return {name: door_settings(data, name, form) for name, form in _FORMS.items()}


def errors_in_form(user_input: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with what a form says, by section."""
    error = mqtt.error_in(user_input[mqtt.SECTION])
    return {} if error is None else {mqtt.SECTION: error}


def doors_from_form(user_input: Mapping[str, Any], former: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the doors that a form asks for."""
    webhook = dict(user_input[WebhookDoor.origin])
    renewal = Renewal(webhook.pop(CONF_RENEW))
    return {
        **user_input,
        WebhookDoor.origin: with_credentials(webhook, former[WebhookDoor.origin], renewal, time.time()),
    }
