"""The floor: what a message does, by hand and with Home Assistant's parts alone."""

from functools import partial
from typing import Any, Final

from homeassistant.components.event import DATA_COMPONENT, EventEntity
from homeassistant.core import Context, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect, async_dispatcher_send
import voluptuous as vol

from .bots import CONTENT, NEWS
from .home import RING, Home
from .rounds import Once

_FIELDS: Final = {vol.Required("room"): str, vol.Required("open"): bool, vol.Required("level"): vol.Any(int, float)}
_SCHEMA: Final = vol.Schema({vol.Required("address"): str, vol.Required("content"): _FIELDS})


class NewsEvent(EventEntity):
    """Shows the last content."""

    _attr_event_types = ["received"]  # noqa: RUF012 - as event entities declare it
    _attr_name = _attr_unique_id = "news"
    _attr_should_poll = False

    @callback
    def received(self, content: dict[str, Any], context: Context) -> None:
        """Show content."""
        self._trigger_event("received", {"content": content})
        self.async_set_context(context)
        self.async_write_ha_state()


async def by_hand(home: Home) -> Once:
    """Register an action that does all of it in one function; return what calls it as a message is sent."""

    async def send(call: ServiceCall) -> ServiceResponse:
        content = call.data["content"]
        context = Context(user_id=call.context.user_id, parent_id=call.context.id)
        home.bus.async_fire("floor_message", {**call.data, "id": context.id}, context=context)
        async_dispatcher_send(home, "floor_message", content, context)
        await home.services.async_call("bell", "ring", RING["data"], blocking=True, context=context)
        return {"id": context.id, "handled": ["ringer"]}

    await home.data[DATA_COMPONENT].async_add_entities([entity := NewsEvent()])
    async_dispatcher_connect(home, "floor_message", entity.received)
    home.services.async_register("floor", "send", send, _SCHEMA, SupportsResponse.OPTIONAL)
    data = {"address": NEWS, "content": CONTENT}
    return partial(home.services.async_call, "floor", "send", data, blocking=True, return_response=True)
