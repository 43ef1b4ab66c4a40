"""The location microservice: reacts to presence, and notifies people."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from itertools import batched
import logging
from typing import Any, Final, Protocol, override

from homeassistant.components import persistent_notification
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.start import async_at_started
from homeassistant.helpers.sun import is_up

from ..const import ADDRESS_SEND_PUSH_NOTIFICATION, ADDRESS_TOGGLE_EVERYTHING, DOMAIN, ORIGIN_PRESENCE, Reaction
from ..errors import printable
from ..messaging.dispatch import Dispatch
from ..messaging.field_types import FieldType
from ..messaging.message import Message
from ..messaging.microservice import Microservice, Result, datastream
from ..messaging.receipt import Receipt
from ..messaging.schema import Field
from ..presence.persons import Presence
from ..presence.tracker import BegunReaction, Edge, PresenceTracker
from ..settings import Settings, resolve_entity_ids
from . import ORDER_LOCATION
from .notification import OwnNotifications, async_notify

_LOGGER = logging.getLogger(__name__)

_KNOWN_AFTER: Final = 10.0
"""Seconds after the start of Home Assistant within which devices tell their states; until then some claim to be off."""

_AT_ONCE: Final = 300
"""How many entities a message names at most, so that its content is not too long."""

SEND_PUSH_NOTIFICATION_FIELDS: Final = (
    Field(name="message", type=FieldType.TEXT, required=True, description="What to say."),
    Field(name="title", type=FieldType.TEXT, description="What it is about."),
    Field(name="data", type=FieldType.OBJECT, description="What else the notification may carry."),
)


class Send(Protocol):
    """Sends a message as the bot."""

    def __call__(
        self, address: str, content: object, *, external: bool, origin: str, context: Context | None
    ) -> Awaitable[Dispatch]:
        """Send a message on its way."""


class Devices(Protocol):
    """What a bot is attached to."""

    def async_supersede(self, message_id: str | None) -> None:
        """Leave undone what is still to be done because of a message that presence has overtaken."""

    def to_be_turned_on(self, *, restore: bool) -> list[str]:
        """Return the entity ids of what is off and would be turned on, or of that what would be restored."""

    async def async_forget(self) -> None:
        """Forget what was on when everyone left."""


class LocationMicroservice(Microservice):
    """Turns everything off when the last person leaves, and on when the first one returns."""

    name = "location"
    order = ORDER_LOCATION

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry[Any],
        settings: Settings,
        tracker: PresenceTracker,
        *,
        send: Send,
        devices: Devices,
    ) -> None:
        """Initialize the microservice.

        Args:
            hass: Home Assistant.
            entry: Config entry of the bot.
            settings: Those of the bot.
            tracker: Follows presence.
            send: Sends a message as the bot.
            devices: What the bot is attached to.

        """
        self._hass = hass
        self._entry = entry
        self._settings = settings
        self._notifications = OwnNotifications(hass, entry)
        self._tracker = tracker
        self._send = send
        self._devices = devices
        self._message_id: str | None = None
        self._last_reaction: Receipt | None = None
        self._was_reacting = True
        self._is_stopped = False
        self._known_at = 0.0
        self._stop_waiting: CALLBACK_TYPE | None = None
        self._disconnect: CALLBACK_TYPE

    async def async_start(self) -> None:
        """Start to react to presence."""
        self._stop_waiting = None if self._hass.is_running else async_at_started(self._hass, self._started)
        self._disconnect = self._tracker.async_connect(self._presence_changed)
        await self._tracker.async_start()

    async def async_stop(self, *, forget: bool) -> None:
        """Stop to react.

        Args:
            forget: Do not react later, perhaps after weeks, to what happens from now on.

        """
        self._is_stopped = True
        if self._stop_waiting is not None:
            self._stop_waiting()
        self._disconnect()
        await self._tracker.async_stop(forget=forget)

    @datastream(ADDRESS_SEND_PUSH_NOTIFICATION, SEND_PUSH_NOTIFICATION_FIELDS)
    async def send_push_notification(self, message: Message) -> Result:
        """Notify the chosen devices of `message`, with `title` and `data` where given."""
        if self._settings.notify:
            return await async_notify(self._hass, self._settings.notify, message)
        return self._notifications.show(message)

    @override
    async def async_preview(self, message: Message) -> Result:
        """Return whom it would notify."""
        ids = resolve_entity_ids(self._hass, self._settings.notify)
        return {"would_notify": ids or [persistent_notification.DOMAIN]}

    @override
    def diagnostics(self) -> Mapping[str, Any]:
        return {
            **self._tracker.diagnostics(),
            "last_reaction": None if self._last_reaction is None else self._last_reaction.as_dict(),
        }

    @callback
    def _started(self, _: HomeAssistant) -> None:
        """Note when it will be known what is on, which is to be remembered before it is turned off."""
        self._stop_waiting = None
        self._known_at = self._hass.loop.time() + _KNOWN_AFTER

    @callback
    def _presence_changed(self, edge: Edge | None) -> None:
        was_reacting, self._was_reacting = self._was_reacting, self._tracker.is_reacting
        if edge is not None or (was_reacting and not self._was_reacting):
            self._devices.async_supersede(self._message_id)
        if edge is not None:
            self._hass.async_create_task(self._async_react(edge), f"{DOMAIN} {edge.presence}", eager_start=False)

    async def _async_react(self, edge: Edge) -> None:
        """React to an edge. What is about to be done is stored first: after a crash it is finished or undone."""
        if self._is_stopped:
            return
        reaction, contents = self._plan(edge)
        if contents:
            await self._tracker.async_begin(reaction)
            if edge.presence is Presence.AWAY:
                await asyncio.sleep(self._known_at - self._hass.loop.time())
        for content in contents:
            if self._is_current(reaction):
                await self._async_toggle(content, edge.context)
        if not self._is_current(reaction):
            return
        self._tracker.begun = None
        # Nothing is to be restored any more, or people say what is on from now on.
        if self._settings.on_returning != Reaction.RESTORE or (edge.presence is Presence.HOME and not contents):
            await self._devices.async_forget()
        await self._tracker.async_save()

    def _is_current(self, reaction: BegunReaction) -> bool:
        """Return whether neither presence has overtaken a reaction, nor a bot that was loaded anew goes on with it."""
        return not self._is_stopped and self._tracker.begun is reaction

    def _plan(self, edge: Edge) -> tuple[BegunReaction, list[dict[str, Any]]]:
        """Return the reaction to an edge, and the contents of its messages; of none when there is nothing to do."""
        reaction, interrupted = edge.reaction, edge.interrupted
        if not self._tracker.is_reacting:
            return reaction, []
        is_opposite = interrupted is not None and interrupted.presence is not edge.presence
        if interrupted is not None and is_opposite and self._does_nothing(edge.presence):
            undoing = _undoing(interrupted)
            return (interrupted, undoing) if undoing else (reaction, [])
        if (content := self.content_for(edge.presence)) is None:
            return reaction, []
        if edge.presence is Presence.HOME:
            before = () if interrupted is None or is_opposite else interrupted.entity_ids
            turned_on = self._devices.to_be_turned_on(restore="restore" in content)
            reaction = replace(reaction, entity_ids=sorted({*before, *turned_on}))
        return reaction, [content]

    def _does_nothing(self, presence: Presence) -> bool:
        settings = self._settings
        setting = settings.on_leaving if presence is Presence.AWAY else settings.on_returning
        return setting == Reaction.NOTHING

    def content_for(self, presence: Presence) -> dict[str, Any] | None:
        """Return the content of the message that an edge leads to, or None when there is nothing to do."""
        if self._does_nothing(presence):
            return None
        if presence is Presence.AWAY:
            # Remembered in any case, for when turning off is interrupted.
            return {"on": False, "remember": True}
        if self._settings.only_when_dark and is_up(self._hass):
            return None
        restores = self._settings.on_returning == Reaction.RESTORE
        return {"on": True, "restore": True} if restores else {"on": True}

    async def _async_toggle(self, content: dict[str, Any], context: Context | None) -> None:
        # The bot reacts, not the person: the rights of a phone's user do not decide what happens to the lights.
        cause = Context(id=context.id, parent_id=context.parent_id) if context else None
        try:
            dispatch = await self._send(
                ADDRESS_TOGGLE_EVERYTHING, content, external=False, origin=ORIGIN_PRESENCE, context=cause
            )
        except HomeAssistantError as err:
            _LOGGER.warning("The reaction of %s to presence was refused: %s", self._entry.title, printable(str(err)))
            return
        self._message_id = dispatch.message.message_id
        self._last_reaction = await dispatch.async_receipt()


def _undoing(reaction: BegunReaction) -> list[dict[str, Any]]:
    """Return the contents of the messages that put back what a reaction turned off or on."""
    if reaction.presence is Presence.AWAY:
        return [{"on": True, "restore": True}]
    batches = batched(reaction.entity_ids, _AT_ONCE, strict=False)
    return [{"on": False, "target": {"entity_id": [*batch]}} for batch in batches]
