"""What was decided, turned into rows and outputs."""

from collections.abc import Sequence

from agents import dead_letters
from agents.chunk_changes import ChunkChanges
from agents.parts import Originals
from agents.poison import PoisonError
from app.core import names
from app.core.batch import Batch
from app.core.events import Position
from app.core.facts import Dismissed, Expired, Fact, Placed, Refused, Surplus
from app.core.messages import Assigned, Message
from app.core.outputs import DeadLetter, Expiry, Output, Refusal, expired
from app.engine.ports import Record
from app.wire.traceparent import fields, parse

#: The facts that may be about a pending upload, which is then pending no more.
_SETTLING = (Placed, Surplus, Refused, Expired, Dismissed)

#: So many uploads of a batch that one record gives up have a line each in the log; a last line counts the others.
_LINES = 10


#: The outputs of which more is noted.
_REMARKABLE = {names.READY, names.TIMEOUT}


class Applier:
    """Carries out what the fold decides, into the changes of a chunk. ``originals`` has what is pending."""

    def __init__(self, originals: Originals) -> None:
        self._originals = originals

    def apply(
        self,
        batch: Batch,
        facts: Sequence[Fact],
        outputs: Sequence[Output],
        record: Record,
        position: Position,
        changes: ChunkChanges,
    ) -> None:
        """Note what was decided and what is to be published. Raises PoisonError where the tables lack an original."""
        # Outputs first: an expiry needs the original, whose row goes with the fact.
        from_pending = 0
        for output in outputs:
            if isinstance(output, Assigned):
                changes.emit_in_short(output)
            elif isinstance(output, Expiry | Refusal):
                from_pending += 1
                self._give_up(batch, output, position, changes, logged=from_pending <= _LINES)
            else:
                self.say(batch, output, record, position, changes)
        if from_pending > _LINES:
            event = f"more pending uploads {'expired' if position.source is None else 'were refused'}"
            changes.note(event, batch_id=batch.batch_id, count=from_pending - _LINES)
        if facts:
            changes.facts_of(batch).extend(facts)
            for fact in facts:
                if isinstance(fact, _SETTLING) and fact.held >= 0:
                    changes.drop_pending(batch.batch_id, fact.held)

    def say(
        self, batch: Batch, output: Message | DeadLetter, record: Record, position: Position, changes: ChunkChanges
    ) -> None:
        """Say what has no short form."""
        if isinstance(output, Message):
            changes.emit(output, position.at)
            if output.topic in _REMARKABLE:
                _remark(batch, output, position, changes)
        elif position.source is not None:
            about = _about(batch, output)
            dead_letters.add(record, position.source, output.reason, output.detail, changes, about)

    def _give_up(
        self, batch: Batch, output: Expiry | Refusal, position: Position, changes: ChunkChanges, *, logged: bool
    ) -> None:
        original = self._originals.take(batch.batch_id, output.held, changes)
        if original is None:
            message = f"batch {batch.batch_id}: the original of the upload at log offset {output.held} is missing"
            raise PoisonError(message)
        if isinstance(output, Refusal):
            dead_letters.refuse(original, output.letter, changes, _about(batch, output.letter) if logged else None)
            return
        changes.emit(expired(batch.batch_id, output, original.source, original.value), position.at)
        changes.given_up[output.reason] += 1
        if logged:
            changes.note(
                "pending upload expired",
                reason=output.reason,
                batch_id=batch.batch_id,
                correlation_id=output.upload.correlation_id,
                file_upload_id=output.upload.upload_id,
                **fields(parse(output.upload.traceparent)),
            )


def _about(batch: Batch, letter: DeadLetter) -> dict[str, str]:
    return {"batch_id": batch.batch_id, "correlation_id": letter.correlation_id}


def _remark(batch: Batch, output: Message, position: Position, changes: ChunkChanges) -> None:
    if output.topic == names.READY:
        changes.ready(batch, position.time)
    else:
        trace = fields(parse(output.traceparent))
        changes.note("batch is late", batch_id=batch.batch_id, correlation_id=output.correlation_id, **trace)
