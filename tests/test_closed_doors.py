"""A bot with closed doors: Home Assistant imports nothing for ways out of the home that nobody opened."""

import asyncio
from pathlib import Path
import sys

from homeassistant import loader
from homeassistant.config_entries import ConfigEntryState
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_test_home_assistant

DOORS = ("mqtt", "webhook", "cloud")


def imported() -> set[str]:
    """Return the modules of the doors that are imported in this process."""
    return {name for name in sys.modules if name.removeprefix("homeassistant.components.").split(".")[0] in DOORS}


async def main(folder: str) -> None:
    """Add a bot, and print what is imported for it."""
    # What the tests have imported for themselves.
    for name in imported():
        del sys.modules[name]
    async with async_test_home_assistant(config_dir=folder) as hass:
        hass.data.pop(loader.DATA_CUSTOM_COMPONENTS)
        entry = MockConfigEntry(domain="datastream_bot", version=2, title="Bot")
        await hass.config_entries.async_add(entry)
        await hass.async_block_till_done()
        assert entry.state is ConfigEntryState.LOADED
        print(*imported())  # noqa: T201 - to the test
        await hass.async_stop(force=True)


async def test_a_bot_with_closed_doors_imports_nothing_for_them(tmp_path: Path) -> None:
    """In a process of its own, as others of this one use them."""
    command = (sys.executable, "-m", __name__, tmp_path)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert (process.returncode, output.split()) == (0, [])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
