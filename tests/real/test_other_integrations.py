"""Microservices of other integrations in a real Home Assistant, and others beside them whose code is bad."""

import asyncio
from collections.abc import AsyncIterator
import json
from pathlib import Path
from typing import Any, Final

import pytest

from ..other_integrations import DOORBELL, clerk, copy_integration
from .home import HomeError, RealHome, real_home

BAD: Final = {
    "broken": "from custom_components.datastream_bot.messaging import Nothing",
    "greedy": clerk("while True: pass", address="greedy"),
    "noisy": clerk("raise ValueError('out of paper')", address="doorbell"),
    "stuck": "async def async_get_microservices(hass, host):\n    await asyncio.Event().wait()",
    "waiting": clerk("await asyncio.Event().wait()", address="doorbell"),
}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
async def home(socket_enabled: None, tmp_path: Path) -> AsyncIterator[RealHome]:
    """Start a home that has the doorbell, and integrations whose code is bad."""
    configuration: dict[str, Any] = {"homeassistant": {}, "diagnostics": {}, DOORBELL: {}, **{bad: {} for bad in BAD}}
    (tmp_path / "configuration.yaml").write_text(json.dumps(configuration), encoding="utf-8")
    folder = tmp_path / "custom_components"
    copy_integration(folder, DOORBELL)
    for domain, code in BAD.items():
        copy_integration(folder, domain, code)
    async with real_home(tmp_path) as started:
        yield started


async def ring(home: RealHome, bot: str) -> Any:
    """Let a bot ring, and return the receipt."""
    message = {"address": "doorbell", "content": {"visitor": "Anna"}, "config_entry_id": bot}
    return await home.act_for_response("datastream_bot.send", message)


async def wait_for_warning(home: RealHome, words: str) -> None:
    """Wait until the log warns of something."""

    async def is_there() -> bool:
        return any(words in line for line in home.warnings())

    await home.wait_for(f"The warning “{words}”", is_there, timeout=20)


async def test_bad_code_of_others_costs_nothing_but_itself(home: RealHome) -> None:
    """Before and after a restart. What holds up Home Assistant is named while it does."""
    bot = await home.add_bot()
    for _ in range(2):
        receipt = await ring(home, bot)
        assert [(each["receiver"], each["result"]) for each in receipt["handled"]] == [
            ("doorbell_demo.doorbell", {"notified": True})
        ]
        assert [(each["receiver"], each["error"]) for each in receipt["failed"]] == [
            ("noisy.clerk", "ValueError: out of paper")
        ]
        assert [each["receiver"] for each in receipt["running"]] == ["waiting.clerk"]
        await home.stop()
        await home.start()

    microservices = (await home.diagnostics(bot))["microservices"]
    listed = {each["name"] for each in microservices if "integration" in each}
    assert listed == {"doorbell_demo.doorbell", "greedy.clerk", "noisy.clerk", "waiting.clerk"}

    await wait_for_warning(home, "The microservices of broken cannot be imported: ImportError: cannot import name")
    await wait_for_warning(home, "stuck failed to add its microservices to Home")
    await wait_for_warning(home, "noisy.clerk of Home failed on a message to doorbell")
    message = {"address": "greedy", "config_entry_id": bot}
    sending = asyncio.create_task(home.act("datastream_bot.send", message))
    await wait_for_warning(home, "greedy.clerk holds up all of Home Assistant")
    await home.kill()
    with pytest.raises(HomeError):
        await sending
