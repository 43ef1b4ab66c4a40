"""What every bot understands from the start."""

from typing import Final

from .const import ADDRESS_SEND_PUSH_NOTIFICATION, ADDRESS_TOGGLE_EVERYTHING
from .messaging.field import Field, FieldType

BUILT_IN_FIELDS: Final = {
    ADDRESS_TOGGLE_EVERYTHING: (
        Field(name="on", type=FieldType.BOOLEAN, required=True, description="On, or off."),
        Field(name="remember", type=FieldType.BOOLEAN, description="With off: remember what was on, for restore."),
        Field(name="restore", type=FieldType.BOOLEAN, description="With on: only what was remembered, as it was."),
        Field(name="target", type=FieldType.OBJECT, description="Only these, such as area_id: kitchen."),
        Field(name="domain", type=FieldType.TEXT, description="Only light, or only switch."),
    ),
    ADDRESS_SEND_PUSH_NOTIFICATION: (
        Field(name="message", type=FieldType.TEXT, required=True, description="What to say."),
        Field(name="title", type=FieldType.TEXT, description="What it is about."),
        Field(name="data", type=FieldType.OBJECT, description="What else the notification may carry."),
    ),
}

BUILT_IN_DESCRIPTIONS: Final = {
    ADDRESS_TOGGLE_EVERYTHING: "Turns the bot's lights and switches on or off.",
    ADDRESS_SEND_PUSH_NOTIFICATION: "Notifies where the bot's form says.",
}
