"""The config flow: adds and renames bots. All else is changed in the options flow."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from itertools import count
from typing import Any, Final, override

from homeassistant.config_entries import ConfigEntry, ConfigFlow, ConfigFlowResult, ConfigSubentryFlow, OptionsFlow
from homeassistant.const import CONF_BASE, CONF_NAME
from homeassistant.core import callback

from .const import DOMAIN
from .data_streams import SUBENTRY_DATA_STREAM, built_in_streams
from .errors import async_text
from .flows.bot import NAME_SCHEMA, NEW_BOT_SCHEMA, form_from_options
from .flows.bot_steps import BotSteps
from .flows.data_stream import DataStreamFlow
from .flows.mqtt import LOGIN_SCHEMA
from .flows.options import BotOptionsFlow
from .flows.other_bots import async_suggested_addresses, async_suggested_options
from .migration import MINOR_VERSION, VERSION
from .mqtt.settings import BrokerError, MqttSettings
from .mqtt.transport import async_try
from .texts import async_texts

STEP_REAUTH_CONFIRM: Final = "reauth_confirm"
STEP_RECONFIGURE: Final = "reconfigure"


class DatastreamBotConfigFlow(BotSteps, ConfigFlow, domain=DOMAIN):
    """Adds a bot, renames it, or logs it in at its broker anew."""

    VERSION = VERSION
    MINOR_VERSION = MINOR_VERSION

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> OptionsFlow:
        """Return the flow of the options."""
        return BotOptionsFlow()

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(cls, config_entry: ConfigEntry) -> dict[str, type[ConfigSubentryFlow]]:
        """Return the flow of data streams."""
        return {SUBENTRY_DATA_STREAM: DataStreamFlow}

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Add a bot."""
        return await self.async_step_bot()

    async def async_step_bot(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the name and the settings of a new bot."""
        suggested = {CONF_NAME: self._free_name(), **form_from_options(async_suggested_options(self.hass))}
        return await self._async_ask(NEW_BOT_SCHEMA, suggested, user_input, self._name_errors(user_input))

    @override
    async def _async_finish(self, bot: Mapping[str, Any]) -> ConfigFlowResult:
        options = {name: value for name, value in bot.items() if name != CONF_NAME}
        texts = await async_texts(self.hass, "common")
        streams = built_in_streams({address: texts[address] for address in async_suggested_addresses(self.hass)})
        return self.async_create_entry(title=bot[CONF_NAME].strip(), data={}, options=options, subentries=streams)

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for another name of the bot."""
        entry = self._get_reconfigure_entry()
        errors = self._name_errors(user_input, entry)
        if user_input is not None and not errors:
            return self.async_update_and_abort(entry, title=user_input[CONF_NAME].strip())
        shown = user_input or {CONF_NAME: entry.title}
        schema = self.add_suggested_values_to_schema(NAME_SCHEMA, shown)
        return self.async_show_form(step_id=STEP_RECONFIGURE, data_schema=schema, errors=errors)

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Ask for another login at the broker, which refuses the one that it has."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Log in at the broker of the bot."""
        entry = self._get_reauth_entry()
        settings = replace(MqttSettings.from_options(entry.options), **(user_input or {}))
        placeholders, errors = {"host": settings.host, "problem": ""}, {}
        if user_input is not None:
            try:
                await async_try(self.hass, entry.entry_id, settings)
            except BrokerError as err:
                errors = {CONF_BASE: "broker_unusable"}
                placeholders["problem"] = await async_text(self.hass, err, self.hass.config.language)
            else:
                return self.async_update_and_abort(entry, options={**entry.options, **settings.as_options()})
        schema = self.add_suggested_values_to_schema(LOGIN_SCHEMA, asdict(settings))
        return self.async_show_form(
            step_id=STEP_REAUTH_CONFIRM, data_schema=schema, errors=errors, description_placeholders=placeholders
        )

    def _name_errors(self, user_input: Mapping[str, Any] | None, own: ConfigEntry | None = None) -> dict[str, str]:
        """Return what is wrong with the name in a form: of a new bot, or of the one whose entry is given."""
        if user_input is None:
            return {}
        name = user_input[CONF_NAME].strip()
        if not name:
            return {CONF_NAME: "name_empty"}
        return {CONF_NAME: "name_in_use"} if self._is_in_use(name, own) else {}

    def _is_in_use(self, name: str, own: ConfigEntry | None = None) -> bool:
        entries = self._async_current_entries(include_ignore=False)
        return name.casefold() in {entry.title.casefold() for entry in entries if entry is not own}

    def _free_name(self) -> str:
        """Return the home's name, numbered when another bot has it."""
        home = self.hass.config.location_name
        names = (home if number == 1 else f"{home} {number}" for number in count(1))
        return next(name for name in names if not self._is_in_use(name))
