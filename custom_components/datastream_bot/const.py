"""Constants for Data Stream Bot."""

from enum import StrEnum
from typing import Final

DOMAIN: Final = "datastream_bot"

CONF_EVENT_TYPE: Final = "event_type"
CONF_EXCLUDE: Final = "exclude"
CONF_EXTERNAL: Final = "external"
CONF_FIELDS: Final = "fields"
CONF_NOTIFY: Final = "notify"
CONF_ON_LEAVING: Final = "on_leaving"
CONF_ON_RETURNING: Final = "on_returning"
CONF_PERSONS: Final = "persons"
CONF_REQUIRED: Final = "required"

SUBENTRY_DATA_STREAM: Final = "data_stream"

ADDRESS_SEND_PUSH_NOTIFICATION: Final = "send_push_notification"
ADDRESS_TOGGLE_EVERYTHING: Final = "toggle_everything"

RECEIPT_WAIT: Final = 10.0
"""Seconds that a sender waits for the receivers of a message."""


class Origin(StrEnum):
    """Where a message came into being."""

    ACTION = "action"
    MICROSERVICE = "microservice"
    PRESENCE = "presence"


class Reaction(StrEnum):
    """What a bot does to its lights and switches when presence changes."""

    NOTHING = "nothing"
    OFF = "off"
    ON = "on"
