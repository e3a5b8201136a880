"""The shape of the inputs as they are on the wire, strictly typed. Unknown fields are ignored at every level.

A field that can be null or absent has a default; every other one is required, and a message without it is a dead
letter. The batch id is ``entity_id`` (today's producers) or ``batch_id`` (older ones). ``data.metadata`` may be flat
or nested and nothing depends on it, so it isn't looked at.
"""

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

import msgspec

Data = TypeVar("Data", bound=msgspec.Struct)

#: Ids are short (the platform's are UUIDs of 36 characters). Outputs name every id of a batch, so their length has a
#: bound; what a batch can say with ids of that length is bounded in :mod:`app.core.budget`.
LONGEST_ID = 1000

#: Names and codes go into the errors event of a batch, one of each failed slot.
Name = Annotated[str, msgspec.Meta(max_length=LONGEST_ID)]
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_ID)]
CourseCode = Literal["ENG5", "ENG6", "ENG7", "SV1", "SV2", "SV3"]


class Envelope(msgspec.Struct, Generic[Data], gc=False):
    """The platform's envelope. ``event_id`` is checked and not used: a redelivery by the relay carries a new one."""

    event_id: UUID
    event_type: str
    event_timestamp: datetime
    source_service: str
    schema_version: int
    data: Data
    correlation_id: UUID | None = None
    data_schema_uri: str | None = None
    metadata: dict[str, Any] | None = None


class RegisteredData(msgspec.Struct, kw_only=True, gc=False):
    """``BatchEssaysRegistered``."""

    entity_id: Id | None = None
    batch_id: Id | None = None
    essay_ids: tuple[Id, ...]
    expected_essay_count: int
    course_code: CourseCode
    user_id: Name
    org_id: Name | None = None
    class_id: Name | None = None
    student_prompt_ref: dict[str, Any] | None = None
    essay_instructions: str | None = None


class ContentData(msgspec.Struct, kw_only=True, gc=False):
    """``EssayContentProvisionedV1``."""

    entity_id: Id | None = None
    batch_id: Id | None = None
    file_upload_id: Id
    original_file_name: Name
    raw_file_storage_id: str
    text_storage_id: Id
    file_size_bytes: int
    content_md5_hash: str | None = None
    correlation_id: UUID | None = None
    timestamp: datetime


class FailedData(msgspec.Struct, kw_only=True, gc=False):
    """``EssayValidationFailedV1``. What its error detail lacks is filled in, so that the outcome is not lost."""

    entity_id: Id | None = None
    batch_id: Id | None = None
    file_upload_id: Id
    original_file_name: Name
    raw_file_storage_id: str
    validation_error_code: Name
    validation_error_detail: dict[str, Any] | None = None
    file_size_bytes: int
    correlation_id: UUID | None = None
    timestamp: datetime


class RoutingData(msgspec.Struct, gc=False):
    """All that the re-key stage reads of ``data``."""

    entity_id: Id | None = None
    batch_id: Id | None = None


class Routing(msgspec.Struct, gc=False):
    """All that the re-key stage reads of an input."""

    data: RoutingData
