"""A TCP proxy with the faults of a network, in a thread of its own: it stands between one worker and its brokers."""

import asyncio
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from app.engine.ending import all_ended
from tests.support.patience import PATIENCE

_PIECE = 4096  # bytes that are passed on at a time, so that a rate is smooth and a loss hits a part of an answer
_SEGMENT = 1460  # bytes in a TCP segment: what is lost at a time
_RESENT = 0.2  # seconds after which Linux sends a lost segment again, at the least (RTO)


@dataclass(eq=False)
class _Connection:
    client: asyncio.StreamWriter
    broker: asyncio.StreamWriter
    mute: bool = False


class FaultProxy:
    """Listens at each port and passes on to the port that it stands for. All faults are off at first.

    ``latency`` (seconds) is added in each direction; ``loss`` is the share of TCP segments that are lost, each of which
    holds up its connection until it would have been sent again; ``rate`` is in bytes a second, of the whole link in
    each direction. :meth:`black_hole` lets no byte and no new connection through until :meth:`clear`.
    :meth:`refuse` ends all
    connections and each that comes. :meth:`half_open` forgets the connections that there are, without a word to the
    client; new ones work.
    ``connections`` counts those that were made.
    """

    def __init__(self, ports: Mapping[int, int]) -> None:
        self.latency = 0.0
        self.loss = 0.0
        self.rate = 0.0
        self.connections = 0
        self._ports = dict(ports)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault proxy", daemon=True)
        self._open: set[_Connection] = set()
        self._refusing = False
        self._passing = asyncio.Event()
        self._passing.set()
        self._free = {"out": 0.0, "in": 0.0}
        self._servers: list[asyncio.Server] = []

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    def black_hole(self) -> None:
        """Let nothing through."""
        self._loop.call_soon_threadsafe(self._passing.clear)

    def half_open(self) -> None:
        """Forget all connections: the brokers see their end, the client hears nothing any more."""
        self._loop.call_soon_threadsafe(self._forget)

    def refuse(self) -> None:
        """End all connections, and each new one as it comes: nobody is there."""
        self._refusing = True
        self._loop.call_soon_threadsafe(self._cut)

    def clear(self) -> None:
        """Be a network without faults again. What a black hole held back goes on; forgotten connections stay so."""
        self.latency = self.loss = self.rate = 0.0
        self._refusing = False
        self._loop.call_soon_threadsafe(self._passing.set)

    async def _listen(self) -> None:
        for here, there in self._ports.items():

            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int = there) -> None:
                await self._serve(reader, writer, port)

            self._servers.append(await asyncio.start_server(serve, "127.0.0.1", here))

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        self._passing.set()
        for connection in list(self._open):
            connection.client.transport.abort()
            connection.broker.transport.abort()
        await all_ended(asyncio.all_tasks() - {asyncio.current_task()})

    def _cut(self) -> None:
        for connection in self._open:
            connection.client.transport.abort()
            connection.broker.transport.abort()

    def _forget(self) -> None:
        for connection in self._open:
            connection.mute = True
            connection.broker.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
        self.connections += 1
        if self._refusing:
            writer.transport.abort()
            return
        try:
            await self._passing.wait()
            from_broker, to_broker = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.transport.abort()
            return
        except asyncio.CancelledError:  # the proxy ends while nothing is let through
            writer.transport.abort()
            raise
        connection = _Connection(writer, to_broker)
        self._open.add(connection)
        try:
            await asyncio.gather(
                self._pass(reader, to_broker, connection, "out"), self._pass(from_broker, writer, connection, "in")
            )
        finally:
            self._open.discard(connection)
            if connection.mute:  # until now the client was to hear nothing; from here on nobody would close it
                writer.transport.abort()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: _Connection, way: str
    ) -> None:
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(256)
        sender = asyncio.ensure_future(self._deliver(pieces, writer, connection, way))
        try:
            while data := await reader.read(_PIECE):
                await pieces.put((time.monotonic() + self.latency, data))
        except OSError:
            pass
        await pieces.put((0.0, b""))
        await sender

    async def _deliver(
        self,
        pieces: asyncio.Queue[tuple[float, bytes]],
        writer: asyncio.StreamWriter,
        connection: _Connection,
        way: str,
    ) -> None:
        try:
            while True:
                due, data = await pieces.get()
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                await self._passing.wait()
                if not data:
                    break
                await asyncio.sleep(self._lost(len(data)) + self._turn(len(data), way))
                if not connection.mute:
                    writer.write(data)
                    await writer.drain()
        except OSError:
            pass
        if not connection.mute:
            writer.close()

    def _lost(self, size: int) -> float:
        """Seconds that the losses among so many bytes hold up the connection; a segment may be lost again."""
        held = 0.0
        for _ in range(-(-size // _SEGMENT)):
            again = _RESENT
            while random.random() < self.loss:  # noqa: S311 - a network, not a secret
                held, again = held + again, again * 2
        return held

    def _turn(self, size: int, way: str) -> float:
        """Seconds until the link has passed so many bytes more, after all that it was given before."""
        if not self.rate:
            return 0.0
        now = time.monotonic()
        self._free[way] = max(now, self._free[way]) + size / self.rate
        return self._free[way] - now
