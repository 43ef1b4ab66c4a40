"""The examples of the page about many homes, run as they stand there, with a real broker."""

import asyncio
from collections.abc import AsyncIterator
import json
from pathlib import Path
import re
import shutil
from typing import Any

from homeassistant.util.yaml import parse_yaml
import pytest

from custom_components.datastream_bot.bot import Bot

from .broker import (
    PASSWORD,
    Broker,
    Ear,
    acquainted,
    add_bot_of,
    broker_at,
    more_homes,
    needs_broker,
    running_broker,
    until,
)
from .pages import examples
from .streams import row

pytestmark = needs_broker

ANY_ID = {"config_entry_id", "message_id", "address", "result"}
ACCESS = examples("conf", "pattern ")
USERS = ("headquarters", "cottage", "villa")
HOST = "broker.example.com"

needs_node = pytest.mark.skipif(not shutil.which("npm"), reason="Node.js is not installed")


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    """Run a broker with the access list of the page."""
    async with running_broker(tmp_path / "broker", users=USERS, access=ACCESS) as running:
        yield running


@pytest.fixture
async def bots(broker: Broker, tmp_path: Path) -> AsyncIterator[dict[str, Bot]]:
    """Run headquarters, two homes, and a workshop in one of them."""
    fields = [row("times", "number", required=True)]
    streams: list[dict[str, Any]] = [
        {"address": "toggle_everything"},
        {"address": "storm_warning"},
        {"address": "window_open"},
    ]
    streams.append({"address": "doorbell", "fields": fields})
    homes = {"Headquarters": "", "Cottage": "cottage", "Workshop": "cottage", "Villa": "villa"}
    async with more_homes() as start:
        bots = {}
        for name, home in homes.items():
            login = broker_at(broker.port, username=home or "headquarters", password=PASSWORD)
            bots[name] = await add_bot_of(await start(tmp_path / name), home, name=name, streams=streams, **login)
        await acquainted(bots["Headquarters"], others=3)
        await acquainted(bots["Cottage"], bots["Workshop"], others=2)
        await acquainted(bots["Villa"], others=1)
        yield bots


async def perform(bot: Bot, action: Any) -> Any:
    """Perform an action of the page as the bot that is meant, and return the response."""
    domain, name = action["action"].split(".")
    data = {**action["data"], "config_entry_id": bot.bot_id}
    return await bot.hass.services.async_call(domain, name, data, blocking=True, return_response=True)


def without_ids(value: Any) -> Any:
    """Return what the page shows of a receipt."""
    if isinstance(value, dict):
        return {key: without_ids(item) for key, item in value.items() if key not in ANY_ID}
    return [without_ids(item) for item in value] if isinstance(value, list) else value


def here(example: str, broker: Broker) -> str:
    """Return an example with the broker of the test."""
    example = example.replace(f"-h {HOST}", f"-h 127.0.0.1 -p {broker.port}")
    example = re.sub(rf'"{HOST}",( "port":)? "?1883"?', rf'"127.0.0.1",\1 {broker.port}', example)
    return example.replace(f"{HOST}:1883", f"127.0.0.1:{broker.port}")


async def output_of(*command: str | Path, folder: Path) -> str:
    """Run a program, and return what it prints."""
    process = await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode()


async def test_two_home_assistants_in_one_home(bots: dict[str, Bot]) -> None:
    """The receipt is as shown."""
    receipt = await perform(bots["Cottage"], parse_yaml(examples("yaml", "\nresponse_variable: receipt\n")))

    assert without_ids(receipt) == parse_yaml(examples("yaml", "bot: Workshop"))


async def test_an_organization_and_its_homes(bots: dict[str, Bot]) -> None:
    """Headquarters warns the homes, and a home tells headquarters."""
    ears = {name: Ear(bot.hass) for name, bot in bots.items()}
    actions: Any = parse_yaml(examples("yaml", "homes: [cottage, villa]"))

    warned = await perform(bots["Headquarters"], actions[0])
    told = await perform(bots["Cottage"], actions[1])

    assert [(len(receipt["handled"]), receipt["pending"]) for receipt in (warned, told)] == [(4, []), (2, [])]
    heard = [ears[name].contents("storm_warning") for name in ("Cottage", "Workshop", "Villa")]
    assert heard == [[{"wind": 120}]] * 3
    assert [one["home"] for one in ears["Headquarters"].heard if one["address"] == "window_open"] == ["cottage"]


@pytest.mark.skipif(not shutil.which("mosquitto_rr"), reason="Debian's package mosquitto-clients is not installed")
async def test_mosquittos_client(bots: dict[str, Bot], broker: Broker, tmp_path: Path) -> None:
    """It prints the receipt, or only sends."""
    ear = Ear(bots["Headquarters"].hass)

    printed = await output_of("sh", "-ec", here(examples("sh", "mosquitto_rr"), broker), folder=tmp_path)
    await output_of("sh", "-ec", here(examples("sh", "mosquitto_pub"), broker), folder=tmp_path)
    await until(lambda: len(ear.heard) == 3)

    assert json.loads(printed)["handled"][0]["bot"] == "Headquarters"
    assert ear.contents("doorbell") == [{"times": 2}] * 3


@pytest.mark.skipif(not shutil.which("mosquitto_pub"), reason="Debian's package mosquitto-clients is not installed")
async def test_esphome(bots: dict[str, Bot], broker: Broker, tmp_path: Path) -> None:
    """What it publishes, as MQTT 3.1.1."""
    ear = Ear(bots["Workshop"].hass)
    esp: Any = parse_yaml(examples("yaml", "mqtt.publish_json"))
    publish = esp["binary_sensor"][0]["on_press"][0]["mqtt.publish_json"]
    ((key, value),) = re.findall(r'^root\["(\w+)"\] = (\d+);$', publish["payload"])
    where = ("-h", "127.0.0.1", "-p", str(broker.port), "-u", esp["mqtt"]["username"], "-P", esp["mqtt"]["password"])
    what = ("-t", publish["topic"], "-q", str(publish["qos"]), "-m", json.dumps({key: int(value)}))

    await output_of("mosquitto_pub", "-V", "311", *where, *what, folder=tmp_path)
    await until(lambda: ear.heard)

    assert ear.contents("doorbell") == [{"times": 1}]


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_aiomqtt(bots: dict[str, Bot], broker: Broker, tmp_path: Path) -> None:
    """In a virtual environment that has nothing else."""
    program = tmp_path / "ring.py"
    program.write_text(here(examples("python", "aiomqtt"), broker), encoding="utf-8")
    await output_of("python3", "-m", "venv", tmp_path / "venv", folder=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    await output_of(python, "-m", "pip", "install", "--quiet", "aiomqtt>=2,<3", folder=tmp_path)

    printed = await output_of(python, program, folder=tmp_path)

    assert json.loads(printed)["handled"][0]["bot"] == "Headquarters"


@pytest.mark.slow
@pytest.mark.timeout(300)
@needs_node
async def test_node(bots: dict[str, Bot], broker: Broker, tmp_path: Path) -> None:
    """With nothing but the library."""
    (tmp_path / "ring.js").write_text(here(examples("js", "mqtt.connect"), broker), encoding="utf-8")
    await output_of("npm", "install", "--silent", "--no-audit", "--no-fund", "mqtt@5", folder=tmp_path)

    printed = await output_of("node", "ring.js", folder=tmp_path)

    assert json.loads(printed)["handled"][0]["bot"] == "Headquarters"


@pytest.mark.slow
@pytest.mark.timeout(600)
@needs_node
async def test_node_red(bots: dict[str, Bot], broker: Broker, tmp_path: Path) -> None:
    """The imported flow, when its inject node is pressed."""
    ear = Ear(bots["Headquarters"].hass)
    flow = here(examples("json", "mqtt out"), broker).replace('"once": false', '"once": true')
    (tmp_path / "flows.json").write_text(flow, encoding="utf-8")
    login = {"acme": {"user": "cottage", "password": PASSWORD}}
    (tmp_path / "flows_cred.json").write_text(json.dumps(login), encoding="utf-8")
    settings = 'module.exports = { credentialSecret: false, uiPort: 0, uiHost: "127.0.0.1", flowFile: "flows.json" };'
    (tmp_path / "settings.js").write_text(settings, encoding="utf-8")
    await output_of("npm", "install", "--silent", "--no-audit", "--no-fund", "node-red@4", folder=tmp_path)
    command = (tmp_path / "node_modules" / ".bin" / "node-red", "--userDir", tmp_path, "flows.json")
    process = await asyncio.create_subprocess_exec(*command, cwd=tmp_path, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None

    printed = b""
    async with asyncio.timeout(120):
        while b"receiver: 'mapping'" not in printed:
            printed += await process.stdout.readline()
    process.terminate()
    await process.wait()

    assert ear.contents("doorbell") == [{"times": 2}]
