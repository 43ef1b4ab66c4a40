"""The data streams of a bot, as they are now: each is taken up, changed and given up on its own."""

import asyncio
from collections.abc import Callable

from homeassistant.core import CALLBACK_TYPE
from homeassistant.helpers.dispatcher import async_dispatcher_send

from .bot import Bot
from .built_in import BUILT_IN_FIELDS
from .const import SUBENTRY_DATA_STREAM
from .data_stream import DataStream
from .directory import Directory
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
            for stream_id, running in list(self._running.items()):
                if streams.get(stream_id) != running.stream:
                    await self._change(stream_id, streams.get(stream_id))
            for stream_id, stream in streams.items():
                if stream_id not in self._running:
                    await self._change(stream_id, stream)
            async_dispatcher_send(self._bot.hass, streams_signal(self._bot.bot_id))

    async def async_stop(self) -> None:
        """Give up all data streams."""
        async with self._changing:
            for stream_id in list(self._running):
                await self._change(stream_id, None)

    async def _change(self, stream_id: str, stream: DataStream | None) -> None:
        """Put a data stream, or none, into the place of another, without a moment in which both or neither listen."""
        mapping = None
        if stream is not None:
            mapping = MappingMicroservice(self._bot, stream)
            await mapping.async_start()
        former = self._running.pop(stream_id, None)
        if former is not None:
            former.disconnect()
        if stream is not None and mapping is not None:
            self._running[stream_id] = _RunningStream(stream, mapping, self._connect(stream, mapping))
        if former is not None:
            await former.mapping.async_stop(is_replaced=stream is not None)

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


class _RunningStream:
    """A data stream that was taken up."""

    def __init__(self, stream: DataStream, mapping: MappingMicroservice, connected: list[Callable[[], None]]) -> None:
        self.stream = stream
        self.mapping = mapping
        self._connected = connected

    def disconnect(self) -> None:
        for disconnect in self._connected:
            disconnect()
