"""A program at the broker that speaks MQTT 5, and knows nothing of bots."""

from functools import partial
from typing import NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from .broker import PASSWORD, Broker, until

NOT_AUTHORIZED = 135


class Heard(NamedTuple):
    """What a program heard."""

    topic: str
    payload: bytes
    correlation: bytes | None = None


class Program:
    """A program that is connected to a broker."""

    def __init__(self, broker: Broker, user: str | None = None) -> None:
        """Connect."""
        self.heard: list[Heard] = []
        self._codes: dict[int | None, int] = {}
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        if user is not None:
            self._client.username_pw_set(user, PASSWORD)
        self._client.on_message = lambda _client, _data, message: self.heard.append(
            Heard(message.topic, message.payload, getattr(message.properties, "CorrelationData", None))
        )
        self._client.on_publish = lambda _client, _data, mid, code, _properties: self._came(mid, code.value)
        self._client.on_subscribe = lambda _client, _data, mid, codes, _properties: self._came(mid, codes[0].value)
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()

    def _came(self, mid: int, code: int) -> None:
        self._codes[mid] = code

    async def listen(self, topic: str) -> None:
        """Listen to a topic, and wait until the broker has heard of it."""
        _, mid = self._client.subscribe(topic, qos=1)
        await until(partial(self._codes.__contains__, mid))

    async def say(
        self,
        topic: str,
        payload: bytes = b"{}",
        *,
        qos: int = 1,
        retain: bool = False,
        answer_to: str | None = None,
        correlation: bytes = b"mark",
        **properties: str,
    ) -> int:
        """Say something, and return the reason code of the broker."""
        more = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        more.UserProperty = [*properties.items()]
        if answer_to is not None:
            more.ResponseTopic = answer_to
            more.CorrelationData = correlation
        mid = self._client.publish(topic, payload, qos=qos, retain=retain, properties=more).mid
        await until(partial(self._codes.__contains__, mid))
        return self._codes[mid]

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()
