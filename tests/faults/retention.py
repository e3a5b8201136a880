"""Batches that are retired while faults strike: receipts stay for ever, and what comes late is answered from them."""

import json
import time
from typing import Any

from tests.faults.faults import Cast
from tests.faults.workload import Workload

#: Seconds in which all that is closed must have gone, once everything is folded.
_PATIENCE = 60


def retiring(seconds: float) -> dict[str, str]:
    """The settings of workers that keep a closed batch for so many seconds."""
    return {
        "ROLLCALL_BATCH_RETENTION_SECONDS": str(seconds),
        "ROLLCALL_RECEIPT_RETENTION_SECONDS": "0",
        "ROLLCALL_TICK_SECONDS": "0.1",
    }


#: The settings of a worker that retires nothing any more.
NEVER = {"ROLLCALL_BATCH_RETENTION_SECONDS": "0"}


def all_retired(cast: Cast, workload: Workload) -> int:
    """Wait until every batch that is closed has gone, and no other; how many these are.

    Raises AssertionError where the workers say that there are others.
    """
    wanted = sum(batch.closes for batch in workload.batches.values())
    deadline = time.monotonic() + _PATIENCE
    while (found := _counts(cast)) != (0, wanted):
        if time.monotonic() > deadline:
            message = f"{found} batches are complete and retired, and not 0 and {wanted}"
            raise AssertionError(message)
        time.sleep(0.2)
    return wanted


def _counts(cast: Cast) -> tuple[int, int] | None:
    """How many batches are complete and retired; None while that is not known of all partitions."""
    status, body = cast.workers[0].get("/api/overview")
    overview: dict[str, Any] = json.loads(body) if status == 200 else {}
    if overview.get("missing") != [] or overview["retired"] is None:
        return None
    return overview["counts"]["complete"], overview["retired"]
