"""Constants for Data Stream Bot."""

from enum import StrEnum
from typing import Final

DOMAIN: Final = "datastream_bot"

ATTR_ADDRESS: Final = "address"
ATTR_CONTENT: Final = "content"

CONF_BURST: Final = "burst"
CONF_CLOUD_API: Final = "cloud_api"
CONF_DOORS: Final = "doors"
CONF_EVENT_TYPE: Final = "event_type"
CONF_EXCLUDE: Final = "exclude"
CONF_EXTERNAL: Final = "external"
CONF_FIELDS: Final = "fields"
CONF_HOME: Final = "home"
CONF_KEEP_FOR: Final = "keep_for"
CONF_KEEP_MESSAGES: Final = "keep_messages"
CONF_LIMITS: Final = "limits"
CONF_LOCAL_ONLY: Final = "local_only"
CONF_MQTT: Final = "mqtt"
CONF_NOTIFY: Final = "notify"
CONF_ON_LEAVING: Final = "on_leaving"
CONF_ON_RETURNING: Final = "on_returning"
CONF_ONLY_WHEN_DARK: Final = "only_when_dark"
CONF_OPEN: Final = "open"
CONF_ORGANIZATION: Final = "organization"
CONF_PERSONS: Final = "persons"
CONF_RATE: Final = "rate"
CONF_RENEW: Final = "renew"
CONF_REMEMBER_FOR: Final = "remember_for"
CONF_REQUIRED: Final = "required"
CONF_ROLE: Final = "role"
CONF_SECRET: Final = "secret"  # noqa: S105 - the name of a setting
CONF_SETTLING: Final = "settling"
CONF_SIGNED: Final = "signed"
CONF_VERIFY_AFTER: Final = "verify_after"
CONF_WEBHOOK: Final = "webhook"

SUBENTRY_DATA_STREAM: Final = "data_stream"

ADDRESS_SEND_PUSH_NOTIFICATION: Final = "send_push_notification"
ADDRESS_TOGGLE_EVERYTHING: Final = "toggle_everything"

LABEL_IGNORE: Final = "datastream_bot_ignore"
"""Id of the label of what no bot ever touches."""

RECEIPT_WAIT: Final = 10.0
"""Seconds that a sender waits for the receivers of a message."""


class Origin(StrEnum):
    """Where a message came into being."""

    ACTION = "action"
    CLOUD_API = "cloud_api"
    HTTP = "http"
    MICROSERVICE = "microservice"
    MQTT = "mqtt"
    PRESENCE = "presence"
    WEBHOOK = "webhook"


class Reaction(StrEnum):
    """What a bot does to its lights and switches when presence changes."""

    NOTHING = "nothing"
    OFF = "off"
    ON = "on"
    RESTORE = "restore"
