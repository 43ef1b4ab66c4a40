"""The description for programs: all open addresses with their schemas and ways in, as an AsyncAPI 3.0 document."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
import math
from typing import Any, Final

from aiohttp.hdrs import RETRY_AFTER
from aiohttp.web import Request, Response
from homeassistant.components.http.const import KEY_HASS_USER
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView
from homeassistant.loader import async_get_integration

from .bot import loaded_bots
from .channel import Channel, JsonSchema
from .const import DOMAIN
from .errors import MessageError
from .messaging.field_types import FieldType
from .messaging.router import DATA_ROUTER
from .messaging.schema import NO_SCHEMA, Schema
from .rate_limit import TokenBuckets
from .rights import MayRead, may_read_of

PER_SECOND: Final = 0.2
AT_ONCE: Final = 20
"""How many descriptions a user gets; a large one takes a fifth of a second."""

_MAX_USERS: Final = 1000
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
    """Register the view that returns the document."""
    hass.http.register_view(AsyncApiView())


class AsyncApiView(HomeAssistantView):
    """Returns the AsyncAPI document of what the user who asks may send."""

    url = f"/api/{DOMAIN}/asyncapi.json"
    name = f"api:{DOMAIN}:asyncapi"

    def __init__(self) -> None:
        """Initialize the view."""
        self._buckets = TokenBuckets(rate=PER_SECOND, burst=AT_ONCE, maximum=_MAX_USERS)

    async def get(self, request: Request) -> Response:
        """Return the description."""
        if wait := self._buckets.take(request[KEY_HASS_USER].id, request.app[KEY_HASS].loop.time()):
            seconds = math.ceil(wait)
            err = MessageError(translation_key="rate_limited", seconds=seconds)
            told = {"code": err.code, "message": str(err)}
            return self.json(told, HTTPStatus.TOO_MANY_REQUESTS, {RETRY_AFTER: str(seconds)})
        return self.json(await _async_document(request, self.context(request)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Described:
    """A channel with the schemas of the bots behind it, by address and bot."""

    channel: Channel
    schemas: dict[str, dict[str, JsonSchema]] = field(default_factory=dict)


async def _async_document(request: Request, context: Context) -> dict[str, Any]:
    """Return the description for the user of a context."""
    hass = request.app[KEY_HASS]
    described = await _async_described(request, context)
    servers: dict[str, Any] = {"http": {"host": request.url.authority, "protocol": request.url.scheme}}
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
                _schema_name(bot_id, address): schema
                for each in described.values()
                for address, by_bot in each.schemas.items()
                for bot_id, schema in by_bot.items()
            }
        },
    }


async def _async_described(request: Request, context: Context) -> dict[str, _Described]:
    """Return the channels that the user of a context may use from where the request comes, by name."""
    hass, may_read = request.app[KEY_HASS], may_read_of(request[KEY_HASS_USER])
    registry = hass.data[DATA_ROUTER].registry
    described: dict[str, _Described] = {}
    for bot in loaded_bots(hass):
        may_speak = await bot.async_refusal_to_speak(context) is None
        for address in sorted(registry.addresses):
            if not registry.is_open(bot.bot_id, address):
                continue
            schema = _json_schema(registry.schema_of(bot.bot_id, address) or NO_SCHEMA, may_read)
            for channel in bot.channels(address):
                if channel.admits(request.remote) and (may_speak or not channel.has_rights_of_bot):
                    each = described.setdefault(channel.name, _Described(channel=channel))
                    each.schemas.setdefault(address, {})[bot.bot_id] = schema
            # There may be thousands, and all else in Home Assistant has its turn between them.
            await asyncio.sleep(0)
    return described


def _json_schema(schema: Schema, may_read: MayRead) -> JsonSchema:
    """Return the JSON Schema of content, without defaults that name entities which the user may not read."""
    described = schema.as_json_schema()
    for each in schema.fields.values():
        told = described["properties"][each.name]
        if each.type is FieldType.ENTITY and "default" in told and not may_read(told["default"]):
            del told["default"]
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


def _message(channel: Channel, address: str, by_bot: Mapping[str, JsonSchema]) -> dict[str, Any]:
    refs = [{"$ref": f"#/components/schemas/{_schema_name(bot_id, address)}"} for bot_id in by_bot]
    return {
        "name": address,
        "summary": next((text for schema in by_bot.values() if (text := schema.get("description"))), ""),
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
