"""The base of a bot's entities."""

from collections.abc import Callable
from typing import override

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.entity import Entity

from .bot import Bot


class BotEntity(Entity):
    """Shows something about a bot."""

    _attr_has_entity_name = True
    _attr_should_poll = False

    def __init__(
        self, bot: Bot, key: str, connect: Callable[[Callable[..., None]], CALLBACK_TYPE] | None = None
    ) -> None:
        """Initialize the entity.

        Args:
            bot: The bot.
            key: Its key in translations.
            connect: Registers a callback for when what it shows has changed, and returns the unsubscribe function; None
                when the bot is loaded anew then.

        """
        self._bot = bot
        self._connect = connect
        self._attr_translation_key = key
        self._attr_unique_id = unique_id_of(bot, key)
        # Described by the bot. Home Assistant would look for each entity whether its device has changed.
        self.device_entry = dr.async_get(bot.hass).async_get(bot.device_id)

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        if self._connect is not None:
            self.async_on_remove(self._connect(self._updated))

    @callback
    def _updated(self, *_: object) -> None:
        self.async_write_ha_state()


def unique_id_of(bot: Bot, key: str) -> str:
    """Return the unique id of an entity of a bot."""
    return f"{bot.bot_id}_{key}"
