"""The description for programs: all open addresses with their schemas and ways in, as an AsyncAPI 3.0 document."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp.web import Request, Response
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView
from homeassistant.loader import async_get_integration
from yarl import URL

from .bot import loaded_bots
from .channel import Channel
from .const import DOMAIN
from .messaging.router import DATA_ROUTER
from .messaging.schema import NO_SCHEMA, Schema

_VERSION: Final = "3.0.0"
_DESCRIPTION: Final = (
    "What may be sent to the bots of this home. The schemas describe content as bots pass it on; other forms of the "
    "same values are accepted as well. All content is at most 32 KiB of JSON with 16 levels, and integers of 64 bits."
)
_BROKER: Final = {
    "host": "{broker}",
    "protocol": "mqtt",
    "protocolVersion": "5",
    "variables": {"broker": {"description": "Host and port of the broker that the bot is connected to."}},
}


@callback
def async_setup_asyncapi(hass: HomeAssistant) -> None:
    """Register what answers with the description."""
    hass.http.register_view(AsyncApiView())


class AsyncApiView(HomeAssistantView):
    """Answers every user with what that user may send."""

    url = f"/api/{DOMAIN}/asyncapi.json"
    name = f"api:{DOMAIN}:asyncapi"

    async def get(self, request: Request) -> Response:
        """Return the description."""
        return self.json(await _async_document(request.app[KEY_HASS], request.url, self.context(request)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Described:
    """A channel with the schemas of the bots behind it, by address and bot."""

    channel: Channel
    schemas: dict[str, dict[str, Schema]] = field(default_factory=dict)


async def _async_document(hass: HomeAssistant, url: URL, context: Context) -> dict[str, Any]:
    """Return the description for the user of a context, who asked at a URL."""
    described = await _async_described(hass, context)
    servers: dict[str, Any] = {"http": {"host": url.authority, "protocol": url.scheme}}
    if any(each.channel.protocol == "mqtt" for each in described.values()):
        servers["mqtt"] = _BROKER
    return {
        "asyncapi": _VERSION,
        "info": {
            "title": "Data Stream Bot",
            "version": str((await async_get_integration(hass, DOMAIN)).version),
            "description": _DESCRIPTION,
        },
        "defaultContentType": "application/json",
        "servers": servers,
        "channels": {name: _channel(each) for name, each in described.items()},
        "operations": {name: _operation(each.channel) for name, each in described.items()},
        "components": {
            "schemas": {
                _schema_name(bot_id, address): schema.as_json_schema()
                for each in described.values()
                for address, by_bot in each.schemas.items()
                for bot_id, schema in by_bot.items()
            }
        },
    }


async def _async_described(hass: HomeAssistant, context: Context) -> dict[str, _Described]:
    """Return the channels that the user of a context may use, by name."""
    registry = hass.data[DATA_ROUTER].registry
    described: dict[str, _Described] = {}
    for bot in loaded_bots(hass):
        may_speak = await bot.async_refusal_to_speak(context) is None
        for address in sorted(registry.addresses):
            if not registry.is_open(bot.bot_id, address):
                continue
            schema = registry.schema_of(bot.bot_id, address) or NO_SCHEMA
            for channel in bot.channels(address):
                if may_speak or not channel.has_rights_of_bot:
                    each = described.setdefault(channel.name, _Described(channel=channel))
                    each.schemas.setdefault(address, {})[bot.bot_id] = schema
    return described


def _channel(described: _Described) -> dict[str, Any]:
    channel = described.channel
    return {
        "title": channel.title,
        "address": channel.address,
        "description": channel.description,
        "servers": [{"$ref": f"#/servers/{channel.protocol}"}],
        "parameters": {name: {"description": text} for name, text in channel.parameters.items()},
        "messages": {address: _message(channel, address, by_bot) for address, by_bot in described.schemas.items()},
    }


def _message(channel: Channel, address: str, by_bot: Mapping[str, Schema]) -> dict[str, Any]:
    refs = [{"$ref": f"#/components/schemas/{_schema_name(bot_id, address)}"} for bot_id in by_bot]
    return {
        "name": address,
        "summary": next((schema.description for schema in by_bot.values() if schema.description), ""),
        # What fits one of several bots is accepted, and refused only by the others.
        "payload": channel.payload(address, refs[0] if len(refs) == 1 else {"anyOf": refs}),
    }


def _operation(channel: Channel) -> dict[str, Any]:
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{channel.name}"},
        "security": list(channel.security),
        "bindings": {channel.protocol: channel.binding},
    }


def _schema_name(bot_id: str, address: str) -> str:
    return f"{bot_id}.{address}"
