"""The sensors of a bot: what it switches, and what became of the messages to it."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Final, override

from homeassistant.components.sensor import RestoreSensor, SensorEntity
from homeassistant.components.sensor.const import SensorStateClass
from homeassistant.const import MAX_LENGTH_STATE_STATE, EntityCategory
from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.event import async_call_later

from .bot import Bot, DatastreamBotConfigEntry
from .entity import BotEntity
from .errors import printable
from .messaging.message import Message
from .messaging.receipt import Delivery, Outcome
from .messaging.router import DATA_ROUTER, RECEIVER_SCHEMA, Router

PARALLEL_UPDATES = 0

LOOK_AFTER: Final = 30.0
"""Seconds after which to look at what is attached, once for all that changes until then."""

_ATTR_ENTITIES: Final = "entities"


def _is_refused(delivery: Delivery) -> bool:
    return delivery.receiver == RECEIVER_SCHEMA


_TOTALS: Final[Mapping[str, Callable[[Delivery], bool]]] = {
    "handled": lambda delivery: delivery.outcome is Outcome.HANDLED,
    "failed": lambda delivery: delivery.outcome is Outcome.FAILED and not _is_refused(delivery),
    "refused": _is_refused,
}


async def async_setup_entry(
    hass: HomeAssistant, entry: DatastreamBotConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the sensors of a bot."""
    bot, router = entry.runtime_data, hass.data[DATA_ROUTER]
    totals = [TotalSensor(bot, router, key, counts) for key, counts in _TOTALS.items()]
    async_add_entities([AttachedSensor(bot), RememberedSensor(bot), *totals, LastErrorSensor(bot, router)])


class AttachedSensor(BotEntity, SensorEntity):
    """Shows how many lights and switches the bot is attached to, and which."""

    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_state_class = SensorStateClass.MEASUREMENT
    # They are there to be read, not to fill the database.
    _unrecorded_attributes = frozenset({_ATTR_ENTITIES})

    def __init__(self, bot: Bot) -> None:
        """Initialize the sensor."""
        super().__init__(bot, "attached", bot.device.attachment.async_connect)
        self._cancel_look: CALLBACK_TYPE | None = None

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self._look()

    @override
    async def async_will_remove_from_hass(self) -> None:
        # Removing the entity is a change of the registry itself. One that is renamed is added again.
        if self._cancel_look is not None:  # pragma: no branch
            self._cancel_look()
            self._cancel_look = None

    @callback
    @override
    def _updated(self, *_: object) -> None:
        if self._cancel_look is None:
            look = HassJob(self._look_and_tell, cancel_on_shutdown=True)
            self._cancel_look = async_call_later(self.hass, LOOK_AFTER, look)

    @callback
    def _look_and_tell(self, _: object) -> None:
        self._cancel_look = None
        self._look()
        self.async_write_ha_state()

    def _look(self) -> None:
        attached = self._bot.device.attached()
        self._attr_native_value = len(attached)
        self._attr_extra_state_attributes = {_ATTR_ENTITIES: attached}


class RememberedSensor(BotEntity, SensorEntity):
    """Shows how many lights and switches the bot remembers as on."""

    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_entity_registry_enabled_default = False
    _attr_state_class = SensorStateClass.MEASUREMENT

    def __init__(self, bot: Bot) -> None:
        """Initialize the sensor."""
        super().__init__(bot, "remembered", bot.device.memory.async_connect)

    @property
    @override
    def native_value(self) -> int:
        return len(self._bot.device.memory.entity_ids)


class DeliverySensor(BotEntity, RestoreSensor):
    """Shows something of what became of the messages to a bot since it was enabled, also before a restart."""

    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_entity_registry_enabled_default = False

    def __init__(self, bot: Bot, router: Router, key: str, counts: Callable[[Delivery], bool]) -> None:
        """Initialize the sensor.

        Args:
            bot: The bot.
            router: Tells of deliveries.
            key: Its key in translations.
            counts: Returns whether a delivery is shown.

        """
        super().__init__(bot, key)
        self._router = router
        self._counts = counts

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        if (last := await self.async_get_last_sensor_data()) is not None:
            self._restore(last.native_value)
        self.async_on_remove(self._router.connect_follower(self._bot.bot_id, self._delivered))

    @callback
    def _delivered(self, message: Message, delivery: Delivery) -> None:
        if self._counts(delivery):
            self._show(message, delivery)
            self.async_write_ha_state()

    @abstractmethod
    def _restore(self, value: object) -> None:
        """Show what was shown before a restart."""

    @abstractmethod
    def _show(self, message: Message, delivery: Delivery) -> None:
        """Show a delivery."""


class TotalSensor(DeliverySensor):
    """Shows how many deliveries there were."""

    _attr_state_class = SensorStateClass.TOTAL_INCREASING

    _total = 0

    @property
    @override
    def native_value(self) -> int:
        return self._total

    @override
    def _restore(self, value: object) -> None:
        self._total = value if isinstance(value, int) else 0

    @override
    def _show(self, message: Message, delivery: Delivery) -> None:
        self._total += 1


class LastErrorSensor(DeliverySensor):
    """Shows the last error, with the address of its message."""

    def __init__(self, bot: Bot, router: Router) -> None:
        """Initialize the sensor."""
        super().__init__(bot, router, "last_error", lambda delivery: delivery.error is not None)

    @override
    def _restore(self, value: object) -> None:
        self._attr_native_value = value if isinstance(value, str) else None

    @override
    def _show(self, message: Message, delivery: Delivery) -> None:
        self._attr_native_value = printable(f"{message.address}: {delivery.error}")[:MAX_LENGTH_STATE_STATE]
