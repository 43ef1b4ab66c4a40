"""A real Home Assistant that goes back to a backup, and its configuration copied to a second box."""

from pathlib import Path
import shutil
from typing import Final

import pytest

from .conftest import StartHome
from .home import real_home
from .lamp import CONFIGURATION, move
from .sender import Sender

ON: Final = {"address": "toggle_everything", "content": {"on": True}}
WEBHOOK: Final = {"open": True, "signed": True}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


async def test_what_a_backup_brings_back(start_home: StartHome, tmp_path: Path) -> None:
    """As the table in the docs says, and the same for a second box that is started from it."""
    home = await start_home(CONFIGURATION)
    bot = await home.add_bot(on_returning="restore", more={"settling": 0})
    before = Sender(await home.open_doors(bot, webhook=WEBHOOK), ON)
    first = await before.send(home, before.headers("1"))
    assert [delivery["receiver"] for delivery in first["handled"]] == ["device"]
    await move(home, "home", lamp="on")
    await move(home, "not_home", lamp="off")
    await home.stop()
    storage, backup = home.folder / ".storage", tmp_path / "backup"
    shutil.copytree(storage, backup)

    # What happens after it.
    await home.start()
    await move(home, "home", lamp="on")
    after = Sender(await home.open_doors(bot, webhook=WEBHOOK | {"renew": "url_and_secret"}), ON)
    second = await after.send(home, after.headers("2"))
    await home.stop()

    shutil.rmtree(storage)
    shutil.copytree(backup, storage)
    await home.start()
    # To the backup, nobody is home and the lamp was on.
    await move(home, "home", lamp="on")
    assert await after.send(home, after.headers("2")) is None
    assert (await before.send(home, before.headers("1")))["message_id"] == first["message_id"]
    assert (await before.send(home, before.headers("2")))["message_id"] != second["message_id"]
    assert home.warnings() == []

    folder = tmp_path / "second"
    folder.mkdir()
    shutil.copytree(backup, folder / ".storage")
    (folder / "configuration.yaml").write_text(CONFIGURATION, encoding="utf-8")
    async with real_home(folder, tokens=home.tokens) as box:
        await move(box, "home", lamp="on")
        headers = before.headers("3")
        receipts = [await before.send(each, headers) for each in (home, box, home, box)]
        assert [receipt is not None for receipt in receipts] == [True, True, False, False]
        assert box.warnings() == []
