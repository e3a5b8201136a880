"""A batch goes by what its row says: as if it had been loaded, and without it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents import going, parts
from agents.chunk_changes import ChunkChanges
from app.core.events import Source
from app.core.retirement import receipt_of
from tables import closed, keys, pending
from tables.batch_counts import BatchCounts
from tables.counts_loader import load_counts
from tables.pending import Original
from tests.agents.log import Log, MakeWorker, Worker, dead
from tests.agents.retirements import IDS, carried_out, left, log_of
from tests.core.acting import discard, force, reopen
from tests.core.examples import examples
from tests.core.play import sent

#: What happens to a batch before and after it is closed: repeats, surplus, conflicts, aliases, failures, acts.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(IDS),
        st.sampled_from(
            ["R1", "R2", "C0", "C1", "C2", "C0@3", "C0'", "F2", "F0", "R1 C0", "C0 R1 C1 F5", "tick"]
        ) | st.sampled_from([force, discard, lambda: reopen("one-more")]),
    ),
    min_size=3,
    max_size=14,
)  # fmt: skip


def _log(steps: list[tuple[str, object]]) -> Log:
    log = Log()
    for batch, step in steps:
        if callable(step):
            log.act(batch, step())
        elif step == "tick":
            log.tick()
        else:
            for message in sent(str(step), batch):
                log.send(message)
    return log


def _without(worker: Worker) -> None:
    """Have the rows say what those of an older release say."""
    rows = dict(worker.store.scan(keys.CLOSED))
    worker.tables.write({key: value[:12] for key, value in rows.items()}, worker.store.offset, ())


def _changed(work: ChunkChanges) -> set[str]:
    return {*(batch.batch_id for batch in work.changed), *work.leaving.unseen}


@examples(50)
@given(STEPS)
def test_what_a_row_says_is_the_receipt_that_the_batch_would_get(
    make_worker: MakeWorker, steps: list[tuple[str, object]]
) -> None:
    log = _log(steps)
    worker = make_worker()
    list(carried_out(worker, log.records))
    worker.start()
    for row in list(worker.tables.resting()):
        batch = worker.tables.batch(row.place.batch_id)
        assert (row.place.at, closed.kept(row)) == (batch.last, receipt_of(batch))


@examples(50)
@given(STEPS, st.booleans())
def test_a_batch_goes_by_its_row_as_if_it_had_been_loaded(
    make_worker: MakeWorker,
    steps: list[tuple[str, object]],
    cold: bool,  # noqa: FBT001 - hypothesis
) -> None:
    log = _log(steps)
    known, loaded = make_worker(), make_worker()
    for worker in (known, loaded):
        list(carried_out(worker, log.records))
    _without(loaded)
    if cold:
        known.start()
        loaded.start()
    goes = [log.retire("~"), *(log.send(message) for message in sent("C8 R1", "b")), log.forget("~")]
    for record in goes:
        (mine,), (other,) = carried_out(known, [record]), carried_out(loaded, [record])
        assert mine.rows == other.rows
        assert _changed(mine) == _changed(other)
        assert mine.closed | mine.leaving.unseen == other.closed | other.leaving.unseen
        assert mine.leaving.retired == other.leaving.retired
        assert mine.leaving.forgotten == other.leaving.forgotten
        assert known.rows() == loaded.rows()
    assert dead(known.outputs) == dead(loaded.outputs)


def test_nothing_is_loaded_to_be_retired(make_worker: MakeWorker) -> None:
    log = log_of(("b", "C0 R1"), ("bb", "R2 C0 F1 C4"), ("c", "R1 F0"))
    worker = make_worker()
    list(carried_out(worker, log.records))
    worker.start()
    list(carried_out(worker, [log.retire("~"), log.forget("~")]))
    assert not left(worker)
    assert (worker.tables.misses, worker.tables.cached) == (0, 0)


def test_the_cache_lets_go_of_what_is_retired_and_of_what_it_weighed(make_worker: MakeWorker) -> None:
    log = log_of(("b", "C0 R1"), ("bb", "R2 C0 F1 C4"), ("c", "R2 C0"))
    worker = make_worker(capacity=30)
    list(carried_out(worker, log.records))
    assert worker.tables.cached == 3
    list(carried_out(worker, [log.retire("~")]))
    assert worker.tables.cached == 1
    assert worker.tables.batch("b").receipt is not None
    # Itself, 4, and two slots and one content, (2 + 5) / 3.
    assert worker.tables._cache.weight == sum(worker.tables._cache._weights.values()) == 4 + 2


def test_a_row_of_an_older_release_says_less_and_its_batch_is_loaded(make_worker: MakeWorker) -> None:
    log = log_of(("b", "C0 R1"))
    worker = make_worker()
    list(carried_out(worker, log.records))
    _without(worker)
    worker.start()
    assert [(row.place.batch_id, row.weight, row.kept) for row in worker.tables.resting()] == [("b", 2, b"")]
    (work,) = carried_out(worker, [log.retire("~")])
    assert [place.batch_id for place in work.leaving.retired] == ["b"]
    assert worker.tables.misses == 1


def test_a_row_of_what_is_not_so_any_more_retires_nothing(make_worker: MakeWorker) -> None:
    """A paused worker wrote it back: of what it says the batch has changed since."""
    log = log_of("R1 C0")
    worker = make_worker()
    list(carried_out(worker, log.records))
    late = dict(worker.store.scan(keys.CLOSED))
    for record in (log.act("b", reopen("more")), log.retire("~")):
        worker.tables.write(late, worker.store.offset, ())
        worker.start()
        list(carried_out(worker, [record]))
    assert worker.tables.batch("b").receipt is None
    assert not list(worker.store.scan(keys.CLOSED))


@pytest.mark.parametrize("looked_through", [True, False])
def test_a_batch_that_was_retired_is_not_retired_again_by_the_rows_that_a_paused_worker_wrote_back(
    make_worker: MakeWorker, *, looked_through: bool
) -> None:
    log = log_of("C0 R1")
    worker = make_worker()
    list(carried_out(worker, log.records))
    late = left(worker)
    list(carried_out(worker, [log.retire("~")]))
    kept = left(worker)
    worker.tables.write(late, worker.store.offset, ())
    worker.start()
    if looked_through:
        counts = BatchCounts()
        list(load_counts(counts, worker.store))
        worker.join.retiring.looked_through(complete=True, left_behind=counts.left_behind)
    list(carried_out(worker, [log.retire("~")]))
    assert left(worker) == kept


def test_rows_without_a_beginning_that_a_paused_worker_wrote_back_are_no_batch(make_worker: MakeWorker) -> None:
    """Of a batch whose receipt is gone as well: a worker that loads it does not stop over them."""
    worker = make_worker()
    for records in (log := log_of("C0 R2", "C1 C2 F3")).records[:2], log.records[2:]:
        list(carried_out(worker, records))
    late = {key: value for key, value in left(worker).items() if key.startswith(keys.BATCHES)}
    beginning = min(late)
    list(carried_out(worker, [log.retire("~"), log.forget("~")]))
    worker.tables.write({key: value for key, value in late.items() if key != beginning}, worker.store.offset, ())
    worker.start()
    batch = worker.tables.batch("b")
    assert (batch.registration, batch.slots, batch.uploads) == (None, [], {})


@pytest.mark.parametrize("what", ["closed", "waiting"])
def test_what_a_paused_worker_wrote_back_of_a_retired_batch_is_not_counted_and_stops_no_start(
    make_worker: MakeWorker, what: str
) -> None:
    """The row before it is gone, which has the upload that a fact in it is about."""
    worker, log = make_worker(), log_of("C0")
    list(carried_out(worker, log.records))
    known = left(worker)
    for message in sent("R2", "b"):
        log.send(message)
    late: dict[bytes, bytes] = {}
    if what == "closed":
        log.act("b", force())
        list(carried_out(worker, log.records[1:]))
        late = left(worker)
    else:
        list(carried_out(worker, log.records[1:]))
        late = left(worker)
        list(carried_out(worker, [log.act("b", force())]))
    list(carried_out(worker, [log.retire("~")]))
    worker.tables.write({key: value for key, value in late.items() if key not in known}, worker.store.offset, ())
    counts = BatchCounts()
    list(load_counts(counts, worker.store))
    standing = counts.standing(0)
    assert (standing.complete, standing.open, standing.retired) == (0, 0, 1)
    # With the receipt it goes, since that was found out once; of others nobody looks.
    assert counts.left_behind == {"b"}
    worker.start()
    worker.join.retiring.looked_through(complete=True, left_behind=counts.left_behind)
    list(carried_out(worker, [log.forget("~")]))
    assert not [key for key in left(worker) if key.startswith(keys.BATCHES)]


@pytest.mark.parametrize("most", [10_000, 0])
def test_originals_that_a_crash_left_behind_go_with_their_batch(
    make_worker: MakeWorker, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(going, "_MOST_ORIGINALS", most)
    log = log_of(("b", "C0 R1"), ("bb", "R1 C0"), ("c", "C0"))
    worker = make_worker()
    list(carried_out(worker, log.records))
    worker.tables.write(
        {pending.key("b", 0): pending.value(Original(Source(1, 0, 0), b"original"))}, worker.store.offset, ()
    )
    worker.start()
    list(carried_out(worker, [log.retire("~")]))
    assert [key for key, _ in worker.store.scan(keys.PENDING)] == [pending.key("c", 4)]


def test_where_a_record_is_done_in_parts_the_row_says_from_the_last_one_on_what_is_kept(
    make_worker: MakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.join.Join.bounds", parts.Bounds(2, 10**6, 10**6))
    worker = make_worker()
    said: list[int | None] = []
    for _ in carried_out(worker, log_of("C0 C1 C2 C3 C4 R2").records):
        for row in worker.tables.resting():
            receipt = closed.kept(row) if row.kept else None
            said.append(None if receipt is None else receipt.excess)
    assert (said[-1], set(said[:-1])) == (3, {None})
    assert [row.weight for row in worker.tables.resting()] == [7]


def test_a_large_batch_does_not_make_its_receipt_anew_with_each_change(
    make_worker: MakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closed, "LARGEST", 3)
    worker = make_worker()
    list(carried_out(worker, log_of(("b", "R1 C0"), ("bb", "R2 C0 C1")).records))
    assert [(row.place.batch_id, bool(row.kept)) for row in worker.tables.resting()] == [("b", True), ("bb", False)]
