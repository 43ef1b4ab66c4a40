"""What is imported for a bot whose doors are closed: nothing of the ways out of the home."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import logging
import sys
from typing import Final

import homeassistant.core  # noqa: F401 - replaces modules that the integration imports
from homeassistant.runner import create_event_loop

from .rounds import Comparison, Pair

DOORS: Final = ("mqtt", "webhook", "cloud")


def imported_doors() -> set[str]:
    """Return the modules of the doors that are imported in this process."""
    packages = [f"homeassistant.components.{door}" for door in DOORS]
    return {name for name in sys.modules if any(name == one or name.startswith(f"{one}.") for one in packages)}


async def set_up_bot() -> None:
    """Set up a bot, and print what was imported that Home Assistant does not import in any home."""
    before = imported_doors()
    # Only now, as it imports the integration.
    from .bots import add_bot  # noqa: PLC0415
    from .home import new_home  # noqa: PLC0415

    async with new_home() as hass:
        await add_bot(hass)
        print(*imported_doors() - before)


@asynccontextmanager
async def closed_doors() -> AsyncIterator[Pair]:
    """Count the modules that a process of its own has imported once it has set up a bot."""

    async def ours() -> float:
        arguments = (sys.executable, "-m", __name__)
        process = await asyncio.create_subprocess_exec(*arguments, stdout=asyncio.subprocess.PIPE)
        output, _ = await process.communicate()
        if process.returncode:
            raise RuntimeError("The process failed")
        return len(output.split())

    async def theirs() -> float:
        return 1

    yield Pair(ours=ours, theirs=theirs)


MEASUREMENTS: Final = (
    Comparison(
        name="imports",
        what="modules of mqtt, webhook and cloud that a bot with closed doors imports",
        goal=0,
        sides=closed_doors,
        rounds=1,
        warm_ups=0,
        unit=("modules", 1),
    ),
)

if __name__ == "__main__":
    logging.disable(logging.WARNING)
    create_event_loop().run_until_complete(set_up_bot())
