"""Judges the events that time brings: when they come is not in the inputs, so only what they say is judged."""

from collections.abc import Mapping, Sequence

from tests.oracle import topics
from tests.oracle.emitted import Emitted
from tests.oracle.expected import Identity
from tests.oracle.reading import is_moment
from tests.oracle.records import Event, Registration, Upload
from tests.oracle.verdict import Verdict

TIMED = {topics.TIMEOUT, topics.EXPIRED}


def check_timed(
    batch: str,
    inputs: Sequence[Event],
    seen: Mapping[Identity, Emitted],
    counts: Mapping[Identity, int],
    verdict: Verdict,
) -> None:
    """Check that timeouts and expiries, whenever they came, are true to the inputs, and each came once."""
    for identity, event in seen.items():
        if identity[0] not in TIMED:
            continue
        if counts[identity] > 1:
            verdict.repeat(counts[identity] - 1, str(identity))
        problems = (
            _timeout_problems(event, inputs, seen) if identity[0] == topics.TIMEOUT else _expiry_problems(event, inputs)
        )
        for problem in problems:
            verdict.fault(f"{batch}: {identity[0]}: {problem}")


def _timeout_problems(event: Emitted, inputs: Sequence[Event], seen: Mapping[Identity, Emitted]) -> list[str]:
    registration = next((message for message in inputs if isinstance(message, Registration)), None)
    if registration is None:
        return ["the batch is not registered"]
    data, essay_ids = event.data, registration.essay_ids
    texts = {
        str(output.data["essay_id"]): output.data["text_storage_id"]
        for identity, output in seen.items()
        if identity[0] == topics.SLOT
    }
    ready, missing = data.get("ready_essays", []), data.get("missing_essay_ids", [])
    filled = [item.get("essay_id") for item in ready]
    checks = {
        "ready_essays are not the first slots, with their texts": filled == list(essay_ids[: len(filled)])
        and all(
            item == {"essay_id": item["essay_id"], "text_storage_id": texts.get(item["essay_id"])} for item in ready
        ),
        "missing_essay_ids are not the slots after those": missing
        == list(essay_ids[len(filled) : len(filled) + len(missing)])
        and len(missing) > 0,
        "expected_count is not the number of slots": data.get("expected_count") == len(essay_ids),
        "actual_count is not the number of ready essays": data.get("actual_count") == len(filled),
        "timeout_duration_seconds is not a positive number": isinstance(
            data.get("timeout_duration_seconds"), int | float
        )
        and data["timeout_duration_seconds"] > 0,
        "metadata is not the batch's": isinstance(data.get("metadata"), dict)
        and data["metadata"].get("entity_id") == registration.batch
        and data["metadata"].get("entity_type") == "batch",
        "the correlation id is not the registration's": event.envelope.get("correlation_id")
        == registration.correlation_id,
    }
    return [problem for problem, good in checks.items() if not good]


def _expiry_problems(event: Emitted, inputs: Sequence[Event]) -> list[str]:
    data = event.data
    original = next(
        (
            message
            for message in inputs
            if isinstance(message, Upload)
            and message.upload == data.get("file_upload_id")
            and message.original == data.get("original")
        ),
        None,
    )
    if original is None:
        return [f"carries no original of upload {data.get('file_upload_id')}: {data.get('original')!r}"]
    checks = {
        "original_topic is not where it was": data.get("original_topic") == original.record.topic,
        "there is no reason": isinstance(data.get("reason"), str) and data["reason"] != "",
        "the correlation id is not the upload's": {event.envelope.get("correlation_id"), data.get("correlation_id")}
        == {original.correlation_id},
        "a moment can't be read": all(is_moment(data.get(name)) for name in ("pending_since", "timestamp")),
    }
    return [problem for problem, good in checks.items() if not good]
