"""The config flow: adds and changes bots."""

from collections.abc import Mapping
from itertools import count
from typing import Any, Final, override

from homeassistant.components.person.const import DOMAIN as PERSON_DOMAIN
from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntry,
    ConfigFlowResult,
    ConfigSubentryData,
    ConfigSubentryFlow,
)
from homeassistant.const import (
    CONF_ACTIONS,
    CONF_ADDRESS,
    CONF_DESCRIPTION,
    CONF_MODE,
    CONF_NAME,
    CONF_TARGET,
    Platform,
)
from homeassistant.core import callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.selector import (
    EntityFilterSelectorConfig,
    EntitySelector,
    EntitySelectorConfig,
    SelectSelector,
    SelectSelectorConfig,
    TargetSelector,
    TargetSelectorConfig,
    TextSelector,
)
import voluptuous as vol

from .built_in import BUILT_IN_DESCRIPTIONS, BUILT_IN_FIELDS
from .const import (
    CONF_EVENT_TYPE,
    CONF_EXCLUDE,
    CONF_EXTERNAL,
    CONF_FIELDS,
    CONF_NOTIFY,
    CONF_ON_LEAVING,
    CONF_ON_RETURNING,
    CONF_PERSONS,
    DOMAIN,
    SUBENTRY_DATA_STREAM,
    Reaction,
)
from .data_stream import DEFAULT_MODE, row_from_field
from .door_flow import DoorSteps
from .stream_flow import DataStreamFlow, stream_unique_id

_LIGHTS_AND_SWITCHES: Final = TargetSelector(
    TargetSelectorConfig(entity=[EntityFilterSelectorConfig(domain=[Platform.LIGHT, Platform.SWITCH])])
)

BOT_SCHEMA: Final = vol.Schema(
    {
        vol.Required(CONF_NAME): TextSelector(),
        vol.Optional(CONF_PERSONS, default=list): EntitySelector(
            EntitySelectorConfig(domain=PERSON_DOMAIN, multiple=True)
        ),
        vol.Optional(CONF_TARGET, default=dict): _LIGHTS_AND_SWITCHES,
        vol.Optional(CONF_EXCLUDE, default=dict): _LIGHTS_AND_SWITCHES,
        vol.Required(CONF_ON_LEAVING, default=Reaction.OFF.value): SelectSelector(
            SelectSelectorConfig(options=[Reaction.OFF.value, Reaction.NOTHING.value], translation_key=CONF_ON_LEAVING)
        ),
        vol.Required(CONF_ON_RETURNING, default=Reaction.ON.value): SelectSelector(
            SelectSelectorConfig(options=[Reaction.ON.value, Reaction.NOTHING.value], translation_key=CONF_ON_RETURNING)
        ),
        vol.Optional(CONF_NOTIFY, default=list): EntitySelector(
            EntitySelectorConfig(domain=Platform.NOTIFY, multiple=True)
        ),
    }
)

# The selectors let templates through, which would never be rendered here.
_PLAIN_TARGET = vol.Schema(cv.TARGET_FIELDS)


class DatastreamBotConfigFlow(DoorSteps, domain=DOMAIN):
    """Asks what a bot is called, whom and what it looks after, and what it does."""

    VERSION = 1

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(cls, config_entry: ConfigEntry) -> dict[str, type[ConfigSubentryFlow]]:
        """Return the flow of data streams."""
        return {SUBENTRY_DATA_STREAM: DataStreamFlow}

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Add a bot."""
        if user_input is None:
            return self._show("user", {CONF_NAME: self._free_name()})
        if errors := self._errors(user_input):
            return self._show("user", user_input, errors)
        return self.async_create_entry(
            title=user_input.pop(CONF_NAME).strip(),
            data=user_input,
            subentries=[_built_in_stream(address) for address in BUILT_IN_FIELDS],
        )

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask what to change."""
        return self.async_show_menu(step_id="reconfigure", menu_options=["bot", "doors"])

    async def async_step_bot(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Change a bot."""
        entry = self._get_reconfigure_entry()
        if user_input is None:
            return self._show("bot", {CONF_NAME: entry.title, **entry.data})
        if errors := self._errors(user_input):
            return self._show("bot", user_input, errors)
        title = user_input.pop(CONF_NAME).strip()
        return self.async_update_and_abort(entry, title=title, data={**entry.data, **user_input})

    def _show(
        self, step_id: str, suggested: Mapping[str, Any], errors: dict[str, str] | None = None
    ) -> ConfigFlowResult:
        schema = self.add_suggested_values_to_schema(BOT_SCHEMA, suggested)
        return self.async_show_form(step_id=step_id, data_schema=schema, errors=errors or {})

    def _errors(self, user_input: Mapping[str, Any]) -> dict[str, str]:
        errors = {}
        name = user_input[CONF_NAME].strip()
        if not name:
            errors[CONF_NAME] = "name_empty"
        elif name.casefold() in self._names_in_use():
            errors[CONF_NAME] = "name_in_use"
        for field in (CONF_TARGET, CONF_EXCLUDE):
            try:
                _PLAIN_TARGET(user_input[field])
            except vol.Invalid:
                errors[field] = "target_invalid"
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
