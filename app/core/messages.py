"""A message: an output event, all but the time of its emission."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha1
from typing import Any
from uuid import NAMESPACE_URL

import msgspec

from app.core.events import Content
from app.core.payloads import Payload

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAMESPACE = NAMESPACE_URL.bytes
#: The digit that says the variant: its two upper bits are 10, its two lower ones stay.
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


class Message(msgspec.Struct, frozen=True, gc=False):
    """An output event, all but the time of its emission. ``key`` is the Kafka key."""

    topic: str
    key: str
    event_id: str
    correlation_id: str
    traceparent: str | None
    data: Payload


class Assigned(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """``EssaySlotAssigned`` in short: all that it says. :func:`app.core.outputs.in_full` makes the message of it.

    Nearly every output is one, so a chunk's are written out together at its end (:mod:`agents.chunk_changes`).
    """

    batch_id: str
    essay_id: str
    content: Content


@lru_cache(maxsize=16)  # one entry an output topic
def _begun(topic: str) -> Any:
    """The hash of what all event ids of a topic begin with."""
    return sha1(_NAMESPACE + topic.encode(), usedforsecurity=False)


def event_id(topic: str, *business_key: str) -> str:
    """The id of an output event, a UUIDv5: the same for every repeat.

    The parts are separated by NUL, which no id contains, so no two keys run together. Written out from RFC 9562
    (SHA-1 of namespace and name, then version and variant): the standard library takes five times as long, for each
    output.
    """
    hashed = _begun(topic).copy()
    hashed.update("\0".join(("", *business_key)).encode())
    text: str = hashed.hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"


def at_moment(moment: int) -> datetime:
    """Event time in microseconds since the epoch, as a datetime in UTC; exact."""
    return _EPOCH + timedelta(0, 0, moment)  # by position: it is made for each output
