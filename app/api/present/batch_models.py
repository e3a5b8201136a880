"""What the API answers about batches.

Times are ISO 8601, UTC, with milliseconds; durations are seconds; no field is absent.
"""

from typing import Literal

from app.api.present.act_models import ActName
from app.api.present.model import Model
from app.api.present.models import PartitionInfo
from app.history.models import DeadLetter, Place

State = Literal["unregistered", "open", "complete", "discarded", "retired"]
Closed = Literal["forced", "discarded"]


class BatchSummary(Model):
    """A batch in a line.

    ``since``: log time of its registration (its latest opening, where it was re-opened), or of its oldest pending
    upload. ``waits_since``: the same for one that waits, later by what its deadline was put off: lists are in its
    order. ``stuck``: incomplete for longer than ROLLCALL_STUCK_AFTER_SECONDS. ``reason``: a sentence.
    """

    batch_id: str
    partition: int
    state: State
    slots: int
    filled: int
    failed: int
    pending: int
    since: str | None
    waits_since: str | None
    age_seconds: float | None
    stuck: bool
    reason: str


class BatchPage(Model):
    """A page of batches. ``next`` continues it, also behind a short page; ``missing`` partitions are not in it."""

    items: list[BatchSummary]
    next: str | None
    missing: list[int]


class BatchChanges(Model):
    """What changed among the batches that wait, at most once a second.

    ``changed`` has a batch that is complete or discarded by now once; ``removed`` are those that wait for nothing any
    more otherwise. ``more``: not all that changed is here, ask the list again.
    """

    changed: list[BatchSummary]
    removed: list[str]
    more: bool


class Slot(Model):
    """A slot and its outcome. ``moment`` is the event time of what it got."""

    essay_id: str
    state: Literal["filled", "failed", "empty"]
    file_upload_id: str | None
    text_storage_id: str | None
    file_name: str | None
    error_code: str | None
    moment: str | None


class PendingUpload(Model):
    """An upload that waits for the registration of its batch; ``expires_at`` null: never."""

    offset: int
    since: str
    expires_at: str | None
    kind: Literal["content", "failure"]
    file_upload_id: str
    text_storage_id: str | None
    file_name: str


class ExcessContent(Model):
    """A content that found no slot left."""

    file_upload_id: str
    text_storage_id: str
    file_name: str


class ActRecord(Model):
    """What an operator did: at log offset ``at``, log time ``time``. ``refused``: why it changed nothing, or null."""

    act_id: str
    act: ActName
    at: int
    time: str
    who: str
    why: str
    refused: str | None


class Receipt(Model):
    """What is kept of a batch that was retired, beside its counts: log times, and the event ids of what was said.

    ``closed_at`` is the moment that its Ready and its Errors say, or when it was discarded; ``digest`` is that of its
    registration (BLAKE2b, 16 bytes).
    """

    closed_at: str
    retired_at: str
    excess: int
    refused: int
    digest: str
    ready_event_id: str | None
    errors_event_id: str | None


class Batch(BatchSummary):
    """A batch with all that is known of it; of one that was retired, ``receipt``.

    ``offset`` is the log offset of the latest fact; ``owner`` who answered.
    """

    course_code: str | None
    user_id: str | None
    class_id: str | None
    org_id: str | None
    correlation_id: str | None
    registered_at: str | None
    deadline: str | None
    timed_out: bool
    closed: Closed | None
    openings: int
    slot_list: list[Slot]
    pending_list: list[PendingUpload]
    excess: list[ExcessContent]
    late_failures: int
    conflicts: list[Place]
    acts: list[ActRecord]
    offset: int
    owner: str | None
    receipt: Receipt | None


class Explanation(Model):
    """Why a batch is not ready, and what would finish it.

    ``state`` is ``unknown`` where nothing of it has been read; ``dead_letters`` null: they could not be read.
    """

    batch_id: str
    state: Literal["unknown"] | State
    sentence: str
    waits_for: str | None
    would_finish: list[str]
    missing_slots: list[str]
    pending: list[PendingUpload]
    conflicting: list[Place]
    partition: PartitionInfo
    dead_letters: list[DeadLetter] | None


class PendingBatch(Model):
    """A batch without a registration and how many uploads wait for it.

    ``expires_at`` is when the oldest is given up.
    """

    batch_id: str
    partition: int
    pending: int
    since: str
    age_seconds: float
    expires_at: str | None


class PendingPage(Model):
    """Batches without a registration, the longest wait first."""

    items: list[PendingBatch]
    next: str | None
    missing: list[int]
