"""Record batches under construction: by the native part, or by aiokafka's builder where that is not there.

Either way a batch goes to the producer's ``send_batch``: sequence numbers, epochs, retries and transactions are its
own.
"""

import gzip
import struct
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from aiokafka import AIOKafkaProducer

from app import native
from app.engine.bulk import TopicBatches
from app.engine.kafka.clients import MAX_BATCH_BYTES, MAX_PLAIN_BYTES, append
from app.engine.kafka.partitioner import partitions_for
from app.engine.ports import Headers, Output

if TYPE_CHECKING:
    from app.native import _native

#: By topic and partition: batches in the order in which they are to be sent.
Ready = dict[tuple[str, int], list[Any]]

#: https://kafka.apache.org/documentation/#recordbatch: bytes before the records, and where the length of what follows
#: itself stands.
_HEAD: Final = 61
_LENGTH: Final = struct.Struct(">i")
_LENGTH_AT: Final = 8
#: In a batch's attributes.
_GZIP: Final = 1
_TRANSACTIONAL: Final = 16


class Builder(Protocol):
    """Builds batches for the topics that one producer writes to. ``time`` is that of the records (ms), or None: now."""

    def add(
        self, place: tuple[str, int], key: bytes | None, value: bytes | None, headers: Headers, time: int | None
    ) -> None:
        """Add a record to a partition."""

    def add_rows(self, place: tuple[str, int], rows: Iterable[tuple[bytes, bytes | None]], time: int | None) -> None:
        """Add records without headers to a partition."""

    def add_keyed(self, topic: str, records: Sequence[Output], fallback: int, time: int | None) -> None:
        """Add records to the partition of their key; without one to ``fallback``, counted modulo their number."""

    def take(self) -> Ready:
        """All batches; there are none then."""


class Appending:
    """Builds batches record by record, as aiokafka does."""

    def __init__(self, producer: AIOKafkaProducer, partitions: dict[str, int]) -> None:
        self._producer = producer
        self._partitions = partitions
        self._batches: Ready = {}

    def add(
        self, place: tuple[str, int], key: bytes | None, value: bytes | None, headers: Headers, time: int | None
    ) -> None:
        """Add a record to a partition."""
        batches = self._batches.get(place)
        if batches is None:
            batches = self._batches[place] = []
        append(self._producer, batches, timestamp=time, key=key, value=value, headers=headers)

    def add_rows(self, place: tuple[str, int], rows: Iterable[tuple[bytes, bytes | None]], time: int | None) -> None:
        """Add records without headers to a partition."""
        for key, value in rows:
            self.add(place, key, value, [], time)

    def add_keyed(self, topic: str, records: Sequence[Output], fallback: int, time: int | None) -> None:
        """Add records to the partition of their key."""
        count = self._partitions[topic]
        partitions = partitions_for([record[1] or b"" for record in records], count)
        for partition, (_, key, value, headers) in zip(partitions, records, strict=True):
            self.add((topic, fallback % count if key is None else partition), key, value, headers, time)

    def take(self) -> Ready:
        """All batches; there are none then."""
        taken, self._batches = self._batches, {}
        return taken


class Native:
    """Builds whole batches natively. With ``transactional`` they say that they are of a transaction."""

    def __init__(self, partitions: dict[str, int], *, transactional: bool) -> None:
        self._partitions = partitions
        self._attributes = _TRANSACTIONAL if transactional else 0
        self._topics: dict[str, Any] = {}

    def of(self, topic: str) -> TopicBatches:
        """The batches of a topic, to be written into."""
        found: TopicBatches | None = self._topics.get(topic)
        if found is None:
            found = self._topics[topic] = native.rust().Batches(self._partitions[topic], MAX_BATCH_BYTES)
        return found

    def add(
        self, place: tuple[str, int], key: bytes | None, value: bytes | None, headers: Headers, time: int | None
    ) -> None:
        """Add a record to a partition."""
        self.of(place[0]).add(place[1], key, value, headers, milliseconds(time))

    def add_rows(self, place: tuple[str, int], rows: Iterable[tuple[bytes, bytes | None]], time: int | None) -> None:
        """Add records without headers to a partition."""
        self.of(place[0]).add_rows(place[1], list(rows), milliseconds(time))

    def add_keyed(self, topic: str, records: Sequence[Output], fallback: int, time: int | None) -> None:
        """Add records to the partition of their key."""
        batches, time = self.of(topic), milliseconds(time)
        for _, key, value, headers in records:
            batches.add(fallback if key is None else None, key, value, headers, time)

    def take(self) -> Ready:
        """All batches; there are none then."""
        taken: Ready = {}
        for topic, batches in self._topics.items():
            for partition, count, batch in batches.finish():
                taken.setdefault((topic, partition), []).append(FinishedBatch(batch, count, self._attributes))
        self._topics = {}
        return taken


class FinishedBatch:
    """A batch that is built, as aiokafka's producer takes it: like its ``BatchBuilder``."""

    def __init__(self, batch: "_native.Finished", count: int, attributes: int) -> None:
        # A record of more than a message takes came compressed, and only so it can be kept; it is alone in its batch.
        large = len(batch) > MAX_PLAIN_BYTES
        self._batch = _compressed(batch) if large else batch
        self._attributes = attributes | _GZIP if large else attributes
        self._count = count
        self._sealed: bytes | None = None
        self._producer = (-1, -1, 0)

    def append(self, **_: object) -> None:
        """Nothing more goes in."""

    def close(self) -> None:
        """It is closed."""

    def closed(self) -> bool:
        """It is."""
        return True

    def record_count(self) -> int:
        """How many records it has."""
        return self._count

    def size(self) -> int:
        """Its bytes."""
        return len(self._batch)

    def _set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        self._producer = producer_id, producer_epoch, base_sequence
        self._sealed = None

    def _build(self) -> bytes:
        if self._sealed is None:
            self._sealed = self._batch.seal(*self._producer, self._attributes)
        return self._sealed


def _compressed(batch: "_native.Finished") -> "_native.Finished":
    data = batch.seal(-1, -1, -1, 0)
    compressed = data[:_HEAD] + gzip.compress(data[_HEAD:])
    length = _LENGTH.pack(len(compressed) - _LENGTH_AT - _LENGTH.size)
    finished: _native.Finished = native.rust().Finished(
        compressed[:_LENGTH_AT] + length + compressed[_LENGTH_AT + _LENGTH.size :]
    )
    return finished


def milliseconds(moment: int | None) -> int:
    """A record's time: the moment, or now by this machine's clock."""
    return int(time.time() * 1000) if moment is None else moment
