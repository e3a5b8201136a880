"""The outputs as a strict consumer reads them: every field of the contract's lists is required, no other is allowed."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from tests.oracle import topics


class Strict(BaseModel):
    """A model that takes no field it does not know."""

    model_config = ConfigDict(extra="forbid")


class EssayRef(Strict):
    essay_id: str
    text_storage_id: str


class Metadata(Strict):
    entity_id: str
    entity_type: Literal["batch"]
    timestamp: datetime
    event: str
    error_info: dict[str, Any]


class BatchEssaysReady(Strict):
    event: Literal["batch.essays.ready"]
    batch_id: str
    ready_essays: list[EssayRef] = Field(min_length=1)  # the orchestrator rejects an empty one
    metadata: Metadata
    course_code: Literal["ENG5", "ENG6", "ENG7", "SV1", "SV2", "SV3"]
    course_language: Literal["en", "sv"]
    student_prompt_ref: dict[str, Any] | None
    class_type: Literal["GUEST", "REGULAR"]
    expected_count: int
    failed_count: int
    essay_instructions: str = ""  # older; only where the registration had it


class EssaySlotAssigned(Strict):
    event: Literal["essay.slot.assigned"]
    batch_id: str
    essay_id: str
    file_upload_id: str
    text_storage_id: str
    original_file_name: str
    correlation_id: UUID
    timestamp: datetime


class ExcessContentProvisioned(Strict):
    event: Literal["excess.content.provisioned"]
    batch_id: str
    original_file_name: str
    text_storage_id: str
    file_upload_id: str
    reason: Literal["NO_AVAILABLE_SLOT"]
    correlation_id: UUID
    timestamp: datetime


class ErrorDetail(Strict):
    error_code: str
    message: str
    correlation_id: UUID
    timestamp: datetime
    service: str
    operation: str
    details: dict[str, Any]


class FailedEssay(Strict):
    essay_id: str
    file_name: str
    error_detail: ErrorDetail
    failed_at: datetime


class Summary(Strict):
    total_errors: int
    error_categories: dict[str, int]
    critical_failure: bool


class BatchValidationErrors(Strict):
    event: Literal["batch.validation.errors.v1"]
    batch_id: str
    failed_essays: list[FailedEssay] = Field(min_length=1)
    error_summary: Summary
    correlation_id: UUID
    metadata: Metadata


class BatchContentProvisioningCompleted(Strict):
    event: Literal["batch.content.provisioning.completed"]
    batch_id: str
    provisioned_count: int
    expected_count: int
    course_code: str
    user_id: str
    essays_for_processing: list[EssayRef]
    correlation_id: UUID
    timestamp: datetime


class BatchReadinessTimeout(Strict):
    event: Literal["batch.readiness.timeout"]
    batch_id: str
    ready_essays: list[EssayRef]
    missing_essay_ids: list[str] = Field(min_length=1)
    expected_count: int
    actual_count: int
    timeout_duration_seconds: int
    metadata: Metadata


class PendingContentExpired(Strict):
    event: Literal["pending.content.expired"]
    batch_id: str
    file_upload_id: str
    reason: str
    pending_since: datetime
    original_topic: str
    original: dict[str, Any]
    correlation_id: UUID
    timestamp: datetime


class Envelope(Strict):
    event_id: UUID
    event_type: str
    event_timestamp: datetime
    source_service: str
    schema_version: Literal[1]
    correlation_id: UUID
    data_schema_uri: None
    data: dict[str, Any]
    metadata: dict[str, str] | None


MODELS: dict[str, type[Strict]] = {
    topics.READY: BatchEssaysReady,
    topics.SLOT: EssaySlotAssigned,
    topics.EXCESS: ExcessContentProvisioned,
    topics.ERRORS: BatchValidationErrors,
    topics.COMPLETED: BatchContentProvisioningCompleted,
    topics.TIMEOUT: BatchReadinessTimeout,
    topics.EXPIRED: PendingContentExpired,
}
