"""The job in plain Python, as somebody who uses a stream processing library would write it: a value a batch.

Shared by the contestants that are such libraries, so that they differ in the library alone. It needs nothing but the
standard library; a faster JSON codec is used where there is one.
"""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

try:
    import orjson  # type: ignore[import-not-found] # in the environment of one contestant

    loads, dumps = orjson.loads, orjson.dumps
except ImportError:
    loads = json.loads

    def dumps(value: Any, /) -> bytes:
        """As orjson's."""
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


REGISTERED = "huleedu.batch.essays.registered.v1"
CONTENT = "huleedu.file.essay.content.provisioned.v1"
SLOT_ASSIGNED = "huleedu.els.essay.slot.assigned.v1"
READY = "huleedu.els.batch.essays.ready.v1"
EXCESS = "huleedu.els.excess.content.provisioned.v1"

Json = dict[str, Any]
#: Topic, key, value, headers.
Output = tuple[str, bytes, bytes, list[tuple[str, bytes]]]


def project(envelope: Json) -> Json:
    """What the join needs of an input; this goes through the re-key hop."""
    data = envelope["data"]
    event = {"batch": data.get("entity_id") or data["batch_id"], "correlation": envelope["correlation_id"]}
    event["trace"] = (envelope.get("metadata") or {}).get("traceparent")
    if envelope["event_type"] == REGISTERED:
        fields = ("essay_ids", "course_code", "class_id", "student_prompt_ref", "essay_instructions")
        return event | {field: data.get(field) for field in fields} | {"time": data["metadata"]["timestamp"]}
    return event | {
        "text": data["text_storage_id"],
        "upload": data["file_upload_id"],
        "file": data["original_file_name"],
        "time": data["timestamp"],
    }


def fold(state: Json | None, event: Json) -> tuple[Json | None, list[Output]]:
    """The batch's next state, None if it does not change, and what is said."""
    if state is None:
        state = {"registration": None, "texts": {}, "uploads": {}, "pending": []}
    if "essay_ids" in event:
        return _register(state, event)
    text, upload, registration = event["text"], event["upload"], state["registration"]
    if text in state["texts"]:
        slot = state["texts"][text]
        return None, [] if slot is None else [_placed(registration, slot, event)]
    if upload in state["uploads"]:
        return None, []
    state["uploads"][upload] = text
    if registration is None:
        state["texts"][text] = None
        state["pending"].append(event)
        return state, []
    return state, _place(state, event)


def _register(state: Json, registration: Json) -> tuple[Json | None, list[Output]]:
    if state["registration"] is not None:
        return None, []
    state["registration"] = registration
    pending, state["pending"], state["texts"] = state["pending"], [], {}
    outputs = []
    for event in pending:
        outputs += _place(state, event)
    return state, outputs


def _place(state: Json, event: Json) -> list[Output]:
    registration, texts = state["registration"], state["texts"]
    slots = len(registration["essay_ids"])
    slot = len(texts) if len(texts) < slots else -1
    texts[event["text"]] = slot
    outputs = [_placed(registration, slot, event)]
    if slot == slots - 1:
        outputs.append(_ready(registration, texts))
    return outputs


def _placed(registration: Json, slot: int, event: Json) -> Output:
    batch = event["batch"]
    common = {"text_storage_id": event["text"], "original_file_name": event["file"]}
    common |= {"correlation_id": event["correlation"], "timestamp": event["time"]}
    if slot < 0:
        data = {"event": "excess.content.provisioned", "batch_id": batch, "reason": "NO_AVAILABLE_SLOT"} | common
        return _output(EXCESS, batch, (batch, event["text"]), event, data)
    essay = registration["essay_ids"][slot]
    data = {"event": "essay.slot.assigned", "batch_id": batch, "essay_id": essay, "file_upload_id": event["upload"]}
    return _output(SLOT_ASSIGNED, essay, (batch, essay), event, data | common)


def _ready(registration: Json, texts: dict[str, int]) -> Output:
    batch, name = registration["batch"], "batch.essays.ready"
    by_slot = sorted((slot, text) for text, slot in texts.items() if slot >= 0)
    essays = registration["essay_ids"]
    data = {
        "event": name,
        "batch_id": batch,
        "ready_essays": [{"essay_id": essays[slot], "text_storage_id": text} for slot, text in by_slot],
        "metadata": {
            "entity_id": batch,
            "entity_type": "batch",
            "timestamp": registration["time"],
            "event": name,
            "error_info": {},
        },
        "course_code": registration["course_code"],
        "course_language": "en" if registration["course_code"].startswith("EN") else "sv",
        "student_prompt_ref": registration["student_prompt_ref"],
        "essay_instructions": registration["essay_instructions"],
        "class_type": "REGULAR" if registration["class_id"] else "GUEST",
        "expected_count": len(essays),
        "failed_count": 0,
    }
    return _output(READY, batch, (batch,), registration, data)


def _output(topic: str, key: str, name: tuple[str, ...], cause: Json, data: Json) -> Output:
    event_id = str(uuid.uuid5(uuid.NAMESPACE_URL, "|".join((topic, *name))))
    value = dumps(
        {
            "event_id": event_id,
            "event_type": topic,
            "event_timestamp": datetime.now(UTC).isoformat(),
            "source_service": "essay-lifecycle-service",
            "schema_version": 1,
            "correlation_id": cause["correlation"],
            "data_schema_uri": None,
            "data": data,
            "metadata": {"traceparent": cause["trace"]} if cause["trace"] else None,
        }
    )
    headers = [
        ("event_id", event_id.encode()),
        ("event_type", topic.encode()),
        ("correlation_id", cause["correlation"].encode()),
    ]
    return topic, key.encode(), value, headers
