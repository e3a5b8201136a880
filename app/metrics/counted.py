"""What is counted as it happens: once a chunk, a poll, a commit or a completed batch, never once a record."""

from typing import TYPE_CHECKING

from prometheus_client import Counter, Histogram, disable_created_metrics

from agents.dead_letters import FOREIGN, POISON
from app.core import names
from app.core.fold import Outcome
from app.core.outputs import BY_OPERATOR, NOT_REGISTERED
from app.core.rules import REGISTRATION_CONFLICT, UPLOAD_CONFLICT
from app.wire import decode
from app.wire.inputs import INPUTS

if TYPE_CHECKING:
    from agents.chunk_changes import ChunkChanges

# A series for the time at which each series began doubles all of them, and promtool takes them for counters.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the package leaves it without types

#: From a fifth of a millisecond, a small fold, to the 30 s after which something is wrong.
_SECONDS = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)

#: Teachers upload for minutes or days: from a second to two of the days after which a batch is late by default.
_TEACHING_SECONDS = (1, 10, 60, 300, 900, 3600, 14_400, 43_200, 86_400, 172_800)

#: From a quick relay and a quick poll to an hour.
_ANSWER_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600)

RECORDS = Counter(
    "rollcall_records", "Records of the log that were folded, by input topic and outcome.", ["topic", "outcome"]
)
OUTPUTS = Counter("rollcall_outputs", "Events published, by topic.", ["topic"])
DEAD_LETTERS = Counter("rollcall_dead_letters", "Inputs that could not be used, by reason.", ["reason"])
GIVEN_UP = Counter(
    "rollcall_given_up_uploads", "Pending uploads that expired, or that an operator discarded, by reason.", ["reason"]
)
MISMATCHES = Counter(
    "rollcall_registration_count_mismatches", "Registrations whose expected_essay_count is not the number of essay_ids."
)
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
READY_AFTER_REGISTRATION = Histogram(
    "rollcall_ready_after_registration_seconds",
    "From the registration of a batch to the record that completed it, in log time. Batches that were ready only.",
    buckets=_TEACHING_SECONDS,
)
READY_AFTER_LAST_UPLOAD = Histogram(
    "rollcall_ready_after_last_upload_seconds",
    "From the latest event time in a batch (by the clock of the service that sent it) to the publication of its Ready.",
    buckets=_ANSWER_SECONDS,
)
CHUNK_RECORDS = Histogram(
    "rollcall_chunk_records", "Records in a chunk of the log.", buckets=(1, 3, 10, 30, 100, 300, 1000, 3000, 10_000)
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

_REASONS = (
    decode.NULL_VALUE,
    decode.OVERSIZED,
    decode.MALFORMED,
    decode.UNKNOWN_EVENT,
    decode.MISSING_FIELD,
    decode.INVALID_FIELD,
    REGISTRATION_CONFLICT,
    UPLOAD_CONFLICT,
    POISON,
    FOREIGN,
)
_ANY = (Outcome.CONFLICT, Outcome.REPEATED, Outcome.SKIPPED, Outcome.REJECTED)
_OUTCOMES = {topic: (*found.outcomes, *_ANY) for topic, found in INPUTS.items()}


def _begin() -> None:
    """Make the series at zero: an increase over a counter that begins with its first event would not be seen."""
    for topic in names.OUTPUTS:
        OUTPUTS.labels(topic)
    for reason in _REASONS:
        DEAD_LETTERS.labels(reason)
    for reason in (NOT_REGISTERED, BY_OPERATOR):
        GIVEN_UP.labels(reason)
    for topic in INPUTS:
        MISSED.labels(topic)
        for cause in ("deleted", "anew"):
            INPUT_GAPS.labels(topic, cause)
    for topic, outcomes in _OUTCOMES.items():
        for outcome in outcomes:
            RECORDS.labels(topic, outcome.value)


_begin()


def folded(work: "ChunkChanges") -> None:
    """Count what became of the records of a work that is durable."""
    for (topic, outcome), count in work.outcomes.items():
        RECORDS.labels(topic, outcome.value).inc(count)
    for topic, count in work.said.items():
        OUTPUTS.labels(topic).inc(count)
    for reason, count in work.dead.items():
        DEAD_LETTERS.labels(reason).inc(count)
    for reason, count in work.given_up.items():
        GIVEN_UP.labels(reason).inc(count)
    MISMATCHES.inc(work.mismatches)
    if work.completed:
        now = work.emitted_at.timestamp()
        for since_registration, moment in work.completed:
            READY_AFTER_REGISTRATION.observe(max(0.0, since_registration))
            READY_AFTER_LAST_UPLOAD.observe(max(0.0, now - moment))


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
