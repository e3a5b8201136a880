"""The join agent: folds a chunk of one partition of the log into its batches.

A chunk is read first (:mod:`app.wire.chunk`): nearly all of it are plain contents, and :mod:`agents.contents` has the
loop over those. Whatever else a record is, it goes through :meth:`Join._other`, one by one. Both end in the same step
(:mod:`agents.steps`) and the same rules.

Bad input becomes a dead letter here. A bug in the fold is another thing: it raises PoisonError, and nothing of the
chunk is published or written.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from operator import attrgetter
from typing import ClassVar

from agents import acts, dead_letters
from agents.chunk_changes import ChunkChanges
from agents.contents import Contents
from agents.cuts import Cuts
from agents.in_parts import Changing, InParts
from agents.pace import Pace
from agents.parts import BOUNDS, UNBOUNDED, Bounds
from agents.retiring import Retiring
from agents.steps import Steps
from agents.ticks import Ticks
from agents.watermarks import Watermarks
from app.core.act_rules import RETIRED
from app.core.events import Position, Source
from app.core.fold import Outcome
from app.engine.ports import Record
from app.settings import Settings
from app.wire.decode import Decoded, RejectedError, decode
from app.wire.native_reading import read
from app.wire.record import is_act, is_tick, read_generation, read_source
from tables.partition_state import PartitionState


class Join:
    """Folds the log of one partition. ``tables`` is the partition's slice; ``now`` gives the time of emission."""

    #: Of the parts in which a record is done. The same for all that fold a log.
    bounds: ClassVar[Bounds] = BOUNDS

    def __init__(self, partition: int, tables: PartitionState, settings: Settings, now: Callable[[], datetime]) -> None:
        self.partition = partition
        self.tables = tables
        self._poison = settings.poison
        self._largest = settings.max_message_bytes
        self._watermarks = Watermarks(tables.watermarks(), tables.generations())
        self._steps = Steps(partition, tables, settings)
        self._cuts = Cuts(self._watermarks, settings.source_service, now)
        self._in_parts = InParts(self._steps, self._cuts)
        self.retiring = Retiring(tables, settings, self._steps, self._cuts)
        self._ticks = Ticks(self._steps, self._in_parts, self._cuts, self.retiring)

    def fold(self, records: Sequence[Record]) -> ChunkChanges:
        """Fold records, in order, as one set of changes of whatever size. Raises as :meth:`changes` does."""
        return next(self.changes(records, UNBOUNDED), None) or self._cuts.finish(self._cuts.begin(0), 0, 0)

    def changes(self, records: Sequence[Record], bounds: Bounds | None = None) -> Iterator[ChunkChanges]:
        """Fold records, in order: mostly one set of changes, and several where they bring about more than ``bounds``
        (:attr:`bounds`).

        Each is to be carried out, its rows written into the tables, before the next is asked for. Raises PoisonError;
        the batches touched are then to be forgotten.
        """
        return (changes for changes in self.steps(records, bounds) if changes is not None)

    def steps(self, records: Sequence[Record], bounds: Bounds | None = None) -> Iterator[ChunkChanges | None]:
        """As :meth:`changes`, with None wherever other tasks should have their turn: nothing is to be done then."""
        bounds = bounds or self.bounds
        pace = Pace(self.tables)
        contents = Contents(read(records, self._largest), records, self._steps, self._watermarks)
        self._cuts.of(records)
        changes = self._cuts.begin(0)
        # Those before a tick that has retired something are done: they are read again after a crash.
        done, count = bisect_left(records, self.retiring.done, key=attrgetter("offset")), len(records)
        while done < count:
            if not self._poison:
                done = contents.fold(done, changes, bounds.outputs)
            if done < count and changes.size <= bounds.outputs and not pace.reached(done):
                changes = yield from self._other(records[done], done, changes, bounds)
                done += 1
            if changes.size > bounds.outputs or changes.in_parts:
                yield self._cuts.finish(changes, done, records[done - 1].offset + 1)
                changes = self._cuts.begin(done)
            elif pace.long(done):
                yield None
        if changes.begin < count:
            yield self._cuts.finish(changes, count, records[-1].offset + 1)

    def deadline(self) -> int | None:
        """The log time (ms) at which the next batch is due, or None."""
        return self._ticks.deadline()

    def _other(self, record: Record, done: int, changes: ChunkChanges, bounds: Bounds) -> Changing:
        """A record that is no plain content, or needs a second look; returns the changes to continue with."""
        headers = record.headers
        source = read_source(headers)
        if source is None:
            return (yield from self._own(record, done, changes, bounds))
        marks = self._watermarks.offsets
        place = self._watermarks.place(source, read_generation(headers))
        # At or below the high watermark: the repartitioner repeated itself, the log had this input before.
        seen = source.offset <= marks.get(place, -1)
        where = self._steps.place(record.offset, source) if self._poison else None
        if where in self._poison:
            dead_letters.skip(record, where, changes, rekeyed=True, seen=seen)
        else:
            changes = yield from self._input(record, source, done, changes, bounds, seen=seen)
        if not seen:
            marks[place] = source.offset
        return changes

    def _own(self, record: Record, done: int, changes: ChunkChanges, bounds: Bounds) -> Changing:
        """A record that the log itself brought forth, or should have; returns the changes to continue with."""
        where = self._steps.place(record.offset, None)
        if where in self._poison:
            dead_letters.skip(record, where, changes, rekeyed=False, seen=False)
        elif is_tick(record.headers):
            changes = yield from self._ticks.take(record, done, changes, bounds)
        elif is_act(record.headers):
            changes = yield from self._act(record, done, changes, bounds)
        else:
            dead_letters.foreign(record, where, changes)
        return changes

    def _input(
        self, record: Record, source: Source, done: int, changes: ChunkChanges, bounds: Bounds, *, seen: bool
    ) -> Changing:
        """An input. One that was seen is folded all the same: that changes nothing where the batch remembers it (and
        nothing is published), and loses nothing where it does not (the input topic was created again, for example).
        """
        topic = self._steps.topic(source)
        try:
            decoded = decode(topic, record.value, self._largest)
        except RejectedError as rejected:
            changes.outcomes[topic, Outcome.SKIPPED if seen else Outcome.REJECTED] += 1
            if not seen:
                dead_letters.reject(record, source, rejected, changes)
            return changes
        batch, event = self.tables.batch(decoded.batch_id), decoded.event
        position = Position(record.offset, record.timestamp, source)
        if batch.pending and self._in_parts.needed(batch, event, position.at, changes, bounds):
            if batch.registration is None:
                self._remark(decoded, source, changes)
            return (yield from self._in_parts.do(batch, event, position, record, done, changes, bounds))
        self._steps.note(batch, position.at, changes)
        facts, outputs, outcome = self._steps.take(batch, event, position)
        if seen and not facts:
            changes.outcomes[topic, Outcome.SKIPPED] += 1
            return changes
        changes.outcomes[topic, outcome] += 1
        if outcome is Outcome.REGISTERED:
            self._remark(decoded, source, changes)
        elif outcome is Outcome.HELD:
            changes.hold(batch.batch_id, position.at, source, (record,), 0)
        self._steps.applier.apply(batch, facts, outputs, record, position, changes)
        return changes

    @staticmethod
    def _remark(decoded: Decoded, source: Source, changes: ChunkChanges) -> None:
        if decoded.remark is not None:
            changes.mismatches += 1
            dead_letters.remark(decoded, source, changes)

    def _act(self, record: Record, done: int, changes: ChunkChanges, bounds: Bounds) -> Changing:
        decoded = acts.read(record, self._steps.place(record.offset, None), self._largest, changes)
        if decoded is None:
            return changes
        batch, position = self.tables.batch(decoded.batch_id), Position(record.offset, record.timestamp)
        if self._in_parts.needed(batch, decoded.act, position.at, changes, bounds):
            return (yield from self._in_parts.do(batch, decoded.act, position, record, done, changes, bounds))
        self._steps.note(batch, position.at, changes)
        facts, outputs, outcome = self._steps.take(batch, decoded.act, position)
        self._steps.count(position, outcome, changes)
        acts.tell(batch.batch_id, facts, changes)
        if batch.receipt is not None:
            acts.refuse(batch.batch_id, decoded.act, RETIRED, changes)
        self._steps.applier.apply(batch, facts, outputs, record, position, changes)
        return changes
