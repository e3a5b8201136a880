"""What the join notes for the metrics: how long a batch took until it was ready, and which uploads were given up."""

from collections import Counter
from datetime import datetime

import pytest

from app.core.acts import DiscardUpload
from tests.agents.log import Log, MakeWorker
from tests.core.play import SECOND, START, sent
from tests.support.events import uid


def times(worker: object) -> list[tuple[float, float]]:
    works = worker.works  # type: ignore[attr-defined]
    return [(completion.since_registration, completion.latest) for work in works for completion in work.completed]


def test_the_time_since_the_registration_is_the_logs(make_worker: MakeWorker) -> None:
    worker, log = make_worker(), Log()
    inputs = sent("R2 C0 C1")
    for message in inputs:
        log.send(message)
    worker.run(log.records)
    ((seconds, _),) = times(worker)
    assert seconds == 2 * SECOND / 1000


def test_a_registration_that_comes_last_makes_it_ready_at_once(make_worker: MakeWorker) -> None:
    worker, log = make_worker(), Log()
    for message in sent("C0 C1 R2"):
        log.send(message)
    worker.run(log.records, (1, 2))
    assert [seconds for seconds, _ in times(worker)] == [0]


def test_the_latest_moment_is_that_of_the_uploads_in_slots_whatever_their_order(make_worker: MakeWorker) -> None:
    latest = []
    for notation in ("R2 C0 C1", "C1 C0 R2"):
        worker, log = make_worker(), Log()
        inputs = sent(notation)
        for message in inputs:
            log.send(message)
        worker.run(log.records)
        ((_, moment),) = times(worker)
        latest.append(moment)
        (batch,) = worker.tables._cache._resting.values()
        assert moment == max(upload.moment for upload in batch.slots if upload) / 1e6
        assert datetime.fromtimestamp(moment).year == 2026  # noqa: DTZ006 - the year is all that is asked
    assert latest[0] == latest[1]


@pytest.mark.parametrize("notation", ["R2 C0", "C0 C1", "R1 F0", "R1 C0 C0 C1"])
def test_it_is_counted_only_when_a_ready_goes_out_and_once(make_worker: MakeWorker, notation: str) -> None:
    worker, log = make_worker(), Log()
    for message in sent(notation):
        log.send(message)
    worker.run(log.records)
    assert len(times(worker)) == (1 if notation.startswith("R1 C0") else 0)


def test_uploads_that_are_given_up_are_counted_by_reason(make_worker: MakeWorker) -> None:
    worker, log = make_worker(pending_ttl_seconds=100), Log()
    for message in sent("C0 F1"):
        log.send(message)
    log.tick(START + 500 * SECOND)
    log.send(sent("C2")[0])
    log.act("b", DiscardUpload(uid("act"), "somebody", "a test", "b.upload-0002"))
    worker.run(log.records)
    assert sum((work.given_up for work in worker.works), Counter()) == {
        "REGISTRATION_NOT_RECEIVED": 2,
        "DISCARDED_BY_OPERATOR": 1,
    }
