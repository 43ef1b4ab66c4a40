"""The form of a bot, made of its settings."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import Any, Final

from homeassistant.const import CONF_NAME
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import section
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.selector import (
    EntityFilterSelectorConfig,
    TargetSelector,
    TargetSelectorConfig,
    TextSelector,
)
import voluptuous as vol

from ..devices.domains import DOMAINS, domain_of
from ..devices.groups import Groups
from ..devices.selection import async_attached_entities
from ..settings import Settings

CONF_EXCLUDE: Final = "exclude"
CONF_MORE: Final = "more"
CONF_TARGET: Final = "target"

MAX_LISTED: Final = 50
"""How many entities of a domain the form names."""

_TARGET_SELECTOR: Final = TargetSelector(
    TargetSelectorConfig(entity=[EntityFilterSelectorConfig(domain=list(DOMAINS))])
)
# The selectors let templates through, which would never be rendered here.
_PLAIN_TARGET: Final = vol.Schema(cv.TARGET_FIELDS)


def _fields(*, more: bool) -> dict[vol.Marker, Any]:
    """Return the options of the form, or those of its collapsed section."""
    return {
        _marker(option): option.metadata["selector"] or _TARGET_SELECTOR
        for option in fields(Settings)
        if option.metadata["more"] is more and option.name != CONF_EXCLUDE
    }


def _marker(option: Field[Any]) -> vol.Marker:
    if option.default is MISSING:
        return vol.Optional(option.name, default=option.default_factory)
    return vol.Required(option.name, default=option.default)


BOT_SCHEMA: Final = vol.Schema(
    {
        vol.Required(CONF_NAME): TextSelector(),
        **_fields(more=False),
        # Without a default of its own, which the page would show in place of those of its fields.
        vol.Required(CONF_MORE): section(vol.Schema(_fields(more=True)), {"collapsed": True}),
    }
)
ATTACHED_SCHEMA: Final = vol.Schema({vol.Optional(CONF_EXCLUDE, default=dict): _TARGET_SELECTOR})


def form_from_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the form shows of the data of a config entry."""
    settings = Settings.from_data(data)
    options = {option.name: getattr(settings, option.name) for option in fields(Settings)}
    return {**options, CONF_MORE: {option.name: options[option.name] for option in fields(Settings)}}


def data_from_form(user_input: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of a config entry that a form says."""
    data = {name: value for name, value in user_input.items() if name != CONF_MORE}
    return {**data, **user_input[CONF_MORE]}


def is_plain(target: object) -> bool:
    """Return whether a target has no templates."""
    try:
        _PLAIN_TARGET(target)
    except vol.Invalid:
        return False
    return True


def attached_to(hass: HomeAssistant, data: Mapping[str, Any]) -> dict[str, str]:
    """Return, for people, what a bot with this data is attached to: how many entities, and a list for each domain."""
    attached = async_attached_entities(hass, data[CONF_TARGET], data[CONF_EXCLUDE], Groups(hass))
    lists = {
        str(domain): _listed(hass, [entity_id for entity_id in attached if domain_of(entity_id) == domain])
        for domain in DOMAINS
    }
    return {"count": str(len(attached)), **lists}


def _listed(hass: HomeAssistant, entity_ids: list[str]) -> str:
    """Return a list in Markdown."""
    lines = [
        f"- {state.name} (`{entity_id}`)" if (state := hass.states.get(entity_id)) else f"- `{entity_id}`"
        for entity_id in entity_ids[:MAX_LISTED]
    ]
    if more := len(entity_ids) - len(lines):
        lines.append(f"- … {more} more")
    return "\n".join(lines) or "- none"
