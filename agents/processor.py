"""The join on the tables of one partition: what the engine runs for each partition of the log."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from agents.chunk_changes import ChunkChanges
from agents.join import Join
from app.engine.ports import Headers, Record, Store
from app.lazy_log import Logger
from app.settings import Settings
from tables.batch_counts import BatchCounts
from tables.counts_loader import load_counts
from tables.partition_state import PartitionState

log = Logger(__name__)


class JoinProcessor:
    """A :class:`app.engine.ports.Processor`. ``capacity`` is in uploads; ``count`` gets durable changes."""

    def __init__(
        self,
        partition: int,
        store: Store,
        capacity: int,
        now: Callable[[], datetime],
        settings: Settings,
        count: Callable[[ChunkChanges], None],
    ) -> None:
        self.tables = PartitionState(store, capacity)
        self.counts = BatchCounts()
        self._store = store
        self._join = Join(partition, self.tables, settings, now)
        self._count = count

    @property
    def waits(self) -> bool:
        """Whether a batch is known to wait for something."""
        return self.counts.listed and self.counts.waits

    def process(self, records: Sequence[Record]) -> Iterator[ChunkChanges | None]:
        """Fold records of the log. Raises PoisonError."""
        return self._join.steps(records)

    def written(self, changes: ChunkChanges, offset: int) -> None:
        """Write the rows of durable changes; then follow them in the counts, the metrics and the log."""
        self.tables.write(changes.rows, offset, changes.touched, changes.grown)
        self.counts.take(changes.changed, changes.closed)
        leaving = changes.leaving
        self.counts.take_unseen(leaving.unseen)
        self.counts.follow_receipts(leaving.retired, leaving.forgotten)
        self._count(changes)
        for note in changes.notes:
            log.log(note.level, note.event, **note.fields)

    def resize(self, capacity: int) -> None:
        """Have the cache weigh no more than ``capacity`` uploads, from the next trim on."""
        self.tables.resize(capacity)

    def next_deadline(self) -> int | None:
        """The log time (ms) at which the next batch is due, or None."""
        return self._join.deadline()

    def tick(self, now: int) -> Headers:
        """What a tick is to say at log time ``now`` (ms): up to where batches are retired."""
        return self._join.retiring.headers(now)

    @property
    def behind(self) -> bool:
        """Whether more was due than the latest tick could do."""
        return self._join.retiring.behind

    @property
    def oldest_resting(self) -> int | None:
        """Since when (log time, ms) the batch has rested that is retired next; None where none does."""
        return next((resting.since for resting in self.tables.resting()), None)

    def background(self) -> Iterator[None]:
        """Count the batches that were stored before the start; find out whether an older release has closed any."""
        yield from load_counts(self.counts, self._store)
        self._join.retiring.looked_through(complete=self.counts.indexed, left_behind=self.counts.left_behind)

    @property
    def cached(self) -> int:
        """How many batches the cache holds."""
        return self.tables.cached

    def lookups(self) -> tuple[int, int]:
        """How often a batch was found in the cache, and how often not, since this was last asked."""
        tables = self.tables
        found, tables.hits, tables.misses = (tables.hits, tables.misses), 0, 0
        return found
