"""The adapter: the MQTT door as the transport of a bot."""

from collections.abc import Mapping
from typing import Any

from homeassistant.core import HomeAssistant

from ..bot import Bot, DatastreamBotConfigEntry
from ..messaging.router import Router
from ..rate_limit import LIMITS, LIMITS_FORM
from ..settings import door_settings
from .farewell import async_forget_kept, async_remove_mqtt, async_say_goodbye
from .mqtt_door import MqttDoor
from .settings import CONF_OPEN, mqtt_settings
from .topics import membership_of


class MqttTransport(MqttDoor):
    """The MQTT door of a bot."""

    def __init__(
        self, bot: Bot, router: Router, settings: Mapping[str, Any], limits: Mapping[str, Any], name: str
    ) -> None:
        """Initialize the door, which is not open yet."""
        super().__init__(bot.hass, bot.bot_id, name, router, own=settings, limits=limits)
        self.settings = (settings, limits, name)
        self._bot = bot
        self._settings = settings

    async def async_start(self) -> None:
        """Send and receive, until the config entry is unloaded."""
        close = await self.async_open()

        async def async_close() -> None:
            await close()
            await self._async_leave()

        self._bot.entry.async_on_unload(async_close)

    async def _async_leave(self) -> None:
        """Let nobody elsewhere wait for a bot that is closed or speaks for somebody else from now on."""
        hass, bot_id, own = self._bot.hass, self._bot.bot_id, self._settings
        now = mqtt_settings(self._bot.entry.options)
        is_other = membership_of(now) != membership_of(own)
        if is_other or not now[CONF_OPEN]:
            await async_say_goodbye(hass, bot_id, self._bot.entry.title, own)
            await async_forget_kept(hass, bot_id)
        if is_other:
            await async_remove_mqtt(hass, bot_id)


def create_transport(bot: Bot, router: Router) -> MqttTransport | None:
    """Return the transport of a bot whose MQTT door is to be open."""
    settings = _settings_of(bot)
    return None if settings is None else MqttTransport(bot, router, *settings)


def is_transport_outdated(bot: Bot) -> bool:
    """Return whether the settings of a bot ask for another transport than it has."""
    return _settings_of(bot) != (bot.transport.settings if isinstance(bot.transport, MqttTransport) else None)


def _settings_of(bot: Bot) -> tuple[Mapping[str, Any], Mapping[str, Any], str] | None:
    """Return the settings of the MQTT door, its limits, and the name to tell others; None when it is to be closed."""
    settings = mqtt_settings(bot.entry.options)
    is_open = settings[CONF_OPEN] and not bot.has_doors_closed
    return (settings, door_settings(bot.entry.options, LIMITS, LIMITS_FORM), bot.entry.title) if is_open else None


async def async_remove_transport(hass: HomeAssistant, entry: DatastreamBotConfigEntry) -> None:
    """Remove what the transport of a bot stored, and let nobody elsewhere wait for it."""
    settings = mqtt_settings(entry.options)
    if settings[CONF_OPEN]:
        await async_say_goodbye(hass, entry.entry_id, entry.title, settings)
    await async_remove_mqtt(hass, entry.entry_id)
