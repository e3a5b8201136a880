"""What a faultless product would put on the output topics: to try the judge on, and then on damaged copies of it."""

import json
from collections.abc import Sequence
from uuid import NAMESPACE_URL, uuid5

from tests.oracle import topics
from tests.oracle.expected import Expected, expected_outputs
from tests.oracle.outcome import outcome
from tests.oracle.reading import read
from tests.oracle.records import Event, InputRecord, OutputRecord, Registration


def ideal_outputs(inputs: Sequence[InputRecord]) -> list[OutputRecord]:
    """Return the outputs for inputs in log order, dead letters included."""
    outputs: list[OutputRecord] = []
    by_batch: dict[str, list[Event]] = {}
    for record in inputs:
        event = read(record).event
        if event is None:
            outputs.append(dead_letter(record, "malformed", len(outputs)))
        else:
            by_batch.setdefault(event.batch, []).append(event)
    for events in by_batch.values():
        found = outcome(events)
        for event in found.conflicts:
            of_batch = isinstance(event, Registration)
            reason = topics.REGISTRATION_CONFLICT if of_batch else topics.UPLOAD_CONFLICT
            outputs.append(dead_letter(event.record, reason, len(outputs)))
        for upload in found.refused:
            outputs.append(dead_letter(upload.record, topics.TEXT_ID_TOO_LONG, len(outputs)))
        for expected in expected_outputs(found):
            outputs += [output(expected, len(outputs) + number) for number in range(expected.times)]
    return outputs


def output(expected: Expected, offset: int) -> OutputRecord:
    """Return the message of one expected event."""
    event_id = str(uuid5(NAMESPACE_URL, "/".join(expected.identity)))
    envelope = {
        "event_id": event_id,
        "event_type": expected.topic,
        "event_timestamp": f"2026-03-02T09:00:{offset % 60:02d}Z",
        "source_service": "essay-lifecycle-service",
        "schema_version": 1,
        "correlation_id": expected.correlation_id,
        "data_schema_uri": None,
        "data": expected.data,
        "metadata": {"traceparent": min(expected.traceparents)} if expected.traceparents else None,
    }
    return record_of(envelope, expected.key.encode(), offset)


def record_of(envelope: dict[str, object], key: bytes, offset: int) -> OutputRecord:
    """Return an envelope as a message with its headers."""
    headers = tuple((name, str(envelope[name]).encode()) for name in ("event_id", "event_type", "correlation_id"))
    value = json.dumps(envelope, ensure_ascii=False).encode()
    return OutputRecord(str(envelope["event_type"]), 0, offset, key, value, headers)


def dead_letter(record: InputRecord, reason: str, offset: int) -> OutputRecord:
    """Return the dead letter of an input."""
    source = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
    headers = (
        ("rollcall.reason", reason.encode()),
        ("rollcall.detail", b"because"),
        *((f"rollcall.source.{name}", str(value).encode()) for name, value in source.items()),
    )
    return OutputRecord(topics.DEAD, 0, offset, record.key, record.value, headers)
