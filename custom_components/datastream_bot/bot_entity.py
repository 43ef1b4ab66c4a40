"""The entity of a bot."""

from typing import override

from homeassistant.core import callback
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity import Entity

from .bot import Bot
from .const import DOMAIN
from .signals import presence_signal


class BotEntity(Entity):
    """Shows something about the presence that a bot follows."""

    _attr_has_entity_name = True
    _attr_should_poll = False

    def __init__(self, bot: Bot, key: str) -> None:
        """Initialize the entity."""
        self._bot = bot
        self._following = bot.following
        self._attr_translation_key = key
        self._attr_unique_id = f"{bot.bot_id}_{key}"
        self._attr_device_info = DeviceInfo(identifiers={(DOMAIN, bot.bot_id)})

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(async_dispatcher_connect(self.hass, presence_signal(self._bot.bot_id), self._updated))

    @callback
    def _updated(self) -> None:
        self.async_write_ha_state()
