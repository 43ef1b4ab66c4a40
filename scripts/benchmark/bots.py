"""Real bots, with data streams and microservices."""

from collections.abc import Iterable
from types import MappingProxyType
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry, ConfigSubentryData
from homeassistant.core import HomeAssistant

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.const import DOMAIN
from custom_components.datastream_bot.data_streams import (
    BUILT_IN_FIELDS,
    SUBENTRY_DATA_STREAM,
    row_from_field,
    stream_unique_id,
)
from custom_components.datastream_bot.messaging import Field, FieldType
from custom_components.datastream_bot.messaging.message import Message
from custom_components.datastream_bot.messaging.microservice import Microservice, Result, datastream

from .bell import RING

NEWS: Final = "news"
CONTENT: Final = {"room": "kitchen", "open": True, "level": 3}
"""What the messages say, and the events that they are compared with."""

FIELDS: Final = (
    Field(name="room", type=FieldType.TEXT, required=True),
    Field(name="open", type=FieldType.BOOLEAN, required=True),
    Field(name="level", type=FieldType.NUMBER),
)


class Idler(Microservice):
    """Listens and does nothing."""

    name = "idler"

    @datastream(NEWS)
    async def read(self, message: Message) -> Result:
        """Take the message."""
        return None


class Ringer(Microservice):
    """Rings the bell."""

    name = "ringer"

    def __init__(self, hass: HomeAssistant) -> None:
        """Initialize it."""
        self._hass = hass

    @datastream(NEWS)
    async def ring(self, message: Message) -> Result:
        """Ring once."""
        domain, service = RING["action"].split(".")
        await self._hass.services.async_call(domain, service, RING["data"], blocking=True, context=message.context)
        return None


def stream(
    address: str, fields: Iterable[Field] = FIELDS, *, actions: Iterable[dict[str, Any]] = (), external: bool = True
) -> ConfigSubentryData:
    """Return a data stream as the form stores it."""
    return ConfigSubentryData(
        data={
            "address": address,
            "description": "",
            "external": external,
            "fields": [row_from_field(field) for field in fields],
            "actions": list(actions),
            "mode": "parallel",
            "event_type": "",
        },
        subentry_type=SUBENTRY_DATA_STREAM,
        title=address,
        unique_id=stream_unique_id(address),
    )


async def add_bot(
    hass: HomeAssistant, *streams: ConfigSubentryData, name: str = "Bot", doors: dict[str, Any] | None = None
) -> Bot:
    """Add a bot as its form does, with more data streams than the built-in ones."""
    entry: ConfigEntry[Bot] = ConfigEntry(
        data={},
        discovery_keys=MappingProxyType({}),
        domain=DOMAIN,
        minor_version=1,
        options={"doors": doors or {}},
        source="user",
        subentries_data=[*(stream(address, fields) for address, fields in BUILT_IN_FIELDS.items()), *streams],
        title=name,
        unique_id=None,
        version=2,
    )
    await hass.config_entries.async_add(entry)
    await hass.async_block_till_done()
    return entry.runtime_data


async def send(hass: HomeAssistant, address: str = NEWS, content: Any = CONTENT) -> Any:
    """Send a message by the action, from outside the bots, and return the receipt."""
    data = {"address": address, "content": content}
    return await hass.services.async_call(DOMAIN, "send", data, blocking=True, return_response=True)
