"""The join agent: folds a chunk of one partition of the log into its batches.

Bad input becomes a dead letter here. A bug in the fold is another thing: it raises PoisonError, and nothing of the
chunk is published or written.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import datetime
from typing import ClassVar

from agents import acts, dead_letters
from agents.apply import Applier
from agents.chunk_changes import ChunkChanges
from agents.parts import BOUNDS, UNBOUNDED, Bounds, Originals, remaining
from agents.poison import PoisonError
from agents.watermarks import Watermarks
from app.core import names
from app.core.acts import Discard, Reopen
from app.core.batch import Batch
from app.core.events import Event, Position, Registration, Source, Tick
from app.core.fold import Outcome, Step, fold
from app.core.rules import left
from app.engine.ports import Place, Record
from app.policy import policy_of
from app.settings import Settings
from app.wire.decode import Decoded, RejectedError, decode
from app.wire.record import is_act, is_tick, read_generation, read_source
from tables import pending, waiting
from tables.partition_state import PartitionState
from tables.pending import Original
from tables.waiting import What

#: Yields changes that are finished, and returns those to go on with.
_InParts = Generator[ChunkChanges, None, ChunkChanges]


class Join:
    """Folds the log of one partition. ``tables`` is the partition's slice; ``now`` gives the time of emission."""

    #: Of the parts in which a record is done. The same for all that fold a log.
    bounds: ClassVar[Bounds] = BOUNDS

    def __init__(self, partition: int, tables: PartitionState, settings: Settings, now: Callable[[], datetime]) -> None:
        self.partition = partition
        self.tables = tables
        self._settings = settings
        self._policy = policy_of(settings)
        self._poison = settings.poison
        self._largest = settings.max_message_bytes
        self._log = settings.log_topic
        self._now = now
        self._watermarks = Watermarks(tables.watermarks(), tables.generations())
        self._originals = Originals(tables)
        self._applier = Applier(self._originals)
        #: The batches whose originals have been looked through for what a crash, before this start, left behind.
        self._swept: set[str] = set()

    def fold(self, records: Sequence[Record]) -> ChunkChanges:
        """Fold records, in order, as one set of changes of whatever size. Raises as :meth:`changes` does."""
        return next(self.changes(records, UNBOUNDED), None) or self._finish(self._begin(0), 0, 0)

    def changes(self, records: Sequence[Record], bounds: Bounds | None = None) -> Iterator[ChunkChanges]:
        """Fold records, in order: mostly one set of changes, and several where they bring about more than ``bounds``
        (:attr:`bounds`).

        Each is to be carried out, its rows written into the tables, before the next is asked for. Raises PoisonError;
        the batches touched are then to be forgotten.
        """
        bounds = bounds or self.bounds
        changes = self._begin(0)
        marks = self._watermarks.offsets
        for done, record in enumerate(records):
            source = read_source(record.headers)
            if source is None:
                changes = yield from self._own(record, done, changes, bounds)
            else:
                place = self._watermarks.place(source, read_generation(record.headers))
                # At or below the high watermark: the repartitioner repeated itself, the log had this input before.
                seen = source.offset <= marks.get(place, -1)
                step_in_parts = None
                if self._poison and self._place(record, source) in self._poison:
                    dead_letters.skip(record, self._place(record, source), changes, rekeyed=True, seen=seen)
                else:
                    step_in_parts = self._input(record, source, changes, bounds, seen=seen)
                if step_in_parts is not None:
                    changes = yield from self._parts(*step_in_parts, record, source, done, changes, bounds)
                if not seen:
                    marks[place] = source.offset
            if changes.size > bounds.outputs or changes.in_parts:
                yield self._finish(changes, done + 1, record.offset + 1)
                changes = self._begin(done + 1)
        if changes.begin < len(records):
            yield self._finish(changes, len(records), records[-1].offset + 1)

    def _begin(self, done: int) -> ChunkChanges:
        return ChunkChanges(self._now(), self._settings.source_service, begin=done)

    def _finish(self, changes: ChunkChanges, done: int, end: int) -> ChunkChanges:
        """Make the rows: after them ``done`` records of the chunk are done with, all before offset ``end``."""
        changes.records, changes.end = done - changes.begin, end
        changes.finish(self._watermarks.changed())
        return changes

    def deadline(self) -> int | None:
        """The log time (ms) at which the next batch is due, or None."""
        due = []
        for reason, duration in self._durations():
            for since, _ in self.tables.waiting(reason):
                due.append(since + duration)
                break
        return min(due, default=None)

    def _durations(self) -> Iterator[tuple[What, int]]:
        if self._policy.readiness_timeout:
            yield What.OPEN, self._policy.readiness_timeout
        if self._policy.pending_ttl:
            yield What.HOLDING, self._policy.pending_ttl

    def _own(self, record: Record, done: int, changes: ChunkChanges, bounds: Bounds) -> _InParts:
        """A record that the log itself brought forth, or should have; the changes to go on with."""
        if self._poison and self._place(record, None) in self._poison:
            dead_letters.skip(record, self._place(record, None), changes, rekeyed=False, seen=False)
        elif is_tick(record.headers):
            changes = yield from self._tick(record, done, changes, bounds)
        elif is_act(record.headers):
            changes = yield from self._act(record, done, changes, bounds)
        else:
            dead_letters.foreign(record, self._place(record, None), changes)
        return changes

    def _input(
        self, record: Record, source: Source, changes: ChunkChanges, bounds: Bounds, *, seen: bool
    ) -> tuple[Batch, Event] | None:
        """An input. One that was seen is folded all the same: that changes nothing where the batch remembers it (and
        then nothing is said), and loses nothing where it does not (the input topic was made anew, say).

        One that is to be done in parts is returned, with its batch, and nothing has been done yet.
        """
        topic = names.INPUTS[source.topic]
        try:
            decoded = decode(topic, record.value, self._largest)
        except RejectedError as rejected:
            changes.outcomes[topic, Outcome.SKIPPED if seen else Outcome.REJECTED] += 1
            if not seen:
                dead_letters.reject(record, source, rejected, changes)
            return None
        batch = self.tables.batch(decoded.batch_id)
        event = decoded.event
        if batch.pending and isinstance(event, Registration) and self._many(batch, event, record, changes, bounds):
            if batch.registration is None:
                self._remark(decoded, source, changes)
            return batch, event
        self._note(batch, record, changes)
        step = self._step(batch, event, Position(record.offset, record.timestamp, source), record)
        if seen and not step.facts:
            changes.outcomes[topic, Outcome.SKIPPED] += 1
            return None
        changes.outcomes[topic, step.outcome] += 1
        if decoded.remark is not None and step.outcome is Outcome.REGISTERED:
            self._remark(decoded, source, changes)
        if step.outcome is Outcome.HELD:
            changes.hold(
                pending.key(batch.batch_id, record.offset), pending.value(Original(source, record.value or b""))
            )
        self._applier.apply(batch, step, record, source, changes)
        return None

    @staticmethod
    def _remark(decoded: Decoded, source: Source, changes: ChunkChanges) -> None:
        if decoded.remark is not None:
            changes.mismatches += 1
            dead_letters.remark(decoded, source, changes)

    def _tick(self, record: Record, done: int, changes: ChunkChanges, bounds: Bounds) -> _InParts:
        tick = Tick(record.timestamp)
        # What this chunk has touched, which the store does not know of yet; then what the store says is due.
        touched: dict[str, bytes | None] = dict.fromkeys(changes.touched)
        stored = self._due(tick, bounds.facts)
        due = touched | stored
        while due:
            for batch_id, row in due.items():
                batch = self.tables.batch(batch_id)
                if self._many(batch, tick, record, changes, bounds):
                    changes = yield from self._parts(batch, tick, record, None, done, changes, bounds)
                else:
                    self._look(batch, tick, row, record, changes)
                if changes.size > bounds.size or changes.in_parts:
                    yield self._finish(changes, done, record.offset)
                    changes = self._begin(done)
            if len(stored) < bounds.facts:
                break
            # Once this is written, the store shows the next ones.
            yield self._finish(changes, done, record.offset)
            changes = self._begin(done)
            due = stored = self._due(tick, bounds.facts)
        return changes

    def _due(self, tick: Tick, limit: int) -> dict[str, bytes | None]:
        """The first ``most`` batches that are due by what the store says, each with its row in ``waiting``."""
        due: dict[str, bytes | None] = {}
        for reason, duration in self._durations():
            for since, batch_id in self.tables.waiting(reason):
                if since + duration > tick.time or len(due) == limit:
                    break
                due[batch_id] = waiting.key(reason, since, batch_id)
        return due

    def _look(self, batch: Batch, tick: Tick, row: bytes | None, record: Record, changes: ChunkChanges) -> None:
        """What a tick does to a batch that is to be looked at: by a ``row`` of the store, or just in case."""
        changes.touch(batch)
        if row is not None and changes.waited(batch) != row:
            # A row too many: left by a worker that was paused and woke too late, or by a crash between the rows of
            # a chunk, which may have left an original behind as well.
            changes.stale(row)
            self._sweep(batch, changes)
        step = self._step(batch, tick, Position(record.offset, record.timestamp), record)
        self._applier.apply(batch, step, record, None, changes)

    def _act(self, record: Record, done: int, changes: ChunkChanges, bounds: Bounds) -> _InParts:
        decoded = acts.read(record, self._place(record, None), self._largest, changes)
        if decoded is None:
            return changes
        batch = self.tables.batch(decoded.batch_id)
        if self._many(batch, decoded.act, record, changes, bounds):
            return (yield from self._parts(batch, decoded.act, record, None, done, changes, bounds))
        self._note(batch, record, changes)
        step = self._step(batch, decoded.act, Position(record.offset, record.timestamp), record)
        changes.outcomes[self._log, step.outcome] += 1
        acts.tell(batch.batch_id, step.facts, changes)
        self._applier.apply(batch, step, record, None, changes)
        return changes

    def _many(self, batch: Batch, event: Event, record: Record, changes: ChunkChanges, bounds: Bounds) -> bool:
        """Whether a record is to be done in parts: it concerns too many uploads, or a part of it has been done."""
        if bounds is UNBOUNDED or not isinstance(event, Registration | Tick | Discard | Reopen):
            return False
        if batch.last >= record.offset:
            return batch.last == record.offset and left(batch, event, self._policy)
        count = remaining(batch, event)
        return count > 0 and count > self._originals.most(batch, event, self._policy, changes, bounds)

    def _parts(  # noqa: PLR0917 - a record, what it is about, and where the chunk stands
        self,
        batch: Batch,
        event: Event,
        record: Record,
        source: Source | None,
        done: int,
        changes: ChunkChanges,
        bounds: Bounds,
    ) -> _InParts:
        """Do a record in parts, each with changes of its own; the last ones are to go on with, and to be finished."""
        position = Position(record.offset, record.timestamp, source)
        if changes.begin < done or changes.touched or changes.outputs:
            yield self._finish(changes, done, record.offset)
            changes = self._begin(done)
        self._note(batch, record, changes)
        topic = self._log if source is None else names.INPUTS[source.topic]
        while True:
            changes.part(batch, remaining(batch, event))
            limit = self._originals.most(batch, event, self._policy, changes, bounds)
            step = self._step(batch, event, position, record, limit)
            if not isinstance(event, Tick) and step.outcome is not Outcome.REPEATED:
                changes.outcomes[topic, step.outcome] += 1
            acts.tell(batch.batch_id, step.facts, changes)
            self._applier.apply(batch, step, record, source, changes)
            if not left(batch, event, self._policy):
                return changes
            yield self._finish(changes, done, record.offset)
            changes = self._begin(done)
            changes.touch(batch)

    def _note(self, batch: Batch, record: Record, changes: ChunkChanges) -> None:
        """Note the batch that a record is about, as it is before."""
        changes.touch(batch)
        if record.offset <= batch.last:
            # Read again after a crash that came between state and offset, and may have come before the last deletions.
            self._sweep(batch, changes)

    def _sweep(self, batch: Batch, changes: ChunkChanges) -> None:
        """Delete the originals that a crash left behind: from before this start, so once is enough."""
        if batch.batch_id not in self._swept:
            self._swept.add(batch.batch_id)
            for orphan in self.tables.orphans(batch):
                changes.drop_pending(orphan)

    def _step(self, batch: Batch, event: Event, position: Position, record: Record, limit: int | None = None) -> Step:
        try:
            if limit is None:
                return fold(batch, event, position, self._policy)
            return fold(batch, event, position, self._policy, limit)
        except Exception as error:
            topic, partition, offset = self._place(record, position.source)
            message = (
                f"{topic} partition {partition} offset {offset} (offset {record.offset} of {self._log} partition "
                f"{self.partition}), batch {batch.batch_id}: the fold failed with {type(error).__name__}: {error}. "
                "Nothing of this record was committed. This is a bug: report it. To go on without this record, start "
                f"with ROLLCALL_SKIP_POISON={topic}:{partition}:{offset}, which sends it to the dead letters"
            )
            raise PoisonError(message) from error

    def _place(self, record: Record, source: Source | None) -> Place:
        """Where a record stands for an operator: its input's own position, or the log's where it has none."""
        if source is None:
            return Place(self._log, self.partition, record.offset)
        return Place(names.INPUTS[source.topic], source.partition, source.offset)
