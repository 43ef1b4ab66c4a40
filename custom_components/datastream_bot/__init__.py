"""Data Stream Bot: named messages between the parts of a home."""

from functools import partial

from homeassistant.components.automation import EVENT_AUTOMATION_TRIGGERED
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.typing import ConfigType

from .bot import Bot, DatastreamBotConfigEntry
from .const import CONF_ADDRESS, CONF_EXTERNAL, DOMAIN, SUBENTRY_DATA_STREAM
from .event_bus import async_fire_message
from .microservices.device import DeviceMicroservice
from .microservices.location import LocationMicroservice, presence_store
from .router import DATA_ROUTER, Router
from .services import async_setup_services

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Set up what all bots share: the router, the way to the event bus, and the actions."""
    router = hass.data[DATA_ROUTER] = Router(hass)
    router.connect_outlet(partial(async_fire_message, hass))

    @callback
    def follow_automation(event: Event) -> None:
        router.follow(event.context)

    hass.bus.async_listen(EVENT_AUTOMATION_TRIGGERED, follow_automation)
    async_setup_services(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: DatastreamBotConfigEntry) -> bool:
    """Set up a bot: first who receives, then who sends."""
    router = hass.data[DATA_ROUTER]
    bot = entry.runtime_data = Bot(hass, entry, router)
    dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        entry_type=dr.DeviceEntryType.SERVICE,
        identifiers={(DOMAIN, entry.entry_id)},
        name=entry.title,
        model="Bot",
    )

    location, device = LocationMicroservice(bot), DeviceMicroservice(bot)
    for microservice in (location, device):
        entry.async_on_unload(bot.attach(microservice))
    entry.async_on_unload(device.async_stop)
    for stream in entry.get_subentries_of_type(SUBENTRY_DATA_STREAM):
        if stream.data[CONF_EXTERNAL]:
            entry.async_on_unload(router.open(bot.bot_id, stream.data[CONF_ADDRESS]))

    await location.async_start()
    entry.async_on_unload(location.async_stop)
    entry.async_on_unload(entry.add_update_listener(_async_reload))
    return True


async def async_unload_entry(hass: HomeAssistant, entry: DatastreamBotConfigEntry) -> bool:
    """Unload a bot."""
    return True


async def async_remove_entry(hass: HomeAssistant, entry: DatastreamBotConfigEntry) -> None:
    """Remove what a bot stored."""
    await presence_store(hass, entry.entry_id).async_remove()


async def _async_reload(hass: HomeAssistant, entry: DatastreamBotConfigEntry) -> None:
    hass.config_entries.async_schedule_reload(entry.entry_id)
