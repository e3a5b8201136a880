"""The join agent: folds a chunk of one partition of the log into its batches.

Bad input becomes a dead letter here. A bug in the fold is another thing: it raises PoisonError, and nothing of the
chunk is published or written.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog

from agents.work import Work
from app.core import names
from app.core.batch import Batch
from app.core.events import Event, Position, Source, Tick
from app.core.facts import Expired, Placed, Surplus
from app.core.fold import Outcome, Step, fold
from app.core.messages import Message
from app.core.outputs import DeadLetter, Expiry, Output, expired
from app.settings import Settings
from app.wire.decode import Decoded, RejectedError, decode
from app.wire.record import is_tick, read_key, read_source
from tables import pending, sources, waiting
from tables.pending import Original
from tables.slice import Slice
from tables.waiting import What

log = structlog.get_logger(__name__)

POISON = "poison"
FOREIGN = "foreign_record"

#: The facts that may be about a pending upload, which is then pending no more.
_SETTLING = (Placed, Surplus, Expired)


class PoisonError(Exception):
    """The fold failed on a record: a bug. Names the record, its batch, the cause and the way on."""


class Join:
    """Folds the log of one partition. ``tables`` is the partition's slice; ``now`` gives the time of emission."""

    def __init__(self, partition: int, tables: Slice, settings: Settings, now: Callable[[], datetime]) -> None:
        self.partition = partition
        self.tables = tables
        self._settings = settings
        self._policy = settings.policy
        self._poison = settings.poison
        self._now = now
        self._watermarks = tables.watermarks()

    def fold(self, records: Sequence[Any]) -> Work:
        """Fold records, in order. Raises PoisonError; the batches touched are then to be forgotten."""
        work = Work(self._now(), self._settings.source_service)
        marks: dict[tuple[int, int], int] = {}
        for record in records:
            source = read_source(record.headers)
            if self._poison and _place(record, source) in self._poison:
                self._skip(record, source, work)
            elif source is not None:
                self._input(record, source, work)
            elif is_tick(record.headers):
                self._tick(record, work)
            else:
                self._foreign(record, work)
            if source is not None:
                place = (source.topic, source.partition)
                if source.offset > self._watermarks.get(place, -1):
                    marks[place] = self._watermarks[place] = source.offset
        work.finish({sources.key(*place): sources.value(offset) for place, offset in marks.items()})
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

    def _input(self, record: Any, source: Source, work: Work) -> None:
        topic = names.INPUTS[source.topic]
        # At or below the high watermark: the hop repeated itself, the log had this input before. It is folded all the
        # same, which changes nothing where the batch remembers it (and then nothing is said), and loses nothing where
        # it does not (the input topic was made anew, say).
        seen = source.offset <= self._watermarks.get((source.topic, source.partition), -1)
        try:
            decoded = decode(topic, record.value, self._settings.max_message_bytes)
        except RejectedError as rejected:
            work.outcomes[topic, Outcome.SKIPPED if seen else Outcome.REJECTED] += 1
            if not seen:
                self._bury(record, source, rejected.reason, rejected.detail, work)
            return
        batch = self.tables.batch(decoded.batch_id)
        work.touch(batch)
        if record.offset <= batch.last:
            # Read again after a crash that came between state and offset, and may have come before the last deletions.
            for orphan in self.tables.orphans(batch):
                work.settle(orphan)
        step = self._step(batch, decoded.event, Position(record.offset, record.timestamp, source), record)
        if seen and not step.facts:
            work.outcomes[topic, Outcome.SKIPPED] += 1
            return
        work.outcomes[topic, step.outcome] += 1
        if decoded.remark is not None and step.outcome is Outcome.REGISTERED:
            work.mismatches += 1
            self._remark(decoded, source)
        if step.outcome is Outcome.HELD:
            work.hold(pending.key(batch.batch_id, record.offset), pending.value(Original(source, record.value)))
        self._carry(batch, step, record, source, work)

    def _tick(self, record: Any, work: Work) -> None:
        tick = Tick(record.timestamp)
        # What the store says is due, and what this chunk has touched, which the store does not know of yet.
        due: dict[str, bytes | None] = dict.fromkeys(work.touched)
        for what, duration in self._durations():
            for since, batch_id in self.tables.waiting(what):
                if since + duration > tick.time:
                    break
                due[batch_id] = waiting.key(what, since, batch_id)
        for batch_id, row in due.items():
            batch = self.tables.batch(batch_id)
            work.touch(batch)
            if row is not None and work.waited(batch) != row:
                # A row too many: left by a worker that was paused and woke too late, or by a crash between the rows of
                # a chunk, which may have left an original behind as well.
                work.stale(row)
                for orphan in self.tables.orphans(batch):
                    work.settle(orphan)
            step = self._step(batch, tick, Position(record.offset, record.timestamp), record)
            self._carry(batch, step, record, None, work)

    def _step(self, batch: Batch, event: Event, position: Position, record: Any) -> Step:
        try:
            return fold(batch, event, position, self._policy)
        except Exception as error:
            topic, partition, offset = _place(record, position.source)
            message = (
                f"{topic} partition {partition} offset {offset} (offset {record.offset} of {record.topic} partition "
                f"{record.partition}), batch {batch.batch_id}: the fold failed with {type(error).__name__}: {error}. "
                "Nothing of this poll was committed. This is a bug: report it. To go on without this record, start "
                f"with ROLLCALL_SKIP_POISON={topic}:{partition}:{offset}, which sends it to the dead letters"
            )
            raise PoisonError(message) from error

    def _carry(self, batch: Batch, step: Step, record: Any, source: Source | None, work: Work) -> None:
        """Turn what was decided into rows and outputs."""
        # Outputs first: an expiry needs the original, whose row goes with the fact.
        for output in step.outputs:
            self._say(batch, output, record, source, work)
        if step.facts:
            work.decided(batch, step.facts)
            for fact in step.facts:
                if isinstance(fact, _SETTLING) and fact.held >= 0:
                    work.settle(pending.key(batch.batch_id, fact.held))

    def _say(self, batch: Batch, output: Output, record: Any, source: Source | None, work: Work) -> None:
        if isinstance(output, Message):
            work.say(output)
            if output.topic == names.TIMEOUT:
                log.warning("batch is late", batch_id=batch.batch_id, correlation_id=output.correlation_id)
        elif isinstance(output, Expiry):
            original = self._original(batch.batch_id, output, work)
            work.say(expired(batch.batch_id, output, original.source, original.value, self._policy))
            log.warning(
                "pending upload expired",
                batch_id=batch.batch_id,
                correlation_id=output.upload.correlation_id,
                file_upload_id=output.upload.upload_id,
            )
        elif isinstance(output, DeadLetter) and source is not None:
            about = {"batch_id": batch.batch_id, "correlation_id": output.correlation_id}
            self._bury(record, source, output.reason, output.detail, work, about)

    def _original(self, batch_id: str, expiry: Expiry, work: Work) -> Original:
        value = work.held(pending.key(batch_id, expiry.held))
        original = self.tables.original(batch_id, expiry.held) if value is None else pending.original_of(value)
        if original is None:
            message = f"batch {batch_id}: the original of the upload at log offset {expiry.held} is missing"
            raise PoisonError(message)
        return original

    def _bury(
        self, record: Any, source: Source, reason: str, detail: str, work: Work, about: Mapping[str, str] | None = None
    ) -> None:
        topic = names.INPUTS[source.topic]
        where = (topic, source.partition, source.offset)
        work.bury(reason, detail, where, read_key(record.headers), record.value)
        log.warning(
            "dead letter",
            reason=reason,
            detail=detail,
            topic=topic,
            partition=source.partition,
            offset=source.offset,
            **(about or {}),
        )

    def _skip(self, record: Any, source: Source | None, work: Work) -> None:
        """A record that the operator has told us not to fold. A copy that the hop made is no second dead letter."""
        where = _place(record, source)
        if source is not None and source.offset <= self._watermarks.get((source.topic, source.partition), -1):
            work.outcomes[where[0], Outcome.SKIPPED] += 1
            return
        key = record.key if source is None else read_key(record.headers)
        work.bury(POISON, "skipped by ROLLCALL_SKIP_POISON", where, key, record.value)
        log.warning("dead letter", reason=POISON, topic=where[0], partition=where[1], offset=where[2])

    def _foreign(self, record: Any, work: Work) -> None:
        """A record that neither the hop nor a tick wrote: somebody else's, kept as a dead letter."""
        where = (record.topic, record.partition, record.offset)
        work.bury(FOREIGN, "the internal log is Rollcall's alone to write", where, record.key, record.value)
        log.error("a record in the internal log is not Rollcall's", topic=where[0], partition=where[1], offset=where[2])

    def _remark(self, decoded: Decoded, source: Source) -> None:
        log.warning(
            "registration contradicts itself",
            batch_id=decoded.batch_id,
            correlation_id=decoded.event.correlation_id,
            remark=decoded.remark,
            topic=names.INPUTS[source.topic],
            partition=source.partition,
            offset=source.offset,
        )


def _place(record: Any, source: Source | None) -> tuple[str, int, int]:
    """Where a record stands for an operator: its input's own position, or the log's where it has none."""
    if source is None:
        return record.topic, record.partition, record.offset
    return names.INPUTS[source.topic], source.partition, source.offset
