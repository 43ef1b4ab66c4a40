"""The doors of a bot, opened as its user wants them."""

from collections.abc import Callable, Coroutine
from typing import Any

from homeassistant.core import HomeAssistant, callback

from .bot import Bot
from .cloud_api import CloudStreamView, LoginView, UserView
from .const import CONF_CLOUD_API, CONF_DOORS, CONF_LIMITS, CONF_LOCAL_ONLY, CONF_OPEN, CONF_WEBHOOK, Origin
from .door import CLOSED, Door
from .http_api import StreamView
from .router import Router
from .webhook import WebhookDoor


@callback
def async_setup_views(hass: HomeAssistant) -> None:
    """Register what answers over HTTP. It finds the bots with each request, for it cannot be taken back."""
    for view in (StreamView(), LoginView(), UserView(), CloudStreamView()):
        hass.http.register_view(view)


async def async_open_doors(bot: Bot, router: Router) -> Callable[[], Coroutine[Any, Any, None]]:
    """Open the doors of a bot, and return what closes them."""
    settings = bot.entry.data.get(CONF_DOORS, CLOSED)

    def door(origin: Origin, *, local_only: bool = False) -> Door:
        return Door(bot.hass, bot.bot_id, bot.entry.title, origin, settings[CONF_LIMITS], local_only=local_only)

    # Whoever has a token of Home Assistant can send by its action as well, so this one needs no opening.
    close = [bot.open_door(door(Origin.HTTP))]
    if (cloud_api := settings[CONF_CLOUD_API])[CONF_OPEN]:
        close.append(bot.open_door(door(Origin.CLOUD_API, local_only=cloud_api[CONF_LOCAL_ONLY])))
    webhook = None
    if (webhook_settings := settings[CONF_WEBHOOK])[CONF_OPEN]:
        webhook_door = door(Origin.WEBHOOK, local_only=webhook_settings[CONF_LOCAL_ONLY])
        close.append(bot.open_door(webhook_door))
        webhook = WebhookDoor(bot.hass, router, webhook_door, bot.entry.title, webhook_settings)
        await webhook.async_open()

    async def async_close() -> None:
        for close_one in close:
            close_one()
        if webhook is not None:
            await webhook.async_close()

    return async_close
