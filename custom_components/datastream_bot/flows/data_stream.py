"""The data streams of a bot: their form, and the subentry flow that adds and changes them."""

from collections.abc import Mapping
import re
from typing import Any, Final

from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigSubentryFlow, SubentryFlowResult
from homeassistant.const import (
    CONF_ACTIONS,
    CONF_ADDRESS,
    CONF_DESCRIPTION,
    CONF_MODE,
    CONF_NAME,
)
from homeassistant.data_entry_flow import section
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.json import json_bytes
from homeassistant.helpers.script import async_validate_actions_config
from homeassistant.helpers.selector import (
    ActionSelector,
    BooleanSelector,
    ObjectSelector,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
)
import voluptuous as vol

from ..actions.streams import action_of
from ..const import DOMAIN
from ..data_streams import (
    BUILT_IN_FIELDS,
    CONF_ASSISTANTS,
    CONF_EVENT_TYPE,
    CONF_EXTERNAL,
    CONF_FIELDS,
    CONF_SHOWN,
    DEFAULT_MODE,
    MODES,
    SUBENTRY_DATA_STREAM,
    row_from_field,
    stream_unique_id,
)
from ..errors import MessageError
from ..event_bus import EVENT_DATASTREAM_BOT_MESSAGE
from ..messaging.message import checked_address
from ..messaging.schema import MAX_SHOWN
from ..texts import async_texts
from .field_uses import async_relying_on
from .stream_fields import fields_errors, fields_selector, rows_from_form, shown_rows, with_defaults_read
from .stream_yaml import as_yaml, data_from_yaml

MAX_BYTES: Final = 256 * 1024
MAX_LEVELS: Final = 64
"""How deep the parts of a data stream may be. Home Assistant could neither store nor check what is much deeper."""

# Home Assistant and its integrations act on their own events: firing one of those could stop Home Assistant, or make it
# believe something that is not true.
_EVENT_TYPE: Final = re.compile(rf"{DOMAIN}_[a-z0-9_]{{1,49}}")

STEP_FIELDS_GONE: Final = "fields_gone"
STEP_RECONFIGURE: Final = "reconfigure"
STEP_USER: Final = "user"
STEP_YAML: Final = "yaml"

SECTION_YAML: Final = "yaml"
CONF_YAML: Final = "yaml"


def stream_schema(
    type_labels: Mapping[str, str], required_labels: Mapping[str, str], *, shows_yaml: bool = False
) -> vol.Schema:
    """Return the form of a data stream, with labels for what Home Assistant's pages do not translate.

    An address is required, but not by the page: YAML may bring it.
    """
    return vol.Schema(
        {
            vol.Optional(CONF_ADDRESS, default=""): TextSelector(),
            vol.Optional(CONF_DESCRIPTION, default=""): TextSelector(TextSelectorConfig(multiline=True)),
            vol.Required(CONF_EXTERNAL, default=True): BooleanSelector(),
            vol.Required(CONF_ASSISTANTS, default=False): BooleanSelector(),
            vol.Required(CONF_SHOWN, default=False): BooleanSelector(),
            vol.Optional(CONF_FIELDS, default=list): fields_selector(type_labels, required_labels),
            vol.Optional(CONF_ACTIONS, default=list): ActionSelector(),
            vol.Required(CONF_MODE, default=DEFAULT_MODE): SelectSelector(
                SelectSelectorConfig(options=list(MODES), translation_key=CONF_MODE, mode=SelectSelectorMode.DROPDOWN)
            ),
            vol.Optional(CONF_EVENT_TYPE, default=""): TextSelector(),
            vol.Optional(SECTION_YAML): section(
                vol.Schema({vol.Optional(CONF_YAML): ObjectSelector()}), {"collapsed": not shows_yaml}
            ),
        }
    )


class DataStreamFlow(ConfigSubentryFlow):
    """Asks which address to declare, what it carries, and what it does."""

    # What the form showed as YAML: when that is changed, it is what the user wants.
    _yaml: object = None
    # What is to be saved once the user knows what relies on fields that will be gone.
    _data: Mapping[str, Any]

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Add a data stream."""
        if user_input is None:
            return await self._async_show(STEP_USER, {})
        return await self._async_submitted(STEP_USER, user_input)

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Change a data stream."""
        data = self._get_reconfigure_subentry().data
        # Each built-in one has a text that tells what it does, and its own fields.
        address = data[CONF_ADDRESS]
        step_id = f"{STEP_RECONFIGURE}_{address}" if address in BUILT_IN_FIELDS else STEP_RECONFIGURE
        if user_input is None:
            own = _with_own_fields(data)
            self._yaml = as_yaml(self.hass, own)
            return await self._async_show(step_id, _form_from_data(own, self._yaml))
        return await self._async_submitted(step_id, user_input)

    async_step_reconfigure_toggle_everything = async_step_reconfigure
    async_step_reconfigure_send_push_notification = async_step_reconfigure

    async def async_step_yaml(self, user_input: dict[str, Any]) -> SubentryFlowResult:
        """Add or change a data stream as YAML says, after the user had a look at it."""
        return await self._async_submitted(STEP_YAML, user_input)

    async def _async_submitted(self, step_id: str, form: dict[str, Any]) -> SubentryFlowResult:
        """Save what a form says, unless something is wrong, or YAML says something to look at first."""
        if large := {name: "too_large" for name, value in form.items() if not _is_storable(value)}:
            # The page could not be told what it should show.
            return await self._async_show(step_id, {name: form[name] for name in form.keys() - large.keys()}, large)
        yaml = form.get(SECTION_YAML, {}).get(CONF_YAML)
        if yaml and yaml != self._yaml:
            return await self._async_fill_in(step_id, form, yaml)
        data = _data_from_form(form)
        errors, problems = await self._async_errors(data)
        if errors:
            return await self._async_show(step_id, form, errors, problems)
        self._data = data | {CONF_FIELDS: with_defaults_read(self.hass, data[CONF_ADDRESS], data[CONF_FIELDS])}
        if self.source != SOURCE_RECONFIGURE:
            return self._save()
        former = self._get_reconfigure_subentry().data
        gone = _names(former) - _names(data)
        if not gone or not (relying := async_relying_on(self.hass, (former[CONF_ADDRESS], self._action()), gone)):
            return self._save()
        told = {"fields": ", ".join(sorted(gone)), "relying": "\n".join(f"- {name}" for name in relying)}
        return self.async_show_form(step_id=STEP_FIELDS_GONE, description_placeholders=told)

    async def async_step_fields_gone(self, _: dict[str, Any]) -> SubentryFlowResult:
        """Save a data stream without fields that something relies on, after the user was told."""
        return self._save()

    def _save(self) -> SubentryFlowResult:
        address = self._data[CONF_ADDRESS]
        saved: Any = {"title": address, "data": self._data, "unique_id": stream_unique_id(address)}
        if self.source == SOURCE_RECONFIGURE:
            return self.async_update_and_abort(self._get_entry(), self._get_reconfigure_subentry(), **saved)
        return self.async_create_entry(**saved)

    async def _async_fill_in(self, step_id: str, form: dict[str, Any], yaml: object) -> SubentryFlowResult:
        """Show a form that says what YAML says, or the same form again with all that is wrong with the YAML."""
        try:
            filled_in = _form_from_data(data_from_yaml(yaml), yaml)
        except vol.MultipleInvalid as err:
            problem = "; ".join(
                ": ".join(filter(None, (".".join(map(str, each.path)), each.msg))) for each in err.errors[:MAX_SHOWN]
            )
        else:
            errors, problems = await self._async_errors(_data_from_form(filled_in))
            texts = await async_texts(self.hass, "config_subentries.data_stream.error")
            problem = " ".join(f"{name}: {texts[error].format(**problems)}" for name, error in errors.items())
        if problem:
            return await self._async_show(step_id, form, {SECTION_YAML: "yaml_invalid"}, {"problem": problem})
        self._yaml = yaml
        return await self._async_show(STEP_YAML, filled_in)

    async def _async_show(
        self,
        step_id: str,
        suggested: Mapping[str, Any],
        errors: dict[str, str] | None = None,
        problems: Mapping[str, str] | None = None,
    ) -> SubentryFlowResult:
        schema = stream_schema(
            await async_texts(self.hass, "selector.field_type.options"),
            await async_texts(self.hass, "selector.field_required.options"),
            shows_yaml=SECTION_YAML in (errors or {}),
        )
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, suggested),
            errors=errors or {},
            description_placeholders={
                "problem": "",
                "problems": "",
                "fields": "",
                "action": self._action(),
                **(problems or {}),
            },
        )

    def _action(self) -> str:
        """Return the action of the data stream that is changed."""
        if self.source != SOURCE_RECONFIGURE:
            return ""
        return action_of(self.hass, self._get_reconfigure_subentry().data[CONF_ADDRESS])

    async def _async_errors(self, data: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
        """Return all that is wrong, by field, and what the texts of these errors tell."""
        errors, problems = {}, {}
        if error := self._address_error(data[CONF_ADDRESS]):
            errors[CONF_ADDRESS] = error
        if found := dict(fields_errors(self.hass, data[CONF_ADDRESS], data[CONF_FIELDS])):
            errors[CONF_FIELDS] = next(iter(found)) if len(found) == 1 else "field_several_invalid"
            texts = await async_texts(self.hass, "config_subentries.data_stream.error")
            problems["fields"] = next(iter(found.values()))
            problems["problems"] = " ".join(texts[error].format(fields=fields) for error, fields in found.items())
        if data[CONF_ASSISTANTS] and not data[CONF_EXTERNAL]:
            errors[CONF_ASSISTANTS] = "assistants_not_open"
        if error := _event_error(data[CONF_EVENT_TYPE]):
            errors[CONF_EVENT_TYPE] = error
        try:
            await async_validate_actions_config(self.hass, cv.SCRIPT_SCHEMA(data[CONF_ACTIONS]))
        except (vol.Invalid, HomeAssistantError) as err:
            errors[CONF_ACTIONS] = "actions_invalid"
            problems["problem"] = str(err)
        return errors, problems

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


def _names(data: Mapping[str, Any]) -> set[str]:
    """Return the names of the fields of a data stream."""
    return {row[CONF_NAME] for row in data[CONF_FIELDS]}


def _is_storable(value: object) -> bool:
    return not _is_deeper(value, MAX_LEVELS) and len(json_bytes(value)) <= MAX_BYTES


def _is_deeper(value: object, levels: int) -> bool:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return items is not None and (levels == 0 or any(_is_deeper(item, levels - 1) for item in items))


def _with_own_fields(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of a data stream with the fields that the user added: a built-in one has more by itself."""
    built_in = {field.name for field in BUILT_IN_FIELDS.get(data[CONF_ADDRESS], ())}
    return {**data, CONF_FIELDS: [row for row in data[CONF_FIELDS] if row[CONF_NAME] not in built_in]}


def _form_from_data(data: Mapping[str, Any], yaml: object) -> dict[str, Any]:
    """Return what the form shows of data, which YAML says as well."""
    return {**data, CONF_FIELDS: shown_rows(data[CONF_FIELDS]), SECTION_YAML: {CONF_YAML: yaml}}


def _data_from_form(user_input: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data stream that a form says, with the fields that the handling of a built-in address relies on."""
    address = user_input[CONF_ADDRESS].strip()
    rows = rows_from_form(user_input[CONF_FIELDS])
    return {
        **{name: value for name, value in user_input.items() if name != SECTION_YAML},
        CONF_ADDRESS: address,
        CONF_EVENT_TYPE: user_input[CONF_EVENT_TYPE].strip(),
        CONF_FIELDS: [*map(row_from_field, BUILT_IN_FIELDS.get(address, ())), *rows],
        # The editor offers a single action as well as a list of them.
        CONF_ACTIONS: cv.ensure_list(user_input[CONF_ACTIONS]),
    }


def _event_error(event_type: str) -> str | None:
    if not event_type:
        return None
    if not _EVENT_TYPE.fullmatch(event_type):
        return "event_type_invalid"
    return "event_type_reserved" if event_type == EVENT_DATASTREAM_BOT_MESSAGE else None
