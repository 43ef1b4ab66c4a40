"""Usages: the automations and scripts that name an address, in our trigger or in one of our actions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homeassistant.components.automation.const import DOMAIN as AUTOMATION_DOMAIN
from homeassistant.components.script.const import DOMAIN as SCRIPT_DOMAIN
from homeassistant.const import (
    CONF_ACTION,
    CONF_OPTIONS,
    CONF_PLATFORM,
    CONF_SERVICE,
    CONF_SERVICE_DATA,
    CONF_TARGET,
    CONF_TRIGGER,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.target import TargetSelection
from homeassistant.helpers.template import is_template_string

from .actions.send import SERVICE_SEND
from .actions.streams import addresses_by_action
from .const import ATTR_ADDRESS, DOMAIN
from .trigger_description import TRIGGER_MESSAGE_RECEIVED
from .trigger_target import async_targeted

if TYPE_CHECKING:
    # They are there when there are automations, and are no public API.
    from homeassistant.components.automation import BaseAutomationEntity
    from homeassistant.components.script import BaseScriptEntity


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """An automation or a script that names addresses.

    Attributes:
        entity_id: Its entity id.
        editor_id: What Home Assistant's editor calls it, or None where it cannot be edited there.
        listens: The addresses that it waits for.
        sends: The addresses that it sends to.

    """

    entity_id: str
    editor_id: str | None
    listens: frozenset[str]
    sends: frozenset[str]


@callback
def async_usages(hass: HomeAssistant) -> list[Usage]:
    """Return the automations and scripts that name addresses in their own configuration.

    What templates and blueprints make of it is known only when they run.
    """
    addresses = addresses_by_action(hass)
    usages: list[Usage] = []
    for entity in async_automations(hass):
        parts = [*_parts(entity.raw_config)]
        listens = frozenset(address for part in parts for address in _waited_for(hass, part))
        sends = frozenset(address for part in parts for address in _sent_to(part, addresses))
        if listens or sends:
            usages.append(Usage(entity_id=entity.entity_id, editor_id=entity.unique_id, listens=listens, sends=sends))
    return usages


@callback
def async_automations(hass: HomeAssistant) -> Iterator[BaseAutomationEntity | BaseScriptEntity]:
    """Yield all automations and scripts, each with its configuration as the user wrote it as `raw_config`.

    Home Assistant has no function for that. Where it does not keep them like this any more, there are none.
    """
    for domain in (AUTOMATION_DOMAIN, SCRIPT_DOMAIN):
        for entity in getattr(hass.data.get(domain), "entities", ()):
            if hasattr(entity, "raw_config"):
                yield entity


def _parts(config: object) -> Iterator[Mapping[str, Any]]:
    """Yield all mappings in a configuration."""
    if isinstance(config, Mapping):
        yield config
        config = [*config.values()]
    if isinstance(config, list):
        for each in config:
            yield from _parts(each)


def _waited_for(hass: HomeAssistant, part: Mapping[str, Any]) -> Iterator[str]:
    if part.get(CONF_TRIGGER, part.get(CONF_PLATFORM)) != TRIGGER_MESSAGE_RECEIVED:
        return
    yield from _named(part.get(CONF_OPTIONS))
    if isinstance(target := part.get(CONF_TARGET), Mapping):
        for entry in hass.config_entries.async_entries(DOMAIN):
            yield from async_targeted(hass, TargetSelection(dict(target)), entry.entry_id)


def _sent_to(part: Mapping[str, Any], addresses: Mapping[str, str]) -> Iterator[str]:
    domain, _, name = str(part.get(CONF_ACTION, part.get(CONF_SERVICE))).partition(".")
    if domain != DOMAIN:
        return
    if name == SERVICE_SEND:
        yield from _named(part.get(CONF_SERVICE_DATA))
    elif name in addresses:
        yield addresses[name]


def _named(data: object) -> Iterator[str]:
    """Yield the addresses in options or data."""
    named = data.get(ATTR_ADDRESS) if isinstance(data, Mapping) else None
    for address in cv.ensure_list(named):
        if isinstance(address, str) and not is_template_string(address):
            yield address
