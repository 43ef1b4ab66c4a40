"""What a crash leaves of bots and data streams that are gone is removed at the next start."""

from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.datastream_bot.const import DOMAIN

from .conftest import AddBot, SetPresence
from .streams import add_stream

GONE = "01M8A8PSVHC5EEDH0Z06283ZR8"
DISABLED = "01M8A8PSYSDZE2QGXWF6SX17VE"


class TestFiles:
    """On a real disk."""

    @pytest.fixture
    def hass_storage(self) -> dict[str, Any]:
        """Let Home Assistant write to its disk, as it does outside of tests."""
        return {}

    @pytest.fixture
    def hass_config_dir(self, hass_tmp_config_dir: str) -> str:
        """Give it a folder of its own."""
        return hass_tmp_config_dir

    @pytest.fixture
    def folder(self, hass_config_dir: str) -> Path:
        """Return the folder of Home Assistant's storage."""
        folder = Path(hass_config_dir) / ".storage"
        folder.mkdir(exist_ok=True)
        return folder

    @pytest.fixture
    def files(self, folder: Path) -> Callable[[], set[str]]:
        """Return a function that returns the names of the files in it."""
        return lambda: {path.name for path in folder.iterdir()}

    async def test_the_files_of_a_bot_that_is_gone_are_removed(
        self,
        hass: HomeAssistant,
        folder: Path,
        files: Callable[[], set[str]],
        persons: SetPresence,
        add_bot: AddBot,
    ) -> None:
        """And no others: neither those of a bot that is disabled, nor what is not a bot's."""
        MockConfigEntry(domain=DOMAIN, entry_id=DISABLED, disabled_by=ConfigEntryDisabler.USER).add_to_hass(hass)
        gone = [f"{DOMAIN}.{GONE}{more}" for more in ("", ".snapshot", ".roster_15", ".corrupt.2026-11-25")]
        kept = [
            *(f"{DOMAIN}.{DISABLED}{more}" for more in ("", ".snapshot", ".outbox")),
            *(f"{DOMAIN}{more}" for more in ("", ".settings", f".{GONE}2", f".of.{GONE}", f"_2.{GONE}")),
            *(GONE, f"light.{GONE}", f"old_{DOMAIN}.{GONE}"),
        ]
        for name in (*gone, *kept):
            (folder / name).write_text("{}", encoding="utf-8")

        bot = await add_bot()

        assert files().isdisjoint(gone)
        assert files() >= {*kept, f"{DOMAIN}.{bot.bot_id}"}

    @pytest.mark.warns
    async def test_a_file_that_cannot_be_removed_is_left_behind(
        self, folder: Path, files: Callable[[], set[str]], add_bot: AddBot, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The log says so, and the bots are there all the same."""
        (folder / f"{DOMAIN}.{GONE}").mkdir()
        (folder / f"{DOMAIN}.{GONE}.snapshot").write_text("{}", encoding="utf-8")

        await add_bot()

        assert caplog.text.count("A file is left behind, as it cannot be removed") == 1
        assert [name for name in files() if GONE in name] == [f"{DOMAIN}.{GONE}"]


async def test_the_device_and_the_entity_of_a_data_stream_that_is_gone_are_removed(
    hass: HomeAssistant, add_bot: AddBot, device_registry: dr.DeviceRegistry, entity_registry: er.EntityRegistry
) -> None:
    """Those of other data streams, of the bot, and of other integrations stay."""
    bot = await add_bot()
    gone = await add_stream(bot, "gone")
    other = MockConfigEntry(domain="other")
    other.add_to_hass(hass)
    device_registry.async_get_or_create(config_entry_id=other.entry_id, identifiers={("other", "device")})
    entity_registry.async_get_or_create("light", "other", "lamp", config_entry=other)

    def registered() -> dict[str, str | None]:
        """Return the data stream, if it is one's, of each device and entity."""
        devices = {device.id: device.config_subentry_id for device in device_registry.devices}
        return devices | {entity.id: entity.config_subentry_id for entity in entity_registry.entities.values()}

    before = registered()
    left = {one: stream_id for one, stream_id in before.items() if stream_id != gone.subentry_id}
    assert len(before) == len(left) + 2
    await hass.config_entries.async_unload(bot.bot_id)
    # Home Assistant has written this, and was killed before it wrote the registries.
    streams = {stream_id: stream for stream_id, stream in bot.entry.subentries.items() if stream_id != gone.subentry_id}
    object.__setattr__(bot.entry, "subentries", MappingProxyType(streams))

    assert await hass.config_entries.async_setup(bot.bot_id)
    await hass.async_block_till_done()

    assert registered() == left
