"""The doors of a bot, opened as its user wants them."""

from contextlib import AsyncExitStack

from homeassistant.const import CONF_WEBHOOK_ID
from homeassistant.core import HomeAssistant, callback

from .bot import Bot
from .cloud_api import CloudStreamView, LoginView, UserView
from .const import CONF_CLOUD_API, CONF_DOORS, CONF_LIMITS, CONF_LOCAL_ONLY, CONF_OPEN, CONF_WEBHOOK, Origin
from .door import CLOSED, Door
from .http_api import StreamView
from .microservice import Stop
from .router import Router
from .webhook import WebhookDoor, async_keep_closed


@callback
def async_setup_views(hass: HomeAssistant) -> None:
    """Register what answers over HTTP. It finds the bots with each request, for it cannot be taken back."""
    for view in (StreamView(), LoginView(), UserView(), CloudStreamView()):
        hass.http.register_view(view)


async def async_open_doors(bot: Bot, router: Router) -> Stop:
    """Open the doors of a bot, and return what closes them."""
    hass, name, settings = bot.hass, bot.entry.title, bot.entry.data.get(CONF_DOORS, CLOSED)
    closing = AsyncExitStack()

    def door(origin: Origin, *, local_only: bool) -> Door:
        return Door(hass, bot.bot_id, name, origin, settings[CONF_LIMITS], local_only=local_only)

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
