"""Data streams as YAML, to be shared: what their form shows, as text that a person can read, copy and paste."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.const import (
    CONF_ACTIONS,
    CONF_ADDRESS,
    CONF_DEFAULT,
    CONF_DESCRIPTION,
    CONF_MODE,
    CONF_NAME,
    CONF_TYPE,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
import voluptuous as vol

from ..data_streams import (
    CONF_ASSISTANTS,
    CONF_EVENT_TYPE,
    CONF_EXTERNAL,
    CONF_FIELDS,
    CONF_LIMITS,
    CONF_REQUIRED,
    CONF_SHOWN,
    DEFAULT_MODE,
    MODES,
    field_from_row,
    row_from_field,
)
from ..messaging.field_types import FieldType

_NOT_TEXT: Final = "expected text, which stands in quotes if YAML takes it for something else"


def _text(value: object) -> str:
    # Anything else as text would be another one: YAML takes a bare `on` for true.
    if isinstance(value, str):
        return value
    raise vol.Invalid(_NOT_TEXT)


_ROW: Final = {
    vol.Required(CONF_NAME): _text,
    vol.Required(CONF_TYPE): vol.In([*map(str, FieldType)]),
    vol.Optional(CONF_LIMITS): _text,
    vol.Optional(CONF_REQUIRED, default=False): bool,
    vol.Optional(CONF_DESCRIPTION, default=""): _text,
    vol.Optional(CONF_DEFAULT): object,
}
_STREAM: Final = vol.Schema(
    {
        vol.Required(CONF_ADDRESS): _text,
        vol.Optional(CONF_DESCRIPTION, default=""): _text,
        vol.Optional(CONF_EXTERNAL, default=True): bool,
        vol.Optional(CONF_ASSISTANTS, default=False): bool,
        vol.Optional(CONF_SHOWN, default=False): bool,
        vol.Optional(CONF_FIELDS, default=list): [_ROW],
        # Checked as those of the form are.
        vol.Optional(CONF_ACTIONS, default=list): object,
        vol.Optional(CONF_MODE, default=DEFAULT_MODE): vol.In(MODES),
        vol.Optional(CONF_EVENT_TYPE, default=""): _text,
    }
)


@callback
def as_yaml(hass: HomeAssistant, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what YAML says of the data of a data stream: what is not empty, as far as it holds in other homes."""
    shared = {
        **data,
        CONF_FIELDS: [_row_as_yaml(row) for row in data[CONF_FIELDS]],
        CONF_ACTIONS: _with_entity_ids(er.async_get(hass), data[CONF_ACTIONS]),
    }
    return {key: shared[key] for key in map(str, _STREAM.schema) if shared.get(key) or key == CONF_EXTERNAL}


def data_from_yaml(yaml: object) -> dict[str, Any]:
    """Return the data of a data stream that YAML says, of which only keys and types are checked.

    Raises:
        Invalid: It has others.

    """
    data: dict[str, Any] = _STREAM(yaml)
    return data


def _row_as_yaml(row: Mapping[str, Any]) -> dict[str, Any]:
    named = row_from_field(field_from_row(row))
    return {key: value for key, value in named.items() if value or key == CONF_DEFAULT}


def _with_entity_ids(registry: er.EntityRegistry, value: Any) -> Any:
    """Return a part of actions with entity ids for registry ids, which Home Assistant's editor writes into some."""
    if isinstance(value, Mapping):
        return {key: _with_entity_ids(registry, item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_entity_ids(registry, item) for item in value]
    entry = registry.async_get(value) if isinstance(value, str) else None
    return value if entry is None else entry.entity_id
