"""The events that an outcome must have produced, with their `data` as the contract lists it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from tests.oracle import budget, topics
from tests.oracle.outcome import Outcome
from tests.oracle.records import Json, Registration, Upload
from tests.oracle.values import at

Identity = tuple[str, ...]  # topic and business key


@dataclass(frozen=True)
class Expected:
    """One distinct output.

    `times` is how often it is emitted when nothing fails: once, and once more for each repeated input. `variants` are
    what its data may be where it might not fit into a message, given what was found.
    """

    identity: Identity
    key: str
    correlation_id: str
    data: Json
    traceparents: frozenset[str]
    times: int = 1
    variants: Callable[[Json], list[Json]] | None = None

    @property
    def topic(self) -> str:
        """The topic it is on."""
        return self.identity[0]


def expected_outputs(outcome: Outcome, *, completed_events: bool = True) -> list[Expected]:
    """Return every event of a batch with this outcome, without dead letters, timeouts and expiries."""
    registration = outcome.registration
    if registration is None:
        return []
    found = [_slot(essay, content, outcome) for essay, content in outcome.slots.items()]
    found += [_excess(content, outcome) for content in outcome.excess]
    if outcome.complete and outcome.slots:
        found.append(_ready(registration, outcome))
        if completed_events:
            found.append(_completed(registration, outcome))
    if outcome.complete and outcome.failed:
        found.append(_errors(registration, outcome))
    return found


def _traceparents(*events: Registration | Upload) -> frozenset[str]:
    return frozenset(event.traceparent for event in events if event.traceparent)


def _named(topic: str, batch: str) -> Json:
    return {"event": topics.EVENT_NAMES[topic], "batch_id": batch}


def _text(content: Upload) -> str:
    return str(content.text)  # a content has one


def _slot(essay: str, content: Upload, outcome: Outcome) -> Expected:
    text = _text(content)
    data = _named(topics.SLOT, content.batch) | {
        "essay_id": essay,
        "file_upload_id": content.upload,
        "text_storage_id": text,
        "original_file_name": content.file_name,
        "correlation_id": content.correlation_id,
        "timestamp": at(content.time),
    }
    identity = (topics.SLOT, content.batch, text)
    return Expected(
        identity, essay, content.correlation_id, data, _traceparents(content), 1 + outcome.answers.get(text, 0)
    )


def _excess(content: Upload, outcome: Outcome) -> Expected:
    text = _text(content)
    data = _named(topics.EXCESS, content.batch) | {
        "original_file_name": content.file_name,
        "text_storage_id": text,
        "file_upload_id": content.upload,
        "reason": "NO_AVAILABLE_SLOT",
        "correlation_id": content.correlation_id,
        "timestamp": at(content.time),
    }
    identity = (topics.EXCESS, content.batch, text)
    return Expected(
        identity, content.batch, content.correlation_id, data, _traceparents(content), 1 + outcome.answers.get(text, 0)
    )


def _completed_at(registration: Registration, outcome: Outcome) -> str:
    """Return the latest event time among what completed the batch: it does not depend on the order of arrival."""
    return at(
        max(registration.event_time, *(upload.time for upload in (*outcome.slots.values(), *outcome.failed.values())))
    )


def _metadata(topic: str, registration: Registration, outcome: Outcome) -> Json:
    return {
        "entity_id": registration.batch,
        "entity_type": "batch",
        "timestamp": _completed_at(registration, outcome),
        "event": topics.EVENT_NAMES[topic],
        "error_info": {},
    }


def _essays(outcome: Outcome) -> list[Json]:
    return [{"essay_id": essay, "text_storage_id": content.text} for essay, content in outcome.slots.items()]


def _whole_batch(topic: str, registration: Registration, data: Json, outcome: Outcome) -> Expected:
    traced = _traceparents(registration, *outcome.slots.values(), *outcome.failed.values())
    return Expected((topic, registration.batch), registration.batch, registration.correlation_id, data, traced)


def _ready(registration: Registration, outcome: Outcome) -> Expected:
    data = _named(topics.READY, registration.batch) | {
        "ready_essays": _essays(outcome),
        "metadata": _metadata(topics.READY, registration, outcome),
        "course_code": registration.course_code,
        "course_language": "en" if registration.course_code.startswith("ENG") else "sv",
        "student_prompt_ref": registration.student_prompt_ref,
        "essay_instructions": registration.essay_instructions,
        "class_type": "REGULAR" if registration.class_id else "GUEST",
        "expected_count": len(registration.essay_ids),
        "failed_count": len(outcome.failed),
    }
    return _whole_batch(topics.READY, registration, data, outcome)


def _completed(registration: Registration, outcome: Outcome) -> Expected:
    data = _named(topics.COMPLETED, registration.batch) | {
        "provisioned_count": len(outcome.slots),
        "expected_count": len(registration.essay_ids),
        "course_code": registration.course_code,
        "user_id": registration.user_id,
        "essays_for_processing": _essays(outcome),
        "correlation_id": registration.correlation_id,
        "timestamp": _completed_at(registration, outcome),
    }
    return _whole_batch(topics.COMPLETED, registration, data, outcome)


def _errors(registration: Registration, outcome: Outcome) -> Expected:
    data = _named(topics.ERRORS, registration.batch) | {
        "failed_essays": [
            {
                "essay_id": essay,
                "file_name": failure.file_name,
                "error_detail": dict(failure.error_detail or {}),
                "failed_at": at(failure.time),
            }
            for essay, failure in outcome.failed.items()
        ],
        "error_summary": {
            "total_errors": len(outcome.failed),
            "error_categories": dict(Counter(failure.code for failure in outcome.failed.values())),
            "critical_failure": not outcome.slots,
        },
        "correlation_id": registration.correlation_id,
        "metadata": _metadata(topics.ERRORS, registration, outcome),
    }
    codes = [failure.code for failure in outcome.failed.values()]
    variants = partial(_errors_variants, data, codes)
    return replace(_whole_batch(topics.ERRORS, registration, data, outcome), variants=variants)


def _errors_variants(whole: Json, codes: list[str], found: Json) -> list[Json]:
    """What an errors event may say, of which one was found."""
    essays, summary = whole["failed_essays"], whole["error_summary"]
    listed = found.get("failed_essays")
    variants = []
    for variant in budget.error_variants(essays, codes, len(listed) if isinstance(listed, list) else 0):
        if variant == essays:
            variants.append(whole)
            continue
        omitted = len(essays) - len(variant)
        counted = summary | {"error_categories": budget.categories(codes, cut=True)}
        counted |= {"omitted_essays": omitted} if omitted else {}
        variants.append(whole | {"failed_essays": variant, "error_summary": counted})
    return variants
