"""What comes in: the inputs reduced to what the rules and the outputs need.

They are what is left of a message once it has been checked (:mod:`app.wire.decode`). A *moment* is event time in
microseconds since the epoch, UTC; a *time* is the log's own clock (the broker's append time) in milliseconds since
the epoch. All are frozen and compare by value; ``array_like`` makes them compact in the changelog, so **fields may be
appended (with a default) but never reordered or removed**.
"""

from typing import Final, NamedTuple

import msgspec

from app.core.acts import Act

REGISTERED: Final = "huleedu.batch.essays.registered.v1"
CONTENT: Final = "huleedu.file.essay.content.provisioned.v1"
FAILED: Final = "huleedu.file.essay.validation.failed.v1"

#: The topics of the inputs, in the order of the codes that :class:`Source` carries. Append only: the codes are on disk.
INPUTS: Final = (REGISTERED, CONTENT, FAILED)


class Source(NamedTuple):
    """Where an input came from: which input topic (index into :data:`INPUTS`), its partition and its
    offset there.
    """

    topic: int
    partition: int
    offset: int


class Position(msgspec.Struct, frozen=True, gc=False):
    """Where a record stands in the log: its offset ``at``, its append ``time`` (ms, the broker's clock), and the
    input's own ``source``.

    ``source`` is None for records that have no input: ticks and acts.
    """

    at: int
    time: int
    source: Source | None = None


class Registration(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """``BatchEssaysRegistered``: these are the slots of the batch.

    ``student_prompt_ref`` is JSON text, passed on as it came. ``class_id`` is never empty: an empty one is null
    (guest batch).
    """

    essay_ids: tuple[str, ...]
    course_code: str
    user_id: str
    org_id: str | None
    class_id: str | None
    student_prompt_ref: str | None
    essay_instructions: str | None
    correlation_id: str
    moment: int
    traceparent: str | None = None


class Content(msgspec.Struct, frozen=True, array_like=True, tag=0, gc=False):
    """``EssayContentProvisionedV1``: a text for the batch is stored.

    Identity: the batch and ``text_id``; the upload is ``upload_id``.
    """

    upload_id: str
    text_id: str
    file_name: str
    correlation_id: str
    moment: int
    traceparent: str | None = None


class Failure(msgspec.Struct, frozen=True, array_like=True, tag=1, gc=False):
    """``EssayValidationFailedV1``: an upload for the batch was rejected.

    It names an upload, never a slot. ``detail`` is JSON text, complete.
    """

    upload_id: str
    file_name: str
    code: str
    detail: str
    correlation_id: str
    moment: int
    traceparent: str | None = None


#: What an input becomes.
InputEvent = Registration | Content | Failure

#: What a teacher sent: it ends in exactly one place, and its order in the log decides where.
Upload = Content | Failure


class Cutoff(NamedTuple):
    """Up to where something goes: all that last changed before log offset ``at``, and there the ids up to this one."""

    at: int
    batch_id: str


class Tick(msgspec.Struct, frozen=True):
    """The log's clock has reached ``time`` (ms): whatever was due by then is due now.

    ``retires``: the batches that rest and have not changed since go, ``forgets``: so do the receipts that were written
    until then (:mod:`app.core.retirement`). A tick names them itself, so that a replay retires the same batches at the
    same records, whatever the settings have become. Late or repeated ticks change nothing.
    """

    time: int
    retires: Cutoff | None = None
    forgets: Cutoff | None = None


Event = InputEvent | Tick | Act


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that rules depend on. Durations are milliseconds of log time; 0 turns the deadline off."""

    readiness_timeout: int = 86_400_000  # 24 h x 3,600 s x 1,000 ms
    pending_ttl: int = 86_400_000
    provisioning_completed: bool = True
