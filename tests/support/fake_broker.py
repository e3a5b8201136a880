"""Brokers that are made of nothing but a listening socket: for networks and nodes that fail, without a Kafka."""

import asyncio
import struct
from typing import Self

API_VERSIONS, METADATA, FIND_COORDINATOR = 18, 3, 10


class FakeBroker:
    """A node that answers ApiVersions, Metadata and FindCoordinator, and nothing else, and can fall silent.

    ``known`` are the nodes of its metadata. ``connections`` counts those that were made. ``silent`` names what it
    answers no more: requests by number, on any connection; :meth:`mute` does so for every request on the
    connections that there are, as behind a network that forgot them.
    """

    def __init__(self, node: int) -> None:
        self.node = node
        self.port = 0
        self.known: list[FakeBroker] = [self]
        self.connections = 0
        self.asked: list[int] = []
        self.silent: set[int] = set()
        self._server: asyncio.Server | None = None
        self._muted: set[asyncio.StreamWriter] = set()
        self._open: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.away()

    async def listen(self) -> None:
        """Be there, at the address that it had before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def away(self) -> None:
        """Be gone: connections end, further ones are refused."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._open):
            writer.transport.abort()
        await asyncio.sleep(0)

    def mute(self) -> None:
        """Answer nothing more on the connections that there are."""
        self._muted |= self._open

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        try:
            while True:
                (size,) = struct.unpack(">i", await reader.readexactly(4))
                request = await reader.readexactly(size)
                kind, _, correlation = struct.unpack(">hhi", request[:8])
                self.asked.append(kind)
                if writer in self._muted or kind in self.silent:
                    continue
                body = self._answer(kind)
                if body is not None:
                    writer.write(struct.pack(">ii", len(body) + 4, correlation) + body)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    def _answer(self, kind: int) -> bytes | None:
        if kind == API_VERSIONS:  # version 0: no error, and what is spoken of each kind
            spoken = [(API_VERSIONS, 0, 0), (METADATA, 0, 1), (FIND_COORDINATOR, 0, 0), (12, 0, 0), (0, 7, 7)]
            return struct.pack(">hi", 0, len(spoken)) + b"".join(struct.pack(">hhh", *broker) for broker in spoken)
        if kind == METADATA:  # version 1: nodes with a null rack, the controller, no topics
            nodes = b"".join(
                struct.pack(">i", broker.node) + _text("127.0.0.1") + struct.pack(">ih", broker.port, -1)
                for broker in self.known
            )
            return struct.pack(">i", len(self.known)) + nodes + struct.pack(">ii", self.known[0].node, 0)
        if kind == FIND_COORDINATOR:  # version 0: no error, and this one
            return struct.pack(">hi", 0, self.node) + _text("127.0.0.1") + struct.pack(">i", self.port)
        return None


def _text(value: str) -> bytes:
    return struct.pack(">h", len(value)) + value.encode()
