"""The log's own clock: what is due at a tick, and when the next one is."""

from collections.abc import Iterator

from agents.chunk_changes import ChunkChanges
from agents.cuts import Cuts
from agents.in_parts import Changing, InParts
from agents.parts import Bounds
from agents.retiring import Retiring
from agents.steps import Steps
from app.core.batch import Batch
from app.core.events import Position, Tick
from app.engine.ports import Record
from tables import waiting
from tables.waiting import What


class Ticks:
    """Folds the ticks of one partition."""

    def __init__(self, steps: Steps, in_parts: InParts, cuts: Cuts, retiring: Retiring) -> None:
        self._steps = steps
        self._in_parts = in_parts
        self._cuts = cuts
        self._retiring = retiring

    def deadline(self) -> int | None:
        """The log time (ms) at which the next batch is due, or None."""
        due = []
        for reason, duration in self._durations():
            for since, _ in self._steps.tables.waiting(reason):
                due.append(since + duration)
                break
        goes = self._retiring.due()
        return min(due if goes is None else [*due, goes], default=None)

    def take(self, record: Record, done: int, changes: ChunkChanges, bounds: Bounds) -> Changing:
        """Do what is due at a tick."""
        tick = Tick(record.timestamp)
        position = Position(record.offset, record.timestamp)
        # What this chunk has touched, which the store does not know of yet; then what the store says is due.
        touched: dict[str, bytes | None] = dict.fromkeys(changes.touched)
        stored = self._due(tick, bounds.facts)
        due = touched | stored
        while due:
            for batch_id, row in due.items():
                batch = self._steps.tables.batch(batch_id)
                if self._in_parts.needed(batch, tick, record.offset, changes, bounds):
                    changes = yield from self._in_parts.do(batch, tick, position, record, done, changes, bounds)
                else:
                    self._look(batch, tick, row, position, record, changes)
                if changes.size > bounds.size or changes.in_parts:
                    yield self._cuts.finish(changes, done, record.offset)
                    changes = self._cuts.begin(done)
            if len(stored) < bounds.facts:
                break
            # Once this is written, the store shows the next ones.
            yield self._cuts.finish(changes, done, record.offset)
            changes = self._cuts.begin(done)
            due = stored = self._due(tick, bounds.facts)
        if len(record.headers) > 1:
            changes = yield from self._retiring.take(record, done, changes, bounds)
        return changes

    def _durations(self) -> Iterator[tuple[What, int]]:
        policy = self._steps.policy
        if policy.readiness_timeout:
            yield What.OPEN, policy.readiness_timeout
        if policy.pending_ttl:
            yield What.HOLDING, policy.pending_ttl

    def _due(self, tick: Tick, limit: int) -> dict[str, bytes | None]:
        """The first ``limit`` batches that are due by what the store says, each with its row in ``waiting``."""
        due: dict[str, bytes | None] = {}
        for reason, duration in self._durations():
            for since, batch_id in self._steps.tables.waiting(reason):
                if since + duration > tick.time or len(due) == limit:
                    break
                due[batch_id] = waiting.key(reason, since, batch_id)
        return due

    def _look(
        self, batch: Batch, tick: Tick, row: bytes | None, position: Position, record: Record, changes: ChunkChanges
    ) -> None:
        """What a tick does to a batch that is to be looked at: by a ``row`` of the store, or just in case."""
        changes.touch(batch)
        if row is not None and changes.waited(batch) != row:
            # A row too many: left by a worker that was paused and woke too late, or by a crash between the rows of
            # a chunk, which may have left an original behind as well.
            changes.stale(row)
            self._steps.sweep(batch, changes)
        facts, outputs, _ = self._steps.take(batch, tick, position)
        self._steps.applier.apply(batch, facts, outputs, record, position, changes)
