"""Records and envelopes that a benchmark makes up itself, where the workload of the others is not what it needs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from bench.workload import MOMENT

#: Stands for any id.
ID = "00000000-0000-4000-8000-000000000000"


@dataclass(slots=True)
class Record:
    """A record of the log, as it is fetched."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes | None]]


def envelope(topic: str, data: Mapping[str, object]) -> bytes:
    """The value of an input: the contract's envelope around its data."""
    return json.dumps(
        {
            "event_id": ID,
            "event_type": topic,
            "event_timestamp": MOMENT,
            "source_service": "bench",
            "schema_version": 1,
            "correlation_id": ID,
            "data": data,
        }
    ).encode()
