"""Ready-made record batches in a file, and the fastest way to get them into a topic.

Building a batch costs ten times what sending it does, and every contestant is to get the same bytes: so batches are
built once, kept in a file, and sent over a plain socket as Kafka's protocol has it. The broker gives the offsets.
"""

import socket
import struct
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

from aiokafka.record.default_records import DefaultRecordBatchBuilder

# A batch is full at either; about what a busy producer with some linger sends.
MAX_RECORDS = 128
MAX_BYTES = 96 * 1024
#: No record is larger than a topic takes by default.
_CAPACITY = 1_000_000
#: All records say this moment (2026-03-02T08:00Z), so that the file is the same bytes each time it is built.
_TIMESTAMP = 1_772_438_400_000
_HEAD = struct.Struct(">HHI")  # the topic's number in the file, partition, bytes

# https://kafka.apache.org/protocol: Produce, the last version without compact fields that carries record batches v2.
_PRODUCE, _VERSION = 0, 3
_ACKS, _TIMEOUT_MS = 1, 60_000
#: Requests under way at a time: enough that the socket is never idle.
_WINDOW = 8

Header = tuple[str, bytes | None]


class Row(NamedTuple):
    """A record and where it goes."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...] = ()


class ProduceError(RuntimeError):
    """The broker refused a batch."""


def write(path: Path, rows: Iterable[Row]) -> int:
    """Write rows as batches; returns how many rows. The order of each partition is kept; the file is there or whole."""
    open_batches: dict[tuple[str, int], tuple[DefaultRecordBatchBuilder, int]] = {}
    topics: dict[str, int] = {}
    count = 0
    scratch = path.with_suffix(".part")

    with scratch.open("wb") as file:

        def close(place: tuple[str, int]) -> None:
            builder, _ = open_batches.pop(place)
            data = bytes(builder.build())
            file.write(_HEAD.pack(topics.setdefault(place[0], len(topics)), place[1], len(data)) + data)

        for row in rows:
            place = row.topic, row.partition
            builder, held = open_batches.get(place) or (_builder(), 0)
            if builder.append(held, _TIMESTAMP, row.key, row.value, list(row.headers)) is None:
                close(place)
                builder, held = _builder(), 0
                builder.append(0, _TIMESTAMP, row.key, row.value, list(row.headers))
            open_batches[place] = builder, held + 1
            count += 1
            if held + 1 >= MAX_RECORDS or builder.size() >= MAX_BYTES:
                close(place)
        for place in tuple(open_batches):
            close(place)
    path.with_suffix(".topics").write_text("\n".join(topics))
    scratch.replace(path)
    return count


def _builder() -> DefaultRecordBatchBuilder:
    return DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=_CAPACITY,
    )


def read(path: Path) -> Iterator[tuple[str, int, bytes]]:
    """The batches of a file: topic, partition, bytes."""
    topics = path.with_suffix(".topics").read_text().split("\n")
    with path.open("rb") as file:
        while head := file.read(_HEAD.size):
            topic, partition, size = _HEAD.unpack(head)
            yield topics[topic], partition, file.read(size)


def send(bootstrap: str, path: Path, *, rename: Mapping[str, str] | None = None) -> None:
    """Send all batches of a file, in order; ``rename`` sends a topic's batches to another one.

    Returns when the broker has acknowledged all. Raises ProduceError, OSError.
    """
    names = dict(rename or {})
    host, _, port = bootstrap.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=120) as connection, connection.makefile("rb") as answers:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        under_way: deque[int] = deque()
        for number, batches in enumerate(_requests(path)):
            if len(under_way) >= _WINDOW:
                _answer(answers, under_way.popleft())
            connection.sendall(
                _request(number, [(names.get(topic, topic), partition, data) for topic, partition, data in batches])
            )
            under_way.append(number)
        while under_way:
            _answer(answers, under_way.popleft())


def _requests(path: Path) -> Iterator[list[tuple[str, int, bytes]]]:
    """Batches that can go together: a request has room for one of each partition."""
    together: dict[tuple[str, int], bytes] = {}
    for topic, partition, data in read(path):
        if (topic, partition) in together:
            yield [(*place, batch) for place, batch in together.items()]
            together = {}
        together[topic, partition] = data
    if together:
        yield [(*place, batch) for place, batch in together.items()]


def _request(number: int, batches: list[tuple[str, int, bytes]]) -> bytes:
    # Header: api key, version, correlation id, client id. Body: no transactional id, acks, timeout, topics.
    parts = [struct.pack(">hhih5s", _PRODUCE, _VERSION, number, 5, b"bench")]
    parts.append(struct.pack(">hhii", -1, _ACKS, _TIMEOUT_MS, len(batches)))
    for topic, partition, data in batches:
        name = topic.encode()
        parts.append(struct.pack(f">h{len(name)}siii", len(name), name, 1, partition, len(data)))
        parts.append(data)
    body = b"".join(parts)
    return struct.pack(">i", len(body)) + body


def _answer(answers: BinaryIO, number: int) -> None:
    (size,) = struct.unpack(">i", answers.read(4))
    answer = answers.read(size)
    correlation, topics = struct.unpack_from(">ii", answer)
    if correlation != number:
        message = f"answer {correlation} to request {number}"
        raise ProduceError(message)
    at = 8
    for _ in range(topics):
        (length,) = struct.unpack_from(">h", answer, at)
        name = answer[at + 2 : at + 2 + length].decode()
        # The broker puts the partitions of a topic together, however they were sent.
        (partitions,) = struct.unpack_from(">i", answer, at + 2 + length)
        at += 2 + length + 4
        for _ in range(partitions):
            # Number, error, base offset and append time.
            partition, error = struct.unpack_from(">ih", answer, at)
            at += 4 + 2 + 8 + 8
            if error:
                message = f"the broker refused a batch for {name}-{partition}: error {error}"
                raise ProduceError(message)
