"""The actions: sending to any address, an action of its own for each data stream, and looking up messages."""

from homeassistant.core import HomeAssistant

from ..messaging.registry import Registry
from .messages import async_setup_get_messages
from .picker import async_setup_picker
from .send import async_setup_send
from .streams import async_setup_stream_actions


async def async_setup_actions(hass: HomeAssistant, registry: Registry) -> None:
    """Register the actions, and keep those of data streams in step with these."""
    async_setup_send(hass)
    async_setup_get_messages(hass)
    await async_setup_picker(hass, registry)
    await async_setup_stream_actions(hass)
