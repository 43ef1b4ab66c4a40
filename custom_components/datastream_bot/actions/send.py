"""The action `send`: a message to any address, as a bot or from outside all of them."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import config_validation as cv
import voluptuous as vol

from ..const import ATTR_ADDRESS, ATTR_CONTENT, DOMAIN
from ..messaging.message import DEFAULT_ROUTE, Route, Scope
from ..messaging.router import DATA_ROUTER
from ..sender_limit import async_get_sender_limit
from .call import ATTR_RAISE_ON_FAILURE, ORIGIN, async_answer, async_write_refusal, loaded_bot, meant_content

SERVICE_SEND: Final = "send"

ATTR_EXTERNAL: Final = "external"
ATTR_HOMES: Final = "homes"
ATTR_INTERNAL: Final = "internal"
ATTR_REQUIRE_RECEIVER: Final = "require_receiver"
ATTR_SCOPE: Final = "scope"

MAX_HOMES_NAMED: Final = 1000
"""How many homes a message can name. For more there is `all`."""

# Coerced only then, as the error would name the class.
_SCOPE: Final = vol.All(vol.In([scope.value for scope in Scope]), vol.Coerce(Scope))

# The router says what is wrong with an address or a content, in the user's words.
SEND_SCHEMA = vol.Schema(
    {
        vol.Required(ATTR_ADDRESS): object,
        vol.Optional(ATTR_CONTENT): object,
        vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string,
        vol.Optional(ATTR_INTERNAL): cv.boolean,
        vol.Optional(ATTR_EXTERNAL): cv.boolean,
        vol.Optional(ATTR_SCOPE): vol.All(cv.ensure_list, [_SCOPE]),
        vol.Optional(ATTR_HOMES): vol.All(cv.ensure_list, vol.Length(max=MAX_HOMES_NAMED), [cv.string]),
        vol.Optional(ATTR_REQUIRE_RECEIVER): cv.boolean,
        vol.Optional(ATTR_RAISE_ON_FAILURE): cv.boolean,
    }
)


@callback
def async_setup_send(hass: HomeAssistant) -> None:
    """Register the action."""
    hass.services.async_register(
        DOMAIN, SERVICE_SEND, _async_send, SEND_SCHEMA, supports_response=SupportsResponse.OPTIONAL
    )


async def _async_send(call: ServiceCall) -> ServiceResponse:
    """Send a message.

    For a user who may not speak for the bot, it is sent from outside and stays here.
    """
    router, address = call.hass.data[DATA_ROUTER], call.data[ATTR_ADDRESS]
    try:
        await async_get_sender_limit(call.hass).async_admit(call.context)
        bot = loaded_bot(call.hass, call.data.get(ATTR_CONFIG_ENTRY_ID))
        refusal = None if bot is None else await bot.async_refusal_to_speak(call.context)
        external = call.data.get(ATTR_EXTERNAL, True)
        if refusal is not None and not external:
            raise refusal
        dispatch = await router.async_dispatch(
            address,
            meant_content(router.registry, address, call.data.get(ATTR_CONTENT)),
            origin=ORIGIN,
            sender=None if bot is None or refusal else bot.bot_id,
            context=call.context,
            internal=call.data.get(ATTR_INTERNAL, True),
            external=external,
            route=None if refusal else _route(call.data),
            refused=[bot.refused(refusal)] if bot is not None and refusal is not None else [],
        )
    except HomeAssistantError as err:
        sender_id = call.data.get(ATTR_CONFIG_ENTRY_ID)
        async_write_refusal(call.hass, address, err, context=call.context, sender_id=sender_id)
        raise
    requires_receiver = call.data.get(ATTR_REQUIRE_RECEIVER, False)
    return await async_answer(call, dispatch, requires_receiver=requires_receiver, refusal=refusal)


def _route(data: Mapping[str, Any]) -> Route:
    scopes, homes = data.get(ATTR_SCOPE), data.get(ATTR_HOMES)
    return DEFAULT_ROUTE if scopes is None and homes is None else Route(scopes=scopes, homes=homes)
