"""The actions of Data Stream Bot."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import config_validation as cv
import voluptuous as vol

from .bot import Bot, DatastreamBotConfigEntry
from .const import ATTR_ADDRESS, ATTR_CONTENT, DOMAIN
from .errors import MessageError, printable
from .messaging.bare_keys import as_meant, with_text_keys
from .messaging.content import is_plain, object_of
from .messaging.message import DEFAULT_ROUTE, Route, Scope
from .messaging.receipt import Receipt, failures_in
from .messaging.registry import Registry
from .messaging.rendered import as_written
from .messaging.router import DATA_ROUTER
from .rights import async_readable_receipt
from .sender_limit import SenderLimit

SERVICE_SEND: Final = "send"

ATTR_EXTERNAL: Final = "external"
ATTR_HOMES: Final = "homes"
ATTR_INTERNAL: Final = "internal"
ATTR_RAISE_ON_FAILURE: Final = "raise_on_failure"
ATTR_REQUIRE_RECEIVER: Final = "require_receiver"
ATTR_SCOPE: Final = "scope"

MAX_FAILURES: Final = 5
MAX_FAILURE: Final = 500
"""How many failures of a message its error tells, and how many characters of each. The receipt has them all."""

MAX_HOMES_NAMED: Final = 1000
"""How many homes a message can name. For more there is `all`."""

_ATTR_HINT: Final = "hint"
_ORIGIN: Final = "action"

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
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    send = partial(_async_send, SenderLimit(hass))
    hass.services.async_register(DOMAIN, SERVICE_SEND, send, SEND_SCHEMA, supports_response=SupportsResponse.OPTIONAL)


async def _async_send(limit: SenderLimit, call: ServiceCall) -> ServiceResponse:
    """Send a message, as a bot or from outside all of them.

    For a user who may not speak for the bot, it is sent from outside and stays here.
    """
    await limit.async_admit(call.context)
    router, bot = call.hass.data[DATA_ROUTER], _bot(call)
    refusal = None if bot is None else await bot.async_refusal_to_speak(call.context)
    external = call.data.get(ATTR_EXTERNAL, True)
    if refusal is not None and not external:
        raise refusal
    dispatch = await router.async_dispatch(
        call.data[ATTR_ADDRESS],
        _content(router.registry, call.data),
        origin=_ORIGIN,
        sender=None if bot is None or refusal else bot.bot_id,
        context=call.context,
        internal=call.data.get(ATTR_INTERNAL, True),
        external=external,
        route=None if refusal else _route(call.data),
        refused=[bot.refused(refusal)] if bot is not None and refusal is not None else [],
    )
    receipt = await dispatch.async_receipt()
    if call.data.get(ATTR_REQUIRE_RECEIVER) and not receipt.is_received:
        raise refusal or _no_receiver(router.registry, receipt.address)
    raises = call.data.get(ATTR_RAISE_ON_FAILURE, False)
    if not (raises or call.return_response):
        return None
    readable = await async_readable_receipt(call.hass, _told(router.registry, receipt), call.context)
    if raises and (failures := failures_in(readable)):
        raise _failed(receipt.address, failures)
    return readable if call.return_response else None


def _bot(call: ServiceCall) -> Bot | None:
    """Return the bot that is to send, if one is named.

    Raises:
        MessageError: It is not there, or not loaded.

    """
    if not (entry_id := call.data.get(ATTR_CONFIG_ENTRY_ID)):
        return None
    entry: DatastreamBotConfigEntry | None = call.hass.config_entries.async_get_entry(entry_id)
    if entry is None or entry.domain != DOMAIN:
        raise MessageError(translation_key="bot_id_unknown", bot=entry_id)
    if entry.state is not ConfigEntryState.LOADED:
        raise MessageError(translation_key="bot_not_running", bot=entry.title)
    return entry.runtime_data


def _route(data: Mapping[str, Any]) -> Route:
    scopes, homes = data.get(ATTR_SCOPE), data.get(ATTR_HOMES)
    return DEFAULT_ROUTE if scopes is None and homes is None else Route(scopes=scopes, homes=homes)


def _content(registry: Registry, data: Mapping[str, Any]) -> object:
    """Return the content that was meant."""
    address, content = data[ATTR_ADDRESS], data.get(ATTR_CONTENT)
    if isinstance(content, dict) and is_plain(content):
        return content
    schemas = registry.schemas_at(address) if isinstance(address, str) else []
    content = as_written(object_of(content), schemas)
    keyed = with_text_keys(content)
    if keyed is content or not isinstance(keyed, Mapping):
        return content
    # Without a field that was meant, a bare key is refused in words.
    is_meant = any(as_meant(keyed, schema.fields) is not keyed for schema in schemas)
    return keyed if is_meant else content


def _told(registry: Registry, receipt: Receipt) -> dict[str, Any]:
    """Return a receipt as response data, with the addresses that may have been meant if nobody received it."""
    told = receipt.as_dict()
    if receipt.is_received or registry.knows(receipt.address):
        return told
    if similar := registry.similar(receipt.address):
        told[_ATTR_HINT] = similar
    return told


def _failed(address: str, failures: Sequence[str]) -> HomeAssistantError:
    """Return the error of a message at which receivers failed, with what failed first."""
    told = [printable(failure[:MAX_FAILURE]) for failure in failures[:MAX_FAILURES]]
    if more := len(failures) - len(told):
        told.append(f"and {more} more")
    return HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key="receivers_failed",
        translation_placeholders={"address": address, "failures": "; ".join(told)},
    )


def _no_receiver(registry: Registry, address: str) -> MessageError:
    """Return the error of a message that nobody received, with the addresses that may have been meant."""
    if registry.knows(address):
        return MessageError(translation_key="no_receiver_reached", address=address)
    if similar := registry.similar(address):
        return MessageError(translation_key="no_receiver_nearest", address=address, nearest=similar)
    return MessageError(translation_key="no_receiver", address=address)
