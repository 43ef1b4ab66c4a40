"""A home with one lamp, and with Anna, who leaves and comes back."""

import json
from typing import Final

from .home import RealHome

CONFIGURATION: Final = json.dumps(
    {
        "homeassistant": {},
        "repairs": {},
        "diagnostics": {},
        "person": [{"id": "anna", "name": "Anna", "device_trackers": ["device_tracker.anna"]}],
        "input_boolean": {"power": {}},
        "template": {
            "switch": {
                "name": "Lamp",
                "unique_id": "lamp",
                "state": "{{ is_state('input_boolean.power', 'on') }}",
                "turn_on": {"action": "input_boolean.turn_on", "target": {"entity_id": "input_boolean.power"}},
                "turn_off": {"action": "input_boolean.turn_off", "target": {"entity_id": "input_boolean.power"}},
            }
        },
    }
)


async def move(home: RealHome, state: str, *, lamp: str | None = None) -> None:
    """Move Anna, and wait for what the lamp does because of it."""
    await home.post("/api/states/device_tracker.anna", {"state": state})
    if lamp is None:
        return

    async def is_so() -> bool:
        return await home.state("switch.lamp") == lamp

    # Nothing is turned off before ten seconds after the start.
    await home.wait_for(f"The lamp {lamp}", is_so, 30)
