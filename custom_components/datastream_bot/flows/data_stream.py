"""The form of a data stream."""

from typing import Final

from homeassistant.const import (
    CONF_ACTIONS,
    CONF_ADDRESS,
    CONF_DEFAULT,
    CONF_DESCRIPTION,
    CONF_MODE,
    CONF_NAME,
    CONF_TYPE,
)
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

from ..const import CONF_EVENT_TYPE, CONF_EXTERNAL, CONF_FIELDS, CONF_REQUIRED
from ..data_streams import DEFAULT_MODE, MODES
from ..messaging.field import FieldType

FIELD_TYPE_LABELS: Final = {
    FieldType.TEXT: "Text",
    FieldType.NUMBER: "Number",
    FieldType.BOOLEAN: "True or false",
    FieldType.LIST: "List",
    FieldType.OBJECT: "Object",
}

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
                        # Rows are not translated: what is not said here would be shown as it is stored.
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
