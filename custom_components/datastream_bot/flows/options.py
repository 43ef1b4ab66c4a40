"""The options flow: changes what a bot looks after, and its doors."""

from collections.abc import Mapping
from typing import Any, Final, override

from homeassistant.config_entries import ConfigEntry, ConfigFlowResult, OptionsFlow
from homeassistant.const import CONF_URL

from ..const import CONF_DOORS
from ..doors.credentials import CONF_SECRET
from ..doors.door import CONF_OPEN
from ..doors.webhook import CONF_SIGNED, WebhookDoor, async_webhook_url
from ..settings import with_entity_ids
from .bot import BOT_SCHEMA, form_from_options
from .bot_steps import STEP_BOT, BotSteps
from .doors import DOORS_SCHEMA, curl_line, doors_from_form, doors_from_options, errors_in_form, webhook_schema
from .sections import opened

STEP_DOORS: Final = "doors"
STEP_INIT: Final = "init"
STEP_WEBHOOK: Final = "webhook"
STEP_WEBHOOK_SIGNED: Final = "webhook_signed"


class BotOptionsFlow(BotSteps, OptionsFlow):
    """Asks what a bot looks after, or which doors it opens."""

    _doors: dict[str, Any]

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask what to change."""
        return self.async_show_menu(step_id=STEP_INIT, menu_options=[STEP_BOT, STEP_DOORS])

    async def async_step_bot(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask what the bot looks after."""
        suggested = form_from_options(with_entity_ids(self.hass, self.config_entry.options))
        return await self._async_ask(BOT_SCHEMA, suggested, user_input, {})

    @property
    @override
    def _own_entry(self) -> ConfigEntry:
        return self.config_entry

    @override
    async def _async_finish(self, bot: Mapping[str, Any]) -> ConfigFlowResult:
        return self._store(bot)

    async def async_step_doors(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask which doors to open."""
        former = doors_from_options(self.config_entry.options)
        errors = errors_in_form(user_input) if user_input else {}
        if user_input is None or errors:
            shown = user_input or former
            schema = self.add_suggested_values_to_schema(opened(DOORS_SCHEMA, shown, errors), shown)
            return self.async_show_form(step_id=STEP_DOORS, data_schema=schema, errors=errors)
        self._doors = doors_from_form(user_input, former)
        webhook = self._doors[WebhookDoor.origin]
        if not webhook[CONF_OPEN]:
            return await self.async_step_webhook()
        # Shown before it is stored: closing the dialog here changes nothing.
        url = await async_webhook_url(self.hass, webhook)
        return self.async_show_form(
            step_id=STEP_WEBHOOK_SIGNED if webhook[CONF_SIGNED] else STEP_WEBHOOK,
            data_schema=webhook_schema(webhook, url),
            description_placeholders={CONF_URL: url, CONF_SECRET: webhook[CONF_SECRET], "curl": curl_line(url)},
            last_step=True,
        )

    async def async_step_webhook(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Open the doors when the webhook has been shown."""
        return self._store({CONF_DOORS: self._doors})

    async_step_webhook_signed = async_step_webhook

    def _store(self, options: Mapping[str, Any]) -> ConfigFlowResult:
        return self.async_create_entry(data={**self.config_entry.options, **options})
