"""Repairs: the dialogs of the issues that users can fix."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.components.repairs import FlowType, RepairsFlow, RepairsFlowResult
from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigFlowContext, SubentryFlowContext
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN
from .data_streams import SUBENTRY_DATA_STREAM
from .flows.bot_steps import STEP_BOT
from .flows.options import SOURCE_REPAIR, STEP_DOORS, STEP_MQTT
from .issues import BOT_ID, KINDS, STREAM_ID, Fix

_LEARN_MORE: Final = "learn_more"
_STEP_CONFIRM: Final = "confirm"
_OPTIONS_STEPS: Final[Mapping[Fix, str]] = {Fix.BOT: STEP_BOT, Fix.DOORS: STEP_DOORS, Fix.MQTT: STEP_MQTT}


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Return the flow of an issue."""
    return FixFlow()


class FixFlow(RepairsFlow):
    """Tells what is wrong, and leads on to the form that mends it, or takes the user's word that it is mended.

    An issue with a form stays, whatever the user does there: it ends by itself when it is mended.
    """

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Begin."""
        return await self.async_step_confirm()

    async def async_step_confirm(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Tell what is wrong, until the user goes on."""
        issue = ir.async_get(self.hass).async_get_issue(DOMAIN, self.issue_id)
        if issue is None:
            # It was mended while this was open.
            return self.async_create_entry(data={})
        if user_input is None:
            # Unlike other dialogs of issues, Home Assistant shows this one without the link.
            placeholders = {**(issue.translation_placeholders or {}), _LEARN_MORE: str(issue.learn_more_url)}
            return self.async_show_form(step_id=_STEP_CONFIRM, description_placeholders=placeholders)
        fix = KINDS[str(issue.translation_key)].fix
        if fix is None or fix is Fix.CONFIRM:
            return self.async_create_entry(data={})
        ids = {name: str(value) for name, value in (issue.data or {}).items()}
        return self.async_abort(reason="form", next_flow=await _async_open_form(self.hass, fix, ids))


async def _async_open_form(hass: HomeAssistant, fix: Fix, ids: dict[str, str]) -> tuple[FlowType, str]:
    """Open a form of a bot, and return its flow."""
    entries, bot_id = hass.config_entries, ids[BOT_ID]
    if fix is Fix.DATA_STREAM:
        stream = SubentryFlowContext(source=SOURCE_RECONFIGURE, subentry_id=ids[STREAM_ID])
        form: Any = await entries.subentries.async_init((bot_id, SUBENTRY_DATA_STREAM), context=stream)
        return FlowType.CONFIG_SUBENTRIES_FLOW, form["flow_id"]
    if fix is Fix.NAME:
        bot = ConfigFlowContext(source=SOURCE_RECONFIGURE, entry_id=bot_id)
        form = await entries.flow.async_init(DOMAIN, context=bot)
        return FlowType.CONFIG_FLOW, form["flow_id"]
    form = await entries.options.async_init(bot_id, context=ConfigFlowContext(source=SOURCE_REPAIR))
    await entries.options.async_configure(form["flow_id"], {"next_step_id": _OPTIONS_STEPS[fix]})
    return FlowType.OPTIONS_FLOW, form["flow_id"]
