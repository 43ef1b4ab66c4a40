"""The entity of a data stream."""

from abc import abstractmethod
from typing import override

from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import CONF_ADDRESS
from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity import Entity

from .bot import DatastreamBotConfigEntry
from .const import DOMAIN
from .messaging.message import Message
from .signals import received_signal


class DataStreamEntity(Entity):
    """Follows the messages that a bot receives at the address of one of its data streams."""

    _attr_has_entity_name = True
    _attr_name = None
    _attr_should_poll = False

    def __init__(self, entry: DatastreamBotConfigEntry, subentry: ConfigSubentry) -> None:
        """Initialize the entity."""
        self._entry = entry
        self._stream_id = subentry.subentry_id
        self._address: str = subentry.data[CONF_ADDRESS]
        self._listening: list[CALLBACK_TYPE] = []
        self._attr_unique_id = subentry.subentry_id
        bot = entry.runtime_data
        identifier = (DOMAIN, subentry.subentry_id)
        info = DeviceInfo(
            identifiers={identifier},
            entry_type=DeviceEntryType.SERVICE,
            model="Data stream",
            name=self._address,
            via_device_id=bot.device_id,
        )
        device = dr.async_get(bot.hass).async_get_device_by_identifier(identifier, entry.entry_id)
        # Registering it once more would take a tenth of the time in which a bot is set up.
        if device is not None and all(getattr(device, name) == value for name, value in info.items()):
            self.device_entry = device
        else:
            self._attr_device_info = info

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self._listen()
        self.async_on_remove(self._stop)

    @callback
    @abstractmethod
    def message_received(self, message: Message) -> None:
        """React to a message that the bot received."""

    @callback
    def _listen(self) -> None:
        signal = received_signal(self._entry.entry_id, self._address)
        self._listening.append(async_dispatcher_connect(self.hass, signal, self.message_received))

    @callback
    def _stop(self) -> None:
        while self._listening:
            self._listening.pop()()

    @callback
    def stream_changed(self, subentry: ConfigSubentry) -> None:
        """Follow the data stream to another address, with its device."""
        if subentry.data[CONF_ADDRESS] == self._address:
            return
        self._address = subentry.data[CONF_ADDRESS]
        # One that is disabled does not listen.
        if self._listening:
            self._stop()
            self._listen()
        dr.async_get(self._entry.runtime_data.hass).async_get_or_create(
            config_entry_id=self._entry.entry_id,
            config_subentry_id=self._stream_id,
            identifiers={(DOMAIN, self._stream_id)},
            name=self._address,
        )
