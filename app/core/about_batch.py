"""What is published about a batch as a whole: that it is complete, what failed in it, that it is late."""

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from operator import attrgetter

import msgspec

from app.core import names
from app.core.batch import Batch
from app.core.errors_event import failed
from app.core.events import Content, Failure, Policy, Registration
from app.core.messages import Message, at_moment, event_id
from app.core.payloads import (
    BatchContentProvisioningCompleted,
    BatchEssaysReady,
    BatchReadinessTimeout,
    BatchValidationErrors,
    EssayRef,
    Metadata,
    Payload,
)

_text_id = attrgetter("text_id")


def registration_of(batch: Batch) -> Registration:
    """The registration of a batch that has one. Raises RuntimeError for one that has none: a broken log, or a bug."""
    if batch.registration is None:  # a fact of a registered batch was applied, so this is a broken log or a bug
        message = f"batch {batch.batch_id} has an outcome without a registration"
        raise RuntimeError(message)
    return batch.registration


def moment_of(batch: Batch, registration: Registration) -> int:
    """The moment that Ready and Errors of a batch say (us): the last of its registration and the uploads in slots."""
    latest = batch.latest_upload
    return registration.moment if latest is None else max(registration.moment, latest.moment)


def completion(batch: Batch, policy: Policy) -> Iterator[Message]:
    """What is published when a batch completes, and only then; once more, under other ids, where it was re-opened.

    A batch that an operator completed as it was has slots without an outcome: the counts show how many.
    """
    registration = registration_of(batch)
    moment = at_moment(moment_of(batch, registration))
    if batch.filled:
        essays = _filled(batch)
        yield _about(batch, names.READY, _ready(batch, registration, essays, moment))
        if policy.provisioning_completed:
            completed = BatchContentProvisioningCompleted(
                batch_id=batch.batch_id,
                provisioned_count=batch.filled,
                expected_count=len(batch.slots),
                course_code=registration.course_code,
                user_id=registration.user_id,
                essays_for_processing=essays,
                correlation_id=registration.correlation_id,
                timestamp=moment,
            )
            yield _about(batch, names.COMPLETED, completed)
    if batch.failed:
        yield _about(batch, names.ERRORS, _errors(batch, registration, moment))


def _ready(batch: Batch, registration: Registration, essays: list[EssayRef], moment: datetime) -> BatchEssaysReady:
    prompt = registration.student_prompt_ref
    instructions = registration.essay_instructions
    return BatchEssaysReady(
        batch_id=batch.batch_id,
        ready_essays=essays,
        metadata=Metadata(entity_id=batch.batch_id, timestamp=moment, event="batch.essays.ready"),
        course_code=registration.course_code,
        course_language="en" if registration.course_code.startswith("ENG") else "sv",
        student_prompt_ref=None if prompt is None else msgspec.Raw(prompt.encode()),
        # From the class, never from the organisation: a guest's batch may belong to one.
        class_type="GUEST" if registration.class_id is None else "REGULAR",
        expected_count=len(batch.slots),
        failed_count=batch.failed,
        essay_instructions=msgspec.UNSET if instructions is None else instructions,
    )


def _errors(batch: Batch, registration: Registration, moment: datetime) -> BatchValidationErrors:
    failures = [
        (essay_id, upload)
        for essay_id, upload in zip(batch.essay_ids, batch.slots, strict=True)
        if isinstance(upload, Failure)
    ]
    essays, summary = failed(failures, critical=not batch.filled)
    return BatchValidationErrors(
        batch_id=batch.batch_id,
        failed_essays=essays,
        error_summary=summary,
        correlation_id=registration.correlation_id,
        metadata=Metadata(entity_id=batch.batch_id, timestamp=moment, event="batch.validation.errors.v1"),
    )


def timeout(batch: Batch, policy: Policy) -> Message:
    """What is published when a batch is still incomplete at its deadline."""
    duration = policy.readiness_timeout + batch.extension
    deadline = at_moment((batch.opened_at + duration) * 1000)
    return _about(
        batch,
        names.TIMEOUT,
        BatchReadinessTimeout(
            batch_id=batch.batch_id,
            ready_essays=_filled(batch),
            missing_essay_ids=[
                essay_id for essay_id, upload in zip(batch.essay_ids, batch.slots, strict=True) if upload is None
            ],
            expected_count=len(batch.slots),
            actual_count=batch.filled,
            timeout_duration_seconds=-(-duration // 1000),  # rounded up
            metadata=Metadata(entity_id=batch.batch_id, timestamp=deadline, event="batch.readiness.timeout"),
        ),
    )


def _filled(batch: Batch) -> list[EssayRef]:
    if batch.filled == len(batch.slots):  # nearly always: a content in each
        return list(map(EssayRef, batch.essay_ids, map(_text_id, batch.slots)))
    return [
        EssayRef(essay_id=essay_id, text_storage_id=upload.text_id)
        for essay_id, upload in zip(batch.essay_ids, batch.slots, strict=True)
        if isinstance(upload, Content)
    ]


def id_about(batch: Batch, topic: str) -> str:
    """The id of what is published about the whole batch as it was last opened."""
    return _id_about(topic, batch.batch_id, batch.openings)


@lru_cache(maxsize=1024)  # a batch that completes says it, and keeps it for its receipt at the end of the same chunk
def _id_about(topic: str, batch_id: str, openings: int) -> str:
    opening = (str(openings),) if openings else ()
    return event_id(topic, batch_id, *opening)


def _about(batch: Batch, topic: str, data: Payload) -> Message:
    """A message about the whole batch: published once for each opening, under the registration's correlation id."""
    registration = registration_of(batch)
    return Message(
        topic=topic,
        key=batch.batch_id,
        event_id=id_about(batch, topic),
        correlation_id=registration.correlation_id,
        traceparent=registration.traceparent,
        data=data,
    )
