"""How long a store may be away: as long as its changelog keeps deletions, or it would keep rows that were deleted.

A deletion stays in the changelog for its ``delete.retention.ms``, and then goes as well: that is 16 hours where
Rollcall made the topic (:data:`app.engine.topics.plans.DELETIONS_KEPT_MS`), and what the topic says where that is less.
A store that comes back later reads nothing of it, and would have the row for ever. So each store notes when it last had
all of its changelog, by the clock of its machine: hours need no better one.
"""

import time
from datetime import UTC, datetime

from app.engine.state.store import Store
from app.engine.topics.plans import DELETIONS_KEPT_MS
from app.lazy_log import Logger

log = Logger(__name__)


def outdated(store: Store, partition: int, end: int, kept_ms: int = DELETIONS_KEPT_MS) -> bool:
    """Whether deletions may be gone that a store has not read, of a changelog that ends at ``end`` and keeps them for
    ``kept_ms``; with a line then.

    Not so of one that lacks nothing, nor of one that an older release wrote, which noted no time.
    """
    seen, now = store.seen, time.time()
    if seen is None or store.offset >= end or (now - seen) * 1000 <= kept_ms:
        return False
    log.warning(
        "local state was away for longer than the changelog keeps deletions and will be restored",
        partition=partition,
        path=str(store.path),
        away_since=_written(seen),
        now=_written(now),
        deletions_kept_hours=round(kept_ms / 3_600_000, 3),
    )
    return True


def _written(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
