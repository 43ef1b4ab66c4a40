"""The options flow: changes what a bot looks after, its doors, and its way to other homes."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, replace
from typing import Any, Final, override

from homeassistant.config_entries import ConfigEntry, ConfigFlowResult, OptionsFlow
from homeassistant.const import CONF_BASE, CONF_URL
import voluptuous as vol

from ..const import CONF_DOORS
from ..doors.credentials import CONF_SECRET
from ..doors.door import CONF_OPEN
from ..doors.webhook import CONF_SIGNED, WebhookDoor, async_webhook_url
from ..errors import async_text
from ..mqtt.settings import BrokerChoice, BrokerError, MqttSettings
from ..mqtt.transport import async_try
from ..settings import LOG_FORM, log_options, log_settings, with_entity_ids
from ..texts import async_texts
from .bot import BOT_SCHEMA, form_from_options
from .bot_steps import STEP_BOT, BotSteps
from .doors import DOORS_SCHEMA, curl_line, doors_from_form, doors_from_options, webhook_schema
from .mqtt import BROKER_SCHEMA, MQTT_SCHEMA, listed_peers
from .sections import opened

SOURCE_REPAIR: Final = "repair"
"""The source of a flow that a repair has opened."""

STEP_BROKER: Final = "broker"
STEP_DOORS: Final = "doors"
STEP_INIT: Final = "init"
STEP_LOG: Final = "log"
STEP_MQTT: Final = "mqtt"
STEP_WEBHOOK: Final = "webhook"
STEP_WEBHOOK_SIGNED: Final = "webhook_signed"

LOG_SCHEMA: Final = vol.Schema(dict(LOG_FORM))


class BotOptionsFlow(BotSteps, OptionsFlow):
    """Asks what a bot looks after, which doors it opens, how it reaches other homes, or what is kept of messages."""

    _doors: dict[str, Any]
    _mqtt: MqttSettings

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask what to change, unless a repair has just led to it."""
        if self.source != SOURCE_REPAIR and (step_id := self._take_over()) is not None:
            step: Callable[[], Awaitable[ConfigFlowResult]] = getattr(self, f"async_step_{step_id}")
            return await step()
        return self.async_show_menu(step_id=STEP_INIT, menu_options=[STEP_BOT, STEP_DOORS, STEP_MQTT, STEP_LOG])

    def _take_over(self) -> str | None:
        """Return the step of the flow that a repair has opened for the user, in whose place this one is.

        Home Assistant's page does not go on with that flow, but opens another one.
        """
        flows = self.hass.config_entries.options
        opened = flows.async_progress_by_handler(self.handler, match_context={"source": SOURCE_REPAIR})
        for flow in opened:
            flows.async_abort(flow["flow_id"])
        return opened[0]["step_id"] if opened else None

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
        if user_input is None:
            schema = self.add_suggested_values_to_schema(opened(DOORS_SCHEMA, former, ()), former)
            return self.async_show_form(step_id=STEP_DOORS, data_schema=schema)
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

    async def async_step_mqtt(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask whom the bot speaks for in other homes, and whose broker leads there."""
        self._mqtt = MqttSettings.from_options(self.config_entry.options)
        if user_input is None:
            return await self._async_show_mqtt(STEP_MQTT, MQTT_SCHEMA)
        self._mqtt = replace(self._mqtt, **user_input)
        if self._mqtt.errors:
            return await self._async_show_mqtt(STEP_MQTT, MQTT_SCHEMA, self._mqtt.errors)
        if self._mqtt.open and self._mqtt.broker == BrokerChoice.OTHER:
            return await self._async_show_mqtt(STEP_BROKER, BROKER_SCHEMA)
        return await self._async_store_mqtt(STEP_MQTT, MQTT_SCHEMA)

    async def async_step_broker(self, user_input: dict[str, Any]) -> ConfigFlowResult:
        """Ask for a broker of its own."""
        self._mqtt = replace(self._mqtt, **user_input)
        return await self._async_store_mqtt(STEP_BROKER, BROKER_SCHEMA)

    async def _async_store_mqtt(self, step_id: str, schema: vol.Schema) -> ConfigFlowResult:
        """Open the way to other homes if it can be."""
        if self._mqtt.open:
            try:
                await async_try(self.hass, self.config_entry.entry_id, self._mqtt)
            except BrokerError as err:
                problem = await async_text(self.hass, err, self.hass.config.language)
                return await self._async_show_mqtt(step_id, schema, {CONF_BASE: "broker_unusable"}, problem)
        return self._store(self._mqtt.as_options())

    async def _async_show_mqtt(
        self, step_id: str, schema: vol.Schema, errors: dict[str, str] | None = None, problem: str = ""
    ) -> ConfigFlowResult:
        there = listed_peers(self.config_entry, await async_texts(self.hass, "common"))
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, asdict(self._mqtt)),
            errors=errors,
            description_placeholders={"there": there, "problem": problem},
        )

    async def async_step_log(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask what the message log keeps of the bot's messages."""
        if user_input is not None:
            return self._store(log_options(user_input))
        schema = self.add_suggested_values_to_schema(LOG_SCHEMA, log_settings(self.config_entry.options))
        return self.async_show_form(step_id=STEP_LOG, data_schema=schema)

    def _store(self, options: Mapping[str, Any]) -> ConfigFlowResult:
        return self.async_create_entry(data={**self.config_entry.options, **options})
