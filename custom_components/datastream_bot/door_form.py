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
)
import voluptuous as vol

from .const import (
    CONF_BURST,
    CONF_CLOUD_API,
    CONF_LIMITS,
    CONF_LOCAL_ONLY,
    CONF_OPEN,
    CONF_RATE,
    CONF_RENEW,
    CONF_SECRET,
    CONF_SIGNED,
    CONF_WEBHOOK,
)

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
        vol.Required(CONF_CLOUD_API): section(_CLOUD_API, {"collapsed": True}),
        vol.Required(CONF_LIMITS): section(_LIMITS, {"collapsed": True}),
    }
)


def doors_from_form(user_input: Mapping[str, Any], former: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the doors that a form asks for, with the former secrets unless it asks for new ones."""
    webhook = dict(user_input[CONF_WEBHOOK])
    renew = webhook.pop(CONF_RENEW)
    for name in (CONF_WEBHOOK_ID, CONF_SECRET):
        kept = None if renew else former[CONF_WEBHOOK].get(name)
        webhook[name] = kept or secrets.token_hex(32)
    return {**user_input, CONF_WEBHOOK: webhook}
