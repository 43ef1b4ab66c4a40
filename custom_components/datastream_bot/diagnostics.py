"""Diagnostics of a bot, and of each of its data streams."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.const import (
    CONF_ACTIONS,
    CONF_ADDRESS,
    CONF_HOST,
    CONF_PASSWORD,
    CONF_PATH,
    CONF_USERNAME,
    CONF_WEBHOOK_ID,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.device_registry import DeviceEntry

from .actions.streams import action_of
from .bot import Bot, DatastreamBotConfigEntry
from .const import CONF_CONTENT_IN_DIAGNOSTICS
from .data_streams import SUBENTRY_DATA_STREAM
from .messaging.router import DATA_ROUTER
from .settings import log_settings, with_entity_ids

TO_REDACT: Final = {
    # They can hold what is secret to the services that they call.
    CONF_ACTIONS,
    CONF_HOST,
    CONF_PASSWORD,
    CONF_PATH,
    CONF_USERNAME,
    CONF_WEBHOOK_ID,
    "certificate",
    "client_certificate",
    "client_key",
    "former_secret",
    "secret",
}
TO_NUMBER: Final[Mapping[str, str]] = {
    "home": "home",
    "notify": "notify entity",
    "organization": "organization",
    "persons": "person",
}
"""Keys whose values are replaced by numbers, with the word before the number: the same name has the same number."""


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: DatastreamBotConfigEntry) -> dict[str, Any]:
    """Return what a bot is set up to do, and what it sees."""
    bot = entry.runtime_data
    diagnostics = {
        "entry": {**entry.as_dict(), "options": with_entity_ids(hass, entry.options)},
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
    return _published(diagnostics)


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
    diagnostics = {
        "data_stream": streams[0].as_dict(),
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
    return _published(diagnostics)


def _messages(hass: HomeAssistant, bot: Bot) -> list[dict[str, Any]]:
    """Return what became of the last messages of a bot; with their content if its user wants that."""
    with_content = log_settings(bot.entry.options)[CONF_CONTENT_IN_DIAGNOSTICS]
    records = [record for record in hass.data[DATA_ROUTER].log.records() if bot.bot_id in record.bot_ids]
    return [record.as_dict(with_content=with_content) for record in records]


def _published(diagnostics: dict[str, Any]) -> dict[str, Any]:
    """Return diagnostics without secrets, and without the names of persons and homes."""
    published: dict[str, Any] = _numbered(async_redact_data(diagnostics, TO_REDACT), {})
    return published


def _numbered(data: Any, known: dict[str, list[str]]) -> Any:
    """Replace names in data by numbers; `known` has the names that have one by now, by the word before it."""
    if isinstance(data, Mapping):
        return {
            key: _number(value, TO_NUMBER[key], known) if key in TO_NUMBER else _numbered(value, known)
            for key, value in data.items()
        }
    return [_numbered(each, known) for each in data] if isinstance(data, list) else data


def _number(name: Any, named: str, known: dict[str, list[str]]) -> Any:
    if isinstance(name, list):
        return [_number(each, named, known) for each in name]
    if not name or not isinstance(name, str):
        return name
    names = known.setdefault(named, [])
    if name not in names:
        names.append(name)
    return f"{named} {names.index(name) + 1}"
