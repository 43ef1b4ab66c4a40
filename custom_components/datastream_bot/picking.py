"""Picking: the action's and the trigger's editors offer the addresses that the bots know."""

from copy import deepcopy
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers.service import (
    async_get_all_descriptions as async_get_actions,
    async_set_service_schema,
)
from homeassistant.helpers.trigger import async_get_all_descriptions as async_get_triggers

from .const import DOMAIN
from .router import DATA_ROUTER
from .services import ATTR_ADDRESS, SERVICE_SEND

TRIGGER_MESSAGE_RECEIVED: Final = f"{DOMAIN}.message_received"


async def async_offer_addresses(hass: HomeAssistant) -> None:
    """Offer the addresses known by now; a page that is open offers them when it is loaded again."""
    addresses = sorted(hass.data[DATA_ROUTER].directory.addresses)
    action = deepcopy((await async_get_actions(hass))[DOMAIN][SERVICE_SEND])
    _offer(action, addresses, multiple=False)
    async_set_service_schema(hass, DOMAIN, SERVICE_SEND, action)
    # Triggers have no such function: what their editor shows is what is described here.
    if (trigger := (await async_get_triggers(hass)).get(TRIGGER_MESSAGE_RECEIVED)) is not None:
        _offer(trigger, addresses, multiple=True)


def _offer(description: dict[str, Any], addresses: list[str], *, multiple: bool) -> None:
    description["fields"][ATTR_ADDRESS]["selector"] = {
        "select": {"options": addresses, "custom_value": True, "multiple": multiple}
    }
