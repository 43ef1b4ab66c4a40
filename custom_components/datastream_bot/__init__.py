"""Data Stream Bot: named messages between the parts of a home."""

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import ConfigType

from .actions import async_setup_actions
from .asyncapi import async_setup_asyncapi
from .bot import Bot, DatastreamBotConfigEntry, async_remove_bot
from .checks import async_setup_checks
from .const import DOMAIN
from .doors import async_open_doors, async_remove_doors, async_setup_doors, async_update_doors
from .event_bus import async_setup_event_bus
from .messaging.router import DATA_ROUTER, Router
from .migration import async_migrate_entry
from .mqtt import async_open_transport, async_remove_transport, async_update_transport
from .orphans import async_remove_orphaned_entities, async_remove_orphaned_files
from .other_integrations import async_add_other_microservices, async_setup_other_integrations
from .panel import async_setup_panel
from .settings import with_registry_ids
from .websocket_api import async_setup_websocket_api

PLATFORMS = [Platform.BINARY_SENSOR, Platform.BUTTON, Platform.EVENT, Platform.SENSOR, Platform.SWITCH]
CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Set up what all bots share: the router with its listeners, the actions, and what answers over HTTP."""
    await async_remove_orphaned_files(hass)
    for entry in hass.config_entries.async_entries(DOMAIN):
        # Home Assistant leaves disabled ones as they were, whose webhooks are to be known all the same.
        await async_migrate_entry(hass, entry)
    router = hass.data[DATA_ROUTER] = Router(hass)
    await router.log.async_load([entry.entry_id for entry in hass.config_entries.async_entries(DOMAIN)])
    async_setup_event_bus(hass, router)
    await async_setup_actions(hass, router.registry)
    await async_setup_doors(hass)
    async_setup_checks(hass, router.registry)
    async_setup_websocket_api(hass)
    async_setup_asyncapi(hass)
    async_setup_panel(hass)
    await async_setup_other_integrations(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: DatastreamBotConfigEntry) -> bool:
    """Set up a bot: first what receives, then what shows it, then what sends."""
    router = hass.data[DATA_ROUTER]
    # What had no entry in the registry when it was chosen may have one by now.
    hass.config_entries.async_update_entry(entry, options=with_registry_ids(hass, entry.options))
    async_remove_orphaned_entities(hass, entry)
    bot = entry.runtime_data = Bot(hass, entry, router)
    entry.async_on_unload(entry.add_update_listener(_async_entry_updated))
    await bot.async_receive()
    async_add_other_microservices(hass, bot)
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    await bot.async_react()
    await async_open_doors(bot, router)
    await async_open_transport(bot, router)
    return True


async def _async_entry_updated(hass: HomeAssistant, entry: DatastreamBotConfigEntry) -> None:
    """Follow changes of a bot: those of its name, data streams and doors need no reload."""
    bot = entry.runtime_data
    if bot.is_outdated:
        hass.config_entries.async_schedule_reload(entry.entry_id)
    else:
        bot.async_update_name()
        bot.async_update_log()
        await bot.data_streams.async_update()
        await async_update_doors(bot, hass.data[DATA_ROUTER])
        await async_update_transport(bot, hass.data[DATA_ROUTER])


async def async_unload_entry(hass: HomeAssistant, entry: DatastreamBotConfigEntry) -> bool:
    """Unload a bot."""
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: DatastreamBotConfigEntry) -> None:
    """Remove what a bot stored."""
    await async_remove_bot(hass, entry.entry_id)
    await async_remove_doors(hass, entry)
    await async_remove_transport(hass, entry)
