"""A message: an output event, all but the time of its emission."""

from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

from app.core.payloads import Payload

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Message(msgspec.Struct, frozen=True):
    """An output event, all but the time of its emission. ``key`` is the Kafka key."""

    topic: str
    key: str
    event_id: UUID
    correlation_id: str
    traceparent: str | None
    data: Payload


def event_id(topic: str, *business_key: str) -> UUID:
    """The id of an output event: the same for every repeat.

    Parts are separated by NUL, so that no two keys run together.
    """
    return uuid5(NAMESPACE_URL, "\0".join((topic, *business_key)))


def at_moment(moment: int) -> datetime:
    """Event time in microseconds since the epoch, as a datetime in UTC; exact."""
    return _EPOCH + timedelta(microseconds=moment)
