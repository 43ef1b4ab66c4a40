"""The transport: keeps a bot connected to its broker, passes on what comes, and tells what is wrong."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
import logging
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.importlib import async_import_module

from ..bot import Bot
from ..channel import Channel
from ..const import DOMAIN
from ..errors import MessageError
from ..issues import async_create_issue, async_delete_issue
from ..messaging.router import Router
from ..signals import transport_signal
from . import store
from .payload import Packet, Status, read_status
from .receiver import Receiver
from .sender import Sender
from .settings import BrokerChoice, BrokerError, MqttSettings, Problem
from .store import FAILURES, Store
from .topics import Kind, Membership, Said
from .upgrade import async_drop_former

if TYPE_CHECKING:
    from .client import Client

_LOGGER = logging.getLogger(__name__)

FIRST_DELAY: Final = 0.2
MAX_DELAY: Final = 60.0
COPIED_AFTER: Final = 2
"""How often another must have spoken as this bot: a broker that was restarted may tell of the time before, once."""

# These pass by themselves.
_PASSING: Final = frozenset({Problem.HOST_NOT_FOUND, Problem.NO_ANSWER, Problem.UNREACHABLE})
PASSING_ISSUES: Final = ("mqtt_copied", "mqtt_unusable", "mqtt_unsaved")
"""Repair issues that end with the connection; others wait for the user."""


class MqttTransport:
    """The connection of a bot to its peers in other homes, with the limits for each home."""

    def __init__(self, bot: Bot, router: Router, settings: MqttSettings, limits: Mapping[str, Any]) -> None:
        """Initialize it, closed."""
        self.settings = settings
        self.limits = limits
        self._hass = bot.hass
        self._bot = bot
        self._membership = settings.membership
        self._mark = uuid4().hex[:8]
        self._name = ""
        self._session: str | None = None
        self._copies = 0
        self._problem: Problem | None = None
        self._client: Client | None = None
        self._running: asyncio.Task[None] | None = None
        self._store = Store(bot.hass, bot.bot_id, partial(self._set_issue, "mqtt_unsaved"))
        self._sender = Sender(bot.hass, bot.bot_id, settings, self._store, partial(self._set_issue, "mqtt_lost"))
        self.peers = self._sender.peers
        self._receiver = Receiver(bot, settings.membership, router, limits, self._store, publish=self._publish)
        self._stops: list[CALLBACK_TYPE] = [router.registry.connect_relay(bot.bot_id, self._sender)]

    @property
    def is_connected(self) -> bool:
        """Return whether the broker lets the bot speak and listen."""
        return self._sender.client is not None

    def channels(self, address: str) -> list[Channel]:
        """Return where programs and bots elsewhere may send messages to an open address."""
        bot_id, home = self._bot.bot_id, self._membership.home
        return [
            Channel(
                name=f"mqtt.{bot_id}.{address}",
                title=self._bot.entry.title,
                address=replace(self._membership, home="{speaker}").message(home, bot_id, address),
                protocol="mqtt",
                binding={"qos": 1},
                parameters={"speaker": "The home that the broker lets the sender speak for, or `organization`."},
                security=({"type": "userPassword"},),
                has_rights_of_bot=True,
            )
        ]

    def diagnostics(self) -> dict[str, Any]:
        """Return the state of the connection, and what came and went."""
        peers = list(self.peers)
        return {
            "connected": self.is_connected,
            "problem": self._problem,
            "organization": self._membership.organization,
            "home": self._membership.home,
            "bots_known": len(peers),
            "bots_online": sum(peer.is_online for peer in peers),
            "homes_known": len({peer.home for peer in peers}),
            "sender": self._sender.diagnostics(),
            "receiver": dict(self._receiver.counts),
        }

    @callback
    def async_open(self) -> None:
        """Send and receive from now on."""
        self._stops.append(self._hass.bus.async_listen(EVENT_HOMEASSISTANT_STOP, self.async_close))
        self._running = self._bot.entry.async_create_background_task(
            self._hass, self._async_run(), f"datastream_bot MQTT of {self._bot.entry.title}"
        )

    async def async_close(self, _: Event | None = None, *, leave: bool = False) -> None:
        """Send and receive no more; with `leave`, nobody elsewhere is to wait for the bot any more."""
        if self._running is None:
            return
        running, self._running = self._running, None
        for stop in self._stops:
            stop()
        running.cancel()
        await asyncio.wait([running])
        await self._receiver.async_stop()
        self._sender.async_stop()
        if self._client is not None:
            await self._client.async_close(_farewell(self._membership, self._bot.bot_id) if leave else None)
            self._disconnected()
        await self._store.async_close(forget=leave)
        for issue in PASSING_ISSUES:
            self._set_issue(issue, None)

    @callback
    def async_rename(self) -> None:
        """Tell the others what the bot is called, if that has changed."""
        if self._name != self._bot.entry.title:
            self._publish(self._status(is_online=True))

    async def _async_run(self) -> None:
        """Connect, and again whenever there is no connection."""
        loop, delay = self._hass.loop, FIRST_DELAY
        while True:
            try:
                client = await self._async_connect()
            except BrokerError as err:
                self._failed(err)
            except FAILURES as err:
                _LOGGER.debug("What is kept cannot be read: %s", err)
            else:
                began = loop.time()
                # This task may be cancelled, and not what it waits for.
                await asyncio.wait([client.lost])
                self._disconnected()
                # Two with one name throw each other out for ever.
                if self._copies < COPIED_AFTER and loop.time() - began >= delay:
                    delay = FIRST_DELAY
            await asyncio.sleep(delay)
            delay = min(2 * delay, MAX_DELAY)

    async def _async_connect(self) -> Client:
        """Connect, and return the connection when the bot may speak and listen; raise a `BrokerError` if it may not."""
        bot_id, place = self._bot.bot_id, self._membership.status(self._bot.bot_id)
        if self._session is None:
            self._session, sent = await self._store.run(store.load, place)
            self._sender.async_load(sent)
            await async_drop_former(self._hass, self._bot.entry, self._membership.organization)
        client = await _async_client(
            self._hass, bot_id, self.settings, received=self._received, published=self._sender.async_publish_due
        )
        expiry = int(self.settings.keep_for * 60)
        try:
            await client.async_connect(clean=not self._session, expiry=expiry, will=self._status(is_online=False))
            self._client = client
            if client.is_session_new or not self._session:
                self._session = uuid4().hex[:12]
                await self._store.run(store.set_session, place, self._session)
            await client.async_subscribe(*self._membership.listened_to(bot_id))
            await client.async_say(self._status(is_online=True))
        except BaseException:
            self._client = None
            await client.async_close()
            raise
        self._problem = None
        self._set_issue("mqtt_unusable", None)
        self._sender.async_begin(client)
        _LOGGER.info("%s is connected to other homes", self._bot.entry.title)
        async_dispatcher_send(self._hass, transport_signal(bot_id))
        return client

    def _disconnected(self) -> None:
        self._client = None
        self._sender.async_pause()
        _LOGGER.info("%s is not connected to other homes any more", self._bot.entry.title)
        async_dispatcher_send(self._hass, transport_signal(self._bot.bot_id))

    def _status(self, *, is_online: bool) -> Packet:
        self._name = self._bot.entry.title
        status = Status(name=self._name[:255], session=self._session or "", mark=self._mark, online=is_online)
        return status.packet(self._membership.status(self._bot.bot_id))

    @callback
    def _publish(self, packet: Packet) -> None:
        if self._client is not None:
            self._client.async_publish(packet)

    @callback
    def _received(self, packet: Packet, acknowledge: CALLBACK_TYPE) -> None:
        """Pass on what came: messages to the receiver, receipts and statuses to the sender."""
        said = self._membership.read(packet.topic)
        if said is not None and said.kind is Kind.MESSAGE:
            self._receiver.async_take(said, packet, acknowledge)
            return
        acknowledge()
        if said is None:
            return
        key = (said.speaker, said.what)
        try:
            if said.kind is Kind.RECEIPT:
                self._sender.async_take_receipt(key, packet)
            elif key == (self._membership.home, self._bot.bot_id):
                self._look_for_copies(read_status(packet))
            elif not self._is_here(said):
                self._sender.async_take_status(key, packet)
        except MessageError as err:
            _LOGGER.debug("A %s of %s is not valid: %s", said.kind, said.speaker, err)

    def _is_here(self, said: Said) -> bool:
        """Return whether a status is that of another bot of this Home Assistant, which hears all without MQTT."""
        entry = self._hass.config_entries.async_get_entry(said.what)
        if entry is None or entry.domain != DOMAIN:
            return False
        return MqttSettings.from_options(entry.options).membership == replace(self._membership, home=said.speaker)

    def _look_for_copies(self, status: Status) -> None:
        """Count the statuses that another Home Assistant published as this bot."""
        self._copies += status.online and status.mark != self._mark
        if self._copies >= COPIED_AFTER:
            self._set_issue("mqtt_copied", status.mark)

    def _failed(self, err: BrokerError) -> None:
        """Tell why there is no connection, once for each reason."""
        if err.problem == self._problem:
            return
        self._problem = err.problem
        _LOGGER.warning("%s is not connected to other homes: %s", self._bot.entry.title, err)
        if err.problem is Problem.LOGIN_REFUSED and self.settings.broker == BrokerChoice.OTHER:
            self._bot.entry.async_start_reauth(self._hass)
        elif err.problem not in _PASSING:
            self._set_issue("mqtt_unusable", err)

    @callback
    def _set_issue(self, key: str, about: object | None) -> None:
        """Create a repair issue about something, or delete it when there is nothing any more."""
        issue_id = f"{key}_{self._bot.bot_id}"
        if about is None:
            async_delete_issue(self._hass, issue_id)
        else:
            async_create_issue(self._hass, issue_id, translation_key=key, entry=self._bot.entry, about=about)


async def async_try(hass: HomeAssistant, bot_id: str, settings: MqttSettings) -> None:
    """Raise a `BrokerError` if a bot could not speak and listen with these settings; it becomes known to nobody."""
    client = await _async_client(hass, f"{bot_id}-try", settings)
    try:
        await client.async_connect(clean=True, expiry=0)
        await client.async_subscribe(*settings.membership.listened_to(bot_id))
        # Where nothing is kept, this changes nothing.
        await client.async_say(_farewell(settings.membership, f"{bot_id}-try"))
    finally:
        await client.async_close()


async def async_forget(hass: HomeAssistant, bot_id: str, settings: MqttSettings) -> None:
    """Let the broker forget a bot that is gone, or raise a `BrokerError` if it cannot be told."""
    client = await _async_client(hass, bot_id, settings)
    try:
        await client.async_connect(clean=True, expiry=0)
    finally:
        await client.async_close(_farewell(settings.membership, bot_id))


async def _async_client(hass: HomeAssistant, name: str, settings: MqttSettings, **callbacks: Any) -> Client:
    """Return a connection of a bot, which is not open yet; raise a `BrokerError` when there is no broker."""
    module = await async_import_module(hass, f"{__package__}.client")
    client: Client = module.Client(hass, f"datastream-{name}", settings.broker_in(hass), **callbacks)
    return client


def _farewell(membership: Membership, bot_id: str) -> Packet:
    """Return what makes the broker forget that there is a bot."""
    return Packet(topic=membership.status(bot_id), payload=b"", is_retained=True)
