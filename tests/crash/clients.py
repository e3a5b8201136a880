"""The Kafka clients of a process, with as much of aiokafka's interface as the engine uses."""

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from aiokafka import TopicPartition

from app.engine.batches import FinishedBatch
from tests.crash.broker import Headers, Record, Row, Transaction
from tests.support.indexed import rows

if TYPE_CHECKING:
    from tests.crash.process import Process

#: So many bytes fill a batch that the native part builds: a few rows of the changelog, or one larger record.
BATCH_BYTES = 250

#: So many records fill a batch, so that a flush needs several (bytes would do as well; records are simpler to see).
BATCH_RECORDS = 4


class Metadata(NamedTuple):
    """What an acknowledgement says."""

    offset: int
    timestamp: int
    timestamp_type: int = 1  # the broker's clock stands


class Added(NamedTuple):
    """What a batch says of a record that it has taken."""

    size: int


class Batch:
    """Records for one partition, ready-made."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def append(
        self,
        *,
        timestamp: int | None,  # noqa: ARG002 - the broker's clock stands
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes | None]],
    ) -> Added | None:
        """Add a record; None where the batch is full."""
        if len(self.rows) >= BATCH_RECORDS:
            return None
        self.rows.append((key, value, tuple(headers)))
        return Added(len(key or b"") + len(value or b""))

    def record_count(self) -> int:
        """How many records it has."""
        return len(self.rows)


class Producer:
    """An idempotent producer; with a ``transactional_id`` a transactional one.

    Records of one partition arrive in the order in which they were sent.
    """

    def __init__(self, process: "Process", transactional_id: str | None) -> None:
        self._process = process
        self._broker = process.broker
        self._transactional_id = transactional_id
        self._epoch = -1
        self._transaction: Transaction | None = None
        self._last: dict[TopicPartition, asyncio.Task[Metadata]] = {}

    async def start(self) -> None:
        """Get an epoch, if transactional: all older ones are fenced."""
        name = self._transactional_id
        if name is not None:
            self._epoch = await self._process.operate("producer.start", partial(self._broker.fence, name))

    async def stop(self) -> None:
        """Let go."""

    def create_batch(self) -> Batch:
        """An empty batch."""
        return Batch()

    async def send_batch(self, batch: Batch | FinishedBatch, topic: str, *, partition: int) -> "asyncio.Task[Metadata]":
        """Send a batch; what it returns is done when the broker has acknowledged it."""
        place = TopicPartition(topic, partition)
        task = asyncio.create_task(self._send(place, _rows(batch), self._last.get(place)))
        self._last[place] = task
        return task

    async def send_and_wait(
        self, topic: str, value: bytes, *, partition: int, key: bytes | None, headers: Sequence[tuple[str, bytes]]
    ) -> Metadata:
        """Send one record and wait for the acknowledgement."""
        return await self._send(TopicPartition(topic, partition), [(key, value, tuple(headers))], None)

    async def begin_transaction(self) -> None:
        """Begin: the broker hears of it with what comes first."""
        self._transaction = Transaction(str(self._transactional_id), self._epoch)

    async def commit_transaction(self) -> None:
        """Commit."""
        await self._process.operate("commit transaction", partial(self._broker.commit, self._current))
        self._transaction = None

    @property
    def _current(self) -> Transaction:
        if self._transaction is None:
            message = "no transaction was begun"
            raise RuntimeError(message)
        return self._transaction

    async def _send(
        self, place: TopicPartition, rows: Sequence[Row], before: "asyncio.Task[Metadata] | None"
    ) -> Metadata:
        transaction = None if self._transactional_id is None else self._current
        if before is not None and not before.done():
            await asyncio.wait({before})
        effect = partial(self._broker.append, place, rows, transaction)
        offset = await self._process.operate(f"append to {place.topic}/{place.partition}", effect)
        return Metadata(offset, self._broker.time)


def _rows(batch: Batch | FinishedBatch) -> list[Row]:
    if isinstance(batch, Batch):
        return batch.rows
    return [(record.key, record.value, tuple(record.headers)) for record in rows(batch._build())]


class Reader:
    """A consumer without a group: it is told what to read."""

    def __init__(self, process: "Process", *, committed: bool = True) -> None:
        self._process = process
        self._logs = process.broker.logs
        self._committed = committed
        self._positions: dict[TopicPartition, int] = {}

    async def start(self) -> None:
        """Connect."""

    async def stop(self) -> None:
        """Let go."""

    def assign(self, places: Iterable[TopicPartition]) -> None:
        """Say what is to be read."""
        self._positions = dict.fromkeys(places, 0)

    async def end_offsets(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The ends: of what is stable, for a committed reader."""
        return await self._process.operate("end offsets", partial(self._ends, list(places)), reads=True)

    async def beginning_offsets(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The beginnings."""
        return dict.fromkeys(places, 0)

    def seek(self, place: TopicPartition, offset: int) -> None:
        """Read on from ``offset``."""
        self._positions[place] = offset

    def pause(self, place: TopicPartition) -> None:
        """Say that a partition is no longer wanted: here it is never fetched unless named."""

    async def position(self, place: TopicPartition) -> int:
        """The next offset to be read."""
        return self._positions[place]

    async def getmany(self, *places: TopicPartition, timeout_ms: int) -> dict[TopicPartition, list[Record]]:
        """Some records of each partition that has any."""
        found = await self._process.operate("restore fetch", partial(self._read, places), reads=True)
        if not found:
            await asyncio.sleep(timeout_ms / 1000)
        return found

    def _ends(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return {place: self._logs[place].stable_end() if self._committed else self._logs[place].end for place in places}

    def _read(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, list[Record]]:
        found = {}
        for place in places:
            log = self._logs[place]
            records, self._positions[place] = log.read(self._positions[place], 8, committed=self._committed)
            if records:
                found[place] = records
        return found


__all__ = ["Batch", "Headers", "Metadata", "Producer", "Reader"]
