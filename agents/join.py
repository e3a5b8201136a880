"""The join agent: folds a chunk of one partition of the log into its batches.

Bad input becomes a dead letter here. A bug in the fold is another thing: it raises PoisonError, and nothing of the
chunk is published or written.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import datetime
from typing import ClassVar

from agents import acts, letters
from agents.carry import Carrier
from agents.parts import BOUNDS, UNBOUNDED, Bounds, Originals, remaining
from agents.poison import PoisonError
from agents.work import Work
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
from app.wire.record import is_act, is_tick, read_source
from tables import pending, sources, waiting
from tables.pending import Original
from tables.slice import Slice
from tables.waiting import What


class Join:
    """Folds the log of one partition. ``tables`` is the partition's slice; ``now`` gives the time of emission."""

    #: Of the parts in which a record is done. The same for all that fold a log.
    bounds: ClassVar[Bounds] = BOUNDS

    def __init__(self, partition: int, tables: Slice, settings: Settings, now: Callable[[], datetime]) -> None:
        self.partition = partition
        self.tables = tables
        self._settings = settings
        self._policy = policy_of(settings)
        self._poison = settings.poison
        self._largest = settings.max_message_bytes
        self._log = settings.log_topic
        self._now = now
        self._watermarks = tables.watermarks()
        self._written = self._watermarks.copy()
        self._originals = Originals(tables)
        self._carrier = Carrier(self._originals)
        #: The batches whose originals have been looked through for what a crash, before this start, left behind.
        self._swept: set[str] = set()

    def fold(self, records: Sequence[Record]) -> Work:
        """Fold records, in order, as one work of whatever size. Raises as :meth:`works` does."""
        return next(self.works(records, UNBOUNDED), None) or self._finish(self._begin(0), 0, 0)

    def works(self, records: Sequence[Record], bounds: Bounds | None = None) -> Iterator[Work]:
        """Fold records, in order: mostly one work, and several where they bring about more than ``bounds``
        (:attr:`bounds`).

        Each is to be carried out, its rows written into the tables, before the next is asked for. Raises PoisonError;
        the batches touched are then to be forgotten.
        """
        bounds = bounds or self.bounds
        work = self._begin(0)
        marks = self._watermarks
        for done, record in enumerate(records):
            source = read_source(record.headers)
            if source is None:
                work = yield from self._own(record, done, work, bounds)
            else:
                place = (source.topic, source.partition)
                # At or below the high watermark: the repartitioner repeated itself, the log had this input before.
                seen = source.offset <= marks.get(place, -1)
                many = None
                if self._poison and self._place(record, source) in self._poison:
                    letters.skip(record, self._place(record, source), work, rekeyed=True, seen=seen)
                else:
                    many = self._input(record, source, work, bounds, seen=seen)
                if many is not None:
                    work = yield from self._parts(*many, record, source, done, work, bounds)
                if not seen:
                    marks[place] = source.offset
            if work.size > bounds.outputs or work.in_parts:
                yield self._finish(work, done + 1, record.offset + 1)
                work = self._begin(done + 1)
        if work.begin < len(records):
            yield self._finish(work, len(records), records[-1].offset + 1)

    def _begin(self, done: int) -> Work:
        return Work(self._now(), self._settings.source_service, begin=done)

    def _finish(self, work: Work, done: int, end: int) -> Work:
        """Make the rows of a work: after it ``done`` records of the chunk are done with, all before offset ``end``."""
        work.records, work.end = done - work.begin, end
        written = self._written
        changed = {place: offset for place, offset in self._watermarks.items() if offset != written.get(place)}
        written |= changed
        work.finish({sources.key(*place): sources.value(offset) for place, offset in changed.items()})
        return work

    def deadline(self) -> int | None:
        """The log time (ms) at which the next batch is due, or None."""
        due = []
        for what, duration in self._durations():
            for since, _ in self.tables.waiting(what):
                due.append(since + duration)
                break
        return min(due, default=None)

    def _durations(self) -> Iterator[tuple[What, int]]:
        if self._policy.readiness_timeout:
            yield What.OPEN, self._policy.readiness_timeout
        if self._policy.pending_ttl:
            yield What.HOLDING, self._policy.pending_ttl

    def _own(self, record: Record, done: int, work: Work, bounds: Bounds) -> Generator[Work, None, Work]:
        """A record that the log itself brought forth, or should have; the work to go on with."""
        if self._poison and self._place(record, None) in self._poison:
            letters.skip(record, self._place(record, None), work, rekeyed=False, seen=False)
        elif is_tick(record.headers):
            work = yield from self._tick(record, done, work, bounds)
        elif is_act(record.headers):
            work = yield from self._act(record, done, work, bounds)
        else:
            letters.foreign(record, self._place(record, None), work)
        return work

    def _input(
        self, record: Record, source: Source, work: Work, bounds: Bounds, *, seen: bool
    ) -> tuple[Batch, Event] | None:
        """An input. One that was seen is folded all the same: that changes nothing where the batch remembers it (and
        then nothing is said), and loses nothing where it does not (the input topic was made anew, say).

        One that is to be done in parts is returned, with its batch, and nothing has been done yet.
        """
        topic = names.INPUTS[source.topic]
        try:
            decoded = decode(topic, record.value, self._largest)
        except RejectedError as rejected:
            work.outcomes[topic, Outcome.SKIPPED if seen else Outcome.REJECTED] += 1
            if not seen:
                letters.bury(record, source, rejected.reason, rejected.detail, work)
            return None
        batch = self.tables.batch(decoded.batch_id)
        event = decoded.event
        if batch.pending and isinstance(event, Registration) and self._many(batch, event, record, work, bounds):
            if batch.registration is None:
                self._remark(decoded, source, work)
            return batch, event
        self._note(batch, record, work)
        step = self._step(batch, event, Position(record.offset, record.timestamp, source), record)
        if seen and not step.facts:
            work.outcomes[topic, Outcome.SKIPPED] += 1
            return None
        work.outcomes[topic, step.outcome] += 1
        if decoded.remark is not None and step.outcome is Outcome.REGISTERED:
            self._remark(decoded, source, work)
        if step.outcome is Outcome.HELD:
            work.hold(pending.key(batch.batch_id, record.offset), pending.value(Original(source, record.value or b"")))
        self._carrier.carry(batch, step, record, source, work)
        return None

    @staticmethod
    def _remark(decoded: Decoded, source: Source, work: Work) -> None:
        if decoded.remark is not None:
            work.mismatches += 1
            letters.remark(decoded, source, work)

    def _tick(self, record: Record, done: int, work: Work, bounds: Bounds) -> Generator[Work, None, Work]:
        tick = Tick(record.timestamp)
        # What this chunk has touched, which the store does not know of yet; then what the store says is due.
        touched: dict[str, bytes | None] = dict.fromkeys(work.touched)
        stored = self._due(tick, bounds.facts)
        due = touched | stored
        while due:
            for batch_id, row in due.items():
                batch = self.tables.batch(batch_id)
                if self._many(batch, tick, record, work, bounds):
                    work = yield from self._parts(batch, tick, record, None, done, work, bounds)
                else:
                    self._look(batch, tick, row, record, work)
                if work.size > bounds.size or work.in_parts:
                    yield self._finish(work, done, record.offset)
                    work = self._begin(done)
            if len(stored) < bounds.facts:
                break
            # Once this is written, the store shows the next ones.
            yield self._finish(work, done, record.offset)
            work = self._begin(done)
            due = stored = self._due(tick, bounds.facts)
        return work

    def _due(self, tick: Tick, most: int) -> dict[str, bytes | None]:
        """The first ``most`` batches that are due by what the store says, each with its row in ``waiting``."""
        due: dict[str, bytes | None] = {}
        for what, duration in self._durations():
            for since, batch_id in self.tables.waiting(what):
                if since + duration > tick.time or len(due) == most:
                    break
                due[batch_id] = waiting.key(what, since, batch_id)
        return due

    def _look(self, batch: Batch, tick: Tick, row: bytes | None, record: Record, work: Work) -> None:
        """What a tick does to a batch that is to be looked at: by a ``row`` of the store, or just in case."""
        work.touch(batch)
        if row is not None and work.waited(batch) != row:
            # A row too many: left by a worker that was paused and woke too late, or by a crash between the rows of
            # a chunk, which may have left an original behind as well.
            work.stale(row)
            self._sweep(batch, work)
        step = self._step(batch, tick, Position(record.offset, record.timestamp), record)
        self._carrier.carry(batch, step, record, None, work)

    def _act(self, record: Record, done: int, work: Work, bounds: Bounds) -> Generator[Work, None, Work]:
        found = acts.read(record, self._place(record, None), self._largest, work)
        if found is None:
            return work
        batch = self.tables.batch(found.batch_id)
        if self._many(batch, found.act, record, work, bounds):
            return (yield from self._parts(batch, found.act, record, None, done, work, bounds))
        self._note(batch, record, work)
        step = self._step(batch, found.act, Position(record.offset, record.timestamp), record)
        work.outcomes[self._log, step.outcome] += 1
        acts.tell(batch.batch_id, step.facts, work)
        self._carrier.carry(batch, step, record, None, work)
        return work

    def _many(self, batch: Batch, event: Event, record: Record, work: Work, bounds: Bounds) -> bool:
        """Whether a record is to be done in parts: it concerns too many uploads, or a part of it has been done."""
        if bounds is UNBOUNDED or not isinstance(event, Registration | Tick | Discard | Reopen):
            return False
        if batch.last >= record.offset:
            return batch.last == record.offset and left(batch, event, self._policy)
        count = remaining(batch, event)
        return count > 0 and count > self._originals.most(batch, event, self._policy, work, bounds)

    def _parts(  # noqa: PLR0917 - a record, what it is about, and where the chunk stands
        self, batch: Batch, event: Event, record: Record, source: Source | None, done: int, work: Work, bounds: Bounds
    ) -> Generator[Work, None, Work]:
        """Do a record in parts, each a work of its own; the last one is the work to go on with, and to be finished."""
        position = Position(record.offset, record.timestamp, source)
        if work.begin < done or work.touched or work.outputs:
            yield self._finish(work, done, record.offset)
            work = self._begin(done)
        self._note(batch, record, work)
        topic = self._log if source is None else names.INPUTS[source.topic]
        while True:
            work.part(batch, remaining(batch, event))
            most = self._originals.most(batch, event, self._policy, work, bounds)
            step = self._step(batch, event, position, record, most)
            if not isinstance(event, Tick) and step.outcome is not Outcome.REPEATED:
                work.outcomes[topic, step.outcome] += 1
            acts.tell(batch.batch_id, step.facts, work)
            self._carrier.carry(batch, step, record, source, work)
            if not left(batch, event, self._policy):
                return work
            yield self._finish(work, done, record.offset)
            work = self._begin(done)
            work.touch(batch)

    def _note(self, batch: Batch, record: Record, work: Work) -> None:
        """Note the batch that a record is about, as it is before."""
        work.touch(batch)
        if record.offset <= batch.last:
            # Read again after a crash that came between state and offset, and may have come before the last deletions.
            self._sweep(batch, work)

    def _sweep(self, batch: Batch, work: Work) -> None:
        """Delete the originals that a crash left behind: from before this start, so once is enough."""
        if batch.batch_id not in self._swept:
            self._swept.add(batch.batch_id)
            for orphan in self.tables.orphans(batch):
                work.settle(orphan)

    def _step(self, batch: Batch, event: Event, position: Position, record: Record, most: int | None = None) -> Step:
        try:
            if most is None:
                return fold(batch, event, position, self._policy)
            return fold(batch, event, position, self._policy, most)
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
