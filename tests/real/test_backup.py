"""A real Home Assistant that goes back to a backup, and its configuration copied to a second box."""

from collections.abc import Mapping
import json
from pathlib import Path
import shutil
import time
from typing import Any, Final

import aiohttp
import pytest
from yarl import URL

from custom_components.datastream_bot.doors.signature import sign

from .conftest import StartHome
from .home import RealHome, real_home
from .lamp import CONFIGURATION, move

ON: Final = json.dumps({"address": "toggle_everything", "content": {"on": True}}).encode()
WEBHOOK: Final = {"open": True, "signed": True}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class Sender:
    """Sends signed messages to a webhook as its form shows it."""

    def __init__(self, shown: Mapping[str, str]) -> None:
        """Initialize it with the path and the secret."""
        self._path = URL(shown["url"]).path
        self._secret = shown["secret"]

    def headers(self, key: str) -> dict[str, str]:
        """Return the headers of a message with an id."""
        timestamp = f"{time.time():.6f}"
        return {
            "Content-Type": "application/json",
            "X-Datastream-Id": key,
            "X-Datastream-Timestamp": timestamp,
            "X-Datastream-Signature": sign(self._secret, timestamp, ON),
        }

    async def send(self, home: RealHome, headers: Mapping[str, str]) -> Any:
        """Return the receipt of a message, or None for the empty answer of an unknown webhook."""
        async with (
            aiohttp.ClientSession() as session,
            session.post(home.url + self._path, data=ON, headers=headers) as response,
        ):
            body = await response.text()
            return json.loads(body) if body else None


async def test_what_a_backup_brings_back(start_home: StartHome, tmp_path: Path) -> None:
    """As the table in the docs says, and the same for a second box that is started from it."""
    home = await start_home(CONFIGURATION)
    bot = await home.add_bot(on_returning="restore", more={"settling": 0})
    before = Sender(await home.open_doors(bot, webhook=WEBHOOK))
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
    after = Sender(await home.open_doors(bot, webhook=WEBHOOK | {"renew": "url_and_secret"}))
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
