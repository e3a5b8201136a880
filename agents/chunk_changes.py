"""What a chunk of the log amounts to: the records to publish, the rows to write, and what to count.

Filled by the join, carried out by the engine.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from logging import ERROR, WARNING
from typing import NamedTuple

from agents.completed import Completed, completed
from agents.large_output import LargeOutput, largest
from agents.leaving import Leaving
from app.core import names
from app.core.batch import Batch
from app.core.batch_state import State
from app.core.events import Source
from app.core.facts import Fact
from app.core.fold import Outcome
from app.core.messages import Assigned, Message
from app.core.outputs import in_full
from app.engine.ports import Output, Place, Record
from app.wire import dead_letter
from app.wire.encode import encode
from tables import batches, pending, waiting
from tables.pending import Original
from tables.waiting import What

#: Bytes. A topic takes 1,048,588 by default, but the outputs' topics may not have been made by Rollcall, and a platform
#: may have set less. So few outputs are larger than this that noting where they came from costs nothing.
_LARGE = 100_000

#: What ``EssaySlotAssigned`` has beside the ids and the name that it is about, in bytes: the envelope, two moments, and
#: the field names. One in short is smaller than what is noted as large: 7 strings of 1,000 characters of 6 bytes.
_ASSIGNED = 600


class Note(NamedTuple):
    """A line for the log: its level, its event, and what else it says."""

    level: int
    event: str
    fields: dict[str, object]


@dataclass
class ChunkChanges:
    """The changes of one chunk.

    ``assigned`` are the outputs in short, in the order of their publication, and ``others`` the others: each with how
    many in short come before it, and as topic, key, value and headers. ``rows`` are the changes of all tables, None for
    a deletion.
    """

    emitted_at: datetime
    source_service: str
    assigned: list[Assigned] = field(default_factory=list)
    others: list[tuple[int, Output]] = field(default_factory=list)
    #: The bytes of the outputs' values; of those in short, about.
    size: int = 0
    #: How many records of the chunk had been done with before it, how many it does, and the next offset of the log that
    #: may be committed once it is carried out.
    begin: int = 0
    records: int = 0
    end: int = 0
    #: By how many bytes of facts each batch has grown.
    grown: dict[str, int] = field(default_factory=dict)
    #: Outputs so large that a topic may refuse them, each with the log offset and the batch that it came from.
    large: list[LargeOutput] = field(default_factory=list)
    rows: dict[bytes, bytes | None] = field(default_factory=dict)
    outcomes: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    dead: Counter[str] = field(default_factory=Counter)
    #: Pending uploads that were given up, by reason.
    given_up: Counter[str] = field(default_factory=Counter)
    mismatches: int = 0
    #: For each batch that is now ready.
    completed: list[Completed] = field(default_factory=list)
    #: What is to be logged once the changes are durable.
    notes: list[Note] = field(default_factory=list)
    #: The state that a batch had before the chunk, for those that waited for nothing and were not new.
    closed: dict[str, State] = field(default_factory=dict)
    #: By batch and log offset: where an upload came from, and its record, by its number among records.
    _held: dict[tuple[str, int], tuple[Source, Sequence[Record], int]] = field(default_factory=dict)
    # Ordered: the rows of a chunk are the same, byte for byte, on every worker.
    _settled: dict[tuple[str, int], None] = field(default_factory=dict)
    _stale: dict[bytes, None] = field(default_factory=dict)
    _facts: dict[str, list[Fact]] = field(default_factory=dict)
    #: The batch of which this is a part of what a record does to it, and how much was left to do when the part began.
    _parts: dict[str, int] = field(default_factory=dict)
    #: What a batch waited for when the chunk began, and since when: mostly it does so still, and no key is made.
    _waited: dict[str, tuple[What, int] | None] = field(default_factory=dict)
    _batches: dict[str, Batch] = field(default_factory=dict)
    #: What is retired, and which batches rest.
    leaving: Leaving = field(default_factory=Leaving)

    def emit(self, message: Message, offset: int) -> None:
        """Publish an output of the record at log offset ``offset``."""
        output = self._encoded(message)
        self.others.append((len(self.assigned), output))
        size = len(output[2] or b"")
        self.size += size
        if size > _LARGE:
            self.large.append(LargeOutput(message.topic, size, message.data.batch_id, offset))

    def emit_in_short(self, assigned: Assigned) -> None:
        """Publish an output that is written out when all are."""
        self.assigned.append(assigned)
        content = assigned.content
        self.size += (
            _ASSIGNED
            + len(assigned.batch_id)
            + len(assigned.essay_id)
            + len(content.upload_id)
            + len(content.text_id)
            + len(content.file_name)
        )

    @property
    def outputs(self) -> list[Output]:
        """All outputs, in order: topic, key, value and headers of each."""
        outputs: list[Output] = []
        done = 0
        for before, other in self.others:
            outputs += [self._encoded(in_full(assigned)) for assigned in self.assigned[done:before]]
            outputs.append(other)
            done = before
        return outputs + [self._encoded(in_full(assigned)) for assigned in self.assigned[done:]]

    def _encoded(self, message: Message) -> Output:
        value, headers = encode(message, self.emitted_at, self.source_service)
        return message.topic, message.key.encode(), value, headers

    def dead_letter(self, reason: str, detail: str, place: Place, key: bytes | None, value: bytes | None) -> None:
        """Publish a dead letter: the original bytes, why, and where they stand (topic, partition, offset)."""
        output = names.DEAD_LETTER, key, value, dead_letter.headers(reason, detail, *place)
        self.others.append((len(self.assigned), output))
        self.size += 0 if value is None else len(value)
        self.dead[reason] += 1

    def note(self, event: str, /, **fields: object) -> None:
        """Log a warning once they are durable. Of a chunk that comes to nothing no line says that it was done."""
        self.notes.append(Note(WARNING, event, fields))

    def note_error(self, event: str, /, **fields: object) -> None:
        """As :meth:`note`, for what must not happen."""
        self.notes.append(Note(ERROR, event, fields))

    def ready(self, batch: Batch, time: int) -> None:
        """Note that a batch became ready at log time ``time`` (ms)."""
        self.completed.append(completed(batch, time))

    def touch(self, batch: Batch) -> None:
        """Note a batch before it changes."""
        if batch.batch_id not in self._batches:
            self._batches[batch.batch_id] = batch
            # Noted now, so that the order of the rows does not depend on which way a record was folded.
            self._facts[batch.batch_id] = []
            waited = self._waited[batch.batch_id] = waiting.place_of(batch)
            if waited is None and batch.last >= 0:
                self.closed[batch.batch_id] = batch.state
                self.leaving.note(batch)

    def waited(self, batch: Batch) -> bytes | None:
        """The row of ``waiting`` that a touched batch had when the chunk began."""
        return waiting.key_at(self._waited[batch.batch_id], batch.batch_id)

    def part(self, batch: Batch, left: int) -> None:
        """Note that all that they do to a batch is a part of what one record does, which has ``left`` to do."""
        self._parts[batch.batch_id] = left
        self.leaving.divide(batch)

    def facts_of(self, batch: Batch) -> list[Fact]:
        """What was decided about a batch that was touched before, to be added to."""
        return self._facts[batch.batch_id]

    def decided(self, batch_id: str) -> tuple[Fact, ...]:
        """What was decided about a batch; nothing where it was not touched (a repeat has its answer and no fact)."""
        return tuple(self._facts.get(batch_id, ()))

    def hold(self, batch_id: str, at: int, source: Source, records: Sequence[Record], number: int) -> None:
        """Keep the original of an upload that is pending: of ``records[number]``, at log offset ``at``."""
        self._held[batch_id, at] = source, records, number

    def held(self, batch_id: str, at: int) -> Original | None:
        """An original that this chunk keeps."""
        held = self._held.get((batch_id, at))
        return None if held is None else pending.kept(*held)

    def drop_pending(self, batch_id: str, at: int) -> None:
        """Let the original of an upload go that is no longer pending."""
        self._settled[batch_id, at] = None

    def stale(self, key: bytes) -> None:
        """Delete a row of an index that is not so."""
        self._stale[key] = None

    @property
    def in_parts(self) -> bool:
        """Whether it is a part of what a record does: then it is nothing else."""
        return self.leaving.alone or bool(self._parts)

    @property
    def said(self) -> Counter[str]:
        """How many outputs there are, by topic."""
        counted = Counter(output[0] for _, output in self.others)
        if self.assigned:
            counted[names.SLOT_ASSIGNED] += len(self.assigned)
        return counted

    def largest(self, topic: str, log: str, begin: int) -> str:
        """The largest record for a topic, in words (:func:`agents.large_output.largest`)."""
        of_topic = [(len(value or b""), key or b"") for target, key, value, _ in self.outputs if target == topic]
        rows = [(len(value or b""), key) for key, value in self.rows.items()]
        return largest(topic, of_topic, rows, self.large, f"made from {log} offsets {begin} to {self.end - 1}", log)

    @property
    def touched(self) -> dict[str, Batch]:
        """The batches that the chunk looked at."""
        return self._batches

    @property
    def changed(self) -> Iterator[Batch]:
        """The batches about which the chunk decided something, as they are now."""
        return (self._batches[batch_id] for batch_id, facts in self._facts.items() if facts)

    def finish(self, watermarks: Mapping[bytes, bytes], time_of: Callable[[int], int]) -> None:
        """Make the rows. Called once, when the chunk is folded. ``time_of`` is the log time of an offset of the chunk.

        Their order matters where the changelog takes only a beginning of them (at least once, a chunk of over a
        megabyte, a crash): a batch's facts say that its records are done with. What they stand for (originals, what it
        waits for) is therefore written before them, and what they make superfluous is deleted after them; the row that
        says what a batch waited for goes last, since it leads back to what else there is to be deleted. So it is where
        batches are retired: the receipt comes first, then the rows go that it stands for, and last the one by which
        the batch is found again.
        """
        rows = self.rows
        rows.update(self.leaving.begins)
        held, settled = self._held, self._settled
        rows.update((pending.key(*at), pending.value(pending.kept(*held[at]))) for at in held if at not in settled)
        superfluous = list(self._stale)
        for batch_id, decided in self._facts.items():
            if not decided:
                continue
            before, after = self._waited[batch_id], waiting.place_of(self._batches[batch_id])
            if before != after and after is not None:
                rows[waiting.key(*after, batch_id)] = b""
            if before != after and before is not None:
                superfluous.append(waiting.key(*before, batch_id))
            facts = self.leaving.follow(self._batches[batch_id], decided, time_of, rows, superfluous)
            if not facts:  # of a batch that was retired there is its receipt
                continue
            number = batches.format_of(self._batches[batch_id])
            key, value = batches.row(batch_id, facts, number)
            self.grown[batch_id] = len(value)
            if batch_id in self._parts:
                rows[batches.part_key(batch_id, facts[0].at, self._parts[batch_id])] = value
            elif len(value) > batches.LARGEST:
                rows.update(batches.cut(batch_id, facts, number))
            else:
                rows[key] = value
        rows.update(dict.fromkeys(pending.key(*at) for at in settled if at not in held))
        rows.update(dict.fromkeys(key for key in self.leaving.purged if key not in rows))
        for key in superfluous:
            rows.setdefault(key, None)
        rows.update(self.leaving.ends)
        rows.update(watermarks)
