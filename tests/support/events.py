"""Builds input envelopes as the upstream services write them, as plain dicts; nothing is left to chance.

Both generations of producers are covered: the batch id as `entity_id` or `batch_id`, the metadata flat or nested,
moments with `Z` or with an offset, and a `traceparent` or none. Which one a batch gets follows from its name, unless
a `Style` is given.
"""

import copy
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha1
from itertools import product
from typing import Any, Literal
from uuid import NAMESPACE_URL, UUID

from tests.oracle import topics

Json = dict[str, Any]
BASE = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
BatchField = Literal["entity_id", "batch_id"]
_OF_URLS = NAMESPACE_URL.bytes
BATCH_FIELDS: tuple[BatchField, ...] = ("entity_id", "batch_id")


@dataclass(frozen=True)
class Style:
    """A generation of producers."""

    batch_field: BatchField = "entity_id"
    nested_metadata: bool = False
    zulu: bool = True
    traced: bool = False


STYLES = tuple(
    Style(field, nested, zulu, traced)
    for field, nested, zulu, traced in product(BATCH_FIELDS, (False, True), (True, False), (False, True))
)


@dataclass(frozen=True)
class Message:
    """What a producer sends."""

    topic: str
    key: bytes | None
    value: bytes | None


def uid(*parts: object) -> str:
    """Return a UUID that follows from its parts: version 5, of a URL.

    Put together here: an event has seven of them, and Python's own way takes three times as long.
    """
    digits = sha1(_OF_URLS + "/".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"


@lru_cache(maxsize=1024)  # asked for by each event of a batch
def style_of(name: str) -> Style:
    """Return the style that a batch's name stands for."""
    return STYLES[UUID(uid("style", name)).int % len(STYLES)]


def essay_ids(batch: str, count: int) -> list[str]:
    """Return the slots of a batch."""
    return [f"{batch}.essay-{number:04d}" for number in range(count)]


def registration(batch: str, slots: list[str], *, style: Style | None = None, **changes: Any) -> Json:
    """Build a BatchEssaysRegistered envelope; `changes` replace fields of its data."""
    style = style or style_of(batch)
    time = BASE + timedelta(seconds=int(UUID(uid("registered", batch)).int % 40))
    data = {
        style.batch_field: batch,
        "essay_ids": slots,
        "expected_essay_count": len(slots),
        "course_code": ("ENG5", "ENG6", "ENG7", "SV1", "SV2", "SV3")[UUID(uid("course", batch)).int % 6],
        "user_id": uid("teacher", batch),
        "org_id": uid("school", batch) if UUID(uid("org", batch)).int % 2 else None,
        "class_id": uid("class", batch) if UUID(uid("class", batch)).int % 2 else None,
        "student_prompt_ref": {
            "references": {"prompt": {"content_id": uid("prompt", batch), "path_hint": "prompts/åk9"}}
        },
        "essay_instructions": "Skriv om våren." if style.batch_field == "batch_id" else None,
        "metadata": _metadata(batch, "batch.essays.registered", time, style),
    }
    return envelope(topics.REGISTERED, data | changes, uid("registration", batch), time, style)


def content(
    batch: str, upload: str, text: str, *, second: float = 0, style: Style | None = None, **changes: Any
) -> Json:
    """Build an EssayContentProvisionedV1 envelope; `second` places its moment; `changes` replace fields of its data."""
    style = style or style_of(batch)
    time = BASE + timedelta(seconds=second)
    correlation = uid("correlation", upload, text)
    data = {
        style.batch_field: batch,
        "file_upload_id": upload,
        "original_file_name": f"Åsa Öberg - {upload}.docx",
        "raw_file_storage_id": uid("raw", upload),
        "text_storage_id": text,
        "file_size_bytes": 20_480 + len(upload),
        "content_md5_hash": uid("md5", text).replace("-", ""),
        "correlation_id": correlation,
        "timestamp": _written(time, style),
    }
    return envelope(topics.CONTENT, data | changes, correlation, time + timedelta(milliseconds=500), style)


def failure(batch: str, upload: str, *, second: float = 0, style: Style | None = None, **changes: Any) -> Json:
    """Build an EssayValidationFailedV1 envelope; `changes` replace fields of its data."""
    style = style or style_of(batch)
    time = BASE + timedelta(seconds=second)
    correlation = uid("correlation", upload, "failed")
    code = ("EMPTY_CONTENT", "CONTENT_TOO_LONG", "TEXT_EXTRACTION_FAILED")[UUID(uid("code", upload)).int % 3]
    data = {
        style.batch_field: batch,
        "file_upload_id": upload,
        "original_file_name": f"Trasig fil - {upload}.pdf",
        "raw_file_storage_id": uid("raw", upload),
        "validation_error_code": code,
        "validation_error_detail": {
            "error_code": code,
            "message": f"{upload} kunde inte läsas",
            "correlation_id": correlation,
            "timestamp": _written(time, style),
            "service": "file-service",
            "operation": "validate_content",
            "details": {"limit": 50, "found": None, "path": ["a", "b"]},
        },
        "file_size_bytes": 512,
        "correlation_id": correlation,
        "timestamp": _written(time, style),
    }
    return envelope(topics.FAILED, data | changes, correlation, time + timedelta(milliseconds=500), style)


def envelope(topic: str, data: Json, correlation_id: str, time: datetime, style: Style) -> Json:
    """Put an event into an envelope as a relay publishes it."""
    name = f"{topic}/{json.dumps(data, sort_keys=True)}"
    trace = uid("trace", name).replace("-", "")
    return {
        "event_id": uid("event", name),
        "event_type": topic,
        "event_timestamp": _written(time, style),
        "source_service": "batch-service" if topic == topics.REGISTERED else "file-service",
        "schema_version": 1,
        "correlation_id": correlation_id,
        "data_schema_uri": None,
        "data": data,
        "metadata": {"traceparent": f"00-{trace}-{trace[:16]}-01"} if style.traced else None,
    }


def redelivered(original: Json, times: int = 1) -> Json:
    """Return the event as a relay sends it again: a new event id and a later publish time, everything else the same."""
    if times == 0:
        return original
    again = copy.deepcopy(original)
    again["event_id"] = uid("redelivery", original["event_id"], times)
    published = datetime.fromisoformat(original["event_timestamp"]) + timedelta(seconds=30 * times)
    again["event_timestamp"] = published.isoformat()
    return again


def message(event: Json) -> Message:
    """Encode an envelope, under its producer's key: the batch id for a registration, the upload id otherwise."""
    data, topic = event["data"], event["event_type"]
    key = (data.get("entity_id") or data.get("batch_id")) if topic == topics.REGISTERED else data["file_upload_id"]
    return Message(topic, str(key).encode(), encode(event))


def encode(event: Json) -> bytes:
    """Write an envelope as UTF-8 JSON."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def redelivered_message(sent: Message, times: int = 1) -> Message:
    """Return a message as its relay sends it again; one that is not an envelope comes again as it was."""
    try:
        event = json.loads(sent.value or b"")
        again = encode(redelivered(event, times))
    except (ValueError, KeyError, TypeError):
        return sent
    return Message(sent.topic, sent.key, again)


def _written(time: datetime, style: Style) -> str:
    return time.isoformat().replace("+00:00", "Z" if style.zulu else "+00:00")


def _metadata(batch: str, event: str, time: datetime, style: Style) -> Json:
    if style.nested_metadata:
        entity = {"entity_id": batch, "entity_type": "batch", "parent_id": None}
        return {"entity": entity, "timestamp": _written(time, style), "event": event, "error_info": {}}
    flat = {"entity_id": batch, "entity_type": "batch", "parent_id": None}
    return flat | {"timestamp": _written(time, style), "processing_stage": "pending", "event": event, "error_info": {}}
