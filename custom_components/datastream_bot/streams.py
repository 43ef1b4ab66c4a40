"""The data streams of a bot, as they are now: each is taken up, changed and given up on its own."""

import asyncio
from collections.abc import Callable, Collection, Mapping

from homeassistant.core import CALLBACK_TYPE
from homeassistant.helpers.dispatcher import async_dispatcher_send

from .bot import Bot
from .built_in import BUILT_IN_FIELDS
from .const import SUBENTRY_DATA_STREAM
from .data_streams import DataStream
from .messaging.registry import Directory
from .microservices.mapping import MappingMicroservice
from .signals import streams_signal


class DataStreams:
    """Keeps what a bot does in step with its config subentries."""

    def __init__(self, bot: Bot, directory: Directory) -> None:
        """Initialize the data streams."""
        self._bot = bot
        self._directory = directory
        self._changing = asyncio.Lock()
        self._running: dict[str, _RunningStream] = {}

    async def async_update(self) -> None:
        """Take up what is new, change what changed, give up what is gone, and leave all others alone."""
        async with self._changing:
            streams = {
                subentry.subentry_id: DataStream.from_subentry(subentry)
                for subentry in self._bot.entry.get_subentries_of_type(SUBENTRY_DATA_STREAM)
            }
            former = await self._change_to(streams)
        await _stop(former)

    async def async_stop(self) -> None:
        """Give up all data streams."""
        async with self._changing:
            former = await self._change_to({})
        await _stop(former)

    async def _change_to(self, streams: Mapping[str, DataStream]) -> Collection[_RunningStream]:
        """Take up these data streams, and return those that they replace, whose actions may still run."""
        new = {
            stream_id: MappingMicroservice(self._bot, stream)
            for stream_id, stream in streams.items()
            if stream_id not in self._running or self._running[stream_id].stream != stream
        }
        for mapping in new.values():
            await mapping.async_start()

        # From here to the signal nothing waits: there is no moment in which both or neither of two streams listen.
        former = {
            stream_id: self._running.pop(stream_id)
            for stream_id in list(self._running)
            if stream_id in new or stream_id not in streams
        }
        for stream_id, running in former.items():
            running.disconnect()
            running.mapping.async_retire(new.get(stream_id))
        for stream_id, mapping in new.items():
            stream = streams[stream_id]
            self._running[stream_id] = _RunningStream(stream, mapping, self._connect(stream, mapping))
        async_dispatcher_send(self._bot.hass, streams_signal(self._bot.bot_id))
        return former.values()

    def _connect(self, stream: DataStream, mapping: MappingMicroservice) -> list[CALLBACK_TYPE]:
        bot_id, bot_name = self._bot.bot_id, self._bot.entry.title
        connected: list[CALLBACK_TYPE] = [
            self._directory.declare(bot_id, bot_name, stream.address, stream.fields),
        ]
        # A built-in stream has its own handling; on top come only actions and events that the user added.
        if stream.actions or stream.event_type or stream.address not in BUILT_IN_FIELDS:
            connected.append(self._bot.attach(mapping))
        if stream.external:
            connected.append(self._directory.open(bot_id, stream.address))
        return connected


async def _stop(former: Collection[_RunningStream]) -> None:
    await asyncio.gather(*(running.mapping.async_stop() for running in former))


class _RunningStream:
    """A data stream that was taken up."""

    __slots__ = ("_connected", "mapping", "stream")

    def __init__(self, stream: DataStream, mapping: MappingMicroservice, connected: list[Callable[[], None]]) -> None:
        self.stream = stream
        self.mapping = mapping
        self._connected = connected

    def disconnect(self) -> None:
        for disconnect in self._connected:
            disconnect()
