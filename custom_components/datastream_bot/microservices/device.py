"""The device microservice: toggles the lights and switches that it attaches to."""

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar, override

from homeassistant.const import CONF_TARGET
from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError

from ..attachment import async_attached_entities
from ..bot import Bot
from ..built_in import BUILT_IN_FIELDS
from ..const import ADDRESS_TOGGLE_EVERYTHING, CONF_EXCLUDE, DOMAIN, RECEIPT_WAIT
from ..message import Message
from ..microservice import ORDER_DEVICE, Microservice, Result, datastream
from ..switching import async_switch


class DeviceMicroservice(Microservice):
    """Turns everything on or off, one message after the other and the newest before those that waited."""

    name: ClassVar = "device"
    order: ClassVar = ORDER_DEVICE

    def __init__(self, bot: Bot) -> None:
        """Initialize the microservice."""
        self._hass = bot.hass
        self._data = bot.entry.data
        self._switching = asyncio.Lock()
        self._newest: dict[str | None, Message] = {}

    @callback
    def async_stop(self) -> None:
        """Give up the messages that wait for their turn."""
        self._newest.clear()

    @datastream(ADDRESS_TOGGLE_EVERYTHING, BUILT_IN_FIELDS[ADDRESS_TOGGLE_EVERYTHING])
    async def toggle_everything(self, message: Message) -> Result:
        """Turn everything on or off, as `on` says."""
        on: bool = message.content["on"]
        # Only among messages of one user does the newest count: nobody's message is to keep another's from being
        # carried out.
        user_id = message.context.user_id
        self._newest[user_id] = message
        async with self._switching:
            if (newest := self._newest.get(user_id)) is None:
                raise HomeAssistantError(translation_domain=DOMAIN, translation_key="bot_unloaded")
            if newest is not message:
                return {"superseded_by": newest.message_id}
            task = self._hass.async_create_task(
                async_switch(self._hass, self._attached(), on=on, context=message.context), f"{DOMAIN} switching"
            )
            # A device that hangs must not keep the others from what the next message says.
            await asyncio.wait([task], timeout=RECEIPT_WAIT)
        return await task

    @override
    def diagnostics(self) -> Mapping[str, Any]:
        return {"attached": self._attached()}

    def _attached(self) -> list[str]:
        return async_attached_entities(self._hass, self._data[CONF_TARGET], self._data[CONF_EXCLUDE])
