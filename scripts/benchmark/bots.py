"""Bots and automations that ring the bell, and what has them do it."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from homeassistant.config_entries import ConfigSubentryData
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.datastream_bot.const import DOMAIN
from custom_components.datastream_bot.data_streams import BUILT_IN_FIELDS, SUBENTRY_DATA_STREAM, stream_unique_id
from custom_components.datastream_bot.messaging.message import Message
from custom_components.datastream_bot.messaging.microservice import Microservice, Result, datastream

from .home import RING, Home, set_up
from .rounds import Once

NEWS: Final = "news"
ON_EVENT: Final[dict[str, Any]] = {"trigger": "event", "event_type": "news_event"}
CONTENT: Final = {"room": "kitchen", "open": True, "level": 3}
"""What the messages say, and the events that they are compared with."""

_TYPES: Final = {"room": "text", "open": "boolean", "level": "number"}
FIELDS: Final = [{"name": name, "type": type_, "required": True} for name, type_ in _TYPES.items()]


def stream(address: str, fields: Sequence[Any] = FIELDS, **more: Any) -> ConfigSubentryData:
    """Return a data stream as the form stores it."""
    data = {"address": address, "description": "", "external": True, "fields": [*fields]}
    data |= {"actions": [], "mode": "parallel", "event_type": "", **more}
    unique_id = stream_unique_id(address)
    return ConfigSubentryData(data=data, subentry_type=SUBENTRY_DATA_STREAM, title=address, unique_id=unique_id)


async def add_bot(home: Home, *streams: ConfigSubentryData, name: str = "Bot", **options: Any) -> Any:
    """Add a bot with more data streams than the built-in ones, and return it."""
    subentries = [*(stream(address, ()) for address in BUILT_IN_FIELDS), *streams]
    entry = MockConfigEntry(domain=DOMAIN, version=2, title=name, options=options, subentries_data=subentries)
    await home.config_entries.async_add(entry)
    await home.async_block_till_done()
    return entry.runtime_data


async def send(home: Home, address: str = NEWS, content: Any = CONTENT) -> None:
    """Send a message from outside the bots, and wait for its receipt."""
    data = {"address": address, "content": content}
    await home.services.async_call(DOMAIN, "send", data, blocking=True, return_response=True)


async def by_microservice(home: Home) -> Once:
    """Add a bot with a microservice that calls the action; return what sends it a message."""

    class Ringer(Microservice):
        name = "ringer"

        @datastream(NEWS)
        async def ring(self, message: Message) -> Result:
            await home.services.async_call("bell", "ring", RING["data"], blocking=True, context=message.context)
            return None

    bot = await add_bot(home, stream(NEWS))
    bot.attach(Ringer())
    return partial(send, home)


async def by_action(home: Home) -> Once:
    """Add the same bot; return what sends the message by the data stream's own action."""
    await by_microservice(home)
    return partial(home.services.async_call, DOMAIN, NEWS, CONTENT, blocking=True, return_response=True)


async def by_mapping(home: Home, **options: Any) -> Once:
    """Add a bot with a mapped address; return what sends a message there."""
    await add_bot(home, stream(NEWS, actions=[RING]), **options)
    return partial(send, home)


async def to_nobody(home: Home) -> Once:
    """Add a bot; return what sends a message to an address that nobody knows."""
    await add_bot(home, stream(NEWS))
    return partial(send, home, "nobody")


async def automate(home: Home, *triggers: dict[str, Any]) -> None:
    """Add an automation that rings the bell for each trigger."""
    many = {"mode": "parallel", "max": 1000, "actions": [RING]}
    await set_up(home, "automation", [{"id": f"{n}", "triggers": each, **many} for n, each in enumerate(triggers)])


async def add_listeners(home: Home, number: int = 100) -> None:
    """Add automations that listen to the event, each of another address."""
    await automate(home, *({**ON_EVENT, "event_data": {"address": f"news_{n}"}} for n in range(number)))


async def fire(home: Home, address: str = NEWS) -> None:
    """Fire the event that automations wait for."""
    home.bus.async_fire(ON_EVENT["event_type"], {"address": address, **CONTENT})


async def filtered(home: Home) -> Once:
    """Add 1,000 automations; return what fires an event that they do not want."""
    await add_listeners(home, 1000)
    return partial(fire, home, "nobody")


async def by_automation(home: Home) -> Once:
    """Add an automation; return what fires the event that it waits for."""
    await automate(home, ON_EVENT)
    return partial(fire, home)
