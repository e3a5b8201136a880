"""Answers come out as they were sent, in whatever pieces they are read, and the end of a connection is told."""

import asyncio
import io
import struct
from collections.abc import Sequence
from typing import Any

import pytest
import uvloop
from hypothesis import example, given
from hypothesis import strategies as st

from app.engine.kafka import aiokafka_patches
from app.engine.kafka.aiokafka_patches import frames
from app.engine.kafka.aiokafka_patches.frames import LARGEST, SMALL, Frames
from tests.engine.silent import cluster, run

aiokafka_patches.install()

LENGTHS = st.one_of(st.integers(0, 40), st.integers(SMALL - 9, SMALL + 9), st.just(3 * SMALL + 1))
READS = st.lists(st.one_of(st.integers(1, 9), st.integers(1, 2 * SMALL)), min_size=1, max_size=20)


def framed(*answers: bytes) -> bytes:
    return b"".join(struct.pack(">i", len(answer)) + answer for answer in answers)


def made() -> Frames:
    loop = asyncio.get_running_loop()
    return Frames(loop.create_future(), asyncio.StreamReader(loop=loop), loop=loop)


def read_into(protocol: Frames, data: bytes, reads: Sequence[int]) -> None:
    """Hand over data in reads of these sizes, over and over, as far as the protocol has room for each."""
    at = number = 0
    while at < len(data):
        room = protocol.get_buffer(-1)
        size = min(len(room), reads[number % len(reads)], len(data) - at)
        room[:size] = data[at : at + size]
        protocol.buffer_updated(size)
        at, number = at + size, number + 1


def as_bytes(answer: bytes | io.BytesIO) -> bytes:
    return answer.read() if isinstance(answer, io.BytesIO) else answer


@given(st.lists(LENGTHS, max_size=5), READS)
@example([SMALL, 0, 0, 1], [SMALL])
@example([1, 300], [8])
def test_answers_come_out_as_they_were_sent_in_whatever_pieces_they_are_read(
    lengths: list[int], reads: list[int]
) -> None:
    answers = [bytes([number + 1]) * length for number, length in enumerate(lengths)]

    async def scene() -> list[bytes]:
        protocol = made()
        read_into(protocol, framed(*answers), [*reads, 2 * SMALL])
        assert protocol.heard > 0 or not answers
        return [as_bytes(await protocol.next()) for _ in answers]

    assert asyncio.run(scene()) == answers


def test_what_is_waited_for_comes_when_it_is_there() -> None:
    async def scene() -> bytes:
        protocol = made()
        waiting = asyncio.ensure_future(protocol.next())
        read_into(protocol, b"\0\0\0", [3])
        await asyncio.sleep(0)
        assert not waiting.done()
        read_into(protocol, b"\2ab", [1])
        return as_bytes(await waiting)

    assert asyncio.run(scene()) == b"ab"


@pytest.mark.parametrize("length", [-1, LARGEST + 1, int.from_bytes(b"\x15\x03\x03\x00")])
def test_a_length_that_no_broker_sends_ends_the_connection_and_takes_no_memory(length: int) -> None:
    async def scene() -> None:
        protocol = made()
        read_into(protocol, framed(b"first") + struct.pack(">i", length), [100])
        assert await protocol.next() == b"first"
        with pytest.raises(asyncio.IncompleteReadError):
            await protocol.next()
        assert protocol._reader.at_eof()
        assert protocol._long is None

    asyncio.run(scene())


def test_the_end_of_a_connection_is_told_behind_the_answers_that_came() -> None:
    async def scene() -> None:
        for error, told in ((None, asyncio.IncompleteReadError), (ConnectionResetError(), ConnectionResetError)):
            protocol = made()
            read_into(protocol, framed(b"one") + b"\0\0", [100])
            protocol.connection_lost(error)
            assert await protocol.next() == b"one"
            with pytest.raises(told):
                await protocol.next()
            assert protocol._closed.done()
            assert protocol._reader.at_eof()
        protocol = made()
        waiting = asyncio.ensure_future(protocol.next())
        await asyncio.sleep(0)
        protocol.eof_received()
        with pytest.raises(asyncio.IncompleteReadError):
            await waiting

    asyncio.run(scene())


@pytest.mark.parametrize("policy", [asyncio.DefaultEventLoopPolicy, uvloop.EventLoopPolicy])
def test_a_socket_is_read_into_the_memory_of_the_answer(policy: Any) -> None:
    answers = [b"x" * 5, b"y" * (5 * SMALL), b"", b"z" * 3_000_000]

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(framed(*answers))
        writer.close()

    async def scene() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        protocol = made()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(lambda: protocol, *server.sockets[0].getsockname())
        assert [as_bytes(await protocol.next()) for _ in answers] == answers
        with pytest.raises(asyncio.IncompleteReadError):
            await protocol.next()
        transport.close()
        await protocol._closed
        server.close()

    with asyncio.Runner(loop_factory=policy().new_event_loop) as runner:
        runner.run(scene())


def test_what_sasl_is_answered_is_bytes_also_where_it_came_in_pieces() -> None:
    taken: list[object] = []

    class Connection:
        def __init__(self, protocol: Frames) -> None:
            self._protocol = protocol
            self._requests: list[tuple[int | None]] = [(None,)]

        def _handle_frame(self, answer: object) -> None:
            taken.append(answer)

    async def scene() -> None:
        protocol = made()
        read_into(protocol, framed(b"challenge"), [6])
        protocol.connection_lost(None)
        connection = Connection(protocol)
        with pytest.raises(asyncio.IncompleteReadError):
            await frames._read(lambda: connection)

    asyncio.run(scene())
    assert taken == [b"challenge"]


def test_the_clients_connections_are_read_so() -> None:
    async def scene() -> None:
        async with cluster(1) as (_, client):
            found = [connection._protocol for connection in client._conns.values()]
            assert found
            assert all(isinstance(protocol, Frames) and protocol.heard for protocol in found)

    run(scene)
