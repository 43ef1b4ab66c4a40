"""The settings of the MQTT door."""

from collections.abc import Mapping
from typing import Any, Final

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

from ..settings import door_settings
from .topics import CONF_HOME, CONF_ORGANIZATION, CONF_ROLE, Role, is_name

SECTION: Final = "mqtt"

CONF_OPEN: Final = "open"
CONF_KEEP_FOR: Final = "keep_for"
CONF_KEEP_MESSAGES: Final = "keep_messages"

FORM: Final[Mapping[vol.Marker, Any]] = {
    vol.Required(CONF_OPEN, default=False): BooleanSelector(),
    vol.Optional(CONF_ORGANIZATION, default=""): TextSelector(),
    vol.Required(CONF_ROLE, default=Role.HOME.value): SelectSelector(
        SelectSelectorConfig(options=[*Role], translation_key="role")
    ),
    vol.Optional(CONF_HOME, default=""): TextSelector(),
    vol.Required(CONF_KEEP_MESSAGES, default=1000): NumberSelector(
        NumberSelectorConfig(min=10, max=10_000, mode=NumberSelectorMode.BOX)
    ),
    vol.Required(CONF_KEEP_FOR, default=60): NumberSelector(
        NumberSelectorConfig(min=1, max=1440, unit_of_measurement="min", mode=NumberSelectorMode.BOX)
    ),
}


def mqtt_settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the MQTT door in the options of a config entry."""
    return door_settings(options, SECTION, FORM)


def error_in(settings: Mapping[str, Any]) -> str | None:
    """Return what is wrong with settings, or None."""
    if not settings[CONF_OPEN]:
        return None
    needs_organization = not is_name(settings[CONF_ORGANIZATION])
    needs_home = settings[CONF_ROLE] == Role.HOME and not is_name(settings[CONF_HOME])
    if needs_organization and needs_home:
        return "organization_home_invalid"
    if needs_organization:
        return "organization_invalid"
    return "home_invalid" if needs_home else None
