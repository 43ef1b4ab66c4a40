"""The actions of Data Stream Bot."""

from typing import Final

from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_get_config_entry
import voluptuous as vol

from .bot import DatastreamBotConfigEntry
from .const import ATTR_ADDRESS, ATTR_CONTENT, DOMAIN, Origin
from .errors import MessageError
from .messaging.message import Message
from .messaging.receipt import Receipt
from .messaging.router import DATA_ROUTER, Router
from .mqtt.topics import Scope
from .nearest import nearest

SERVICE_SEND: Final = "send"

ATTR_EXTERNAL: Final = "external"
ATTR_HOMES: Final = "homes"
ATTR_INTERNAL: Final = "internal"
ATTR_REQUIRE_RECEIVER: Final = "require_receiver"
ATTR_SCOPE: Final = "scope"

MAX_HOMES_NAMED: Final = 1000
"""How many homes a message can name. For more there is `all`."""

# The message itself says what is wrong with an address or a content, in the user's words.
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
    """Send a message, by a bot or from outside all of them."""
    router = call.hass.data[DATA_ROUTER]
    address, content = call.data[ATTR_ADDRESS], call.data.get(ATTR_CONTENT)
    internal, external = call.data[ATTR_INTERNAL], call.data[ATTR_EXTERNAL]
    scopes, homes = call.data.get(ATTR_SCOPE), call.data.get(ATTR_HOMES)
    if entry_id := call.data.get(ATTR_CONFIG_ENTRY_ID):
        entry: DatastreamBotConfigEntry = async_get_config_entry(call.hass, DOMAIN, entry_id)
        receipt = await entry.runtime_data.async_distribute_datastream_message(
            address,
            content,
            internal=internal,
            external=external,
            origin=Origin.ACTION,
            context=call.context,
            scopes=scopes,
            homes=homes,
        )
    elif scopes or homes:
        raise MessageError(translation_key="scope_needs_bot")
    else:
        receipt = await router.async_send(
            Message.create(
                address,
                content,
                origin=Origin.ACTION,
                context=call.context,
                hops=router.hops_after(call.context),
                internal=internal,
                external=external,
            )
        )
    if call.data[ATTR_REQUIRE_RECEIVER]:
        _require_receiver(router, receipt)
    return receipt.as_dict() if call.return_response else None


def _require_receiver(router: Router, receipt: Receipt) -> None:
    """Raise when nobody received the message, with what the sender may have meant."""
    if not receipt.is_empty:
        return
    known = router.directory.addresses
    similar = nearest(receipt.address, known)
    if receipt.address in known:
        raise MessageError(translation_key="no_receiver_reached", address=receipt.address)
    if similar:
        raise MessageError(translation_key="no_receiver_nearest", address=receipt.address, nearest=similar)
    raise MessageError(translation_key="no_receiver", address=receipt.address)
