"""The demo as a home to play in."""

import asyncio
from contextlib import suppress

import pytest

from .demo import CONFIGURATION
from .home import HomeError, RealHome

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


async def test_what_is_saved_survives_a_restart_of_home_assistant(demo: RealHome) -> None:
    """The demo starts it again under the same URL; only when Home Assistant dies, the demo ends."""
    scenes = CONFIGURATION / "scenes.yaml"
    before = scenes.read_bytes()
    running = asyncio.create_task(demo.keep_running())
    await demo.post("/api/config/scene/config/evening", {"name": "Evening", "entities": {"light.porch": "on"}})
    former = demo.process
    await demo.act("homeassistant.restart", {})

    async def is_back() -> bool:
        with suppress(HomeError):
            return demo.process is not former and bool(await demo.state("scene.evening"))
        return False

    await demo.wait_for("The restart", is_back, 60)
    assert (await demo.ask("network/url"))["internal"] == demo.url
    assert scenes.read_bytes() == before

    await demo.kill()
    with pytest.raises(HomeError, match="Home Assistant ended with code -9"):
        await running
