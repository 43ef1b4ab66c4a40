"""What forms show."""

from typing import Any

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntriesFlowManager,
    ConfigFlowContext,
    OptionsFlowManager,
)

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.const import DOMAIN

MORE = ("settling", "only_when_dark", "remember_for", "verify_after")


async def show_form_of(bot: Bot, step: str = "bot") -> Any:
    """Open a form of the options of a bot."""
    flows = bot.hass.config_entries.options
    menu = await flows.async_init(bot.bot_id)
    return await flows.async_configure(menu["flow_id"], {"next_step_id": step})


async def change_bot(bot: Bot, **form: Any) -> Any:
    """Change what a bot looks after by its form, and return what comes of it."""
    shown = await show_form_of(bot)
    result = await submit_bot(bot.hass.config_entries.options, shown["flow_id"], **form)
    await bot.hass.async_block_till_done()
    return result


async def show_name_of(bot: Bot) -> Any:
    """Open the form that renames a bot."""
    context = ConfigFlowContext(source=SOURCE_RECONFIGURE, entry_id=bot.bot_id)
    return await bot.hass.config_entries.flow.async_init(DOMAIN, context=context)


async def submit_bot(flows: ConfigEntriesFlowManager | OptionsFlowManager, flow_id: str, **form: Any) -> Any:
    """Submit the form of a bot, look at what it is attached to, and return what comes of it.

    Leaving is acted on at once, unless the form says otherwise.
    """
    more = {"settling": 0} | {name: form.pop(name) for name in MORE if name in form}
    exclude = form.pop("exclude", None)
    result = await flows.async_configure(flow_id, {**form, "more": more})
    while str(result.get("step_id")).startswith("attached") and not result["errors"]:
        shown = suggested(result)
        result = await flows.async_configure(flow_id, shown if exclude is None else {"exclude": exclude})
    return result


def suggested(form: Any) -> dict[str, Any]:
    """Return what the fields of a form show before the user changes anything."""
    return {
        str(field): field.description["suggested_value"]
        for field in form["data_schema"].schema
        if field.description and "suggested_value" in field.description
    }
