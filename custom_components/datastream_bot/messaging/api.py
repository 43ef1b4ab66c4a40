"""Sending to all bots and listening to all of them, for other integrations that have no microservice."""

from collections.abc import Callable, Mapping

from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback

from ..const import ORIGIN_MICROSERVICE
from ..errors import MessageError
from .listeners import async_get_listeners
from .message import Message, checked_address
from .receipt import Receipt
from .router import DATA_ROUTER


async def async_send(
    hass: HomeAssistant, address: str, content: object = None, *, context: Context | None = None
) -> Receipt:
    """Send a message to every bot of this Home Assistant that opened its address, and return its receipt.

    It is there after at most 10 seconds. Nobody receives the message as long as no bot runs, and the receipt says so.

    Args:
        hass: Home Assistant.
        address: A letter, then letters, digits, `_`, `-` and `.`; at most 64 characters.
        content: A JSON object of at most 32 KiB and 16 levels; None is an empty one.
        context: What the message is sent because of: that of a message, an action or a state. Its user's rights hold
            for all that the message does. None is Home Assistant itself.

    Raises:
        ServiceValidationError: The address or the content is not valid, or the content fits none of the bots; or Data
            Stream Bot is not set up.
        HomeAssistantError: More than 8 messages led to this one, or more than 1,000 came of the first one.

    """
    if (router := hass.data.get(DATA_ROUTER)) is None:
        raise MessageError(translation_key="not_set_up")
    dispatch = await router.async_dispatch(address, content, origin=ORIGIN_MICROSERVICE, context=context, route=None)
    return await dispatch.async_receipt()


@callback
def async_listen(hass: HomeAssistant, address: str, listener: Callable[[Message], None]) -> CALLBACK_TYPE:
    """Call a function for each external message to an address; return the function that ends it.

    It hears what the event `datastream_bot_message` tells, also of an address that no bot has, before the receivers do,
    and tells the sender nothing. It may be called before Data Stream Bot is set up, and bots may come and go meanwhile.

    Args:
        hass: Home Assistant.
        address: A letter, then letters, digits, `_`, `-` and `.`; at most 64 characters.
        listener: Is called in the event loop with a copy of its own of the message, as it was sent. It must not wait.

    Raises:
        ServiceValidationError: The address is not valid.

    """

    @callback
    def heard(message: Message, _: Mapping[str, Message]) -> None:
        if message.envelope.external:
            listener(message.copy())

    return async_get_listeners(hass).connect(heard, address=checked_address(address))
