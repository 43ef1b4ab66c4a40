"""The location microservice: reacts to presence, and notifies people."""

from collections.abc import Awaitable, Callable, Mapping
import logging
from typing import Any, ClassVar, Final, Protocol, override

from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.sun import is_up

from ..const import ADDRESS_SEND_PUSH_NOTIFICATION, ADDRESS_TOGGLE_EVERYTHING, DOMAIN, ORIGIN_PRESENCE, Reaction
from ..messaging.message import Message
from ..messaging.microservice import Microservice, Result, datastream
from ..messaging.receipt import Receipt
from ..messaging.router import Dispatch
from ..messaging.schema import Field, FieldType
from ..presence.persons import Presence
from ..presence.tracker import Edge, PresenceTracker
from ..settings import Settings
from . import ORDER_LOCATION
from .notification import async_notify

_LOGGER = logging.getLogger(__name__)

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


class LocationMicroservice(Microservice):
    """Turns everything off when the last person leaves, and on when the first one returns."""

    name: ClassVar = "location"
    order: ClassVar = ORDER_LOCATION

    def __init__(
        self,
        hass: HomeAssistant,
        bot_name: str,
        settings: Settings,
        tracker: PresenceTracker,
        *,
        send: Send,
        supersede: Callable[[str | None], None],
        forget: Callable[[], Awaitable[None]],
    ) -> None:
        """Initialize the microservice.

        Args:
            hass: Home Assistant.
            bot_name: What people call the bot.
            settings: Those of the bot.
            tracker: Follows presence.
            send: Sends a message as the bot.
            supersede: Is called with the id of the message of a reaction that presence has overtaken.
            forget: Forgets what was on when everyone left.

        """
        self._hass = hass
        self._bot_name = bot_name
        self._settings = settings
        self._tracker = tracker
        self._send = send
        self._supersede = supersede
        self._forget = forget
        self._message_id: str | None = None
        self._last_reaction: Receipt | None = None
        self._was_reacting = True
        self._is_stopped = False
        self._disconnect: CALLBACK_TYPE

    async def async_start(self) -> None:
        """Start to react to presence."""
        self._disconnect = self._tracker.async_connect(self._presence_changed)
        self._tracker.async_start()

    async def async_stop(self, *, forget: bool) -> None:
        """Stop to react.

        Args:
            forget: Do not react later, perhaps after weeks, to what happens from now on.

        """
        self._is_stopped = True
        self._disconnect()
        await self._tracker.async_stop(forget=forget)

    @datastream(ADDRESS_SEND_PUSH_NOTIFICATION, SEND_PUSH_NOTIFICATION_FIELDS)
    async def send_push_notification(self, message: Message) -> Result:
        """Notify the chosen devices of `message`, with `title` and `data` where given."""
        content = message.content
        return await async_notify(
            self._hass,
            self._settings.notify,
            message=content["message"],
            title=content.get("title"),
            data=content.get("data", {}),
            context=message.context,
        )

    @override
    def diagnostics(self) -> Mapping[str, Any]:
        return {
            **self._tracker.diagnostics(),
            "last_reaction": None if self._last_reaction is None else self._last_reaction.as_dict(),
        }

    @callback
    def _presence_changed(self, edge: Edge | None) -> None:
        was_reacting, self._was_reacting = self._was_reacting, self._tracker.is_reacting
        if edge is not None or (was_reacting and not self._was_reacting):
            self._supersede(self._message_id)
        if edge is not None:
            reaction = self._async_react(edge, self._content_for(edge.presence))
            self._hass.async_create_task(reaction, f"{DOMAIN} {edge.presence}", eager_start=False)

    def _content_for(self, presence: Presence) -> dict[str, Any] | None:
        """Return the content of the message that an edge leads to, or None when there is nothing to do."""
        settings = self._settings
        restores = settings.on_returning == Reaction.RESTORE
        if not self._tracker.is_reacting:
            return None
        if presence is Presence.AWAY:
            if settings.on_leaving == Reaction.NOTHING:
                return None
            return {"on": False, "remember": True} if restores else {"on": False}
        if settings.on_returning == Reaction.NOTHING or (settings.only_when_dark and is_up(self._hass)):
            return None
        return {"on": True, "restore": True} if restores else {"on": True}

    async def _async_react(self, edge: Edge, content: dict[str, Any] | None) -> None:
        if content is not None:
            await self._async_toggle(content, edge.context)
        elif edge.presence is Presence.HOME and self._settings.on_returning == Reaction.RESTORE:
            # From now on people say what is on.
            await self._forget()
        if not self._is_stopped:
            self._tracker.async_save()

    async def _async_toggle(self, content: dict[str, Any], context: Context | None) -> None:
        # The bot reacts, not the person: the rights of a phone's user do not decide what happens to the lights.
        cause = Context(id=context.id, parent_id=context.parent_id) if context else None
        try:
            dispatch = await self._send(
                ADDRESS_TOGGLE_EVERYTHING, content, external=False, origin=ORIGIN_PRESENCE, context=cause
            )
        except HomeAssistantError as err:
            _LOGGER.warning("The reaction of %s to presence was refused: %s", self._bot_name, err)
            return
        self._message_id = dispatch.message.message_id
        self._last_reaction = await dispatch.async_receipt()
