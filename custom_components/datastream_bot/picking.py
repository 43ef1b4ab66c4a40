"""Picking: the action's and the trigger's editors offer the addresses that the bots know."""

from copy import deepcopy
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.service import (
    async_get_all_descriptions as async_get_actions,
    async_set_service_schema,
)
from homeassistant.helpers.trigger import (
    TRIGGER_DESCRIPTION_CACHE,
    async_get_all_descriptions as async_get_triggers,
    async_subscribe_platform_events,
)

from .const import ATTR_ADDRESS, DOMAIN
from .router import DATA_ROUTER
from .services import SERVICE_SEND

TRIGGER_MESSAGE_RECEIVED: Final = f"{DOMAIN}.message_received"


@callback
def async_setup_picking(hass: HomeAssistant) -> None:
    """Offer the addresses at the trigger too, which Home Assistant gets to know after the first bots."""

    async def triggers_added(triggers: set[str]) -> None:
        if TRIGGER_MESSAGE_RECEIVED in triggers:
            await async_offer_addresses(hass)

    async_subscribe_platform_events(hass, triggers_added)


async def async_offer_addresses(hass: HomeAssistant) -> None:
    """Offer the addresses known by now; a page that is open offers them when it is loaded again."""
    action = deepcopy((await async_get_actions(hass))[DOMAIN][SERVICE_SEND])
    triggers = await async_get_triggers(hass)
    # What was waited for may have changed what is known.
    addresses = sorted(hass.data[DATA_ROUTER].directory.addresses)
    _offer(action, addresses, multiple=False)
    async_set_service_schema(hass, DOMAIN, SERVICE_SEND, action)
    if (trigger := deepcopy(triggers.get(TRIGGER_MESSAGE_RECEIVED))) is not None:
        _offer(trigger, addresses, multiple=True)
        # Triggers have no such function; what pages are sent is made anew when this is another object.
        hass.data[TRIGGER_DESCRIPTION_CACHE] = {**triggers, TRIGGER_MESSAGE_RECEIVED: trigger}


def _offer(description: dict[str, Any], addresses: list[str], *, multiple: bool) -> None:
    description["fields"][ATTR_ADDRESS]["selector"] = {
        "select": {"options": addresses, "custom_value": True, "multiple": multiple}
    }
