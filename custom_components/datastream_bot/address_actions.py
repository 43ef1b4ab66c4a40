"""Picking: the action's and the trigger's editors offer the addresses that the bots know."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.selector import validate_selector
from homeassistant.helpers.service import async_set_service_schema
from homeassistant.helpers.trigger import TRIGGER_DESCRIPTION_CACHE
from homeassistant.util.yaml import load_yaml_dict

from .const import ATTR_ADDRESS, DOMAIN
from .messaging.registry import Directory
from .services import SERVICE_SEND

TRIGGER: Final = "message_received"
TRIGGER_MESSAGE_RECEIVED: Final = f"{DOMAIN}.{TRIGGER}"

type Fields = Mapping[str, Mapping[str, Any]]
"""The fields of an editor by name, as Home Assistant describes them to pages."""


async def async_setup_picking(hass: HomeAssistant, directory: Directory) -> None:
    """Offer the addresses of the directory from now on."""
    picking = Picking(hass, directory, *await hass.async_add_executor_job(_load_editors))
    directory.async_on_change(picking.async_update)
    picking.async_update()


class Picking:
    """Offers the addresses known by now; a page that is open offers them when it is loaded again."""

    def __init__(self, hass: HomeAssistant, directory: Directory, action: Fields, trigger: Fields) -> None:
        """Initialize it with the fields of both editors."""
        self._hass = hass
        self._directory = directory
        self._addresses: list[str] = []
        self._action = {"fields": _offering(action, self._addresses, multiple=False)}
        self._trigger = {"fields": _offering(trigger, self._addresses, multiple=True)}
        self._is_due = False

    @callback
    def async_update(self) -> None:
        """Offer the addresses soon, once for all that changes until then."""
        if not self._is_due:
            self._is_due = True
            self._hass.loop.call_soon(self._offer)

    @callback
    def _offer(self) -> None:
        self._is_due = False
        # In place, as Home Assistant copies what it knows of triggers while it loads what it does not know.
        self._addresses[:] = sorted(self._directory.addresses)
        async_set_service_schema(self._hass, DOMAIN, SERVICE_SEND, self._action)
        # Triggers have no such function; what pages are sent is made anew when this is another object.
        triggers = self._hass.data[TRIGGER_DESCRIPTION_CACHE]
        self._hass.data[TRIGGER_DESCRIPTION_CACHE] = {**triggers, TRIGGER_MESSAGE_RECEIVED: self._trigger}


def _offering(fields: Fields, addresses: list[str], *, multiple: bool) -> Fields:
    selector = {"select": {"options": addresses, "custom_value": True, "multiple": multiple}}
    return {**fields, ATTR_ADDRESS: {**fields[ATTR_ADDRESS], "selector": selector}}


def _load_editors() -> tuple[Fields, Fields]:
    """Return the fields of the action and of the trigger.

    Home Assistant would load those of all integrations to tell them.
    """
    return _load("services", SERVICE_SEND), _load("triggers", TRIGGER)


def _load(name: str, key: str) -> Fields:
    editors = load_yaml_dict(str(Path(__file__).with_name(f"{name}.yaml")))
    return _checked(editors[key]["fields"])


def _checked(fields: Fields) -> Fields:
    """Return fields, some of which stand in sections, with selectors as Home Assistant reads them."""
    return {
        name: {**field, "fields": _checked(field["fields"])}
        if "fields" in field
        else {**field, "selector": validate_selector(field["selector"])}
        for name, field in fields.items()
    }
