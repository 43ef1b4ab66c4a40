"""The binary sensors of a bot: whether it believes that anyone is home, and whether it reaches other homes."""

from typing import Any, override

from homeassistant.components.binary_sensor import BinarySensorEntity
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .bot import Bot, DatastreamBotConfigEntry
from .const import CONF_MQTT, CONF_OPEN, DOMAIN
from .doors.door import door_settings
from .entity import BotEntity
from .presence.persons import Presence
from .signals import mqtt_signal, presence_signal

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: DatastreamBotConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the binary sensors of a bot."""
    bot = entry.runtime_data
    connection = ConnectionSensor(bot)
    async_add_entities([PresenceSensor(bot)])
    if door_settings(entry.data)[CONF_MQTT][CONF_OPEN]:
        async_add_entities([connection])
        return
    entities = er.async_get(hass)
    if entity_id := entities.async_get_entity_id(Platform.BINARY_SENSOR, DOMAIN, str(connection.unique_id)):
        entities.async_remove(entity_id)


class PresenceSensor(BotEntity, BinarySensorEntity):
    """On when somebody is home for sure, off when nobody is, and unknown while the bot is unsure."""

    _attr_device_class = BinarySensorDeviceClass.PRESENCE

    def __init__(self, bot: Bot) -> None:
        """Initialize the sensor."""
        super().__init__(bot, "presence", presence_signal(bot.bot_id))
        self._following = bot.following

    @property
    @override
    def is_on(self) -> bool | None:
        belief = self._following.belief
        return None if belief is Presence.UNSURE else belief is Presence.HOME

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        following = self._following
        persons = {
            presence.value: [person for person, its in following.presences.items() if its is presence]
            for presence in Presence
        }
        return {"since": following.since, "acts_at": following.settles_at, **persons}


class ConnectionSensor(BotEntity, BinarySensorEntity):
    """On while the bot hears itself through the broker, among its own."""

    _attr_device_class = BinarySensorDeviceClass.CONNECTIVITY
    _attr_entity_category = EntityCategory.DIAGNOSTIC

    def __init__(self, bot: Bot) -> None:
        """Initialize the sensor."""
        super().__init__(bot, "mqtt_connection", mqtt_signal(bot.bot_id))

    @property
    @override
    def is_on(self) -> bool:
        return self._bot.mqtt is not None and self._bot.mqtt.is_ready
