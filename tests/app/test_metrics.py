"""What the metrics count, and that they are there before they are needed."""

import time
from datetime import UTC, datetime

import pytest
from prometheus_client import REGISTRY, generate_latest

from agents.chunk_changes import ChunkChanges
from agents.completed import Completed
from app import metrics
from app.core import names
from app.core.fold import Outcome
from app.engine.metrics import counted
from app.wire.decode import RejectedError, decode
from tests.support.malformed import malformed

LIMIT = 1_048_576


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def test_the_first_dead_letter_of_a_reason_is_an_increase_over_zero() -> None:
    """A series that begins at 1 has no increase, and its alert would not fire."""
    reasons = set()
    for _, record in malformed("metrics"):
        try:
            decode(record.topic, record.value or b"", LIMIT)
        except RejectedError as rejected:
            reasons.add(rejected.reason)
    assert len(reasons) >= 4
    for reason in reasons | {"registration_conflict", "upload_conflict", "poison", "foreign_record"}:
        assert value("rollcall_dead_letters_total", reason=reason) is not None, reason


def test_uploads_that_are_given_up_are_there_from_the_beginning_by_reason() -> None:
    for reason in ("REGISTRATION_NOT_RECEIVED", "DISCARDED_BY_OPERATOR"):
        assert value("rollcall_given_up_uploads_total", reason=reason) is not None


def test_every_output_is_there_from_the_beginning() -> None:
    for topic in names.OUTPUTS:
        assert value("rollcall_outputs_total", topic=topic) is not None


def test_a_chunk_counts_what_it_did_and_each_batch_that_became_ready() -> None:
    work = ChunkChanges(datetime.now(UTC), "tests")
    work.outcomes[names.CONTENT, Outcome.ASSIGNED] += 3
    work.others += [(0, (names.READY, b"batch", b"{}", []))] * 2
    work.dead["malformed"] += 1
    work.completed += [Completed(4.0, time.time() - 2), Completed(0.0, time.time() + 60)]
    sums = {
        "rollcall_chunk_records_sum": 7,
        "rollcall_ready_after_registration_seconds_count": 2,
        "rollcall_ready_after_registration_seconds_sum": 4,
        "rollcall_ready_after_last_upload_seconds_count": 2,
    }
    before = {name: value(name) or 0 for name in sums}
    assigned = value("rollcall_records_total", topic=names.CONTENT, outcome="assigned") or 0
    ready = value("rollcall_outputs_total", topic=names.READY) or 0
    malformed_ones = value("rollcall_dead_letters_total", reason="malformed") or 0
    latency = value("rollcall_ready_after_last_upload_seconds_sum") or 0
    metrics.folded(work)
    counted.processed(7, 0.01, 0.02)
    assert {name: (value(name) or 0) - before[name] for name in sums} == sums
    assert value("rollcall_records_total", topic=names.CONTENT, outcome="assigned") == assigned + 3
    assert value("rollcall_outputs_total", topic=names.READY) == ready + 2
    assert value("rollcall_dead_letters_total", reason="malformed") == malformed_ones + 1
    # A clock that is ahead makes no negative time.
    assert (value("rollcall_ready_after_last_upload_seconds_sum") or 0) - latency == pytest.approx(2, abs=0.5)


def test_a_commit_that_the_group_did_not_take_is_counted() -> None:
    before = value("rollcall_refused_commits_total") or 0
    counted.commit_attempted(0.1, taken=True)
    assert value("rollcall_refused_commits_total") == before
    counted.commit_attempted(0.1, taken=False)
    assert value("rollcall_refused_commits_total") == before + 1


def test_no_series_says_when_another_one_was_created() -> None:
    assert b"_created" not in generate_latest()
