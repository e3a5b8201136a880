"""What was decided, turned into rows and outputs."""

from agents import dead_letters
from agents.chunk_changes import ChunkChanges
from agents.parts import Originals
from agents.poison import PoisonError
from app.core import names
from app.core.batch import Batch
from app.core.events import Source
from app.core.facts import Dismissed, Expired, Placed, Surplus
from app.core.fold import Step
from app.core.messages import Message
from app.core.outputs import DeadLetter, Expiry, expired
from app.engine.ports import Record
from tables import pending

#: The facts that may be about a pending upload, which is then pending no more.
_SETTLING = (Placed, Surplus, Expired, Dismissed)

#: So many uploads of a batch that one record gives up have a line each in the log; a last line counts the others.
_LINES = 10


#: The outputs of which more is noted.
_REMARKABLE = {names.READY, names.TIMEOUT}


class Applier:
    """Carries out what the fold decides, into the changes of a chunk. ``originals`` has what is pending."""

    def __init__(self, originals: Originals) -> None:
        self._originals = originals

    def apply(self, batch: Batch, step: Step, record: Record, source: Source | None, changes: ChunkChanges) -> None:
        """Note the facts and outputs of a step. Raises PoisonError where the tables lack an original."""
        # Outputs first: an expiry needs the original, whose row goes with the fact.
        expiries = 0
        for output in step.outputs:
            if isinstance(output, Message):
                changes.emit(output, record.offset)
                if output.topic in _REMARKABLE:
                    _remark(batch, output, record, changes)
            elif isinstance(output, Expiry):
                expiries += 1
                self._expire(batch, output, record, changes, logged=expiries <= _LINES)
            elif source is not None:
                self._bury(batch, output, record, source, changes)
        if expiries > _LINES:
            changes.note("more pending uploads expired", batch_id=batch.batch_id, count=expiries - _LINES)
        facts = step.facts
        if facts:
            changes.decided(batch, facts)
            for fact in facts:
                if isinstance(fact, _SETTLING) and fact.held >= 0:
                    changes.drop_pending(pending.key(batch.batch_id, fact.held))

    def _expire(self, batch: Batch, output: Expiry, record: Record, changes: ChunkChanges, *, logged: bool) -> None:
        original = self._originals.take(batch.batch_id, output.held, changes)
        if original is None:
            message = f"batch {batch.batch_id}: the original of the upload at log offset {output.held} is missing"
            raise PoisonError(message)
        changes.emit(expired(batch.batch_id, output, original.source, original.value), record.offset)
        changes.given_up[output.reason] += 1
        if logged:
            changes.note(
                "pending upload expired",
                reason=output.reason,
                batch_id=batch.batch_id,
                correlation_id=output.upload.correlation_id,
                file_upload_id=output.upload.upload_id,
            )

    @staticmethod
    def _bury(batch: Batch, output: DeadLetter, record: Record, source: Source, changes: ChunkChanges) -> None:
        about = {"batch_id": batch.batch_id, "correlation_id": output.correlation_id}
        dead_letters.add(record, source, output.reason, output.detail, changes, about)


def _remark(batch: Batch, output: Message, record: Record, changes: ChunkChanges) -> None:
    if output.topic == names.READY:
        changes.ready(batch, record.timestamp)
    else:
        changes.note("batch is late", batch_id=batch.batch_id, correlation_id=output.correlation_id)
