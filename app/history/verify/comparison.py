"""The state of a partition's batches, by the changelog and by the second opinion: where they differ, and in what.

A batch that only one of them knows differs, as does one that stands in another partition than that of its key.
"""

import json
from collections.abc import Mapping
from sys import maxsize
from typing import Any

from app.core.batch import Batch
from app.core.events import Content, Upload
from app.core.facts import Retired
from app.core.replay import replay
from app.engine.kafka.partitioner import partition_for
from app.engine.topics.checks import way_out
from app.history.models import StateDifference
from app.history.verify.reference_batch import ReferenceBatch
from tables import batches

#: Differences that a report has in full; all are counted.
_TOLD = 100
_LONGEST = 2_000

#: The rows of a batch that the changelog has: those with facts, and the offsets of the originals that are kept.
Rows = tuple[list[bytes], set[int]]


class Findings:
    """What the audit finds: how much was compared, and each difference."""

    def __init__(self) -> None:
        self.records = self.rows = self.batches = self.partial = self.total = 0
        #: Where the partition begins that was read last, and what is to be said of those that begin late.
        self.begin = 0
        self.beginnings: list[str] = []
        self.differences: list[StateDifference] = []
        self.recorded: int | None = None
        #: The latest tick that has retired something, by the changelog of the partition that was read last.
        self.retired_up_to = -1
        #: The latest tick that may have forgotten a batch, by the log of the same.
        self.let_go = -1
        self.places: dict[str, list[int]] = {}

    def differ(self, batch_id: str, partition: int, field: str, changelog: Any, log: Any) -> None:
        """Count a difference in a field of a batch, and keep its two sides, cut, where it is among the first."""
        self.total += 1
        if len(self.differences) < _TOLD:
            recorded, expected = (json.dumps(side, ensure_ascii=False)[:_LONGEST] for side in (changelog, log))
            self.differences.append(
                StateDifference(batch_id=batch_id, partition=partition, field=field, changelog=recorded, log=expected)
            )


def check_places(found: Findings, log_count: int, changelog_count: int) -> list[str]:
    """Find batches that stand in several partitions, or in another than that of their key; returns further remarks.

    The count that counts is the one that the state was made with; where it was not recorded, the log's.
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


def compare(
    partition: int, end: int, rows: Mapping[str, Rows], reckoned: Mapping[str, ReferenceBatch], found: Findings
) -> None:
    """Compare the batches of a partition: its ``rows``, from before log offset ``end``, with the reckoned ones.

    A row that can't be read is a difference, not an error.
    """
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
        if batch.last < 0 and (reference is None or _gone_since(now, reference, end, found)):
            continue  # all that is known of it is beyond what the group has committed
        found.batches += 1
        reference = reference or ReferenceBatch()
        ours, theirs = summary(batch), reference.summary()
        if ours != theirs and _lacks_its_beginning(batch, facts, found, reference):
            found.partial += 1
            _compare_counts(batch_id, partition, batch.receipt, reference, found)
            continue
        found.partial += reference.anew or (bool(facts) and _first(facts) < found.begin)
        for field in ours:
            if ours[field] != theirs[field]:
                found.differ(batch_id, partition, field, ours[field], theirs[field])


def _first(values: list[bytes]) -> int:
    """The log offset of the first fact in rows; beyond all where there is none."""
    return min((row[0].at for row in batches.rows_of(values) if row), default=maxsize)


def _lacks_its_beginning(batch: Batch, values: list[bytes], found: Findings, reference: ReferenceBatch) -> bool:
    """Whether a batch may have begun before the log does, and nothing says any more what it was then: it was retired
    since, or forgotten.
    """
    if values:
        return batch.receipt is not None and batch.receipt.at >= found.begin > 0
    return found.begin > 0 and reference.changed < found.let_go  # else rows are missing


def _compare_counts(
    batch_id: str, partition: int, receipt: Retired | None, reference: ReferenceBatch, found: Findings
) -> None:
    """Find uploads of which the log has the records, and a receipt does not count as many.

    Whether as texts or as failures, it has counted each by what came first, of which the record may be gone.
    """
    if receipt is None or reference.anew:
        return
    failures = sum(text is None for text in reference.uploads.values())
    uploads = [receipt.filled + receipt.excess + receipt.refusals, receipt.failed + receipt.late_failures]
    if max(len(reference.texts), failures) > sum(uploads):
        found.differ(batch_id, partition, "uploads", uploads, [len(reference.texts), failures])


def _gone_since(now: Batch, reference: ReferenceBatch, end: int, found: Findings) -> bool:
    """Whether a batch rested, and was retired beyond what the group has committed."""
    return now.receipt is not None or (now.last < 0 and reference.rests and found.retired_up_to >= end)


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
        "refused": sorted([upload.upload_id, upload.text_id] for upload in batch.refused.values()),
        "late_failures": batch.late_failures,
        "conflicts": sorted(map(list, batch.conflicts)),
        "timed_out": batch.timed_out,
        "closed": batch.closed,
        "acts": [[act_id, acted.refused is None] for act_id, acted in batch.acts.items()],
        "retired": None if batch.receipt is None else _receipt(batch.receipt),
    }


def _receipt(receipt: Retired) -> list[Any]:
    counts = [receipt.slots, receipt.filled, receipt.failed, receipt.excess, receipt.late_failures]
    return [receipt.at, *counts, receipt.how]


def _text(upload: Upload) -> str | None:
    return upload.text_id if isinstance(upload, Content) else None
