"""The ``data`` of every output, field by field, as the platform's own models read it.

Field order is wire order: it makes repeats byte-equal.
"""

from datetime import datetime

import msgspec


class Metadata(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The platform's processing metadata, written flat."""

    entity_id: str
    entity_type: str = "batch"
    timestamp: datetime
    event: str
    error_info: dict[str, str] = {}


class EssayRef(msgspec.Struct, frozen=True, gc=False):
    """A filled slot: the essay and the text that it got."""

    essay_id: str
    text_storage_id: str


class EssaySlotAssigned(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """``EssaySlotAssignedV1``: a content got a slot."""

    event: str = "essay.slot.assigned"
    batch_id: str
    essay_id: str
    file_upload_id: str
    text_storage_id: str
    original_file_name: str
    correlation_id: str
    timestamp: datetime


class ExcessContentProvisioned(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """``ExcessContentProvisionedV1``: a content met its registered batch with no slot left."""

    event: str = "excess.content.provisioned"
    batch_id: str
    file_upload_id: str
    original_file_name: str
    text_storage_id: str
    reason: str
    correlation_id: str
    timestamp: datetime


class BatchEssaysReady(msgspec.Struct, frozen=True, kw_only=True):
    """``BatchEssaysReady``: every slot has its outcome and at least one is filled.

    The last two counts make a shortfall visible.
    """

    event: str = "batch.essays.ready"
    batch_id: str
    ready_essays: list[EssayRef]
    metadata: Metadata
    course_code: str
    course_language: str
    student_prompt_ref: msgspec.Raw | None
    class_type: str
    expected_count: int
    failed_count: int
    essay_instructions: str | msgspec.UnsetType = msgspec.UNSET


class BatchContentProvisioningCompleted(msgspec.Struct, frozen=True, kw_only=True):
    """``BatchContentProvisioningCompletedV1``: what today's orchestrator moves a batch on by."""

    event: str = "batch.content.provisioning.completed"
    batch_id: str
    provisioned_count: int
    expected_count: int
    course_code: str
    user_id: str
    essays_for_processing: list[EssayRef]
    correlation_id: str
    timestamp: datetime


class FailedEssay(msgspec.Struct, frozen=True, kw_only=True):
    """A slot that a failure used up. ``error_detail`` is the upload's own, complete."""

    essay_id: str
    file_name: str
    error_detail: msgspec.Raw
    failed_at: datetime


class ErrorDetail(msgspec.Struct, frozen=True, kw_only=True):
    """An error detail that was cut so that the event fits into a message; ``details`` says how many bytes it had."""

    error_code: str
    message: str
    correlation_id: str
    timestamp: datetime
    service: str = ""
    operation: str = "validate_upload"
    details: dict[str, int]


class Summary(msgspec.Struct, frozen=True):
    """How many slots failed, by error code. ``critical_failure``: none was filled, and there is no ready event.

    ``omitted_essays`` counts those that ``failed_essays`` leaves out because the event would not fit into a message.
    """

    total_errors: int
    error_categories: dict[str, int]
    critical_failure: bool
    omitted_essays: int | msgspec.UnsetType = msgspec.UNSET


class BatchValidationErrors(msgspec.Struct, frozen=True, kw_only=True):
    """``BatchValidationErrorsV1``: the batch completed and at least one slot failed."""

    event: str = "batch.validation.errors.v1"
    batch_id: str
    failed_essays: list[FailedEssay]
    error_summary: Summary
    correlation_id: str
    metadata: Metadata


class BatchReadinessTimeout(msgspec.Struct, frozen=True, kw_only=True):
    """``BatchReadinessTimeout``: a registered batch is still incomplete at its deadline."""

    event: str = "batch.readiness.timeout"
    batch_id: str
    ready_essays: list[EssayRef]
    missing_essay_ids: list[str]
    expected_count: int
    actual_count: int
    timeout_duration_seconds: int
    metadata: Metadata


class PendingContentExpired(msgspec.Struct, frozen=True, kw_only=True):
    """``PendingContentExpiredV1``: a pending upload was given up.

    ``original`` is the whole event, ready to be put back on ``original_topic``.
    """

    event: str = "pending.content.expired"
    batch_id: str
    file_upload_id: str
    reason: str
    pending_since: datetime
    original_topic: str
    original: msgspec.Raw
    correlation_id: str
    timestamp: datetime


Payload = (
    EssaySlotAssigned
    | ExcessContentProvisioned
    | BatchEssaysReady
    | BatchContentProvisioningCompleted
    | BatchValidationErrors
    | BatchReadinessTimeout
    | PendingContentExpired
)
