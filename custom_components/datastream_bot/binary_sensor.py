"""The binary sensors of a bot: whether somebody is home, and whether bots elsewhere can be reached."""

from functools import partial
from typing import Any, Final, override

from homeassistant.components.binary_sensor import BinarySensorEntity
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .bot import Bot, DatastreamBotConfigEntry
from .const import DOMAIN
from .entity import BotEntity, unique_id_of
from .presence.persons import Presence
from .signals import transport_signal

PARALLEL_UPDATES = 0

_CONNECTION: Final = "mqtt_connection"


async def async_setup_entry(
    hass: HomeAssistant, entry: DatastreamBotConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the binary sensors of a bot."""
    bot = entry.runtime_data
    async_add_entities([PresenceSensor(bot)])
    entities = er.async_get(hass)
    shown: list[ConnectionSensor] = []

    @callback
    def show_connection() -> None:
        """Show the connection to other homes while the bot is to have one."""
        if bot.transport is not None and not shown:
            shown.append(ConnectionSensor(bot))
            async_add_entities(shown)
        elif bot.transport is None and bot.is_loaded:
            shown.clear()
            unique_id = unique_id_of(bot, _CONNECTION)
            if entity_id := entities.async_get_entity_id(Platform.BINARY_SENSOR, DOMAIN, unique_id):
                entities.async_remove(entity_id)

    entry.async_on_unload(async_dispatcher_connect(hass, transport_signal(bot.bot_id), show_connection))


class PresenceSensor(BotEntity, BinarySensorEntity):
    """Shows what a bot believes about presence; unknown while it is unsure."""

    _attr_device_class = BinarySensorDeviceClass.PRESENCE

    def __init__(self, bot: Bot) -> None:
        """Initialize the sensor."""
        super().__init__(bot, "presence", bot.tracker.async_connect)

    @property
    @override
    def is_on(self) -> bool | None:
        belief = self._bot.tracker.belief
        return None if belief is Presence.UNSURE else belief is Presence.HOME

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        tracker = self._bot.tracker
        persons = {
            presence.value: [self._named(person) for person, its in tracker.state.presences.items() if its is presence]
            for presence in Presence
        }
        return {"since": tracker.since, "acts_at": tracker.settles_at, **persons}

    def _named(self, person: str) -> str:
        state = self.hass.states.get(person)
        return person if state is None else state.name


class ConnectionSensor(BotEntity, BinarySensorEntity):
    """Shows whether bots elsewhere can be reached."""

    _attr_device_class = BinarySensorDeviceClass.CONNECTIVITY
    _attr_entity_category = EntityCategory.DIAGNOSTIC

    def __init__(self, bot: Bot) -> None:
        """Initialize the sensor."""
        super().__init__(bot, _CONNECTION, partial(async_dispatcher_connect, bot.hass, transport_signal(bot.bot_id)))

    @property
    @override
    def is_on(self) -> bool:
        return self._bot.transport is not None and self._bot.transport.is_connected
