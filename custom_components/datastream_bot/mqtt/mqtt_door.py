"""The MQTT door: messages between the bots of many homes, over the broker that Home Assistant is connected to."""

from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
import logging
import time
from typing import Any

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_send

from ..messaging.message import Route
from ..messaging.registry import Forward
from ..messaging.router import Router
from ..signals import transport_signal
from .envelope import Sender
from .greeting import Greeting
from .hearing import Hearing
from .link import Link, Payload
from .outbox import Outbox
from .posting import Posting
from .receiving import Receiving
from .roster import MAX_FILES, Roster
from .settings import CONF_KEEP_FOR, CONF_KEEP_MESSAGES
from .topics import membership_of
from .trouble import Trouble
from .voice import Voice

_LOGGER = logging.getLogger(__name__)


class MqttDoor:
    """A bot's way to bots elsewhere, and theirs to it.

    Attributes:
        is_ready: Whether the broker lets the bot speak and listen.

    """

    def __init__(
        self,
        hass: HomeAssistant,
        bot_id: str,
        bot_name: str,
        router: Router,
        *,
        own: Mapping[str, Any],
        limits: Mapping[str, Any],
    ) -> None:
        """Initialize the door of a bot.

        Args:
            hass: Home Assistant.
            bot_id: Id of the bot.
            bot_name: What people call the bot.
            router: Carries the messages.
            own: The settings of the door.
            limits: How many messages a second may come from one home, and how many at once.

        """
        self.is_ready = False
        self._hass = hass
        self._router = router
        self._membership = membership_of(own)
        self._self = Sender(home=self._membership.home, bot=bot_id, name=bot_name)
        self._counts: Counter[str] = Counter()
        self._trouble = Trouble(hass, self._self, self._membership)
        self._is_new = True
        # Only an organization knows more than a few homes.
        self._roster = Roster(hass, bot_id, 1 if self._membership.home else MAX_FILES)
        self._outbox = Outbox(
            hass,
            bot_id,
            (self._membership.organization, self._membership.home),
            max_letters=int(own[CONF_KEEP_MESSAGES]),
            keep_for=own[CONF_KEEP_FOR] * 60,
        )
        self._link = Link(
            hass, self._membership.subscriptions, self._heard, self._connection_changed, self._trouble.missing
        )
        self._voice = Voice(hass, self._self, self._membership, self._link)
        self._greeting = Greeting(hass, self._greet, self._heard_itself, self._trouble.refused)
        self._posting = Posting(
            hass,
            self._self,
            self._membership,
            link=self._link,
            outbox=self._outbox,
            roster=self._roster,
            counts=self._counts,
            voice=self._voice,
            trouble=self._trouble,
        )
        self._receiving = Receiving(
            hass,
            self._self,
            router,
            roster=self._roster,
            counts=self._counts,
            limits=limits,
            voice=self._voice,
            trouble=self._trouble,
        )
        self._hearing = Hearing(
            hass,
            self._self,
            self._membership,
            roster=self._roster,
            counts=self._counts,
            voice=self._voice,
            greeting=self._greeting,
            posting=self._posting,
            receiving=self._receiving,
            trouble=self._trouble,
        )

    async def async_open(self) -> Callable[[], Coroutine[Any, Any, None]]:
        """Send and receive until the returned function is called."""
        await self._roster.async_load(time.time())
        await self._outbox.async_load()
        disconnect = self._router.registry.connect_relay(self._self.bot, self)
        self._posting.async_start()
        close_link = await self._link.async_open()

        async def async_close() -> None:
            disconnect()
            self._greeting.async_end()
            # What is at work is still answered.
            await self._receiving.async_stop()
            await self._voice.async_finish()
            self._posting.async_stop()
            close_link()
            self._hearing.async_stop()
            self._trouble.end()
            await self._outbox.async_save()
            await self._roster.async_save_all()

        return async_close

    @property
    def is_connected(self) -> bool:
        """Return whether the broker lets the bot speak and listen."""
        return self.is_ready

    def resolve(self, route: Route) -> Forward | None:
        """Return what sends a message out along a route, or None when that leads to nobody.

        Raises:
            MessageError: It cannot be sent there.

        """
        topics = self._membership.topics_for(route.scopes, route.homes)
        return partial(self._posting.async_send, topics) if topics else None

    @property
    def kept(self) -> int:
        """Return how many messages wait for the broker."""
        return self._outbox.kept()

    def diagnostics(self) -> dict[str, Any]:
        """Return what the door sees."""
        return {
            "connected": self.is_ready,
            "mqtt_set_up": self._link.is_set_up,
            "organization": self._membership.organization,
            "home": self._membership.home,
            "homes_known": len(self._roster.homes),
            "bots_known": sum(1 for _ in self._roster),
            "bots_silent": sum(peer.is_silent for peer in self._roster),
            "on_their_way": len(self._outbox),
            "kept": self.kept,
            "lost": self._outbox.lost,
            "counts": dict(self._counts),
        }

    @callback
    def _connection_changed(self, is_connected: bool) -> None:  # noqa: FBT001 - it is a callback
        if is_connected:
            self._greeting.async_begin()
            return
        self._greeting.async_end()
        self._set_ready(is_ready=False)

    @callback
    def _heard(self, topic: str, payload: Payload, is_retained: bool) -> None:  # noqa: FBT001 - it is a callback
        self._hearing.async_hear(topic, payload, is_retained)

    @callback
    def _greet(self) -> None:
        self._voice.async_say_hello(self._membership.own_topic, ask=self._is_new)

    @callback
    def _heard_itself(self) -> None:
        self._trouble.not_refused()
        self._set_ready(is_ready=True)
        wants_all = self._membership.home is not None or not any(self._roster.homes)
        self._voice.async_say_hello(self._membership.wide_topic, ask=self._is_new and wants_all)
        self._is_new = False

    def _set_ready(self, *, is_ready: bool) -> None:
        if is_ready == self.is_ready:
            return
        self.is_ready = is_ready
        _LOGGER.info(
            "The MQTT door of %s is connected" if is_ready else "The MQTT door of %s is not connected any more",
            self._self.name,
        )
        self._posting.async_set_ready(is_ready=is_ready)
        async_dispatcher_send(self._hass, transport_signal(self._self.bot))
