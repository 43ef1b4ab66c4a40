"""The binary sensor of a bot: whether it believes that anyone is home."""

from typing import Any, override

from homeassistant.components.binary_sensor import BinarySensorEntity
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .bot import Bot, DatastreamBotConfigEntry
from .bot_entity import BotEntity
from .presence import Presence

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: DatastreamBotConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the binary sensor of a bot."""
    async_add_entities([PresenceSensor(entry.runtime_data)])


class PresenceSensor(BotEntity, BinarySensorEntity):
    """On when somebody is home for sure, off when nobody is, and unknown while the bot is unsure."""

    _attr_device_class = BinarySensorDeviceClass.PRESENCE

    def __init__(self, bot: Bot) -> None:
        """Initialize the sensor."""
        super().__init__(bot, "presence")

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
