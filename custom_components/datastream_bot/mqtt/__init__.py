"""The transport of a bot to other homes over MQTT 5, opened as its user wants it."""

from dataclasses import replace
from functools import partial
import logging

from homeassistant.core import HomeAssistant
from homeassistant.helpers.dispatcher import async_dispatcher_send

from ..bot import Bot, DatastreamBotConfigEntry
from ..issues import async_delete_issue
from ..messaging.router import Router
from ..rate_limit import LIMITS, LIMITS_FORM
from ..settings import door_settings
from ..signals import transport_signal
from .settings import BrokerError, MqttSettings
from .store import Store
from .transport import PASSING_ISSUES, MqttTransport, async_forget

_LOGGER = logging.getLogger(__name__)


async def async_open_transport(bot: Bot, router: Router) -> None:
    """Open the transport of a bot if its settings say so, until the config entry is unloaded."""
    bot.entry.async_on_unload(partial(_async_close, bot))
    await async_update_transport(bot, router)


async def async_update_transport(bot: Bot, router: Router) -> None:
    """Replace the transport of a bot if its settings have changed, without loading the bot anew."""
    former, limits = bot.transport, door_settings(bot.entry.options, LIMITS, LIMITS_FORM)
    if isinstance(former, MqttTransport) and (former.settings, former.limits) == (_settings_of(bot), limits):
        former.async_rename()
        return
    await _async_close(bot)
    # The settings may say something else again, and a later change may be done already.
    if bot.transport is None and bot.is_loaded and _settings_of(bot).open:
        bot.transport = transport = MqttTransport(bot, router, _settings_of(bot), limits)
        transport.async_open()
    async_dispatcher_send(bot.hass, transport_signal(bot.bot_id))


async def async_remove_transport(hass: HomeAssistant, entry: DatastreamBotConfigEntry) -> None:
    """Remove what the transport of a bot stored, here and at the broker."""
    settings = MqttSettings.from_options(entry.options)
    if settings.open:
        try:
            await async_forget(hass, entry.entry_id, settings)
        except BrokerError as err:
            _LOGGER.warning("The broker still knows %s, which is gone: %s", entry.title, err)
    await Store(hass, entry.entry_id).async_close(forget=True)
    for issue in (*PASSING_ISSUES, "mqtt_lost", "mqtt_upgraded"):
        async_delete_issue(hass, f"{issue}_{entry.entry_id}")


async def _async_close(bot: Bot) -> None:
    """Close the transport of a bot; others forget the bot if it is closed for good, or speaks for others."""
    former, bot.transport = bot.transport, None
    if isinstance(former, MqttTransport):
        settings = _settings_of(bot)
        await former.async_close(leave=not settings.open or settings.membership != former.settings.membership)


def _settings_of(bot: Bot) -> MqttSettings:
    """Return the settings of the transport, which is closed when all doors are."""
    settings = MqttSettings.from_options(bot.entry.options)
    return replace(settings, open=settings.open and not bot.has_doors_closed)
