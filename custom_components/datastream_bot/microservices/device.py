"""The device microservice: toggles the entities that a bot is attached to."""

import asyncio
from collections.abc import AsyncIterator, Collection, Hashable, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError

from ..const import ADDRESS_TOGGLE_EVERYTHING, DOMAIN, ORIGIN_PRESENCE, RECEIPT_WAIT
from ..devices.attachment import Attachment
from ..devices.command import Toggle
from ..devices.confirmation import Confirmation
from ..devices.control import async_restore, async_switch
from ..devices.domains import DOMAINS, is_on, unavailable_among
from ..devices.expectations import Expectations
from ..devices.groups import Groups
from ..devices.memory import LEAVING, Memory
from ..devices.selection import async_not_found, async_selected, async_ungrouped
from ..devices.snapshot import Recalled
from ..errors import PartlyFailedError
from ..messaging.field_types import FieldType
from ..messaging.message import Message
from ..messaging.microservice import Microservice, Result, datastream
from ..messaging.schema import Field
from ..rights import async_split_by_permission
from ..settings import Settings
from . import ORDER_DEVICE

NOT_ALLOWED: Final = "not allowed"
"""The error of entities that the user may not switch."""

_CONFIRMED_WITHIN: Final = 1.0
"""Seconds that what was asked has to become as wanted, once the calls are over."""

_REPORTED_WITHIN: Final = RECEIPT_WAIT - 0.25
"""Seconds after which the sender is told, before the receipt would say that it is still running."""

TOGGLE_EVERYTHING_FIELDS: Final = (
    Field(name="on", type=FieldType.BOOLEAN, required=True, description="On, or off."),
    Field(name="target", type=FieldType.OBJECT, description="Only these, such as area_id: kitchen."),
    Field(name="domain", type=FieldType.CHOICE, limits=", ".join(DOMAINS), description="Only entities of this domain."),
    Field(name="remember", type=FieldType.BOOLEAN, description="With off: remember what was on, for restore."),
    Field(name="restore", type=FieldType.BOOLEAN, description="With on: only what was remembered, as it was."),
    Field(name="memory", type=FieldType.TEXT, description="With remember or restore: the occasion, such as film."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What was done for a message when all calls are over.

    Attributes:
        entity_ids: Entity ids of what was asked, and answered without an error.
        left_alone: What the result tells of what was not asked: entity ids by the reason.
        failed: The error of each that failed, or that the user may not switch.
        groups: The groups of that time.

    """

    entity_ids: list[str]
    left_alone: Mapping[str, Any]
    failed: Mapping[str, str]
    groups: Groups


class DeviceMicroservice(Microservice):
    """Turns entities on or off, one message after the other; of those that wait, the newest counts.

    Attributes:
        attachment: What it may switch.
        memory: What was on.

    """

    name = "device"
    order = ORDER_DEVICE

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any], settings: Settings) -> None:
        """Initialize the microservice."""
        self._hass = hass
        self.attachment = Attachment(hass, settings.target, settings.exclude)
        self.memory = Memory(hass, entry.entry_id, settings.remember_for)
        self._expectations = Expectations(hass, entry, settings.verify_after, self._still_attached)
        self._confirmation = Confirmation(hass)
        self._switching = asyncio.Lock()
        self._newest: dict[Hashable, Message] = {}

    async def async_start(self) -> None:
        """Load what was on before a restart, and follow what is attached."""
        await self.memory.async_start()
        self.attachment.async_start()

    async def async_stop(self, *, forget: bool) -> None:
        """Give up the messages that wait for their turn.

        Args:
            forget: Do not restore later, perhaps after weeks, what was on.

        """
        self._newest.clear()
        self.attachment.async_stop()
        self._expectations.async_stop()
        await self.memory.async_stop(forget=forget)

    @callback
    def async_supersede(self, message_id: str | None) -> None:
        """Leave undone what is still to be done because of a message that presence has overtaken."""
        self._expectations.async_supersede(message_id)

    @callback
    def to_be_turned_on(self, *, restore: bool) -> list[str]:
        """Return the entity ids of what is off and would be turned on, or of that what would be restored."""
        groups = Groups(self._hass)
        attached = self.attachment.entity_ids(groups)
        if restore:
            snapshot = self.memory.snapshot_of(LEAVING)
            recalled = snapshot.recall(self._with_members(attached, groups), set(snapshot.entity_ids))
            return [state.entity_id for state in (*recalled.states, *recalled.unavailable)]
        ungrouped = async_ungrouped(self._hass, attached, groups)
        return [entity_id for entity_id in ungrouped if not is_on(self._hass.states.get(entity_id))]

    async def async_forget(self) -> None:
        """Forget what was on when everyone left."""
        await self.memory.snapshot_of(LEAVING).async_forget()

    @datastream(ADDRESS_TOGGLE_EVERYTHING, TOGGLE_EVERYTHING_FIELDS)
    async def toggle_everything(self, message: Message) -> Result:
        """Turn what the message selects on or off, as `on` says.

        Returns:
            `on`, the entity ids that were `switched`, those that were asked and have `not_reached` it, and those that
            were left alone, by the reason: `unavailable`, and with `restore` also `changed`, `gone` or `expired`.

        Raises:
            PartlyFailedError: Some failed, or the user may not switch them. Its result has them with their errors.
            HomeAssistantError: It could not be written down what is on, so nothing was turned off.

        """
        began = self._hass.loop.time()
        toggle = Toggle.from_content(message.content)
        # Only among messages of one user about the same does the newest count: no message may keep somebody else's from
        # being carried out.
        subject = (message.context.user_id, toggle.subject)
        self._newest[subject] = message
        async with self._switching:
            if (newest := self._newest.get(subject)) is None:
                raise HomeAssistantError(translation_domain=DOMAIN, translation_key="bot_unloaded")
            if newest is not message:
                return {"superseded_by": newest.message_id}
            task = self._hass.async_create_task(self._async_toggle(toggle, message), f"{DOMAIN} switching")
            del self._newest[subject]
            # A device that hangs must not keep the others from what the next message says.
            await asyncio.wait([task], timeout=RECEIPT_WAIT)
        asked = await task
        # The next message may begin meanwhile.
        within = min(_CONFIRMED_WITHIN, began + _REPORTED_WITHIN - self._hass.loop.time())
        switched, not_reached = await self._confirmation.async_confirm(
            asked.entity_ids, asked.groups, on=toggle.on, within=within
        )
        result = {"on": toggle.on, "switched": switched, "not_reached": not_reached, **asked.left_alone}
        if asked.failed:
            raise PartlyFailedError(translation_key="not_switched", errors=asked.failed, result=result)
        return result

    @override
    async def async_preview(self, message: Message) -> Result:
        """Return what would be switched and remembered, and what would be left alone, by the reason."""
        toggle, groups = Toggle.from_content(message.content), Groups(self._hass)
        attached, selected = self._chosen(toggle, groups)
        if toggle.restore:
            recalled, _, not_allowed = await self._async_recall(toggle, attached, selected, groups, message)
            would = {"would_switch": sorted(state.entity_id for state in recalled.states), **_left_alone(recalled)}
        else:
            allowed, not_allowed = await async_split_by_permission(self._hass, selected, message.context)
            unavailable = unavailable_among(self._hass, allowed)
            would = {
                "would_switch": [one for one in allowed if one not in unavailable],
                "unavailable": sorted(unavailable),
            }
            if toggle.remember:
                ungrouped = async_ungrouped(self._hass, allowed, groups)
                would["would_remember"] = [one for one in ungrouped if is_on(self._hass.states.get(one))]
        unselected = await self._async_unselected(toggle, selected, message)
        return {"on": toggle.on, **would, "not_allowed": not_allowed, **unselected}

    @override
    def diagnostics(self) -> Mapping[str, Any]:
        return {"attached": self.attached(), "remembered": self.memory.diagnostics()}

    def attached(self) -> list[str]:
        """Return the entity ids of what the bot is attached to now."""
        return self.attachment.entity_ids(Groups(self._hass))

    def _with_members(self, entity_ids: list[str], groups: Groups) -> set[str]:
        """Return entities and the members of groups among them: either may have been remembered."""
        return {*entity_ids, *async_ungrouped(self._hass, entity_ids, groups)}

    def _still_attached(self, entity_ids: Collection[str]) -> list[str]:
        """Return those that may still be switched: what was excluded meanwhile is left alone."""
        groups = Groups(self._hass)
        attached = self._with_members(self.attachment.entity_ids(groups), groups)
        return [entity_id for entity_id in entity_ids if entity_id in attached]

    async def _async_toggle(self, toggle: Toggle, message: Message) -> _Asked:
        groups = Groups(self._hass)
        attached, selected = self._chosen(toggle, groups)
        if toggle.restore:
            asked = await self._async_restore(toggle, attached, selected, groups, message)
        else:
            asked = await self._async_switch(toggle, selected, groups, message)
        unselected = await self._async_unselected(toggle, selected, message)
        return replace(asked, left_alone={**asked.left_alone, **unselected})

    def _chosen(self, toggle: Toggle, groups: Groups) -> tuple[list[str], list[str]]:
        """Return what the bot is attached to, and what of it a command means."""
        attached = self.attachment.entity_ids(groups)
        if toggle.is_all:
            return attached, attached
        return attached, async_selected(self._hass, attached, toggle.target, toggle.domain, groups)

    async def _async_unselected(self, toggle: Toggle, selected: list[str], message: Message) -> dict[str, Any]:
        """Return what the result says of a command that selects nothing, or names entities that do not exist.

        Who may not know of an entity is not told that there is none.
        """
        if toggle.is_all:
            return {}
        unselected: dict[str, Any] = {} if selected else {"nothing_selected": True}
        context = message.context
        if context.user_id is not None or message.envelope.entrance is None:
            named = async_not_found(self._hass, toggle.target)
            not_found, _ = await async_split_by_permission(self._hass, named, context)
            unselected |= {"not_found": not_found} if not_found else {}
        return unselected

    async def _async_switch(self, toggle: Toggle, selected: list[str], groups: Groups, message: Message) -> _Asked:
        """Turn entities on or off.

        Raises:
            HomeAssistantError: It could not be written down what is on, so nothing was turned off.

        """
        context = message.context
        allowed, not_allowed = await async_split_by_permission(self._hass, selected, context)
        members = async_ungrouped(self._hass, allowed, groups)
        ungrouped, _ = await async_split_by_permission(self._hass, members, context)
        self._expectations.async_drop(ungrouped)
        asking = nullcontext if toggle.on else partial(self._turning_off, toggle, message)
        async with asking(ungrouped):
            self._confirmation.async_want(ungrouped, on=toggle.on)
            unavailable = unavailable_among(self._hass, {*allowed, *ungrouped})
            available = [entity_id for entity_id in allowed if entity_id not in unavailable]
            deferred = unavailable.intersection(ungrouped)
            with self._expectations.expecting(ungrouped, deferred, on=toggle.on, context=context, asking=asking):
                errors = await async_switch(self._hass, available, on=toggle.on, context=context)
        failed = dict.fromkeys(not_allowed, NOT_ALLOWED) | errors
        return _Asked(
            entity_ids=[entity_id for entity_id in available if entity_id not in failed],
            left_alone={"unavailable": sorted(unavailable.intersection(allowed))},
            failed=failed,
            groups=groups,
        )

    @asynccontextmanager
    async def _turning_off(self, toggle: Toggle, message: Message, entity_ids: Collection[str]) -> AsyncIterator[None]:
        """Remember what is on if that is wanted, and count entities as off soon inside this context.

        Raises:
            HomeAssistantError: It could not be written down what is on.

        """
        if toggle.remember:
            snapshot = self.memory.snapshot_of(_occasion(toggle, message))
            # When everyone has left, all is turned off in any case.
            if not await snapshot.async_remember(entity_ids) and not _is_reaction(message):
                snapshot.forget_on(entity_ids)
                raise HomeAssistantError(translation_domain=DOMAIN, translation_key="not_remembered")
        with self.memory.turning_off(entity_ids):
            yield

    async def _async_restore(
        self, toggle: Toggle, attached: list[str], selected: list[str], groups: Groups, message: Message
    ) -> _Asked:
        """Turn entities on again as they were.

        Left alone is what somebody has `changed`, what is `unavailable` or `gone`, and what was remembered for so long
        that it has `expired`.
        """
        context, snapshot = message.context, self.memory.snapshot_of(_occasion(toggle, message))
        recalled, allowed, not_allowed = await self._async_recall(toggle, attached, selected, groups, message)
        states = {state.entity_id: state for state in recalled.states}
        unavailable = [state.entity_id for state in recalled.unavailable]
        # What is to stay on need not be turned off any more.
        self._expectations.async_drop(allowed)
        wanted = states | {state.entity_id: state for state in recalled.unavailable}
        self._confirmation.async_want(states, on=True)
        with (
            snapshot.restoring(states),
            self._expectations.expecting(
                wanted, unavailable, on=True, context=context, asking=nullcontext, states=wanted
            ),
        ):
            errors = await async_restore(self._hass, states.values(), context)
        # Not before: a restart in the middle must not lose what is still to be restored.
        await snapshot.async_restored(recalled.entries, failed={*errors, *unavailable})
        return _Asked(
            entity_ids=sorted(states.keys() - errors.keys()),
            left_alone=_left_alone(recalled),
            failed=dict.fromkeys(not_allowed, NOT_ALLOWED) | errors,
            groups=groups,
        )

    async def _async_recall(
        self, toggle: Toggle, attached: list[str], selected: list[str], groups: Groups, message: Message
    ) -> tuple[Recalled, list[str], list[str]]:
        """Return what there is to restore, what the user may switch, and what is remembered that the user may not."""
        snapshot = self.memory.snapshot_of(_occasion(toggle, message))
        remembered, with_members = snapshot.entity_ids, self._with_members(attached, groups)
        meant = {*with_members, *remembered} if toggle.is_all else self._with_members(selected, groups)
        allowed, not_allowed = await async_split_by_permission(self._hass, meant, message.context)
        recalled = snapshot.recall(with_members, set(allowed))
        return recalled, allowed, [entity_id for entity_id in remembered if entity_id in not_allowed]


def _left_alone(recalled: Recalled) -> dict[str, list[str]]:
    """Return what is not restored, by the reason."""
    return {
        "unavailable": sorted(state.entity_id for state in recalled.unavailable),
        "changed": sorted(recalled.changed),
        "gone": sorted(recalled.gone),
        "expired": sorted(recalled.expired),
    }


def _is_reaction(message: Message) -> bool:
    """Return whether presence is what sent a message."""
    return message.envelope.origin == ORIGIN_PRESENCE


def _occasion(toggle: Toggle, message: Message) -> str | None:
    return LEAVING if _is_reaction(message) else toggle.memory
