"""The form of a bot, made of its settings."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from functools import partial
from typing import Any, Final

from homeassistant.components.person.const import DOMAIN as PERSON_DOMAIN
from homeassistant.const import ATTR_ENTITY_ID, CONF_NAME
from homeassistant.core import HomeAssistant, callback
from homeassistant.data_entry_flow import section
from homeassistant.helpers import config_validation as cv, device_registry as dr, entity_registry as er
from homeassistant.helpers.selector import (
    EntityFilterSelectorConfig,
    TargetSelector,
    TargetSelectorConfig,
    TextSelector,
)
from homeassistant.helpers.target import TargetSelection
import voluptuous as vol

from ..const import DOMAIN
from ..devices.domains import DOMAINS, domain_of
from ..devices.groups import Groups
from ..devices.selection import async_attached_entities
from ..presence.persons import async_presences
from ..settings import Settings
from .lists import listed

CONF_EXCLUDE: Final = "exclude"
CONF_MORE: Final = "more"
CONF_PERSONS: Final = "persons"
CONF_TARGET: Final = "target"
STEP_ATTACHED: Final = "attached"
STEP_ATTACHED_NOBODY: Final = "attached_nobody"
STEP_ATTACHED_NOTHING: Final = "attached_nothing"

_TARGET_SELECTOR: Final = TargetSelector(
    TargetSelectorConfig(entity=[EntityFilterSelectorConfig(domain=list(DOMAINS))])
)
# The selectors let templates through, which would never be rendered here. Entities that are gone have no other id than
# that of the registry.
_PLAIN_TARGET: Final = vol.Schema(
    {**cv.TARGET_FIELDS, vol.Optional(ATTR_ENTITY_ID): vol.All(cv.ensure_list, [cv.entity_id_or_uuid])}
)


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


NAME_SCHEMA: Final = vol.Schema({vol.Required(CONF_NAME): TextSelector()})
BOT_SCHEMA: Final = vol.Schema(
    {
        **_fields(more=False),
        # Without a default of its own, which the page would show in place of those of its fields.
        vol.Required(CONF_MORE): section(vol.Schema(_fields(more=True)), {"collapsed": True}),
    }
)
NEW_BOT_SCHEMA: Final = vol.Schema({**NAME_SCHEMA.schema, **BOT_SCHEMA.schema})
ATTACHED_SCHEMA: Final = vol.Schema({vol.Optional(CONF_EXCLUDE, default=dict): _TARGET_SELECTOR})


def form_from_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the form shows of the options of a bot."""
    settings = Settings.from_options(options)
    shown = {option.name: getattr(settings, option.name) for option in fields(Settings)}
    return {**shown, CONF_MORE: shown}


def options_from_form(user_input: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a bot that a form says."""
    options = {name: value for name, value in user_input.items() if name != CONF_MORE}
    return {**options, **user_input[CONF_MORE]}


def is_plain(target: object) -> bool:
    """Return whether a target has no templates."""
    try:
        _PLAIN_TARGET(target)
    except vol.Invalid:
        return False
    return True


@callback
def own_in(hass: HomeAssistant, target: Mapping[str, Any]) -> str:
    """Return the names of what a target has of this integration, which no bot switches; empty when it has nothing."""
    selection = TargetSelection(dict(target))
    devices, entities = dr.async_get(hass), er.async_get(hass)
    own_devices = {
        device.name_by_user or device.name or device.id
        for device_id in selection.device_ids
        if (device := devices.async_get(device_id)) is not None
        and any(identifier[0] == DOMAIN for identifier in device.identifiers)
    }
    own_entities = {
        er.async_get_full_entity_name(hass, entry)
        for entity_id in selection.entity_ids
        if (entry := entities.async_get(entity_id)) is not None and entry.platform == DOMAIN
    }
    return ", ".join(sorted(own_devices | own_entities))


def attached_step(
    hass: HomeAssistant, options: Mapping[str, Any], texts: Mapping[str, str]
) -> tuple[str, dict[str, str]]:
    """Return the step that shows what a bot is attached to and whom it follows with these options, and its text.

    There is one of its own for a bot without anything to switch, and for one without anybody to follow.
    """
    attached = async_attached_entities(hass, options[CONF_TARGET], options[CONF_EXCLUDE], Groups(hass))
    persons = async_presences(hass, options[CONF_PERSONS])
    lists = {domain: [each for each in attached if domain_of(each) == domain] for domain in DOMAINS}
    shown = {
        str(domain): listed(entity_ids, partial(named, hass), texts)
        for domain, entity_ids in {**lists, PERSON_DOMAIN: persons}.items()
    }
    step = STEP_ATTACHED if persons else STEP_ATTACHED_NOBODY
    return step if attached else STEP_ATTACHED_NOTHING, {"count": str(len(attached)), **shown}


def named(hass: HomeAssistant, entity_id: str) -> str:
    """Return the name and the id of an entity, as lists show them."""
    state = hass.states.get(entity_id)
    return f"`{entity_id}`" if state is None else f"{state.name} (`{entity_id}`)"
