"""Data streams for the tests, added and changed by their flow, as a user would."""

from typing import Any

from homeassistant.config_entries import ConfigSubentry, SubentryFlowContext
from homeassistant.data_entry_flow import FlowResultType

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.data_streams import SUBENTRY_DATA_STREAM

from .forms import suggested
from .home import ticks


def row(name: str, type_: str = "text", **more: Any) -> dict[str, Any]:
    """Return a row of the form's fields."""
    return {"name": name, "type": type_, **more, "required": "required" if more.get("required") else "optional"}


def stream_of(bot: Bot, address: str) -> ConfigSubentry:
    """Return the data stream of an address."""
    (stream,) = (stream for stream in bot.entry.subentries.values() if stream.data["address"] == address)
    return stream


async def show_form(bot: Bot) -> Any:
    """Open the form of a new data stream."""
    return await bot.hass.config_entries.subentries.async_init(
        (bot.bot_id, SUBENTRY_DATA_STREAM), context=SubentryFlowContext(source="user")
    )


async def show_form_of(bot: Bot, address: str) -> Any:
    """Open the form of a data stream to change it."""
    context = SubentryFlowContext(source="reconfigure", subentry_id=stream_of(bot, address).subentry_id)
    return await bot.hass.config_entries.subentries.async_init((bot.bot_id, SUBENTRY_DATA_STREAM), context=context)


async def submit(bot: Bot, form: Any, data: dict[str, Any]) -> Any:
    """Submit a form."""
    result = await bot.hass.config_entries.subentries.async_configure(form["flow_id"], data)
    await bot.hass.async_block_till_done()
    return result


async def add_stream(bot: Bot, address: str, **form: Any) -> ConfigSubentry:
    """Add a data stream."""
    result = await submit(bot, await show_form(bot), {"address": address, "external": True, "mode": "parallel", **form})
    assert result["type"] is FlowResultType.CREATE_ENTRY, result
    return stream_of(bot, address)


async def change_stream(bot: Bot, address: str, /, **changes: Any) -> None:
    """Change a data stream, also while actions are running."""
    form = await show_form_of(bot, address)
    data = {**suggested(form), **changes}
    result = await bot.hass.config_entries.subentries.async_configure(form["flow_id"], data)
    if result.get("step_id") == "fields_gone":
        result = await bot.hass.config_entries.subentries.async_configure(form["flow_id"], {})
    await ticks(200)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reconfigure_successful"), result


async def remove_stream(bot: Bot, address: str) -> None:
    """Delete a data stream."""
    assert bot.hass.config_entries.async_remove_subentry(bot.entry, stream_of(bot, address).subentry_id)
    await bot.hass.async_block_till_done()


def yaml_section(form: Any) -> Any:
    """Return the section of a form that has the YAML."""
    return form["data_schema"].schema["yaml"]


def shown_yaml(form: Any) -> Any:
    """Return the YAML that a form shows."""
    return suggested({"data_schema": yaml_section(form).schema}).get("yaml")


async def paste(bot: Bot, form: Any, yaml: object, **typed: Any) -> Any:
    """Submit a form with YAML in it."""
    return await submit(bot, form, {"external": True, "mode": "parallel", **typed, "yaml": {"yaml": yaml}})


async def look_and_submit(bot: Bot, form: Any, **changes: Any) -> Any:
    """Submit a form that was filled in by YAML, as the page does."""
    assert (form["type"], form["step_id"], form["errors"]) == (FlowResultType.FORM, "yaml", {})
    return await submit(bot, form, {**suggested(form), "yaml": {"yaml": shown_yaml(form)}, **changes})
