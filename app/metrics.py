"""The metrics, named by the Prometheus conventions. Labels are bounded: never a batch id."""

from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram

if TYPE_CHECKING:
    from agents.work import Work
    from app.engine.engine import Engine

RECORDS = Counter(
    "rollcall_records", "Records of the log that were folded, by input topic and outcome.", ["topic", "outcome"]
)
OUTPUTS = Counter("rollcall_outputs", "Events published, by topic.", ["topic"])
DEAD_LETTERS = Counter("rollcall_dead_letters", "Inputs that could not be used, by reason.", ["reason"])
MISMATCHES = Counter(
    "rollcall_registration_count_mismatches", "Registrations whose expected_essay_count is not the number of essay_ids."
)
HOPPED = Counter("rollcall_rekeyed_records", "Inputs that were re-keyed into the log.")
CHUNK_RECORDS = Histogram(
    "rollcall_chunk_records", "Records in a chunk of the log.", buckets=(1, 3, 10, 30, 100, 300, 1000, 3000, 10_000)
)
FOLD_SECONDS = Histogram(
    "rollcall_fold_seconds", "Time to fold a chunk.", buckets=(0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3)
)
PUBLISH_SECONDS = Histogram(
    "rollcall_publish_seconds",
    "Time to publish a chunk, write it and have it acknowledged.",
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
)
COMMITS = Counter("rollcall_offset_commits", "Partitions whose offset was committed through the group.")
READY = Gauge("rollcall_ready", "Whether this worker owns its partitions and has restored them.")
PARTITIONS = Gauge("rollcall_log_partitions", "Partitions of the log that this worker owns.")
RESTORE_LEFT = Gauge("rollcall_restore_records_left", "Changelog records still to be restored (an upper bound).")
CACHED = Gauge("rollcall_cached_batches", "Batches in the cache.")


def chunk(work: "Work", records: int, fold_seconds: float, publish_seconds: float) -> None:
    """Count a chunk that is done."""
    for (topic, outcome), count in work.outcomes.items():
        RECORDS.labels(topic, outcome.value).inc(count)
    for topic, count in work.said.items():
        OUTPUTS.labels(topic).inc(count)
    for reason, count in work.dead.items():
        DEAD_LETTERS.labels(reason).inc(count)
    MISMATCHES.inc(work.mismatches)
    CHUNK_RECORDS.observe(records)
    FOLD_SECONDS.observe(fold_seconds)
    PUBLISH_SECONDS.observe(publish_seconds)


def hopped(records: int) -> None:
    """Count what went through the hop."""
    HOPPED.inc(records)


def committed(partitions: int) -> None:
    """Count committed offsets."""
    COMMITS.inc(partitions)


def observe(engine: "Engine") -> None:
    """Set the gauges to what is the case now."""
    READY.set(engine.ready)
    PARTITIONS.set(len(engine.tasks))
    RESTORE_LEFT.set(max(0, engine.progress.total - engine.progress.done))
    CACHED.set(sum(task.cached for task in engine.tasks.values()))
