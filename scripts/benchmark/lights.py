"""Lights and switches without a device behind them, as many as are wanted."""

import asyncio
from typing import Any, override

from homeassistant.components.light import LightEntity
from homeassistant.components.light.const import DATA_COMPONENT as LIGHTS, ColorMode
from homeassistant.components.switch import SwitchEntity
from homeassistant.components.switch.const import DATA_COMPONENT as SWITCHES
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity import ToggleEntity

from .home import set_up


class _Device(ToggleEntity):
    """What lights and switches have in common."""

    _attr_should_poll = False

    def __init__(self, name: str, takes: float) -> None:
        """Initialize the device, with the seconds that it takes to switch."""
        self._attr_name = name
        self._attr_unique_id = name
        self._attr_is_on = False
        self._takes = takes

    async def _switch(self, *, on: bool) -> None:
        if self._takes:
            await asyncio.sleep(self._takes)
        self._attr_is_on = on
        self.async_write_ha_state()

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Turn it on."""
        await self._switch(on=True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Turn it off."""
        await self._switch(on=False)


class Light(_Device, LightEntity):
    """A light."""

    _attr_color_mode = ColorMode.ONOFF
    _attr_supported_color_modes = {ColorMode.ONOFF}  # noqa: RUF012 - as light entities declare it


class Switch(_Device, SwitchEntity):
    """A switch."""


async def add_lights(hass: HomeAssistant, number: int, *, takes: float = 0) -> None:
    """Add so many devices, half of them lights and half of them switches."""
    lights = [Light(f"Light {n}", takes) for n in range(number // 2)]
    switches = [Switch(f"Switch {n}", takes) for n in range(number // 2)]
    for domain in ("light", "switch"):
        await set_up(hass, domain)
    await hass.data[LIGHTS].async_add_entities(lights)
    await hass.data[SWITCHES].async_add_entities(switches)
    await hass.async_block_till_done()
