"""The doors of a bot, opened as its user wants them."""

from typing import Final

from homeassistant.core import HomeAssistant

from ..bot import Bot, DatastreamBotConfigEntry
from ..messaging.router import Router
from .botlab_api import BotlabDoor, CloudStreamView, GuessLimit, LoginView, UserView
from .door import Door
from .idempotency import async_get_receipts
from .replay_cache import signature_storage
from .rest_api import RestDoor, StreamView
from .webhook import WebhookDoor, async_register_webhooks

DOORS: Final[tuple[type[Door], ...]] = (RestDoor, WebhookDoor, BotlabDoor)


async def async_setup_doors(hass: HomeAssistant) -> None:
    """Register what answers over HTTP, before any bot is loaded. It finds the doors with each request."""
    await async_register_webhooks(hass)
    wrong_keys = GuessLimit()
    for view in (StreamView(), LoginView(), UserView(wrong_keys), CloudStreamView(wrong_keys)):
        hass.http.register_view(view)


async def async_open_doors(bot: Bot, router: Router) -> None:
    """Open the doors of a bot as its settings say, until the config entry is unloaded."""
    for door in DOORS:
        await door(bot, router).async_open()


async def async_remove_doors(hass: HomeAssistant, entry: DatastreamBotConfigEntry) -> None:
    """Remove what the doors of a bot stored."""
    await async_register_webhooks(hass)
    await signature_storage(hass, entry.entry_id).async_remove()
    for door in DOORS:
        await async_get_receipts(hass, entry.entry_id, door.origin).async_remove()
