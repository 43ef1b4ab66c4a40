"""Real Home Assistants that are killed in the middle of a reaction to presence, 200 times at random."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
import json
from pathlib import Path
import random
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
import pytest

from ..broker import Broker, needs_broker, running_broker
from .conftest import StartHome
from .home import FLOW, HomeError, RealHome

HOMES: Final = 4
KILLS: Final = 50
"""How often each of the homes is killed."""

LATEST: Final = 0.25
"""Seconds after a change of presence within which all are killed; a reaction takes about as long."""

pytestmark = [*needs_broker, pytest.mark.slow, pytest.mark.timeout(3600)]

type States = frozenset[str]
"""The names of the devices of one bot that are on."""


@dataclass
class Settings:
    """A bot, and what is expected of it.

    Attributes:
        name: What it is called.
        on_leaving: Its reaction to leaving.
        on_returning: Its reaction to returning.
        entry_id: Its id.
        remembered: What was on when everyone left, if it restores that.

    """

    name: str
    on_leaving: str
    on_returning: str
    entry_id: str = ""
    remembered: States = field(default_factory=frozenset)

    @property
    def devices(self) -> States:
        """Return the names of its devices: lights that take their time, and a switch whose calls do."""
        return frozenset(f"{self.name}_{device}" for device in ("light1", "light2", "switch"))


class House:
    """What is in a house, as it is whether Home Assistant runs or not: a switch is a file, a light is here."""

    def __init__(self, broker: Broker, folder: Path, seed: int) -> None:
        """Build the house, dark and with everybody home."""
        self.random = random.Random(seed)  # noqa: S311 - chance is all that is wanted
        self.bots = [
            Settings("a", "off", "restore"),
            Settings("b", "off", "on"),
            Settings("c", "off", "nothing"),
            Settings("d", "nothing", "on"),
        ]
        self.devices = sorted(device for bot in self.bots for device in bot.devices)
        self._lights: dict[str, bool] = {}
        self._folder = folder / f"house{seed}"
        self._folder.mkdir()
        self._topics = f"house{seed}"
        self._loop = asyncio.get_running_loop()
        self._mqtt = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._mqtt.on_message = self._asked
        self._mqtt.connect("127.0.0.1", broker.port)
        self._mqtt.subscribe(f"{self._topics}/set/#")
        self._mqtt.loop_start()
        for device in self.devices:
            self.turn(device, on=False)
        self.move(home=True)

    def leave(self) -> None:
        """Let nothing in the house answer any more."""
        self._mqtt.loop_stop()

    def configuration(self) -> str:
        """Return the configuration of its Home Assistant."""
        topics, bots = self._topics, [bot.name for bot in self.bots]
        configuration = {
            "homeassistant": {},
            "diagnostics": {},
            "mqtt": {
                "light": [
                    {
                        "name": name,
                        "unique_id": name,
                        "command_topic": f"{topics}/set/{name}",
                        "state_topic": f"{topics}/state/{name}",
                    }
                    for name in self._lights
                ],
                "device_tracker": [
                    {"name": f"phone_{name}", "unique_id": f"phone_{name}", "state_topic": f"{topics}/presence"}
                    for name in bots
                ],
            },
            "command_line": [
                {
                    "switch": {
                        "name": name,
                        "unique_id": name,
                        "command_on": f"sleep 0.1; echo on >{self._folder / name}",
                        "command_off": f"sleep 0.1; echo off >{self._folder / name}",
                        "command_state": f"cat {self._folder / name}",
                        "value_template": "{{ value == 'on' }}",
                        "scan_interval": 1,
                    }
                }
                for name in self.devices
                if name not in self._lights
            ],
            "person": [
                {"id": name, "name": name, "device_trackers": [f"device_tracker.phone_{name}"]} for name in bots
            ],
        }
        return json.dumps(configuration)

    def is_on(self, device: str) -> bool:
        """Return whether a device is on."""
        on = self._lights.get(device)
        return (self._folder / device).read_text(encoding="utf-8") == "on\n" if on is None else on

    def on_of(self, bot: Settings) -> States:
        """Return which devices of a bot are on."""
        return frozenset(filter(self.is_on, bot.devices))

    def turn(self, device: str, *, on: bool) -> None:
        """Turn a device on or off, by hand."""
        if "switch" in device:
            (self._folder / device).write_text("on\n" if on else "off\n", encoding="utf-8")
            return
        self._lights[device] = on
        self._mqtt.publish(f"{self._topics}/state/{device}", "ON" if on else "OFF", qos=1, retain=True)

    def move(self, *, home: bool) -> None:
        """Let everybody come home or leave."""
        self._mqtt.publish(f"{self._topics}/presence", "home" if home else "not_home", qos=1, retain=True)

    def _asked(self, client: object, userdata: object, message: paho.MQTTMessage) -> None:
        """Turn a light on or off, after a while."""
        turn = partial(self.turn, message.topic.rpartition("/")[2], on=message.payload == b"ON")
        delay = self.random.uniform(0, 0.1)
        self._loop.call_soon_threadsafe(lambda: self._loop.call_later(delay, turn))


def expected(bot: Settings, before: States, killed: States, *, was_home: bool, is_home: bool) -> set[States]:
    """Return what may be on in the end, whether the reaction had begun, or had ended, or neither, when all was killed.

    Args:
        bot: The bot.
        before: What was on before presence changed.
        killed: What was on when Home Assistant was killed.
        was_home: Whether people were home before presence changed, which they are not after that.
        is_home: Whether they are home in the end.

    """
    nothing = frozenset[str]()
    left = nothing if bot.on_leaving == "off" else before
    remembered = before if was_home else bot.remembered
    returned = {"restore": remembered, "on": bot.devices, "nothing": before}[bot.on_returning]
    wanted = returned if is_home else left
    if was_home == is_home and killed == before:
        # Perhaps it never noticed that presence had changed, so there is nothing to undo.
        return {wanted, before}
    if was_home == is_home and killed == (left if was_home else returned):
        # Perhaps it was done, which is not undone where the settings say nothing.
        setting = bot.on_returning if is_home else bot.on_leaving
        return {wanted, killed} if setting == "nothing" else {wanted}
    return {wanted}


class Round:
    """One kill after the other, with what comes of them."""

    def __init__(self, home: RealHome, house: House) -> None:
        """Initialize it."""
        self.wrong: list[str] = []
        self.interrupted = 0
        self._home = home
        self._house = house
        self._is_home = True
        self._location: Any = None

    async def kill_once(self, number: int) -> None:
        """Let people leave or return, kill Home Assistant meanwhile, perhaps let them change their mind, and look."""
        house, was_home = self._house, self._is_home
        if was_home:
            await self._shuffle()
        before = {bot.name: house.on_of(bot) for bot in house.bots}
        house.move(home=not was_home)
        await asyncio.sleep(house.random.uniform(0, LATEST))
        await self._home.kill()
        await asyncio.sleep(0.3)
        killed = {bot.name: house.on_of(bot) for bot in house.bots}
        memories = {bot.name: self._stored(bot, ".snapshot").get("leaving") for bot in house.bots}
        begun = [bot.name for bot in house.bots if self._stored(bot).get("begun") is not None]
        self.interrupted += len(begun)
        self._is_home = is_home = house.random.random() < 0.5
        house.move(home=is_home)
        await self._home.start()
        try:
            await self._home.wait_for("The reaction", self._has_reacted, 30)
        except HomeError:
            self.wrong.append(f"kill {number} was never reacted to: {self._location}")
        await asyncio.sleep(0.5)
        for bot in house.bots:
            allowed = expected(bot, before[bot.name], killed[bot.name], was_home=was_home, is_home=is_home)
            if (on := house.on_of(bot)) not in allowed:
                self.wrong.append(
                    f"kill {number}, {bot.name}: home {was_home} -> {is_home}, begun {bot.name in begun}, "
                    f"before {_names(before[bot.name])}, killed {_names(killed[bot.name])}, on {_names(on)}, "
                    f"remembered {_names(bot.remembered)}, stored {memories[bot.name]}"
                )
            if was_home and not is_home:
                bot.remembered = before[bot.name]

    async def _shuffle(self) -> None:
        """Turn devices on and off by hand, and wait until Home Assistant knows."""
        for device in self._house.devices:
            self._house.turn(device, on=self._house.random.random() < 0.5)
        await self._home.wait_for("What is on", self.knows_what_is_on, 30)

    async def knows_what_is_on(self) -> bool:
        """Return whether Home Assistant knows the states of all devices."""
        states = {state["entity_id"].partition(".")[2]: state["state"] for state in await self._home.get("/api/states")}
        house = self._house
        return all(states.get(device) == ("on" if house.is_on(device) else "off") for device in house.devices)

    async def _has_reacted(self) -> bool:
        presence = "home" if self._is_home else "away"
        for bot in self._house.bots:
            location = self._location = (await self._home.diagnostics(bot.entry_id))["microservices"][0]
            if (location["presence"], location["acted_on"], location["begun"]) != (presence, presence, None):
                return False
        return True

    def _stored(self, bot: Settings, file: str = "") -> dict[str, Any]:
        """Return what a bot has stored in a file, if it has."""
        path = self._home.folder / ".storage" / f"datastream_bot.{bot.entry_id}{file}"
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["data"] if path.exists() else {}
        return stored


def _names(devices: Iterable[str]) -> str:
    return ", ".join(sorted(devices)) or "nothing"


async def _add_bot(home: RealHome, bot: Settings) -> None:
    form = await home.post(FLOW, {"handler": "datastream_bot"})
    entity_ids = [f"{'light' if 'light' in device else 'switch'}.{device}" for device in sorted(bot.devices)]
    filled = {
        "name": bot.name,
        "persons": [f"person.{bot.name}"],
        "target": {"entity_id": entity_ids},
        "on_leaving": bot.on_leaving,
        "on_returning": bot.on_returning,
        "more": {"settling": 0},
    }
    attached = await home.post(f"{FLOW}/{form['flow_id']}", filled)
    bot.entry_id = (await home.post(f"{FLOW}/{attached['flow_id']}", {}))["result"]["entry_id"]


async def _kill_often(home: RealHome, house: House, broker: Broker) -> Round:
    # What logs in has to last longer than half an hour.
    home.tokens["access_token"] = await home.ask("auth/long_lived_access_token", client_name="test", lifespan=1)
    await home.connect_to_broker(broker.port)
    kills = Round(home, house)
    await home.wait_for("What is on", kills.knows_what_is_on, 30)
    for bot in house.bots:
        await _add_bot(home, bot)
    # Home Assistant writes down after a while what was set up.
    await home.stop()
    await home.start()
    for number in range(KILLS):
        await kills.kill_once(number)
    assert home.warnings() == []
    return kills


async def test_a_reaction_that_is_killed_is_finished_or_undone(start_home: StartHome, tmp_path: Path) -> None:
    """Whatever was done of it, and whoever is home after it."""
    async with running_broker(tmp_path / "broker") as broker:
        houses = [House(broker, tmp_path, seed) for seed in range(HOMES)]
        try:
            homes = [await start_home(house.configuration()) for house in houses]
            rounds = await asyncio.gather(*(_kill_often(*both, broker) for both in zip(homes, houses, strict=True)))
        finally:
            for house in houses:
                house.leave()
    assert [wrong for each in rounds for wrong in each.wrong] == []
    # It was often enough in the middle of one.
    assert sum(each.interrupted for each in rounds) > HOMES * KILLS / 2
