"""The config flow: adds and changes bots. Their forms are in `flows`."""

from collections.abc import Mapping
from itertools import count
from typing import Any, Final, override

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntry,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentryFlow,
)
from homeassistant.const import CONF_NAME, CONF_URL
from homeassistant.core import callback

from .const import CONF_DOORS, DOMAIN
from .data_streams import SUBENTRY_DATA_STREAM, built_in_streams
from .doors.credentials import CONF_SECRET
from .doors.door import CONF_OPEN
from .doors.webhook import CONF_SIGNED, WebhookDoor, async_webhook_url
from .flows.bot import (
    ATTACHED_SCHEMA,
    BOT_SCHEMA,
    CONF_EXCLUDE,
    CONF_TARGET,
    attached_step,
    data_from_form,
    form_from_data,
    is_plain,
    own_in,
)
from .flows.data_stream import DataStreamFlow
from .flows.doors import DOORS_SCHEMA, curl_line, doors_from_data, doors_from_form, webhook_schema
from .flows.sections import opened
from .flows.texts import async_texts
from .settings import with_entity_ids, with_registry_ids

STEP_BOT: Final = "bot"
STEP_DOORS: Final = "doors"
STEP_RECONFIGURE: Final = "reconfigure"
STEP_WEBHOOK: Final = "webhook"
STEP_WEBHOOK_SIGNED: Final = "webhook_signed"


class DatastreamBotConfigFlow(ConfigFlow, domain=DOMAIN):
    """Asks what a bot is called, what it looks after and does, and which doors it opens."""

    VERSION = 1
    MINOR_VERSION = 2

    _data: dict[str, Any]
    _doors: dict[str, Any]

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

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask what to change."""
        return self.async_show_menu(step_id=STEP_RECONFIGURE, menu_options=[STEP_BOT, STEP_DOORS])

    async def async_step_bot(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the settings of a bot."""
        if user_input is None:
            return self._show_bot(self._suggested_bot())
        if errors := self._errors(user_input):
            # The page could not show a target with templates.
            shown = {name: value for name, value in user_input.items() if errors.get(name) != "target_invalid"}
            return self._show_bot(shown, errors, own_in(self.hass, shown.get(CONF_TARGET, {})))
        self._data = {CONF_EXCLUDE: self._suggested_bot()[CONF_EXCLUDE], **data_from_form(user_input)}
        return await self.async_step_attached()

    async def async_step_attached(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what the bot will be attached to, until the user has nothing more to exclude."""
        errors: dict[str, str] = {}
        exclude = self._data[CONF_EXCLUDE]
        if user_input is not None:
            if error := self._target_error(user_input[CONF_EXCLUDE]):
                errors[CONF_EXCLUDE] = error
            elif user_input[CONF_EXCLUDE] == exclude:
                return await self._async_finish()
            else:
                self._data[CONF_EXCLUDE] = user_input[CONF_EXCLUDE]
            if errors.get(CONF_EXCLUDE) != "target_invalid":
                exclude = user_input[CONF_EXCLUDE]
        suggested = {CONF_EXCLUDE: exclude}
        step_id, placeholders = attached_step(self.hass, self._data)
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(ATTACHED_SCHEMA, suggested),
            errors=errors,
            description_placeholders={**placeholders, "own": own_in(self.hass, exclude)},
        )

    async_step_attached_nobody = async_step_attached_nothing = async_step_attached

    async def async_step_doors(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask which doors to open."""
        former = doors_from_data(self._get_reconfigure_entry().data)
        if user_input is None:
            schema = self.add_suggested_values_to_schema(opened(DOORS_SCHEMA, former, []), former)
            return self.async_show_form(step_id=STEP_DOORS, data_schema=schema)
        self._doors = doors_from_form(user_input, former)
        webhook = self._doors[WebhookDoor.origin]
        if not webhook[CONF_OPEN]:
            return await self._save_doors()
        # Shown before it is saved: closing the dialog here changes nothing.
        url = await async_webhook_url(self.hass, webhook)
        return self.async_show_form(
            step_id=STEP_WEBHOOK_SIGNED if webhook[CONF_SIGNED] else STEP_WEBHOOK,
            data_schema=webhook_schema(webhook, url),
            description_placeholders={CONF_URL: url, CONF_SECRET: webhook[CONF_SECRET], "curl": curl_line(url)},
            last_step=True,
        )

    async def _save_doors(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        entry = self._get_reconfigure_entry()
        return self.async_update_and_abort(entry, data={**entry.data, CONF_DOORS: self._doors})

    async_step_webhook = async_step_webhook_signed = _save_doors

    def _suggested_bot(self) -> dict[str, Any]:
        """Return what the form of a bot shows at first."""
        if self.source == SOURCE_RECONFIGURE:
            entry = self._get_reconfigure_entry()
            return {CONF_NAME: entry.title, **form_from_data(with_entity_ids(self.hass, entry.data))}
        return {CONF_NAME: self._free_name(), **form_from_data({})}

    async def _async_finish(self) -> ConfigFlowResult:
        title = self._data.pop(CONF_NAME).strip()
        data = with_registry_ids(self.hass, self._data)
        if self.source == SOURCE_RECONFIGURE:
            entry = self._get_reconfigure_entry()
            return self.async_update_and_abort(entry, title=title, data={**entry.data, **data})
        streams = built_in_streams(await async_texts(self.hass, "common"))
        return self.async_create_entry(title=title, data=data, subentries=streams)

    def _show_bot(
        self, suggested: Mapping[str, Any], errors: dict[str, str] | None = None, own: str = ""
    ) -> ConfigFlowResult:
        schema = self.add_suggested_values_to_schema(opened(BOT_SCHEMA, suggested, errors or {}), suggested)
        return self.async_show_form(
            step_id=STEP_BOT,
            data_schema=schema,
            errors=errors or {},
            description_placeholders={"own": own},
            last_step=False,
        )

    def _errors(self, user_input: Mapping[str, Any]) -> dict[str, str]:
        errors = {}
        name = user_input[CONF_NAME].strip()
        if not name:
            errors[CONF_NAME] = "name_empty"
        elif name.casefold() in self._names_in_use():
            errors[CONF_NAME] = "name_in_use"
        if error := self._target_error(user_input[CONF_TARGET]):
            errors[CONF_TARGET] = error
        return errors

    def _target_error(self, target: Mapping[str, Any]) -> str | None:
        if not is_plain(target):
            return "target_invalid"
        return "target_own" if own_in(self.hass, target) else None

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
