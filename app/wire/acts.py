"""What operators do, as records of the internal log.

A record has the header ``a``, the batch id as its key, and as its value JSON: ``act`` (its name), ``act_id`` (a UUID),
``batch_id``, ``who``, ``why``, and what the act needs beside: ``file_upload_id``, ``seconds``, ``essay_ids``. It is
written to the batch's partition. Unlike in the platform's messages an unknown field is refused: an act that a newer
release means otherwise must not be done by half.
"""

from typing import Annotated
from uuid import UUID

import msgspec

from app.core.acts import Act, Discard, DiscardUpload, Extend, ForceComplete, Reopen, name_of
from app.wire.decode import INVALID_FIELD, MALFORMED, MISSING_FIELD, NULL_VALUE, OVERSIZED, RejectedError
from app.wire.record import ACT_HEADER, RecordHeaders
from app.wire.schema import Id

#: The value of the header: the version of what the record's value means.
VERSION = b"1"

#: Both go into the state of the batch, for ever.
LONGEST_WHO = 200
LONGEST_WHY = 2000
LONGEST_EXTENSION = 315_360_000  # seconds: 10 x 365 days x 86,400

Who = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_WHO)]
Why = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_WHY)]
Seconds = Annotated[int, msgspec.Meta(ge=1, le=LONGEST_EXTENSION)]


class _Record(msgspec.Struct, frozen=True, kw_only=True, tag_field="act", forbid_unknown_fields=True):
    act_id: UUID
    batch_id: Id
    who: Who
    why: Why


class _ForceComplete(_Record, frozen=True, kw_only=True, tag="force_complete"):
    pass


class _Discard(_Record, frozen=True, kw_only=True, tag="discard"):
    pass


class _DiscardUpload(_Record, frozen=True, kw_only=True, tag="discard_upload"):
    file_upload_id: Id


class _Extend(_Record, frozen=True, kw_only=True, tag="extend"):
    seconds: Seconds


class _Reopen(_Record, frozen=True, kw_only=True, tag="reopen"):
    essay_ids: tuple[Id, ...] = ()


AnyRecord = _ForceComplete | _Discard | _DiscardUpload | _Extend | _Reopen

_decoder = msgspec.json.Decoder(AnyRecord)


class DecodedAct(msgspec.Struct, frozen=True):
    """A checked act and the batch that it is about."""

    batch_id: str
    act: Act


def encode(batch_id: str, act: Act) -> tuple[bytes, bytes, RecordHeaders]:
    """The key, value and headers of the log's record of an act.

    Raises RejectedError where :func:`decode` would: nothing is written that could not be read.
    """
    fields: dict[str, object] = {
        "act": name_of(act),
        "act_id": act.act_id,
        "batch_id": batch_id,
        "who": act.who,
        "why": act.why,
    }
    if isinstance(act, DiscardUpload):
        fields["file_upload_id"] = act.upload_id
    elif isinstance(act, Extend):
        fields["seconds"] = act.seconds
    elif isinstance(act, Reopen):
        fields["essay_ids"] = act.essay_ids
    try:
        key, value = batch_id.encode(), msgspec.json.encode(fields)
    except UnicodeEncodeError as error:
        raise RejectedError(INVALID_FIELD, f"not UTF-8: {error.reason}") from None
    decode(key, value, len(value))
    return key, value, [(ACT_HEADER, VERSION)]


def decode(key: bytes | None, value: bytes | None, max_bytes: int) -> DecodedAct:
    """Check the log's record of an act.

    Raises RejectedError, and nothing else, whatever the bytes are: as :func:`app.wire.decode.decode` does, and
    ``invalid_field`` for an unknown act or field, who or why blank, or a key that is not the batch id.
    """
    if value is None:
        raise RejectedError(NULL_VALUE, "the act has no value")
    if len(value) > max_bytes:
        raise RejectedError(OVERSIZED, f"{len(value)} bytes, at most {max_bytes} are taken")
    try:
        found = _decoder.decode(value)
    except msgspec.ValidationError as error:
        text = str(error)
        raise RejectedError(MISSING_FIELD if "missing required field" in text else INVALID_FIELD, text) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RejectedError(MALFORMED, f"not JSON: {error}") from None
    act = _act_of(found)
    if key != found.batch_id.encode():
        raise RejectedError(INVALID_FIELD, f"the key is not the batch id {found.batch_id!r}")
    if not found.who.strip() or not found.why.strip():
        raise RejectedError(INVALID_FIELD, "who and why must say something")
    if b"\\u0000" in value:
        _refuse_nul(found.batch_id, act)
    return DecodedAct(found.batch_id, act)


def _act_of(found: AnyRecord) -> Act:
    common = str(found.act_id), found.who, found.why
    if isinstance(found, _ForceComplete):
        return ForceComplete(*common)
    if isinstance(found, _Discard):
        return Discard(*common)
    if isinstance(found, _DiscardUpload):
        return DiscardUpload(*common, found.file_upload_id)
    if isinstance(found, _Extend):
        return Extend(*common, found.seconds)
    return Reopen(*common, found.essay_ids)


def _refuse_nul(batch_id: str, act: Act) -> None:
    """NUL separates the parts of an event id, so no id may have one."""
    ids = [batch_id]
    if isinstance(act, DiscardUpload):
        ids.append(act.upload_id)
    elif isinstance(act, Reopen):
        ids.extend(act.essay_ids)
    if any("\0" in one for one in ids):
        raise RejectedError(INVALID_FIELD, "an id has a NUL character")
