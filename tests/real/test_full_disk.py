"""A real Home Assistant on a disk that is full, killed there, and started again."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import pytest

from .disk import SmallDisk, small_disk
from .home import RealHome, real_home
from .lamp import CONFIGURATION, move

OFF: Final = {"address": "toggle_everything", "content": {"on": False, "remember": True}}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Mount the disk of a home in the folder `home`."""
    with small_disk(tmp_path / "home" / ".storage", "2m") as mounted:
        yield mounted


@pytest.fixture
async def home(socket_enabled: None, tmp_path: Path, disk: SmallDisk) -> AsyncIterator[RealHome]:
    """Start the home."""
    (tmp_path / "home" / "configuration.yaml").write_text(CONFIGURATION, encoding="utf-8")
    async with real_home(tmp_path / "home") as started:
        yield started


async def unsaved(home: RealHome) -> list[str]:
    """Return what the repair issues say that cannot be saved."""
    issues = (await home.ask("repairs/list_issues"))["issues"]
    paths = [
        issue["translation_placeholders"]["path"] for issue in issues if issue["translation_key"] == "memory_unsaved"
    ]
    return [Path(path).name for path in paths]


async def test_a_kill_on_a_full_disk_loses_no_more_than_was_said(home: RealHome, disk: SmallDisk) -> None:
    """And breaks nothing that was written before."""
    await move(home, "home")
    bot = await home.add_bot(on_leaving="off", on_returning="restore", more={"settling": 0})
    # Home Assistant writes down after a while that there is a bot.
    await home.stop()
    await home.start()
    await home.act("switch.turn_on", {"entity_id": "switch.lamp"})
    # Somebody leaves and comes back while all is well.
    await move(home, "home", lamp="on")
    await move(home, "not_home", lamp="off")
    await move(home, "home", lamp="on")

    disk.fill()
    (failure,) = (await home.act_for_response("datastream_bot.send", OFF))["failed"]
    assert "nothing was turned off" in failure["error"]
    assert await home.state("switch.lamp") == "on"
    # Leaving turns everything off all the same, and the repair issue says that a restart would forget what was on.
    await move(home, "not_home", lamp="off")
    assert f"datastream_bot.{bot}.snapshot" in await unsaved(home)

    await home.kill()
    said = home.warnings()
    disk.make_room()
    await home.start()

    assert await unsaved(home) == []
    await move(home, "home")
    await home.act("switch.turn_on", {"entity_id": "switch.lamp"})
    await move(home, "not_home", lamp="off")
    await move(home, "home", lamp="on")
    assert home.warnings() == said
