"""Automations for the tests."""

from typing import Any

from homeassistant.core import Event, HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import async_capture_events
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

type Heard = list[Event[Any]]


async def listen(hass: HomeAssistant, *, target: Any = None, **options: Any) -> Heard:
    """Set up an automation with the trigger, and return what it hears."""
    trigger = {"trigger": "datastream_bot.message_received", "options": options, "target": target}
    heard = async_capture_events(hass, "heard")
    variables = ("address", "content", "sender", "message_id", "origin", "bot")
    automation = {
        "id": "listen",
        "alias": "Listen",
        "mode": "parallel",
        "triggers": {name: value for name, value in trigger.items() if value is not None},
        "actions": {"event": "heard", "event_data": {name: f"{{{{ trigger.{name} }}}}" for name in variables}},
    }
    assert await async_setup_component(hass, "automation", {"automation": automation})
    await hass.async_block_till_done()
    return heard


async def traced(ws_client: WebSocketGenerator) -> list[str]:
    """Return why the automation says in its traces that it did not trigger."""
    client = await ws_client()
    await client.send_json_auto_id({"type": "trace/list", "domain": "automation", "item_id": "listen"})
    reasons = []
    for run in (await client.receive_json())["result"]:
        if run["script_execution"] == "not_triggered":
            await client.send_json_auto_id(
                {"type": "trace/get", "domain": "automation", "item_id": "listen", "run_id": run["run_id"]}
            )
            (steps,) = (await client.receive_json())["result"]["trace"].values()
            reasons.append(steps[0]["result"]["reason"])
    return reasons
