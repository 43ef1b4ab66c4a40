"""A home for the tests: devices that only pretend, and microservices that remember."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, override

from homeassistant.components.device_tracker.const import SourceType
from homeassistant.components.device_tracker.entity import BaseScannerEntity, TrackerEntity
from homeassistant.components.light import LightEntity
from homeassistant.components.light.const import ColorMode, LightEntityFeature
from homeassistant.components.switch import SwitchEntity
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant, State
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.entity import ToggleEntity
import pytest

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.diagnostics import async_get_config_entry_diagnostics
from custom_components.datastream_bot.messaging.message import Message
from custom_components.datastream_bot.messaging.microservice import Microservice, datastream

METERS_A_DEGREE = 111_000
"""How far one degree north is, nearly."""


class PretendDevice(ToggleEntity):
    """What lights and switches have in common, without a device behind them."""

    _attr_should_poll = False

    def __init__(self, name: str, *, category: EntityCategory | None = None) -> None:
        """Initialize the device."""
        self._attr_name = name
        self._attr_unique_id = name
        self._attr_entity_category = category
        self._attr_is_on = False
        self.commands: list[bool] = []
        self.broken: str | None = None
        self.is_momentary = False
        self.seconds = 0.0
        self.responding = asyncio.Event()
        self.responding.set()

    async def _switch(self, *, on: bool) -> None:
        self.commands.append(on)
        await self.responding.wait()
        if self.seconds:
            await asyncio.sleep(self.seconds)
        if self.broken is not None:
            raise HomeAssistantError(self.broken)
        self._attr_is_on = on and not self.is_momentary
        self.async_write_ha_state()

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Turn it on."""
        await self._switch(on=True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Turn it off."""
        await self._switch(on=False)

    def set_available(self, *, available: bool) -> None:
        """Lose it, or find it again."""
        self._attr_available = available
        self.async_write_ha_state()


class PretendLight(PretendDevice, LightEntity):
    """A light."""

    _attr_color_mode = ColorMode.ONOFF
    _attr_supported_color_modes = {ColorMode.ONOFF}  # noqa: RUF012 - as light entities declare it


class PretendLamp(PretendLight):
    """A lamp that can do everything a lamp can do."""

    _attr_supported_color_modes = {ColorMode.HS, ColorMode.COLOR_TEMP}  # noqa: RUF012 - as above
    _attr_supported_features = LightEntityFeature.EFFECT
    _attr_effect_list = ["Candle"]  # noqa: RUF012 - as above
    _attr_color_mode = ColorMode.COLOR_TEMP
    _attr_color_temp_kelvin: int | None = 3000
    _attr_brightness = 255

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Turn it on as asked."""
        if "brightness" in kwargs:
            self._attr_brightness = kwargs["brightness"]
        if "hs_color" in kwargs:
            self._attr_color_mode, self._attr_hs_color = ColorMode.HS, kwargs["hs_color"]
        if "color_temp_kelvin" in kwargs:
            self._attr_color_mode, self._attr_color_temp_kelvin = ColorMode.COLOR_TEMP, kwargs["color_temp_kelvin"]
        self._attr_effect = kwargs.get("effect")
        await self._switch(on=True)


class PretendBulb(PretendLight):
    """A bulb of one color mode, which notes how it is asked to be on."""

    def __init__(self, mode: str) -> None:
        """Initialize the bulb."""
        super().__init__("Bulb")
        self._attr_color_mode = ColorMode(mode)
        # A light cannot be white alone.
        self._attr_supported_color_modes = {self._attr_color_mode} | ({ColorMode.HS} if mode == "white" else set())
        self.asked: dict[str, Any] = {}

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Turn it on."""
        self.asked = kwargs
        await self._switch(on=True)


class PretendSwitch(PretendDevice, SwitchEntity):
    """A switch."""


class PretendPhone(TrackerEntity):
    """A phone that tells its position."""

    _attr_should_poll = False

    def __init__(self, name: str) -> None:
        """Initialize the phone."""
        self._attr_name = name

    def tell(self, latitude: float | None, longitude: float | None, accuracy: float) -> None:
        """Tell where it is."""
        self._attr_latitude, self._attr_longitude, self._attr_location_accuracy = latitude, longitude, accuracy
        self.async_write_ha_state()


class PretendScanner(BaseScannerEntity):
    """What tells which devices are near it, as routers do, and knows no position."""

    _attr_should_poll = False
    _attr_source_type = SourceType.ROUTER

    def __init__(self, name: str) -> None:
        """Initialize the scanner."""
        self._attr_name = self._attr_unique_id = name
        self._is_connected = False

    @property
    @override
    def is_connected(self) -> bool:
        return self._is_connected

    def tell(self, *, is_connected: bool) -> None:
        """Tell whether the device is near."""
        self._is_connected = is_connected
        self.async_write_ha_state()


class Reader(Microservice):
    """Listens to `news`, remembers what it read, and does what a test asks for."""

    name = "reader"

    def __init__(self, log: list[tuple[str, Any]] | None = None, called: str = "reader") -> None:
        """Initialize the reader."""
        self.log = [] if log is None else log
        self.called = called
        self.messages: list[Message] = []
        self.finished: list[Any] = []
        self.error: BaseException | None = None
        self.free = asyncio.Event()
        self.free.set()

    @datastream("news")
    async def read(self, message: Message) -> Mapping[str, Any]:
        """Read the news."""
        self.messages.append(message)
        self.log.append((self.called, message.content.get("number")))
        await self.free.wait()
        if self.error is not None:
            raise self.error
        self.finished.append(message.content.get("number"))
        return {"read_by": self.called}


class Scribbler(Reader):
    """Writes all over its copy of the content."""

    @override
    async def async_datastream_updated(self, message: Message) -> Mapping[str, Any] | None:
        handling = super().async_datastream_updated(message)
        assert isinstance(handling, Coroutine)
        result: Mapping[str, Any] | None = await handling
        content = message.content
        assert isinstance(content, dict)
        content["list"].append("scribble")
        content["scribble"] = True
        return result


def is_on(hass: HomeAssistant, entity_id: str) -> bool:
    """Return whether a light or switch is on."""
    return state_of(hass, entity_id).state == "on"


def state_of(hass: HomeAssistant, entity_id: str) -> State:
    """Return a state that must be there."""
    state = hass.states.get(entity_id)
    assert state is not None, f"{entity_id} has no state"
    return state


async def ticks(count: int = 5) -> None:
    """Let the event loop go round, without waiting for what waits."""
    for _ in range(count):
        await asyncio.sleep(0)


async def diagnostics_of(bot: Bot) -> dict[str, Any]:
    """Return the diagnostics of a bot as it is now."""
    return await async_get_config_entry_diagnostics(bot.hass, bot.entry)


async def remembered(bot: Bot) -> list[str]:
    """Return the entity ids of what a bot remembers as on, for whatever occasion."""
    microservices = {one["name"]: one for one in (await diagnostics_of(bot))["microservices"]}
    remembered: dict[str, list[str]] = microservices["device"]["remembered"]
    return sorted({entity_id for entity_ids in remembered.values() for entity_id in entity_ids})


async def seen_at(bot: Bot, door: str) -> dict[str, Any]:
    """Return what a door of a bot has seen."""
    seen: dict[str, Any] = (await diagnostics_of(bot))["doors"][door]
    return seen


async def until(is_so: Callable[[], bool | Awaitable[bool]]) -> None:
    """Let the event loop go round until something is so, also while time stands still."""
    for _ in range(100_000):
        answer = is_so()
        if answer if isinstance(answer, bool) else await answer:
            return
        await asyncio.sleep(0)
    pytest.fail("It never came to be")
