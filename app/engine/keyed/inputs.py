"""The router of a keyed join: each input goes to the partition of its key, with its place in a header.

The header is ``source``: number of the topic in ``inputs``, partition, offset, and which topic of that name it was (8
bytes, a digest of its id; zeros where the broker reports none). So the order of ``inputs`` is stored: a new one is
appended, none is taken out.
"""

import hashlib
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from app.engine.kafka.partitioner import partition_for
from app.engine.ports import Record, Routed

SOURCE = "source"
TICK = "tick"

_SOURCE = struct.Struct(">BIQ8s")
_TIME = struct.Struct(">Q")
_SAME_TOPIC = slice(0, 5)
_OFFSET = slice(5, 13)
_GENERATION = slice(13, 21)


class Input(NamedTuple):
    """An input as the log has it: ``time`` is the log's, in ms; ``source`` its place, as the header has it."""

    topic: str
    key: bytes | None
    value: bytes | None
    time: int
    source: bytes

    @property
    def watermark(self) -> tuple[bytes, bytes]:
        """What is compared to tell a repeat: the input partition it came from, and its offset there, sortable."""
        return self.source[_SAME_TOPIC] + self.source[_GENERATION], self.source[_OFFSET]

    @property
    def place(self) -> tuple[int, int]:
        """Its partition and offset in its topic."""
        _, partition, offset, _ = _SOURCE.unpack(self.source)
        return partition, offset


class Fact(NamedTuple):
    """An input that is kept as a row: never changed or deleted."""

    source: bytes
    time: int
    value: bytes

    @classmethod
    def of(cls, given: Input) -> Self:
        """The fact that this input came."""
        return cls(given.source, given.time, given.value or b"")

    @classmethod
    def read(cls, row: bytes) -> Self:
        """The fact that a row is."""
        time = _SOURCE.size + _TIME.size
        return cls(row[: _SOURCE.size], _TIME.unpack(row[_SOURCE.size : time])[0], row[time:])

    def row(self) -> bytes:
        """The value of its row."""
        return self.source + _TIME.pack(self.time) + self.value


@dataclass
class KeyRouter:
    """A Router: inputs without a key stay in a partition by their own partition's number."""

    inputs: tuple[str, ...]
    partitions: int
    _generations: dict[str, bytes] = field(default_factory=dict)

    def route(self, topic: str, partition: int, records: Sequence[Record]) -> Iterator[Routed]:
        """The log's records for those of one input partition, in their order. Never raises."""
        number, generation = self.inputs.index(topic), self._generations.get(topic, bytes(8))
        for record in records:
            target = partition % self.partitions if record.key is None else partition_for(record.key, self.partitions)
            source = _SOURCE.pack(number, partition, record.offset, generation)
            yield target, record.key, record.value, [(SOURCE, source)]

    def identify(self, topic_ids: Mapping[str, str]) -> None:
        """Note which topics they are: one that was made again begins at offset 0, and repeats nothing."""
        self._generations = {
            topic: hashlib.blake2b(topic_id.encode(), digest_size=8).digest() for topic, topic_id in topic_ids.items()
        }

    def routed(self, record: Record) -> bool:
        """Whether a record of the log stands in a partition because of its key."""
        return record.key is not None and any(name == SOURCE for name, _ in record.headers)


def read_input(record: Record, inputs: Sequence[str]) -> Input | None:
    """The input in a record of the log, or None where the record is not one."""
    source = dict(record.headers).get(SOURCE)
    if source is None or len(source) != _SOURCE.size or source[0] >= len(inputs):
        return None
    return Input(inputs[source[0]], record.key, record.value, record.timestamp, source)
