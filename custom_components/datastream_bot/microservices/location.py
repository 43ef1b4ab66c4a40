"""The location microservice: reacts to presence, and notifies people."""

import asyncio
from collections.abc import Mapping
import logging
from typing import Any, ClassVar, Final, TypedDict, override

from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.storage import Store

from ..bot import Bot
from ..built_in import BUILT_IN_FIELDS
from ..const import (
    ADDRESS_SEND_PUSH_NOTIFICATION,
    ADDRESS_TOGGLE_EVERYTHING,
    CONF_NOTIFY,
    CONF_ON_LEAVING,
    CONF_ON_RETURNING,
    CONF_PERSONS,
    DOMAIN,
    Origin,
    Reaction,
)
from ..message import Message
from ..microservice import ORDER_LOCATION, Microservice, Result, datastream
from ..notification import async_notify
from ..presence import Presence, async_track_presence
from ..receipt import Receipt

_LOGGER = logging.getLogger(__name__)

STORAGE_VERSION: Final = 1


class StoredPresence(TypedDict):
    """The presence that was last sure, and of whom."""

    persons: list[str]
    presence: str


def presence_store(hass: HomeAssistant, bot_id: str) -> Store[StoredPresence]:
    """Return where a bot remembers presence."""
    return Store(hass, STORAGE_VERSION, f"{DOMAIN}.{bot_id}")


class LocationMicroservice(Microservice):
    """Turns everything off when the last person leaves, and on when the first one returns."""

    name: ClassVar = "location"
    order: ClassVar = ORDER_LOCATION

    def __init__(self, bot: Bot) -> None:
        """Initialize the microservice."""
        self._bot = bot
        self._hass = bot.hass
        self._data = bot.entry.data
        self._persons: list[str] = self._data[CONF_PERSONS]
        self._presence: Presence | None = None
        self._last_reaction: Receipt | None = None
        self._is_stopped = False
        self._saving: asyncio.Task[None] | None = None
        self._stop_tracking: CALLBACK_TYPE
        self._store = presence_store(bot.hass, bot.bot_id)

    async def async_start(self) -> None:
        """Follow presence.

        The presence remembered from before is what the first one is compared with, so that everyone leaving while
        Home Assistant restarts is noticed. That of other persons says nothing.
        """
        stored = await self._store.async_load()
        if stored is not None and stored["persons"] == self._persons:
            self._presence = Presence(stored["presence"])
        self._stop_tracking = async_track_presence(self._hass, self._persons, self._presence_updated)

    async def async_stop(self) -> None:
        """Follow presence no longer, and leave nothing half stored."""
        self._stop_tracking()
        self._is_stopped = True
        if self._saving is not None:
            await self._saving
        if self._bot.entry.disabled_by:
            # What happens while a bot is disabled is not to be acted on when it is enabled, perhaps weeks later.
            await self._store.async_remove()

    @datastream(ADDRESS_SEND_PUSH_NOTIFICATION, BUILT_IN_FIELDS[ADDRESS_SEND_PUSH_NOTIFICATION])
    async def send_push_notification(self, message: Message) -> Result:
        """Notify the chosen devices of `message`, with `title` and `data` where given."""
        content = message.content
        return await async_notify(
            self._hass,
            self._data[CONF_NOTIFY],
            message=content["message"],
            title=content.get("title"),
            data=content.get("data", {}),
            context=message.context,
        )

    @override
    def diagnostics(self) -> Mapping[str, Any]:
        return {
            "presence": self._presence,
            "last_reaction": None if self._last_reaction is None else self._last_reaction.as_dict(),
        }

    @callback
    def _presence_updated(self, presence: Presence, context: Context | None) -> None:
        """React to an edge: from home to away, or back; unsure is neither."""
        if presence in (Presence.UNSURE, self._presence):
            return
        is_edge = self._presence is not None
        self._presence = presence
        reaction = self._data[CONF_ON_LEAVING if presence is Presence.AWAY else CONF_ON_RETURNING]
        if is_edge and reaction != Reaction.NOTHING:
            self._hass.async_create_task(
                self._async_react(on=reaction == Reaction.ON, context=context),
                f"{DOMAIN} {presence}",
                eager_start=False,
            )
        else:
            self._save()

    async def _async_react(self, *, on: bool, context: Context | None) -> None:
        # The bot reacts, not the person: the rights of a phone's user do not decide what happens to the lights.
        cause = Context(id=context.id, parent_id=context.parent_id) if context else None
        try:
            self._last_reaction = await self._bot.async_distribute_datastream_message(
                ADDRESS_TOGGLE_EVERYTHING, {"on": on}, external=False, origin=Origin.PRESENCE, context=cause
            )
        except HomeAssistantError as err:
            _LOGGER.warning("The reaction of %s to presence was refused: %s", self._bot.entry.title, err)
        # Not before: what a reload or a restart interrupts is done again.
        if not self._is_stopped:
            self._save()

    @callback
    def _save(self) -> None:
        self._saving = self._hass.async_create_task(
            self._store.async_save({"persons": self._persons, "presence": str(self._presence)}), f"{DOMAIN} save"
        )
