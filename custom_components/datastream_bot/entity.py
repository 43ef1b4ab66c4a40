"""The entity of a bot."""

from typing import override

from homeassistant.core import callback
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity import Entity
from homeassistant.util.signal_type import SignalType

from .bot import Bot
from .const import DOMAIN


class BotEntity(Entity):
    """Shows something about a bot, anew with each signal."""

    _attr_has_entity_name = True
    _attr_should_poll = False

    def __init__(self, bot: Bot, key: str, signal: SignalType[()]) -> None:
        """Initialize the entity."""
        self._bot = bot
        self._signal = signal
        self._attr_translation_key = key
        self._attr_unique_id = f"{bot.bot_id}_{key}"
        self._attr_device_info = DeviceInfo(identifiers={(DOMAIN, bot.bot_id)})

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(async_dispatcher_connect(self.hass, self._signal, self._updated))

    @callback
    def _updated(self) -> None:
        self.async_write_ha_state()
