"""What the engine counts as it happens, of whatever application: once a chunk, a poll or a commit, never once a record.

The module is the :class:`~app.engine.ports.Observer` of a topology that names no other.
"""

from collections.abc import Iterable

from prometheus_client import Counter, Histogram, disable_created_metrics

# A series for the time at which each series began doubles all of them, and promtool takes them for counters.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the package leaves it without types

#: From a fifth of a millisecond, a small fold, to the 30 s after which something is wrong.
_SECONDS = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)

HOPPED = Counter("rollcall_rekeyed_records", "Inputs that were re-keyed into the log.")
INPUT_GAPS = Counter(
    "rollcall_input_gaps",
    "Partitions of an input that could not be read on from where they were read up to, by topic and cause: deleted "
    "(records were deleted before they were read) or anew (the topic was made again, or cut).",
    ["topic", "cause"],
)
MISSED = Counter(
    "rollcall_missed_input_offsets", "Offsets of an input that were deleted before they were read, by topic.", ["topic"]
)
CHUNK_RECORDS = Histogram(
    "rollcall_chunk_records", "Records in a chunk of the log.", buckets=(1, 3, 10, 30, 100, 300, 1000, 3000, 10_000)
)
CHUNKS_BEGUN = Counter("rollcall_chunks_begun", "Chunks of the log that were begun.")
CHUNK_WAIT_SECONDS = Counter(
    "rollcall_chunk_wait_seconds",
    "Time for which small chunks waited for their turn, to gather more records: a quarter of a second each at most.",
)
FOLD_SECONDS = Histogram("rollcall_fold_seconds", "Time to fold a chunk.", buckets=_SECONDS)
PUBLISH_SECONDS = Histogram(
    "rollcall_publish_seconds", "Time to publish a chunk, write it and have it acknowledged.", buckets=_SECONDS
)
POLL_SECONDS = Histogram(
    "rollcall_poll_seconds",
    "Time of a poll of the consumer, the wait for records (1 s at most) included.",
    buckets=_SECONDS,
)
COMMITS = Counter("rollcall_offset_commits", "Partitions whose offset was committed through the group.")
COMMIT_SECONDS = Histogram(
    "rollcall_commit_seconds", "Time of a commit through the group, also of one that it did not take.", buckets=_SECONDS
)
REFUSED_COMMITS = Counter(
    "rollcall_refused_commits", "Commits that the group did not take: it had moved on, or the broker failed."
)
ABORTS = Counter(
    "rollcall_transaction_aborts",
    "Transactions that failed: the partition was taken over elsewhere, or the broker failed.",
)
TAKEOVER_SECONDS = Histogram(
    "rollcall_takeover_seconds",
    "Time from the assignment of partitions until they are worked on: fencing and restore.",
    buckets=(0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000),
)


def begin(inputs: Iterable[str]) -> None:
    """Make the series of the input topics, at zero: an increase over a counter that begins at 1 would not be seen."""
    for topic in inputs:
        MISSED.labels(topic)
        for cause in ("deleted", "anew"):
            INPUT_GAPS.labels(topic, cause)


def chunk_begun(waited: float) -> None:
    """Count a chunk, and the seconds for which it waited for its turn."""
    CHUNKS_BEGUN.inc()
    CHUNK_WAIT_SECONDS.inc(waited)


def processed(records: int, process_seconds: float, publish_seconds: float) -> None:
    """Count changes that are published, written and acknowledged, and the records that were done with them."""
    CHUNK_RECORDS.observe(records)
    FOLD_SECONDS.observe(process_seconds)
    PUBLISH_SECONDS.observe(publish_seconds)


def rekeyed(records: int) -> None:
    """Count inputs that the log has acknowledged."""
    HOPPED.inc(records)


def input_gap(topic: str, missed: int) -> None:
    """Count a partition of an input that could not be read on from where it was, and how many offsets it lacks.

    None where the topic was made again.
    """
    INPUT_GAPS.labels(topic, "deleted" if missed else "anew").inc()
    MISSED.labels(topic).inc(missed)


def polled(seconds: float) -> None:
    """Count a poll of the consumer."""
    POLL_SECONDS.observe(seconds)


def commit_attempted(seconds: float, *, taken: bool) -> None:
    """Count a commit through the group, and whether it was taken."""
    COMMIT_SECONDS.observe(seconds)
    if not taken:
        REFUSED_COMMITS.inc()


def committed(partitions: int) -> None:
    """Count committed offsets."""
    COMMITS.inc(partitions)


def transaction_aborted() -> None:
    """Count a transaction that failed."""
    ABORTS.inc()


def taken_over(seconds: float) -> None:
    """Count partitions that were fenced and restored."""
    TAKEOVER_SECONDS.observe(seconds)
