"""The join agent: folds a chunk of one partition of the log into its batches.

Bad input becomes a dead letter here. A bug in the fold is another thing: it raises PoisonError, and nothing of the
chunk is published or written.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import structlog

from agents import acts, letters
from agents.work import Work
from app.core import names
from app.core.batch import Batch
from app.core.events import Event, Position, Source, Tick
from app.core.facts import Dismissed, Expired, Placed, Surplus
from app.core.fold import Outcome, Step, fold
from app.core.messages import Message
from app.core.outputs import DeadLetter, Expiry, expired
from app.policy import policy_of
from app.settings import Settings
from app.wire.decode import RejectedError, decode
from app.wire.record import is_act, is_tick, read_source
from tables import pending, sources, waiting
from tables.pending import Original
from tables.slice import Slice
from tables.waiting import What

log = structlog.get_logger(__name__)

#: The facts that may be about a pending upload, which is then pending no more.
_SETTLING = (Placed, Surplus, Expired, Dismissed)


class PoisonError(Exception):
    """The fold failed on a record: a bug. Names the record, its batch, the cause and the way on."""


class Join:
    """Folds the log of one partition. ``tables`` is the partition's slice; ``now`` gives the time of emission."""

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

    def fold(self, records: Sequence[Any]) -> Work:
        """Fold records, in order. Raises PoisonError; the batches touched are then to be forgotten."""
        work = Work(self._now(), self._settings.source_service)
        marks = self._watermarks
        before = marks.copy()
        for record in records:
            source = read_source(record.headers)
            if source is None:
                self._own(record, work)
                continue
            place = (source.topic, source.partition)
            # At or below the high watermark: the hop repeated itself, the log had this input before.
            seen = source.offset <= marks.get(place, -1)
            if self._poison and self._place(record, source) in self._poison:
                letters.skip(record, self._place(record, source), work, rekeyed=True, seen=seen)
            else:
                self._input(record, source, work, seen=seen)
            if not seen:
                marks[place] = source.offset
        work.finish(
            {
                sources.key(*place): sources.value(offset)
                for place, offset in marks.items()
                if offset != before.get(place)
            }
        )
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

    def _own(self, record: Any, work: Work) -> None:
        """A record that the log itself brought forth, or should have."""
        if self._poison and self._place(record, None) in self._poison:
            letters.skip(record, self._place(record, None), work, rekeyed=False, seen=False)
        elif is_tick(record.headers):
            self._tick(record, work)
        elif is_act(record.headers):
            self._act(record, work)
        else:
            letters.foreign(record, self._place(record, None), work)

    def _input(self, record: Any, source: Source, work: Work, *, seen: bool) -> None:
        """An input. One that was seen is folded all the same: that changes nothing where the batch remembers it (and
        then nothing is said), and loses nothing where it does not (the input topic was made anew, say).
        """
        topic = names.INPUTS[source.topic]
        try:
            decoded = decode(topic, record.value, self._largest)
        except RejectedError as rejected:
            work.outcomes[topic, Outcome.SKIPPED if seen else Outcome.REJECTED] += 1
            if not seen:
                letters.bury(record, source, rejected.reason, rejected.detail, work)
            return
        batch = self._batch(decoded.batch_id, record, work)
        step = self._step(batch, decoded.event, Position(record.offset, record.timestamp, source), record)
        if seen and not step.facts:
            work.outcomes[topic, Outcome.SKIPPED] += 1
            return
        work.outcomes[topic, step.outcome] += 1
        if decoded.remark is not None and step.outcome is Outcome.REGISTERED:
            work.mismatches += 1
            letters.remark(decoded, source)
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

    def _act(self, record: Any, work: Work) -> None:
        found = acts.read(record, self._place(record, None), self._largest, work)
        if found is None:
            return
        batch = self._batch(found.batch_id, record, work)
        step = self._step(batch, found.act, Position(record.offset, record.timestamp), record)
        work.outcomes[self._log, step.outcome] += 1
        acts.tell(batch.batch_id, step.facts)
        self._carry(batch, step, record, None, work)

    def _batch(self, batch_id: str, record: Any, work: Work) -> Batch:
        """The batch that a record is about, noted as it is before."""
        batch = self.tables.batch(batch_id)
        work.touch(batch)
        if record.offset <= batch.last:
            # Read again after a crash that came between state and offset, and may have come before the last deletions.
            for orphan in self.tables.orphans(batch):
                work.settle(orphan)
        return batch

    def _step(self, batch: Batch, event: Event, position: Position, record: Any) -> Step:
        try:
            return fold(batch, event, position, self._policy)
        except Exception as error:
            topic, partition, offset = self._place(record, position.source)
            message = (
                f"{topic} partition {partition} offset {offset} (offset {record.offset} of {self._log} partition "
                f"{self.partition}), batch {batch.batch_id}: the fold failed with {type(error).__name__}: {error}. "
                "Nothing of this poll was committed. This is a bug: report it. To go on without this record, start "
                f"with ROLLCALL_SKIP_POISON={topic}:{partition}:{offset}, which sends it to the dead letters"
            )
            raise PoisonError(message) from error

    def _carry(self, batch: Batch, step: Step, record: Any, source: Source | None, work: Work) -> None:
        """Turn what was decided into rows and outputs."""
        # Outputs first: an expiry needs the original, whose row goes with the fact.
        for output in step.outputs:
            if isinstance(output, Message):
                work.say(output)
                if output.topic == names.READY:
                    work.ready(batch, record.timestamp)
                elif output.topic == names.TIMEOUT:
                    log.warning("batch is late", batch_id=batch.batch_id, correlation_id=output.correlation_id)
            else:
                self._say(batch, output, record, source, work)
        facts = step.facts
        if facts:
            work.decided(batch, facts)
            for fact in facts:
                if isinstance(fact, _SETTLING) and fact.held >= 0:
                    work.settle(pending.key(batch.batch_id, fact.held))

    def _say(self, batch: Batch, output: DeadLetter | Expiry, record: Any, source: Source | None, work: Work) -> None:
        """Say what needs the input, or the original of an earlier one."""
        if isinstance(output, Expiry):
            original = self._original(batch.batch_id, output, work)
            work.say(expired(batch.batch_id, output, original.source, original.value))
            work.given_up[output.reason] += 1
            log.warning(
                "pending upload expired",
                reason=output.reason,
                batch_id=batch.batch_id,
                correlation_id=output.upload.correlation_id,
                file_upload_id=output.upload.upload_id,
            )
        elif source is not None:
            about = {"batch_id": batch.batch_id, "correlation_id": output.correlation_id}
            letters.bury(record, source, output.reason, output.detail, work, about)

    def _original(self, batch_id: str, expiry: Expiry, work: Work) -> Original:
        value = work.held(pending.key(batch_id, expiry.held))
        original = self.tables.original(batch_id, expiry.held) if value is None else pending.original_of(value)
        if original is None:
            message = f"batch {batch_id}: the original of the upload at log offset {expiry.held} is missing"
            raise PoisonError(message)
        return original

    def _place(self, record: Any, source: Source | None) -> tuple[str, int, int]:
        """Where a record stands for an operator: its input's own position, or the log's where it has none."""
        if source is None:
            return self._log, self.partition, record.offset
        return names.INPUTS[source.topic], source.partition, source.offset
