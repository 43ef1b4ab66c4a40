"""Event entities: one for each data stream."""

from collections.abc import Mapping
from typing import Final, override

from homeassistant.components.event import EventEntity
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import CONF_ADDRESS
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .bot import DatastreamBotConfigEntry
from .const import ATTR_CONTENT, DOMAIN, MANUFACTURER, PANEL
from .data_streams import SUBENTRY_DATA_STREAM
from .messaging.content import copied_content
from .messaging.listeners import async_get_listeners
from .messaging.message import Envelope, Message
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


class DataStreamEvent(EventEntity):
    """Shows the last message that a bot received at one of its data streams."""

    _attr_event_types = [EVENT_TYPE_RECEIVED]  # noqa: RUF012 - as event entities declare it
    _attr_has_entity_name = True
    _attr_name = None
    _attr_should_poll = False
    _attr_translation_key = "data_stream"
    # The last message is there to be read, not to fill the database.
    _unrecorded_attributes = frozenset({ATTR_CONTENT})

    def __init__(self, entry: DatastreamBotConfigEntry, subentry: ConfigSubentry) -> None:
        """Initialize the entity."""
        self._entry = entry
        self._stream_id = subentry.subentry_id
        self._address: str = subentry.data[CONF_ADDRESS]
        self._listening: list[CALLBACK_TYPE] = []
        self._attr_unique_id = subentry.subentry_id
        self.device_entry = self._device()

    @property
    @override
    def device_info(self) -> DeviceInfo | None:
        device = self.device_entry
        info = DeviceInfo(
            identifiers={(DOMAIN, self._stream_id)},
            entry_type=DeviceEntryType.SERVICE,
            manufacturer=MANUFACTURER,
            model="Data stream",
            name=self._device_name(device, self._address),
            configuration_url=f"homeassistant://{PANEL}/messages?address={self._address}",
            via_device_id=self._entry.runtime_data.device_id,
        )
        # Registering it once more would take a tenth of the time in which a bot is set up.
        if device is not None and all(getattr(device, name) == value for name, value in info.items()):
            return None
        return info

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self._listen()
        self.async_on_remove(self._stop)

    @callback
    def stream_changed(self, subentry: ConfigSubentry) -> None:
        """Follow the data stream to another address, and its device to another name of it or of the bot."""
        former, self._address = self._address, subentry.data[CONF_ADDRESS]
        # A disabled entity does not listen.
        if self._listening:
            self._stop()
            self._listen()
        dr.async_get(self._entry.runtime_data.hass).async_get_or_create(
            config_entry_id=self._entry.entry_id,
            config_subentry_id=self._stream_id,
            identifiers={(DOMAIN, self._stream_id)},
            name=self._device_name(self._device(), former),
        )

    def _device(self) -> dr.DeviceEntry | None:
        """Return the device as it is registered, if it is."""
        devices = dr.async_get(self._entry.runtime_data.hass)
        return devices.async_get_device_by_identifier((DOMAIN, self._stream_id), self._entry.entry_id)

    def _device_name(self, device: dr.AnyDeviceEntry | None, former: str) -> str:
        """Return what to call the device, so that those of two bots can be told apart.

        Those that were registered when devices were called by their address alone, here the former one, still are.
        """
        if device is not None and device.name == former:
            return self._address
        return f"{self._entry.title} {self._address}"

    @callback
    def _listen(self) -> None:
        listeners, bot_id = async_get_listeners(self.hass), self._entry.entry_id
        self._listening.append(listeners.connect(self._heard, address=self._address, bot_id=bot_id))

    @callback
    def _stop(self) -> None:
        while self._listening:
            self._listening.pop()()

    @callback
    def _heard(self, _: Message, received: Mapping[str, Message]) -> None:
        message = received[self._entry.entry_id]
        envelope = message.envelope
        self._trigger_event(
            EVENT_TYPE_RECEIVED,
            {ATTR_CONTENT: copied_content(message.content), "origin": envelope.origin, **self._source(envelope)},
        )
        self.async_set_context(envelope.context)
        self.async_write_ha_state()

    def _source(self, envelope: Envelope) -> dict[str, str]:
        """Return what is known of who sent a message, and nothing else, as the page would call it unknown."""
        source: dict[str, str] = {}
        if envelope.sender is not None:
            source["sender"] = envelope.sender
            if sender := self.hass.config_entries.async_get_entry(envelope.sender):
                source["sender_name"] = sender.title
        if envelope.home is not None:
            source["home"] = envelope.home
        return source
