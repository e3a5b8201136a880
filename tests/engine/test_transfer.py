"""A produce request goes out as aiokafka writes it, byte for byte, but uncopied."""

import asyncio
from typing import Any

import pytest
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.produce import ProduceRequest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.kafka import aiokafka_patches
from app.engine.kafka.aiokafka_patches import transfer

aiokafka_patches.install()

SMALL = st.binary(max_size=64)
LARGE = st.integers(transfer._SMALL - 1, transfer._SMALL + 1).map(bytes)
PARTITIONS = st.lists(st.tuples(st.integers(0, 100), SMALL | LARGE), max_size=6)
TOPICS = st.lists(st.tuples(st.text(max_size=9), PARTITIONS), max_size=4)


class Writer:
    """What is written is kept, as it is."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def writelines(self, parts: list[bytes]) -> None:
        self.written += parts


class Broken(Writer):
    def writelines(self, parts: list[bytes]) -> None:
        raise BrokenPipeError(len(parts))


async def sent(send: Any, request: Any, newest: int, writer: Writer) -> list[bytes]:
    connection = AIOKafkaConnection("h", 1, client_id="c")
    connection._writer = writer
    connection._versions = {request.API_KEY: (0, newest)}
    answer = send(connection, request)
    assert [request for _, request, _ in connection._requests] != []
    answer.cancel()
    return writer.written


@given(TOPICS, st.integers(0, 7), st.none() | st.text(max_size=9))
def test_a_produce_request_is_written_as_aiokafka_does_it(topics: Any, version: int, transaction: str | None) -> None:
    request = ProduceRequest(
        transactional_id=transaction if version >= 3 else None, required_acks=-1, timeout=30_000, topics=topics
    )
    ours = asyncio.run(sent(transfer.send, request, version, Writer()))
    theirs = asyncio.run(sent(transfer._original_send, request, version, Writer()))
    assert b"".join(ours) == b"".join(theirs)


def test_a_large_batch_is_not_copied() -> None:
    batch = bytes(1_000_000)
    request = ProduceRequest(transactional_id=None, required_acks=-1, timeout=30_000, topics=[("t", [(0, batch)])])
    assert any(part is batch for part in asyncio.run(sent(transfer.send, request, 7, Writer())))


def test_a_request_of_very_many_batches_is_no_more_pieces_than_a_system_call_takes() -> None:
    batches = [(partition, bytes(100)) for partition in range(5_000)]
    request = ProduceRequest(transactional_id=None, required_acks=-1, timeout=30_000, topics=[("t", batches)])
    assert len(asyncio.run(sent(transfer.send, request, 7, Writer()))) == 1


def test_other_requests_are_aiokafkas_own() -> None:
    assert len(asyncio.run(sent(transfer.send, MetadataRequest([]), 0, Writer()))) == 1


def test_a_connection_that_breaks_is_closed_and_the_error_is_the_networks() -> None:
    async def scene() -> None:
        connection = AIOKafkaConnection("h", 1, client_id="c")
        connection._writer = Broken()
        connection._versions = {0: (0, 7)}
        reasons: list[Any] = []

        def close(reason: Any) -> None:
            reasons.append(reason)

        connection.close = close
        request = ProduceRequest(transactional_id=None, required_acks=-1, timeout=30_000, topics=[])
        with pytest.raises(KafkaConnectionError, match="h:1 broken"):
            transfer.send(connection, request)
        assert reasons == [CloseReason.CONNECTION_BROKEN]

    asyncio.run(scene())
