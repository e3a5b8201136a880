"""Answers are read from the socket into memory of their size.

asyncio's streams copy an answer twice more: each read makes bytes of its own, which go into a buffer that grows, and
the answer is cut out of that. An answer to a fetch has megabytes, and most of the time went into finding memory for
each of these copies.

Here a connection's protocol knows where an answer ends, since its length comes first. A short one is cut out of a
buffer that is used again and again; for a long one there is memory of its length, which the socket is read into, and
which aiokafka then decodes. Nothing is ever waited for behind an answer that is complete, so nothing piles up.
"""

import asyncio
import io
import struct
from collections import deque
from types import SimpleNamespace
from typing import Any, Final

from aiokafka import conn
from aiokafka.conn import AIOKafkaConnection

#: Bytes of the buffer for short answers. One that does not come whole within it gets memory of its own. A worker that
#: owns 384 partitions has 775 connections, 12 MB together; with 64 KiB each it would be 48 MB.
SMALL: Final = 16 * 1024

#: Longer than any answer: a fetch is asked to have 64 MiB at most, or one batch of 17 MiB. What says that it is longer
#: comes from no broker (a port that wants TLS begins with 352 MB), and the connection is closed.
LARGEST: Final = 256 * 1024 * 1024

_LENGTH = struct.Struct(">i")


class Frames(asyncio.BufferedProtocol):
    """A connection's protocol, as aiokafka's is made: ``closed`` is resolved once the connection is lost, and
    ``reader`` is told only of the end.

    ``heard`` counts how often something has come.
    """

    def __init__(self, closed: "asyncio.Future[None]", reader: asyncio.StreamReader, *, loop: Any) -> None:
        self.heard = 0
        self._closed = closed
        self._reader = reader
        self._loop = loop
        # Of the buffer so many bytes are the beginning of an answer's length.
        self._small = memoryview(bytearray(SMALL))
        self._begun = 0
        # The long answer that is under way, its memory, and how much of it is there.
        self._long: io.BytesIO | None = None
        self._memory = memoryview(b"")
        self._there = 0
        self._answers: deque[bytes | io.BytesIO] = deque()
        self._arrived: asyncio.Future[None] | None = None
        self._ended: BaseException | None = None

    async def next(self) -> bytes | io.BytesIO:
        """The next answer: a short one as bytes, a long one to be read from its beginning. Raises what the connection
        ended with, IncompleteReadError where it was merely closed.
        """
        while not self._answers:
            if self._ended is not None:
                raise self._ended
            self._arrived = self._loop.create_future()
            await self._arrived
        return self._answers.popleft()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """Where to read to."""
        return self._small[self._begun :] if self._long is None else self._memory[self._there :]

    def buffer_updated(self, nbytes: int) -> None:
        """So much was read."""
        self.heard += 1
        if self._long is None:
            self._cut(self._begun + nbytes)
            return
        self._there += nbytes
        if self._there == len(self._memory):
            self._put(self._long)
            self._long, self._memory = None, memoryview(b"")

    def _cut(self, end: int) -> None:
        """Take the answers out of the buffer, which is filled up to ``end``."""
        small, at = self._small, 0
        while end - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(small, at)
            at += _LENGTH.size
            if not 0 <= length <= LARGEST:
                self._end(asyncio.IncompleteReadError(bytes(small[at:end]), None))
                return
            if end - at < length:
                self._begin(length, small[at:end])
                at = end
            else:
                self._put(bytes(small[at : at + length]))
                at += length
        self._begun = end - at
        small[: self._begun] = bytes(small[at:end])

    def _begin(self, length: int, beginning: memoryview) -> None:
        """Begin a long answer."""
        self._long = io.BytesIO()
        self._long.seek(length - 1)
        self._long.write(b"\0")
        self._long.seek(0)
        self._memory, self._there = self._long.getbuffer(), len(beginning)
        self._memory[: self._there] = beginning

    def _put(self, answer: bytes | io.BytesIO) -> None:
        self._answers.append(answer)
        self._wake()

    def _wake(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)

    def _end(self, error: BaseException) -> None:
        self._ended = self._ended or error
        self._reader.feed_eof()  # aiokafka asks it whether there is a connection
        self._wake()

    def eof_received(self) -> None:
        """The broker has closed the connection: so does this side."""
        self._end(asyncio.IncompleteReadError(b"", None))

    def connection_lost(self, exc: BaseException | None) -> None:
        """The connection is gone."""
        self._end(exc or asyncio.IncompleteReadError(b"", None))
        if not self._closed.done():
            self._closed.set_result(None)

    async def _drain_helper(self) -> None:
        """Asked by asyncio's StreamWriter: what is written is never waited for."""


async def _read(of: Any) -> None:
    """Hand a connection (``of`` refers to it weakly) its answers, until it ends."""
    connection = of()
    if connection is None:
        return
    frames = connection._protocol  # noqa: SLF001 - aiokafka's
    del connection
    while True:
        answer = await frames.next()
        connection = of()
        if connection is None:
            return
        if isinstance(answer, io.BytesIO) and connection._requests[0][0] is None:  # noqa: SLF001 - aiokafka's
            answer = answer.getvalue()  # of SASL, whose answers are taken as bytes
        connection._handle_frame(answer)  # noqa: SLF001 - aiokafka's
        del connection, answer


def _stream(answer: bytes | io.BytesIO) -> io.BytesIO:
    return answer if isinstance(answer, io.BytesIO) else io.BytesIO(answer)


def install() -> None:
    """Change it for all clients of the process. Idempotent."""
    conn.AIOKafkaProtocol = Frames
    conn.io = SimpleNamespace(BytesIO=_stream)
    AIOKafkaConnection._read = staticmethod(_read)  # noqa: SLF001 - what reads is nowhere else
