"""The inputs: which topics are read, what a message of each looks like, and what becomes of it. The only list of them.

:mod:`app.wire.decode`, the re-key stage, the metrics, the AsyncAPI document and the histories read it. To take in a new
topic: its name and code (and its event, if that is new) in :mod:`app.core.events`, its shape in
:mod:`app.wire.schema`, its row here, and what it means for a batch in :mod:`app.core.rules`.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from app.core import events
from app.core.budget import LARGEST, LEAST_TEXT, longest_text
from app.core.events import Content, Failure, InputEvent, Registration
from app.core.fold import Outcome
from app.wire.error_detail import complete
from app.wire.rejected import INVALID_FIELD, MISSING_FIELD, OVERSIZED, RejectedError
from app.wire.schema import LONGEST_ID, ContentData, Envelope, FailedData, RegisteredData

#: A prompt is a reference, but its numbers may be longer than they came: 1e15 is written as 1000000000000000.0. The
#: row of a registration has it beside ids and instructions, which came in 4 MiB at most: 12 of the changelog's 16 MiB.
_LARGEST_PROMPT = 2 * 1024 * 1024

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FIRST_MOMENT = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LAST_MOMENT = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND

_sorted = msgspec.json.Encoder(order="sorted")
_encoder = msgspec.json.Encoder()


class Decoded(msgspec.Struct, frozen=True, gc=False):
    """A checked input: its batch, its event, and a remark where the message contradicts itself but is usable."""

    batch_id: str
    event: InputEvent
    remark: str | None = None


class Input(NamedTuple):
    """A topic that is read: the shape of ``data``, and the event that it becomes.

    ``ids`` are the ids in an event, none of which may have a NUL. ``outcomes`` are those that the metrics show from the
    beginning, beside the ones that every input may have. ``word`` names the event in a history, ``tell`` says there
    what is in it; ``message``, ``key`` and ``summary`` describe the topic in the AsyncAPI document.
    """

    model: type[msgspec.Struct]
    decode: Callable[[Any], Decoded]
    ids: Callable[[Any], tuple[str, ...]]
    outcomes: tuple[Outcome, ...]
    word: str
    tell: Callable[[Any], str]
    message: str
    key: str
    summary: str


class OfBatch(Protocol):
    """A message that names its batch, in one of two fields."""

    entity_id: str | None
    batch_id: str | None


def _batch_id(data: OfBatch) -> str:
    entity_id, own_id = data.entity_id, data.batch_id
    if entity_id is None or own_id is None or entity_id == own_id:
        batch_id = entity_id or own_id  # an empty one never gets here
        if batch_id is None:
            raise RejectedError(MISSING_FIELD, "neither entity_id nor batch_id in `$.data`")
        return batch_id
    raise RejectedError(INVALID_FIELD, f"entity_id is {entity_id!r} and batch_id is {own_id!r}: which batch?")


def _moment(value: datetime) -> int:
    """Microseconds since the epoch; a time without a zone is UTC, as the platform writes them."""
    since = (value if value.tzinfo is not None else value.replace(tzinfo=UTC)) - _EPOCH
    moment = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    if not _FIRST_MOMENT <= moment <= _LAST_MOMENT:
        raise RejectedError(INVALID_FIELD, f"{value.isoformat()} is outside the years 1 to 9999 in UTC")
    return moment


def _correlation(envelope: Envelope[Any], data: ContentData | FailedData | None) -> str:
    """The envelope's correlation id, else the data's."""
    found = envelope.correlation_id
    if found is None and data is not None:
        found = data.correlation_id
    if found is None:
        raise RejectedError(MISSING_FIELD, "no correlation_id")
    # As str(found) would write it, in a third of the time: str is written in Python there.
    return _encoder.encode(found)[1:-1].decode()


def _traceparent(envelope: Envelope[Any]) -> str | None:
    """The trace, which is passed on. It has 55 characters; what is longer than the longest id is taken for no trace."""
    if not envelope.metadata:
        return None
    found = envelope.metadata.get("traceparent")
    return found if isinstance(found, str) and len(found) <= LONGEST_ID else None


def _from_registered(envelope: Envelope[RegisteredData]) -> Decoded:
    data = envelope.data
    batch_id = _batch_id(data)
    slots = len(data.essay_ids)
    if not slots:
        raise RejectedError(INVALID_FIELD, "essay_ids is empty")
    if len(set(data.essay_ids)) != slots:
        raise RejectedError(INVALID_FIELD, "essay_ids are not unique")
    prompt = None if data.student_prompt_ref is None else _sorted.encode(data.student_prompt_ref).decode()
    if prompt is not None and len(prompt) > _LARGEST_PROMPT:
        raise RejectedError(OVERSIZED, f"student_prompt_ref has {len(prompt)} characters, at most {_LARGEST_PROMPT}")
    event = Registration(
        essay_ids=data.essay_ids,
        course_code=data.course_code,
        user_id=data.user_id,
        org_id=data.org_id,
        class_id=data.class_id or None,
        # Sorted, so that the same reference written in another field order is the same content.
        student_prompt_ref=prompt,
        essay_instructions=data.essay_instructions,
        correlation_id=_correlation(envelope, None),
        moment=_moment(envelope.event_timestamp),
        traceparent=_traceparent(envelope),
    )
    longest = longest_text(event)
    if longest is not None and longest < LEAST_TEXT:
        raise RejectedError(
            OVERSIZED,
            f"{slots} slots: their ready event has at most {LARGEST} bytes for ids, prompt and instructions, which "
            f"leaves {max(0, longest)} for each text_storage_id, and {LEAST_TEXT} are the least: register fewer slots",
        )
    if data.expected_essay_count == slots:
        return Decoded(batch_id, event)
    return Decoded(
        batch_id, event, f"expected_essay_count is {data.expected_essay_count}, essay_ids has {slots} and stands"
    )


def _from_content(envelope: Envelope[ContentData]) -> Decoded:
    data = envelope.data
    event = Content(
        data.file_upload_id,
        data.text_storage_id,
        data.original_file_name,
        _correlation(envelope, data),
        _moment(data.timestamp),
        _traceparent(envelope),
    )
    return Decoded(_batch_id(data), event)


def _from_failed(envelope: Envelope[FailedData]) -> Decoded:
    data = envelope.data
    correlation_id = _correlation(envelope, data)
    event = Failure(
        upload_id=data.file_upload_id,
        file_name=data.original_file_name,
        code=data.validation_error_code,
        detail=complete(envelope, correlation_id).decode(),
        correlation_id=correlation_id,
        moment=_moment(data.timestamp),
        traceparent=_traceparent(envelope),
    )
    return Decoded(_batch_id(data), event)


def _tell_registration(event: Registration) -> str:
    slots = len(event.essay_ids)
    return f"{slots} slot{'s' * (slots != 1)}, {event.course_code}, user {event.user_id}"


#: By topic, in the order of their codes (:data:`app.core.events.INPUTS`).
INPUTS: Final[dict[str, Input]] = {
    events.REGISTERED: Input(
        model=RegisteredData,
        decode=_from_registered,
        ids=lambda event: event.essay_ids,
        outcomes=(Outcome.REGISTERED,),
        word="registration",
        tell=_tell_registration,
        message="BatchEssaysRegistered",
        key="The batch id, by today's producer; any other key, or none, is taken as well.",
        summary="These are the slots of the batch.",
    ),
    events.CONTENT: Input(
        model=ContentData,
        decode=_from_content,
        ids=lambda event: (event.upload_id, event.text_id),
        outcomes=(Outcome.ASSIGNED, Outcome.HELD, Outcome.EXCESS),
        word="content",
        tell=lambda event: f"text {event.text_id} of upload {event.upload_id} ({event.file_name})",
        message="EssayContentProvisionedV1",
        key="The file_upload_id, by today's producer; any other key, or none, is taken as well.",
        summary="A text for the batch is stored. It may come before the registration.",
    ),
    events.FAILED: Input(
        model=FailedData,
        decode=_from_failed,
        ids=lambda event: (event.upload_id,),
        outcomes=(Outcome.SLOT_FAILED, Outcome.HELD, Outcome.RECORDED),
        word="failure",
        tell=lambda event: f"upload {event.upload_id} ({event.file_name}) was rejected: {event.code}",
        message="EssayValidationFailedV1",
        key="The file_upload_id, by today's producer; any other key, or none, is taken as well.",
        summary="An upload for the batch was rejected. It names an upload, never a slot.",
    ),
}
