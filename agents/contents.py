"""The plain contents of a chunk: nearly all of its records, folded by batch."""

from collections.abc import Sequence
from operator import itemgetter
from sys import maxsize
from typing import TYPE_CHECKING, cast

from agents.chunk_changes import ChunkChanges
from agents.pace import LOADED, TOGETHER
from agents.steps import Steps
from agents.watermarks import Watermarks
from app.core.events import CONTENT, Content
from app.core.fold import Outcome, take_content, take_contents
from app.core.messages import Assigned
from app.core.outputs import Expiry, Refusal
from app.engine.ports import Record
from app.lazy_log import Logger
from app.wire.chunk import Chunk

if TYPE_CHECKING:
    from app.core.batch import Batch
    from app.core.facts import Fact

log = Logger(__name__)

#: Fewer contents of a batch are folded one by one: that takes less than what is done once for all of them.
_FEW = 4

#: The bytes of an output in short, about. Those of a chunk can't be many more: its records have some 8 MiB, and an
#: output says nothing beside its content but the essay's id.
_SIZE = 1000


class Contents:
    """Folds the contents of one chunk that was read.

    A run of them is folded batch by batch: what a content does depends on nothing but its batch, and those of one batch
    mostly take one slot after the other. What comes of it is in the order of the log all the same.

    Each batch is looked up, and noted, once for all of the changes: they are carried out, and the cache is bounded,
    between two sets of changes only.
    """

    def __init__(self, chunk: Chunk, records: Sequence[Record], steps: Steps, watermarks: Watermarks) -> None:
        self._chunk = chunk
        # Asked only for the records of a run, each of which has one.
        self._content = cast("list[Content]", chunk.content)
        self._records = records
        self._steps = steps
        self._watermarks = watermarks
        self._changes: ChunkChanges | None = None
        #: By the number of the batch in the chunk: the batch, and what was decided about it.
        self._batches: dict[int, tuple[Batch, list[Fact]]] = {}

    def fold(self, begin: int, changes: ChunkChanges, size: int) -> int:
        """Fold from record ``begin`` on, up to the first that is no plain content, or until the outputs have about
        ``size`` bytes, or it has taken long (:mod:`agents.pace`); the number of the record to go on with.

        A content that the log had before is none here, nor the first one of an input partition. Raises PoisonError.
        """
        if begin < len(self._chunk.batch) and self._chunk.batch[begin] < 0:
            return begin
        if changes is not self._changes:
            self._changes, self._batches = changes, {}
        chunk, known = self._chunk, len(self._batches)
        marks = self._watermarks.offsets
        # By the number of the place: the highest offset so far, where there is one.
        highest = [marks.get(place, maxsize) for place in chunk.places]
        groups, end = self._run(begin, highest, changes, size - changes.size)
        #: The output of each record that was folded with others, and the records that are to be folded by themselves.
        outputs: list[Assigned | None] = [None] * (end - begin)
        left: list[int] = []
        for number, (records, _) in groups.items():
            left += records[self._together(number, records, begin, outputs) :]
        done = begin
        for record in sorted(left):
            changes.assigned += outputs[done - begin : record - begin]  # type: ignore[arg-type] # none of them is None
            self._alone(record, changes)
            done = record + 1
        changes.assigned += outputs[done - begin :]  # type: ignore[arg-type] # as above
        together = end - begin - len(left)
        if together:
            changes.outcomes[CONTENT, Outcome.ASSIGNED] += together
            changes.size += together * _SIZE
        marks |= {place: offset for place, offset in zip(chunk.places, highest, strict=True) if offset != maxsize}
        # Each of the others found its batch here.
        self._steps.tables.hits += end - begin - (len(self._batches) - known)
        return end

    def _run(
        self, begin: int, highest: list[int], changes: ChunkChanges, room: int
    ) -> tuple[dict[int, tuple[list[int], int]], int]:
        """The records to be folded now, those of each batch by its number, beside how many slots it has left; and the
        end of the run. ``highest`` is brought up to it.

        What a batch says when its last slot is taken is not known yet, and is as large as its rows, about: the run ends
        with the one for which there is no ``room``. Rows that are not written yet came with this chunk, which is small.
        """
        chunk, tables, batch_ids = self._chunk, self._steps.tables, self._chunk.batch_ids
        groups: dict[int, tuple[list[int], int]] = {}
        most = tables.loaded + LOADED
        end = min(begin + TOGETHER, len(chunk.at))
        columns = chunk.batch[begin:end], chunk.place[begin:end], chunk.offset[begin:end]
        for record, number, place, offset in zip(range(begin, end), *columns, strict=True):
            if number < 0 or offset <= highest[place]:
                return groups, record
            found = groups.get(number)
            if found is None:
                if number not in self._batches:
                    if tables.loaded >= most:
                        return groups, record
                    self._look_up(number, record, changes)
                batch, _ = self._batches[number]
                found = groups[number] = [], len(batch.slots) - batch.filled - batch.failed
            group, slots = found
            group.append(record)
            highest[place] = offset
            if len(group) == slots:
                room -= tables.size(batch_ids[number])
                if room < 0:
                    return groups, record + 1
        return groups, end

    def _look_up(self, number: int, record: int, changes: ChunkChanges) -> None:
        batch = self._steps.tables.batch(self._chunk.batch_ids[number])
        self._steps.note(batch, self._chunk.at[record], changes)
        self._batches[number] = batch, changes.facts_of(batch)

    def _together(self, number: int, records: list[int], begin: int, outputs: list[Assigned | None]) -> int:
        """Fold the first of a batch's records together, as many as can be; how many that were."""
        if len(records) < _FEW:
            return 0
        batch, facts = self._batches[number]
        these = itemgetter(*records)
        try:
            decided, assigned = take_contents(batch, these(self._content), these(self._chunk.at))
        except Exception:
            # A bug. If it is of one content, it shows itself again at that record, which is named.
            log.exception("contents could not be folded together and are folded one by one", batch=batch.batch_id)
            return 0
        facts += decided
        for record, output in zip(records, assigned, strict=False):
            outputs[record - begin] = output
        return len(decided)

    def _alone(self, record: int, changes: ChunkChanges) -> None:
        """Fold a record by itself: what comes of it may be more than a slot, or something else."""
        chunk = self._chunk
        batch, facts = self._batches[chunk.batch[record]]
        content, position = self._content[record], chunk.position(record)
        try:
            decided, outputs, outcome = take_content(batch, content, position, self._steps.policy)
        except Exception as error:
            raise self._steps.poison(batch, position, error) from error
        # What is decided of a content settles nothing that was pending: it is about the content itself.
        facts += decided
        changes.outcomes[CONTENT, outcome] += 1
        for output in outputs:
            if isinstance(output, Assigned):
                changes.emit_in_short(output)
            elif not isinstance(output, Expiry | Refusal):
                self._steps.applier.say(batch, output, self._records[record], position, changes)
        if outcome is Outcome.HELD and position.source is not None:
            changes.hold(batch.batch_id, position.at, position.source, self._records, record)
