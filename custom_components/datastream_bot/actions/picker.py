"""The addresses that bots know, offered in Home Assistant's editors."""

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from homeassistant.const import CONF_TARGET
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.selector import SelectOptionDict, TargetSelector, validate_selector
from homeassistant.helpers.service import async_set_service_schema
from homeassistant.util.yaml import load_yaml_dict

from ..const import ATTR_ADDRESS, DOMAIN
from ..messaging.registry import Registry
from ..messaging.schema import Schema, described
from ..trigger_description import TRIGGER, async_describe_trigger
from .send import SERVICE_SEND

type Fields = Mapping[str, Mapping[str, Any]]
"""The fields of an editor by name, as Home Assistant describes them to pages."""

type Description = Mapping[str, Any]
"""An editor: its fields, and its target if it has one."""


async def async_setup_picker(hass: HomeAssistant, registry: Registry) -> None:
    """Offer the addresses of the registry in the editors of the action and of the trigger, now and when they change."""
    picker = AddressPicker(hass, registry, *await hass.async_add_executor_job(_load_both))
    registry.observe(picker.async_update)
    picker.async_update()


class AddressPicker:
    """Offers addresses; a page that is open offers new ones when it is loaded again."""

    def __init__(self, hass: HomeAssistant, registry: Registry, action: Description, trigger: Description) -> None:
        """Initialize it with the descriptions of both editors."""
        self._hass = hass
        self._registry = registry
        self._addresses: list[SelectOptionDict] = []
        self._action = _offering(action, self._addresses, multiple=False)
        self._trigger = _offering(trigger, self._addresses, multiple=True)
        self._is_due = False

    @callback
    def async_update(self) -> None:
        """Offer the addresses in the next turn of the loop, once for all that changes until then."""
        if not self._is_due:
            self._is_due = True
            self._hass.loop.call_soon(self._offer)

    @callback
    def _offer(self) -> None:
        self._is_due = False
        # In place, as Home Assistant copies descriptions while it loads those of other integrations.
        self._addresses[:] = [
            SelectOptionDict(value=address, label=_labelled(address, schemas))
            for address, schemas in sorted(self._registry.schemas.items())
        ]
        async_set_service_schema(self._hass, DOMAIN, SERVICE_SEND, self._action)
        async_describe_trigger(self._hass, self._trigger)


def _labelled(address: str, schemas: Sequence[Schema]) -> str:
    """Return the label of an address, with its description and those of its fields from the first bot that has one."""
    description = next((schema.description for schema in schemas if schema.description), "")
    meanings: dict[str, str] = {}
    for field in chain.from_iterable(schema.fields.values() for schema in schemas):
        if field.description:
            meanings.setdefault(field.name, described(field.name, field.description))
    return ": ".join([described(address, description), *([", ".join(meanings.values())] if meanings else [])])


def _offering(description: Description, addresses: list[SelectOptionDict], *, multiple: bool) -> dict[str, Any]:
    selector = {"select": {"options": addresses, "custom_value": True, "multiple": multiple}}
    fields = description["fields"]
    return {**description, "fields": {**fields, ATTR_ADDRESS: {**fields[ATTR_ADDRESS], "selector": selector}}}


def _load_both() -> tuple[Description, Description]:
    """Return the descriptions of the action and of the trigger from their YAML files.

    Home Assistant's own function would load those of all integrations.
    """
    action, trigger = _load("services", SERVICE_SEND), _load("triggers", TRIGGER)
    return action, {**trigger, CONF_TARGET: TargetSelector.CONFIG_SCHEMA(trigger[CONF_TARGET])}


def _load(name: str, key: str) -> Description:
    description = load_yaml_dict(str(Path(__file__).parent.with_name(f"{name}.yaml")))[key]
    return {**description, "fields": _validated(description["fields"])}


def _validated(fields: Fields) -> Fields:
    """Return fields, some of which stand in sections, with selectors as Home Assistant reads them."""
    return {
        name: {**field, "fields": _validated(field["fields"])}
        if "fields" in field
        else {**field, "selector": validate_selector(field["selector"])}
        for name, field in fields.items()
    }
