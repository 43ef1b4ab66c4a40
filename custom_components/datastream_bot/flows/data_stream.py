"""The data streams of a bot: their form, and the subentry flow that adds and changes them."""

from collections.abc import Mapping
import re
from typing import Any, Final

from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigSubentryFlow, SubentryFlowResult
from homeassistant.const import (
    CONF_ACTIONS,
    CONF_ADDRESS,
    CONF_DEFAULT,
    CONF_DESCRIPTION,
    CONF_MODE,
    CONF_NAME,
    CONF_TYPE,
)
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.script import async_validate_actions_config
from homeassistant.helpers.selector import (
    ActionSelector,
    BooleanSelector,
    ObjectSelector,
    ObjectSelectorConfig,
    ObjectSelectorField,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
)
import voluptuous as vol

from ..const import DOMAIN
from ..data_streams import (
    BUILT_IN_FIELDS,
    CONF_EVENT_TYPE,
    CONF_EXTERNAL,
    CONF_FIELDS,
    CONF_REQUIRED,
    DEFAULT_MODE,
    MODES,
    SUBENTRY_DATA_STREAM,
    field_from_row,
    row_from_field,
    stream_unique_id,
)
from ..errors import MessageError
from ..event_bus import EVENT_DATASTREAM_BOT_MESSAGE
from ..messaging.message import checked_address
from ..messaging.schema import FIELD_TYPE_LABELS

# Home Assistant and its integrations act on their own events: firing one of those could stop Home Assistant, or make it
# believe something that is not true.
_EVENT_TYPE: Final = re.compile(rf"{DOMAIN}_[a-z0-9_]{{1,49}}")

STREAM_SCHEMA: Final = vol.Schema(
    {
        vol.Required(CONF_ADDRESS): TextSelector(),
        vol.Optional(CONF_DESCRIPTION, default=""): TextSelector(TextSelectorConfig(multiline=True)),
        vol.Required(CONF_EXTERNAL, default=True): BooleanSelector(),
        vol.Optional(CONF_FIELDS, default=list): ObjectSelector(
            ObjectSelectorConfig(
                multiple=True,
                label_field=CONF_NAME,
                description_field=CONF_DESCRIPTION,
                translation_key=CONF_FIELDS,
                fields={
                    CONF_NAME: ObjectSelectorField(required=True, selector=TextSelector()),
                    CONF_TYPE: ObjectSelectorField(
                        required=True,
                        # Options in a row are not translated, so they carry their labels.
                        selector=SelectSelector(
                            SelectSelectorConfig(
                                options=[
                                    SelectOptionDict(value=type_.value, label=label)
                                    for type_, label in FIELD_TYPE_LABELS.items()
                                ],
                                mode=SelectSelectorMode.DROPDOWN,
                            )
                        ),
                    ),
                    CONF_REQUIRED: ObjectSelectorField(selector=BooleanSelector()),
                    CONF_DESCRIPTION: ObjectSelectorField(selector=TextSelector()),
                    CONF_DEFAULT: ObjectSelectorField(selector=ObjectSelector()),
                },
            )
        ),
        vol.Optional(CONF_ACTIONS, default=list): ActionSelector(),
        vol.Required(CONF_MODE, default=DEFAULT_MODE): SelectSelector(
            SelectSelectorConfig(options=list(MODES), translation_key=CONF_MODE, mode=SelectSelectorMode.DROPDOWN)
        ),
        vol.Optional(CONF_EVENT_TYPE, default=""): TextSelector(),
    }
)


class DataStreamFlow(ConfigSubentryFlow):
    """Asks which address to declare, what it carries, and what it does."""

    _problem = ""

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Add a data stream."""
        if user_input is None:
            return self._show("user", {})
        if errors := await self._async_errors(user_input):
            return self._show("user", user_input, errors)
        address = user_input[CONF_ADDRESS]
        return self.async_create_entry(title=address, data=user_input, unique_id=stream_unique_id(address))

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Change a data stream."""
        stream = self._get_reconfigure_subentry()
        if user_input is None:
            return self._show("reconfigure", stream.data)
        if errors := await self._async_errors(user_input):
            return self._show("reconfigure", user_input, errors)
        address = user_input[CONF_ADDRESS]
        return self.async_update_and_abort(
            self._get_entry(), stream, title=address, data=user_input, unique_id=stream_unique_id(address)
        )

    def _show(
        self, step_id: str, suggested: Mapping[str, Any], errors: dict[str, str] | None = None
    ) -> SubentryFlowResult:
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(STREAM_SCHEMA, suggested),
            errors=errors or {},
            description_placeholders={"problem": self._problem},
        )

    async def _async_errors(self, user_input: dict[str, Any]) -> dict[str, str]:
        """Return what is wrong, by field, after trimming what was typed."""
        errors = {}
        self._problem = ""
        user_input[CONF_ADDRESS] = user_input[CONF_ADDRESS].strip()
        user_input[CONF_EVENT_TYPE] = user_input[CONF_EVENT_TYPE].strip()
        # The editor offers a single action as well as a list of them.
        user_input[CONF_ACTIONS] = cv.ensure_list(user_input[CONF_ACTIONS])
        if error := self._address_error(user_input[CONF_ADDRESS]):
            errors[CONF_ADDRESS] = error
        user_input[CONF_FIELDS] = _with_built_in(user_input[CONF_ADDRESS], user_input[CONF_FIELDS])
        if error := _fields_error(user_input[CONF_ADDRESS], user_input[CONF_FIELDS]):
            errors[CONF_FIELDS] = error
        if error := _event_error(user_input[CONF_EVENT_TYPE]):
            errors[CONF_EVENT_TYPE] = error
        try:
            await async_validate_actions_config(self.hass, cv.SCRIPT_SCHEMA(user_input[CONF_ACTIONS]))
        except (vol.Invalid, HomeAssistantError) as err:
            errors[CONF_ACTIONS] = "actions_invalid"
            self._problem = str(err)
        return errors

    def _address_error(self, address: str) -> str | None:
        try:
            checked_address(address)
        except MessageError:
            return "address_invalid"
        own = self._get_reconfigure_subentry() if self.source == SOURCE_RECONFIGURE else None
        if own is not None and own.data[CONF_ADDRESS] in BUILT_IN_FIELDS and own.data[CONF_ADDRESS] != address:
            return "address_built_in"
        declared = {
            stream.data[CONF_ADDRESS]
            for stream in self._get_entry().get_subentries_of_type(SUBENTRY_DATA_STREAM)
            if own is None or stream.subentry_id != own.subentry_id
        }
        return "address_in_use" if address in declared else None


def _with_built_in(address: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows with the fields of a built-in address as its handling relies on them."""
    built_in = BUILT_IN_FIELDS.get(address, ())
    names = {field.name for field in built_in}
    return [*map(row_from_field, built_in), *(row for row in rows if row[CONF_NAME] not in names)]


def _fields_error(address: str, rows: list[dict[str, Any]]) -> str | None:
    fields = [field_from_row(row) for row in rows]
    names = [field.name for field in fields]
    if not all(name and name == name.strip() for name in names):
        return "field_name_invalid"
    if len(set(names)) < len(names):
        return "field_name_in_use"
    if not all(field.default is None or field.fits(field.default) for field in fields):
        return "field_default_invalid"
    built_in = BUILT_IN_FIELDS.get(address, ())
    if built_in and any(field.required and field.default is None for field in fields if field not in built_in):
        # The messages that presence leads to would not have it.
        return "field_required_built_in"
    return None


def _event_error(event_type: str) -> str | None:
    if not event_type:
        return None
    if not _EVENT_TYPE.fullmatch(event_type):
        return "event_type_invalid"
    return "event_type_reserved" if event_type == EVENT_DATASTREAM_BOT_MESSAGE else None
