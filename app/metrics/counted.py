"""What is counted of essays as it happens: once a chunk, or a completed batch, never once a record."""

from typing import TYPE_CHECKING

from prometheus_client import Counter, Histogram, disable_created_metrics

from agents.dead_letters import FOREIGN, POISON
from app.core import names
from app.core.facts import REGISTRATION_CONFLICT, UPLOAD_CONFLICT
from app.core.fold import Outcome
from app.core.outputs import BY_OPERATOR, NOT_REGISTERED
from app.core.retirement import BATCH_RETIRED
from app.wire import decode
from app.wire.inputs import INPUTS
from app.wire.traceparent import fields, parse

if TYPE_CHECKING:
    from agents.chunk_changes import ChunkChanges

# A series for the time at which each series began doubles all of them, and promtool takes them for counters.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the package leaves it without types

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
RETIRED = Counter("rollcall_batches_retired", "Closed batches that were retired, and left a receipt.")
FORGOTTEN = Counter("rollcall_receipts_forgotten", "Receipts of retired batches that went, as they were kept for long.")
MISMATCHES = Counter(
    "rollcall_registration_count_mismatches", "Registrations whose expected_essay_count is not the number of essay_ids."
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

_REASONS = (
    decode.NULL_VALUE,
    decode.OVERSIZED,
    decode.MALFORMED,
    decode.UNKNOWN_EVENT,
    decode.MISSING_FIELD,
    decode.INVALID_FIELD,
    BATCH_RETIRED,
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
    RETIRED.inc(len(work.leaving.retired))
    FORGOTTEN.inc(len(work.leaving.forgotten))
    MISMATCHES.inc(work.mismatches)
    if work.completed:
        now = work.emitted_at.timestamp()
        for batch in work.completed:
            since_upload = max(0.0, now - batch.latest)
            READY_AFTER_REGISTRATION.observe(max(0.0, batch.since_registration), _exemplar(batch.registration_trace))
            READY_AFTER_LAST_UPLOAD.observe(since_upload, _exemplar(batch.upload_trace))


def _exemplar(traceparent: str | None) -> dict[str, str] | None:
    """The trace by which a dashboard leads from a point to what happened; none that its sender has not kept."""
    trace = parse(traceparent)
    return fields(trace) if trace is not None and trace.sampled else None
