"""A disk that is slow, full or bad: on a real one, as small as it can be."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
import json
from pathlib import Path
import shutil
from time import sleep
from typing import Any, Protocol

from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events
import voluptuous as vol

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.const import DOMAIN
from custom_components.datastream_bot.devices.memory import memory_storage
from custom_components.datastream_bot.doors.entering import open_doors as open_doors_of
from custom_components.datastream_bot.doors.rest_api import RestDoor
from custom_components.datastream_bot.storage import async_get_storage

from .conftest import AddBot, Home, Send, SetPresence
from .days import LEAVING, RESTORE, RETURNING, everybody, go_on, turn
from .doors import OPEN, Client, as_json, open_doors, signed, told
from .home import remembered, ticks, until

pytestmark = pytest.mark.warns

FILES = ("", ".snapshot", ".signatures", ".receipts.webhook")


@pytest.fixture
def hass_storage() -> dict[str, Any]:
    """Let Home Assistant write to its disk, as it does outside of tests."""
    return {}


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Give it a folder of its own."""
    return hass_tmp_config_dir


class Disk(Protocol):
    """The disk of Home Assistant's storage."""

    folder: Path

    def fail(self, bot: Bot) -> None:
        """Let nothing of a bot be written any more."""

    def recover(self) -> None:
        """Let everything be written again."""


class SmallDisk:
    """A disk that can be full."""

    def __init__(self, folder: Path) -> None:
        """Initialize the disk, with room."""
        self.folder = folder

    def fail(self, bot: Bot) -> None:
        """Fill it."""
        with (self.folder / "filler").open("wb", buffering=0) as filler, suppress(OSError):
            while True:
                filler.write(b"0" * 512)

    def recover(self) -> None:
        """Make room."""
        (self.folder / "filler").unlink()


class BadDisk:
    """A disk on which something is in the way of files."""

    def __init__(self, folder: Path) -> None:
        """Initialize the disk, sound."""
        self.folder = folder
        self._in_the_way: list[Path] = []

    def fail(self, bot: Bot) -> None:
        """Put folders in the place of files."""
        self._in_the_way = [self.folder / f"{DOMAIN}.{bot.bot_id}{file}" for file in FILES]
        for path in self._in_the_way:
            path.unlink(missing_ok=True)
            (path / "something").mkdir(parents=True)

    def recover(self) -> None:
        """Clear the way."""
        for path in self._in_the_way:
            shutil.rmtree(path)


@pytest.fixture(params=["full", "bad"])
async def disk(request: pytest.FixtureRequest, hass_config_dir: str) -> AsyncIterator[Disk]:
    """Give Home Assistant's storage a disk that can fail."""
    folder = Path(hass_config_dir) / ".storage"
    folder.mkdir(exist_ok=True)
    if request.param == "bad":
        yield BadDisk(folder)
        return
    if await _run("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)):
        pytest.skip("No disk can be mounted here")
    yield SmallDisk(folder)
    assert await _run("umount", "--lazy", str(folder)) == 0


async def _run(*command: str) -> int:
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    return await process.wait()


@pytest.fixture
def unsaved(issue_registry: ir.IssueRegistry) -> Callable[[], list[str]]:
    """Return a function that tells which files the repair issues say cannot be written."""
    return lambda: sorted(
        Path((issue.translation_placeholders or {})["path"]).name
        for issue in issue_registry.issues.values()
        if issue.domain == DOMAIN and issue.translation_key == "memory_unsaved"
    )


async def test_what_cannot_be_remembered_is_not_turned_off(
    hass: HomeAssistant,
    disk: Disk,
    freezer: FrozenDateTimeFactory,
    home: Home,
    add_bot: AddBot,
    send: Send,
    on: Any,
    unsaved: Callable[[], list[str]],
) -> None:
    """The sender is told, and so is everyone who looks at repairs, until there is room again."""
    bot = await add_bot()
    await turn(hass, "light.kitchen", "on")
    disk.fail(bot)

    (failure,) = (await send("toggle_everything", LEAVING))["failed"]

    assert "nothing was turned off" in failure["error"]
    assert on() == ["light.kitchen"]
    assert await remembered(bot) == []
    assert unsaved() == [f"{DOMAIN}.{bot.bot_id}.snapshot"]
    assert (await send("toggle_everything", {"on": False}))["failed"] == []
    assert on() == []

    await go_on(hass, freezer, 61)
    assert unsaved() == [f"{DOMAIN}.{bot.bot_id}.snapshot"]
    disk.recover()
    await go_on(hass, freezer, 61)
    assert unsaved() == []
    await turn(hass, "light.kitchen", "on")
    assert (await send("toggle_everything", LEAVING))["failed"] == []
    await send("toggle_everything", RETURNING)
    assert on() == ["light.kitchen"]


async def test_what_cannot_be_remembered_is_not_turned_off_when_it_is_back_either(
    hass: HomeAssistant, disk: Disk, freezer: FrozenDateTimeFactory, home: Home, add_bot: AddBot, send: Send, on: Any
) -> None:
    """It could not be reached when the message came."""
    bot = await add_bot()
    await turn(hass, "light.kitchen", "on")
    await turn(hass, "light.porch", "on")
    home["light.kitchen"].set_available(available=False)
    await send("toggle_everything", LEAVING)
    disk.fail(bot)

    home["light.kitchen"].set_available(available=True)
    await hass.async_block_till_done()

    assert on() == ["light.kitchen"]
    assert await remembered(bot) == ["light.porch"]
    disk.recover()
    await go_on(hass, freezer, 61)


async def test_who_leaves_while_the_disk_is_full_finds_the_lights_as_they_were(
    hass: HomeAssistant,
    disk: Disk,
    freezer: FrozenDateTimeFactory,
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    on: Any,
    unsaved: Callable[[], list[str]],
) -> None:
    """All is turned off in any case; what was on outlives a reload, and is on disk as soon as there is room."""
    bot = await add_bot(**RESTORE)
    await turn(hass, "light.kitchen", "on")
    disk.fail(bot)

    await everybody(persons, "not_home")

    assert on() == []
    assert unsaved() == [f"{DOMAIN}.{bot.bot_id}", f"{DOMAIN}.{bot.bot_id}.snapshot"]
    await hass.config_entries.async_reload(bot.bot_id)
    disk.recover()
    await go_on(hass, freezer, 61)
    assert unsaved() == []
    assert "light.kitchen" in (disk.folder / f"{DOMAIN}.{bot.bot_id}.snapshot").read_text(encoding="utf-8")
    await everybody(persons, "home")
    assert on() == ["light.kitchen"]


async def test_a_bot_that_is_unloaded_while_it_remembers_looks_no_more_whether_devices_are_off(
    hass: HomeAssistant, disk: Disk, freezer: FrozenDateTimeFactory, home: Home, add_bot: AddBot, send: Send
) -> None:
    """Writing takes a while. What it remembered is there for the next."""
    bot = await add_bot(verify_after=30)
    await turn(hass, "light.kitchen", "on")
    home["light.kitchen"].broken = "no answer"

    # What is written already keeps it waiting.
    storage = memory_storage(hass, bot.bot_id)
    saving = [hass.async_create_task(storage.async_save({"leaving": {}, "messages": {}})) for _ in range(50)]
    leaving = hass.async_create_task(send("toggle_everything", LEAVING))
    await hass.config_entries.async_unload(bot.bot_id)
    assert all([await each for each in saving])
    assert (await leaving)["failed"] != []
    commands = list(home["light.kitchen"].commands)
    await go_on(hass, freezer, 31)

    assert home["light.kitchen"].commands == commands
    assert await hass.config_entries.async_setup(bot.bot_id)
    assert await remembered(bot.entry.runtime_data) == ["light.kitchen"]


async def test_who_returns_while_it_is_written_down_that_a_lamp_was_found_on_finds_it_on(
    hass: HomeAssistant, disk: Disk, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """Writing takes a while."""
    bot = await add_bot(**RESTORE)
    await turn(hass, "light.kitchen", "on")
    home["light.kitchen"].set_available(available=False)
    await everybody(persons, "not_home")
    storage = memory_storage(hass, bot.bot_id)
    saving = [hass.async_create_task(storage.async_save({"leaving": {}, "messages": {}})) for _ in range(50)]
    home["light.kitchen"].set_available(available=True)
    await ticks()

    hass.states.async_set("device_tracker.anna", "home")
    await hass.async_block_till_done()

    assert all([await each for each in saving])
    assert home["light.kitchen"].commands == [True]


async def test_what_is_not_on_disk_is_written_when_home_assistant_stops(
    hass: HomeAssistant, disk: Disk, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """There may be room by then."""
    bot = await add_bot(**RESTORE)
    await turn(hass, "light.kitchen", "on")
    disk.fail(bot)
    await everybody(persons, "not_home")
    disk.recover()

    hass.set_state(CoreState.final_write)
    hass.bus.async_fire_internal(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await hass.async_block_till_done()

    assert "light.kitchen" in (disk.folder / f"{DOMAIN}.{bot.bot_id}.snapshot").read_text(encoding="utf-8")


# Home Assistant's own, which writes to the disk like everything else here.
@pytest.mark.parametrize("expected_lingering_timers", [True])
async def test_a_signed_request_is_taken_while_the_disk_is_full(
    hass: HomeAssistant, disk: Disk, home: Home, add_bot: AddBot, client: Client, unsaved: Callable[[], list[str]]
) -> None:
    """Once, as long as Home Assistant runs."""
    bot = await open_doors(await add_bot(), webhook=OPEN | {"signed": True})
    path = f"/api/webhook/{bot.entry.options['doors']['webhook']['webhook_id']}"
    body = as_json(address="toggle_everything", content={"on": True})
    headers = signed(bot, body)
    disk.fail(bot)

    first, second = [await client.post(path, data=body, headers=headers) for _ in range(2)]
    await hass.async_block_till_done()

    assert (len(await first.read()) > 0, len(await second.read()) > 0) == (True, False)
    assert unsaved() == [f"{DOMAIN}.{bot.bot_id}.signatures"]


@pytest.mark.parametrize("expected_lingering_timers", [True])
async def test_a_message_with_an_id_is_sent_while_the_disk_is_full(
    hass: HomeAssistant, disk: Disk, home: Home, add_bot: AddBot, client: Client, unsaved: Callable[[], list[str]]
) -> None:
    """Once, as long as Home Assistant runs."""
    bot = await open_doors(await add_bot(), webhook=OPEN)
    path = f"/api/webhook/{bot.entry.options['doors']['webhook']['webhook_id']}"
    disk.fail(bot)

    message, key = {"address": "toggle_everything", "content": {"on": True}}, {"X-Datastream-Id": "1"}
    answers = [await (await client.post(path, json=message, headers=key)).json() for _ in range(2)]

    assert answers[0]["message_id"] == answers[1]["message_id"]
    assert home["light.kitchen"].commands == [True]
    assert unsaved() == [f"{DOMAIN}.{bot.bot_id}.receipts.webhook"]


@pytest.mark.parametrize("expected_lingering_timers", [True])
async def test_a_bot_that_is_unloaded_while_an_id_is_written_asks_to_come_again(
    hass: HomeAssistant, disk: Disk, home: Home, add_bot: AddBot, client: Client
) -> None:
    """Its message is sent then."""
    bot = await open_doors(await add_bot(), webhook=OPEN)
    path = f"/api/webhook/{bot.entry.options['doors']['webhook']['webhook_id']}"
    message, key = {"address": "toggle_everything", "content": {"on": True}}, {"X-Datastream-Id": "1"}
    # What is written already keeps it waiting.
    storage = async_get_storage(hass, f"{bot.bot_id}.receipts.webhook", vol.Schema({}))
    saving = [hass.async_create_task(storage.async_save({})) for _ in range(1500)]
    sending = asyncio.create_task(client.post(path, json=message, headers=key))
    await asyncio.sleep(0)
    await until(lambda: any("message with a key" in task.get_name() for task in asyncio.all_tasks()))
    await hass.config_entries.async_unload(bot.bot_id)

    assert not all(each.done() for each in saving)
    assert await told(await sending) == (503, "bot_not_ready")
    await hass.config_entries.async_setup(bot.bot_id)
    assert (await client.post(path, json=message, headers=key)).status == 200
    assert home["light.kitchen"].commands == [True]


@pytest.mark.parametrize("expected_lingering_timers", [True])
async def test_what_comes_while_something_is_written_does_not_look_like_a_full_disk(
    hass: HomeAssistant, disk: Disk, home: Home, add_bot: AddBot, client: Client
) -> None:
    """Nobody is told of a disk that is sound."""
    bot = await open_doors(await add_bot(), webhook=OPEN | {"signed": True})
    path = f"/api/webhook/{bot.entry.options['doors']['webhook']['webhook_id']}"
    body = as_json(address="toggle_everything", content={"on": True})
    issues = async_capture_events(hass, ir.EVENT_REPAIRS_ISSUE_REGISTRY_UPDATED)

    async def send(number: int) -> int:
        await asyncio.sleep(number / 1000)
        answer = await client.post(path, data=body, headers=signed(bot, body) | {"X-Datastream-Id": str(number)})
        return len((await answer.json())["handled"])

    assert await asyncio.gather(*(send(number) for number in range(40))) == [1] * 40
    assert [event.data["action"] for event in issues] == []


async def test_what_a_new_bot_believes_is_on_disk_as_soon_as_it_is_there(
    hass: HomeAssistant, hass_config_dir: str, persons: SetPresence, add_bot: AddBot
) -> None:
    """However busy the disk is: Home Assistant writes down a second later that there is a bot."""
    await add_bot("Other")
    for _ in range(50):
        hass.async_add_executor_job(sleep, 0.01)
    flow = await hass.config_entries.flow.async_init(DOMAIN, context={"source": "user"})
    attached = await hass.config_entries.flow.async_configure(flow["flow_id"], {"name": "Home", "more": {}})
    added = await hass.config_entries.flow.async_configure(attached["flow_id"], {"exclude": {}})

    stored = (Path(hass_config_dir) / ".storage" / f"{DOMAIN}.{added['result'].entry_id}").read_text(encoding="utf-8")
    assert json.loads(stored)["data"]["presence"] == "home"


async def test_a_bot_is_removed_though_its_files_cannot_be(
    hass: HomeAssistant, disk: Disk, home: Home, add_bot: AddBot, unsaved: Callable[[], list[str]]
) -> None:
    """They are left behind, and nothing else is."""
    bot = await add_bot()
    disk.fail(bot)

    await hass.config_entries.async_remove(bot.bot_id)

    assert not hass.config_entries.async_entries(DOMAIN)
    assert unsaved() == []


async def change_doors_on_a_slow_disk(hass: HomeAssistant, bot: Bot) -> None:
    """Change the limits of the doors, while what a door needs takes a while to be read."""
    doors = {**bot.entry.options["doors"], "limits": {"rate": 5, "burst": 5}}
    for _ in range(64):
        hass.async_add_executor_job(sleep, 0.1)
    hass.config_entries.async_update_entry(bot.entry, options={**bot.entry.options, "doors": doors})
    await asyncio.sleep(0)


async def test_there_is_a_door_in_each_moment_of_a_change(hass: HomeAssistant, home: Home, add_bot: AddBot) -> None:
    """Be it the former or the new one."""
    bot = await open_doors(await add_bot(), webhook=OPEN | {"signed": True})
    (former,) = open_doors_of(hass, RestDoor)

    await change_doors_on_a_slow_disk(hass, bot)
    assert [door.is_open for door in open_doors_of(hass, RestDoor)] == [True]
    await hass.async_block_till_done()

    assert (former.is_open, [door.is_open for door in open_doors_of(hass, RestDoor)]) == (False, [True])


async def test_a_bot_that_is_unloaded_while_its_doors_change_opens_none(
    hass: HomeAssistant, home: Home, add_bot: AddBot
) -> None:
    """However slow the disk is."""
    bot = await open_doors(await add_bot(), webhook=OPEN | {"signed": True})

    await change_doors_on_a_slow_disk(hass, bot)
    await hass.config_entries.async_unload(bot.bot_id)
    await hass.async_block_till_done()

    assert (bot.doors, open_doors_of(hass, RestDoor)) == ([], [])


async def test_doors_that_were_closed_meanwhile_stay_closed(hass: HomeAssistant, home: Home, add_bot: AddBot) -> None:
    """A change that took its time does not undo a later one."""
    bot = await open_doors(await add_bot(), webhook=OPEN | {"signed": True})

    await change_doors_on_a_slow_disk(hass, bot)
    bot.async_close_doors(close=True)
    await hass.async_block_till_done()

    assert (bot.doors, open_doors_of(hass, RestDoor)) == ([], [])
