"""Data Stream Bot: named messages between the parts of a home."""

from functools import partial

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.typing import ConfigType

from .address_actions import async_setup_picking
from .bot import Bot, DatastreamBotConfigEntry
from .const import DOMAIN
from .devices.snapshot_memory import snapshot_memory
from .doors.setup import async_open_doors, async_remove_doors, async_setup_views
from .event_bus import async_fire_message, async_follow_automations
from .messaging.router import DATA_ROUTER, Router
from .microservices.device import DeviceMicroservice
from .microservices.location import LocationMicroservice
from .presence.presence_memory import presence_memory
from .renames import async_follow_renames
from .services import async_setup_services
from .signals import async_signal_message
from .streams import DataStreams

PLATFORMS = [Platform.BINARY_SENSOR, Platform.EVENT, Platform.SWITCH]
CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Set up what all bots share: the router, its ways to the event bus and to signals, and the actions."""
    router = hass.data[DATA_ROUTER] = Router(hass)
    router.connect_outlet(partial(async_fire_message, hass))
    router.connect_outlet(partial(async_signal_message, hass))
    async_follow_automations(hass, router)
    async_follow_renames(hass)
    async_setup_services(hass)
    async_setup_views(hass)
    await async_setup_picking(hass, router.directory)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: DatastreamBotConfigEntry) -> bool:
    """Set up a bot: first who receives, then what shows it, then who sends."""
    router = hass.data[DATA_ROUTER]
    device_entry = dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        entry_type=dr.DeviceEntryType.SERVICE,
        identifiers={(DOMAIN, entry.entry_id)},
        name=entry.title,
        model="Bot",
    )
    bot = entry.runtime_data = Bot(hass, entry, router, device_entry.id)

    location, device, streams = LocationMicroservice(bot), DeviceMicroservice(bot), DataStreams(bot, router.directory)

    async def follow_changes(hass: HomeAssistant, entry: DatastreamBotConfigEntry) -> None:
        if bot.is_outdated:
            hass.config_entries.async_schedule_reload(entry.entry_id)
        else:
            await streams.async_update()

    entry.async_on_unload(entry.add_update_listener(follow_changes))
    entry.async_on_unload(await device.async_start())
    for microservice in (location, device):
        entry.async_on_unload(bot.attach(microservice))
    await streams.async_update()
    entry.async_on_unload(streams.async_stop)

    await bot.following.async_load()
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)

    entry.async_on_unload(await location.async_start())
    entry.async_on_unload(await async_open_doors(bot, router))
    return True


async def async_unload_entry(hass: HomeAssistant, entry: DatastreamBotConfigEntry) -> bool:
    """Unload a bot."""
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: DatastreamBotConfigEntry) -> None:
    """Remove what a bot stored."""
    for memory_of in (presence_memory, snapshot_memory):
        await memory_of(hass, entry.entry_id).async_remove()
    await async_remove_doors(hass, entry)
