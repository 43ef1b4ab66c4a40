"""Diagnostics of a bot."""

from typing import Any, Final

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.const import CONF_ACTIONS, CONF_PASSWORD, CONF_WEBHOOK_ID
from homeassistant.core import HomeAssistant

from .bot import Bot, DatastreamBotConfigEntry
from .const import CONF_CONTENT_IN_DIAGNOSTICS
from .messaging.router import DATA_ROUTER
from .settings import log_settings, with_entity_ids

# Actions can hold what is secret to the services that they call.
TO_REDACT: Final = {CONF_ACTIONS, CONF_PASSWORD, CONF_WEBHOOK_ID, "client_key", "former_secret", "secret"}


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: DatastreamBotConfigEntry) -> dict[str, Any]:
    """Return what a bot is set up to do, and what it sees."""
    bot = entry.runtime_data
    return {
        "entry": async_redact_data({**entry.as_dict(), "options": with_entity_ids(hass, entry.options)}, TO_REDACT),
        "microservices": [
            {
                "name": microservice.name,
                "addresses": sorted(microservice.addresses),
                **microservice.diagnostics(),
            }
            for microservice in bot.microservices
        ],
        "doors": {door.origin: door.diagnostics() for door in bot.doors},
        "mqtt": None if bot.transport is None else bot.transport.diagnostics(),
        "messages": _messages(hass, bot),
        "known_addresses": sorted(hass.data[DATA_ROUTER].registry.addresses),
    }


def _messages(hass: HomeAssistant, bot: Bot) -> list[dict[str, Any]]:
    """Return what became of the last messages of a bot; with their content if its user wants that."""
    with_content = log_settings(bot.entry.options)[CONF_CONTENT_IN_DIAGNOSTICS]
    records = [record for record in hass.data[DATA_ROUTER].log.records() if bot.bot_id in record.bot_ids]
    return [async_redact_data(record.as_dict(with_content=with_content), TO_REDACT) for record in records]
