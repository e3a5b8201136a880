"""The topics and the envelope, as the demo's services write them and its consumers read them.

The demo is an outsider to Rollcall, as the real services are: it shares the event contract with it and no code.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

REGISTERED = "huleedu.batch.essays.registered.v1"
CONTENT = "huleedu.file.essay.content.provisioned.v1"
FAILURE = "huleedu.file.essay.validation.failed.v1"
INPUTS = (REGISTERED, CONTENT, FAILURE)

SLOT_ASSIGNED = "huleedu.els.essay.slot.assigned.v1"
READY = "huleedu.els.batch.essays.ready.v1"
ERRORS = "huleedu.els.batch.validation.errors.v1"
EXCESS = "huleedu.els.excess.content.provisioned.v1"
PROVISIONED = "huleedu.batch.content.provisioning.completed.v1"
TIMEOUT = "huleedu.els.batch.readiness.timeout.v1"
EXPIRED = "huleedu.els.pending.content.expired.v1"
DEAD_LETTER = "huleedu.els.coordination.dead-letter.v1"
OUTPUTS = (SLOT_ASSIGNED, READY, ERRORS, EXCESS, PROVISIONED, TIMEOUT, EXPIRED, DEAD_LETTER)

OLD_RULE = "demo.old-rule.v1"
"""What the rejected old rule says about itself, so that it too can be watched from Kafka alone."""

PARTITIONS = 3
"""Partitions of every topic, as the platform has it: enough that contents of one batch lie in several of them."""


def utc_now() -> str:
    """Return the present moment as ISO 8601 text in UTC."""
    return datetime.now(UTC).isoformat()


@dataclass(frozen=True, slots=True)
class Event:
    """A domain event on its way into an outbox: where it goes, and its `data`."""

    topic: str
    key: str
    source_service: str
    correlation_id: UUID
    data: Mapping[str, Any]


def envelope(topic: str, source_service: str, correlation_id: str, data: Mapping[str, Any]) -> bytes:
    """Return the message for one publication of an event.

    Every call makes a new `event_id` and `event_timestamp`: a relay that publishes a row again makes a new envelope
    around the same `data`, which is why nobody may tell repeats by `event_id`. The correlation id is kept.
    """
    return json.dumps(
        {
            "event_id": str(uuid4()),
            "event_type": topic,
            "event_timestamp": utc_now(),
            "source_service": source_service,
            "schema_version": 1,
            "correlation_id": correlation_id,
            "data_schema_uri": None,
            "data": data,
            "metadata": None,
        }
    ).encode()


@dataclass(frozen=True, slots=True)
class Record:
    """One message as it was read from Kafka. Both moments are Unix time in seconds."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    produced_at: float
    seen_at: float

    def envelope(self) -> dict[str, Any] | None:
        """Return the decoded envelope, or None where the value is no JSON object (a dead letter may hold anything)."""
        if self.value is None:
            return None
        try:
            decoded = json.loads(self.value)
        except ValueError:
            return None
        return decoded if isinstance(decoded, dict) else None
