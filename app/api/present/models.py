"""What the API takes and answers. Times are ISO 8601, UTC, with milliseconds; durations seconds; no field is absent."""

from collections.abc import Hashable
from functools import cache
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

from app.core.acts import ACTS, LONGEST_WHO, LONGEST_WHY
from app.history.models import DeadLetter, Place

State = Literal["unregistered", "open", "complete", "discarded"]
Closed = Literal["forced", "discarded"]


def _known_act(name: str) -> str:
    if name not in ACTS:
        message = f"Input should be one of {', '.join(ACTS)}"
        raise ValueError(message)
    return name


ActName = Annotated[str, AfterValidator(_known_act), Field(json_schema_extra={"enum": list(ACTS)})]


_PIECE = 1000


@cache
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast("Any", kind))


class Model(BaseModel):
    """An answer. All fields are always there, null where something isn't known."""

    model_config = ConfigDict(frozen=True)

    def text(self) -> str:
        """The answer as JSON, as ``model_dump_json`` gives it, in pieces: a long list is not written in one breath.

        A single call for 100,000 slots keeps the interpreter, and with it the event loop, for a third of a second.
        """
        written = []
        for name, field in type(self).model_fields.items():
            value, adapter = getattr(self, name), _adapter(cast("Hashable", field.annotation))
            if isinstance(value, list) and len(value) > _PIECE:
                pieces = (value[start : start + _PIECE] for start in range(0, len(value), _PIECE))
                encoded = "[" + ",".join(adapter.dump_json(piece).decode()[1:-1] for piece in pieces) + "]"
            else:
                encoded = adapter.dump_json(value).decode()
            written.append(f'"{name}":{encoded}')
        return "{" + ",".join(written) + "}"


class Error(Model):
    """What went wrong: a short code for programs; what, why and what to do for people."""

    error: str
    message: str


class WorkerInfo(Model):
    """A worker of the group. ``this``: the one that answers. ``reachable``: it answered just now."""

    url: str | None
    ready: bool
    this: bool
    partitions: list[int]
    reachable: bool


class PartitionInfo(Model):
    """A partition of the log: which worker owns it (null: not known), whether that one answers for it, and its lag."""

    partition: int
    owner: str | None
    ready: bool
    lag: int | None


class InputInfo(Model):
    """A partition of an input and its lag, in records; null where its owner did not say."""

    topic: str
    partition: int
    lag: int | None


class Counts(Model):
    """How many batches are in each state; null: still being counted after a start."""

    unregistered: int
    open: int
    complete: int | None
    discarded: int | None


class Overview(Model):
    """Everything at a glance. ``missing`` are the partitions for which nobody answered: the counts lack them."""

    time: str
    app_id: str
    guarantee: str
    version: str
    workers: list[WorkerInfo]
    partitions: list[PartitionInfo]
    inputs: list[InputInfo]
    missing: list[int]
    counts: Counts
    pending_uploads: int
    oldest_pending_seconds: float | None
    stuck: int


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


class Batch(BatchSummary):
    """A batch with all that is known of it. ``offset`` is the log offset of the latest fact; ``owner`` who answered."""

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


class Explanation(Model):
    """Why a batch is not ready, and what would finish it.

    ``state`` is ``unknown`` where nothing of it has been read; ``dead_letters`` null: they could not be read.
    """

    batch_id: str
    state: Literal["unknown", "unregistered", "open", "complete", "discarded"]
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


class Asked(BaseModel):
    """What is asked with a body. Unknown fields are refused: what was meant by them would not be done."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ActRequest(Asked):
    """An act. ``act_id`` makes a repeat of the request the same act. ``file_upload_id`` is for discard_upload,
    ``seconds`` for extend, ``essay_ids`` for reopen.
    """

    act: ActName
    who: str = Field(min_length=1, max_length=LONGEST_WHO)
    why: str = Field(min_length=1, max_length=LONGEST_WHY)
    act_id: str | None = None
    file_upload_id: str | None = None
    seconds: int | None = None
    essay_ids: list[str] | None = None


class ActAnswer(Model):
    """The act is in the log at ``offset``.

    ``applied``: whether the fold took it (false: ``refused`` says why), null where it has not come to it within 5 s.
    """

    act_id: str
    partition: int
    offset: int
    applied: bool | None
    refused: str | None


class ReplayRequest(Asked):
    """Who puts a dead letter back, and why."""

    who: str = Field(min_length=1, max_length=LONGEST_WHO)
    why: str = Field(min_length=1, max_length=LONGEST_WHY)


class BatchChanges(Model):
    """What changed among the batches that wait, at most once a second.

    ``changed`` has a batch that is complete or discarded by now once; ``removed`` are those that wait for nothing any
    more otherwise. ``more``: not all that changed is here, ask the list again.
    """

    changed: list[BatchSummary]
    removed: list[str]
    more: bool
