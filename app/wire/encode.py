"""Outputs to bytes: the envelope, and the headers that today's consumers tell repeats by."""

from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from app.core.messages import Message

Headers = list[tuple[str, bytes | None]]

_encoder = msgspec.json.Encoder()


@lru_cache(maxsize=16)  # one entry an output topic
def _event_type(topic: str) -> bytes:
    return topic.encode()


class OutputEnvelope(msgspec.Struct, gc=False):
    """The platform's envelope, as the outputs have it."""

    event_id: str
    event_type: str
    event_timestamp: datetime
    source_service: str
    schema_version: int
    correlation_id: str
    data_schema_uri: None
    data: Any
    metadata: dict[str, str] | None


def encode(message: Message, emitted_at: datetime, source_service: str) -> tuple[bytes, Headers]:
    """The value and the Kafka headers of an output. Only ``event_timestamp`` depends on when it is emitted."""
    event_id = message.event_id
    traceparent = message.traceparent
    value = _encoder.encode(
        OutputEnvelope(
            event_id=event_id,
            event_type=message.topic,
            event_timestamp=emitted_at,
            source_service=source_service,
            schema_version=1,
            correlation_id=message.correlation_id,
            data_schema_uri=None,
            data=message.data,
            metadata=None if traceparent is None else {"traceparent": traceparent},
        )
    )
    headers: Headers = [
        ("event_id", event_id.encode()),
        ("event_type", _event_type(message.topic)),
        ("correlation_id", message.correlation_id.encode()),
    ]
    return value, headers
