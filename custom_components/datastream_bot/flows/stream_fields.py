"""The fields of the content in the form of a data stream: a row for each."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from homeassistant.const import CONF_DEFAULT, CONF_DESCRIPTION, CONF_NAME, CONF_TYPE
from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import (
    ObjectSelector,
    ObjectSelectorConfig,
    ObjectSelectorField,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)

from ..actions.form import reserved_fields
from ..data_streams import BUILT_IN_FIELDS, CONF_FIELDS, CONF_LIMITS, CONF_REQUIRED, field_from_row
from ..messaging.areas import find_area
from ..messaging.field_types import FieldType, LimitsError
from ..messaging.schema import MAX_SHOWN, Schema, SchemaError

REQUIRED: Final = "required"
OPTIONAL: Final = "optional"

type Row = Mapping[str, Any]
"""A field, as it is stored."""


def fields_selector(type_labels: Mapping[str, str], required_labels: Mapping[str, str]) -> ObjectSelector:
    """Return the rows of the form, with labels for what Home Assistant's pages do not translate: choices in a row.

    A row shows all that it holds in a line, so whether a field is required is a choice of two words.
    """
    row = {
        CONF_NAME: ObjectSelectorField(required=True, selector=TextSelector()),
        CONF_TYPE: ObjectSelectorField(required=True, selector=_choice("field_type", FieldType, type_labels)),
        CONF_LIMITS: ObjectSelectorField(selector=TextSelector()),
        CONF_REQUIRED: ObjectSelectorField(
            default=OPTIONAL, selector=_choice("field_required", (OPTIONAL, REQUIRED), required_labels)
        ),
        CONF_DESCRIPTION: ObjectSelectorField(selector=TextSelector()),
        CONF_DEFAULT: ObjectSelectorField(selector=ObjectSelector()),
    }
    return ObjectSelector(ObjectSelectorConfig(multiple=True, translation_key=CONF_FIELDS, fields=row))


def shown_rows(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Return rows as the form shows them."""
    return [{**row, CONF_REQUIRED: REQUIRED if row.get(CONF_REQUIRED) else OPTIONAL} for row in rows]


def rows_from_form(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Return rows that the form says."""
    return [{**row, CONF_REQUIRED: row.get(CONF_REQUIRED) == REQUIRED} for row in rows]


def fields_errors(hass: HomeAssistant, address: str, rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """Yield all that is wrong with the fields, those of a built-in address first among them, each with where."""
    built_in = {field.name for field in BUILT_IN_FIELDS.get(address, ())}
    own = rows[len(built_in) :]
    names = [row[CONF_NAME] for row in rows]
    if not all(name and name == name.strip() for name in names):
        yield "field_name_invalid", ""
    if built_in & {row[CONF_NAME] for row in own}:
        yield "field_name_built_in", ""
    elif len(set(names)) < len(names):
        yield "field_name_in_use", ""
    if reserved := sorted(reserved_fields(address).intersection(names)):
        yield "field_name_reserved", ", ".join(reserved)
    limited = [row for row in rows if _has_valid_limits(row)]
    if len(limited) < len(rows):
        yield "field_limits_invalid", ", ".join(row[CONF_NAME] for row in rows if row not in limited)
    try:
        with_defaults_read(hass, address, limited)
    except SchemaError as err:
        yield "field_default_invalid", "; ".join(map(str, err.faults[:MAX_SHOWN]))
    if built_in and any(row[CONF_REQUIRED] and row.get(CONF_DEFAULT) is None for row in own):
        # The messages that presence leads to would not have it.
        yield "field_required_built_in", ""


def with_defaults_read(hass: HomeAssistant, address: str, rows: Sequence[Row]) -> list[Row]:
    """Return rows with their defaults as messages will have them.

    Raises:
        SchemaError: A default does not fit its field.

    """
    schema = Schema(map(field_from_row, rows), find_area=partial(find_area, hass))
    defaults = {name: field.default for name, field in schema.fields.items() if field.default is not None}
    read = schema.read_part(address, defaults)
    return [{**row, CONF_DEFAULT: read[row[CONF_NAME]]} if row[CONF_NAME] in read else row for row in rows]


def _has_valid_limits(row: Row) -> bool:
    try:
        field_from_row(row)
    except LimitsError:
        return False
    return True


def _choice(name: str, values: Iterable[str], labels: Mapping[str, str]) -> SelectSelector:
    options = [SelectOptionDict(value=str(value), label=labels[value]) for value in values]
    return SelectSelector(SelectSelectorConfig(options=options, translation_key=name, mode=SelectSelectorMode.DROPDOWN))
