"""A broker as far as delivery depends on it.

Topics with partitions; append time from one clock; producers with epochs, which fence; transactions, with markers
that take an offset and are never delivered; committed reading up to the last stable offset; a group with generations;
compaction that keeps the last record of each key. Every method is one atomic step: what lies between two of them is
where things go wrong, and :mod:`tests.crash.process` counts those places.

Simpler than Kafka: a transaction ends on all its partitions at the same moment.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from aiokafka import TopicPartition
from aiokafka.errors import ProducerFenced

from tests.crash.clock import EPOCH_MS

Headers = tuple[tuple[str, bytes | None], ...]
Row = tuple[bytes | None, bytes | None, Headers]

#: A transaction that nobody ends is aborted after so long (seconds), as Kafka does.
TRANSACTION_TIMEOUT = 180.0

_offset = attrgetter("offset")


@dataclass(eq=False)
class Transaction:
    """What is to become visible at once, or never."""

    transactional_id: str
    epoch: int
    outcome: bool | None = None  # None while open, then whether it was committed
    partitions: list[TopicPartition] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Record:
    """A record as a consumer gets it; a marker is one that no consumer gets."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    transaction: Transaction | None = None
    marker: bool = False


class Log:
    """One partition: its records, and the offset that comes next."""

    def __init__(self, place: TopicPartition) -> None:
        self.place = place
        self.records: list[Record] = []
        self.end = 0

    def append(self, time: int, row: Row, transaction: Transaction | None, *, marker: bool = False) -> int:
        """Add a record; its offset."""
        key, value, headers = row
        record = Record(
            self.place.topic, self.place.partition, self.end, time, key, value, headers, transaction, marker
        )
        self.records.append(record)
        self.end += 1
        return record.offset

    def stable_end(self) -> int:
        """Where the first open transaction begins, or the end: a committed reader gets no further."""
        open_at = (
            record.offset for record in self.records if record.transaction and record.transaction.outcome is None
        )
        return next(open_at, self.end)

    def read(self, position: int, limit: int, *, committed: bool) -> tuple[list[Record], int]:
        """At most ``limit`` records from ``position`` on, and the position behind them and what was passed over."""
        end = self.stable_end() if committed else self.end
        found: list[Record] = []
        for record in self.records[bisect_left(self.records, position, key=_offset) :]:
            if record.offset >= end:
                break
            if record.marker or (committed and record.transaction and not record.transaction.outcome):
                continue
            if len(found) == limit:
                return found, record.offset
            found.append(record)
        return found, max(position, end)

    def compact(self) -> None:
        """Keep the last committed record of each key; what is aborted goes, what is undecided stays. So do deletions:
        the broker keeps them for a day.
        """
        end = self.stable_end()
        last = {record.key: record.offset for record in self.read(0, self.end, committed=True)[0]}
        self.records = [
            record for record in self.records if record.offset >= end or last.get(record.key) == record.offset
        ]


class Broker:
    """The broker. ``clock`` says the seconds that have passed."""

    def __init__(self, partitions: Mapping[str, int], clock: Callable[[], float]) -> None:
        self.partitions = dict(partitions)
        self.logs = {
            place: Log(place)
            for topic, count in partitions.items()
            for place in (TopicPartition(topic, number) for number in range(count))
        }
        self.offsets: dict[TopicPartition, int] = {}
        self.generation = 0
        self._clock = clock
        self._epochs: dict[str, int] = {}
        self._open: dict[str, Transaction] = {}
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def time(self) -> int:
        """Append time now (ms)."""
        return EPOCH_MS + int(self._clock() * 1000)

    def topic(self, name: str) -> list[Log]:
        """The partitions of a topic."""
        return [self.logs[TopicPartition(name, number)] for number in range(self.partitions[name])]

    def append(self, place: TopicPartition, rows: Sequence[Row], transaction: Transaction | None = None) -> int:
        """Append records; the offset of the first. Raises ProducerFenced."""
        if transaction is not None:
            self._check(transaction)
            if place not in transaction.partitions:
                transaction.partitions.append(place)
        log, time = self.logs[place], self.time
        first = log.end
        for row in rows:
            log.append(time, row, transaction)
        self.notify()
        return first

    def fence(self, transactional_id: str) -> int:
        """Raise the epoch of a transactional id and abort what is open under it; the new epoch."""
        epoch = self._epochs[transactional_id] = self._epochs.get(transactional_id, -1) + 1
        self._abort(self._open.get(transactional_id))
        return epoch

    def begin(self, transaction: Transaction) -> None:
        """Open a transaction. Raises ProducerFenced."""
        if transaction is not self._open.get(transaction.transactional_id):
            self._check_epoch(transaction)
            self._open[transaction.transactional_id] = transaction
            asyncio.get_running_loop().call_later(TRANSACTION_TIMEOUT, self._abort, transaction)

    def commit(self, transaction: Transaction) -> None:
        """Commit a transaction. Raises ProducerFenced."""
        self._check(transaction)
        self._end(transaction, committed=True)

    def join(self) -> int:
        """Take all partitions over: the next generation of the group."""
        self.generation += 1
        return self.generation

    def commit_offsets(self, generation: int, offsets: Mapping[TopicPartition, int]) -> bool:
        """Commit offsets through the group; whether they were taken: a member of an older generation is refused."""
        if generation != self.generation:
            return False
        self.offsets.update(offsets)
        return True

    async def news(self) -> None:
        """Wait until something has been appended or committed."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        await waiter

    def _check(self, transaction: Transaction) -> None:
        self.begin(transaction)
        if transaction.outcome is not None:
            raise ProducerFenced
        self._check_epoch(transaction)

    def _check_epoch(self, transaction: Transaction) -> None:
        if transaction.epoch != self._epochs[transaction.transactional_id]:
            raise ProducerFenced

    def _abort(self, transaction: Transaction | None) -> None:
        if transaction is not None and transaction.outcome is None:
            self._end(transaction, committed=False)

    def _end(self, transaction: Transaction, *, committed: bool) -> None:
        transaction.outcome = committed
        for place in transaction.partitions:
            self.logs[place].append(self.time, (None, None, ()), transaction, marker=True)
        self.notify()

    def notify(self) -> None:
        """Have whoever waits for news look again."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
