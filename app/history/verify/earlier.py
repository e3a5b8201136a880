"""A batch that began before the log does, in the words of the second opinion: where that is to go on from.

What it was when the log begins is taken from the changelog, since nothing else is left that says so, and is therefore
not compared. What the log's records then do to it is reckoned, and is.
"""

import json
from collections.abc import Mapping, Sequence

from app.core.batch import Batch
from app.core.events import Content, Registration, Source
from app.core.events import Upload as CoreUpload
from app.core.facts import Retired
from app.core.replay import replay
from app.history.verify.reference_batch import Pending, ReferenceBatch, Upload
from app.history.verify.reference_model import ReferenceModel
from tables import batches


def go_on(model: ReferenceModel, rows: Mapping[str, Sequence[bytes]], begin: int) -> None:
    """Tell the second opinion of the batches that began before log offset ``begin``, by the values of their rows.

    A row that can't be read is passed over: the comparison finds it.
    """
    for batch_id, values in rows.items() if begin else ():
        try:
            facts = [row for row in batches.rows_of(values) if row]
            batch = replay(batch_id, [[fact for fact in row if fact.at < begin] for row in facts])
        except Exception:  # noqa: BLE001, S112 - whatever a row that isn't right does to the code that reads it
            continue
        if batch.last >= 0:
            model.begin_with(batch_id, reference_of(batch))
        elif facts and isinstance(receipt := facts[0][0], Retired):
            model.end_at(batch_id, receipt.at)
        elif facts:
            model.begin_at(batch_id, min(row[0].at for row in facts))


def reference_of(batch: Batch) -> ReferenceBatch:
    """A batch, as the second opinion has one."""
    found = ReferenceBatch()
    if batch.receipt is not None:
        receipt = batch.receipt
        counts = [receipt.slots, receipt.filled, receipt.failed, receipt.excess, receipt.late_failures]
        return ReferenceBatch(receipt=[receipt.at, *counts, receipt.how], changed=batch.last)
    if batch.registration is not None:
        found.register(_data(batch.registration), batch.registered_at, (0, 0, 0))
        more = list(batch.essay_ids[len(found.essays) :])
        found.essays += more
        found.slots = [None if upload is None else _upload(upload) for upload in batch.slots]
        found.free, found.last = found.slots.count(None), len(found.slots) - 1
    for at, held in batch.pending.items():
        found.pending.append(Pending(at, held.time, _place(held.source), _upload(held.upload)))
    found.excess = [_upload(content) for content in batch.excess.values()]
    found.refused = [_upload(content) for content in batch.refused.values()]
    found.late_failures = batch.late_failures
    found.uploads, found.texts = dict(batch.uploads), set(batch.texts)
    found.conflicts, found.forgotten = set(map(_place, batch.conflicts)), set(map(_place, batch.expired))
    found.late, found.opened, found.later = batch.timed_out, batch.opened_at, batch.extension
    found.closed = batch.closed
    found.acts = {act_id: acted.refused is None for act_id, acted in batch.acts.items()}
    found.changed = batch.last
    return found


def _place(source: Source | None) -> tuple[int, int, int]:
    return (-1, 0, 0) if source is None else (source.topic, source.partition, source.offset)


def _upload(upload: CoreUpload) -> Upload:
    return Upload(upload.upload_id, upload.text_id if isinstance(upload, Content) else None)


def _data(registration: Registration) -> dict[str, object]:
    """A registration as the input had it, as far as anything depends on it."""
    prompt = registration.student_prompt_ref
    return {
        "essay_ids": list(registration.essay_ids),
        "course_code": registration.course_code,
        "user_id": registration.user_id,
        "org_id": registration.org_id,
        "class_id": registration.class_id,
        "student_prompt_ref": None if prompt is None else json.loads(prompt),
        "essay_instructions": registration.essay_instructions,
    }
