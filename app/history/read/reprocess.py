"""Folds records of the log again, with the agent that folded them the first time, so that the result is exact."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import NamedTuple

from agents.chunk_changes import ChunkChanges
from agents.join import Join
from app.core.batch import Batch
from app.core.events import Source
from app.core.facts import Fact
from app.core.replay import replay
from app.engine.ports import Record
from app.engine.state.memory_store import MemoryStore
from app.engine.state.store import Store
from app.settings import Settings
from app.wire.record import is_tick
from tables import batches, closed, pending, receipts, waiting
from tables.partition_state import PartitionState
from tables.pending import Original

#: When an output is emitted is the one thing that a replay can't say; nothing depends on it.
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)

_CACHE = 200_000

_refolding: ContextVar[bool] = ContextVar("refolding", default=False)


class _Quiet(logging.Filter):
    """Holds back what the agent says to the log about records that it saw long ago."""

    def filter(self, _record: logging.LogRecord) -> bool:
        return not _refolding.get()


for _name in ("agents.join", "agents.apply", "agents.acts", "agents.dead_letters"):
    logging.getLogger(_name).addFilter(_Quiet())


@contextmanager
def _quietly() -> Iterator[None]:
    token = _refolding.set(True)
    try:
        yield
    finally:
        _refolding.reset(token)


class Reprocessor:
    """The log of one partition, or some batches of it, folded into ``store``: in memory where none is given."""

    def __init__(self, settings: Settings, partition: int, store: Store | None = None) -> None:
        self._slice = PartitionState(store or MemoryStore(), _CACHE)
        self._join = Join(partition, self._slice, settings, lambda: _NEVER)

    def take(self, records: Sequence[Record]) -> ChunkChanges:
        """Fold records, in order; their rows are written. Raises PoisonError, as the worker would."""
        with _quietly():
            work = self._join.fold(records)
        self._slice.write(work.rows, records[-1].offset + 1, work.touched, work.grown)
        return work

    def write(self, rows: Mapping[bytes, bytes | None]) -> None:
        """Begin with rows, before the first record."""
        self._slice.write(rows, 0, ())

    def batch(self, batch_id: str) -> Batch:
        """The batch as it stands."""
        return self._slice.batch(batch_id)


class Taken(NamedTuple):
    """A record that concerned a batch, and what it did. ``outcome`` is the fold's own word, None for ticks."""

    record: Record
    facts: tuple[Fact, ...]
    outputs: tuple[tuple[str, bytes | None, bytes | None, list[tuple[str, bytes | None]]], ...]
    outcome: str | None


class OneBatch:
    """One batch, folded again from the records of its partition.

    It has to be shown every record from the batch's first one on, of whatever batch; ticks of the partition are among
    them. Its results are then what the worker's were: repeats of the repartitioner are distinguished from redeliveries
    by positions, and of an input partition all earlier records of the batch have been seen.
    """

    def __init__(self, settings: Settings, partition: int, batch_id: str) -> None:
        self.batch_id = batch_id
        self._key = batch_id.encode()
        self._folder = Reprocessor(settings, partition)
        self._known = False

    def begin_with(self, rows: Sequence[Sequence[Fact]]) -> None:
        """Begin with facts of which the log has no records any more, in rows as the changelog has them.

        Originals of what was pending are gone with those: what is said of them has no content.
        """
        batch = replay(self.batch_id, rows)
        found: dict[bytes, bytes | None] = {}
        if batch.receipt is not None:
            found |= receipts.rows(self.batch_id, batch.receipt)
        else:
            found |= dict(batches.row(self.batch_id, row, batches.format_of(batch)) for row in rows)
        waits, rests = waiting.key_for(batch), closed.key_for(batch)
        if waits is not None:
            found[waits] = b""
        if rests is not None:
            found[rests] = closed.value(batch, 0, whole=True)
        for at, held in batch.pending.items():
            original = Original(held.source or Source(0, 0, 0), b"null")
            found[pending.key(self.batch_id, at)] = pending.value(original)
        self._folder.write(found)
        self._known = bool(rows)

    @property
    def batch(self) -> Batch:
        """The batch as it stands after what was taken."""
        return self._folder.batch(self.batch_id)

    def take(self, record: Record) -> Taken | None:
        """Fold a record; None where it has nothing to do with the batch."""
        own = record.key == self._key
        if not own and not (self._known and record.key is None and is_tick(record.headers)):
            return None  # ticks have no key: most of the partition's records are told by theirs
        self._known = True
        work = self._folder.take([record])
        facts = work.decided(self.batch_id)
        outputs = tuple(work.outputs)
        if not own and not facts and not outputs:
            return None
        outcome = next((outcome.value for _, outcome in work.outcomes), None)
        return Taken(record, facts, outputs, outcome)
