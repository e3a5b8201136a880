"""Reads an input message by the rules of the contract, in plain `json`.

Some messages the contract leaves open (a field that nothing depends on is missing, or a message near the broker's
limit): they may be served or dead-lettered, but one of the two. `Reading.open` says so, and the judge then follows
what it sees.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from tests.oracle import budget, topics
from tests.oracle.records import Event, InputRecord, Json, Malformed, Registration, Upload

COURSES = frozenset({"ENG5", "ENG6", "ENG7", "SV1", "SV2", "SV3"})
LONGEST = 1000  # characters of an id or a name
LARGE = (
    512 * 1024
)  # bytes; more than any real event (a registration of 5,000 slots is about 250 KB): either fate is right


@dataclass(frozen=True)
class Reading:
    """An event, or None with the reason why not; `open` when the contract allows a dead letter as well as the event."""

    event: Event | None
    malformed: Malformed | None
    open: bool = False


class _BadError(Exception):
    """Not usable; the message says why."""


def _require(good: object, why: str) -> None:
    if not good:
        raise _BadError(why)


def moment(value: Any) -> datetime:
    """Parse an ISO 8601 datetime; one without a zone is taken as UTC. Raises ValueError or TypeError."""
    parsed = datetime.fromisoformat(value)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


@lru_cache(maxsize=8192)  # more than a run of the fault matrix or a batch of 5,000 has, in some forty megabytes
def read(record: InputRecord) -> Reading:
    """Read one input message; never raises for what a message holds.

    What comes of it is not to be changed: who judges the same inputs again is given the same.
    """
    try:
        envelope = _envelope(record)
        data = envelope["data"]
        event: Event
        event = (
            _registration(record, envelope, data)
            if record.topic == topics.REGISTERED
            else _upload(record, envelope, data)
        )
    except _BadError as error:
        return Reading(None, Malformed(record, str(error)))
    return Reading(event, None, open=_is_open(record, envelope, data))


def _envelope(record: InputRecord) -> Json:
    _require(record.value is not None, "null value")
    try:
        envelope = json.loads((record.value or b"").decode("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        envelope = None
    _require(isinstance(envelope, dict), "not a JSON object in UTF-8")
    found: Json = envelope
    _require(found.get("event_type") == record.topic, "event_type is not the topic's")
    _require(isinstance(found.get("data"), dict), "data is not an object")
    return found


def _batch(data: Json) -> str:
    given = [data[name] for name in ("entity_id", "batch_id") if data.get(name) is not None]
    _require(all(isinstance(text, str) for text in given), "a batch id is not text")
    _require(len(set(given)) == 1 and given[0], "no batch id, an empty one, or two different ones")
    return str(given[0])


def _text(data: Json, name: str) -> str:
    value = data.get(name)
    _require(isinstance(value, str), f"{name} is missing or not text")
    return str(value)


def _name(data: Json, name: str) -> str:
    value = _text(data, name)
    _require(len(value) <= LONGEST, f"{name} has over {LONGEST} characters")
    return value


def _id(data: Json, name: str) -> str:
    value = _name(data, name)
    _require(value, f"{name} is empty")
    return value


def _optional_text(data: Json, name: str) -> str | None:
    return None if data.get(name) is None else _text(data, name)


def _correlation(envelope: Json, data: Json) -> str:
    given = envelope.get("correlation_id") or data.get("correlation_id")
    _require(is_uuid(given), "correlation_id is not a UUID")
    return str(UUID(given))


def _time(holder: Json, name: str) -> datetime:
    _require(is_moment(holder.get(name)), f"{name} is not a datetime")
    return moment(holder[name])


def _traceparent(envelope: Json) -> str | None:
    metadata = envelope.get("metadata")
    found = metadata.get("traceparent") if isinstance(metadata, dict) else None
    return found if isinstance(found, str) and len(found) <= LONGEST else None


def _registration(record: InputRecord, envelope: Json, data: Json) -> Registration:
    essay_ids = data.get("essay_ids")
    _require(isinstance(essay_ids, list) and essay_ids, "essay_ids is not a list of ids")
    ids: list[Any] = essay_ids or []
    _require(all(isinstance(text, str) and text for text in ids), "an essay id is not text")
    _require(all(len(text) <= LONGEST for text in ids), f"an essay id has over {LONGEST} characters")
    _require(len(set(ids)) == len(ids), "essay_ids repeats itself")
    course_code = _text(data, "course_code")
    _require(course_code in COURSES, "course_code is unknown")
    prompt = data.get("student_prompt_ref")
    _require(prompt is None or isinstance(prompt, dict), "student_prompt_ref is not an object")
    found = Registration(
        record=record,
        batch=_batch(data),
        essay_ids=tuple(ids),
        correlation_id=_correlation(envelope, data),
        event_time=_time(envelope, "event_timestamp"),
        traceparent=_traceparent(envelope),
        course_code=course_code,
        user_id=_name(data, "user_id"),
        org_id=_optional_text(data, "org_id"),
        class_id=_optional_text(data, "class_id") or None,  # an empty class id is null
        student_prompt_ref=prompt,
        essay_instructions=_optional_text(data, "essay_instructions"),
    )
    _require(budget.room(found) >= budget.LEAST_ID, "its ready event has no room for text ids")
    return found


def _upload(record: InputRecord, envelope: Json, data: Json) -> Upload:
    failed = record.topic == topics.FAILED
    detail = data.get("validation_error_detail")
    _require(not failed or detail is None or isinstance(detail, dict), "validation_error_detail is not an object")
    return Upload(
        record=record,
        batch=_batch(data),
        upload=_id(data, "file_upload_id"),
        text=None if failed else _id(data, "text_storage_id"),
        file_name=_name(data, "original_file_name"),
        correlation_id=_correlation(envelope, data),
        time=_time(data, "timestamp"),
        traceparent=_traceparent(envelope),
        original=envelope,
        code=_id(data, "validation_error_code") if failed else "",
        error_detail=_error_detail(envelope, data, detail or {}) if failed else None,
    )


def _error_detail(envelope: Json, data: Json, given: Json) -> Json:
    """Fill what is missing from the envelope and the code; `message` and `operation` have no source: any will do."""
    filled: Json = {
        "error_code": data.get("validation_error_code"),
        "correlation_id": _correlation(envelope, data),
        "timestamp": data.get("timestamp"),
        "service": str(envelope.get("source_service"))[:LONGEST],
        "details": {},
    }
    names = ("error_code", "message", "correlation_id", "timestamp", "service", "operation", "details")
    whole = filled | {name: given[name] for name in names if given.get(name) is not None}
    return budget.cut_detail(whole, filled)


# Fields the contract lists without a default, on which no outcome depends: a strict reader may refuse a message that
# lacks one.
_UNUSED = {
    topics.REGISTERED: {"expected_essay_count": int, "metadata": dict},
    topics.CONTENT: {"raw_file_storage_id": str, "file_size_bytes": int, "correlation_id": str},
    topics.FAILED: {
        "raw_file_storage_id": str,
        "file_size_bytes": int,
        "correlation_id": str,
        "validation_error_detail": dict,
    },
}
_UNUSED_ENVELOPE = {
    "event_id": str,
    "event_timestamp": str,
    "source_service": str,
    "schema_version": int,
    "correlation_id": str,
}


def _is_open(record: InputRecord, envelope: Json, data: Json) -> bool:
    return (
        len(record.value or b"") > LARGE
        or any(not isinstance(data.get(name), kind) for name, kind in _UNUSED[record.topic].items())
        or any(not isinstance(envelope.get(name), kind) for name, kind in _UNUSED_ENVELOPE.items())
        or not is_uuid(envelope.get("event_id"))
        or not is_moment(envelope.get("event_timestamp"))
    )


def is_uuid(value: Any) -> bool:
    """Whether the value is the text of a UUID."""
    try:
        UUID(value)
    except (ValueError, TypeError, AttributeError):
        return False
    return True


def is_moment(value: Any) -> bool:
    """Whether the value is the text of a datetime."""
    try:
        moment(value)
    except (ValueError, TypeError):
        return False
    return True
