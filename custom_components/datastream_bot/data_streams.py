"""The data stream: an address that a bot declared, and what it does with messages to it."""

from dataclasses import dataclass
from typing import Any, Final, Self

from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import (
    CONF_ACTIONS,
    CONF_ADDRESS,
    CONF_DEFAULT,
    CONF_DESCRIPTION,
    CONF_MODE,
    CONF_NAME,
    CONF_TYPE,
)

from .const import CONF_EVENT_TYPE, CONF_EXTERNAL, CONF_FIELDS, CONF_REQUIRED
from .messaging.field import Field, FieldType

MODES: Final = ("single", "restart", "queued", "parallel")
DEFAULT_MODE: Final = "parallel"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataStream:
    """A declared address.

    Attributes:
        stream_id: Id of its config subentry.
        address: What messages are sent to.
        description: What it is for, for people.
        external: Open to messages from outside the bot.
        fields: What content has to be; empty for anything.
        actions: Script actions to run, as the user wrote them.
        mode: What happens when a message comes while they run.
        event_type: Event to fire, with the content as its data, or None.

    """

    stream_id: str
    address: str
    description: str
    external: bool
    fields: tuple[Field, ...]
    actions: tuple[Any, ...]
    mode: str
    event_type: str | None

    @classmethod
    def from_subentry(cls, subentry: ConfigSubentry) -> Self:
        """Return the data stream of a config subentry."""
        data = subentry.data
        return cls(
            stream_id=subentry.subentry_id,
            address=data[CONF_ADDRESS],
            description=data[CONF_DESCRIPTION],
            external=data[CONF_EXTERNAL],
            fields=tuple(field_from_row(row) for row in data[CONF_FIELDS]),
            actions=tuple(data[CONF_ACTIONS]),
            mode=data[CONF_MODE],
            event_type=data[CONF_EVENT_TYPE] or None,
        )


def field_from_row(row: dict[str, Any]) -> Field:
    """Return the field of a row of the form."""
    return Field(
        name=row[CONF_NAME],
        type=FieldType(row[CONF_TYPE]),
        required=row.get(CONF_REQUIRED, False),
        description=row.get(CONF_DESCRIPTION, ""),
        default=row.get(CONF_DEFAULT),
    )


def row_from_field(field: Field) -> dict[str, Any]:
    """Return the row of the form for a field."""
    return {
        CONF_NAME: field.name,
        CONF_TYPE: field.type.value,
        CONF_REQUIRED: field.required,
        CONF_DESCRIPTION: field.description,
    }
