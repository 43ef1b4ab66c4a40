"""The switches of a bot: whether it reacts to presence, and whether its doors may be open."""

from typing import Any, override

from homeassistant.components.switch import SwitchEntity
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .bot import Bot, DatastreamBotConfigEntry
from .entity import BotEntity

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: DatastreamBotConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the switches of a bot."""
    async_add_entities([ReactionSwitch(entry.runtime_data), DoorsSwitch(entry.runtime_data)])


class ReactionSwitch(BotEntity, SwitchEntity):
    """Turns the reaction to presence off, as while guests are there; presence is followed all the same."""

    _attr_entity_category = EntityCategory.CONFIG

    def __init__(self, bot: Bot) -> None:
        """Initialize the switch."""
        super().__init__(bot, "presence_reaction", bot.tracker.async_connect)

    @property
    @override
    def is_on(self) -> bool:
        return self._bot.tracker.is_reacting

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """React to the next edge."""
        self._bot.tracker.async_set_reacting(reacting=True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """React no more."""
        self._bot.tracker.async_set_reacting(reacting=False)


class DoorsSwitch(BotEntity, SwitchEntity):
    """Closes all doors at once, and opens them as they were."""

    _attr_entity_category = EntityCategory.CONFIG

    def __init__(self, bot: Bot) -> None:
        """Initialize the switch."""
        super().__init__(bot, "doors")

    @property
    @override
    def is_on(self) -> bool:
        return not self._bot.has_doors_closed

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Open the doors that the form says."""
        self._bot.async_close_doors(close=False)
        self.async_write_ha_state()

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Close all doors."""
        self._bot.async_close_doors(close=True)
        self.async_write_ha_state()
