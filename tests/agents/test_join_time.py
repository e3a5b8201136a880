"""The join and time: expiries with the whole original, timeouts once, and what a tick may find."""

import json
from dataclasses import replace

import pytest

from tables import waiting
from tests.agents.log import Log, MakeWorker, Output, topics_of
from tests.core.play import SECOND, START, sent
from tests.oracle import topics

TTL = {"pending_ttl_seconds": 100, "readiness_timeout_seconds": 200}


def data(output: Output) -> dict[str, object]:
    found: dict[str, object] = json.loads(output[2] or b"")["data"]
    return found


@pytest.mark.parametrize("same_chunk", [True, False])
def test_an_expiry_carries_the_whole_original(make_worker: MakeWorker, *, same_chunk: bool) -> None:
    worker = make_worker(**TTL)
    log = Log()
    inputs = sent("C0 F1")
    for message in inputs:
        log.send(message, partition=3)
    log.tick(START + 500 * SECOND)
    worker.run(log.records, () if same_chunk else (1, 2))
    assert topics_of(worker.outputs) == [topics.EXPIRED, topics.EXPIRED]
    for output, original in zip(worker.outputs, inputs, strict=True):
        assert output[1] == b"b"
        assert (original.value or b"?") in (output[2] or b"")  # byte for byte
        assert data(output)["original_topic"] == original.topic
        assert data(output)["original"] == json.loads(original.value or b"")
    assert worker.waiting() == []
    assert [worker.tables.original("b", at) for at in range(2)] == [None, None]
    assert worker.join.deadline() is None


def test_an_expired_upload_put_back_is_new(make_worker: MakeWorker) -> None:
    worker = make_worker(**TTL)
    log = Log()
    (first,) = sent("C0")
    log.send(first)
    log.tick(START + 500 * SECOND)
    worker.run(log.records, (1, 2))
    put_back = json.dumps(data(worker.outputs[0])["original"]).encode()
    log.send(replace(first, value=put_back))
    log.send(sent("R1")[0])
    worker.fold(log.records[2:])
    assert topics_of(worker.outputs[1:]) == [topics.SLOT, topics.READY, topics.COMPLETED]


@pytest.mark.parametrize("cuts", [(), (1, 2, 3, 4)])
def test_an_expired_input_that_the_hop_repeats_is_not_put_back_by_that(
    make_worker: MakeWorker, cuts: tuple[int, ...]
) -> None:
    worker = make_worker(**TTL)
    log = Log()
    first = log.send(sent("C0")[0])
    log.tick(START + 500 * SECOND)
    log.again(first)
    log.send(sent("R1")[0])
    log.again(first)
    worker.run(log.records, cuts)
    assert topics_of(worker.outputs) == [topics.EXPIRED]
    assert worker.tables.batch("b").slots == [None]
    assert worker.tables.original("b", 2) is None


def test_an_upload_that_expires_twice_is_two_expiries(make_worker: MakeWorker) -> None:
    worker = make_worker(**TTL)
    log = Log()
    log.send(sent("C0")[0])
    log.tick(START + 500 * SECOND)
    log.records.append(replace(log.send(sent("C0")[0]), offset=2, timestamp=START + 600 * SECOND))
    del log.records[2]
    log.tick(START + 900 * SECOND)
    worker.fold(log.records)
    first, second = worker.outputs
    assert first[0] == second[0] == topics.EXPIRED
    assert dict(first[3])["event_id"] != dict(second[3])["event_id"]
    assert data(first)["pending_since"] == "2026-03-02T09:00:00Z"
    assert data(second)["pending_since"] == "2026-03-02T09:10:00Z"


def test_a_tick_fires_once_and_a_later_one_repeats_nothing(make_worker: MakeWorker) -> None:
    log = Log()
    for message in [*sent("C0", "held"), *sent("R2 C0", "open")]:
        log.send(message)
    for second in (99, 100, 101, 201, 201, 202, 203, 999):
        log.tick(START + second * SECOND)
    for cuts in ((), range(20)):
        fresh = make_worker(**TTL)
        fresh.run(log.records, cuts)
        assert topics_of(fresh.outputs) == [topics.SLOT, topics.EXPIRED, topics.TIMEOUT]
        assert fresh.waiting() == [("LATE", START + SECOND, "open")]
        assert fresh.join.deadline() is None


def test_a_tick_that_is_too_early_does_nothing(make_worker: MakeWorker) -> None:
    worker = make_worker(**TTL)
    log = Log()
    for message in [*sent("C0", "held"), *sent("R2 C0", "open")]:
        log.send(message)
    log.tick(START + 100 * SECOND - 1)
    assert topics_of(worker.fold(log.records).outputs) == [topics.SLOT]
    assert worker.join.deadline() == START + 100 * SECOND


def test_the_deadline_is_the_nearest_of_all_batches(make_worker: MakeWorker) -> None:
    worker = make_worker(**TTL)
    log = Log()
    assert worker.join.deadline() is None
    due = []
    for message in [sent("R2", "open")[0], sent("C0", "held")[0], sent("C0", "held-2")[0], sent("R1", "held")[0]]:
        log.send(message)
        worker.fold(log.records[-1:])
        due.append(worker.join.deadline())
    assert due == [
        START + 200 * SECOND,
        START + (1 + 100) * SECOND,
        START + (1 + 100) * SECOND,
        START + (2 + 100) * SECOND,
    ]


def test_a_deadline_that_is_off_is_none_and_ticks_do_nothing(make_worker: MakeWorker) -> None:
    worker = make_worker(pending_ttl_seconds=0, readiness_timeout_seconds=0)
    log = Log()
    for message in [*sent("C0", "held"), *sent("R2 C0", "open")]:
        log.send(message)
    log.tick(START + 10**9)
    assert topics_of(worker.fold(log.records).outputs) == [topics.SLOT]
    assert worker.join.deadline() is None
    assert [name for name, _, _ in worker.waiting()] == ["HOLDING", "OPEN"]


def test_a_late_batch_completes_and_no_longer_waits(make_worker: MakeWorker) -> None:
    worker = make_worker(**TTL)
    log = Log()
    for message in sent("R2 C0"):
        log.send(message)
    log.tick(START + 500 * SECOND)
    log.send(sent("C1")[0])
    worker.run(log.records, range(5))
    assert topics_of(worker.outputs) == [topics.SLOT, topics.TIMEOUT, topics.SLOT, topics.READY, topics.COMPLETED]
    assert worker.waiting() == []


def test_only_what_is_due_expires_and_the_rest_goes_on_waiting(make_worker: MakeWorker) -> None:
    worker = make_worker(**TTL)
    log = Log()
    for message in sent("C0 C1 C2"):
        log.send(message)
    log.tick(START + 101 * SECOND)
    worker.run(log.records, (3,))
    assert len(worker.outputs) == 2
    assert worker.waiting() == [("HOLDING", START + 2 * SECOND, "b")]
    assert worker.tables.original("b", 2) is not None


def test_a_row_of_waiting_that_a_paused_worker_left_is_looked_up_and_deleted(make_worker: MakeWorker) -> None:
    """Otherwise its deadline would be due for ever, and a tick would be written each second."""
    for what, sequence in ((waiting.What.HOLDING, "R2 C0"), (waiting.What.OPEN, "R1 C0"), (waiting.What.HOLDING, "")):
        worker = make_worker(**TTL)
        log = Log()
        for message in sent(sequence):
            log.send(message)
        if log.records:
            worker.fold(log.records)
        before = worker.states(["b"])
        said = len(worker.outputs)
        worker.tables.write({waiting.key(what, 5, "b"): b""}, worker.store.offset + 1, [])
        worker.start()
        work = worker.fold([log.tick(START + 150 * SECOND)])
        assert (work.outputs, len(worker.outputs)) == ([], said)
        assert all(since > 5 for _, since, _ in worker.waiting())
        assert worker.join.deadline() in {None, START + 200 * SECOND}
        assert worker.states(["b"]) == before


def test_deadlines_outlive_a_restart(make_worker: MakeWorker) -> None:
    worker = make_worker(**TTL)
    log = Log()
    for message in [*sent("C0", "held"), *sent("R2 C0", "open")]:
        log.send(message)
    worker.fold(log.records)
    worker.start()
    assert worker.join.deadline() == START + 100 * SECOND
    worker.fold([log.tick(START + 500 * SECOND)])
    assert topics_of(worker.outputs[-2:]) == [topics.TIMEOUT, topics.EXPIRED]
