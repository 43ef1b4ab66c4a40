"""The client: one connection to a broker with MQTT 5, until it breaks. Imported only when it is used."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection
from contextlib import suppress
import logging
from pathlib import Path
import socket
import ssl
import tempfile
from typing import Any, Final, cast

import certifi
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from .packets import PacketClient
from .payload import Packet
from .settings import Broker, BrokerError, Problem

KEEP_ALIVE: Final = 30
MAX_WINDOW: Final = 100
"""How many are unacknowledged at most: paho reads as many packets at a time, while all else in Home Assistant waits."""

ANSWERED_WITHIN: Final = 10.0
CLOSED_WITHIN: Final = 1.0

# Reason codes of the broker.
_REFUSALS: Final = {0x84: Problem.OTHER_VERSION, 0x86: Problem.LOGIN_REFUSED, 0x87: Problem.LOGIN_REFUSED}
# It will never take what it refuses so: not authorized, or the topic, the size or the payload does not suit it.
_FOR_EVER: Final = frozenset({0x87, 0x90, 0x95, 0x99})
_TOO_LARGE: Final = "Packet too large"
_ENVELOPE_BYTES: Final = 1024
"""How large a packet is at most without its payload and topic."""

_LOGGER = logging.getLogger(__name__)

type Answered = Callable[[str], None]
"""Is told why the broker will never take a packet; that is empty in all other cases."""


class Client:
    """A connection to a broker, until it is `lost`; the session is new if the broker has nothing of a former one."""

    def __init__(
        self,
        hass: HomeAssistant,
        client_id: str,
        broker: Broker,
        *,
        received: Callable[[Packet, CALLBACK_TYPE], None] = lambda _, acknowledge: acknowledge(),
        published: CALLBACK_TYPE = lambda: None,
    ) -> None:
        """Initialize the client, not connected.

        What comes in is `received` with what tells the broker that it need not send it again; `published` is called
        whenever the broker has taken a packet.
        """
        self.is_session_new = False
        self.lost: asyncio.Future[None] = hass.loop.create_future()
        self._hass = hass
        self._broker = broker
        self._received = received
        self._published = published
        self._connected: asyncio.Future[BrokerError | None] = hass.loop.create_future()
        self._subscribed: asyncio.Future[list[ReasonCode]] = hass.loop.create_future()
        # The broker takes only so many before it has acknowledged the first.
        self._window = 0
        self._max_packet = 0
        self._waiting: deque[tuple[Packet, Answered]] = deque()
        self._unacknowledged: dict[int, Answered] = {}
        # Acknowledged in the order of coming, as MQTT wants it.
        self._came: dict[int, bool] = {}
        self._beat: asyncio.TimerHandle | None = None
        client = self._paho = PacketClient(
            client_id, self._on_packet, transport="websockets" if broker.path else "tcp", reconnect_on_failure=False
        )
        # What waits is counted here.
        client.max_inflight_messages_set(0)
        client.connect_timeout = ANSWERED_WITHIN
        if broker.username:
            client.username_pw_set(broker.username, broker.password)
        if broker.path:
            client.ws_set_options(path=broker.path)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = lambda _client, _data, _mid, codes, _properties: self._subscribed.set_result(codes)

    @property
    def has_room(self) -> bool:
        """Return whether the broker takes another packet at once."""
        return not self._waiting and len(self._unacknowledged) < self._window

    async def async_connect(self, *, clean: bool, expiry: int = 0, will: Packet | None = None) -> None:
        """Connect, or raise a `BrokerError`; whatever becomes of it, close it.

        If it is to be clean, the broker forgets a former session. It keeps what comes while there is no connection for
        some seconds, and publishes the will when the connection breaks.
        """
        if will is not None:
            self._paho.will_set(will.topic, will.payload, qos=1, retain=True)
        properties = _new_properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = expiry
        properties.ReceiveMaximum = MAX_WINDOW
        refusal = await self._hass.async_add_executor_job(self._open, clean, properties)
        if refusal is None:
            self._watch()
            refusal = await self._async_answer(self._connected)
        if refusal is not None:
            raise refusal

    def _open(self, clean: bool, properties: Properties) -> BrokerError | None:  # noqa: FBT001
        """Open the connection, which blocks; return what is wrong, as a traceback would keep the socket open."""
        broker = self._broker
        try:
            if broker.tls:
                self._paho.tls_set_context(_tls_context(broker))
        except (OSError, ValueError) as err:
            return BrokerError(Problem.CERTIFICATE_UNREADABLE, err)
        try:
            self._paho.connect(broker.host, int(broker.port), KEEP_ALIVE, clean_start=clean, properties=properties)
        except ssl.SSLCertVerificationError as err:
            return BrokerError(Problem.CERTIFICATE_NOT_TRUSTED, err.verify_message)
        except ssl.SSLError as err:
            return BrokerError(Problem.TLS_FAILED, err)
        except socket.gaierror as err:
            return BrokerError(Problem.HOST_NOT_FOUND, err)
        except (OSError, OverflowError, ValueError) as err:
            return BrokerError(Problem.UNREACHABLE, err)
        if self.lost.done() and (sock := self._paho.socket()) is not None:
            # It took so long that nobody waits for it any more.
            sock.close()
        return None

    def _watch(self) -> None:
        """Let the event loop read and write."""
        loop, client = self._hass.loop, cast("Any", self._paho)
        sock = client.socket()
        with suppress(AttributeError, OSError):
            # What is small is not to wait for more.
            getattr(sock, "_socket", sock).setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        loop.add_reader(sock, self._read)
        client.on_socket_register_write = lambda *_: loop.add_writer(sock, client.loop_write)
        client.on_socket_unregister_write = lambda *_: loop.remove_writer(sock)
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

    async def _async_answer[T](self, answer: asyncio.Future[T]) -> T:
        """Return an answer of the broker when it comes, or raise a `BrokerError` when there is none."""
        waiting: list[asyncio.Future[Any]] = [answer, self.lost]
        await asyncio.wait(waiting, timeout=ANSWERED_WITHIN, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise BrokerError(Problem.NO_ANSWER)
        return answer.result()

    async def async_subscribe(self, messages: Collection[str], statuses: Collection[str]) -> None:
        """Listen to topics of messages, and to those of statuses, of which the broker tells those it has kept.

        It raises a `BrokerError` if the broker refuses one.
        """
        # What this client says itself is not for it.
        live = SubscribeOptions(qos=1, noLocal=True, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
        kept = SubscribeOptions(qos=1, noLocal=True, retainHandling=SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE)
        topics = [(topic, live) for topic in messages] + [(topic, kept) for topic in statuses]
        self._paho.subscribe(topics)
        codes = await self._async_answer(self._subscribed)
        for (topic, _), code in zip(topics, codes, strict=False):
            if code.is_failure:
                raise BrokerError(Problem.TOPIC_REFUSED, f"{topic}: {code}")

    @callback
    def async_publish(self, packet: Packet, answered: Answered = lambda _: None) -> None:
        """Publish as soon as the broker takes it; when the connection is lost, nobody is told."""
        if not self.lost.done():
            self._waiting.append((packet, answered))
            self._publish()

    async def async_say(self, packet: Packet) -> None:
        """Publish what cannot be left unsaid, or raise a `BrokerError` if the broker does not take it."""
        answer: asyncio.Future[str] = self._hass.loop.create_future()
        self.async_publish(packet, answer.set_result)
        if refusal := await self._async_answer(answer):
            raise BrokerError(Problem.TOPIC_REFUSED, f"{packet.topic}: {refusal}")

    async def async_close(self, farewell: Packet | None = None) -> None:
        """Disconnect, upon which the broker publishes the will, or the farewell, and then forgets the client."""
        if self._window and not self.lost.done():
            code, properties = "Disconnect with will message", None
            if farewell is not None:
                code, properties = "Normal disconnection", _new_properties(PacketTypes.DISCONNECT)
                properties.SessionExpiryInterval = 0
                with suppress(BrokerError, TimeoutError):
                    await asyncio.wait_for(self.async_say(farewell), CLOSED_WITHIN)
            self._paho.disconnect(ReasonCode(PacketTypes.DISCONNECT, code), properties)
            # That closes the connection as soon as it is written.
            await asyncio.wait([self.lost], timeout=CLOSED_WITHIN)
        self._close()

    def _publish(self) -> None:
        while self._waiting and len(self._unacknowledged) < self._window:
            packet, answered = self._waiting.popleft()
            if self._max_packet and len(packet.payload) + len(packet.topic) + _ENVELOPE_BYTES > self._max_packet:
                self._hass.loop.call_soon(answered, _TOO_LARGE)
                continue
            self._unacknowledged[self._paho.publish_packet(packet)] = answered

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
        # Not at once, as paho is still at work for it.
        self._hass.loop.call_soon(self._close)

    def _on_packet(self, packet: Packet, mid: int) -> None:
        if mid:
            self._came[mid] = False
        self._received(packet, lambda: self._acknowledge(mid))

    def _acknowledge(self, mid: int) -> None:
        if self.lost.done() or mid not in self._came:
            return
        self._came[mid] = True
        while self._came and self._came[first := next(iter(self._came))]:
            del self._came[first]
            self._paho.ack(first, 1)

    def _on_publish(self, _client: object, _data: object, mid: int, code: ReasonCode, _properties: object) -> None:
        self._unacknowledged.pop(mid)(str(code) if code.value in _FOR_EVER else "")
        self._publish()
        self._published()

    def _close(self) -> None:
        """Close the connection as it is."""
        if self._beat is not None:
            self._beat.cancel()
        # First, so that one that is about to open closes by itself.
        if not self.lost.done():
            self.lost.set_result(None)
        if (sock := self._paho.socket()) is not None:
            self._unwatch(sock)
            sock.close()


def _new_properties(packet_type: int) -> Properties:
    return Properties(packet_type)  # type: ignore[no-untyped-call]


def _tls_context(broker: Broker) -> ssl.SSLContext:
    """Return what encrypts the connection, or raise an `OSError` or a `ValueError` when a certificate is unreadable."""
    context = ssl.create_default_context(
        cafile=None if broker.certificate else certifi.where(), cadata=broker.certificate or None
    )
    context.check_hostname = broker.is_verified
    if broker.client_certificate:
        # Python reads them from files only; one may hold both.
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "certificate.pem"
            path.touch(mode=0o600)
            path.write_text(f"{broker.client_key}\n{broker.client_certificate}", encoding="utf-8")
            context.load_cert_chain(path)
    return context
