"""The client: one connection to a broker with MQTT 5, until it breaks. Imported only when it is used."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection
from contextlib import suppress
import logging
import os
from pathlib import Path
import socket
import ssl
import tempfile
from typing import Any, Final, cast

import certifi
from homeassistant.core import HomeAssistant, callback
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from .payload import Packet
from .properties import PackedProperties
from .settings import Broker, BrokerError, Problem

KEEP_ALIVE: Final = 30
RECEIVE_MAXIMUM: Final = 100
MAX_WINDOW: Final = 100
"""How many are unacknowledged at most: paho reads as many packets at a time, while all else in Home Assistant waits."""

CONNECTED_WITHIN: Final = 10.0
CLOSED_WITHIN: Final = 1.0

# Reason codes of the broker.
_REFUSALS: Final = {0x84: Problem.OTHER_VERSION, 0x86: Problem.LOGIN_REFUSED, 0x87: Problem.LOGIN_REFUSED}
_PACKET_TOO_LARGE: Final = 0x95
# It will never take what it refuses so: not authorized, or the topic, the size or the payload does not suit it.
_FOR_EVER: Final = frozenset({0x87, 0x90, _PACKET_TOO_LARGE, 0x99})
_TOO_LARGE: Final = "Packet too large"
_ENVELOPE_BYTES: Final = 1024
"""How large a packet is at most without its payload and topic."""

_LOGGER = logging.getLogger(__name__)

type Acknowledge = Callable[[], None]


class Client:
    """A connection to a broker.

    Attributes:
        is_session_new: Whether the broker has nothing of a former connection of this client.
        lost: Done when there is no connection any more.

    """

    def __init__(self, hass: HomeAssistant, client_id: str, received: Callable[[Packet, Acknowledge], None]) -> None:
        """Initialize the client, not connected.

        Args:
            hass: Home Assistant.
            client_id: By which the broker knows it.
            received: Takes what comes in, and what tells the broker that it need not send it again.

        """
        self.is_session_new = False
        self.lost: asyncio.Future[None] = hass.loop.create_future()
        self._hass = hass
        self._client_id = client_id
        self._received = received
        self._connected: asyncio.Future[BrokerError | None] = hass.loop.create_future()
        self._subscribed: asyncio.Future[list[ReasonCode]] = hass.loop.create_future()
        # The broker takes only so many before it has acknowledged the first.
        self._window = 0
        self._max_packet = 0
        self._waiting: deque[tuple[Packet, asyncio.Future[str]]] = deque()
        self._unacknowledged: dict[int, asyncio.Future[str]] = {}
        # Acknowledged in the order of coming, as MQTT wants it.
        self._came: dict[int, bool] = {}
        self._beat: asyncio.TimerHandle | None = None
        self._paho: paho.Client

    async def async_connect(self, broker: Broker, *, clean: bool, expiry: int, will: Packet | None = None) -> None:
        """Connect.

        Args:
            broker: The broker.
            clean: Whether it is to forget what it has of a former connection.
            expiry: Seconds for which it keeps what comes while there is no connection.
            will: What it publishes when the connection breaks.

        Raises:
            BrokerError: There is no connection.

        """
        try:
            client = await self._hass.async_add_executor_job(self._created, broker)
        except (OSError, OverflowError, ValueError) as err:
            raise BrokerError(Problem.CERTIFICATE_UNREADABLE, err) from err
        if will is not None:
            client.will_set(will.topic, will.payload, qos=1, retain=True)
        properties = _new_properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = expiry
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        self._paho = client

        def connect() -> BrokerError | None:
            try:
                client.connect(
                    broker.host, int(broker.port), keepalive=KEEP_ALIVE, clean_start=clean, properties=properties
                )
            except (OSError, OverflowError, ValueError) as err:
                # Not raised: its traceback would keep the socket open.
                return _reason_for(err)
            if self.lost.done() and (sock := client.socket()) is not None:
                # It took so long that nobody waits for it any more.
                sock.close()
            return None

        try:
            await self._async_admitted(connect)
        except BaseException:
            self._close()
            raise

    async def _async_admitted(self, connect: Callable[[], BrokerError | None]) -> None:
        """Wait until the broker lets the client in."""
        refusal = await self._hass.async_add_executor_job(connect)
        if refusal is None:
            self._watch()
            await asyncio.wait([self._connected], timeout=CONNECTED_WITHIN)
            refusal = self._connected.result() if self._connected.done() else BrokerError(Problem.NO_ANSWER)
        if refusal is not None:
            raise refusal

    def _created(self, broker: Broker) -> paho.Client:
        """Return a client that is about to connect; it reads certificates, so not in the event loop."""
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=paho.MQTTv5,
            transport="websockets" if broker.path else "tcp",
            reconnect_on_failure=False,
            manual_ack=True,
        )
        # What waits is counted here.
        client.max_inflight_messages_set(0)
        client.connect_timeout = CONNECTED_WITHIN
        if broker.username:
            client.username_pw_set(broker.username, broker.password)
        if broker.path:
            client.ws_set_options(path=broker.path)
        if broker.tls:
            client.tls_set_context(_tls_context(broker))
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        return client

    def _watch(self) -> None:
        """Let the event loop read and write."""
        loop, client, sock = self._hass.loop, self._paho, self._paho.socket()
        assert sock is not None, "It was just opened"  # noqa: S101
        with suppress(AttributeError, OSError):
            # What is small is not to wait for more.
            cast("Any", getattr(sock, "_socket", sock)).setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        loop.add_reader(sock, self._read)
        client.on_socket_register_write = lambda *_: loop.add_writer(sock, client.loop_write)
        client.on_socket_unregister_write = lambda *_: _ignored(loop.remove_writer(sock))
        client.on_socket_close = lambda *_: self._unwatch(sock)
        self._tick()
        self._read()

    def _unwatch(self, sock: Any) -> None:
        with suppress(ValueError):
            self._hass.loop.remove_reader(sock)
            self._hass.loop.remove_writer(sock)

    def _read(self) -> None:
        """Read all that is there: what TLS has read already, no event tells of."""
        try:
            while self._paho.loop_read() == MQTTErrorCode.MQTT_ERR_SUCCESS:
                sock = self._paho.socket()
                if sock is None or not getattr(sock, "pending", int)():
                    break
        except Exception:
            # It stumbles over what is not MQTT, and would never get up again.
            if self._connected.done():
                _LOGGER.exception("What the broker sent cannot be read")
            else:
                self._connected.set_result(BrokerError(Problem.NOT_MQTT))
            self._close()

    @callback
    def _tick(self) -> None:
        self._beat = self._hass.loop.call_later(1, self._tick)
        self._paho.loop_misc()

    async def async_subscribe(self, messages: Collection[str], statuses: Collection[str]) -> None:
        """Listen to topics of messages, and to those of statuses, of which the broker tells those it has kept.

        Raises:
            BrokerError: The broker refuses one.

        """
        # What this client says itself is not for it.
        live = SubscribeOptions(qos=1, noLocal=True, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
        kept = SubscribeOptions(qos=1, noLocal=True, retainHandling=SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE)
        topics = [(topic, live) for topic in messages] + [(topic, kept) for topic in statuses]
        self._paho.subscribe(topics)
        waiting: list[asyncio.Future[Any]] = [self._subscribed, self.lost]
        await asyncio.wait(waiting, timeout=CONNECTED_WITHIN, return_when=asyncio.FIRST_COMPLETED)
        if not self._subscribed.done():
            raise BrokerError(Problem.NO_ANSWER)
        for (topic, _), code in zip(topics, self._subscribed.result(), strict=False):
            if code.is_failure:
                raise BrokerError(Problem.TOPIC_REFUSED, f"{topic}: {code}")

    @callback
    def async_publish(self, packet: Packet) -> asyncio.Future[str]:
        """Publish, and return a future of why the broker will never take it; that is empty in all other cases.

        The future is not to be cancelled.
        """
        future: asyncio.Future[str] = self._hass.loop.create_future()
        if self.lost.done():
            future.set_result("")
            return future
        self._waiting.append((packet, future))
        self._publish()
        return future

    async def async_say(self, packet: Packet) -> None:
        """Publish what cannot be left unsaid.

        Raises:
            BrokerError: The broker does not take it.

        """
        publishing = self.async_publish(packet)
        await asyncio.wait([publishing])
        if refusal := publishing.result():
            raise BrokerError(Problem.TOPIC_REFUSED, f"{packet.topic}: {refusal}")
        if self.lost.done():
            raise BrokerError(Problem.NO_ANSWER)

    async def async_close(self, last: Packet | None = None, *, end_session: bool = False) -> None:
        """Say something last, and disconnect; without it the broker publishes the will."""
        if self.lost.done():
            return
        properties = None
        code = "Disconnect with will message"
        if last is not None:
            code = "Normal disconnection"
            await asyncio.wait([self.async_publish(last)], timeout=CLOSED_WITHIN)
        if end_session:
            properties = _new_properties(PacketTypes.DISCONNECT)
            properties.SessionExpiryInterval = 0
        self._paho.disconnect(ReasonCode(PacketTypes.DISCONNECT, code), properties)
        # The broker closes the connection.
        await asyncio.wait([self.lost], timeout=CLOSED_WITHIN)
        self._close()

    def _publish(self) -> None:
        while self._waiting and len(self._unacknowledged) < self._window:
            packet, future = self._waiting.popleft()
            if self._max_packet and len(packet.payload) + len(packet.topic) + _ENVELOPE_BYTES > self._max_packet:
                future.set_result(_TOO_LARGE)
                continue
            info = self._paho.publish(
                packet.topic,
                packet.payload,
                qos=1,
                retain=packet.is_retained,
                properties=cast("Properties", PackedProperties(packet)),
            )
            self._unacknowledged[info.mid] = future

    def _on_connect(
        self, _client: object, _data: object, flags: paho.ConnectFlags, code: ReasonCode, properties: Properties | None
    ) -> None:
        if code.is_failure:
            self._connected.set_result(BrokerError(_REFUSALS.get(code.value, Problem.REFUSED), code))
            return
        self.is_session_new = not flags.session_present
        self._window = min(getattr(properties, "ReceiveMaximum", MAX_WINDOW), MAX_WINDOW)
        self._max_packet = getattr(properties, "MaximumPacketSize", 0)
        self._connected.set_result(None)

    def _on_disconnect(self, *_: object) -> None:
        if not self._connected.done():
            self._connected.set_result(BrokerError(Problem.CLOSED_UNANSWERED))
        self._lose()

    def _on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        properties = message.properties
        packet = Packet(
            topic=message.topic,
            payload=bytes(message.payload),
            is_retained=message.retain,
            answer_to=getattr(properties, "ResponseTopic", None),
            correlation=getattr(properties, "CorrelationData", None),
            properties=dict(getattr(properties, "UserProperty", ())),
        )
        if message.qos:
            self._came[message.mid] = False
        self._received(packet, lambda: self._acknowledge(message))

    def _acknowledge(self, message: paho.MQTTMessage) -> None:
        if self.lost.done() or message.mid not in self._came:
            return
        self._came[message.mid] = True
        for mid, is_done in list(self._came.items()):
            if not is_done:
                return
            del self._came[mid]
            self._paho.ack(mid, 1)

    def _on_publish(self, _client: object, _data: object, mid: int, code: ReasonCode, _properties: object) -> None:
        self._unacknowledged.pop(mid).set_result(str(code) if code.value in _FOR_EVER else "")
        self._publish()

    def _on_subscribe(
        self, _client: object, _data: object, _mid: int, codes: list[ReasonCode], _properties: object
    ) -> None:
        self._subscribed.set_result(codes)

    def _close(self) -> None:
        """Close the connection as it is."""
        # First, so that one that is about to open closes by itself.
        self._lose()
        if (sock := self._paho.socket()) is not None:
            self._unwatch(sock)
            sock.close()

    def _lose(self) -> None:
        if self._beat is not None:
            self._beat.cancel()
        if self.lost.done():
            return
        self.lost.set_result(None)
        for future in (*self._unacknowledged.values(), *(future for _, future in self._waiting)):
            future.set_result("")
        self._unacknowledged.clear()
        self._waiting.clear()


def _new_properties(packet_type: int) -> Properties:
    return Properties(packet_type)  # type: ignore[no-untyped-call]


def _tls_context(broker: Broker) -> ssl.SSLContext:
    """Return what encrypts the connection.

    Raises:
        ssl.SSLError: A certificate or a key cannot be read.

    """
    context = ssl.create_default_context(
        cafile=None if broker.certificate else certifi.where(), cadata=broker.certificate or None
    )
    context.check_hostname = broker.is_verified
    if broker.client_certificate:
        # Python reads them from files only.
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder) / name for name in ("certificate.pem", "key.pem")]
            for path, text in zip(paths, (broker.client_certificate, broker.client_key), strict=True):
                path.touch(mode=0o600)
                path.write_text(text, encoding="utf-8")
            context.load_cert_chain(*map(os.fspath, paths))
    return context


def _reason_for(err: Exception) -> BrokerError:
    match err:
        case ssl.SSLCertVerificationError():
            return BrokerError(Problem.CERTIFICATE_NOT_TRUSTED, err.verify_message)
        case ssl.SSLError():
            return BrokerError(Problem.TLS_FAILED, err)
        case socket.gaierror():
            return BrokerError(Problem.HOST_NOT_FOUND, err)
    return BrokerError(Problem.UNREACHABLE, err)


def _ignored(_: object) -> None:
    """Return nothing, as a callback has to."""
