"""The form of a bot."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.components.person.const import DOMAIN as PERSON_DOMAIN
from homeassistant.const import CONF_NAME, CONF_TARGET, Platform, UnitOfTime
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import section
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntityFilterSelectorConfig,
    EntitySelector,
    EntitySelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    TargetSelector,
    TargetSelectorConfig,
    TextSelector,
)
import voluptuous as vol

from ..const import (
    CONF_EXCLUDE,
    CONF_NOTIFY,
    CONF_ON_LEAVING,
    CONF_ON_RETURNING,
    CONF_ONLY_WHEN_DARK,
    CONF_PERSONS,
    CONF_REMEMBER_FOR,
    CONF_SETTLING,
    CONF_VERIFY_AFTER,
    Reaction,
)
from ..devices.groups import Groups
from ..devices.selection import async_attached_entities
from ..settings import DEFAULTS

CONF_MORE: Final = "more"
MAX_LISTED: Final = 50
"""How many lights, and how many switches, the form names."""

_MAX_SECONDS: Final = 3600
_MAX_HOURS: Final = 8760


def _choice(field: str, *reactions: Reaction) -> SelectSelector:
    options = [reaction.value for reaction in reactions]
    return SelectSelector(SelectSelectorConfig(options=options, translation_key=field))


def _number(maximum: int, unit: UnitOfTime, minimum: int = 0) -> NumberSelector:
    return NumberSelector(
        NumberSelectorConfig(min=minimum, max=maximum, unit_of_measurement=unit, mode=NumberSelectorMode.BOX)
    )


_LIGHTS_AND_SWITCHES: Final = TargetSelector(
    TargetSelectorConfig(entity=[EntityFilterSelectorConfig(domain=[Platform.LIGHT, Platform.SWITCH])])
)
_MORE: Final = vol.Schema(
    {
        vol.Required(CONF_SETTLING, default=DEFAULTS[CONF_SETTLING]): _number(_MAX_SECONDS, UnitOfTime.SECONDS),
        vol.Required(CONF_ONLY_WHEN_DARK, default=DEFAULTS[CONF_ONLY_WHEN_DARK]): BooleanSelector(),
        vol.Required(CONF_REMEMBER_FOR, default=DEFAULTS[CONF_REMEMBER_FOR]): _number(_MAX_HOURS, UnitOfTime.HOURS, 1),
        vol.Required(CONF_VERIFY_AFTER, default=DEFAULTS[CONF_VERIFY_AFTER]): _number(_MAX_SECONDS, UnitOfTime.SECONDS),
    }
)
BOT_SCHEMA: Final = vol.Schema(
    {
        vol.Required(CONF_NAME): TextSelector(),
        vol.Optional(CONF_PERSONS, default=list): EntitySelector(
            EntitySelectorConfig(domain=PERSON_DOMAIN, multiple=True)
        ),
        vol.Optional(CONF_TARGET, default=dict): _LIGHTS_AND_SWITCHES,
        vol.Required(CONF_ON_LEAVING, default=DEFAULTS[CONF_ON_LEAVING]): _choice(
            CONF_ON_LEAVING, Reaction.OFF, Reaction.NOTHING
        ),
        vol.Required(CONF_ON_RETURNING, default=DEFAULTS[CONF_ON_RETURNING]): _choice(
            CONF_ON_RETURNING, Reaction.ON, Reaction.RESTORE, Reaction.NOTHING
        ),
        vol.Optional(CONF_NOTIFY, default=list): EntitySelector(
            EntitySelectorConfig(domain=Platform.NOTIFY, multiple=True)
        ),
        # Without a default of its own, or the page would take that for what is in it.
        vol.Required(CONF_MORE): section(_MORE, {"collapsed": True}),
    }
)
ATTACHED_SCHEMA: Final = vol.Schema({vol.Optional(CONF_EXCLUDE, default=dict): _LIGHTS_AND_SWITCHES})

# The selectors let templates through, which would never be rendered here.
_PLAIN_TARGET: Final = vol.Schema(cv.TARGET_FIELDS)


def form_from_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the form shows of the data of a config entry."""
    data = {**DEFAULTS, **data}
    return {**data, CONF_MORE: {str(name): data[name] for name in _MORE.schema}}


def data_from_form(user_input: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of a config entry that a form says."""
    data = {name: value for name, value in user_input.items() if name != CONF_MORE}
    return {**data, **user_input[CONF_MORE]}


def is_plain(target: object) -> bool:
    """Return whether a target names what it means, rather than having templates in it."""
    try:
        _PLAIN_TARGET(target)
    except vol.Invalid:
        return False
    return True


def attached_to(hass: HomeAssistant, data: Mapping[str, Any]) -> dict[str, str]:
    """Return, for people, what a bot with this data would be attached to: how many, which switches and which lights."""
    attached = async_attached_entities(hass, data[CONF_TARGET], data[CONF_EXCLUDE], Groups(hass))
    return {
        "count": str(len(attached)),
        "switches": _listed(hass, [entity_id for entity_id in attached if entity_id.startswith(Platform.SWITCH)]),
        "lights": _listed(hass, [entity_id for entity_id in attached if entity_id.startswith(Platform.LIGHT)]),
    }


def _listed(hass: HomeAssistant, entity_ids: list[str]) -> str:
    """Return a list in Markdown."""
    lines = [
        f"- {state.name} (`{entity_id}`)" if (state := hass.states.get(entity_id)) else f"- `{entity_id}`"
        for entity_id in entity_ids[:MAX_LISTED]
    ]
    if more := len(entity_ids) - len(lines):
        lines.append(f"- … {more} more")
    return "\n".join(lines) or "- none"
