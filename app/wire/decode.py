"""Bytes to events: every input is checked here, once, and what can't be used is refused with a reason.

:func:`decode` raises :class:`RejectedError` and nothing else, whatever the bytes are: bad input is a dead letter,
never a crash. The list of inputs is in :mod:`app.wire.inputs`.
"""

from typing import Any

import msgspec

from app.wire.inputs import INPUTS, Decoded
from app.wire.rejected import (
    INVALID_FIELD,
    MALFORMED,
    MISSING_FIELD,
    NULL_VALUE,
    OVERSIZED,
    UNKNOWN_EVENT,
    RejectedError,
)
from app.wire.schema import Envelope, Routing

__all__ = [
    "INVALID_FIELD",
    "MALFORMED",
    "MISSING_FIELD",
    "NULL_VALUE",
    "OVERSIZED",
    "SCHEMA_VERSION",
    "UNKNOWN_EVENT",
    "Decoded",
    "RejectedError",
    "batch_id_for_routing",
    "decode",
]

#: The only version of the envelope that exists; another one is an event that this code does not know.
SCHEMA_VERSION = 1

#: NUL as JSON writes it.
_NUL = b"\\u0000"

_decoders: dict[str, msgspec.json.Decoder[Envelope[Any]]] = {
    topic: msgspec.json.Decoder(Envelope[found.model])  # type: ignore[name-defined]  # a type at run time
    for topic, found in INPUTS.items()
}
_routing = msgspec.json.Decoder(Routing)


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
    """Check an input of ``topic``, one of :data:`~app.wire.inputs.INPUTS` (else KeyError), and reduce it to its event.

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
            _refuse_nul(topic, decoded)
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
    return INPUTS[topic].decode(_checked(_decoders[topic].decode(value), topic))


def _refuse_nul(topic: str, decoded: Decoded) -> None:
    """NUL separates the parts of an event id, so no id may have one."""
    if any("\0" in found for found in (decoded.batch_id, *INPUTS[topic].ids(decoded.event))):
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
