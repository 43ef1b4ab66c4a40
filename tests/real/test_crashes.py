"""Real Home Assistants that are killed while their configuration changes, or while they are at work for a request."""

import asyncio
import json
from typing import Any, Final

import aiohttp
import pytest

from .conftest import StartHome
from .home import RealHome
from .sender import Sender

CONFIGURATION: Final = json.dumps(
    {
        "homeassistant": {},
        "diagnostics": {},
        "person": [{"id": "anna", "name": "Anna", "device_trackers": ["device_tracker.anna"]}],
    }
)
STREAM: Final = {"address": "news", "external": True, "mode": "parallel"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


async def move(home: RealHome, state: str) -> None:
    """Move Anna."""
    await home.post("/api/states/device_tracker.anna", {"state": state})


async def wait_until_written(home: RealHome, text: str, *, there: bool = True) -> None:
    """Wait until a text is in what Home Assistant has written down of its config entries, or is not any more."""
    entries = home.folder / ".storage" / "core.config_entries"

    async def is_written() -> bool:
        return (entries.exists() and text in entries.read_text(encoding="utf-8")) is there

    await home.wait_for("Writing the config entries", is_written)


async def location(home: RealHome, bot: str) -> dict[str, Any]:
    """Return what a bot believes about presence, and what of it was acted on."""
    shown: dict[str, Any] = (await home.diagnostics(bot))["microservices"][0]
    return shown


def files(home: RealHome, bot: str) -> list[str]:
    """Return the names of the files of a bot."""
    return sorted(path.name for path in (home.folder / ".storage").iterdir() if bot in path.name)


async def devices(home: RealHome, bot: str) -> set[str]:
    """Return the names of the devices of a bot."""
    registered = await home.ask("config/device_registry/list")
    return {device["name"] for device in registered if bot in device["config_entries"]}


async def test_a_new_bot_notices_that_everybody_leaves_while_it_is_down(start_home: StartHome) -> None:
    """Home Assistant was killed as soon as it had written down that there is a bot."""
    home = await start_home(CONFIGURATION)
    await move(home, "home")
    bot = await home.add_bot(more={"settling": 0})
    await wait_until_written(home, bot)
    await home.kill()
    await home.start()
    assert (await location(home, bot))["acted_on"] == "home"

    await move(home, "not_home")

    async def has_reacted() -> bool:
        return (await location(home, bot))["last_reaction"] is not None

    # It waits until it is known what is on.
    await home.wait_for("The reaction", has_reacted, 30)
    assert home.warnings() == []


async def test_nothing_is_left_of_what_was_not_written_to_its_end(start_home: StartHome) -> None:
    """Of a bot that is not in the config entries yet, and of a data stream that is no longer."""
    home = await start_home(CONFIGURATION)
    await move(home, "home")
    bot = await home.add_bot()
    await home.add_data_stream(bot, STREAM)
    await home.stop()
    await home.start()
    before = await devices(home, bot)
    await move(home, "home")
    streams = await home.ask("config_entries/subentries/list", entry_id=bot)
    (news,) = (stream["subentry_id"] for stream in streams if stream["title"] == "news")
    await home.ask("config_entries/subentries/delete", entry_id=bot, subentry_id=news)
    await wait_until_written(home, news, there=False)
    gone = await home.add_bot()
    assert files(home, gone) != []
    kept = files(home, bot)
    await home.kill()
    await home.start()

    assert before - await devices(home, bot) == {"Home news"}
    assert (files(home, gone), await devices(home, gone)) == ([], set())
    assert files(home, bot) == kept
    assert home.warnings() == []


async def test_a_request_is_taken_once_though_its_home_was_killed(start_home: StartHome) -> None:
    """Whether it is sent again as it was recorded, or signed anew with the same id."""
    home = await start_home(CONFIGURATION)
    bot = await home.add_bot()
    await home.add_data_stream(bot, {**STREAM, "address": "wait", "actions": [{"delay": 60}]})
    sender = Sender(await home.open_doors(bot, webhook={"open": True, "signed": True}), {"address": "wait"})
    await home.stop()
    await home.start()
    headers = sender.headers("1")
    sending = asyncio.create_task(sender.send(home, headers))

    async def is_at_work() -> bool:
        return bool((await home.diagnostics(bot))["doors"]["webhook"]["working"])

    await home.wait_for("The message", is_at_work)
    await home.kill()
    with pytest.raises(aiohttp.ClientError):
        await sending
    await home.start()

    assert await sender.send(home, headers) is None
    receipt = await sender.send(home, sender.headers("1"))
    (unknown,) = receipt["failed"]
    assert (receipt["handled"], receipt["running"], receipt["message_id"]) == ([], [], "")
    assert unknown["receiver"] == "door"
    assert "what became of it is not known" in unknown["error"]
    assert (await home.diagnostics(bot))["doors"]["webhook"]["working"] == 0
    assert home.warnings() == []
