"""A real Home Assistant core in this process, in a folder of its own."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
import tempfile
from typing import Any, Final

from homeassistant import config_entries, loader
from homeassistant.bootstrap import CORE_INTEGRATIONS, async_load_base_functionality
from homeassistant.core import HomeAssistant, ServiceCall, callback
from homeassistant.core_config import async_process_ha_core_config
from homeassistant.helpers.service import async_set_service_schema
from homeassistant.setup import async_setup_component
from homeassistant.util.async_ import _SHUTDOWN_RUN_CALLBACK_THREADSAFE

from tests.real.home import write_network

# Many homes have these, and what is compared would otherwise set up some of them for itself.
_COMPONENTS: Final = ("http", "binary_sensor", "event", "light", "switch", "blueprint", "trace", "webhook")

RING: Final[dict[str, Any]] = {"action": "bell.ring", "data": {"loudness": 3}}
"""The step of a script that rings the bell."""


class Home(HomeAssistant):
    """A home with a bell: an action that does nothing but count."""

    rung = 0

    @callback
    def ring(self, call: ServiceCall) -> None:
        """Count."""
        self.rung += 1


@asynccontextmanager
async def new_home(folder: str | None = None) -> AsyncIterator[Home]:
    """Run a home with the storage that is in a folder, or without any."""
    with tempfile.TemporaryDirectory(prefix="datastream-bot-") as empty_folder:
        home = Home(folder or empty_folder)
        write_network(Path(home.config.config_dir))
        loader.async_setup(home)
        home.config.skip_pip = True
        home.config_entries = config_entries.ConfigEntries(home, {})
        await loader.async_get_custom_components(home)
        await async_load_base_functionality(home)
        await async_process_ha_core_config(home, {})
        # It would not listen in a home that had started without http.
        for component in (*sorted(CORE_INTEGRATIONS), *_COMPONENTS):
            await set_up(home, component)
        home.services.async_register("bell", "ring", home.ring)
        # Otherwise Home Assistant would look for an integration of this name again and again.
        async_set_service_schema(home, "bell", "ring", {"name": "Ring"})
        await home.async_start()
        await home.async_block_till_done()
        try:
            yield home
        finally:
            await home.async_stop()
            # Home Assistant takes it that the loop ends with it, but the next home is to run there too.
            vars(home.loop).pop(_SHUTDOWN_RUN_CALLBACK_THREADSAFE, None)


async def set_up(home: HomeAssistant, component: str, config: Mapping[str, Any] | Sequence[Any] = ()) -> None:
    """Set up a component."""
    if not await async_setup_component(home, component, {component: config} if config else {}):
        raise RuntimeError(f"{component} was not set up")
    await home.async_block_till_done()
