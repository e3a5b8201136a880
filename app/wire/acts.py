"""What operators do, as records of the internal log.

A record has the header ``a``, the batch id as its key, and as its value JSON: ``act`` (its name), ``act_id`` (a UUID),
``batch_id``, ``who``, ``why``, and what the act needs beside: ``file_upload_id``, ``seconds``, ``essay_ids``. It is
written to the batch's partition. Unlike in the platform's messages an unknown field is refused: an act that a newer
release means otherwise must not be done by half.
"""

from functools import reduce
from operator import or_
from typing import Annotated, Any
from uuid import UUID

import msgspec

from app.core.acts import ACTS, LONGEST_EXTENSION, LONGEST_WHO, LONGEST_WHY, Act, ids_in, make_act, name_of
from app.wire.decode import INVALID_FIELD, MALFORMED, MISSING_FIELD, NULL_VALUE, OVERSIZED, RejectedError
from app.wire.record import ACT_HEADER, RecordHeaders
from app.wire.schema import Id

#: The value of the header: the version of what the record's value means.
VERSION = b"1"

Who = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_WHO)]
Why = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_WHY)]
Seconds = Annotated[int, msgspec.Meta(ge=1, le=LONGEST_EXTENSION)]

#: The type of what an act has beside who and why, by :attr:`app.core.acts.Extra.kind`.
_TYPES: dict[str, Any] = {"id": Id, "seconds": Seconds, "ids": tuple[Id, ...]}


class _Record(msgspec.Struct, frozen=True, kw_only=True, tag_field="act", forbid_unknown_fields=True):
    act_id: UUID
    batch_id: Id
    who: Who
    why: Why


def _record(name: str) -> type[msgspec.Struct]:
    """The record of an act, as its entry in :data:`app.core.acts.ACTS` says."""
    kind = ACTS[name]
    fields: list[Any] = []
    if kind.extra is not None:
        field, made_of = kind.extra.field, _TYPES[kind.extra.kind]
        fields.append((field, made_of) if kind.extra.required else (field, made_of, ()))
    return msgspec.defstruct(
        f"_{kind.struct.__name__}", fields, bases=(_Record,), tag=name, frozen=True, kw_only=True, module=__name__
    )


#: Any of the records: a union of one struct an act.
AnyRecord: Any = reduce(or_, [_record(name) for name in ACTS])

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
    extra = ACTS[name_of(act)].extra
    if extra is not None:
        fields[extra.field] = getattr(act, extra.attribute)
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
    # NUL separates the parts of an event id, so no id may have one.
    if b"\\u0000" in value and any("\0" in name for name in (found.batch_id, *ids_in(act))):
        raise RejectedError(INVALID_FIELD, "an id has a NUL character")
    return DecodedAct(found.batch_id, act)


def _act_of(found: Any) -> Act:
    name = found.__struct_config__.tag
    extra = ACTS[name].extra
    value = None if extra is None else getattr(found, extra.field)
    return make_act(name, str(found.act_id), found.who, found.why, value)
