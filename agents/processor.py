"""The join on the tables of one partition: what the engine runs for each partition of the log."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import structlog

from agents.join import Join
from agents.work import Work
from app.engine.ports import Record, Store
from app.settings import Settings
from tables.census import Census
from tables.slice import Slice
from tables.survey import survey

log = structlog.get_logger(__name__)


class JoinProcessor:
    """A :class:`app.engine.ports.Processor`. ``capacity`` is in uploads; ``count`` is told each work that is done."""

    def __init__(
        self,
        partition: int,
        store: Store,
        capacity: int,
        now: Callable[[], datetime],
        settings: Settings,
        count: Callable[[Work], None],
    ) -> None:
        self.tables = Slice(store, capacity)
        self.census = Census()
        self._store = store
        self._join = Join(partition, self.tables, settings, now)
        self._count = count

    @property
    def waits(self) -> bool:
        """Whether a batch is known to wait for something."""
        return self.census.listed and self.census.waits

    def process(self, records: Sequence[Record]) -> Iterator[Work]:
        """Fold records of the log. Raises PoisonError."""
        return self._join.works(records)

    def written(self, changes: Work, offset: int) -> None:
        """Write the rows of a work that is durable; then follow it in the census, the metrics and the log."""
        self.tables.write(changes.rows, offset, changes.touched, changes.grown)
        self.census.take(changes.changed, changes.closed)
        self._count(changes)
        for note in changes.notes:
            log.log(note.level, note.event, **note.fields)

    def next_deadline(self) -> int | None:
        """The log time (ms) at which the next batch is due, or None."""
        return self._join.deadline()

    def background(self) -> Iterator[None]:
        """Take the census of what there was before."""
        return survey(self.census, self._store)

    @property
    def cached(self) -> int:
        """How many batches the cache holds."""
        return self.tables.cached

    def lookups(self) -> tuple[int, int]:
        """How often a batch was found in the cache, and how often not, since this was last asked."""
        tables = self.tables
        found, tables.hits, tables.misses = (tables.hits, tables.misses), 0, 0
        return found
