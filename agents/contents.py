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
from app.core.fold import Outcome
from app.core.messages import Assigned
from app.core.outputs import Expiry, Refusal
from app.engine.ports import Record
from app.wire.chunk import Chunk


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
        self._looked_up = 0

    def fold(self, begin: int, changes: ChunkChanges, size: int) -> int:
        """Fold from record ``begin`` on, up to the first that is no plain content, or until the outputs have more than
        ``size`` bytes, or it has taken long (:mod:`agents.pace`); the number of the record to go on with.

        A content that the log had before is none here, nor the first one of an input partition. Raises PoisonError.
        """
        if changes is not self._changes:
            self._changes, self._batches = changes, [None] * len(self._chunk.batch_ids)
        batches, entries = self._batches, self._chunk.entries
        marks, outcomes, take = self._watermarks.offsets, changes.outcomes, self._steps.take
        tables, most = self._steps.tables, self._steps.tables.loaded + LOADED
        done, end, looked_up = begin, min(len(entries), begin + RECORDS), self._looked_up
        while done < end and changes.size <= size and tables.loaded < most:
            entry = entries[done]
            content, source = entry.content, entry.source
            place = source.topic, source.partition, entry.generation
            if content is None or source.offset <= marks.get(place, maxsize):
                break
            batch, facts = batches[entry.number] or self._batch(entry.number, entry.at, changes)
            decided, outputs, outcome = take(batch, content, entry)
            marks[place] = source.offset
            outcomes[CONTENT, outcome] += 1
            # What is decided of a content settles nothing that was pending: it is about the content itself.
            facts += decided
            for output in outputs:
                if isinstance(output, Assigned):
                    changes.emit_in_short(output)
                elif not isinstance(output, Expiry | Refusal):
                    self._steps.applier.say(batch, output, self._records[done], entry, changes)
            if outcome is Outcome.HELD:
                changes.hold(batch.batch_id, entry.at, source, self._records, done)
            done += 1
        # Each of the others found its batch here.
        tables.hits += done - begin - (self._looked_up - looked_up)
        return done

    def _batch(self, number: int, at: int, changes: ChunkChanges) -> tuple[Batch, list[Fact]]:
        self._looked_up += 1
        batch = self._steps.tables.batch(self._chunk.batch_ids[number])
        self._steps.note(batch, at, changes)
        found = self._batches[number] = batch, changes.facts_of(batch)
        return found
