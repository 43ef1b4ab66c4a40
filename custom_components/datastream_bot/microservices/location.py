"""The location microservice: reacts to presence, and notifies people."""

from collections.abc import Mapping
import logging
from typing import Any, ClassVar, override

from homeassistant.core import Context, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.sun import is_up

from ..bot import Bot
from ..built_in import BUILT_IN_FIELDS
from ..const import ADDRESS_SEND_PUSH_NOTIFICATION, ADDRESS_TOGGLE_EVERYTHING, DOMAIN, Origin, Reaction
from ..messaging.message import Message
from ..messaging.microservice import ORDER_LOCATION, Microservice, Result, Stop, datastream
from ..messaging.receipt import Receipt
from ..presence.persons import Presence
from .notification import async_notify

_LOGGER = logging.getLogger(__name__)


class LocationMicroservice(Microservice):
    """Turns everything off when the last person leaves, and on when the first one returns."""

    name: ClassVar = "location"
    order: ClassVar = ORDER_LOCATION

    def __init__(self, bot: Bot) -> None:
        """Initialize the microservice."""
        self._bot = bot
        self._hass = bot.hass
        self._settings = bot.settings
        self._last_reaction: Receipt | None = None
        self._is_stopped = False

    async def async_start(self) -> Stop:
        """Follow presence until the returned function is called."""
        self._bot.following.async_start(self._async_edge)
        return self._async_stop

    async def _async_stop(self) -> None:
        self._is_stopped = True
        await self._bot.following.async_stop(forget=self._bot.entry.disabled_by is not None)

    @datastream(ADDRESS_SEND_PUSH_NOTIFICATION, BUILT_IN_FIELDS[ADDRESS_SEND_PUSH_NOTIFICATION])
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
            **self._bot.following.diagnostics(),
            "last_reaction": None if self._last_reaction is None else self._last_reaction.as_dict(),
        }

    @callback
    def _async_edge(self, presence: Presence, context: Context | None) -> None:
        """React to everyone having left, or the first one having returned."""
        content = self._reaction_to(presence)
        self._hass.async_create_task(
            self._async_react(presence, content, context), f"{DOMAIN} {presence}", eager_start=False
        )

    def _reaction_to(self, presence: Presence) -> dict[str, Any] | None:
        """Return the content of the message that is to be sent, or None for none."""
        settings = self._settings
        restores = settings.on_returning is Reaction.RESTORE
        if not self._bot.following.is_reacting:
            return None
        if presence is Presence.AWAY:
            if settings.on_leaving is Reaction.NOTHING:
                return None
            return {"on": False, "remember": True} if restores else {"on": False}
        if settings.on_returning is Reaction.NOTHING or (settings.only_when_dark and is_up(self._hass)):
            return None
        return {"on": True, "restore": True} if restores else {"on": True}

    async def _async_react(self, presence: Presence, content: dict[str, Any] | None, context: Context | None) -> None:
        if content is not None:
            await self._async_send(content, context)
        elif presence is Presence.HOME and self._settings.on_returning is Reaction.RESTORE:
            # From now on it is the people who say what is on.
            await self._bot.snapshot.async_forget()
        if not self._is_stopped:
            self._bot.following.async_save()

    async def _async_send(self, content: dict[str, Any], context: Context | None) -> None:
        # The bot reacts, not the person: the rights of a phone's user do not decide what happens to the lights.
        cause = Context(id=context.id, parent_id=context.parent_id) if context else None
        try:
            self._last_reaction = await self._bot.async_distribute_datastream_message(
                ADDRESS_TOGGLE_EVERYTHING, content, external=False, origin=Origin.PRESENCE, context=cause
            )
        except HomeAssistantError as err:
            _LOGGER.warning("The reaction of %s to presence was refused: %s", self._bot.entry.title, err)
