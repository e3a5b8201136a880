"""What a worker writes into a tick, and state of a release that retired nothing."""

import pytest

from agents import retiring
from app.core.batch_state import State
from tables import generations, keys, progress
from tests.agents.log import Log, MakeWorker, Record, Worker
from tests.agents.retirements import carried_out, left, log_of
from tests.core.play import SECOND, START

DAY = 86_400


# What a worker writes into a tick


def tick_of(worker: Worker, log: Log, seconds: int) -> Record:
    """The tick that the worker would write so many seconds from now."""
    time = log.time + seconds * SECOND
    return log.tick(time, *worker.join.retiring.headers(time))


def test_a_tick_names_what_has_rested_for_long_and_nothing_else(make_worker: MakeWorker) -> None:
    log = log_of("R1 C0", ("c", "R1 C0"))
    worker = make_worker(batch_retention_seconds=100).run(log.records)
    retiring_ = worker.join.retiring
    assert retiring_.due() is None  # it is not known yet whether the index is whole
    retiring_.complete = True
    assert retiring_.due() == START + 101 * SECOND
    assert retiring_.headers(START + 100 * SECOND) == []
    worker.run([log.tick(START + 101 * SECOND, *retiring_.headers(START + 101 * SECOND))])
    assert [worker.tables.batch(one).state for one in ("b", "c")] == [State.RETIRED, State.COMPLETE]
    assert retiring_.due() == START + 103 * SECOND


def test_never_is_never(make_worker: MakeWorker) -> None:
    log = log_of("R1 C0")
    worker = make_worker(batch_retention_seconds=0, receipt_retention_seconds=0).run(log.records)
    worker.join.retiring.complete = True
    assert worker.join.retiring.due() is None
    assert worker.join.retiring.headers(START + 9999 * DAY * SECOND) == []


def test_a_tick_has_so_many_and_the_next_one_the_rest(make_worker: MakeWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retiring, "_MOST_BATCHES", 2)
    ids = [f"id-{number}" for number in range(5)]
    log = log_of(*((batch, "R1 C0") for batch in ids))
    worker = make_worker(batch_retention_seconds=10, receipt_retention_seconds=20).run(log.records)
    worker.join.retiring.complete = True
    gone = []
    for _ in range(3):
        worker.run([tick_of(worker, log, 60)])
        gone.append(sum(worker.tables.batch(batch).state is State.RETIRED for batch in ids))
        assert worker.join.retiring.behind is (gone[-1] < 5)
    assert gone == [2, 4, 5]
    for _ in range(4):
        worker.run([tick_of(worker, log, DAY)])
    assert not left(worker)


def test_a_tick_has_no_more_uploads_than_a_chunk_but_one_batch_at_least(
    make_worker: MakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retiring, "_MOST_UPLOADS", 3)
    log = log_of(("large", "R3 C0 C1 C2"), ("small", "R1 C0"), ("other", "R1 C0"))
    worker = make_worker(batch_retention_seconds=10).run(log.records)
    worker.join.retiring.complete = True
    for ids in (["large"], ["large", "small"], ["large", "small", "other"]):
        worker.run([tick_of(worker, log, 60)])
        retired = [one for one in ("large", "small", "other") if worker.tables.batch(one).receipt]
        assert retired == ids


def test_a_chunk_that_retires_has_nothing_else(make_worker: MakeWorker) -> None:
    log = log_of("R1 C0", ("c", "C0"), "retire", ("c", "R1"))
    works = list(carried_out(make_worker(), log.records))
    assert [(work.begin, work.records, bool(work.leaving.retired)) for work in works] == [
        (0, 3, False),
        (3, 1, True),
        (4, 1, False),
    ]


# State of a release that retired nothing


def older(worker: Worker) -> None:
    """Take away what an older release did not write."""
    worker.tables.write(dict.fromkeys([*(key for key, _ in worker.store.scan(keys.CLOSED))]), worker.store.offset, ())
    worker.start()


def test_what_an_older_release_closed_is_looked_up_by_ticks_and_retired_in_its_turn(
    make_worker: MakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retiring, "_LOOKED_UP", 2)
    ids = [f"id-{number}" for number in range(5)]
    log = log_of(*((batch, "R1 C0") for batch in ids), ("open", "R2 C0"), ("gone", "C0"), "tick")
    worker = make_worker(batch_retention_seconds=100, receipt_retention_seconds=0).run(log.records)
    whole = dict(worker.store.scan(keys.CLOSED))
    older(worker)
    worker.join.retiring.complete = False
    assert worker.join.retiring.due() == 0
    for _ in range(4):
        assert worker.join.retiring.complete is False
        worker.run([tick_of(worker, log, 1)])
    assert worker.join.retiring.complete
    assert dict(worker.store.scan(keys.CLOSED)).keys() == whole.keys()
    assert worker.store.get(progress.REACHED) is None
    worker.run([tick_of(worker, log, 90)])
    assert not list(worker.store.scan(keys.RECEIPTS))  # they count from when they were found
    worker.run([tick_of(worker, log, 200)])
    assert {worker.tables.batch(batch).state for batch in ids} == {State.RETIRED}
    assert worker.tables.batch("open").state is State.OPEN
    assert worker.tables.batch("gone").last == -1
    # A replay, which has known all along when they were closed, retires the same batches at the same records.
    again = make_worker().run(log.records)
    assert again.states([*ids, "open", "gone"]) == worker.states([*ids, "open", "gone"])
    assert {key: again.store.get(key) for key, _ in worker.store.scan(keys.RECEIPTS)} == dict(
        worker.store.scan(keys.RECEIPTS)
    )


def test_an_older_release_refuses_state_with_receipts_by_name(make_worker: MakeWorker) -> None:
    worker = make_worker().run(log_of("R1 C0").records)
    key, value = generations.GUARD
    assert worker.store.get(key) is None
    worker = make_worker().run(log_of("R1 C0", "retire").records)
    assert worker.store.get(key) == value
    assert value[0] == 3  # the releases before read up to 1 or 2, at their start
    worker.start()


def test_a_tick_of_an_older_release_retires_nothing(make_worker: MakeWorker) -> None:
    log = log_of("R1 C0")
    log.tick(log.time + 9999 * DAY * SECOND)
    worker = make_worker(batch_retention_seconds=1).run(log.records)
    assert worker.tables.batch("b").state is State.COMPLETE
