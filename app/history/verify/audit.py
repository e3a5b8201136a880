"""The audit: is the state that the changelog says what the log amounts to?

The changelog is restored as a worker would restore it; the log is reckoned up by
:mod:`app.history.verify.reference_model`, which knows nothing of the code that wrote the state. Both up to the offset
that the group has committed, so it is right beside running workers. One partition at a time, which is what has to fit
into memory, with the ids of all batches: a batch must stand in one partition, that of its key.
"""

import json
import struct
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from app.core import names
from app.core.batch import Batch
from app.core.events import Content, Upload
from app.core.replay import replay
from app.engine.kafka.partitioner import partition_for
from app.engine.state import origin
from app.engine.topics.checks import way_out
from app.engine.topics.ensure import changelog_topic, log_topic
from app.history.models import AuditReport, StateDifference
from app.history.read.reader import (
    committed_offsets,
    existing,
    no_progress,
    opened,
    partition_counts,
    read,
    spans,
    unsettled,
)
from app.history.verify.reference_batch import ReferenceBatch
from app.history.verify.reference_model import ReferenceModel, digest
from app.history.verify.replay import CutLogError, Phases, no_phases
from app.policy import policy_of
from app.settings import Settings
from app.wire import dead_letter
from tables import batches, keys, pending

#: Reasons of dead letters whose input was read and understood: it contradicts what stands.
_CONFLICTS = {"registration_conflict", "upload_conflict"}

#: So many differences are told in full; all are counted.
_TOLD = 100
_LONGEST = 2_000

_LENGTH = struct.Struct(">I")

#: Places of a topic (partition, offset), each with the digests of what could not be used there.
_Refused = dict[tuple[int, int], set[bytes]]

#: The rows of a batch that the changelog has: those with facts, and the offsets of the originals that are kept.
_Rows = tuple[list[bytes], set[int]]


class _Found:
    """What the audit finds."""

    def __init__(self) -> None:
        self.records = self.rows = self.batches = self.total = 0
        self.differences: list[StateDifference] = []
        self.recorded: int | None = None
        self.places: dict[str, list[int]] = {}

    def differ(self, batch_id: str, partition: int, field: str, changelog: Any, log: Any) -> None:
        self.total += 1
        if len(self.differences) < _TOLD:
            recorded, expected = (json.dumps(side, ensure_ascii=False)[:_LONGEST] for side in (changelog, log))
            self.differences.append(
                StateDifference(batch_id=batch_id, partition=partition, field=field, changelog=recorded, log=expected)
            )


async def audit(settings: Settings, *, phases: Phases = no_phases) -> AuditReport:
    """Compare the state of every batch with the log. Raises CutLogError, MissingTopicError and KafkaError."""
    log, changelog = log_topic(settings), changelog_topic(settings)
    counts = {topic: await existing(settings, topic) for topic in (log, changelog)}
    counts |= await partition_counts(settings, [names.DEAD_LETTER])
    committed = await committed_offsets(settings, log)
    found = _Found()
    notes = [] if committed else [f"the group {settings.app_id} has committed nothing: there was nothing to compare"]
    async with opened(settings) as reader:
        dead = [TopicPartition(names.DEAD_LETTER, number) for number in range(counts.get(names.DEAD_LETTER, 0))]
        refused = await _refused(reader, dead, phases)
        hidden = await unsettled(settings, reader, [TopicPartition(changelog, n) for n in range(counts[changelog])])
        most = max(counts[log], counts[changelog])
        for number in range(most):
            if TopicPartition(changelog, number) in hidden:
                notes.append(f"partition {number} was not compared: a transaction is open on its changelog")
                continue
            end = committed.get(number, 0)
            label = f"partition {number + 1} of {most}"
            rows: dict[str, _Rows] = {}
            reckoned: dict[str, ReferenceBatch] = {}
            if number < counts[changelog]:
                rows = await _changelog(reader, TopicPartition(changelog, number), found, phases, label)
            if number < counts[log]:
                reckoned = await _log(reader, settings, TopicPartition(log, number), end, refused, found, phases, label)
            for batch_id in rows.keys() | reckoned.keys():
                found.places.setdefault(batch_id, []).append(number)
            _compare(number, end, rows, reckoned, found)
    notes += _check_places(found, counts[log], counts[changelog])
    return AuditReport(
        app_id=settings.app_id,
        same=not found.total,
        partitions=most - len(hidden),
        records=found.records,
        rows=found.rows,
        batches=found.batches,
        differences_total=found.total,
        differences=found.differences,
        notes=notes,
    )


async def _refused(reader: AIOKafkaConsumer, partitions: list[TopicPartition], phases: Phases) -> dict[str, _Refused]:
    """The inputs that could not be used, by topic: what the dead letters say."""
    refused: dict[str, _Refused] = {}
    async with aclosing(read(reader, await spans(reader, partitions), phases("reading the dead letters"))) as batches_:
        async for _, records in batches_:
            for record in records:
                cause = dead_letter.read(record.headers)
                if cause.reason not in _CONFLICTS and cause.place is not None:
                    topic, partition, offset = cause.place
                    refused.setdefault(topic, {}).setdefault((partition, offset), set()).add(digest(record.value))
    return refused


async def _changelog(
    reader: AIOKafkaConsumer, partition: TopicPartition, found: _Found, phases: Phases, label: str
) -> dict[str, _Rows]:
    """The rows of a partition as a restore would have them, by batch."""
    rows: dict[bytes, bytes] = {}
    span = await spans(reader, [partition])
    async with aclosing(read(reader, span, phases(f"{label}: reading the changelog"))) as batches_:
        async for _, records in batches_:
            for record in records:
                if record.key == origin.KEY and record.value is not None:
                    found.recorded = origin.read(record.value).partitions
                if record.key is None or record.key[:1] not in {keys.BATCHES, keys.PENDING}:
                    continue
                if record.value is None:
                    rows.pop(record.key, None)
                else:
                    rows[record.key] = record.value
    found.rows += len(rows)
    by_batch: dict[str, _Rows] = {}
    for key, value in rows.items():
        facts, originals = by_batch.setdefault(_batch_id(key), ([], set()))
        if key[:1] == keys.PENDING:
            originals.add(pending.offset_of(key))
        else:
            facts.append(value)
    return by_batch


async def _log(  # noqa: PLR0913, PLR0917 - the parts of one report
    reader: AIOKafkaConsumer,
    settings: Settings,
    partition: TopicPartition,
    end: int,
    refused: Mapping[str, _Refused],
    found: _Found,
    phases: Phases,
    label: str,
) -> dict[str, ReferenceBatch]:
    """The log of a partition, reckoned up."""
    inputs = {
        (code, *place): digests
        for code, topic in enumerate(names.INPUTS)
        for place, digests in refused.get(topic, {}).items()
    }
    here = {offset for number, offset in refused.get(partition.topic, {}) if number == partition.partition}
    policy = policy_of(settings)
    reckoner = ReferenceModel(policy.readiness_timeout, policy.pending_ttl, inputs, here)
    begin, _ = (await spans(reader, [partition]))[partition]
    if begin:
        message = f"{partition.topic} partition {partition.partition} begins at offset {begin}: it was cut"
        raise CutLogError(message)
    progress = phases(f"{label}: reckoning up the log") if end else no_progress
    async with aclosing(read(reader, {partition: (0, end)}, progress)) as batches_:
        async for _, records in batches_:
            found.records += len(records)
            for record in records:
                try:
                    reckoner.take(record.offset, record.timestamp, record.headers, record.value)
                except Exception as error:  # noqa: BLE001 - whatever bytes that are no event do to plain code
                    about = (record.key or b"").decode(errors="replace")
                    told = f"offset {record.offset} is no event, nor a dead letter: {type(error).__name__}: {error}"
                    found.differ(about, partition.partition, "record", None, told)
    return reckoner.batches


def _check_places(found: _Found, log_count: int, changelog_count: int) -> list[str]:
    """Find batches that stand in several partitions, or in another than that of their key; what else there is to say.

    The count that counts is the one that the state was made with; where nobody recorded it, the log's.
    """
    count = found.recorded or log_count
    notes = []
    if {log_count, changelog_count} != {count}:
        notes.append(
            f"the state was made with {count} partitions, and by now the log has {log_count} and the changelog "
            f"{changelog_count}: {way_out(count)}"
        )
    torn = 0
    for batch_id, places in sorted(found.places.items()):
        belongs = partition_for(batch_id.encode(), count)
        if places != [belongs]:
            torn += 1
            found.differ(batch_id, places[0], "partitions", places, [belongs])
    if torn:
        notes.append(
            f"{torn} batches stand in several partitions, or in another than that of their key: partitions were added "
            f"to a topic. {way_out(count)}"
        )
    return notes


def _compare(
    partition: int, end: int, rows: Mapping[str, _Rows], reckoned: Mapping[str, ReferenceBatch], found: _Found
) -> None:
    for batch_id in sorted(rows.keys() | reckoned.keys()):
        facts, originals = rows.get(batch_id, ([], set()))
        try:
            batch, now = _batch(batch_id, facts, end), _batch(batch_id, facts, None)
        except Exception as error:  # noqa: BLE001 - whatever a row that isn't right does to the code that reads it
            found.differ(batch_id, partition, "rows", f"can't be read: {type(error).__name__}: {error}", None)
            continue
        missing = [at for at in now.pending if at not in originals]
        if missing:
            found.differ(batch_id, partition, "originals", sorted(originals), sorted(now.pending))
        reference = reckoned.get(batch_id)
        if reference is None and batch.last < 0:
            continue  # all that is known of it is beyond what the group has committed
        found.batches += 1
        ours, theirs = summary(batch), (reference or ReferenceBatch()).summary()
        for field in ours:
            if ours[field] != theirs[field]:
                found.differ(batch_id, partition, field, ours[field], theirs[field])


def _batch(batch_id: str, values: list[bytes], end: int | None) -> Batch:
    """The state that rows add up to, from facts before log offset ``end``."""
    rows = [[fact for fact in row if end is None or fact.at < end] for row in batches.rows_of(values)]
    return replay(batch_id, rows)


def summary(batch: Batch) -> dict[str, Any]:
    """A batch in the words of :meth:`app.history.verify.reference_batch.ReferenceBatch.summary`."""
    return {
        "slots": [
            [essay, None if upload is None else upload.upload_id, None if upload is None else _text(upload)]
            for essay, upload in zip(batch.essay_ids, batch.slots, strict=True)
        ],
        "pending": [[at, held.upload.upload_id, _text(held.upload)] for at, held in batch.pending.items()],
        "excess": sorted([upload.upload_id, upload.text_id] for upload in batch.excess.values()),
        "late_failures": batch.late_failures,
        "conflicts": sorted(map(list, batch.conflicts)),
        "timed_out": batch.timed_out,
        "closed": batch.closed,
        "acts": [[act_id, acted.refused is None] for act_id, acted in batch.acts.items()],
    }


def _text(upload: Upload) -> str | None:
    return upload.text_id if isinstance(upload, Content) else None


def _batch_id(key: bytes) -> str:
    (length,) = _LENGTH.unpack(key[1:5])
    return key[5 : 5 + length].decode()
