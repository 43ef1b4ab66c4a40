"""A real MQTT broker, and Home Assistants that are connected to it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
import json
from pathlib import Path
import shutil
import socket
from typing import Any

from homeassistant import loader
from homeassistant.core import HomeAssistant, callback
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_test_home_assistant

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.const import DOMAIN
from custom_components.datastream_bot.data_streams import stream_unique_id
from custom_components.datastream_bot.mqtt.transport import MqttTransport

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/opt/homebrew/sbin") or ""
needs_broker = [
    pytest.mark.usefixtures("socket_enabled"),
    pytest.mark.skipif(not MOSQUITTO, reason="Mosquitto is not installed; scripts/setup says how to"),
]
PASSWORD = "correct horse"  # noqa: S105 - of a broker that lives as long as a test
ORGANIZATION = "acme"


class Broker:
    """Mosquitto on a port of its own, as a process that only the test knows."""

    def __init__(
        self,
        folder: Path,
        *,
        users: Iterable[str] = (),
        access: str | None = None,
        more: str | None = None,
        persistent: bool = False,
    ) -> None:
        """Initialize the broker: for everyone, or for users who may do what an access list says, and more settings."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._users = tuple(users)
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        lines = [
            f"listener {self.port} 127.0.0.1",
            f"persistence {'true' if persistent else 'false'}",
            f"persistence_location {folder}/",
            "log_dest none",
            "user root",
            "set_tcp_nodelay true",
        ]
        lines.append("allow_anonymous false" if self._users else "allow_anonymous true")
        if self._users:
            lines.append(f"password_file {folder / 'passwords'}")
        if access is not None:
            (folder / "access").write_text(access, encoding="utf-8")
            (folder / "access").chmod(0o700)
            lines.append(f"acl_file {folder / 'access'}")
        if more is not None:
            lines.append(more)
        (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")

    @property
    def pid(self) -> int:
        """Return the id of the process."""
        assert self._process is not None, "The broker was not started"
        return self._process.pid

    async def start(self) -> None:
        """Start the broker, and wait until it listens."""
        passwords = self._folder / "passwords"
        if self._users and not passwords.exists():
            passwords.touch(mode=0o600)
            for user in self._users:
                adding = await asyncio.create_subprocess_exec("mosquitto_passwd", "-b", passwords, user, PASSWORD)
                assert await adding.wait() == 0
        self._process = await asyncio.create_subprocess_exec(MOSQUITTO, "-c", self._folder / "mosquitto.conf")
        async with asyncio.timeout(10):
            while not await self._is_listening():  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """Kill the broker, as a power cut would."""
        if self._process is not None:
            if self._process.returncode is None:
                self._process.kill()
            await self._process.wait()
            self._process = None

    async def _is_listening(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True


@asynccontextmanager
async def running_broker(folder: Path, **settings: Any) -> AsyncIterator[Broker]:
    """Run a broker."""
    folder.mkdir(exist_ok=True)  # noqa: ASYNC240
    broker = Broker(folder, **settings)
    await broker.start()
    try:
        yield broker
    finally:
        await broker.kill()


async def until(is_so: Callable[[], Any], seconds: float = 20.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not is_so():  # noqa: ASYNC110 - it can be anything
            await asyncio.sleep(0.01)


def mqtt_entry(broker: Broker, user: str | None = None, password: str = PASSWORD) -> MockConfigEntry:
    """Return Home Assistant's way to the broker."""
    login = {} if user is None else {"username": user, "password": password}
    return MockConfigEntry(
        domain="mqtt",
        data={"broker": "127.0.0.1", "port": broker.port, "protocol": "5", **login},
        options={"discovery": False, "birth_message": {}, "will_message": {}},
        version=2,
        minor_version=1,
    )


async def connect_to_broker(hass: HomeAssistant, broker: Broker, user: str | None = None) -> MockConfigEntry:
    """Set up Home Assistant's MQTT integration."""
    entry = mqtt_entry(broker, user)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    return entry


def options_with_mqtt(home: str = "", **mqtt: Any) -> dict[str, Any]:
    """Return the options of a bot that speaks for a home, or else for the organization."""
    own: dict[str, Any] = {"open": True, "organization": ORGANIZATION, "home": home}
    own |= {"role": "home" if home else "organization"} | mqtt
    return {"mqtt": own, "doors": {"limits": {"rate": 100, "burst": 1000}}}


def broker_at(port: int, **settings: Any) -> dict[str, Any]:
    """Return the settings of a bot that has a broker of its own."""
    return {"broker": "other", "host": "127.0.0.1", "port": port, **settings}


async def add_bot_of(
    hass: HomeAssistant,
    home: str = "",
    *,
    name: str | None = None,
    entry_id: str | None = None,
    streams: Iterable[dict[str, Any]] = (),
    options: dict[str, Any] | None = None,
    **mqtt: Any,
) -> Bot:
    """Add a bot that speaks for a home or for the organization, with data streams that are open to the outside."""
    entry = MockConfigEntry(
        domain=DOMAIN,
        title=name or home or "Headquarters",
        options=options or options_with_mqtt(home, **mqtt),
        version=2,
        entry_id=entry_id,
        subentries_data=[
            {
                "data": {"description": "", "external": True, "fields": [], "actions": [], "mode": "single"}
                | {"event_type": ""}
                | stream,
                "subentry_type": "data_stream",
                "title": stream["address"],
                "unique_id": stream_unique_id(stream["address"]),
            }
            for stream in streams
        ],
    )
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    bot = entry.runtime_data
    assert isinstance(bot, Bot)
    return bot


def file_of(folder: Path, bot_id: str) -> Path:
    """Return where a bot keeps what is on its way, and what it has handled."""
    return folder / ".storage" / f"{DOMAIN}.{bot_id}.mqtt"


def seen_by(bot: Bot) -> dict[str, Any]:
    """Return what a bot sees of other homes."""
    assert isinstance(bot.transport, MqttTransport)
    return bot.transport.diagnostics()


def homes_known_by(bot: Bot) -> list[str]:
    """Return the home of each bot elsewhere that a bot knows."""
    assert isinstance(bot.transport, MqttTransport)
    return [peer.home for peer in bot.transport.peers]


async def acquainted(*bots: Bot, others: int | None = None) -> None:
    """Wait until bots can speak and listen, and each knows so many others, or all of these."""
    known = len(bots) - 1 if others is None else others

    def is_so() -> bool:
        seen = [seen_by(bot) for bot in bots]
        return all(each["connected"] and each["bots_known"] == known for each in seen)

    await until(is_so)


class Ear:
    """All messages that a Home Assistant hears of, as its event bus tells."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Begin to listen."""
        self.heard: list[dict[str, Any]] = []

        @callback
        def heard(event: Any) -> None:
            self.heard.append(event.data)

        hass.bus.async_listen("datastream_bot_message", heard)

    def contents(self, address: str) -> list[Any]:
        """Return the contents of all messages to an address, as they came."""
        return [one["content"] for one in self.heard if one["address"] == address]


@asynccontextmanager
async def more_homes() -> AsyncIterator[Callable[[Path], Any]]:
    """Run more Home Assistants beside the one of the test, each with a folder of its own."""
    async with AsyncExitStack() as stack:

        async def start(folder: Path) -> HomeAssistant:
            folder.mkdir(exist_ok=True)  # noqa: ASYNC240
            (folder / "configuration.yaml").touch()
            hass = await stack.enter_async_context(async_test_home_assistant(config_dir=str(folder)))
            hass.data.pop(loader.DATA_CUSTOM_COMPONENTS)
            stack.push_async_callback(hass.async_stop, force=True)
            stack.push_async_callback(_unload, hass)
            return hass

        yield start


async def _unload(hass: HomeAssistant) -> None:
    """Unload the bots, then the way to the broker."""
    for domain in (DOMAIN, "mqtt"):
        for entry in hass.config_entries.async_loaded_entries(domain):
            assert await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done()


class Wire:
    """Somebody else at the broker, who says and hears bytes with MQTT 5."""

    def __init__(self, broker: Broker, user: str | None = None) -> None:
        """Connect."""
        self.heard: list[paho.MQTTMessage] = []
        self._codes: dict[int, int] = {}
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        if user is not None:
            self._client.username_pw_set(user, PASSWORD)
        self._client.on_message = lambda _client, _data, message: self.heard.append(message)
        self._client.on_publish = lambda _client, _data, mid, code, _: self._codes.update({mid: code.value})
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()

    def payloads(self, topic: str) -> list[Any]:
        """Return what was heard on a topic, read as JSON; None where it was empty."""
        said = [message.payload for message in self.heard if message.topic == topic]
        return [json.loads(payload) if payload else None for payload in said]

    def has_heard(self, count: int) -> bool:
        """Return whether so much was heard."""
        return len(self.heard) == count

    async def listen(self, topic: str) -> None:
        """Listen to a topic, and wait until the broker has heard of it."""
        subscribed: list[int] = []
        self._client.on_subscribe = lambda *_: subscribed.append(1)
        self._client.subscribe(topic, qos=1)
        await until(lambda: subscribed)

    async def say(
        self,
        topic: str,
        content: object,
        *,
        qos: int = 1,
        retain: bool = False,
        answer_to: str | None = None,
        correlation: bytes = b"",
        **properties: str,
    ) -> int:
        """Say something as JSON, or bytes as they are, and return the reason code of the broker."""
        payload = content if isinstance(content, bytes) else json.dumps(content)
        said = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        said.UserProperty = list(properties.items())
        if answer_to is not None:
            said.ResponseTopic = answer_to
        if correlation:
            said.CorrelationData = correlation
        mid = self._client.publish(topic, payload, qos=qos, retain=retain, properties=said).mid
        await until(lambda: mid in self._codes)
        return self._codes.pop(mid)

    def say_soon(self, topic: str, content: object) -> None:
        """Say something as JSON, without waiting for the broker."""
        self._client.publish(topic, json.dumps(content), qos=1)

    async def exist(self, home: str, bot: str, *, online: bool = True, session: str = "1", mark: str = "1") -> None:
        """Say that there is a bot."""
        status = {"name": bot.title(), "session": session, "mark": mark, "online": online}
        await self.say(f"datastream_bot/{ORGANIZATION}/{home}/status/{bot}", status, retain=True)

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()
