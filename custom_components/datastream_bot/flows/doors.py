"""The form of a bot's doors."""

from collections.abc import Mapping
import secrets
from typing import Any, Final

from homeassistant.const import CONF_WEBHOOK_ID
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
)
import voluptuous as vol

from ..const import (
    CONF_BURST,
    CONF_CLOUD_API,
    CONF_HOME,
    CONF_KEEP_FOR,
    CONF_KEEP_MESSAGES,
    CONF_LIMITS,
    CONF_LOCAL_ONLY,
    CONF_MQTT,
    CONF_OPEN,
    CONF_ORGANIZATION,
    CONF_RATE,
    CONF_RENEW,
    CONF_ROLE,
    CONF_SECRET,
    CONF_SIGNED,
    CONF_WEBHOOK,
)
from ..mqtt.topics import Role, is_name

MAX_RATE: Final = 100
MAX_BURST: Final = 1000

_WEBHOOK: Final = vol.Schema(
    {
        vol.Required(CONF_OPEN): BooleanSelector(),
        vol.Required(CONF_LOCAL_ONLY): BooleanSelector(),
        vol.Required(CONF_SIGNED): BooleanSelector(),
        vol.Required(CONF_RENEW, default=False): BooleanSelector(),
    }
)
_MQTT: Final = vol.Schema(
    {
        vol.Required(CONF_OPEN): BooleanSelector(),
        vol.Optional(CONF_ORGANIZATION, default=""): TextSelector(),
        vol.Required(CONF_ROLE): SelectSelector(SelectSelectorConfig(options=[*Role], translation_key="role")),
        vol.Optional(CONF_HOME, default=""): TextSelector(),
        vol.Required(CONF_KEEP_MESSAGES): NumberSelector(
            NumberSelectorConfig(min=10, max=10_000, mode=NumberSelectorMode.BOX)
        ),
        vol.Required(CONF_KEEP_FOR): NumberSelector(
            NumberSelectorConfig(min=1, max=1440, unit_of_measurement="min", mode=NumberSelectorMode.BOX)
        ),
    }
)
_CLOUD_API: Final = vol.Schema(
    {vol.Required(CONF_OPEN): BooleanSelector(), vol.Required(CONF_LOCAL_ONLY): BooleanSelector()}
)
_LIMITS: Final = vol.Schema(
    {
        vol.Required(CONF_RATE): NumberSelector(NumberSelectorConfig(min=1, max=MAX_RATE, mode=NumberSelectorMode.BOX)),
        vol.Required(CONF_BURST): NumberSelector(
            NumberSelectorConfig(min=1, max=MAX_BURST, mode=NumberSelectorMode.BOX)
        ),
    }
)
DOORS_SCHEMA: Final = vol.Schema(
    {
        vol.Required(CONF_WEBHOOK): section(_WEBHOOK),
        vol.Required(CONF_MQTT): section(_MQTT, {"collapsed": True}),
        vol.Required(CONF_CLOUD_API): section(_CLOUD_API, {"collapsed": True}),
        vol.Required(CONF_LIMITS): section(_LIMITS, {"collapsed": True}),
    }
)


def errors_in_form(user_input: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with what a form says, by section."""
    mqtt = user_input[CONF_MQTT]
    if not mqtt[CONF_OPEN]:
        return {}
    if not is_name(mqtt[CONF_ORGANIZATION]):
        return {CONF_MQTT: "organization_invalid"}
    if mqtt[CONF_ROLE] == Role.HOME and not is_name(mqtt[CONF_HOME]):
        return {CONF_MQTT: "home_invalid"}
    return {}


def doors_from_form(user_input: Mapping[str, Any], former: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the doors that a form asks for, with the former secrets unless it asks for new ones."""
    webhook = dict(user_input[CONF_WEBHOOK])
    renew = webhook.pop(CONF_RENEW)
    for name in (CONF_WEBHOOK_ID, CONF_SECRET):
        kept = None if renew else former[CONF_WEBHOOK].get(name)
        webhook[name] = kept or secrets.token_hex(32)
    return {**user_input, CONF_WEBHOOK: webhook}
