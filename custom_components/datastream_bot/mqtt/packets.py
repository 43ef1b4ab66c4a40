"""Messages as MQTT 5 packs them: paho takes longer for their properties than all else about them takes.

paho is not made for that. Where it has changed, it unpacks what comes itself.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, cast, override

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties, VariableByteIntegers

from .payload import Packet

# Properties, and how large those are of which nothing is wanted.
_FORMAT: Final = 0x01
_EXPIRY: Final = 0x02
_CONTENT_TYPE: Final = 0x03
_ANSWER_TO: Final = 0x08
_CORRELATION: Final = 0x09
_USER: Final = 0x26
_SKIPPED: Final = {_FORMAT: 1, _EXPIRY: 4}


class PacketClient(paho.Client):
    """A client of paho that takes and gives packets."""

    def __init__(self, client_id: str, received: Callable[[Packet, int], None], **options: Any) -> None:
        """Initialize it with what is given each packet, and the id to acknowledge it by, or 0."""
        super().__init__(CallbackAPIVersion.VERSION2, client_id, protocol=paho.MQTTv5, manual_ack=True, **options)
        self._received = received
        # Called where it unpacks what comes itself.
        self.on_message = self._on_unpacked

    def publish_packet(self, packet: Packet) -> int:
        """Publish a packet, and return the id that the broker acknowledges it by."""
        properties = cast("Properties", _Properties(packet))
        return self.publish(packet.topic, packet.payload, 1, packet.is_retained, properties).mid

    @override
    def _handle_publish(self) -> MQTTErrorCode:
        # Neither this nor the packet is public.
        try:
            body, flags, mid = bytes(self._in_packet["packet"]), self._in_packet["command"], 0
        except AttributeError, KeyError, TypeError:
            return super()._handle_publish()
        topic, at = _sized(body, 0)
        if flags & 0b110:
            mid, at = int.from_bytes(body[at : at + 2]), at + 2
        size, used = VariableByteIntegers.decode(body[at : at + 4])  # type: ignore[no-untyped-call]
        at += used
        self._received(_packet(topic, body[at + size :], body[at : at + size]), mid)
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _on_unpacked(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        told = message.properties
        answer_to, correlation = getattr(told, "ResponseTopic", None), getattr(told, "CorrelationData", None)
        properties = dict(getattr(told, "UserProperty", ()))
        packet = Packet(message.topic, message.payload, None, answer_to, correlation, properties)
        self._received(packet, message.mid if message.qos else 0)


class _Properties(NamedTuple):
    """The properties of a packet in place of paho's, of which it only wants this."""

    packet: Packet

    def pack(self) -> bytes:
        """Return the properties as they are sent."""
        packet = self.packet
        packed = _JSON if packet.payload else b""
        if packet.expiry is not None:
            packed += _EXPIRY.to_bytes() + packet.expiry.to_bytes(4)
        if packet.answer_to is not None:
            packed += _ANSWER_TO.to_bytes() + _with_size(packet.answer_to.encode())
        if packet.correlation is not None:
            packed += _CORRELATION.to_bytes() + _with_size(packet.correlation)
        for name, value in packet.properties.items():
            packed += _USER.to_bytes() + _with_size(name.encode()) + _with_size(value.encode())
        size: bytes = VariableByteIntegers.encode(len(packed))  # type: ignore[no-untyped-call]
        return size + packed


def _packet(topic: bytes, payload: bytes, packed: bytes) -> Packet:
    """Return a packet that came with these properties; what is not Unicode of it is nothing that is waited for."""
    answer_to = correlation = None
    properties: dict[str, str] = {}
    at = 0
    while at < len(packed):
        kind, at = packed[at], at + 1
        if kind in _SKIPPED:
            at += _SKIPPED[kind]
            continue
        value, at = _sized(packed, at)
        if kind == _ANSWER_TO:
            answer_to = value.decode(errors="replace")
        elif kind == _CORRELATION:
            correlation = value
        elif kind == _USER:
            name, (value, at) = value, _sized(packed, at)
            properties[name.decode(errors="replace")] = value.decode(errors="replace")
    return Packet(topic.decode(errors="replace"), payload, None, answer_to, correlation, properties)


def _sized(data: bytes, at: int) -> tuple[bytes, int]:
    """Return what stands at a place with its size in front, and the place behind it."""
    at, end = at + 2, at + 2 + int.from_bytes(data[at : at + 2])
    return data[at:end], end


def _with_size(value: bytes) -> bytes:
    return len(value).to_bytes(2) + value


_JSON: Final = _CONTENT_TYPE.to_bytes() + _with_size(b"application/json")
