"""Bytes to events: every input is checked here, once, and what can't be used is refused with a reason.

:func:`decode` raises :class:`RejectedError` and nothing else, whatever the bytes are: bad input is a dead letter,
never a crash.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from app.core import names
from app.core.budget import LARGEST, LEAST_TEXT, longest_text
from app.core.events import Content, Failure, Registration
from app.wire.error_detail import complete
from app.wire.schema import LONGEST_ID, ContentData, Envelope, FailedData, RegisteredData, Routing

NULL_VALUE = "null_value"
OVERSIZED = "oversized"
MALFORMED = "malformed"
UNKNOWN_EVENT = "unknown_event"
MISSING_FIELD = "missing_field"
INVALID_FIELD = "invalid_field"

#: The only version of the envelope that exists; another one is an event that this code does not know.
SCHEMA_VERSION = 1

#: The detail of a dead letter goes into headers and logs.
_LONGEST_DETAIL = 500

#: A prompt is a reference, but its numbers may be longer than they came: 1e15 is written as 1000000000000000.0. The
#: row of a registration has it beside ids and instructions, which came in 4 MiB at most: 12 of the changelog's 16 MiB.
_LARGEST_PROMPT = 2 * 1024 * 1024

#: NUL as JSON writes it.
_NUL = b"\\u0000"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FIRST_MOMENT = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LAST_MOMENT = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND

_registered = msgspec.json.Decoder(Envelope[RegisteredData])
_content = msgspec.json.Decoder(Envelope[ContentData])
_failed = msgspec.json.Decoder(Envelope[FailedData])
_routing = msgspec.json.Decoder(Routing)
_sorted = msgspec.json.Encoder(order="sorted")
_encoder = msgspec.json.Encoder()


class RejectedError(Exception):
    """An input that can't be used:

    ``reason`` is one of the constants above, ``detail`` says what exactly, for a person.
    """

    def __init__(self, reason: str, detail: str) -> None:
        shown = detail if len(detail) <= _LONGEST_DETAIL else f"{detail[:_LONGEST_DETAIL]}..."
        super().__init__(f"{reason}: {shown}")
        self.reason = reason
        self.detail = shown


class Decoded(msgspec.Struct, frozen=True, gc=False):
    """A checked input: its batch, its event, and a remark where the message contradicts itself but is usable."""

    batch_id: str
    event: Registration | Content | Failure
    remark: str | None = None


def batch_id_for_routing(value: bytes | None) -> str | None:
    """The batch id that an input belongs to, or None where none can be read. Checks nothing else; never raises."""
    if value is None:
        return None
    try:
        data = _routing.decode(value).data
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return data.entity_id or data.batch_id or None


def decode(topic: str, value: bytes | None, max_bytes: int) -> Decoded:
    """Check an input of ``topic`` and reduce it to its event.

    Raises RejectedError: ``null_value``; ``oversized`` (more than ``max_bytes``); ``malformed`` (not UTF-8, not JSON,
    not an object); ``unknown_event`` (the event type is not the topic's, or another schema version);
    ``missing_field``; ``invalid_field`` (a type, an empty id, two different batch ids).
    """
    if value is None:
        raise RejectedError(NULL_VALUE, "the message has no value")
    if len(value) > max_bytes:
        raise RejectedError(
            OVERSIZED, f"{len(value)} bytes, at most {max_bytes} are taken (ROLLCALL_MAX_MESSAGE_BYTES)"
        )
    try:
        # msgspec skips over what it does not read, bad UTF-8 included; the whole message must be text, since it may
        # be passed on whole.
        value.decode()
        decoded = _decode(topic, value)
        # The second search takes long, and few messages have an escape at all.
        if b"\\" in value and _NUL in value:
            _refuse_nul(decoded)
    except UnicodeDecodeError as error:
        raise RejectedError(MALFORMED, f"not UTF-8: {error.reason} at byte {error.start}") from None
    except msgspec.ValidationError as error:
        raise _reason_of(error, topic, value) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise RejectedError(MALFORMED, f"not JSON: {error}") from None
    except OverflowError as error:
        # An integer of more than 64 bits inside a part that is passed on whole: readable, but not writable again.
        raise RejectedError(INVALID_FIELD, f"a number is out of range: {error}") from None
    return decoded


def _decode(topic: str, value: bytes) -> Decoded:
    if topic == names.CONTENT:
        return _from_content(_checked(_content.decode(value), topic))
    if topic == names.FAILED:
        return _from_failed(_checked(_failed.decode(value), topic))
    return _from_registered(_checked(_registered.decode(value), topic))


def _refuse_nul(decoded: Decoded) -> None:
    """NUL separates the parts of an event id, so no id may have one."""
    event = decoded.event
    ids = [decoded.batch_id]
    if isinstance(event, Registration):
        ids.extend(event.essay_ids)
    else:
        ids.append(event.upload_id)
    if isinstance(event, Content):
        ids.append(event.text_id)
    if any("\0" in one for one in ids):
        raise RejectedError(INVALID_FIELD, "an id has a NUL character")


def _checked(envelope: Envelope[Any], topic: str) -> Envelope[Any]:
    if envelope.event_type != topic:
        raise RejectedError(UNKNOWN_EVENT, f"event_type is {envelope.event_type!r} on {topic}")
    if envelope.schema_version != SCHEMA_VERSION:
        raise RejectedError(UNKNOWN_EVENT, f"schema_version is {envelope.schema_version}, known is {SCHEMA_VERSION}")
    return envelope


def _reason_of(error: msgspec.ValidationError, topic: str, value: bytes) -> RejectedError:
    """Why a JSON text is not the event of its topic.

    Another event is named as such, not by the first field that it lacks.
    """
    try:
        # The typed decoder stops at the first thing that is not the event, so what comes behind it may not be JSON at
        # all.
        loose = msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError) as broken:
        return RejectedError(MALFORMED, f"not JSON: {broken}")
    if not isinstance(loose, dict):
        return RejectedError(MALFORMED, "not a JSON object")
    event_type = loose.get("event_type")
    if isinstance(event_type, str) and event_type != topic:
        return RejectedError(UNKNOWN_EVENT, f"event_type is {event_type!r} on {topic}")
    text = str(error)
    return RejectedError(MISSING_FIELD if "missing required field" in text else INVALID_FIELD, text)


def _batch_id(data: RegisteredData | ContentData | FailedData) -> str:
    one, other = data.entity_id, data.batch_id
    if one is None or other is None or one == other:
        batch_id = one or other  # an empty one never gets here
        if batch_id is None:
            raise RejectedError(MISSING_FIELD, "neither entity_id nor batch_id in `$.data`")
        return batch_id
    raise RejectedError(INVALID_FIELD, f"entity_id is {one!r} and batch_id is {other!r}: which batch?")


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
    """The trace, which is passed on. It has 55 characters; what is longer than an id may be is none."""
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
