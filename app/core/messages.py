"""A message: an output event, all but the time of its emission."""

from datetime import UTC, datetime, timedelta
from hashlib import sha1
from uuid import NAMESPACE_URL

import msgspec

from app.core.payloads import Payload

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAMESPACE = NAMESPACE_URL.bytes


class Message(msgspec.Struct, frozen=True, gc=False):
    """An output event, all but the time of its emission. ``key`` is the Kafka key."""

    topic: str
    key: str
    event_id: str
    correlation_id: str
    traceparent: str | None
    data: Payload


def event_id(topic: str, *business_key: str) -> str:
    """The id of an output event, a UUIDv5: the same for every repeat.

    The parts are separated by NUL, which no id contains, so no two keys run together. Written out from RFC 9562
    (SHA-1 of namespace and name, then version and variant): the standard library takes five times as long, for each
    output.
    """
    name = "\0".join((topic, *business_key))
    digest = bytearray(sha1(_NAMESPACE + name.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def at_moment(moment: int) -> datetime:
    """Event time in microseconds since the epoch, as a datetime in UTC; exact."""
    return _EPOCH + timedelta(microseconds=moment)
