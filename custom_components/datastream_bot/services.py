"""The actions of Data Stream Bot."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_get_config_entry
import voluptuous as vol

from .bot import DatastreamBotConfigEntry
from .const import ATTR_ADDRESS, ATTR_CONTENT, DOMAIN
from .errors import MessageError, nearest
from .messaging.message import DEFAULT_ROUTE, Route, Scope
from .messaging.receipt import Receipt
from .messaging.router import DATA_ROUTER, Router

SERVICE_SEND: Final = "send"

ATTR_EXTERNAL: Final = "external"
ATTR_HOMES: Final = "homes"
ATTR_INTERNAL: Final = "internal"
ATTR_REQUIRE_RECEIVER: Final = "require_receiver"
ATTR_SCOPE: Final = "scope"

MAX_HOMES_NAMED: Final = 1000
"""How many homes a message can name. For more there is `all`."""

_ORIGIN: Final = "action"

# The router says what is wrong with an address or a content, in the user's words.
SEND_SCHEMA = vol.Schema(
    {
        vol.Required(ATTR_ADDRESS): object,
        vol.Optional(ATTR_CONTENT): object,
        vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string,
        vol.Optional(ATTR_INTERNAL, default=True): cv.boolean,
        vol.Optional(ATTR_EXTERNAL, default=True): cv.boolean,
        vol.Optional(ATTR_SCOPE): vol.All(cv.ensure_list, [vol.Coerce(Scope)]),
        vol.Optional(ATTR_HOMES): vol.All(cv.ensure_list, vol.Length(max=MAX_HOMES_NAMED), [cv.string]),
        vol.Optional(ATTR_REQUIRE_RECEIVER, default=False): cv.boolean,
    }
)


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    hass.services.async_register(
        DOMAIN, SERVICE_SEND, _async_send, SEND_SCHEMA, supports_response=SupportsResponse.OPTIONAL
    )


async def _async_send(call: ServiceCall) -> ServiceResponse:
    """Send a message, as a bot or from outside all of them."""
    router = call.hass.data[DATA_ROUTER]
    sender = None
    if entry_id := call.data.get(ATTR_CONFIG_ENTRY_ID):
        entry: DatastreamBotConfigEntry = async_get_config_entry(call.hass, DOMAIN, entry_id)
        sender = entry.entry_id
    dispatch = await router.async_dispatch(
        call.data[ATTR_ADDRESS],
        call.data.get(ATTR_CONTENT),
        origin=_ORIGIN,
        sender=sender,
        context=call.context,
        internal=call.data[ATTR_INTERNAL],
        external=call.data[ATTR_EXTERNAL],
        route=_route(call.data),
    )
    receipt = await dispatch.async_receipt()
    if call.data[ATTR_REQUIRE_RECEIVER]:
        _require_receiver(router, receipt)
    return receipt.as_dict() if call.return_response else None


def _route(data: Mapping[str, Any]) -> Route:
    scopes, homes = data.get(ATTR_SCOPE), data.get(ATTR_HOMES)
    return DEFAULT_ROUTE if scopes is None and homes is None else Route(scopes=scopes, homes=homes)


def _require_receiver(router: Router, receipt: Receipt) -> None:
    """Raise when nobody received a message, and name the addresses that may have been meant."""
    if not receipt.is_empty:
        return
    known = router.registry.addresses
    similar = nearest(receipt.address, known)
    if receipt.address in known:
        raise MessageError(translation_key="no_receiver_reached", address=receipt.address)
    if similar:
        raise MessageError(translation_key="no_receiver_nearest", address=receipt.address, nearest=similar)
    raise MessageError(translation_key="no_receiver", address=receipt.address)
