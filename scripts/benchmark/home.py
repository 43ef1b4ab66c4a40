"""A real Home Assistant core in this process, in a folder of its own."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
import tempfile
from typing import Any

from homeassistant import config_entries, loader
from homeassistant.bootstrap import CORE_INTEGRATIONS, async_load_base_functionality
from homeassistant.core import HomeAssistant
from homeassistant.core_config import async_process_ha_core_config
from homeassistant.setup import async_setup_component
from homeassistant.util.async_ import _SHUTDOWN_RUN_CALLBACK_THREADSAFE

from tests.real.home import write_network


@asynccontextmanager
async def new_home(*components: str) -> AsyncIterator[HomeAssistant]:
    """Run a home that has nothing but some components, and forget it."""
    with tempfile.TemporaryDirectory(prefix="datastream-bot-") as folder:
        async with home_in(Path(folder), *components) as hass:
            yield hass


@asynccontextmanager
async def home_in(folder: Path, *components: str) -> AsyncIterator[HomeAssistant]:
    """Run the home whose storage is in a folder; what it stores is there when it has stopped."""
    write_network(folder)
    hass = HomeAssistant(str(folder))
    loader.async_setup(hass)
    hass.config.skip_pip = True
    hass.config_entries = config_entries.ConfigEntries(hass, {})
    await loader.async_get_custom_components(hass)
    await async_load_base_functionality(hass)
    for component in sorted(CORE_INTEGRATIONS):
        await set_up(hass, component)
    await async_process_ha_core_config(hass, {})
    # It would not listen in a home that has started without it.
    for component in ("http", *components):
        await set_up(hass, component)
    await hass.async_start()
    await hass.async_block_till_done()
    try:
        yield hass
    finally:
        await hass.async_stop()
        # Home Assistant takes it that the loop ends with it, but the next home is to run there too.
        vars(hass.loop).pop(_SHUTDOWN_RUN_CALLBACK_THREADSAFE, None)


async def set_up(hass: HomeAssistant, component: str, config: Mapping[str, Any] | Sequence[Any] = ()) -> None:
    """Set up a component."""
    if not await async_setup_component(hass, component, {component: config} if config else {}):
        raise RuntimeError(f"{component} was not set up")
