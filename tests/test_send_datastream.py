"""The command line, as a program of its own, against a real Home Assistant over HTTP."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
import json
import os
from pathlib import Path
import pty
import shlex
import sys
from typing import Any, Protocol

from homeassistant.core import Event, HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.datastream_bot.bot import Bot

from .conftest import AddBot, Home
from .doors import OPEN, Client, open_doors
from .home import is_on
from .streams import add_stream, row

SCRIPT = Path(__file__).parent.parent / "scripts" / "send_datastream"
HANDLED, REFUSED, MISUSE, UNREACHABLE = range(4)


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run of the script came to."""

    status: int | None
    output: str
    error: str


class Run(Protocol):
    """Runs the script."""

    async def __call__(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Ran:
        """Run it with these arguments and this environment."""


@pytest.fixture
def run() -> Run:
    """Return a function that runs the script as people do."""

    async def run_script(*arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Ran:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(SCRIPT),
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **(env or {})},
        )
        output, error = await process.communicate(stdin)
        return Ran(process.returncode, output.decode(), error.decode())

    return run_script


@pytest.fixture
async def bot(home: Home, add_bot: AddBot, client: Client) -> Bot:
    """Return a bot with a webhook and a data stream that checks its content."""
    bot = await open_doors(await add_bot("Home"), webhook=OPEN | {"names_entities": True})
    await add_stream(bot, "doorbell", fields=[row("times", "number", required=True), row("visitor")])
    return bot


@pytest.fixture
def url(client: Client) -> str:
    """Return where Home Assistant is."""
    return str(client.make_url("")).rstrip("/")


@pytest.fixture
def token_file(tmp_path: Path, hass_access_token: str) -> str:
    """Return a file with a token."""
    path = tmp_path / "token"
    path.write_text(f"{hass_access_token}\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def webhook(bot: Bot, url: str) -> str:
    """Return the URL of the bot's webhook."""
    return f"{url}/api/webhook/{bot.entry.options['doors']['webhook']['webhook_id']}"


async def test_a_message_is_sent_with_a_token(
    hass: HomeAssistant, home: Home, bot: Bot, run: Run, url: str, token_file: str
) -> None:
    """The receipt is a table for people."""
    ran = await run("toggle_everything", "on=yes", "--url", url, "--token-file", token_file)

    assert ran == Ran(
        HANDLED,
        "OUTCOME  BOT   RECEIVER  RESULT\n"
        "handled  Home  device    on true, switched light.kitchen light.porch switch.fan\n",
        "",
    )
    assert all(is_on(hass, entity_id) for entity_id in home)


@pytest.mark.parametrize("is_signed", [False, True])
async def test_a_message_is_sent_to_a_webhook(
    hass: HomeAssistant, home: Home, bot: Bot, run: Run, webhook: str, tmp_path: Path, *, is_signed: bool
) -> None:
    """Signed, when the file has a secret as well."""
    await open_doors(bot, webhook=OPEN | {"signed": is_signed, "names_entities": True})
    secret = bot.entry.options["doors"]["webhook"]["secret"] if is_signed else ""
    file = tmp_path / "webhook"
    file.write_text(f"{webhook}\n{secret}\n", encoding="utf-8")

    ran = await run("toggle_everything", "on:=true", "--webhook-file", str(file))
    again = await run("toggle_everything", "on:=true", env={"DATASTREAM_WEBHOOK": f"{webhook} {secret}"})

    assert (ran.status, again.status) == (HANDLED, HANDLED)
    assert home["light.kitchen"].commands == [True, True]


async def test_a_message_that_is_sent_again_with_its_id_is_carried_out_once(
    hass: HomeAssistant, home: Home, bot: Bot, run: Run, url: str, token_file: str
) -> None:
    """For those who do not know whether it arrived."""
    same = ("toggle_everything", "on=yes", "--id", "night 1", "--url", url, "--token-file", token_file)

    first, again = [await run(*same) for _ in range(2)]

    assert "switched" in first.output
    assert again == Ran(HANDLED, "OUTCOME  BOT   RECEIVER  RESULT\nhandled  Home  device\n", "")
    assert home["light.kitchen"].commands == [True]


async def test_the_environment_says_it_all(
    hass: HomeAssistant, home: Home, bot: Bot, add_bot: AddBot, run: Run, url: str, hass_access_token: str
) -> None:
    """For cron."""
    await add_bot("Garden")
    environment = {"DATASTREAM_URL": f"{url}/", "DATASTREAM_TOKEN": hass_access_token}

    both = await run("toggle_everything", "on=1", "--output", "json", env=environment)
    one = await run("toggle_everything", "on=1", "--output", "json", env=environment | {"DATASTREAM_BOT": "Garden"})
    other = await run("toggle_everything", "on=1", "--output", "json", "--bot", bot.bot_id, env=environment)

    bots = [[delivery["bot"] for delivery in json.loads(ran.output)["handled"]] for ran in (both, one, other)]
    assert bots == [["Home", "Garden"], ["Garden"], ["Home"]]


@pytest.mark.parametrize(
    ("arguments", "stdin", "content"),
    [
        ([], b"", {}),
        (["a=1", "b:=1", "c=", "d=x=y:=z"], b"", {"a": "1", "b": 1, "c": "", "d": "x=y:=z"}),
        (['a:={"b": [true, null]}', "\u00e9=\u00fc"], b"", {"a": {"b": [True, None]}, "\u00e9": "\u00fc"}),
        ([r"a\=b=c", r"d\:=e", r"f\\=g", r"h\:\=i:=2"], b"", {"a=b": "c", "d:": "e", "f\\": "g", "h:=i": 2}),
        (["a=first\nsecond"], b"", {"a": "first\nsecond"}),
        (["--json", "-"], b'{"a": [1.5]}', {"a": [1.5]}),
    ],
)
async def test_content_is_written_as_with_httpie(
    hass: HomeAssistant, bot: Bot, run: Run, webhook: str, arguments: list[str], stdin: bytes, content: dict[str, Any]
) -> None:
    """Text with =, everything else with :=."""
    events: list[Event] = async_capture_events(hass, "datastream_bot_message")
    await add_stream(bot, "news")

    ran = await run("news", *arguments, stdin=stdin, env={"DATASTREAM_WEBHOOK": webhook})

    assert (ran.status, ran.output) == (HANDLED, "OUTCOME  BOT   RECEIVER  RESULT\nhandled  Home  mapping\n")
    assert events[0].data["content"] == content


async def test_content_may_come_from_a_file(
    hass: HomeAssistant, home: Home, bot: Bot, run: Run, webhook: str, tmp_path: Path
) -> None:
    """Of JSON."""
    file = tmp_path / "content.json"
    file.write_text('{"on": true}', encoding="utf-8")

    ran = await run("toggle_everything", "--json", str(file), env={"DATASTREAM_WEBHOOK": webhook})

    assert ran.status == HANDLED
    assert is_on(hass, "light.kitchen")


@pytest.mark.warns
async def test_what_failed_is_in_the_table(home: Home, bot: Bot, run: Run, webhook: str) -> None:
    """And in the exit status."""
    home["light.porch"].broken = "stuck"

    ran = await run("toggle_everything", "on=on", env={"DATASTREAM_WEBHOOK": webhook})

    assert ran.status == REFUSED
    assert "failed   Home  device    These could not be switched: light.porch: stuck" in ran.output


@pytest.mark.warns
async def test_a_refusal_is_told_in_the_words_of_the_bot(
    bot: Bot, run: Run, url: str, token_file: str, webhook: str
) -> None:
    """Whatever the way."""
    by_token = ["--url", url, "--token-file", token_file]
    refusals = [
        (await run("doorbell", "tims=2", *by_token)).error,
        (await run("nowhere", *by_token)).error,
        (await run("toggle_everything", *by_token, "--bot", "Hut")).error,
        (await run("doorbell", "--json", "-", stdin=b"[]", env={"DATASTREAM_WEBHOOK": webhook})).error,
        (await run("toggle_everything", env={"DATASTREAM_WEBHOOK": f"{webhook}0"})).error,
        (await run("toggle_everything", "--url", url, env={"DATASTREAM_TOKEN": "wrong"})).error,
    ]
    texts = [
        "tims is unknown, perhaps times is meant; times is missing",
        "No bot behind this door opened nowhere to the outside",
        "No bot with the name or id Hut is running",
        "The content must be an object of keys and values",
        "Nobody is behind this URL",
        "Home Assistant does not know this token",
    ]
    for refusal, text in zip(refusals, texts, strict=True):
        assert refusal.startswith("send_datastream: ")
        assert text in refusal


async def errors_of(run: Run, status: int, cases: list[tuple[list[str], dict[str, str]]]) -> list[str]:
    """Return what the script says with these arguments and environments, each of which leads to this exit status."""
    ran = await asyncio.gather(*(run(*arguments, env=environment) for arguments, environment in cases))

    for (arguments, _), one in zip(cases, ran, strict=True):
        assert one.status == status, (arguments, one)
        assert one.error
        assert "Traceback" not in one.error
    return [one.error for one in ran]


async def test_a_way_in_that_cannot_be_meant_is_misuse(
    bot: Bot, run: Run, url: str, token_file: str, webhook: str, tmp_path: Path
) -> None:
    """A missing one as well."""
    empty = tmp_path / "empty"
    empty.write_text("", encoding="utf-8")
    to_everything = ["toggle_everything", "--url", url]
    by_token = ["toggle_everything", "--token-file", token_file]
    cases: list[tuple[list[str], dict[str, str]]] = [
        ([], {}),
        (["toggle_everything"], {}),
        (by_token, {}),
        (to_everything, {}),
        (to_everything, {"DATASTREAM_TOKEN": "two words"}),
        (to_everything, {"DATASTREAM_TOKEN": "caf\u00e9"}),
        ([*to_everything, "--token-file", str(tmp_path / "missing")], {}),
        ([*to_everything, "--token-file", str(empty)], {}),
        ([*to_everything, "--webhook-file", str(empty)], {}),
        (["toggle_everything", "--webhook-file", str(empty), "--bot", "Home"], {}),
        ([*by_token, "--url", "homeassistant.local"], {}),
        ([*by_token, "--url", "ftp://homeassistant.local"], {}),
        ([*by_token, "--url", "http://host:port"], {}),
        ([*by_token, "--url", "http://[::1"], {}),
        ([*by_token, "--url", "http://caf\u00e9"], {}),
        (["toggle_everything"], {"DATASTREAM_WEBHOOK": f"{webhook}\x01"}),
    ]
    assert webhook.rsplit("/", 1)[-1] not in "".join(await errors_of(run, MISUSE, cases))


async def test_content_that_cannot_be_meant_is_misuse(
    bot: Bot, run: Run, url: str, token_file: str, tmp_path: Path
) -> None:
    """As is an option."""
    wrong = [
        ["--timeout", "0"],
        ["--timeout", "soon"],
        ["--id", ""],
        ["--id", "\u00e9"],
        ["on"],
        ["=on"],
        ["on=1", "on=2"],
        ["on:=yes"],
        ["--json", "-", "on=1"],
        ["--json", "-"],
        ["--json", str(tmp_path / "missing")],
    ]
    by_token = ["toggle_everything", "--token-file", token_file, "--url", url]
    await errors_of(run, MISUSE, [([*by_token, *arguments], {}) for arguments in wrong])


async def test_the_addresses_are_listed(bot: Bot, add_bot: AddBot, run: Run, url: str, hass_access_token: str) -> None:
    """With what they are for, of all bots or of one."""
    await add_stream(await add_bot("Garden"), "lawn", description="Mow the\nlawn", external=True)
    await add_stream(bot, "secret", external=False)
    environment = {"DATASTREAM_URL": url, "DATASTREAM_TOKEN": hass_access_token}

    ran = await run("--list", env=environment)
    of_garden = await run("--list", "--bot", "garden", env=environment)
    of_home = await run("--list", env=environment | {"DATASTREAM_BOT": bot.bot_id})

    assert (ran.status, ran.error) == (HANDLED, "")
    lines = ran.output.splitlines()
    assert lines[0].split() == ["ADDRESS", "BOT", "DESCRIPTION"]
    assert [line.split()[:2] for line in lines[1:]] == [
        ["doorbell", "Home"],
        ["lawn", "Garden"],
        ["send_push_notification", "Home"],
        ["toggle_everything", "Home"],
        ["toggle_everything", "Garden"],
    ]
    assert lines[2].endswith("  Mow the lawn")
    assert [line.split()[0] for line in of_garden.output.splitlines()[1:]] == ["lawn", "toggle_everything"]
    assert "lawn" not in of_home.output


async def test_an_address_is_explained(
    hass: HomeAssistant, bot: Bot, add_bot: AddBot, run: Run, url: str, hass_access_token: str
) -> None:
    """Field by field, with an example to copy, which works."""
    fields = [
        row("level", "number", limits="0 to 100 step 5 %", required=True, description="How bright"),
        row("a=b", "list", required=True),
        row("watts", "number", limits="1 to W"),
        row("cold", "number", limits="to -3 °C"),
        row("mode", "choice", limits="eco, off", default="ECO"),
        row("on", "boolean", default=True),
    ]
    await add_stream(bot, "light_up", description="Light the room", fields=fields)
    garden = await add_bot("Garden")
    await add_stream(garden, "light_up")
    environment = {"DATASTREAM_URL": url, "DATASTREAM_TOKEN": hass_access_token, "LANG": "C.UTF-8"}

    ran = await run("--help", "light_up", "--bot", "Home", env=environment)

    assert (ran.status, ran.error) == (HANDLED, "")
    assert ran.output.splitlines() == [
        "light_up of Home: Light the room",
        "",
        "FIELD  TYPE                                            EXAMPLE                    DESCRIPTION",
        "level  number 0 to 100 % in steps of 5  required       level:=0                   How bright",
        r"""a=b    list                             required       'a\=b:=["milk", "bread"]'""",
        "watts  number at least 1 W                             watts:=1",
        "cold   number at most -3 °C                            cold:=-3",
        "mode   eco or off                       default: eco   mode=eco",
        "on     true or false                    default: true  on:=true",
        "",
        r"""send_datastream light_up level:=0 'a\=b:=["milk", "bread"]'""",
    ]
    example = shlex.split(ran.output.splitlines()[-1])[1:]
    assert (await run(*example, "--bot", "Home", env=environment)).status == HANDLED
    both = await run("--help", "light_up", env=environment)
    assert both.output == f"{ran.output}\nlight_up of Garden\n\nIt takes any content.\n\nsend_datastream light_up\n"


async def test_what_can_be_sent_is_told_to_programs(
    bot: Bot, client: Client, run: Run, url: str, token_file: str, hass_access_token: str
) -> None:
    """As Home Assistant tells it."""
    path = "/api/datastream_bot/asyncapi.json"
    response = await client.get(path, headers={"Authorization": f"Bearer {hass_access_token}"})

    ran = await run("--list", "--output", "json", "--url", url, "--token-file", token_file)

    assert json.loads(ran.output) == await response.json()


@pytest.mark.warns
async def test_what_cannot_be_told_is_said(
    hass: HomeAssistant, bot: Bot, run: Run, url: str, token_file: str, webhook: str, tmp_path: Path
) -> None:
    """In one sentence."""
    (tmp_path / "webhook").write_text(webhook, encoding="utf-8")
    by_token = ["--url", url, "--token-file", token_file]
    refused: list[tuple[list[str], dict[str, str]]] = [
        (["--help", "nowhere", *by_token], {}),
        (["--list", "--bot", "Hut", *by_token], {}),
        (["--list", "--url", url], {"DATASTREAM_TOKEN": "wrong"}),
    ]
    errors = [
        *await errors_of(run, REFUSED, refused),
        *await errors_of(
            run, MISUSE, [(["--list", "--webhook-file", str(tmp_path / "webhook")], {}), (["--list"], {})]
        ),
        *await errors_of(run, UNREACHABLE, [(["--list", *by_token, "--url", f"{url}/somewhere/else"], {})]),
    ]
    texts = [
        "No bot that is running opened nowhere",
        "No bot with the name or id Hut",
        "does not know this token",
        "A webhook tells nothing",
        "Say where Home Assistant is",
        "no Home Assistant with Data Stream Bot in it",
    ]
    for error, text in zip(errors, texts, strict=True):
        assert text in error


async def test_help_needs_no_home_assistant(run: Run) -> None:
    """Nor an address."""
    for asked in ("-h", "--help"):
        ran = await run(asked)
        assert (ran.status, ran.error) == (HANDLED, "")
        assert "exit status:" in ran.output


async def test_while_the_bot_is_loaded_it_is_unreachable(
    hass: HomeAssistant, bot: Bot, run: Run, webhook: str, tmp_path: Path
) -> None:
    """Whoever sends may try again."""
    await hass.config_entries.async_unload(bot.bot_id)
    (tmp_path / "webhook").write_text(webhook, encoding="utf-8")

    ran = await run("toggle_everything", "on=yes", "--webhook-file", str(tmp_path / "webhook"))

    assert (ran.status, ran.output) == (UNREACHABLE, "")
    assert "The bot is being loaded. Try again in 5 seconds" in ran.error


async def test_where_home_assistant_is_not_it_is_unreachable(
    bot: Bot, run: Run, url: str, token_file: str, unused_tcp_port: int
) -> None:
    """Whatever is there instead."""
    nowhere = [
        f"http://127.0.0.1:{unused_tcp_port}",
        "http://unknown.invalid",
        url.replace("http:", "https:"),
        f"{url}/somewhere/else",
    ]
    by_token = ["toggle_everything", "--token-file", token_file, "--url"]
    await errors_of(run, UNREACHABLE, [([*by_token, elsewhere], {}) for elsewhere in nowhere])


@pytest.mark.parametrize(
    ("answer", "status", "text"),
    [
        (b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", UNREACHABLE, "sends on"),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", UNREACHABLE, "HTTP status 502"),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 9\r\n\r\nx", UNREACHABLE, "does not answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", REFUSED, "Nobody is behind this URL"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}", UNREACHABLE, "does not answer"),
        (b"nonsense\r\n\r\n", UNREACHABLE, "does not answer"),
        (b"", UNREACHABLE, "does not answer"),
    ],
)
async def test_whatever_is_there_instead_of_home_assistant(
    socket_enabled: None, run: Run, answer: bytes, status: int, text: str
) -> None:
    """The token goes to nobody else."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100_000)
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    ran = await run("news", "--url", f"http://127.0.0.1:{port}", env={"DATASTREAM_TOKEN": "secret"})
    server.close()

    assert (ran.status, "secret" in ran.error) == (status, False)
    assert text in ran.error


async def test_a_server_that_never_answers_is_given_up(socket_enabled: None, run: Run) -> None:
    """After the time that the user sets."""

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    ran = await run("news", "--url", f"http://127.0.0.1:{port}", "--timeout", "0.5", env={"DATASTREAM_TOKEN": "secret"})
    server.close()

    assert ran.status == UNREACHABLE
    assert "timed out" in ran.error


async def test_without_any_secret_it_asks_for_the_token(home: Home, bot: Bot, url: str, hass_access_token: str) -> None:
    """On a terminal, where it is not shown."""
    terminal, other_end = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(SCRIPT), "toggle_everything", "on=on", "--url", url),
        stdin=other_end,
        stdout=asyncio.subprocess.PIPE,
        stderr=other_end,
        env={"PATH": os.environ["PATH"]},
        start_new_session=True,
    )
    os.close(other_end)
    prompt = await asyncio.to_thread(os.read, terminal, 1000)
    os.write(terminal, f"{hass_access_token}\n".encode())
    output, _ = await process.communicate()
    os.close(terminal)

    assert (process.returncode, "handled" in output.decode()) == (HANDLED, True)
    assert prompt == b"Token: "


def test_secrets_cannot_be_written_on_the_command_line() -> None:
    """Where history and other users see them."""
    source = SCRIPT.read_text(encoding="utf-8")
    assert '"--token"' not in source
    assert '"--webhook"' not in source
