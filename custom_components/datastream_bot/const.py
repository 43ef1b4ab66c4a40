"""Constants that several parts share."""

from enum import StrEnum
from typing import Final

DOMAIN: Final = "datastream_bot"
MANUFACTURER: Final = "Data Stream Bot"
PANEL: Final = "datastream-bot"
"""Where the page is."""

ATTR_ADDRESS: Final = "address"
ATTR_CONTENT: Final = "content"

CONF_CONTENT_IN_DIAGNOSTICS: Final = "content_in_diagnostics"
CONF_DOORS: Final = "doors"
CONF_DOORS_CLOSED: Final = "doors_closed"
CONF_KEEP_CONTENT: Final = "keep_content"

ADDRESS_SEND_PUSH_NOTIFICATION: Final = "send_push_notification"
ADDRESS_TOGGLE_EVERYTHING: Final = "toggle_everything"

LABEL_IGNORE: Final = "datastream_bot_ignore"
"""Id of the label of what no bot ever touches."""

ORIGIN_MICROSERVICE: Final = "microservice"
ORIGIN_PRESENCE: Final = "presence"

RECEIPT_WAIT: Final = 10.0
"""Seconds that a sender waits for the receivers of a message."""


class Reaction(StrEnum):
    """What a bot does to its lights and switches when presence changes."""

    NOTHING = "nothing"
    OFF = "off"
    ON = "on"
    RESTORE = "restore"
