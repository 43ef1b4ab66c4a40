"""Events of messages, as Home Assistant's recorder stores them."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers.json import json_bytes
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from .conftest import AddBot
from .streams import add_stream, row

LARGEST = 32_768
"""How many bytes of data the recorder stores of an event; of larger ones it warns in the log, and stores none."""


@pytest.mark.parametrize(
    ("event_type", "envelope"),
    [("datastream_bot_message", {"id", "address", "sender", "origin", "home", "hops"}), ("datastream_bot_news", set())],
)
@pytest.mark.parametrize("letter", ["x", "é"])
async def test_content_that_does_not_fit_into_an_event_is_left_out(
    recorder_mock: Any, hass: HomeAssistant, add_bot: AddBot, event_type: str, envelope: set[str], letter: str
) -> None:
    """The event says so, and the log has nothing to say about it."""
    home, garden = await add_bot("Home"), await add_bot("Garden")
    # The default makes the content larger than what a message may carry.
    await add_stream(
        garden, "news", event_type="datastream_bot_news", fields=[row("text"), row("more", default="m" * 600)]
    )
    events = async_capture_events(hass, event_type)

    await home.async_distribute_datastream_message("news", {"text": ""})
    room = LARGEST - len(json_bytes(events[0].data))
    text = letter * (room // len(letter.encode()))
    text += "x" * (room - len(text.encode()))
    await home.async_distribute_datastream_message("news", {"text": text})
    await home.async_distribute_datastream_message("news", {"text": f"{text}x"})
    await hass.async_block_till_done()
    await hass.data["recorder_instance"].async_block_till_done()

    fitting, too_large = (event.data for event in events[1:])
    assert len(json_bytes(fitting)) == LARGEST
    assert "content_left_out" not in fitting
    assert too_large["content_left_out"] is True
    assert too_large.keys() == {"content_left_out", *envelope}
