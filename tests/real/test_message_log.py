"""The message log of a real Home Assistant: what it still has after a restart, and after a kill."""

import json
from typing import Any, Final

import pytest

from .conftest import StartHome
from .home import RealHome

CONFIGURATION: Final = json.dumps({"homeassistant": {}, "recorder": {"commit_interval": 1}, "logbook": {}})
SECRET: Final = "hunter2"  # noqa: S105 - what must not be on the disk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


async def messages(home: RealHome) -> list[tuple[str, str, bool]]:
    """Return address and outcome of each message, and whether its content is there."""
    answer = await home.act_for_response("datastream_bot.get_messages", {})
    return [(each["address"], each["outcome"], "content" in each) for each in answer["messages"]]


async def activity(home: RealHome) -> list[str]:
    """Return what Activity says of the messages."""
    events: Any = await home.get("/api/logbook")
    return [event["message"] for event in events if event.get("domain") == "datastream_bot"]


async def test_a_restart_keeps_the_log_and_a_kill_what_was_on_the_disk(start_home: StartHome) -> None:
    """Without content. Activity has all of it."""
    home = await start_home(CONFIGURATION)
    await home.add_bot()
    await home.act("datastream_bot.send", {"address": "before", "content": {"secret": SECRET}})
    assert await messages(home) == [("before", "unheard", True)]

    await home.stop()
    await home.start()

    assert await messages(home) == [("before", "unheard", False)]
    stored = (home.folder / ".storage" / "datastream_bot.messages").read_text(encoding="utf-8")
    assert SECRET not in stored

    await home.act("datastream_bot.send", {"address": "after", "content": {"number": 1}})

    async def is_recorded() -> bool:
        return "after (number: 1): no bot listens to it" in await activity(home)

    await home.wait_for("The sentence in Activity", is_recorded)
    await home.wait_for("The commit", is_recorded)
    await home.kill()
    await home.start()

    assert await messages(home) == [("before", "unheard", False)]
    assert f"before (secret: {SECRET}): no bot listens to it" in await activity(home)
    assert home.warnings() == []
