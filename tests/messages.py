"""The message log: what it says of messages, as the action returns it, and what it keeps of them."""

from typing import Any

from homeassistant.core import Context, HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.const import DOMAIN

from .forms import show_form_of


async def get_messages(hass: HomeAssistant, *, context: Context | None = None, **data: Any) -> list[dict[str, Any]]:
    """Return messages by the action."""
    response: Any = await hass.services.async_call(
        DOMAIN, "get_messages", data, blocking=True, return_response=True, context=context
    )
    messages: list[dict[str, Any]] = response["messages"]
    return messages


def outcomes(messages: list[dict[str, Any]]) -> list[tuple[Any, str]]:
    """Return the address and the outcome of each message."""
    return [(message["address"], message["outcome"]) for message in messages]


async def change_log(bot: Bot, **form: bool) -> None:
    """Change what is kept of messages by the form."""
    shown = await show_form_of(bot, "log")
    result = await bot.hass.config_entries.options.async_configure(shown["flow_id"], form)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await bot.hass.async_block_till_done()
