"""What forms show."""

from typing import Any

from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigFlowContext

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.const import DOMAIN


async def show_form_of(bot: Bot, step: str = "bot") -> Any:
    """Open a form that changes a bot."""
    flows = bot.hass.config_entries.flow
    menu = await flows.async_init(DOMAIN, context=ConfigFlowContext(source=SOURCE_RECONFIGURE, entry_id=bot.bot_id))
    return await flows.async_configure(menu["flow_id"], {"next_step_id": step})


def suggested(form: Any) -> dict[str, Any]:
    """Return what the fields of a form show before the user changes anything."""
    return {
        str(field): field.description["suggested_value"]
        for field in form["data_schema"].schema
        if field.description and "suggested_value" in field.description
    }
