"""Brokers: how a bot logs in to one, and what it says of one that it cannot use."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
import logging
import os
from pathlib import Path
import signal
import socket
import ssl
from typing import Any

from aiohttp import web
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.const import DOMAIN
from custom_components.datastream_bot.mqtt.client import Client
from custom_components.datastream_bot.mqtt.payload import Packet
from custom_components.datastream_bot.mqtt.settings import Broker as BrokerAt, BrokerError, Problem

from .broker import (
    PASSWORD,
    Broker,
    acquainted,
    add_bot_of,
    broker_at,
    more_homes,
    mqtt_entry,
    needs_broker,
    running_broker,
    seen_by,
    until,
)
from .certificates import Authority, Certificate
from .test_many_homes import NEWS, send, who

pytestmark = needs_broker

type Start = Callable[[str], Awaitable[HomeAssistant]]

LOGIN = {"username": "cottage", "password": PASSWORD}
ONE_CLIENT = "one-client"


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Return a function that starts a Home Assistant."""
    async with more_homes() as start_one:
        yield lambda name: start_one(tmp_path / name)


@pytest.fixture(scope="module")
def authority() -> Authority:
    """Return a certificate authority of one's own."""
    return Authority()


@pytest.fixture(scope="module")
def client_certificate(authority: Authority) -> Certificate:
    """Return what a client can log in with."""
    return authority.issue(ONE_CLIENT)


@asynccontextmanager
async def tls_broker(
    folder: Path, authority: Authority, *more: str, name: str = "localhost", users: Iterable[str] = ()
) -> AsyncIterator[Broker]:
    """Run a broker whose connections are encrypted."""
    folder.mkdir()  # noqa: ASYNC240
    certificate = authority.issue(name)
    texts = {"authority.pem": authority.certificate, "certificate.pem": certificate.text, "key.pem": certificate.key}
    for file, text in texts.items():
        (folder / file).write_text(text, encoding="utf-8")
    lines = [f"{option} {folder / file}" for option, file in zip(("cafile", "certfile", "keyfile"), texts, strict=True)]
    async with running_broker(folder, users=users, more="\n".join([*lines, *more])) as broker:
        yield broker


async def reaches(start: Start, **settings: Any) -> bool:
    """Return whether a bot of the organization reaches one of a home by a broker."""
    chief = await add_bot_of(await start("chief"), streams=NEWS, **settings)
    cottage = await add_bot_of(await start("cottage"), "cottage", streams=NEWS, **settings)
    await acquainted(chief, cottage)
    return who(await send(chief, homes="all")) == ["cottage"]


async def test_a_broker_with_user_and_password(start: Start, tmp_path: Path) -> None:
    """Without encryption."""
    async with running_broker(tmp_path / "broker", users=["cottage"]) as broker:
        assert await reaches(start, **broker_at(broker.port, **LOGIN))


async def test_a_broker_with_a_certificate_of_ones_own_authority(
    start: Start, tmp_path: Path, authority: Authority
) -> None:
    """And with user and password."""
    async with tls_broker(tmp_path / "broker", authority, users=["cottage"]) as broker:
        settings = broker_at(broker.port, tls=True, certificate=authority.certificate, **LOGIN)
        assert await reaches(start, **settings | {"host": "localhost"})


async def test_a_broker_that_wants_a_client_certificate(
    start: Start, tmp_path: Path, authority: Authority, client_certificate: Certificate
) -> None:
    """Which is the login."""
    demands = ("require_certificate true", "use_identity_as_username true", "allow_anonymous false")
    async with tls_broker(tmp_path / "broker", authority, *demands, name="127.0.0.1") as broker:
        settings = broker_at(
            broker.port,
            tls=True,
            certificate=authority.certificate,
            client_certificate=client_certificate.text,
            client_key=client_certificate.key,
        )
        assert await reaches(start, **settings)


@asynccontextmanager
async def served(
    serve: Callable[[web.Request, web.WebSocketResponse], Awaitable[None]], certificate: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Run a server of websockets, and return its port."""

    async def answer(request: web.Request) -> web.WebSocketResponse:
        websocket = web.WebSocketResponse(protocols=["mqtt"])
        await serve(request, websocket)
        return websocket

    app = web.Application()
    app.router.add_get("/mqtt", answer)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=certificate).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@asynccontextmanager
async def websocket_to(broker: Broker, certificate: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Run a websocket that leads to a broker, and return its port."""

    async def serve(request: web.Request, websocket: web.WebSocketResponse) -> None:
        await websocket.prepare(request)
        reader, writer = await asyncio.open_connection("127.0.0.1", broker.port)

        async def back() -> None:
            while data := await reader.read(65536):
                await websocket.send_bytes(data)
            await websocket.close()

        going_back = asyncio.ensure_future(back())
        async for message in websocket:
            writer.write(message.data)
        writer.close()
        await going_back

    async with served(serve, certificate) as port:
        yield port


async def test_a_broker_behind_a_websocket(start: Start, tmp_path: Path) -> None:
    """As networks have it that let nothing else through."""
    async with running_broker(tmp_path / "broker") as broker, websocket_to(broker) as port:
        assert await reaches(start, **broker_at(port, path="/mqtt"))


@pytest.fixture
def encrypted(authority: Authority, tmp_path: Path) -> ssl.SSLContext:
    """Return what encrypts connections to 127.0.0.1."""
    certificate = authority.issue("127.0.0.1")
    (tmp_path / "certificate.pem").write_text(certificate.text + certificate.key, encoding="utf-8")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "certificate.pem")
    return context


async def test_a_broker_behind_an_encrypted_websocket(
    start: Start, tmp_path: Path, authority: Authority, encrypted: ssl.SSLContext
) -> None:
    """As brokers in a cloud have it."""
    async with running_broker(tmp_path / "broker") as broker, websocket_to(broker, encrypted) as port:
        assert await reaches(start, **broker_at(port, path="/mqtt", tls=True, certificate=authority.certificate))


async def test_two_bots_of_one_home_assistant_have_a_broker_each(start: Start, tmp_path: Path) -> None:
    """What one says does not come to the other's."""
    async with running_broker(tmp_path / "one") as one, running_broker(tmp_path / "two") as two:
        home = await start("home")
        bots = [
            await add_bot_of(home, "cottage", name=name, streams=NEWS, **broker_at(broker.port))
            for name, broker in (("One", one), ("Two", two))
        ]
        far = await add_bot_of(await start("far"), "cottage", name="Far", streams=NEWS, **broker_at(two.port))
        await acquainted(bots[0], others=0)
        await acquainted(bots[1], far)

        receipts = [await send(bot, external=True, scope="location") for bot in bots]

        assert [who(receipt) for receipt in receipts] == [["Two"], ["Far", "One"]]


async def test_home_assistants_own_broker(start: Start, tmp_path: Path) -> None:
    """With the user and the password that its MQTT integration has."""
    async with running_broker(tmp_path / "broker", users=["cottage"]) as broker:

        async def start_connected(name: str) -> HomeAssistant:
            hass = await start(name)
            mqtt_entry(broker, "cottage").add_to_hass(hass)
            return hass

        assert await reaches(start_connected)


async def test_home_assistants_own_broker_is_encrypted(
    start: Start, tmp_path: Path, authority: Authority, client_certificate: Certificate
) -> None:
    """The same settings connect its MQTT integration."""
    async with tls_broker(
        tmp_path / "broker", authority, "require_certificate true", name="elsewhere.example.com"
    ) as broker:
        settings = {
            "certificate": authority.certificate,
            "client_cert": client_certificate.text,
            "client_key": client_certificate.key,
            "tls_insecure": True,
        }
        assert await reaches(partial(start_connected, start, broker.port, settings))


async def test_home_assistants_own_broker_is_behind_a_websocket(
    start: Start, tmp_path: Path, authority: Authority, encrypted: ssl.SSLContext
) -> None:
    """The same settings connect its MQTT integration."""
    async with running_broker(tmp_path / "broker") as broker, websocket_to(broker, encrypted) as port:
        settings = {"certificate": authority.certificate, "transport": "websockets", "ws_path": "/mqtt"}
        assert await reaches(partial(start_connected, start, port, settings))


async def start_connected(start: Start, port: int, settings: dict[str, Any], name: str) -> HomeAssistant:
    """Start a Home Assistant whose MQTT integration is connected."""
    hass = await start(name)
    data = {"broker": "127.0.0.1", "port": port, "protocol": "5", **settings}
    entry = MockConfigEntry(domain="mqtt", data=data, options={"discovery": False}, version=2, minor_version=1)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    return hass


async def test_a_bot_that_is_unloaded_is_away(start: Start, tmp_path: Path) -> None:
    """Its connection is closed, and the broker tells the others."""
    async with running_broker(tmp_path / "broker") as broker:
        one, two = [
            await add_bot_of(await start(name), "cottage", name=name, **broker_at(broker.port))
            for name in ("one", "two")
        ]
        await acquainted(one, two)
        await until(lambda: seen_by(one)["bots_online"] == 1)

        await two.hass.config_entries.async_unload(two.bot_id)

        await until(lambda: seen_by(one)["bots_online"] == 0)
        assert seen_by(one)["bots_known"] == 1


# What is wrong.


class Impostor:
    """Something that listens where a broker is expected."""

    def __init__(self, answers: Callable[[bytes], bytes | None]) -> None:
        """Initialize it with what it answers to each packet; nothing at all, or None to close the connection."""
        self.came = 0
        self.open = 0
        self.port = 0
        self._answers = answers

    async def start(self) -> asyncio.Server:
        """Listen."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.came += 1
        self.open += 1
        try:
            while packet := await reader.read(4096):
                answer = self._answers(packet)
                if answer is None:
                    break
                writer.write(answer)
        except ConnectionError:
            pass
        finally:
            self.open -= 1
            writer.close()


@asynccontextmanager
async def impostor(answers: Callable[[bytes], bytes | None]) -> AsyncIterator[Impostor]:
    """Run something that is no broker."""
    running = Impostor(answers)
    server = await running.start()
    yield running
    server.close()


HTTP = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\n" + 100 * b"x"


def accepted(packet: bytes) -> bytes:
    """Let everybody in."""
    return b"\x20\x03\x00\x00\x00" if packet[0] == 0x10 else b""


def subscription_refused(packet: bytes) -> bytes:
    """Let everybody in, and nobody listen."""
    return b"\x90\x04" + packet[2:4] + b"\x00\x87" if packet[0] == 0x82 else accepted(packet)


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what the log warns of."""
    return [
        record.getMessage()
        for record in caplog.get_records("call")
        if record.levelno >= logging.WARNING and "datastream_bot.mqtt" in record.name
    ]


async def complaint_of(bot: Bot) -> str | None:
    """Wait until a bot knows what is wrong with its broker, and return what its repair issue says."""
    await until(lambda: seen_by(bot)["problem"])
    issue = ir.async_get(bot.hass).async_get_issue(DOMAIN, f"mqtt_unusable_{bot.bot_id}")
    return None if issue is None else (issue.translation_placeholders or {})["about"]


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.warns
@pytest.mark.parametrize(
    ("settings", "problem", "says"),
    [
        ({"certificate": ""}, Problem.CERTIFICATE_NOT_TRUSTED, "certificate is not trusted: self-signed certificate"),
        ({"host": "127.0.0.1"}, Problem.CERTIFICATE_NOT_TRUSTED, "IP address mismatch, certificate is not valid for"),
        ({"certificate": "nonsense"}, Problem.CERTIFICATE_UNREADABLE, "cannot be read: "),
        ({"client_certificate": "nonsense"}, Problem.CERTIFICATE_UNREADABLE, "cannot be read: "),
        ({"tls": False}, Problem.CLOSED_UNANSWERED, "closed the connection without an answer"),
    ],
)
async def test_what_is_wrong_with_certificates_is_told(
    start: Start,
    tmp_path: Path,
    authority: Authority,
    caplog: pytest.LogCaptureFixture,
    settings: dict[str, Any],
    problem: Problem,
    says: str,
) -> None:
    """Once in the log, and in a repair issue."""
    async with tls_broker(tmp_path / "broker", authority) as broker:
        right = broker_at(broker.port, host="localhost", tls=True, certificate=authority.certificate)
        bot = await add_bot_of(await start("one"), "cottage", **right | settings)

        assert says in str(await complaint_of(bot))
        await asyncio.sleep(1)

        assert seen_by(bot)["problem"] == problem
        assert len(warnings_of(caplog)) == 1
        assert "cottage is not connected to other homes: " in warnings_of(caplog)[0]


@pytest.mark.warns
@pytest.mark.parametrize(
    ("answers", "problem", "says"),
    [
        (lambda _: None, Problem.CLOSED_UNANSWERED, "closed the connection without an answer"),
        (lambda _: HTTP, Problem.NOT_MQTT, "does not speak MQTT"),
        (lambda _: b"\x20\x03\x00\x77\x00", Problem.NOT_MQTT, "does not speak MQTT"),
        (lambda _: 6 * b"\xff", Problem.CLOSED_UNANSWERED, "closed the connection without an answer"),
        (lambda _: b"\x20\x02\x00\x01", Problem.OTHER_VERSION, "does not know MQTT 5"),
        (lambda _: b"\x20\x03\x00\x84\x00", Problem.OTHER_VERSION, "does not know MQTT 5"),
        (lambda _: b"\x20\x03\x00\x89\x00", Problem.REFUSED, "refused the connection: Server busy"),
        (subscription_refused, Problem.TOPIC_REFUSED, "datastream_bot/acme/cottage/cottage/message/#: Not authorized"),
    ],
)
async def test_what_is_wrong_with_a_broker_is_told(
    start: Start,
    caplog: pytest.LogCaptureFixture,
    answers: Callable[[bytes], bytes | None],
    problem: Problem,
    says: str,
) -> None:
    """Once, and it is tried again and again, more and more rarely."""
    async with impostor(answers) as broker:
        bot = await add_bot_of(await start("one"), "cottage", **broker_at(broker.port))

        assert says in str(await complaint_of(bot))
        await until(lambda: broker.came >= 3)
        await asyncio.sleep(1)

        assert seen_by(bot)["problem"] == problem
        assert len(warnings_of(caplog)) == 1
        assert broker.came <= 4
        await bot.hass.config_entries.async_unload(bot.bot_id)
        await until(lambda: not broker.open)


@pytest.mark.warns
@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        # Of a network that is not there; names are not looked up in tests.
        ({"host": "fe80::1%nowhere"}, Problem.HOST_NOT_FOUND),
        ({"port": free_port()}, Problem.UNREACHABLE),
    ],
)
async def test_a_broker_that_cannot_be_reached_may_be_so_soon(
    start: Start, caplog: pytest.LogCaptureFixture, settings: dict[str, Any], problem: Problem
) -> None:
    """So the log says it, and no repair issue."""
    bot = await add_bot_of(await start("one"), "cottage", **broker_at(1883) | settings)

    assert await complaint_of(bot) is None
    assert seen_by(bot)["problem"] == problem
    assert len(warnings_of(caplog)) == 1


@pytest.mark.warns
@pytest.mark.parametrize(
    ("settings", "problem", "says"),
    [
        ({"tls": True}, Problem.TLS_FAILED, "No encrypted connection is possible: "),
        ({"path": "/mqtt"}, Problem.UNREACHABLE, "cannot be reached: WebSocket handshake error"),
    ],
)
async def test_a_port_that_is_for_something_else_is_told(
    start: Start, caplog: pytest.LogCaptureFixture, settings: dict[str, Any], problem: Problem, says: str
) -> None:
    """In the log at least."""
    async with impostor(lambda _: HTTP) as broker:
        bot = await add_bot_of(await start("one"), "cottage", **broker_at(broker.port) | settings)

        await complaint_of(bot)

        assert seen_by(bot)["problem"] == problem
        assert says in warnings_of(caplog)[0]
        await until(lambda: not broker.open)


@pytest.mark.warns
async def test_a_broker_that_never_answers_is_given_up(start: Start) -> None:
    """And nothing of the attempt is left."""
    async with impostor(lambda _: b"") as broker:
        bot = await add_bot_of(await start("one"), "cottage", **broker_at(broker.port))

        assert await complaint_of(bot) is None

        assert seen_by(bot)["problem"] == Problem.NO_ANSWER
        await until(lambda: broker.came == 2)
        assert broker.open == 1


@pytest.mark.parametrize("answers", [lambda _: b"", accepted])
async def test_a_bot_that_is_unloaded_while_it_connects_leaves_nothing_open(
    start: Start, answers: Callable[[bytes], bytes | None]
) -> None:
    """Whether the broker was about to let it in or to let it listen."""
    async with impostor(answers) as broker:
        bot = await add_bot_of(await start("one"), "cottage", **broker_at(broker.port))
        await until(lambda: broker.open)
        await asyncio.sleep(0.1)

        await bot.hass.config_entries.async_unload(bot.bot_id)

        await until(lambda: not broker.open, 3)
        assert broker.came == 1


@pytest.mark.warns
async def test_a_connection_ends_when_the_broker_talks_nonsense(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing that comes after it could be read."""
    nonsense = b"\x30\x03\x00\x01\xff"
    async with impostor(lambda packet: accepted(packet) or nonsense) as broker:
        await add_bot_of(await start("one"), "cottage", **broker_at(broker.port))

        await until(lambda: broker.came == 3)

        assert "What the broker sent cannot be read" in caplog.text
        assert broker.open <= 1


async def test_a_connection_that_comes_too_late_is_closed(start: Start) -> None:
    """The bot was unloaded while something on the way took its time."""
    asked, may_answer, closed = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def serve(request: web.Request, websocket: web.WebSocketResponse) -> None:
        asked.set()
        await may_answer.wait()
        await websocket.prepare(request)
        async for _ in websocket:
            pass
        closed.set()

    async with served(serve) as port:
        bot = await add_bot_of(await start("one"), "cottage", **broker_at(port, path="/mqtt"))
        await asked.wait()
        await bot.hass.config_entries.async_unload(bot.bot_id)

        may_answer.set()

        await asyncio.wait_for(closed.wait(), 5)


@pytest.mark.warns
async def test_a_wrong_password_is_asked_for_anew(
    start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As Home Assistant does it."""
    async with running_broker(tmp_path / "broker", users=["cottage"]) as broker:
        bot = await add_bot_of(
            await start("one"), "cottage", **broker_at(broker.port, **LOGIN | {"password": "battery horse"})
        )

        assert await complaint_of(bot) is None
        await until(lambda: [*bot.entry.async_get_active_flows(bot.hass, {"reauth"})])

        assert seen_by(bot)["problem"] == Problem.LOGIN_REFUSED
        assert len(warnings_of(caplog)) == 1


@pytest.mark.warns
async def test_a_wrong_password_of_home_assistants_broker_is_told(start: Start, tmp_path: Path) -> None:
    """It is not this integration that it is to be told to."""
    async with running_broker(tmp_path / "broker", users=["cottage"]) as broker:
        hass = await start("one")
        entry = mqtt_entry(broker, "cottage", "battery horse")
        entry.add_to_hass(hass)
        bot = await add_bot_of(hass, "cottage")

        assert "refused the user name or the password: Not authorized" in str(await complaint_of(bot))
        assert [*bot.entry.async_get_active_flows(hass, {"reauth"})] == []

        hass.config_entries.async_update_entry(entry, data=mqtt_entry(broker, "cottage").data)
        await acquainted(bot)

        assert ir.async_get(hass).async_get_issue(DOMAIN, f"mqtt_unusable_{bot.bot_id}") is None


@pytest.mark.warns
@pytest.mark.parametrize(
    ("data", "problem"),
    [([], Problem.MQTT_MISSING), ([{"port": 1883}], Problem.MQTT_UNREADABLE)],
)
async def test_home_assistant_without_a_broker_is_told_of(
    start: Start, data: list[dict[str, Any]], problem: Problem
) -> None:
    """Or with one that nobody knows how to reach."""
    hass = await start("one")
    for its in data:
        MockConfigEntry(domain="mqtt", data=its).add_to_hass(hass)

    bot = await add_bot_of(hass, "cottage")

    assert "MQTT integration" in str(await complaint_of(bot))
    assert seen_by(bot)["problem"] == problem


@pytest.mark.warns
async def test_each_change_of_what_is_wrong_is_told(
    start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And that it is right again."""
    async with running_broker(tmp_path / "broker", users=["cottage"]) as broker:
        bot = await add_bot_of(await start("one"), "cottage", **broker_at(broker.port, **LOGIN))
        await acquainted(bot)

        for number in (1, 2):
            await broker.kill()
            await until(lambda: seen_by(bot)["problem"] == Problem.UNREACHABLE)
            await broker.start()
            await acquainted(bot)

            assert len(warnings_of(caplog)) == number
        assert caplog.text.count("cottage is connected to other homes") == 3


async def test_who_speaks_when_the_connection_is_broken_is_told(start: Start, tmp_path: Path) -> None:
    """What must not be left unsaid is an error; all else is sent again by whoever wants that."""
    hass = await start("one")
    packet = Packet(topic="news", payload=b"{}")
    answers: list[str] = []
    async with running_broker(tmp_path / "broker") as broker:
        client = Client(hass, "somebody", BrokerAt(host="127.0.0.1", port=broker.port))
        await client.async_connect(clean=True, expiry=0)
        client.async_publish(packet, answers.append)
        await until(lambda: answers == [""])
        os.kill(broker.pid, signal.SIGSTOP)
        client.async_publish(packet, answers.append)
    await asyncio.wait([client.lost])

    client.async_publish(packet, answers.append)
    with pytest.raises(BrokerError) as error:
        await client.async_say(packet)
    assert error.value.problem is Problem.NO_ANSWER
    assert answers == [""]
    await client.async_close()
