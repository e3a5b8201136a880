"""How long a store may be away: as long as its changelog keeps deletions, or it would keep rows that were deleted.

A deletion stays in the changelog for ``delete.retention.ms`` (:data:`app.engine.topics.plans.DELETIONS_KEPT_MS`), and
then goes as well. A store that comes back later than that reads nothing of it, and would have the row for ever. So each
store notes when it last had all of its changelog, by the clock of its machine: 16 hours need no better one.
"""

import time
from datetime import UTC, datetime

import structlog

from app.engine.state.store import Store
from app.engine.topics.plans import DELETIONS_KEPT_MS

log = structlog.get_logger(__name__)


def outdated(store: Store, partition: int, end: int) -> bool:
    """Whether deletions may be gone that a store has not read, of a changelog that ends at ``end``; with a line then.

    Not so of one that lacks nothing, nor of one that an older release wrote, which noted no time.
    """
    seen, now = store.seen, time.time()
    if seen is None or store.offset >= end or (now - seen) * 1000 <= DELETIONS_KEPT_MS:
        return False
    log.warning(
        "local state was away for longer than the changelog keeps deletions and will be restored",
        partition=partition,
        path=str(store.path),
        away_since=_written(seen),
        now=_written(now),
        deletions_kept_hours=DELETIONS_KEPT_MS / 3_600_000,
    )
    return True


def _written(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
