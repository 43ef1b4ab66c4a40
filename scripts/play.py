"""Plays the lesson in a real Home Assistant, and tells what happens."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
import json
import signal
import sys
import time
from typing import Any
from urllib.parse import urlsplit

from real_home import PROJECT, HomeError, Process, RealHome, real_home

LIGHTS = {
    "light.kitchen": "Kitchen",
    "light.living_room": "Living room",
    "light.bedroom": "Bedroom",
    "light.porch": "Porch",
}
SWITCHES = {"switch.fan": "Fan", "switch.radio": "Radio"}
DEVICES = {**LIGHTS, **SWITCHES}
PERSONS = {"anna": "Anna", "bo": "Bo"}
USERNAME, PASSWORD = "demo", "datastream"
NOTIFICATION = {"title": "Lesson 6", "message": "Hello from a script"}


def configuration() -> str:
    """Return a configuration with lights, switches, persons, and the script that sends a notification."""

    def template(name: str) -> dict[str, Any]:
        key = name.lower().replace(" ", "_")
        target = {"entity_id": f"input_boolean.{key}"}
        return {
            "name": name,
            "unique_id": key,
            "state": f"{{{{ is_state('input_boolean.{key}', 'on') }}}}",
            "turn_on": [{"action": "input_boolean.turn_on", "target": target}],
            "turn_off": [{"action": "input_boolean.turn_off", "target": target}],
        }

    send = {
        "action": "datastream_bot.send",
        "data": {"address": "send_push_notification", "content": NOTIFICATION, "require_receiver": True},
        "response_variable": "receipt",
    }
    sections = {
        "homeassistant": {"name": "Demo", "latitude": 52.3731, "longitude": 4.8922, "elevation": 0, "country": "NL"},
        "logger": {"default": "warning"},
        "frontend": None,
        "history": None,
        "logbook": None,
        "input_boolean": {key.split(".")[1]: {"name": f"{name} wire"} for key, name in DEVICES.items()},
        "template": [
            {"light": [template(name) for name in LIGHTS.values()]},
            {"switch": [template(name) for name in SWITCHES.values()]},
        ],
        "person": [
            {"id": key, "name": name, "device_trackers": [f"device_tracker.{key}_phone"]}
            for key, name in PERSONS.items()
        ],
        "script": {
            "push_notification": {
                "alias": "Send a push notification",
                "sequence": [send, {"stop": "Sent", "response_variable": "receipt"}],
            }
        },
    }
    # JSON is YAML.
    return "\n".join(f"{name}: {json.dumps(section) if section else ''}" for name, section in sections.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the play, with what is to come of it."""

    title: str
    message: str
    act: Callable[[], Awaitable[dict[str, Any] | None]]
    devices_on: bool
    handled_by: str | None


class Play:
    """The play: what is done, and whether it went as the lesson says."""

    def __init__(self, home: RealHome) -> None:
        """Initialize the play."""
        self._home = home
        self._bot_id = ""
        self._webhook = ""
        self.passed = 0
        self.failed = 0

    async def add_bot(self) -> None:
        """Add a bot by its config flow, as the UI does. Only the wait before leaving is shortened."""
        flow = await self._home.post("/api/config/config_entries/flow", {"handler": "datastream_bot"})
        name = next(field for field in flow["data_schema"] if field["name"] == "name")["description"]["suggested_value"]
        steps = f"/api/config/config_entries/flow/{flow['flow_id']}"
        attached = await self._home.post(steps, {"name": name, "more": {"settling": 1}})
        result = await self._home.post(steps, {})
        if result["type"] != "create_entry":
            raise HomeError(f"The config flow ended with {result}")
        self._bot_id = result["result"]["entry_id"]
        count = attached["description_placeholders"]["count"]
        say(f"Added the bot {name} by its config flow. It waits for a second, rather than a minute, before it acts on")
        say(f"leaving, and is attached to {count} lights and switches.\n")

    async def open_webhook(self) -> None:
        """Open the bot's webhook, as its form does."""
        flows = "/api/config/config_entries/flow"
        flow = await self._home.post(flows, {"handler": "datastream_bot", "entry_id": self._bot_id})
        await self._home.post(f"{flows}/{flow['flow_id']}", {"next_step_id": "doors"})
        doors = {
            "webhook": {"open": True, "local_only": True, "signed": True, "renew": False},
            "mqtt": {"open": False, "role": "home", "keep_messages": 1000, "keep_for": 60},
            "cloud_api": {"open": False, "local_only": True},
            "limits": {"rate": 10, "burst": 50},
        }
        shown = await self._home.post(f"{flows}/{flow['flow_id']}", doors)
        placeholders = shown["description_placeholders"]
        self._webhook = f"{self._home.url}{urlsplit(placeholders['url']).path} {placeholders['secret']}"
        await self._home.post(f"{flows}/{flow['flow_id']}", {})
        # It is being loaded anew; this is done when it is there again.
        await self._home.act("homeassistant.reload_config_entry", {"entry_id": self._bot_id})
        say("Opened the bot's webhook, for signed requests only.\n")

    async def run(self) -> None:
        """Play all steps."""
        for number, step in enumerate(self._steps(), 1):
            await self._run_step(number, step)

    def _steps(self) -> list[Step]:
        def sends(*, on: bool) -> Callable[[], Awaitable[dict[str, Any]]]:
            message = {"address": "toggle_everything", "content": {"on": on}}
            return lambda: self._home.act_for_response("datastream_bot.send", message)

        on, off = 'toggle_everything {"on": true}', 'toggle_everything {"on": false}'
        notify = f"send_push_notification {json.dumps(NOTIFICATION)}"
        return [
            Step(title="Everything on", message=on, act=sends(on=True), devices_on=True, handled_by="device"),
            Step(title="Everything off", message=off, act=sends(on=False), devices_on=False, handled_by="device"),
            Step(title="And on again", message=on, act=sends(on=True), devices_on=True, handled_by="device"),
            Step(
                title="Anna leaves",
                message="none",
                act=self._moves("anna", "not_home"),
                devices_on=True,
                handled_by=None,
            ),
            Step(
                title="Bo leaves, the last",
                message=f"{off}, by the bot itself",
                act=self._moves("bo", "not_home", reacts=True),
                devices_on=False,
                handled_by="device",
            ),
            Step(
                title="Anna returns, the first",
                message=f"{on}, by the bot itself",
                act=self._moves("anna", "home", reacts=True),
                devices_on=True,
                handled_by="device",
            ),
            Step(title="Bo returns", message="none", act=self._moves("bo", "home"), devices_on=True, handled_by=None),
            Step(
                title="A script notifies", message=notify, act=self._run_script, devices_on=True, handled_by="location"
            ),
            Step(
                title="A program outside sends through the webhook",
                message=off,
                act=self._send_from_outside,
                devices_on=False,
                handled_by="device",
            ),
        ]

    def _moves(
        self, person: str, where: str, *, reacts: bool = False
    ) -> Callable[[], Awaitable[dict[str, Any] | None]]:
        async def move() -> dict[str, Any] | None:
            before = await self._last_reaction()

            async def reacted() -> bool:
                return await self._last_reaction() != before

            await place(self._home, person, where)
            if reacts:
                await self._home.wait_for("The reaction to presence", reacted)
            else:
                # What does not come can only be waited for.
                await asyncio.sleep(1)
            return await self._last_reaction() if await reacted() else None

        return move

    async def _run_script(self) -> dict[str, Any]:
        receipt: dict[str, Any] = await self._home.act_for_response("script.push_notification", {})
        shown = await self._home.ask("persistent_notification/get")
        if not any({"title": one["title"], "message": one["message"]} == NOTIFICATION for one in shown):
            raise HomeError("Home Assistant does not show the notification")
        return receipt

    async def _send_from_outside(self) -> dict[str, Any]:
        """Send with the command line, which knows nothing but the webhook."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(PROJECT / "scripts" / "send_datastream")),
            *("toggle_everything", "on=false", "--output", "json"),
            env={"DATASTREAM_WEBHOOK": self._webhook},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, error = await process.communicate()
        if process.returncode:
            raise HomeError(error.decode().strip())
        receipt: dict[str, Any] = json.loads(output)
        return receipt

    async def _last_reaction(self) -> dict[str, Any] | None:
        """Return the receipt of the last message that presence made the bot send."""
        diagnostics = await self._home.get(f"/api/diagnostics/config_entry/{self._bot_id}")
        microservices = {each["name"]: each for each in diagnostics["data"]["microservices"]}
        reaction: dict[str, Any] | None = microservices["location"]["last_reaction"]
        return reaction

    async def _states(self) -> dict[str, str]:
        states = {state["entity_id"]: state["state"] for state in await self._home.get("/api/states")}
        return {entity_id: states[entity_id] for entity_id in DEVICES}

    async def _states_once(self, wanted: set[str]) -> dict[str, str]:
        """Return the states when they are as wanted, or what they are after a while."""

        async def as_wanted() -> bool:
            return set((await self._states()).values()) == wanted

        with suppress(HomeError):
            await self._home.wait_for("The change", as_wanted, timeout=3)
        return await self._states()

    async def _run_step(self, number: int, step: Step) -> None:
        before = await self._states()
        try:
            receipt, error = await step.act(), None
        except HomeError as err:
            receipt, error = None, str(err)
        after = await self._states_once({"on" if step.devices_on else "off"})

        handled = [delivery["receiver"] for delivery in (receipt or {}).get("handled", [])]
        problems = [error] if error else []
        if handled != ([step.handled_by] if step.handled_by else []):
            problems.append(f"the receipt should have {step.handled_by or 'nobody'} as the one who handled the message")
        if set(after.values()) != {"on" if step.devices_on else "off"}:
            problems.append(f"everything should be {'on' if step.devices_on else 'off'}")
        self.passed += not problems
        self.failed += bool(problems)

        say(f"{number}. {step.title}")
        say(f"   message  {step.message}")
        say(f"   receipt  {describe(receipt)}")
        say(table(before, after))
        for problem in problems:
            say(f"   WRONG    {problem}")
        say("")


def describe(receipt: dict[str, Any] | None) -> str:
    """Return a receipt in a line."""
    if receipt is None:
        return "none"
    parts = []
    for outcome in ("handled", "failed", "running"):
        for delivery in receipt[outcome]:
            result = delivery.get("result") or {}
            counts = [f"{len(value)} {key}" for key, value in result.items() if isinstance(value, list) and value]
            told = delivery.get("error") or ", ".join(counts)
            parts.append(f"{outcome} by {delivery['receiver']} of {delivery['bot']}" + (f": {told}" if told else ""))
    return "; ".join(parts) or "nobody received it"


def table(before: dict[str, str], after: dict[str, str]) -> str:
    """Return the lights and switches before and after, side by side."""
    rows = [["", *DEVICES.values()], ["before", *before.values()], ["after", *after.values()]]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "   " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)


@asynccontextmanager
async def progress(what: str) -> AsyncIterator[None]:
    """Show that something takes its time, and how long it took."""
    start = time.monotonic()

    async def dots() -> None:
        while True:
            await asyncio.sleep(1)
            sys.stderr.write(".")
            sys.stderr.flush()

    sys.stderr.write(f"{what} ")
    sys.stderr.flush()
    showing = asyncio.create_task(dots())
    try:
        yield
    finally:
        showing.cancel()
        sys.stderr.write(f" {time.monotonic() - start:.0f} s\n")


async def furnish(home: RealHome) -> None:
    """Put each light into the room of its name, and everyone at home."""
    for area in await home.ask("config/area_registry/list"):
        for entity_id, name in DEVICES.items():
            if name.casefold() == area["name"].casefold():
                await home.ask("config/entity_registry/update", entity_id=entity_id, area_id=area["area_id"])
    for person in PERSONS:
        await place(home, person, "home")


async def place(home: RealHome, person: str, where: str) -> None:
    """Let the phone of a person say where it is."""
    state = {"state": where, "attributes": {"friendly_name": f"{PERSONS[person]}'s phone", "source_type": "gps"}}
    await home.post(f"/api/states/device_tracker.{person}_phone", state)


async def start(home: RealHome) -> None:
    """Bring a fresh home to where the play can begin."""
    await home.onboard("Demo", USERNAME, PASSWORD)
    await home.wait_for("The end of the start", home.is_running, timeout=60)


async def show(home: RealHome, process: Process, *, check: bool) -> int:
    """Play, and return the exit status."""
    play = Play(home)
    await furnish(home)
    await play.add_bot()
    await play.open_webhook()
    await play.run()
    for warning in process.warnings():
        say(f"WRONG: the log says: {warning}")
        play.failed += 1
    say(f"{play.passed} passed, {play.failed} failed")
    if not check:
        say(f"\nHome Assistant goes on at {home.url}")
        say(f"Log in as {USERNAME} with the password {PASSWORD}. Ctrl-C stops it.")
        await process.died()
    return 1 if play.failed else 0


async def main() -> int:
    """Start Home Assistant, play, and stop it."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--check", action="store_true", help="stop after the play; exit with 1 when it went wrong")
    check = parser.parse_args().check
    if (task := asyncio.current_task()) is not None:
        for closing in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(closing, task.cancel)
    try:
        async with AsyncExitStack() as stack:
            async with progress("Starting Home Assistant"):
                home, process = await stack.enter_async_context(real_home(configuration()))
                await start(home)
            return await show(home, process, check=check)
    except HomeError as err:
        say(f"The demo cannot go on: {err}")
        return 1


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except KeyboardInterrupt, asyncio.CancelledError:
        say("Home Assistant is stopped.")
