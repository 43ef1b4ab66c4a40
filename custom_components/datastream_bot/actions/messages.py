"""The action `get_messages`: returns the last messages, each with what became of it."""

from collections.abc import Callable
from itertools import islice
from typing import Any, Final

from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import Context, HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.util.json import JsonValueType
import voluptuous as vol

from ..bot import loaded_bots
from ..const import ATTR_ADDRESS, DOMAIN
from ..errors import MessageError
from ..messaging.log import MAX_RECORDS
from ..messaging.record import OUTCOMES, Record
from ..messaging.refusals import MAX_REFUSALS
from ..messaging.router import DATA_ROUTER
from ..rights import async_is_administrator, async_may_control_all, async_may_read_all

SERVICE_GET_MESSAGES: Final = "get_messages"

ATTR_LIMIT: Final = "limit"
ATTR_OUTCOME: Final = "outcome"
ATTR_SINCE: Final = "since"

MAX_LIMIT: Final = MAX_RECORDS + MAX_REFUSALS

GET_MESSAGES_SCHEMA = vol.Schema(
    {
        vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string,
        vol.Optional(ATTR_ADDRESS): vol.All(cv.ensure_list, [cv.string]),
        vol.Optional(ATTR_OUTCOME): vol.All(cv.ensure_list, [vol.In(OUTCOMES)]),
        vol.Optional(ATTR_SINCE): cv.datetime,
        vol.Optional(ATTR_LIMIT, default=50): vol.All(vol.Coerce(int), vol.Range(min=1, max=MAX_LIMIT)),
    }
)


@callback
def async_setup_get_messages(hass: HomeAssistant) -> None:
    """Register the action."""
    hass.services.async_register(
        DOMAIN, SERVICE_GET_MESSAGES, _async_get_messages, GET_MESSAGES_SCHEMA, supports_response=SupportsResponse.ONLY
    )


async def _async_get_messages(call: ServiceCall) -> ServiceResponse:
    """Return the newest messages that were asked for, as far as the user may know of them.

    Raises:
        MessageError: There is no bot of this id.

    """
    data = call.data
    bot_id = data.get(ATTR_CONFIG_ENTRY_ID)
    if bot_id is not None:
        entry = call.hass.config_entries.async_get_entry(bot_id)
        if entry is None or entry.domain != DOMAIN:
            raise MessageError(translation_key="bot_id_unknown", bot=bot_id)
    since = data[ATTR_SINCE].timestamp() if ATTR_SINCE in data else 0.0

    def is_wanted(record: Record) -> bool:
        return (
            (bot_id is None or bot_id in record.bot_ids)
            and (ATTR_ADDRESS not in data or record.address in data[ATTR_ADDRESS])
            and (ATTR_OUTCOME not in data or record.outcome in data[ATTR_OUTCOME])
            and record.time >= since
        )

    show = await _async_view(call.hass, call.context)
    newest = filter(is_wanted, reversed(call.hass.data[DATA_ROUTER].log.records()))
    shown = (message for record in newest if (message := show(record)) is not None)
    messages: list[JsonValueType] = [*islice(shown, data[ATTR_LIMIT])]
    return {"messages": messages[::-1]}


async def _async_view(hass: HomeAssistant, context: Context) -> Callable[[Record], dict[str, Any] | None]:
    """Return the function that returns a record as the context's user may know it, or None.

    Automations and administrators see all. Others see only what bots did that they may control. Who may not read all
    entities sees neither content nor errors nor results, which may name some, but how many there are.
    """
    if context.user_id is None or await async_is_administrator(hass, context.user_id):
        return Record.as_dict
    controlled = {
        bot.bot_id for bot in loaded_bots(hass) if await async_may_control_all(hass, bot.device.attached, context)
    }
    reads_all = await async_may_read_all(hass, context.user_id)

    def show(record: Record) -> dict[str, Any] | None:
        if record.bot_ids.isdisjoint(controlled):
            return None
        message = record.as_dict(with_content=reads_all)
        del message["user_id"]
        if not reads_all:
            del message["automation"]
        if message["sender"] not in controlled:
            message["elsewhere"] = {}
        message["deliveries"] = [
            {name: value for name, value in delivery.items() if reads_all or name != "error"}
            for delivery in message["deliveries"]
            if delivery["config_entry_id"] in controlled
        ]
        return message

    return show
