"""The properties of a message, packed as MQTT 5 wants them.

Those of paho take longer than all else about a message.
"""

from typing import Final

from paho.mqtt.properties import VariableByteIntegers

from .payload import CONTENT_TYPE, Packet


class PackedProperties:
    """The properties of a message in place of paho's, which only has them packed."""

    def __init__(self, packet: Packet) -> None:
        """Pack what a packet carries besides its payload."""
        parts = [_CONTENT_TYPE] if packet.payload else []
        if packet.expiry is not None:
            parts += [b"\x02", packet.expiry.to_bytes(4)]
        if packet.answer_to is not None:
            parts += [b"\x08", _sized(packet.answer_to.encode())]
        if packet.correlation is not None:
            parts += [b"\x09", _sized(packet.correlation)]
        for name, value in packet.properties.items():
            parts += [b"\x26", _sized(name.encode()), _sized(value.encode())]
        packed = b"".join(parts)
        self._packed: bytes = VariableByteIntegers.encode(len(packed)) + packed  # type: ignore[no-untyped-call]

    def pack(self) -> bytes:
        """Return the properties as they are sent."""
        return self._packed


def _sized(value: bytes) -> bytes:
    return len(value).to_bytes(2) + value


_CONTENT_TYPE: Final = b"\x03" + _sized(CONTENT_TYPE.encode())
