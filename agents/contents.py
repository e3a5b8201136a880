"""The plain contents of a chunk: nearly all of its records, folded in one loop."""

from collections.abc import Sequence
from sys import maxsize

from agents.chunk_changes import ChunkChanges
from agents.pace import LOADED, RECORDS
from agents.steps import Steps
from agents.watermarks import Watermarks
from app.core.batch import Batch
from app.core.events import CONTENT
from app.core.facts import Fact
from app.core.fold import Outcome, take_content
from app.core.messages import Assigned
from app.core.outputs import Expiry, Output, Refusal
from app.engine.ports import Record
from app.wire.chunk import Chunk, Entry

_ASSIGNED = Outcome.ASSIGNED

#: The bytes of an output in short, about. Those of a chunk can't be many more: its records have some 8 MiB, and an
#: output says nothing beside its content but the essay's id.
_SIZE = 1000


class Contents:
    """Folds the contents of one chunk that was read.

    Each batch is looked up, and noted, once for all of the changes: they are carried out, and the cache is bounded,
    between two sets of changes only.
    """

    def __init__(self, chunk: Chunk, records: Sequence[Record], steps: Steps, watermarks: Watermarks) -> None:
        self._chunk = chunk
        self._records = records
        self._steps = steps
        self._watermarks = watermarks
        self._changes: ChunkChanges | None = None
        #: By the number of the batch in the chunk: the batch, and what was decided about it.
        self._batches: list[tuple[Batch, list[Fact]] | None] = []

    def fold(self, begin: int, changes: ChunkChanges, size: int) -> int:
        """Fold from record ``begin`` on, up to the first that is no plain content, or until the outputs have more than
        ``size`` bytes, or it has taken long (:mod:`agents.pace`); the number of the record to go on with.

        A content that the log had before is none here, nor the first one of an input partition. Raises PoisonError.
        """
        if changes is not self._changes:
            self._changes, self._batches = changes, [None] * len(self._chunk.batch_ids)
        batches, assigned = self._batches, changes.assigned
        marks, places = self._watermarks.offsets, self._chunk.places
        # By the number of the place: the highest offset so far, where there is one.
        highest = [marks.get(place, maxsize) for place in places]
        tables, policy = self._steps.tables, self._steps.policy
        most, done, looked_up, others = tables.loaded + LOADED, begin, 0, 0
        for entry in self._chunk.entries[begin : begin + RECORDS]:
            content, offset = entry.content, entry.source.offset
            if content is None or offset <= highest[entry.place]:
                break
            found = batches[entry.number]
            if found is None:
                if tables.loaded >= most:
                    break
                found = self._batch(entry, changes)
                looked_up += 1
            batch, facts = found
            try:
                decided, outputs, outcome = take_content(batch, content, entry, policy)
            except Exception as error:
                raise self._steps.poison(batch, entry, error) from error
            highest[entry.place] = offset
            done += 1
            # What is decided of a content settles nothing that was pending: it is about the content itself.
            facts += decided
            if outcome is _ASSIGNED and len(outputs) == 1:
                assigned += outputs  # type: ignore[arg-type] # the one output of a slot that was taken
                continue
            others += 1
            self._note(batch, outputs, outcome, done - 1, changes)
            if changes.size > size:
                break
        marks |= {place: offset for place, offset in zip(places, highest, strict=True) if offset != maxsize}
        changes.size += (done - begin - others) * _SIZE
        if done - begin > others:
            changes.outcomes[CONTENT, _ASSIGNED] += done - begin - others
        # Each of the others found its batch here.
        tables.hits += done - begin - looked_up
        return done

    def _batch(self, entry: Entry, changes: ChunkChanges) -> tuple[Batch, list[Fact]]:
        batch = self._steps.tables.batch(self._chunk.batch_ids[entry.number])
        self._steps.note(batch, entry.at, changes)
        found = self._batches[entry.number] = batch, changes.facts_of(batch)
        return found

    def _note(
        self, batch: Batch, outputs: Sequence[Output], outcome: Outcome, number: int, changes: ChunkChanges
    ) -> None:
        """Note what came of record ``number``, where it is more than a slot, or something else."""
        entry = self._chunk.entries[number]
        changes.outcomes[CONTENT, outcome] += 1
        for output in outputs:
            if isinstance(output, Assigned):
                changes.emit_in_short(output)
            elif not isinstance(output, Expiry | Refusal):
                self._steps.applier.say(batch, output, self._records[number], entry, changes)
        if outcome is Outcome.HELD:
            changes.hold(batch.batch_id, entry.at, entry.source, self._records, number)
