"""The doors of a bot, opened as its user wants them."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

from homeassistant.const import CONF_WEBHOOK_ID
from homeassistant.core import HomeAssistant, callback

from ..bot import Bot, DatastreamBotConfigEntry
from ..const import CONF_CLOUD_API, CONF_LIMITS, CONF_LOCAL_ONLY, CONF_MQTT, CONF_OPEN, CONF_WEBHOOK, Origin
from ..messaging.microservice import Stop
from ..messaging.router import Router
from ..mqtt.farewell import async_forget_kept, async_remove_mqtt, async_say_goodbye
from ..mqtt.mqtt_door import MqttDoor
from ..mqtt.topics import membership_of
from .botlab_api import CloudStreamView, LoginView, UserView
from .door import Door, door_settings
from .rest_api import StreamView
from .webhook import WebhookDoor, async_keep_closed, signatures_store


@callback
def async_setup_views(hass: HomeAssistant) -> None:
    """Register what answers over HTTP. It finds the bots with each request, for it cannot be taken back."""
    for view in (StreamView(), LoginView(), UserView(), CloudStreamView()):
        hass.http.register_view(view)


async def async_open_doors(bot: Bot, router: Router) -> Stop:
    """Open the doors of a bot, and return what closes them."""
    hass, name, settings = bot.hass, bot.entry.title, door_settings(bot.entry.data)
    closing = AsyncExitStack()

    def door(origin: Origin, *, local_only: bool) -> Door:
        return Door(hass, bot.bot_id, name, origin, settings[CONF_LIMITS], local_only=local_only)

    if settings[CONF_MQTT][CONF_OPEN]:
        # It takes longest to close, and is closed last.
        closing.push_async_callback(await _async_open_mqtt(bot, router, settings))
    # Whoever has a token of Home Assistant can send by its action as well, so this one needs no opening.
    closing.callback(bot.open_door(door(Origin.HTTP, local_only=False)))
    if (cloud_api := settings[CONF_CLOUD_API])[CONF_OPEN]:
        closing.callback(bot.open_door(door(Origin.CLOUD_API, local_only=cloud_api[CONF_LOCAL_ONLY])))
    if (webhook := settings[CONF_WEBHOOK])[CONF_OPEN]:
        webhook_door = door(Origin.WEBHOOK, local_only=webhook[CONF_LOCAL_ONLY])
        closing.push_async_callback(await WebhookDoor(hass, router, webhook_door, name, webhook).async_open())
        # The door is closed first, so that nothing comes in while the rest goes.
        closing.callback(bot.open_door(webhook_door))
    elif CONF_WEBHOOK_ID in webhook:
        closing.push_async_callback(await async_keep_closed(hass, name, webhook[CONF_WEBHOOK_ID]))
    return closing.aclose


async def async_remove_doors(hass: HomeAssistant, entry: DatastreamBotConfigEntry) -> None:
    """Remove what the doors of a bot stored, and let nobody elsewhere wait for it."""
    own = door_settings(entry.data)[CONF_MQTT]
    if own[CONF_OPEN]:
        await async_say_goodbye(hass, entry.entry_id, entry.title, own)
    await signatures_store(hass, entry.entry_id).async_remove()
    await async_remove_mqtt(hass, entry.entry_id)


async def _async_open_mqtt(bot: Bot, router: Router, settings: Mapping[str, Any]) -> Stop:
    """Open the MQTT door of a bot, and return what closes it."""
    hass, name, own = bot.hass, bot.entry.title, settings[CONF_MQTT]
    bot.mqtt = MqttDoor(hass, bot.bot_id, name, router, settings)
    close = await bot.mqtt.async_open()

    async def async_close() -> None:
        bot.mqtt = None
        await close()
        now = door_settings(bot.entry.data)[CONF_MQTT]
        is_other = membership_of(now) != membership_of(own)
        if is_other or not now[CONF_OPEN]:
            await async_say_goodbye(hass, bot.bot_id, name, own)
            await async_forget_kept(hass, bot.bot_id)
        if is_other:
            await async_remove_mqtt(hass, bot.bot_id)

    return async_close
