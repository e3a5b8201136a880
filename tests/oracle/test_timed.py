"""The judge on what time brings: readiness timeouts and expiries."""

from typing import Any

import pytest

from tests.contract.notation import messages, parse
from tests.oracle import topics
from tests.oracle.ideal import ideal_outputs, record_of
from tests.oracle.judge import judge
from tests.oracle.reading import read
from tests.oracle.records import InputRecord, OutputRecord, Registration, Upload
from tests.support.events import uid


def sent(notation: str) -> list[InputRecord]:
    """Return the inputs of a batch, each topic one partition."""
    flat = [message for step in messages(parse(notation), "b") for message in step]
    return [InputRecord(record.topic, 0, offset, record.key, record.value) for offset, record in enumerate(flat)]


def event(topic: str, correlation_id: str, data: dict[str, Any]) -> OutputRecord:
    """Return an output message, its id made from what it is about."""
    full = {"event": topics.EVENT_NAMES[topic], "batch_id": "b"} | data
    envelope = {
        "event_id": uid(topic, full.get("file_upload_id"), full.get("pending_since")),
        "event_type": topic,
        "event_timestamp": "2026-03-02T09:00:00Z",
        "source_service": "essay-lifecycle-service",
        "schema_version": 1,
        "correlation_id": correlation_id,
        "data_schema_uri": None,
        "data": full,
        "metadata": None,
    }
    return record_of(envelope, b"b", 0)


def timeout(inputs: list[InputRecord], **changes: Any) -> OutputRecord:
    registration = next(
        found for found in (read(message).event for message in inputs) if isinstance(found, Registration)
    )
    data = {
        "ready_essays": [{"essay_id": "b.essay-0000", "text_storage_id": "b.text-0000"}],
        "missing_essay_ids": ["b.essay-0001", "b.essay-0002"],
        "expected_count": 3,
        "actual_count": 1,
        "timeout_duration_seconds": 2,
        "metadata": {"entity_id": "b", "entity_type": "batch", "timestamp": "2026-03-02T09:00:00Z"},
    }
    return event(topics.TIMEOUT, registration.correlation_id, data | changes)


def expiry(record: InputRecord, **changes: Any) -> OutputRecord:
    upload = read(record).event
    assert isinstance(upload, Upload)
    data = {
        "file_upload_id": upload.upload,
        "reason": "REGISTRATION_MISSING",
        "pending_since": "2026-03-02T08:00:00Z",
        "original_topic": record.topic,
        "original": upload.original,
        "correlation_id": upload.correlation_id,
        "timestamp": "2026-03-02T09:00:00Z",
    }
    return event(topics.EXPIRED, upload.correlation_id, data | changes)


def test_a_true_timeout_is_right_once_and_a_repeat_is_counted() -> None:
    inputs = sent("R3 C0 C1 C2")
    message = timeout(inputs)
    assert judge(inputs, [*ideal_outputs(inputs), message], ordered=True).right
    assert judge(inputs, [*ideal_outputs(inputs), message, message], ordered=True).repeated == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"ready_essays": [{"essay_id": "b.essay-0000", "text_storage_id": "b.text-0001"}]},
        {"ready_essays": []},
        {"missing_essay_ids": []},
        {"missing_essay_ids": ["b.essay-0002"]},
        {"expected_count": 2},
        {"actual_count": 2},
        {"timeout_duration_seconds": 0},
        {"metadata": None},
    ],
)
def test_an_untrue_timeout_is_found(changes: dict[str, Any]) -> None:
    inputs = sent("R3 C0 C1 C2")
    assert judge(inputs, [*ideal_outputs(inputs), timeout(inputs, **changes)]).wrong


def test_expired_uploads_are_not_lost() -> None:
    inputs = sent("C0 F1")
    assert judge(inputs, [expiry(message) for message in inputs]).right


def test_an_expired_upload_that_was_put_back_has_its_slot() -> None:
    inputs = sent("C0 F1 R2 C0 F1")
    outputs = ideal_outputs(inputs[2:])
    verdict = judge(inputs, [*(expiry(message) for message in inputs[:2]), *outputs])
    assert (verdict.lost, verdict.wrong, verdict.repeated) == (0, 0, 0), str(verdict)


def test_an_expired_upload_that_also_has_a_slot_is_found() -> None:
    inputs = sent("C0 R1")
    assert judge(inputs, [*ideal_outputs(inputs), expiry(inputs[0])]).wrong


@pytest.mark.parametrize(
    "changes",
    [
        {"original": {}},
        {"original_topic": topics.FAILED},
        {"reason": ""},
        {"correlation_id": uid("x")},
        {"pending_since": "a while"},
        {"file_upload_id": "another"},
    ],
)
def test_an_untrue_expiry_is_found(changes: dict[str, Any]) -> None:
    inputs = sent("C0")
    assert judge(inputs, [expiry(inputs[0], **changes)]).wrong
