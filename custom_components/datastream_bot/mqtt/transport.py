"""The transport: keeps a bot connected to its broker, passes on what comes, and tells what is wrong."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
import logging
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.importlib import async_import_module

from ..bot import Bot
from ..const import DOMAIN
from ..errors import MessageError
from ..issues import async_create_issue, async_delete_issue
from ..messaging.router import Router
from ..signals import transport_signal
from .payload import Packet, Status
from .peers import Peer, Peers
from .receiver import Receiver
from .sender import Sender
from .settings import BrokerChoice, BrokerError, MqttSettings, Problem
from .store import FAILURES, async_get_store
from .topics import ORGANIZATION, Kind, Membership, Said, is_name
from .upgrade import async_drop_former

if TYPE_CHECKING:
    from .client import Acknowledge, Client

_LOGGER = logging.getLogger(__name__)

FIRST_DELAY: Final = 0.2
MAX_DELAY: Final = 60.0
SETTLED_AFTER: Final = 5.0
"""Seconds after the first connection in which the broker tells who exists."""

COPIED_AFTER: Final = 2
"""How often another must have spoken as this bot: a broker that was restarted may tell of the time before, once."""

# These pass by themselves.
_PASSING: Final = frozenset({Problem.HOST_NOT_FOUND, Problem.NO_ANSWER, Problem.UNREACHABLE})
PASSING_ISSUES: Final = ("mqtt_copied", "mqtt_unusable", "mqtt_unsaved")
"""Repair issues that end with the connection; others wait for the user."""


def _ignore(_: Packet, acknowledge: Acknowledge) -> None:
    acknowledge()


class MqttTransport:
    """The connection of a bot to other homes.

    Attributes:
        settings: What it is opened with.
        limits: How many messages a second may come from a home, and how many at once.
        peers: Who is known elsewhere.

    """

    def __init__(self, bot: Bot, router: Router, settings: MqttSettings, limits: Mapping[str, Any]) -> None:
        """Initialize it, closed."""
        self.settings = settings
        self.limits = limits
        self._hass = bot.hass
        self._bot = bot
        self._router = router
        self._membership = settings.membership
        self._keep_for = settings.keep_for * 60
        self._mark = uuid4().hex[:8]
        self._name = ""
        self._session = ""
        self._copies = 0
        self._told: Problem | None = None
        self._client: Client | None = None
        self._is_ready = False
        self._running: asyncio.Task[None] | None = None
        self._settling: asyncio.TimerHandle | None = None
        self._stop_relaying: CALLBACK_TYPE
        self._stop_listening: CALLBACK_TYPE | None = None
        self._store = async_get_store(bot.hass)
        self.peers = Peers((self._membership.home, bot.bot_id), self._met, self._went, self._spoken_for)
        self._sender = Sender(
            bot.hass,
            bot.bot_id,
            self._membership,
            self._store,
            self.peers,
            keep_messages=int(settings.keep_messages),
            keep_for=self._keep_for,
            dropped=self._dropped,
        )
        self._receiver = Receiver(
            bot,
            self._membership,
            router,
            self._store,
            limits=limits,
            publish=self._publish,
            is_kept=self._set_kept,
        )

    @property
    def is_connected(self) -> bool:
        """Return whether the broker lets the bot speak and listen."""
        return self._is_ready

    def diagnostics(self) -> dict[str, Any]:
        """Return the state of the connection, and what came and went."""
        peers = list(self.peers)
        return {
            "connected": self._is_ready,
            "problem": self._told,
            "organization": self._membership.organization,
            "home": self._membership.home,
            "bots_known": len(peers),
            "bots_online": sum(peer.is_online for peer in peers),
            "homes_known": len({peer.home for peer in peers}),
            "sender": self._sender.diagnostics(),
            "receiver": self._receiver.diagnostics(),
        }

    async def async_open(self) -> None:
        """Send and receive from now on."""
        self._store.async_use()
        self._stop_relaying = self._router.registry.connect_relay(self._bot.bot_id, self._sender)
        self._stop_listening = self._hass.bus.async_listen_once(
            EVENT_HOMEASSISTANT_STOP, self._async_home_assistant_stops
        )
        self._running = self._bot.entry.async_create_background_task(
            self._hass, self._async_run(), f"datastream_bot MQTT of {self._bot.entry.title}"
        )

    async def async_close(self, *, leave: bool) -> None:
        """Send and receive no more.

        Args:
            leave: Whether nobody elsewhere is to wait for the bot any more.

        """
        if self._running is None:
            return
        running, self._running = self._running, None
        self._stop_relaying()
        if self._stop_listening is not None:
            self._stop_listening()
        if self._settling is not None:
            self._settling.cancel()
        running.cancel()
        await asyncio.wait([running])
        await self._receiver.async_stop()
        self._sender.async_stop()
        if self._client is not None:
            farewell = _farewell(self._membership, self._bot.bot_id)
            await self._client.async_close(farewell if leave else None, end_session=leave)
            self._disconnected()
        for issue in PASSING_ISSUES:
            self._resolve(issue)
        if leave:
            await asyncio.wait([self._store.forget(self._bot.bot_id)])
        await self._store.async_leave()

    @callback
    def async_rename(self) -> None:
        """Tell the others what the bot is called, if that has changed."""
        if self._name != self._bot.entry.title:
            self._publish(self._status(is_online=True))

    async def _async_home_assistant_stops(self, _: Event) -> None:
        self._stop_listening = None
        await self.async_close(leave=False)

    async def _async_run(self) -> None:
        """Connect, and again whenever there is no connection."""
        loop, delay, is_loaded = self._hass.loop, FIRST_DELAY, False
        while True:
            try:
                if not is_loaded:
                    await self._async_load()
                    is_loaded = True
                client = await self._async_connect()
            except FAILURES as err:
                self._set_kept(is_kept=False)
                _LOGGER.debug("Nothing can be read: %s", err)
            except BrokerError as err:
                self._failed(err)
            else:
                began = loop.time()
                # This task may be cancelled, and not what it waits for.
                await asyncio.wait([client.lost])
                self._disconnected()
                # Two with one name throw each other out for ever.
                is_short = self._copies >= COPIED_AFTER or loop.time() - began < delay
                delay = delay if is_short else FIRST_DELAY
            await asyncio.sleep(delay)
            delay = min(2 * delay, MAX_DELAY)

    async def _async_load(self) -> None:
        # Both are asked for at once, before anything can be sent: the first may forget what is there.
        session = self._store.session(self._bot.bot_id, self._membership.place)
        sent = self._store.sent(self._bot.bot_id)
        self._session = await session or ""
        self._sender.async_load(await sent)
        await async_drop_former(self._hass, self._bot.entry, self._membership.organization)

    async def _async_connect(self) -> Client:
        """Connect, and return the connection when the bot may speak and listen.

        Raises:
            BrokerError: It may not.

        """
        bot_id = self._bot.bot_id
        broker = self.settings.broker_in(self._hass)
        client = await _async_client(self._hass, bot_id, self._received)
        expiry = int(self._keep_for)
        await client.async_connect(broker, clean=not self._session, expiry=expiry, will=self._status(is_online=False))
        self._client = client
        try:
            if client.is_session_new or not self._session:
                self._session = uuid4().hex[:12]
                await self._store.set_session(bot_id, self._membership.place, self._session)
            await client.async_subscribe(*self._membership.listened_to(bot_id))
            await client.async_say(self._status(is_online=True))
        except BaseException:
            self._client = None
            await client.async_close()
            raise
        self._connected(client)
        return client

    def _status(self, *, is_online: bool) -> Packet:
        self._name = self._bot.entry.title
        status = Status(name=self._name[:255], session=self._session, mark=self._mark, is_online=is_online)
        return status.packet(self._membership.status(self._bot.bot_id))

    def _connected(self, client: Client) -> None:
        self._told = None
        self._resolve("mqtt_unusable")
        self._set_ready(is_ready=True)
        self._sender.async_begin(client)
        if self._settling is None:
            self._settling = self._hass.loop.call_later(SETTLED_AFTER, self._sender.async_settle)

    def _disconnected(self) -> None:
        self._client = None
        self._sender.async_pause()
        self._set_ready(is_ready=False)

    def _set_ready(self, *, is_ready: bool) -> None:
        self._is_ready = is_ready
        _LOGGER.info(
            "%s is connected to other homes" if is_ready else "%s is not connected to other homes any more",
            self._bot.entry.title,
        )
        async_dispatcher_send(self._hass, transport_signal(self._bot.bot_id))

    @callback
    def _received(self, packet: Packet, acknowledge: Acknowledge) -> None:
        """Pass on what came: messages to the receiver, receipts to the sender, statuses to the peers."""
        said = self._membership.read(packet.topic)
        if said is None or not (is_name(said.speaker) or said.speaker == ORGANIZATION):
            acknowledge()
            return
        if said.kind is Kind.MESSAGE:
            self._receiver.async_take(said, packet, acknowledge)
            return
        acknowledge()
        if said.kind is Kind.STATUS and self._is_here(said):
            return
        try:
            (self.peers if said.kind is Kind.STATUS else self._sender).async_read(said, packet)
        except MessageError as err:
            _LOGGER.debug("A %s of %s is not valid: %s", said.kind, said.speaker, err)

    def _is_here(self, said: Said) -> bool:
        """Return whether a status is that of another bot of this Home Assistant, which hears all without MQTT."""
        entry = self._hass.config_entries.async_get_entry(said.what)
        if entry is None or entry.domain != DOMAIN or entry is self._bot.entry:
            return False
        return MqttSettings.from_options(entry.options).membership == replace(self._membership, home=said.speaker)

    @callback
    def _publish(self, packet: Packet) -> None:
        if self._client is not None:
            self._client.async_publish(packet)

    @callback
    def _met(self, peer: Peer, is_session_new: bool) -> None:  # noqa: FBT001 - it is a callback
        self._sender.async_meet(peer, is_session_new=is_session_new)

    @callback
    def _went(self, peer: Peer) -> None:
        self._sender.async_forget(peer)

    @callback
    def _spoken_for(self, status: Status) -> None:
        """Count the statuses that another Home Assistant published as this bot, and raise a repair issue."""
        if not status.is_online or status.mark == self._mark or self._name == "":
            return
        self._copies += 1
        if self._copies == COPIED_AFTER:
            self._complain("mqtt_copied")

    def _failed(self, err: BrokerError) -> None:
        """Tell why there is no connection, once for each reason."""
        if err.problem == self._told:
            return
        self._told = err.problem
        _LOGGER.warning("%s is not connected to other homes: %s", self._bot.entry.title, err)
        if err.problem is Problem.LOGIN_REFUSED and self.settings.broker == BrokerChoice.OTHER:
            self._bot.entry.async_start_reauth(self._hass)
        elif err.problem not in _PASSING:
            self._complain("mqtt_unusable", err)

    @callback
    def _set_kept(self, is_kept: bool) -> None:  # noqa: FBT001 - it is a callback
        if is_kept:
            self._resolve("mqtt_unsaved")
        else:
            self._complain("mqtt_unsaved")

    @callback
    def _dropped(self, number: int) -> None:
        self._complain("mqtt_lost", number, is_fixable=True)

    def _complain(self, key: str, about: object = "", *, is_fixable: bool = False) -> None:
        issue_id = f"{key}_{self._bot.bot_id}"
        async_create_issue(
            self._hass, issue_id, translation_key=key, is_fixable=is_fixable, entry=self._bot.entry, about=about
        )

    def _resolve(self, key: str) -> None:
        async_delete_issue(self._hass, f"{key}_{self._bot.bot_id}")


async def async_try(hass: HomeAssistant, bot_id: str, settings: MqttSettings) -> None:
    """Find out whether a bot could speak and listen with these settings, without becoming known to others.

    Raises:
        BrokerError: It could not.

    """
    client = await _async_client(hass, f"{bot_id}-try")
    await client.async_connect(settings.broker_in(hass), clean=True, expiry=0)
    try:
        await client.async_subscribe(*settings.membership.listened_to(bot_id))
        # Where nothing is kept, this changes nothing.
        await client.async_say(_farewell(settings.membership, f"{bot_id}-try"))
    finally:
        await client.async_close()


async def async_forget(hass: HomeAssistant, bot_id: str, settings: MqttSettings) -> None:
    """Let the broker forget a bot that is gone.

    Raises:
        BrokerError: It cannot be told.

    """
    client = await _async_client(hass, bot_id)
    await client.async_connect(settings.broker_in(hass), clean=True, expiry=0)
    await client.async_close(_farewell(settings.membership, bot_id), end_session=True)


async def _async_client(
    hass: HomeAssistant, bot_id: str, received: Callable[[Packet, Acknowledge], None] = _ignore
) -> Client:
    """Return a connection of a bot, which is not open yet."""
    module = await async_import_module(hass, f"{__package__}.client")
    client: Client = module.Client(hass, f"datastream-{bot_id}", received)
    return client


def _farewell(membership: Membership, bot_id: str) -> Packet:
    """Return what makes the broker forget that there is a bot."""
    return Packet(topic=membership.status(bot_id), payload=b"", is_retained=True)
