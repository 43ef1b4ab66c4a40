"""Real automations of Home Assistant."""

from typing import Any, Final

from homeassistant.core import HomeAssistant

from .bell import RING, Bell
from .bots import CONTENT
from .home import set_up

EVENT: Final = "news_event"


def automation(name: str, trigger: dict[str, Any], *, action: dict[str, Any] = RING) -> dict[str, Any]:
    """Return an automation with one trigger and one action."""
    return {"id": name, "alias": name, "mode": "parallel", "triggers": [trigger], "actions": [action]}


def on_event(**data: Any) -> dict[str, Any]:
    """Return the trigger of an event that has these data."""
    return {"trigger": "event", "event_type": EVENT, **({"event_data": data} if data else {})}


async def add_automations(hass: HomeAssistant, *automations: dict[str, Any]) -> None:
    """Set up automations."""
    await set_up(hass, "automation", list(automations))
    await hass.async_block_till_done()


async def fire_and_wait(hass: HomeAssistant, bell: Bell, times: int) -> None:
    """Fire the event so often, each time until the bell was rung and nothing is left to do."""
    for count in range(bell.count + 1, bell.count + times + 1):
        hass.bus.async_fire(EVENT, CONTENT)
        await bell.until(count)
    await hass.async_block_till_done()
