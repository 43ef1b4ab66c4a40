"""Diagnostics of a bot, and of each of its data streams."""

from typing import Any, Final

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.const import CONF_ACTIONS, CONF_ADDRESS, CONF_PASSWORD, CONF_WEBHOOK_ID
from homeassistant.core import HomeAssistant
from homeassistant.helpers.device_registry import DeviceEntry

from .actions.streams import action_of
from .bot import Bot, DatastreamBotConfigEntry
from .const import CONF_CONTENT_IN_DIAGNOSTICS
from .data_streams import SUBENTRY_DATA_STREAM
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


async def async_get_device_diagnostics(
    hass: HomeAssistant, entry: DatastreamBotConfigEntry, device: DeviceEntry
) -> dict[str, Any]:
    """Return what a data stream is, who listens to it, and what became of its messages; or all of a bot."""
    bot, registry = entry.runtime_data, hass.data[DATA_ROUTER].registry
    ids = {identifier for _, identifier in device.identifiers}
    streams = [stream for stream in entry.get_subentries_of_type(SUBENTRY_DATA_STREAM) if stream.subentry_id in ids]
    if not streams:
        return await async_get_config_entry_diagnostics(hass, entry)
    address = streams[0].data[CONF_ADDRESS]
    return {
        "data_stream": async_redact_data(streams[0].as_dict(), TO_REDACT),
        "action": action_of(hass, address),
        "is_open": registry.is_open(bot.bot_id, address),
        "receivers": [
            receiver.name
            for endpoint in registry.endpoints_at(address)
            if endpoint.bot_id == bot.bot_id
            for receiver in endpoint.receivers
        ],
        "messages": [message for message in _messages(hass, bot) if message["address"] == address],
    }


def _messages(hass: HomeAssistant, bot: Bot) -> list[dict[str, Any]]:
    """Return what became of the last messages of a bot; with their content if its user wants that."""
    with_content = log_settings(bot.entry.options)[CONF_CONTENT_IN_DIAGNOSTICS]
    records = [record for record in hass.data[DATA_ROUTER].log.records() if bot.bot_id in record.bot_ids]
    return [async_redact_data(record.as_dict(with_content=with_content), TO_REDACT) for record in records]
