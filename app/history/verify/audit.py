"""The audit: is the state that the changelog says what the log amounts to?

The changelog is restored as a worker would restore it; the log is reckoned up by
:mod:`app.history.verify.reference_model`, which knows nothing of the code that wrote the state. Both up to the offset
that the group has committed, so it is right beside running workers. One partition at a time, which is what has to fit
into memory, with the ids of all batches: a batch must stand in one partition, that of its key.
"""

import struct
from collections.abc import Mapping
from contextlib import aclosing

from aiokafka import AIOKafkaConsumer, TopicPartition

from app.core import names
from app.engine.state import origin
from app.engine.topics.ensure import changelog_topic, log_topic
from app.history.models import AuditReport
from app.history.read.beginning import beginnings
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
from app.history.verify.comparison import Findings, Rows, check_places, compare
from app.history.verify.earlier import go_on
from app.history.verify.reference_batch import ReferenceBatch
from app.history.verify.reference_model import ReferenceModel, digest
from app.history.verify.replay import Phases, no_phases
from app.policy import policy_of
from app.settings import Settings
from app.wire import dead_letter
from tables import keys, pending, progress

#: Reasons of dead letters whose input was read and understood: it contradicts what stands.
_CONFLICTS = {"registration_conflict", "upload_conflict", "text_id_too_long", "batch_retired"}

_ABOUT_BATCHES = {keys.BATCHES, keys.PENDING, keys.RECEIPTS, keys.PROGRESS}

_LENGTH = struct.Struct(">I")

#: Places of a topic (partition, offset), each with the digests of what could not be used there.
_Refused = dict[tuple[int, int], set[bytes]]


async def audit(settings: Settings, *, phases: Phases = no_phases) -> AuditReport:
    """Compare the state of every batch with the log. Raises MissingTopicError and KafkaError.

    Where the log begins late, a batch that began before it is compared in what the records have done to it that there
    still are; the report says from where on, and how many such batches there are.
    """
    log, changelog = log_topic(settings), changelog_topic(settings)
    counts = {topic: await existing(settings, topic) for topic in (log, changelog)}
    counts |= await partition_counts(settings, [names.DEAD_LETTER])
    committed = await committed_offsets(settings, log)
    found = Findings()
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
            rows: dict[str, Rows] = {}
            reckoned: dict[str, ReferenceBatch] = {}
            if number < counts[changelog]:
                rows = await _changelog(reader, TopicPartition(changelog, number), found, phases, label)
            if number < counts[log]:
                place = TopicPartition(log, number)
                reckoned = await _log(reader, settings, place, end, refused, rows, found, phases, label)
            for batch_id in rows.keys() | reckoned.keys():
                found.places.setdefault(batch_id, []).append(number)
            compare(number, end, rows, reckoned, found)
    notes += found.beginnings
    notes += check_places(found, counts[log], counts[changelog])
    return AuditReport(
        app_id=settings.app_id,
        same=not found.total,
        partitions=most - len(hidden),
        records=found.records,
        rows=found.rows,
        batches=found.batches,
        partial=found.partial,
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
    reader: AIOKafkaConsumer, partition: TopicPartition, found: Findings, phases: Phases, label: str
) -> dict[str, Rows]:
    """The rows of a partition as a restore would have them, by batch."""
    rows: dict[bytes, bytes] = {}
    span = await spans(reader, [partition])
    async with aclosing(read(reader, span, phases(f"{label}: reading the changelog"))) as batches_:
        async for _, records in batches_:
            for record in records:
                if record.key == origin.KEY and record.value is not None:
                    found.recorded = origin.read(record.value).partitions
                if record.key is None or record.key[:1] not in _ABOUT_BATCHES:
                    continue
                if record.value is None:
                    rows.pop(record.key, None)
                else:
                    rows[record.key] = record.value
    found.retired_up_to = max((progress.offset_of(key) for key in rows if key.startswith(keys.PROGRESS)), default=-1)
    rows = {key: value for key, value in rows.items() if not key.startswith(keys.PROGRESS)}
    found.rows += len(rows)
    by_batch: dict[str, Rows] = {}
    for key, value in rows.items():
        if key[:1] == keys.RECEIPTS:
            continue
        facts, originals = by_batch.setdefault(_batch_id(key), ([], set()))
        if key[:1] == keys.PENDING:
            originals.add(pending.offset_of(key))
        else:
            facts.append(value)
    # Of a batch that was retired nothing else counts.
    receipts = {_batch_id(key): value for key, value in rows.items() if key[:1] == keys.RECEIPTS}
    return by_batch | {batch_id: ([value], set()) for batch_id, value in receipts.items()}


async def _log(  # noqa: PLR0913, PLR0917 - the parts of one report
    reader: AIOKafkaConsumer,
    settings: Settings,
    partition: TopicPartition,
    end: int,
    refused: Mapping[str, _Refused],
    rows: Mapping[str, Rows],
    found: Findings,
    phases: Phases,
    label: str,
) -> dict[str, ReferenceBatch]:
    """The log of a partition, reckoned up; of batches that began before it, from what ``rows`` say of that."""
    inputs = {
        (code, *place): digests
        for code, topic in enumerate(names.INPUTS)
        for place, digests in refused.get(topic, {}).items()
    }
    here = {offset for number, offset in refused.get(partition.topic, {}) if number == partition.partition}
    policy = policy_of(settings)
    reckoner = ReferenceModel(policy.readiness_timeout, policy.pending_ttl, inputs, here)
    span = await spans(reader, [partition])
    begin, _ = span[partition]
    found.begin = begin
    go_on(reckoner, {batch_id: facts for batch_id, (facts, _) in rows.items()}, begin)
    found.beginnings += map(str, (await beginnings(reader, span)).values())
    progress = phases(f"{label}: reckoning up the log") if end else no_progress
    async with aclosing(read(reader, {partition: (begin, end)}, progress)) as batches_:
        async for _, records in batches_:
            found.records += len(records)
            for record in records:
                try:
                    reckoner.take(record.offset, record.timestamp, record.headers, record.value)
                except Exception as error:  # noqa: BLE001 - whatever bytes that are no event do to plain code
                    about = (record.key or b"").decode(errors="replace")
                    problem = f"offset {record.offset} is no event, nor a dead letter: {type(error).__name__}: {error}"
                    found.differ(about, partition.partition, "record", None, problem)
    found.let_go = reckoner.let_go
    return reckoner.batches


def _batch_id(key: bytes) -> str:
    (length,) = _LENGTH.unpack(key[1:5])
    return key[5 : 5 + length].decode()
