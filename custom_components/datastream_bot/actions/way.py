"""The way of a message to one bot, or to all that opened its address; it stays in this Home Assistant."""

from typing import TypedDict

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from ..bot import Bot
from ..errors import MessageError
from ..messaging.dispatch import Dispatch
from ..messaging.registry import Registry
from ..messaging.router import DATA_ROUTER
from ..sender_limit import async_get_sender_limit
from .call import ORIGIN, async_write_refusal, loaded_bot, meant_content


async def async_send_to(
    hass: HomeAssistant, address: str, content: object, *, bot_id: str | None, context: Context
) -> Dispatch:
    """Send a message on its way with the rights of the user of a context.

    Args:
        hass: Home Assistant.
        address: What it is sent to.
        content: A JSON object, as a call has it.
        bot_id: Config entry id of the bot that it is for, or None for all that opened the address.
        context: What it is sent because of.

    Raises:
        MessageError: It cannot get there, or does not fit.
        HomeAssistantError: Too many messages led to it.

    """
    router = hass.data[DATA_ROUTER]
    try:
        await async_get_sender_limit(hass).async_admit(context)
        way = await async_way_to(router.registry, address, loaded_bot(hass, bot_id), context)
        content = meant_content(router.registry, address, content)
        return await router.async_dispatch(address, content, origin=ORIGIN, context=context, route=None, **way)
    except HomeAssistantError as err:
        async_write_refusal(hass, address, err, context=context, receiver_id=bot_id)
        raise


class Way(TypedDict, total=False):
    """How the router gets a message to where it is meant to go; see `Router.async_dispatch`."""

    sender: str
    external: bool
    only: list[str]


async def async_way_to(registry: Registry, address: str, bot: Bot | None, context: Context) -> Way:
    """Return the way to one bot, or to all that opened an address.

    Raises:
        MessageError: No bot opened the address, or the one that is named does not have it or not for this user.

    """
    if bot is None:
        if registry.is_open_anywhere(address):
            return {}
        raise MessageError(translation_key="address_opened_nowhere", address=address)
    if registry.is_open(bot.bot_id, address):
        return {"only": [bot.bot_id]}
    if registry.schema_of(bot.bot_id, address) is None:
        raise MessageError(translation_key="address_not_declared", address=address, bot=bot.entry.title)
    if await bot.async_refusal_to_speak(context):
        raise MessageError(translation_key="address_closed", address=address, bot=bot.entry.title)
    return {"sender": bot.bot_id, "external": False}
