"""What is looked at of essays when it is asked for: it costs nothing in between, and nothing of it asks the broker."""

from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge

from app.core.batch_state import State
from app.standing import standing

if TYPE_CHECKING:
    from agents.processor import JoinProcessor
    from app.engine.task_manager import TaskManager

BATCHES = Gauge(
    "rollcall_batches",
    "Batches of this worker's partitions, by state. Closed ones are missing while they are counted after a start.",
    ["state"],
)
STUCK = Gauge(
    "rollcall_stuck_batches", "Batches that have been incomplete for longer than ROLLCALL_STUCK_AFTER_SECONDS."
)
PENDING = Gauge("rollcall_pending_uploads", "Uploads that wait for the registration of their batch.")
OLDEST_PENDING = Gauge(
    "rollcall_oldest_pending_age_seconds", "How long the oldest of the pending uploads has waited; 0 without any."
)
RECEIPTS = Gauge(
    "rollcall_receipts", "Batches of this worker's partitions that were retired, of which a receipt is kept."
)
OLDEST_CLOSED = Gauge(
    "rollcall_oldest_closed_age_seconds",
    "How long the batch that is retired next has rested unchanged: at most ROLLCALL_BATCH_RETENTION_SECONDS and a few "
    "seconds; 0 without any.",
)
CACHED = Gauge("rollcall_cached_batches", "Batches in the cache.")
CACHE_LOOKUPS = Counter("rollcall_cache_lookups", "Batches looked up in the cache, by result.", ["result"])


def observe(engine: "TaskManager[JoinProcessor]") -> None:
    """Set the gauges to what is the case now."""
    serving = [task for task in engine.tasks.values() if task.serving]
    CACHED.set(sum(task.processor.cached for task in serving))
    for task in serving:
        hits, misses = task.processor.lookups()
        CACHE_LOOKUPS.labels("hit").inc(hits)
        CACHE_LOOKUPS.labels("miss").inc(misses)
    _batches(engine)


def _batches(engine: "TaskManager[JoinProcessor]") -> None:
    stands = standing(engine)
    BATCHES.clear()
    for state in (State.UNREGISTERED, State.OPEN, State.COMPLETE, State.DISCARDED):
        count = getattr(stands, state.value)
        if count is not None:
            BATCHES.labels(state.value).set(count)
    STUCK.set(stands.stuck)
    PENDING.set(stands.pending_uploads)
    oldest = stands.oldest_pending
    known = oldest is not None and engine.clock.known
    OLDEST_PENDING.set(max(0, engine.clock.now() - (oldest or 0)) / 1000 if known else 0)
    _retention(engine, stands.retired)


def _retention(engine: "TaskManager[JoinProcessor]", retired: int | None) -> None:
    if retired is not None:
        RECEIPTS.set(retired)
    tasks = [task for task in engine.tasks.values() if task.serving]
    since = min(filter(None, (task.processor.oldest_resting for task in tasks)), default=None)
    known = since is not None and engine.clock.known
    OLDEST_CLOSED.set(max(0, engine.clock.now() - (since or 0)) / 1000 if known else 0)
