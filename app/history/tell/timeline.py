"""The timeline of a batch: its records in the log, and what each of them did.

A batch's records are all in one partition, among everybody else's, so the partition is read from the batch's first
record on. What a record did is found by folding them again: repeats, conflicts and deadlines come out as they did.
"""

import time
from collections.abc import Iterator
from contextlib import aclosing

from aiokafka import TopicPartition

from app.core.facts import Fact, Held, Registered, Retired
from app.engine.kafka.partitioner import partition_for
from app.engine.ports import Record
from app.engine.topics.ensure import log_topic
from app.history.models import OutputRef, Timeline, TimelineEntry
from app.history.read.beginning import Beginning, beginnings, facts_before
from app.history.read.reader import Progress, existing, no_progress, opened, read, spans
from app.history.read.reprocess import OneBatch, Taken
from app.history.tell import describe
from app.history.times import iso
from app.settings import Settings

#: So many facts of which there are no records are told in words.
_MOST_FACTS = 1000


async def timeline(
    settings: Settings,
    batch_id: str,
    *,
    start: int = 0,
    max_entries: int = 5_000,
    max_seconds: float = 10.0,
    progress: Progress = no_progress,
) -> Timeline:
    """The records of a batch, oldest first.

    ``start`` is the log offset of the batch's first record, or any before it; where it is not known, the partition is
    read from its beginning. Reading ends after ``max_entries`` records of the batch or ``max_seconds``, and says so. A
    batch of which there is no record has no entries. Raises MissingTopicError, and KafkaError when the broker can't be
    reached.
    """
    partition = partition_for(batch_id.encode(), await existing(settings, log_topic(settings)))
    log = TopicPartition(log_topic(settings), partition)
    folded = OneBatch(settings, partition, batch_id)
    entries: list[TimelineEntry] = []
    deadline = time.monotonic() + max_seconds
    async with opened(settings) as reader:
        wanted = await spans(reader, [log], {log: start})
        end = wanted[log][1]
        beginning = (await beginnings(reader, await spans(reader, [log]))).get(partition)
        if beginning is not None and start < beginning.offset:
            gone = await facts_before(reader, settings, partition, batch_id, beginning.offset)
            folded.begin_with(gone)
            entries += _of_facts(gone, beginning, folded)
        note: str | None = None
        async with aclosing(read(reader, wanted, progress)) as batches:
            async for _, records in batches:
                note = _take(records, folded, entries, settings, max_entries)
                if note is None and time.monotonic() > deadline and records[-1].offset + 1 < end:
                    at = records[-1].offset + 1
                    note = f"cut after {max_seconds:g} s at log offset {at} of {end}: later records are not shown"
                if note is not None:
                    break
    if beginning is not None and start < beginning.offset:
        note = str(beginning) if note is None else f"{beginning}; {note}"
    return Timeline(batch_id=batch_id, partition=partition, complete=note is None, note=note, entries=entries)


def _of_facts(rows: list[list[Fact]], beginning: Beginning, folded: OneBatch) -> Iterator[TimelineEntry]:
    """What the state still says of records that are gone: one entry, at the last of them."""
    facts = [fact for row in rows for fact in row]
    if facts:
        times = (fact.time for fact in facts if isinstance(fact, Registered | Held | Retired))
        yield TimelineEntry(
            offset=facts[-1].at,
            time=iso(max(times, default=beginning.time or 0)),
            event="facts",
            source=None,
            summary=f"{len(facts)} facts up to log offset {facts[-1].at}, of which the log has no records any more",
            effect=f"the batch is {folded.batch.state.value}",
            facts=[describe.fact(fact, folded.batch) for fact in facts[:_MOST_FACTS]],
            outputs=[],
        )


def _take(
    records: list[Record], folded: OneBatch, entries: list[TimelineEntry], settings: Settings, max_entries: int
) -> str | None:
    """Add the batch's records to the entries; a note where there are too many."""
    for record in records:
        taken = folded.take(record)
        if taken is None:
            continue
        if len(entries) == max_entries:
            return f"cut after {max_entries} records, before log offset {record.offset}: later records are not shown"
        entries.append(entry(taken, folded, settings))
    return None


def entry(taken: Taken, folded: OneBatch, settings: Settings) -> TimelineEntry:
    """A record that was just folded, for people."""
    record = taken.record
    description = describe.record(record, settings)
    return TimelineEntry(
        offset=record.offset,
        time=iso(record.timestamp),
        event=description.event,
        source=description.source,
        summary=description.summary,
        effect=describe.effect(taken, folded.batch),
        facts=[describe.fact(fact, folded.batch) for fact in taken.facts],
        outputs=[OutputRef(topic=topic, event_id=event_id(headers)) for topic, _, _, headers in taken.outputs],
    )


def event_id(headers: list[tuple[str, bytes | None]]) -> str | None:
    """The event id of an output, None for a dead letter."""
    return next((value.decode() for name, value in headers if name == "event_id" and value is not None), None)
