"""The websocket commands: what the page of Data Stream Bot asks for."""

from collections.abc import Mapping
from typing import Any

from homeassistant.components.websocket_api import async_register_command
from homeassistant.components.websocket_api.connection import ActiveConnection
from homeassistant.components.websocket_api.decorators import async_response, require_admin, websocket_command
from homeassistant.const import ATTR_CONFIG_ENTRY_ID, CONF_ADDRESS
from homeassistant.core import HomeAssistant, callback
import voluptuous as vol

from .actions.call import ORIGIN, loaded_bot
from .actions.streams import addresses_by_action
from .actions.way import Way, async_send_to, async_way_to
from .bot import Bot, loaded_bots
from .const import ATTR_ADDRESS, ATTR_CONTENT, DOMAIN
from .data_streams import SUBENTRY_DATA_STREAM, DataStream
from .live_messages import async_read_messages, async_subscribe_messages
from .messaging.registry import Endpoint, Registry
from .messaging.router import DATA_ROUTER
from .presence.persons import Presence
from .rights import async_readable_receipt
from .usages import Usage, async_usages

type _Message = dict[str, Any]

_MAPPING = "mapping"


@callback
def async_setup_websocket_api(hass: HomeAssistant) -> None:
    """Register the commands."""
    for command in (
        _async_bots,
        _async_addresses,
        _async_send,
        _async_preview,
        _async_preview_reaction,
        async_subscribe_messages,
        async_read_messages,
    ):
        async_register_command(hass, command)


@websocket_command({"type": f"{DOMAIN}/bots"})
@require_admin
@callback
def _async_bots(hass: HomeAssistant, connection: ActiveConnection, msg: _Message) -> None:
    """Answer with all bots, and with the microservices of those that run."""
    running = {bot.bot_id: bot for bot in loaded_bots(hass)}
    connection.send_result(
        msg["id"],
        [
            {
                "id": entry.entry_id,
                "name": entry.title,
                "is_running": entry.entry_id in running,
                "microservices": _microservices(running.get(entry.entry_id)),
            }
            for entry in hass.config_entries.async_entries(DOMAIN)
        ],
    )


@websocket_command({"type": f"{DOMAIN}/addresses"})
@require_admin
@callback
def _async_addresses(hass: HomeAssistant, connection: ActiveConnection, msg: _Message) -> None:
    """Answer with all addresses: those that bots know, and those that automations and scripts send to."""
    registry, usages = hass.data[DATA_ROUTER].registry, async_usages(hass)
    streams = _declared(hass)
    actions = {address: f"{DOMAIN}.{name}" for name, address in addresses_by_action(hass).items()}
    by_address: dict[str, list[Usage]] = {address: [] for address in registry.addresses}
    for usage in usages:
        for address in usage.listens | usage.sends:
            by_address.setdefault(address, []).append(usage)
    connection.send_result(
        msg["id"],
        [
            {
                "address": address,
                "action": actions.get(address),
                **_described(registry, address, streams.get(address, {}), named_by),
            }
            # What only is waited for may come from anywhere.
            for address, named_by in sorted(by_address.items())
            if registry.knows(address) or any(address in usage.sends for usage in named_by)
        ],
    )


@websocket_command(
    {
        vol.Required("type"): f"{DOMAIN}/send",
        vol.Required(ATTR_ADDRESS): str,
        vol.Optional(ATTR_CONTENT, default=dict): dict,
        vol.Optional(ATTR_CONFIG_ENTRY_ID): str,
    }
)
@async_response
async def _async_send(hass: HomeAssistant, connection: ActiveConnection, msg: _Message) -> None:
    """Send a message to one bot, or to all that opened its address, and answer with its receipt; for every user."""
    context, bot_id = connection.context(msg), msg.get(ATTR_CONFIG_ENTRY_ID)
    dispatch = await async_send_to(hass, msg[ATTR_ADDRESS], msg[ATTR_CONTENT], bot_id=bot_id, context=context)
    receipt = (await dispatch.async_receipt()).as_dict()
    connection.send_result(msg["id"], await async_readable_receipt(hass, receipt, context))


@websocket_command(
    {
        vol.Required("type"): f"{DOMAIN}/preview",
        vol.Required(ATTR_ADDRESS): str,
        vol.Optional(ATTR_CONTENT, default=dict): dict,
        vol.Exclusive(ATTR_CONFIG_ENTRY_ID, "bot"): str,
        vol.Exclusive("sender", "bot"): str,
    }
)
@require_admin
@async_response
async def _async_preview(hass: HomeAssistant, connection: ActiveConnection, msg: _Message) -> None:
    """Answer with what a message would lead to, to a bot or as one, without sending it; see `Router.async_preview`."""
    router, address, context = hass.data[DATA_ROUTER], msg[ATTR_ADDRESS], connection.context(msg)
    if (sender := loaded_bot(hass, msg.get("sender"))) is not None:
        way = Way(sender=sender.bot_id)
    else:
        way = await async_way_to(router.registry, address, loaded_bot(hass, msg.get(ATTR_CONFIG_ENTRY_ID)), context)
    previews = await router.async_preview(address, msg[ATTR_CONTENT], origin=ORIGIN, context=context, **way)
    connection.send_result(msg["id"], previews)


@websocket_command(
    {
        vol.Required("type"): f"{DOMAIN}/preview_reaction",
        vol.Required(ATTR_CONFIG_ENTRY_ID): str,
        vol.Required("presence"): vol.All(vol.In([Presence.HOME, Presence.AWAY]), vol.Coerce(Presence)),
    }
)
@require_admin
@async_response
async def _async_preview_reaction(hass: HomeAssistant, connection: ActiveConnection, msg: _Message) -> None:
    """Answer with what a bot would do if everybody left, or somebody came home."""
    bot = loaded_bot(hass, msg[ATTR_CONFIG_ENTRY_ID])
    previews = [] if bot is None else await bot.async_preview_reaction(msg["presence"])
    connection.send_result(msg["id"], previews)


def _microservices(bot: Bot | None) -> list[dict[str, Any]]:
    """Return the microservices of a bot with their addresses; those of data streams are one."""
    addresses: dict[str, set[str]] = {}
    for microservice in [] if bot is None else bot.microservices:
        addresses.setdefault(microservice.name, set()).update(microservice.addresses)
    return [{"name": name, "addresses": sorted(its)} for name, its in addresses.items()]


def _declared(hass: HomeAssistant) -> dict[str, dict[str, DataStream]]:
    """Return the data streams by their address, then by their bot."""
    streams: dict[str, dict[str, DataStream]] = {}
    for entry in hass.config_entries.async_entries(DOMAIN):
        for subentry in entry.get_subentries_of_type(SUBENTRY_DATA_STREAM):
            by_bot = streams.setdefault(subentry.data[CONF_ADDRESS], {})
            by_bot[entry.entry_id] = DataStream.from_data(subentry.data)
    return streams


def _described(
    registry: Registry, address: str, streams: Mapping[str, DataStream], usages: list[Usage]
) -> dict[str, Any]:
    """Return who declares an address, opens it, listens to it and sends to it, and what content it takes."""
    endpoints = registry.endpoints_at(address)
    bots = [
        {
            "id": endpoint.bot_id,
            "name": endpoint.bot_name,
            "is_declared": endpoint.bot_id in streams,
            "is_open": registry.is_open(endpoint.bot_id, address),
            "receivers": _receivers(endpoint, streams.get(endpoint.bot_id)),
        }
        for endpoint in endpoints
    ]
    automations = [
        {
            "entity_id": usage.entity_id,
            "id": usage.editor_id,
            "listens": address in usage.listens,
            "sends": address in usage.sends,
        }
        for usage in usages
    ]
    is_heard = any(bot["receivers"] for bot in bots) or any(each["listens"] for each in automations)
    fields = {name: field for endpoint in endpoints for name, field in endpoint.schema.fields.items()}
    return {
        "description": next((each.schema.description for each in endpoints if each.schema.description), ""),
        "is_open": registry.is_open_anywhere(address),
        "bots": bots,
        "automations": automations,
        "fields": [
            {
                "name": field.name,
                "expected": field.expected,
                "required": field.required and field.default is None,
                "description": field.description,
                "selector": field.selector(),
            }
            for field in fields.values()
        ],
        # Nobody does anything with what comes here; or it comes to nobody.
        "dead_end": None if is_heard else "nobody_listens" if bots else "unknown",
    }


def _receivers(endpoint: Endpoint, stream: DataStream | None) -> list[str]:
    """Return what does something with messages: a data stream without actions and event only shows them."""
    is_idle = stream is not None and not stream.actions and stream.event_type is None
    return [each.name for each in endpoint.receivers if not (is_idle and each.name == _MAPPING)]
