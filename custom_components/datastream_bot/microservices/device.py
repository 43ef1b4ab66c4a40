"""The device microservice: toggles the lights and switches that it attaches to."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from functools import partial
from typing import Any, ClassVar, override

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.exceptions import HomeAssistantError

from ..bot import Bot
from ..built_in import BUILT_IN_FIELDS
from ..const import ADDRESS_TOGGLE_EVERYTHING, DOMAIN, RECEIPT_WAIT, Origin
from ..devices.belated import Belated
from ..devices.command import Toggle
from ..devices.control import async_switch
from ..devices.expectations import Verification
from ..devices.groups import Groups
from ..devices.restoring import async_restore, async_restore_states
from ..devices.selection import async_attached_entities, async_cut, async_single_out
from ..errors import PartlyFailedError
from ..messaging.message import Message
from ..messaging.microservice import ORDER_DEVICE, Microservice, Result, Stop, datastream


class DeviceMicroservice(Microservice):
    """Turns everything on or off, one message after the other and the newest before those that waited."""

    name: ClassVar = "device"
    order: ClassVar = ORDER_DEVICE

    def __init__(self, bot: Bot) -> None:
        """Initialize the microservice."""
        self._hass = bot.hass
        self._entry = bot.entry
        self._settings = bot.settings
        self._snapshot = bot.snapshot
        self._belated = Belated(bot.hass)
        self._following = bot.following
        self._verification = Verification(bot.hass, bot.bot_id, bot.entry.title, bot.settings.verify_after)
        self._switching = asyncio.Lock()
        self._newest: dict[tuple[str | None, str], Message] = {}
        self._stop_listening: CALLBACK_TYPE

    async def async_start(self) -> Stop:
        """Remember what was on before a restart, and take messages until the returned function is called."""
        await self._snapshot.async_start()
        self._stop_listening = self._following.async_on_turn(self._turned)
        return self._async_stop

    async def _async_stop(self) -> None:
        """Give up the messages that wait for their turn."""
        self._newest.clear()
        self._stop_listening()
        self._verification.async_stop()
        self._belated.async_give_up()
        await self._snapshot.async_stop(forget=self._entry.disabled_by is not None)

    @callback
    def _turned(self) -> None:
        """Leave undone what was left to do because of presence as it was."""
        self._verification.async_drop_reactions()
        self._belated.async_give_up()

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
            task = self._hass.async_create_task(self._async_toggle(toggle, message), f"{DOMAIN} switching")
            del self._newest[matter]
            # A device that hangs must not keep the others from what the next message says.
            await asyncio.wait([task], timeout=RECEIPT_WAIT)
        return await task

    @override
    def diagnostics(self) -> Mapping[str, Any]:
        return {"attached": self._attached(Groups(self._hass)), "remembered": self._snapshot.entity_ids}

    def _attached(self, groups: Groups) -> list[str]:
        return async_attached_entities(self._hass, self._settings.target, self._settings.exclude, groups)

    def _with_members(self, entity_ids: list[str], groups: Groups) -> set[str]:
        """Return groups and what is in them: either may be remembered."""
        return {*entity_ids, *async_single_out(self._hass, entity_ids, groups)}

    def _still_attached(self, entity_ids: Iterable[str]) -> list[str]:
        """Return those that may be asked once more: what was excluded meanwhile is left alone."""
        groups = Groups(self._hass)
        attached = self._with_members(self._attached(groups), groups)
        return [entity_id for entity_id in entity_ids if entity_id in attached]

    async def _async_toggle(self, toggle: Toggle, message: Message) -> dict[str, Any]:
        groups = Groups(self._hass)
        attached = self._attached(groups)
        meant = attached if toggle.is_all else async_cut(self._hass, attached, toggle.target, toggle.domain, groups)
        if toggle.restore:
            all_attached = self._with_members(attached, groups)
            scope = None if toggle.is_all else self._with_members(meant, groups)
            return await self._async_restore(all_attached, scope, message)
        single = async_single_out(self._hass, meant, groups)
        self._belated.async_give_up(single)
        if toggle.remember:
            await self._snapshot.async_remember(single)
        switch = partial(async_switch, self._hass, on=toggle.on, context=message.context)

        def ask(late: list[str]) -> Awaitable[object]:
            return switch(self._still_attached(late))

        is_reaction = message.origin is Origin.PRESENCE
        with (
            self._snapshot.turning_off(() if toggle.on else single),
            self._verification.expecting(meant, on=toggle.on, ask=ask, is_reaction=is_reaction),
        ):
            return await switch(meant)

    async def _async_restore(self, attached: set[str], scope: set[str] | None, message: Message) -> dict[str, Any]:
        recalled = self._snapshot.recall(attached, scope)
        states = {state.entity_id: state for state in (*recalled.states, *recalled.unavailable)}
        now = [state.entity_id for state in recalled.states]

        def restore(late: list[str]) -> Awaitable[object]:
            late_states = [states[entity_id] for entity_id in self._still_attached(late)]
            return async_restore_states(self._hass, late_states, message.context)

        # Nor is to be turned off any more what need not be turned on.
        self._verification.async_expect_nothing({*(attached if scope is None else scope), *recalled.entries})
        self._belated.async_wait([state.entity_id for state in recalled.unavailable], restore)
        is_reaction = message.origin is Origin.PRESENCE
        with (
            self._snapshot.restoring(now),
            self._verification.expecting(now, on=True, ask=restore, is_reaction=is_reaction),
        ):
            try:
                result = await async_restore(self._hass, recalled, message.context)
            except PartlyFailedError:
                await self._snapshot.async_forget(recalled)
                raise
        # Not before: a restart in the midst of it must not lose what is still to be restored.
        await self._snapshot.async_forget(recalled)
        return result
