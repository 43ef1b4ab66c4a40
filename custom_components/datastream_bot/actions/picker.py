"""The addresses that bots know, offered in Home Assistant's editors."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, override

from homeassistant.const import CONF_TARGET
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.selector import SelectOptionDict, TargetSelector, validate_selector
from homeassistant.helpers.service import async_set_service_schema
from homeassistant.util.yaml import parse_yaml

from ..const import ATTR_ADDRESS, DOMAIN
from ..messaging.registry import Registry
from ..messaging.schema import Schema, described
from ..trigger_description import TRIGGER, async_describe_trigger
from .deferred import Deferred
from .send import SERVICE_SEND

type Fields = Mapping[str, Mapping[str, Any]]
"""The fields of an editor by name, as Home Assistant describes them to pages."""


async def async_setup_picker(hass: HomeAssistant, registry: Registry) -> None:
    """Offer the addresses of the registry in the editors of the action and of the trigger, now and when they change."""
    action, trigger = await hass.async_add_executor_job(_read_both)
    picker = AddressPicker(
        hass, Editor(registry, SERVICE_SEND, action, multiple=False), Editor(registry, TRIGGER, trigger, multiple=True)
    )
    registry.observe(picker.async_update)
    picker.async_update()


def _read_both() -> list[str]:
    """Return the YAML files that describe the actions and the triggers.

    Home Assistant's own function would load those of all integrations.
    """
    return [Path(__file__).parent.with_name(name).read_text("utf-8") for name in ("services.yaml", "triggers.yaml")]


class AddressPicker:
    """Offers addresses; a page that is open offers new ones when it is loaded again."""

    def __init__(self, hass: HomeAssistant, action: Editor, trigger: Editor) -> None:
        """Initialize it with both editors."""
        self._hass = hass
        self._action = {"fields": EditorFields(action)}
        self._trigger = trigger
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
        async_set_service_schema(self._hass, DOMAIN, SERVICE_SEND, self._action)
        async_describe_trigger(self._hass, self._trigger)


class Editor(Deferred):
    """An editor that asks for an address, and offers those that the registry knows.

    What describes it is parsed when a page first asks for it, which takes as long as the set-up of ten data streams.
    """

    def __init__(self, registry: Registry, key: str, described: str, *, multiple: bool) -> None:
        """Initialize it.

        Args:
            registry: Knows the addresses.
            key: Where its description stands.
            described: YAML with the description.
            multiple: Whether it asks for several addresses.

        """
        self._registry = registry
        self._key = key
        self._described = described
        self._multiple = multiple

    @override
    def as_dict(self) -> dict[str, Any]:
        addresses = [
            SelectOptionDict(value=address, label=_labelled(address, schemas))
            for address, schemas in sorted(self._registry.schemas.items())
        ]
        selector = {"select": {"options": addresses, "custom_value": True, "multiple": self._multiple}}
        fields = self._parsed["fields"]
        return {**self._parsed, "fields": {**fields, ATTR_ADDRESS: {**fields[ATTR_ADDRESS], "selector": selector}}}

    @cached_property
    def _parsed(self) -> dict[str, Any]:
        parsed: Any = parse_yaml(self._described)
        description = parsed[self._key]
        target = {key: TargetSelector.CONFIG_SCHEMA(description[key]) for key in (CONF_TARGET,) if key in description}
        return {**description, **target, "fields": _validated(description["fields"])}


class EditorFields(Deferred):
    """The fields of an editor."""

    def __init__(self, editor: Editor) -> None:
        """Initialize them."""
        self._editor = editor

    @override
    def as_dict(self) -> dict[str, Any]:
        fields: dict[str, Any] = self._editor["fields"]
        return fields


def _labelled(address: str, schemas: Sequence[Schema]) -> str:
    """Return the label of an address, with its description and those of its fields from the first bot that has one."""
    description = next((schema.description for schema in schemas if schema.description), "")
    meanings: dict[str, str] = {}
    for field in chain.from_iterable(schema.fields.values() for schema in schemas):
        if field.description:
            meanings.setdefault(field.name, described(field.name, field.description))
    return ": ".join([described(address, description), *([", ".join(meanings.values())] if meanings else [])])


def _validated(fields: Fields) -> Fields:
    """Return fields, some of which stand in sections, with selectors as Home Assistant reads them."""
    return {
        name: {**field, "fields": _validated(field["fields"])}
        if "fields" in field
        else {**field, "selector": validate_selector(field["selector"])}
        for name, field in fields.items()
    }
