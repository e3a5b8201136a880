"""What is looked at when it is asked for: it costs nothing in between, and nothing of it asks the broker."""

import platform
from typing import TYPE_CHECKING, Any

from prometheus_client import Gauge

from app import native
from app.version import release

if TYPE_CHECKING:
    from app.engine.task_manager import TaskManager

BUILD = Gauge(
    "rollcall_build_info",
    "Always 1; its labels say what runs.",
    ["version", "python", "app_id", "processing_guarantee", "runs"],
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
STANDBYS = Gauge("rollcall_standby_partitions", "Partitions of other workers that this one keeps a standby copy of.")
STANDBY_LAG = Gauge(
    "rollcall_standby_lag_records", "Changelog records that the standby copies of this worker lack (an upper bound)."
)
LOG_BEGINS = Gauge(
    "rollcall_log_begin_offset",
    "Where the log begins, by partition, within the last minute: what lies before it is gone.",
    ["partition"],
)
STATE_BYTES = Gauge("rollcall_state_bytes", "Size of the local database on disk, by partition.", ["partition"])
STATE_ROWS = Gauge("rollcall_state_rows", "About how many rows the local database has, by partition.", ["partition"])


def observe(engine: "TaskManager[Any]") -> None:
    """Set the gauges to what is the case now."""
    BUILD.labels(
        release(),
        platform.python_version(),
        engine.settings.app_id,
        engine.settings.processing_guarantee,
        native.RUNS,
    ).set(1)
    READY.set(engine.ready)
    PARTITIONS.set(len(engine.tasks))
    CONFIGURED_PARTITIONS.set(engine.settings.partitions)
    RESTORE_RECORDS.set(engine.progress.total)
    RESTORE_LEFT.set(max(0, engine.progress.total - engine.progress.done))
    # Partitions that are another worker's by now have no series.
    for gauge, values in ((LAG, engine.lags()), (COMMITTED, engine.committed_offsets())):
        gauge.clear()
        for partition, value in values.items():
            gauge.labels(partition.topic, partition.partition).set(value)
    STANDBYS.set(len(engine.standbys.partitions))
    STANDBY_LAG.set(engine.standbys.lag)
    LOG_BEGINS.clear()
    for number, begin in engine.progress.log_begins.items():
        if number in engine.tasks:
            LOG_BEGINS.labels(number).set(begin.offset)
    STATE_BYTES.clear()
    STATE_ROWS.clear()
    for number, task in engine.tasks.items():
        STATE_BYTES.labels(number).set(task.store.size())
        STATE_ROWS.labels(number).set(task.store.rows())
