"""The doors of a bot, opened as its user wants them."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback

from ..bot import Bot, DatastreamBotConfigEntry
from ..messaging.router import Router
from .botlab_api import BotlabDoor, CloudStreamView, GuessLimit, LoginView, UserView
from .door import Door
from .idempotency import async_get_receipts
from .replay_cache import async_get_replays
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
    bot.entry.async_on_unload(partial(_async_replace_doors, bot, []))
    await async_update_doors(bot, router)


async def async_update_doors(bot: Bot, router: Router) -> None:
    """Open the doors of a bot anew if its settings say something else by now, without loading the bot anew."""
    await async_register_webhooks(bot.hass)
    doors = _doors_to_open(bot, router)
    if _settings_of(doors) == _settings_of(_doors_of(bot)):
        return
    for door in doors:
        await door.async_prepare()
    # The settings may say something else again, and a later change may be done already.
    if bot.is_loaded and _settings_of(doors) == _settings_of(_doors_to_open(bot, router)):
        _async_replace_doors(bot, doors)


@callback
def _async_replace_doors(bot: Bot, doors: list[Door]) -> None:
    """Close the doors of a bot, and open others in their place; no request comes in between."""
    for former in _doors_of(bot):
        former.async_close()
    bot.doors = list(doors)
    for door in doors:
        door.is_open = True


def _doors_to_open(bot: Bot, router: Router) -> list[Door]:
    return [door(bot, router) for door in DOORS if door.will_open(bot.hass, bot.entry)]


def _settings_of(doors: list[Door]) -> list[tuple[str, Mapping[str, Any]]]:
    return [(door.origin, door.settings) for door in doors]


def _doors_of(bot: Bot) -> list[Door]:
    return [door for door in bot.doors if isinstance(door, Door)]


async def async_remove_doors(hass: HomeAssistant, entry: DatastreamBotConfigEntry) -> None:
    """Remove what the doors of a bot stored."""
    await async_register_webhooks(hass)
    await async_get_replays(hass, entry.entry_id).async_remove()
    for door in DOORS:
        await async_get_receipts(hass, entry.entry_id, door.origin).async_remove()
