"""What the operators' API answers, made from a batch: the shapes of its lists and its stream."""

import json
from collections.abc import Callable, Mapping

from tests.board.scenarios import Json

SUMMARY = (
    "batch_id",
    "partition",
    "state",
    "slots",
    "filled",
    "failed",
    "pending",
    "since",
    "age_seconds",
    "stuck",
    "reason",
)


def summary(batch: Json) -> Json:
    """A batch as a list shows it."""
    return {key: batch[key] for key in SUMMARY}


def waiting(batch: Json) -> Json:
    """A batch as the list of pending uploads shows it."""
    fields = ("batch_id", "partition", "pending", "since", "age_seconds")
    return {key: batch[key] for key in fields} | {"expires_at": batch["pending_list"][0]["expires_at"]}


def page(found: list[Json], asked: Mapping[str, str], shown: Callable[[Json], Json]) -> Json:
    """The page of a list that was asked for, each item as it is ``shown``."""
    start, limit = int(asked.get("cursor", "0")), int(asked.get("limit", "100"))
    more = start + limit < len(found)
    return {
        "items": [shown(batch) for batch in found[start : start + limit]],
        "next": str(start + limit) if more else None,
    }


def stream_event(name: str, data: Json) -> bytes:
    """An event of a stream, as server-sent events are written."""
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()
