"""The way to a broker, which can be cut, be slow, and die without a word."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress


class Cable:
    """A port of its own that leads to a broker.

    Attributes:
        port: The port.

    """

    def __init__(self, broker_port: int) -> None:
        """Initialize it; nothing gets through yet."""
        self.port = 0
        self._broker_port = broker_port
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._dead = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()

    async def lay(self) -> asyncio.Server:
        """Let everything through from now on."""
        server = await asyncio.start_server(self._connect, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def cut(self) -> None:
        """End all connections at once."""
        for writer in self._writers:
            writer.transport.abort()

    async def stall(self, seconds: float) -> None:
        """Let nothing through for a while; what was sent comes later."""
        self._flowing.clear()
        await asyncio.sleep(seconds)
        self._flowing.set()

    def die(self) -> None:
        """Let nothing through any more, and end no connection; only new ones get through."""
        self._dead.set()
        self._dead = asyncio.Event()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_dead = self._dead.is_set
        await self._flowing.wait()
        with suppress(OSError):
            to_broker = await asyncio.open_connection("127.0.0.1", self._broker_port)
            await asyncio.gather(
                self._pass_on(reader, to_broker[1], is_dead), self._pass_on(to_broker[0], writer, is_dead)
            )

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_dead: Callable[[], bool]
    ) -> None:
        self._writers.add(writer)
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._flowing.wait()
                if not is_dead():
                    writer.write(data)
        if not is_dead():
            writer.close()
            self._writers.discard(writer)


@asynccontextmanager
async def cable_to(broker_port: int) -> AsyncIterator[Cable]:
    """Lay a cable to a broker, and remove it in the end."""
    cable = Cable(broker_port)
    server = await cable.lay()
    yield cable
    server.close()
    cable.cut()
