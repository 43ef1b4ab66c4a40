"""The config flow: adds and changes bots."""

from collections.abc import Mapping
from itertools import count
from typing import Any, Final, override

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntry,
    ConfigFlowResult,
    ConfigSubentryData,
    ConfigSubentryFlow,
)
from homeassistant.const import CONF_ACTIONS, CONF_ADDRESS, CONF_DESCRIPTION, CONF_MODE, CONF_NAME, CONF_TARGET
from homeassistant.core import callback

from .built_in import BUILT_IN_DESCRIPTIONS, BUILT_IN_FIELDS
from .const import CONF_EVENT_TYPE, CONF_EXCLUDE, CONF_EXTERNAL, CONF_FIELDS, DOMAIN, SUBENTRY_DATA_STREAM
from .data_streams import DEFAULT_MODE, row_from_field
from .flows.bot import ATTACHED_SCHEMA, BOT_SCHEMA, attached_to, data_from_form, form_from_data, is_plain
from .flows.door_flow import DoorSteps
from .flows.stream_flow import DataStreamFlow, stream_unique_id
from .settings import DEFAULTS

STEP_ATTACHED: Final = "attached"


class DatastreamBotConfigFlow(DoorSteps, domain=DOMAIN):
    """Asks what a bot is called, whom and what it looks after, and what it does."""

    VERSION = 1

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(cls, config_entry: ConfigEntry) -> dict[str, type[ConfigSubentryFlow]]:
        """Return the flow of data streams."""
        return {SUBENTRY_DATA_STREAM: DataStreamFlow}

    _data: dict[str, Any]

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Add a bot."""
        if user_input is None:
            return self._show_bot("user", {CONF_NAME: self._free_name()})
        return await self._take("user", user_input, DEFAULTS)

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask what to change."""
        return self.async_show_menu(step_id="reconfigure", menu_options=["bot", "doors"])

    async def async_step_bot(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Change a bot."""
        entry = self._get_reconfigure_entry()
        if user_input is None:
            return self._show_bot("bot", {CONF_NAME: entry.title, **form_from_data(entry.data)})
        return await self._take("bot", user_input, entry.data)

    async def async_step_attached(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what the bot will be attached to, until the user has nothing more to exclude."""
        errors: dict[str, str] = {}
        if user_input is not None:
            if not is_plain(user_input[CONF_EXCLUDE]):
                errors[CONF_EXCLUDE] = "target_invalid"
            elif user_input[CONF_EXCLUDE] == self._data[CONF_EXCLUDE]:
                return self._finish()
            else:
                self._data[CONF_EXCLUDE] = user_input[CONF_EXCLUDE]
        suggested = {CONF_EXCLUDE: self._data[CONF_EXCLUDE]}
        return self.async_show_form(
            step_id=STEP_ATTACHED,
            data_schema=self.add_suggested_values_to_schema(ATTACHED_SCHEMA, suggested),
            errors=errors,
            description_placeholders=attached_to(self.hass, self._data),
        )

    async def _take(self, step_id: str, user_input: dict[str, Any], former: Mapping[str, Any]) -> ConfigFlowResult:
        """Take what a form says, or show it again with what is wrong."""
        if errors := self._errors(user_input):
            # A target with templates is none that a form could show.
            shown = {name: value for name, value in user_input.items() if errors.get(name) != "target_invalid"}
            return self._show_bot(step_id, shown, errors)
        self._data = {CONF_EXCLUDE: former[CONF_EXCLUDE], **data_from_form(user_input)}
        return await self.async_step_attached()

    def _finish(self) -> ConfigFlowResult:
        title = self._data.pop(CONF_NAME).strip()
        if self.source == SOURCE_RECONFIGURE:
            entry = self._get_reconfigure_entry()
            return self.async_update_and_abort(entry, title=title, data={**entry.data, **self._data})
        streams = [_built_in_stream(address) for address in BUILT_IN_FIELDS]
        return self.async_create_entry(title=title, data=self._data, subentries=streams)

    def _show_bot(
        self, step_id: str, suggested: Mapping[str, Any], errors: dict[str, str] | None = None
    ) -> ConfigFlowResult:
        schema = self.add_suggested_values_to_schema(BOT_SCHEMA, suggested)
        return self.async_show_form(step_id=step_id, data_schema=schema, errors=errors or {}, last_step=False)

    def _errors(self, user_input: Mapping[str, Any]) -> dict[str, str]:
        errors = {}
        name = user_input[CONF_NAME].strip()
        if not name:
            errors[CONF_NAME] = "name_empty"
        elif name.casefold() in self._names_in_use():
            errors[CONF_NAME] = "name_in_use"
        if not is_plain(user_input[CONF_TARGET]):
            errors[CONF_TARGET] = "target_invalid"
        return errors

    def _names_in_use(self) -> set[str]:
        own_entry_id = self._get_reconfigure_entry().entry_id if self.source == SOURCE_RECONFIGURE else None
        return {
            entry.title.casefold()
            for entry in self._async_current_entries(include_ignore=False)
            if entry.entry_id != own_entry_id
        }

    def _free_name(self) -> str:
        """Return the home's name, numbered when another bot has it."""
        home = self.hass.config.location_name
        names = (home if number == 1 else f"{home} {number}" for number in count(1))
        return next(name for name in names if name.casefold() not in self._names_in_use())


def _built_in_stream(address: str) -> ConfigSubentryData:
    """Return a data stream that every new bot has, open to the outside."""
    return ConfigSubentryData(
        data={
            CONF_ADDRESS: address,
            CONF_DESCRIPTION: BUILT_IN_DESCRIPTIONS[address],
            CONF_EXTERNAL: True,
            CONF_FIELDS: [row_from_field(field) for field in BUILT_IN_FIELDS[address]],
            CONF_ACTIONS: [],
            CONF_MODE: DEFAULT_MODE,
            CONF_EVENT_TYPE: "",
        },
        subentry_type=SUBENTRY_DATA_STREAM,
        title=address,
        unique_id=stream_unique_id(address),
    )
