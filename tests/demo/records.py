"""Records for the demo's tests: what the services publish for a plan, and what a right answer to it is."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from demo.events import CONTENT, ERRORS, EXCESS, FAILURE, PROVISIONED, READY, REGISTERED, SLOT_ASSIGNED, Record
from demo.plan import Plan, PlannedBatch, PlannedUpload


def record(topic: str, body: dict[str, Any], at: float, offset: int = 0) -> Record:
    return Record(topic, 0, offset, None, json.dumps(body).encode(), produced_at=at, seen_at=at + 0.01)


def registration(batch: PlannedBatch, at: float, event_id: str = "r1") -> Record:
    data = {"entity_id": batch.batch_id, "essay_ids": list(batch.essay_ids)}
    return record(REGISTERED, {"event_id": event_id, "data": data}, at)


def upload_event(upload: PlannedUpload, at: float, event_id: str = "u1") -> Record:
    data = {"entity_id": upload.batch_id, "file_upload_id": upload.file_upload_id}
    if upload.valid:
        data["text_storage_id"] = upload.text_storage_id
    return record(CONTENT if upload.valid else FAILURE, {"event_id": event_id, "data": data}, at)


def output(topic: str, key: str, correlation_id: object, at: float, **data: object) -> Record:
    body = {"event_id": str(uuid5(NAMESPACE_URL, topic + key)), "correlation_id": str(correlation_id), "data": data}
    return record(topic, body, at)


def right_outputs(plan: Plan, at: float = 100.0) -> list[Record]:
    """The outputs for uploads that reach the log in the order in which they were made."""
    return [answer for batch in plan.batches for answer in _answers(batch, at)]


def _answers(batch: PlannedBatch, at: float) -> Iterator[Record]:
    free = list(batch.essay_ids)
    texts: dict[str, str] = {}
    failed: dict[str, str] = {}
    for upload in batch.uploads:
        if upload.valid and free:
            essay = free.pop(0)
            texts[essay] = upload.text_storage_id
            yield output(
                SLOT_ASSIGNED,
                essay,
                upload.correlation_id,
                at,
                batch_id=batch.batch_id,
                essay_id=essay,
                text_storage_id=upload.text_storage_id,
                file_upload_id=upload.file_upload_id,
                original_file_name=upload.file_name,
            )
        elif upload.valid:
            yield output(
                EXCESS,
                upload.text_storage_id,
                upload.correlation_id,
                at,
                batch_id=batch.batch_id,
                text_storage_id=upload.text_storage_id,
                reason="NO_AVAILABLE_SLOT",
            )
        elif free:
            failed[free.pop()] = upload.file_name
    yield from _completion(batch, texts, failed, at)


def _completion(batch: PlannedBatch, texts: dict[str, str], failed: dict[str, str], at: float) -> Iterator[Record]:
    key, correlation, size = batch.batch_id, batch.correlation_id, len(batch.essay_ids)
    if texts:
        yield output(
            READY,
            key,
            correlation,
            at,
            batch_id=key,
            ready_essays=[{"essay_id": essay, "text_storage_id": text} for essay, text in texts.items()],
            expected_count=size,
            failed_count=len(failed),
            course_code=batch.course_code,
            class_type="REGULAR" if batch.class_id else "GUEST",
        )
        yield output(PROVISIONED, key, correlation, at, batch_id=key, provisioned_count=len(texts), expected_count=size)
    if failed:
        yield output(
            ERRORS,
            key,
            correlation,
            at,
            batch_id=key,
            failed_essays=[{"essay_id": essay, "file_name": name} for essay, name in failed.items()],
            error_summary={
                "total_errors": len(failed),
                "error_categories": {"EMPTY_CONTENT": len(failed)},
                "critical_failure": not texts,
            },
        )
