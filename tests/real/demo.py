"""The home of `scripts/demo`: lights, switches, and the persons who live there."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
import shutil
from typing import Any, Final

from .home import PROJECT, RealHome, real_home

CONFIGURATION: Final = PROJECT / "scripts" / "demo-config"
LIGHTS: Final = ("light.kitchen", "light.living_room", "light.bedroom", "light.porch")
DEVICES: Final = (*LIGHTS, "switch.fan", "switch.radio")

# A data stream that shows what there is: a number with limits, a default, a choice, and another data stream's action.
DOORBELL: Final[Mapping[str, Any]] = {
    "address": "doorbell",
    "description": "Somebody rings",
    "external": True,
    "fields": [
        {"name": "times", "type": "number", "limits": "1 to 5", "required": "required", "description": "How often"},
        {"name": "visitor", "type": "text", "required": "optional", "default": "Somebody", "description": "Who it is"},
        {
            "name": "door",
            "type": "choice",
            "limits": "front, garden",
            "required": "optional",
            "description": "Which one",
        },
    ],
    "actions": [
        {"action": "light.turn_on", "target": {"entity_id": "light.porch"}},
        {
            "action": "datastream_bot.send_push_notification",
            "data": {"title": "Doorbell", "message": "{{ content.visitor }} rang {{ content.times }} times"},
        },
    ],
}


@asynccontextmanager
async def demo_home(folder: Path) -> AsyncIterator[RealHome]:
    """Start the home in an empty folder, with each light in the room of its name."""
    shutil.copytree(CONFIGURATION, folder, dirs_exist_ok=True)
    shutil.copytree(PROJECT / "blueprints", folder / "blueprints")
    async with real_home(folder) as home:
        for area in await home.ask("config/area_registry/list"):
            light = f"light.{area['area_id']}"
            if light in LIGHTS:
                await home.ask("config/entity_registry/update", entity_id=light, area_id=area["area_id"])
        yield home
