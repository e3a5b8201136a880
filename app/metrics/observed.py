"""What is looked at when it is asked for: it costs nothing in between, and nothing of it asks the broker."""

import platform
from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge

from app.core.batch_state import State
from app.standing import standing
from app.version import release

if TYPE_CHECKING:
    from agents.processor import JoinProcessor
    from app.engine.task_manager import TaskManager

BUILD = Gauge(
    "rollcall_build_info",
    "Always 1; its labels say what runs.",
    ["version", "python", "app_id", "processing_guarantee"],
)
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
READY = Gauge("rollcall_ready", "Whether this worker owns its partitions and has restored them.")
PARTITIONS = Gauge("rollcall_log_partitions", "Partitions of the log that this worker owns.")
CONFIGURED_PARTITIONS = Gauge("rollcall_configured_partitions", "Partitions that the log has, whoever owns them.")
LAG = Gauge(
    "rollcall_lag_records",
    "Records of an input or of the log that this worker owns and has not worked off.",
    ["topic", "partition"],
)
COMMITTED = Gauge(
    "rollcall_committed_offset", "The next offset after what this worker has committed.", ["topic", "partition"]
)
RESTORE_RECORDS = Gauge(
    "rollcall_restore_records", "Changelog records that the present or last restore reads (an upper bound)."
)
RESTORE_LEFT = Gauge("rollcall_restore_records_left", "Changelog records still to be restored (an upper bound).")
CACHED = Gauge("rollcall_cached_batches", "Batches in the cache.")
CACHE_LOOKUPS = Counter("rollcall_cache_lookups", "Batches looked up in the cache, by result.", ["result"])
STATE_BYTES = Gauge("rollcall_state_bytes", "Size of the local database on disk, by partition.", ["partition"])
STATE_ROWS = Gauge("rollcall_state_rows", "About how many rows the local database has, by partition.", ["partition"])


def observe(engine: "TaskManager[JoinProcessor]") -> None:
    """Set the gauges to what is the case now."""
    BUILD.labels(
        release(), platform.python_version(), engine.settings.app_id, engine.settings.processing_guarantee
    ).set(1)
    READY.set(engine.ready)
    PARTITIONS.set(len(engine.tasks))
    CONFIGURED_PARTITIONS.set(engine.settings.partitions)
    RESTORE_RECORDS.set(engine.progress.total)
    RESTORE_LEFT.set(max(0, engine.progress.total - engine.progress.done))
    # Of what is another worker's by now, nothing is said.
    for gauge, values in ((LAG, engine.lags()), (COMMITTED, engine.committed_offsets())):
        gauge.clear()
        for partition, value in values.items():
            gauge.labels(partition.topic, partition.partition).set(value)
    _tables(engine)
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


def _tables(engine: "TaskManager[JoinProcessor]") -> None:
    CACHED.set(sum(task.processor.cached for task in engine.tasks.values()))
    STATE_BYTES.clear()
    STATE_ROWS.clear()
    for partition, task in engine.tasks.items():
        hits, misses = task.processor.lookups()
        CACHE_LOOKUPS.labels("hit").inc(hits)
        CACHE_LOOKUPS.labels("miss").inc(misses)
        STATE_BYTES.labels(partition).set(task.store.size())
        STATE_ROWS.labels(partition).set(task.store.rows())
