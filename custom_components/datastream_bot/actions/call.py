"""What the actions share: the bot that a call names, the content that it means, and the answer to it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import Context, HomeAssistant, ServiceCall, ServiceResponse, callback
from homeassistant.exceptions import HomeAssistantError

from ..bot import Bot, DatastreamBotConfigEntry
from ..const import DOMAIN
from ..errors import MessageError, printable
from ..messaging.bare_keys import as_meant, with_text_keys
from ..messaging.content import is_plain, object_of
from ..messaging.dispatch import Dispatch
from ..messaging.receipt import Delivery, Outcome, Receipt, failures_in
from ..messaging.registry import Registry
from ..messaging.rendered import as_written
from ..messaging.router import DATA_ROUTER
from ..rights import async_readable_receipt

ATTR_RAISE_ON_FAILURE: Final = "raise_on_failure"

ORIGIN: Final = "action"

MAX_FAILURES: Final = 5
MAX_FAILURE: Final = 500
"""How many failures of a message its error tells, and how many characters of each. The receipt has them all."""

_ATTR_HINT: Final = "hint"
_RECEIVER: Final = "action"


def loaded_bot(hass: HomeAssistant, entry_id: str | None) -> Bot | None:
    """Return the bot of a config entry, if one is named.

    Raises:
        MessageError: It is not there, or not loaded.

    """
    if not entry_id:
        return None
    entry: DatastreamBotConfigEntry | None = hass.config_entries.async_get_entry(entry_id)
    if entry is None or entry.domain != DOMAIN:
        raise MessageError(translation_key="bot_id_unknown", bot=entry_id)
    if entry.state is not ConfigEntryState.LOADED:
        raise MessageError(translation_key="bot_not_running", bot=entry.title)
    return entry.runtime_data


def meant_content(registry: Registry, address: object, content: object) -> object:
    """Return the content that was meant, where YAML or a template made something else of it."""
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


@callback
def async_write_refusal(
    hass: HomeAssistant,
    address: object,
    error: HomeAssistantError,
    *,
    context: Context,
    sender_id: str | None = None,
    receiver_id: str | None = None,
) -> None:
    """Write into the message log that a message did not enter.

    Args:
        hass: Home Assistant.
        address: What it was to be sent to.
        error: Why it was not.
        context: What it was to be sent because of.
        sender_id: Config entry id of the bot that was to send it, or None.
        receiver_id: Config entry id of the bot that was to receive it, or None.

    """
    sender, receiver = (hass.config_entries.async_get_entry(each or "") for each in (sender_id, receiver_id))
    refused = [] if receiver is None else [_refused(receiver)]
    hass.data[DATA_ROUTER].log.async_refuse(
        error,
        origin=ORIGIN,
        address=address,
        sender=None if sender is None else sender.entry_id,
        context=context,
        refused=refused,
    )


def _refused(entry: ConfigEntry[Any]) -> Delivery:
    return Delivery(bot_id=entry.entry_id, bot_name=entry.title, receiver=_RECEIVER, outcome=Outcome.FAILED)


async def async_answer(
    call: ServiceCall, dispatch: Dispatch, *, requires_receiver: bool, refusal: MessageError | None = None
) -> ServiceResponse:
    """Return the answer to a call: the receipt, if that is wanted.

    Args:
        call: The call.
        dispatch: Its message.
        requires_receiver: Whether nobody receiving it is an error.
        refusal: Why the message did not go where the call meant it to go.

    Raises:
        MessageError: Nobody received it, and somebody has to.
        HomeAssistantError: A receiver failed, and the call is to fail then.

    """
    receipt, registry = await dispatch.async_receipt(), call.hass.data[DATA_ROUTER].registry
    if requires_receiver and not receipt.is_received:
        raise refusal or _no_receiver(registry, receipt.address)
    raises = call.data.get(ATTR_RAISE_ON_FAILURE, False)
    if not (raises or call.return_response):
        return None
    readable = await async_readable_receipt(call.hass, _told(registry, receipt), call.context)
    if raises and (failures := failures_in(readable)):
        raise _failed(receipt.address, failures)
    return readable if call.return_response else None


def _told(registry: Registry, receipt: Receipt) -> dict[str, Any]:
    """Return a receipt as response data, with the addresses that may have been meant if nobody received it."""
    told = receipt.as_dict()
    if receipt.is_received or registry.knows(receipt.address):
        return told
    if similar := registry.similar(receipt.address):
        told[_ATTR_HINT] = similar
    return told


def _failed(address: str, failures: Sequence[str]) -> HomeAssistantError:
    """Return the error of a message that some receivers failed to handle; it names the first failures."""
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
