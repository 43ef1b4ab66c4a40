"""Automations for the tests."""

from typing import Any

from homeassistant.core import Event, HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import async_capture_events

type Heard = list[Event[Any]]


async def listen(hass: HomeAssistant, **options: Any) -> Heard:
    """Set up an automation with the trigger, and return what it hears."""
    heard = async_capture_events(hass, "heard")
    variables = ("address", "content", "sender", "message_id", "origin", "bot")
    automation = {
        "id": "listen",
        "alias": "Listen",
        "mode": "parallel",
        "triggers": {"trigger": "datastream_bot.message_received", "options": options},
        "actions": {"event": "heard", "event_data": {name: f"{{{{ trigger.{name} }}}}" for name in variables}},
    }
    assert await async_setup_component(hass, "automation", {"automation": automation})
    await hass.async_block_till_done()
    return heard
