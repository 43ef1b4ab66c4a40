"""Farewell: nobody elsewhere waits for a bot that is gone, and nothing is left of what it stored."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
import time
from typing import Any

from homeassistant.core import HomeAssistant

from .envelope import Envelope, Kind, Sender
from .link import async_publish
from .outbox import outbox_memory
from .roster import roster_memories
from .topics import membership_of
from .trouble import async_end_trouble
from .voice import LAST_WORDS


async def async_say_goodbye(hass: HomeAssistant, bot_id: str, bot_name: str, settings: Mapping[str, Any]) -> None:
    """Tell bots elsewhere not to wait for this one any more."""
    membership = membership_of(settings)
    sender = Sender(home=membership.home, bot=bot_id, name=bot_name)
    goodbye = Envelope(kind=Kind.GOODBYE, sender=sender, time=time.time(), data={}).encode()
    with suppress(TimeoutError):
        async with asyncio.timeout(LAST_WORDS):
            for topic in (membership.own_topic, membership.wide_topic):
                await async_publish(hass, topic, goodbye)


async def async_forget_kept(hass: HomeAssistant, bot_id: str) -> None:
    """Forget the messages of a bot that are on their way, as nobody waits for them after a goodbye."""
    await outbox_memory(hass, bot_id).async_remove()


async def async_remove_mqtt(hass: HomeAssistant, bot_id: str) -> None:
    """Remove what the door of a bot stored, and its repair issues."""
    await asyncio.gather(
        *(memory.async_remove() for memory in (outbox_memory(hass, bot_id), *roster_memories(hass, bot_id)))
    )
    async_end_trouble(hass, bot_id)
