"""Data streams as tools of assistants: a language model may use those that the user has marked for it."""

from collections.abc import Mapping
import logging
from typing import Final, override

from homeassistant.components.llm import LLMTools
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.llm import LLM_API_ASSIST, LLMContext, Tool, ToolInput, ToolResult
from homeassistant.util.json import JsonObjectType
import voluptuous as vol

from .actions.form import merged_fields, worded
from .actions.streams import action_of
from .bot import Bot, loaded_bots
from .const import DOMAIN
from .data_streams import SUBENTRY_DATA_STREAM, DataStream
from .errors import MessageError
from .messaging.field_types import FieldType
from .messaging.receipt import failures_in
from .messaging.router import DATA_ROUTER
from .messaging.schema import Field, SchemaError, described
from .rights import async_readable_receipt
from .sender_limit import async_get_sender_limit

_LOGGER = logging.getLogger(__name__)

_ORIGIN: Final = "assistant"

# A text is always taken, for the schema of the bot to read or to refuse in words that a model understands.
_TYPES: Final[Mapping[FieldType, object]] = {
    FieldType.NUMBER: vol.Any(float, str),
    FieldType.BOOLEAN: vol.Any(bool, str),
    FieldType.LIST: vol.Any(list, str),
    FieldType.OBJECT: vol.Any(dict, str),
}


@callback
def async_get_tools(hass: HomeAssistant, llm_context: LLMContext, api_id: str) -> LLMTools | None:
    """Return a tool for each address that a bot lets assistants use."""
    if api_id != LLM_API_ASSIST:
        return None
    streams: dict[str, dict[Bot, DataStream]] = {}
    for bot in loaded_bots(hass):
        for subentry in bot.entry.get_subentries_of_type(SUBENTRY_DATA_STREAM):
            if (stream := DataStream.from_data(subentry.data)).assistants:
                streams.setdefault(stream.address, {})[bot] = stream
    return LLMTools([DataStreamTool(hass, address, by_bot) for address, by_bot in streams.items()])


class DataStreamTool(Tool):
    """Sends a message to an address, from outside, to the bots that let assistants do so."""

    integration = DOMAIN

    def __init__(self, hass: HomeAssistant, address: str, streams: Mapping[Bot, DataStream]) -> None:
        """Initialize the tool with the data streams that are meant, by their bots."""
        self.name = action_of(hass, address).replace(".", "__")
        self.title = worded(address)
        self.description = next(
            (stream.description for stream in streams.values() if stream.description), f"Sends a message to {address}."
        )
        self.parameters = vol.Schema(
            {
                (vol.Required if required else vol.Optional)(name, description=_told(field)): _TYPES.get(
                    field.type, str
                )
                for name, (field, required) in merged_fields([*streams.values()]).items()
            }
        )
        self._address = address
        self._bot_ids = [bot.bot_id for bot in streams]

    @override
    async def async_call(self, hass: HomeAssistant, tool_input: ToolInput, llm_context: LLMContext) -> ToolResult:
        """Send a message, with the rights of the user whose assistant it is, and return its receipt."""
        context = llm_context.context or Context()
        try:
            receipt = await self._async_send(hass, tool_input.tool_args, context)
        except SchemaError as err:
            return ToolResult({"error": str(err), "faults": err.as_dicts()}, error=True)
        except HomeAssistantError as err:
            hass.data[DATA_ROUTER].log.async_refuse(err, origin=_ORIGIN, address=self._address, context=context)
            return ToolResult({"error": str(err)}, error=True)
        except Exception:
            # Its text would go to whoever asks.
            _LOGGER.exception("An assistant's message to %s failed", self._address)
            return ToolResult({"error": "Home Assistant could not send the message. Its log says why."}, error=True)
        return ToolResult(receipt, error=bool(failures_in(receipt)))

    async def _async_send(self, hass: HomeAssistant, content: object, context: Context) -> JsonObjectType:
        await async_get_sender_limit(hass).async_admit(context)
        router = hass.data[DATA_ROUTER]
        only = [bot_id for bot_id in self._bot_ids if router.registry.is_open(bot_id, self._address)]
        if not only:
            raise MessageError(translation_key="address_opened_nowhere", address=self._address)
        dispatch = await router.async_dispatch(
            self._address, content, origin=_ORIGIN, context=context, only=only, from_outside=True, route=None
        )
        return await async_readable_receipt(hass, (await dispatch.async_receipt()).as_dict(), context)


def _told(field: Field) -> str:
    """Return what a field means and holds, for a model."""
    return described(f"It is {field.expected}", field.description)
