"""Event entities: one for each data stream."""

from typing import Final, override

from homeassistant.components.event import EventEntity
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .bot import DatastreamBotConfigEntry
from .const import ATTR_CONTENT, SUBENTRY_DATA_STREAM
from .data_stream_entity import DataStreamEntity
from .messaging.message import Message
from .signals import streams_signal

PARALLEL_UPDATES = 0

EVENT_TYPE_RECEIVED: Final = "received"


async def async_setup_entry(
    hass: HomeAssistant, entry: DatastreamBotConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the entities of the data streams, and of those that are added later."""
    entities: dict[str, DataStreamEvent] = {}

    @callback
    def update() -> None:
        streams = {stream.subentry_id: stream for stream in entry.get_subentries_of_type(SUBENTRY_DATA_STREAM)}
        for stream_id in entities.keys() - streams:
            del entities[stream_id]
        for stream_id, stream in streams.items():
            if stream_id in entities:
                entities[stream_id].stream_changed(stream)
            else:
                entities[stream_id] = DataStreamEvent(entry, stream)
                async_add_entities([entities[stream_id]], config_subentry_id=stream_id)

    update()
    entry.async_on_unload(async_dispatcher_connect(hass, streams_signal(entry.entry_id), update))


class DataStreamEvent(DataStreamEntity, EventEntity):
    """Shows the last message of a data stream."""

    _attr_event_types = [EVENT_TYPE_RECEIVED]  # noqa: RUF012 - as event entities declare it
    _attr_translation_key = "data_stream"
    # The last message is there to be read, not to fill the database.
    _unrecorded_attributes = frozenset({ATTR_CONTENT})

    @callback
    @override
    def message_received(self, message: Message) -> None:
        self._trigger_event(
            EVENT_TYPE_RECEIVED,
            {
                ATTR_CONTENT: message.copied_content(),
                "sender": message.sender,
                "origin": message.origin.value,
                "home": message.home,
            },
        )
        self.async_set_context(message.context)
        self.async_write_ha_state()
