"""The device microservice: toggles the lights and switches that it attaches to."""

import asyncio
from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Any, ClassVar, override

from homeassistant.core import Context
from homeassistant.exceptions import HomeAssistantError

from ..attachment import async_attached_entities, async_cut
from ..bot import Bot
from ..built_in import BUILT_IN_FIELDS
from ..const import ADDRESS_TOGGLE_EVERYTHING, DOMAIN, RECEIPT_WAIT
from ..errors import PartlyFailedError
from ..message import Message
from ..microservice import ORDER_DEVICE, Microservice, Result, Stop, datastream
from ..restoring import async_restore, async_restore_states
from ..switching import async_switch
from ..toggling import Toggle
from ..verification import Verification


class DeviceMicroservice(Microservice):
    """Turns everything on or off, one message after the other and the newest before those that waited."""

    name: ClassVar = "device"
    order: ClassVar = ORDER_DEVICE

    def __init__(self, bot: Bot) -> None:
        """Initialize the microservice."""
        self._hass = bot.hass
        self._settings = bot.settings
        self._snapshot = bot.snapshot
        self._verification = Verification(bot.hass, bot.bot_id, bot.entry.title, bot.settings.verify_after)
        self._switching = asyncio.Lock()
        self._newest: dict[tuple[str | None, str], Message] = {}

    async def async_start(self) -> Stop:
        """Remember what was on before a restart, and take messages until the returned function is called."""
        await self._snapshot.async_start()
        return self._async_stop

    async def _async_stop(self) -> None:
        """Give up the messages that wait for their turn."""
        self._newest.clear()
        self._verification.async_stop()
        await self._snapshot.async_stop()

    @datastream(ADDRESS_TOGGLE_EVERYTHING, BUILT_IN_FIELDS[ADDRESS_TOGGLE_EVERYTHING])
    async def toggle_everything(self, message: Message) -> Result:
        """Turn everything, or what the message means of it, on or off, as `on` says."""
        toggle = Toggle.from_content(message.content)
        # Only among messages of one user about the same does the newest count: nobody's message is to keep another's
        # from being carried out.
        matter = (message.context.user_id, toggle.matter)
        self._newest[matter] = message
        async with self._switching:
            if (newest := self._newest.get(matter)) is None:
                raise HomeAssistantError(translation_domain=DOMAIN, translation_key="bot_unloaded")
            if newest is not message:
                return {"superseded_by": newest.message_id}
            task = self._hass.async_create_task(self._async_toggle(toggle, message.context), f"{DOMAIN} switching")
            del self._newest[matter]
            # A device that hangs must not keep the others from what the next message says.
            await asyncio.wait([task], timeout=RECEIPT_WAIT)
        return await task

    @override
    def diagnostics(self) -> Mapping[str, Any]:
        return {"attached": self._attached(), "remembered": self._snapshot.entity_ids}

    def _attached(self) -> list[str]:
        return async_attached_entities(self._hass, self._settings.target, self._settings.exclude)

    async def _async_toggle(self, toggle: Toggle, context: Context) -> dict[str, Any]:
        attached = self._attached()
        meant = attached if toggle.is_all else async_cut(self._hass, attached, toggle.target, toggle.domain)
        if toggle.restore:
            return await self._async_restore(attached, None if toggle.is_all else meant, context)
        if toggle.remember:
            await self._snapshot.async_remember(meant)
        switch = partial(async_switch, self._hass, on=toggle.on, context=context)
        with self._verification.expecting(meant, on=toggle.on, ask=switch):
            return await switch(meant)

    async def _async_restore(self, attached: list[str], meant: list[str] | None, context: Context) -> dict[str, Any]:
        recalled = self._snapshot.recall(attached, meant)
        states = {state.entity_id: state for state in recalled.states}

        def ask(late: list[str]) -> Awaitable[object]:
            return async_restore_states(self._hass, [states[entity_id] for entity_id in late], context)

        with self._snapshot.restoring(states), self._verification.expecting(states, on=True, ask=ask):
            try:
                result = await async_restore(self._hass, recalled, context)
            except PartlyFailedError:
                await self._snapshot.async_forget(recalled)
                raise
        # Not before: a restart in the midst of it must not lose what is still to be restored.
        await self._snapshot.async_forget(recalled)
        return result
