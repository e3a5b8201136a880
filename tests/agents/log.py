"""A log of plain records, and a worker that folds it as the engine does: fold a chunk, publish, write, go on."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from typing import Any

from agents.chunk_changes import ChunkChanges
from agents.join import Join
from app.core import names
from app.core.acts import Act
from app.core.events import Cutoff
from app.engine.state.store import Store
from app.settings import Settings
from app.wire.acts import encode
from app.wire.record import cutoff_header, source_header
from tables import keys, waiting
from tables.partition_state import PartitionState
from tests.core.play import SECOND, START, state
from tests.support.events import Message
from tests.support.indexed import as_fetched

EMITTED_AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
Headers = list[tuple[str, bytes | None]]
Output = tuple[str, bytes | None, bytes | None, Headers]


@dataclass(frozen=True)
class Record:
    """A record as the consumer hands it over."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = field(default_factory=list)


class Log:
    """One partition of the log, a second between two records."""

    def __init__(self, generation: bytes = b"") -> None:
        self.records: list[Record] = []
        #: Of the input topics; it may be changed, as when they are made again. Empty: nobody says it.
        self.generation = generation
        self._ends: dict[tuple[str, int, bytes], int] = {}

    def __repr__(self) -> str:
        return f"Log({[(record.timestamp, (record.value or b'')[:400]) for record in self.records]})"

    @property
    def time(self) -> int:
        """The append time of the next record."""
        return START + len(self.records) * SECOND

    def append(self, value: bytes | None, headers: Headers, *, key: bytes | None = None, time: int = 0) -> Record:
        """Append any record."""
        record = Record("rollcall-log", 0, len(self.records), time or self.time, key, value, headers)
        self.records.append(record)
        return record

    def send(self, message: Message, partition: int = 0) -> Record:
        """Append an input as the repartitioner does: next in its partition."""
        place = message.topic, partition, self.generation
        offset = self._ends.get(place, 0)
        self._ends[place] = offset + 1
        headers: Headers = [("s", source_header(names.INPUTS.index(message.topic), partition, offset))]
        if self.generation:
            headers.append(("g", self.generation))
        if message.key is not None:
            headers.append(("k", message.key))
        return self.append(message.value, headers)

    def again(self, record: Record) -> Record:
        """Append an input again, as a repartitioner that repeats itself does."""
        return self.append(record.value, record.headers)

    def act(self, batch: str, act: Act) -> Record:
        """Append what an operator does."""
        key, value, headers = encode(batch, act)
        return self.append(value, headers, key=key)

    def tick(self, time: int = 0, *more: tuple[str, bytes | None]) -> Record:
        """Append a tick."""
        return self.append(b"", [("t", b""), *more], time=time)

    def retire(self, batch: str = "b", at: int | None = None) -> Record:
        """Append a tick that retires what was last changed before log offset `at` (the last one), or at it by this."""
        return self.tick(0, ("r", cutoff_header(Cutoff(max(0, len(self.records) - 1) if at is None else at, batch))))

    def forget(self, batch: str = "b", at: int | None = None) -> Record:
        """Append a tick after which the receipts from before `at` are gone, likewise."""
        return self.tick(0, ("f", cutoff_header(Cutoff(max(0, len(self.records) - 1) if at is None else at, batch))))


#: The tables whose rows are a function of the log alone.
_INDEPENDENT = (
    keys.PENDING, keys.WAITING, keys.CLOSED, keys.RECEIPTS, keys.RECEIPT_ORDER, keys.PROGRESS,
)  # fmt: skip


@cache
def _settings(**settings: Any) -> Settings:
    """They are asked for hundreds of times by one property, and take as long as to fold a log."""
    return Settings(_env_file=None, **settings)  # type: ignore[call-arg]


class Worker:
    """What a task does, without Kafka."""

    def __init__(self, store: Store, capacity: int = 100_000, **settings: Any) -> None:
        self.settings = _settings(**settings)
        self.store = store
        self.capacity = capacity
        self.outputs: list[Output] = []
        self.works: list[ChunkChanges] = []
        self.start()

    def start(self) -> None:
        """Start, or start again: nothing is kept but what was written."""
        self.tables = PartitionState(self.store, self.capacity)
        self.join = Join(0, self.tables, self.settings, lambda: EMITTED_AT)

    def fold(self, records: Sequence[Record]) -> ChunkChanges:
        """Fold a chunk, and write it."""
        work = self.join.fold(as_fetched(records))
        self.outputs += work.outputs
        self.works.append(work)
        self.tables.write(work.rows, self.store.offset + len(work.rows), work.touched)
        return work

    def run(self, records: Sequence[Record], cuts: Sequence[int] = ()) -> "Worker":
        """Fold records in chunks that end before these places."""
        bounds = [0, *sorted({cut for cut in cuts if 0 < cut < len(records)}), len(records)]
        for start, end in pairwise(bounds):
            if end > start:
                self.fold(records[start:end])
        return self

    def rows(self) -> dict[bytes, bytes]:
        """Return all rows but those of batches, whose keys depend on how the log was cut."""
        return {
            key: value
            for table in (*_INDEPENDENT, keys.SOURCES, keys.GENERATIONS)
            for key, value in self.store.scan(table)
        }

    def states(self, batches: Sequence[str]) -> dict[str, Any]:
        """Return the states of batches as the written rows have them."""
        fresh = PartitionState(self.store, self.capacity)
        return {batch: copy.deepcopy(state(fresh.batch(batch))) for batch in batches}

    def live(self, batches: Sequence[str]) -> dict[str, Any]:
        """Return the states of batches as the worker has them."""
        return {batch: copy.deepcopy(state(self.tables.batch(batch))) for batch in batches}

    def waiting(self) -> list[tuple[str, int, str]]:
        """Return who waits for what."""
        return [(what.name, since, batch) for what in waiting.What for since, batch in self.tables.waiting(what)]


def dead(outputs: Sequence[Output]) -> list[tuple[str, bytes | None, bytes | None]]:
    """Return reason, key and value of each dead letter."""
    return [
        (str(dict(headers)["rollcall.reason"], "ascii"), key, value)  # type: ignore[arg-type]
        for topic, key, value, headers in outputs
        if topic == names.DEAD_LETTER
    ]


def topics_of(outputs: Sequence[Output]) -> list[str]:
    """Return the topics of outputs."""
    return [topic for topic, *_ in outputs]


MakeWorker = Callable[..., Worker]
