"""Receipts are forgotten in the order of the ticks that wrote them: a row a tick, and those of an older release."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.batch_state import State
from app.core.events import Cutoff
from tables import generations, keys, receipt_order
from tables.batch_counts import BatchCounts
from tables.counts_loader import load_counts
from tests.agents.log import MakeWorker, Worker
from tests.agents.retirements import IDS, carried_out, left, log_of
from tests.core.examples import examples

ALL = [(batch, "R1 C0") for batch in IDS]
Some = Callable[[str], bool]


def order_of(worker: Worker) -> dict[bytes, bytes]:
    return dict(worker.store.scan(keys.RECEIPT_ORDER))


def as_before(worker: Worker, some: Some = lambda _: True) -> None:
    """Have the rows of the order be what an older release writes, of ``some`` batches."""
    rows: dict[bytes, bytes | None] = {generations.GUARD[0]: b"\x02"}
    for page in receipt_order.pages(worker.store.scan(keys.RECEIPT_ORDER)):
        own = {batch_id for batch_id in page.ids if some(batch_id)}
        time = order_of(worker)[receipt_order.key(page.at)][:8]
        rows |= dict([receipt_order.Page(page.at, page.time, page.ids - own).row()])
        rows |= {receipt_order.key(page.at) + batch_id.encode(): time for batch_id in own}
    worker.tables.write(rows, worker.store.offset, ())
    worker.start()


def test_a_tick_writes_one_row_for_all_that_it_retires(make_worker: MakeWorker) -> None:
    worker = make_worker()
    list(carried_out(worker, log_of(*ALL, "retire").records))
    (page,) = worker.tables.receipts()
    assert (page.at, page.ids, page.alone) == (6, set(IDS), set())
    assert list(order_of(worker)) == [receipt_order.key(6)]


@pytest.mark.parametrize("some", [lambda _: True, lambda batch: batch == "bb", lambda batch: batch != "b"])
def test_rows_of_an_older_release_are_read_and_go_with_their_receipts(make_worker: MakeWorker, some: Some) -> None:
    log = log_of(*ALL, "retire", ("more", "R1 C0"), "retire")
    worker = make_worker()
    list(carried_out(worker, log.records))
    as_before(worker, some)
    assert [(page.at, page.ids) for page in worker.tables.receipts()] == [(6, set(IDS)), (9, {"more"})]
    counts = BatchCounts()
    list(load_counts(counts, worker.store))
    assert counts.standing(0).retired == 4
    (work,) = carried_out(worker, [log.forget("bb", 6)])
    assert [place.batch_id for place in work.leaving.forgotten] == ["b", "bb"]
    assert worker.store.get(generations.GUARD[0]) == generations.GUARD[1]
    (work,) = carried_out(worker, [log.forget("~")])
    assert [place.batch_id for place in work.leaving.forgotten] == ["c", "more"]
    assert not left(worker)


@examples(60)
@given(
    st.lists(st.sampled_from(["b", "bb", "c", "retire", "forget"]), min_size=3, max_size=12),
    st.sets(st.sampled_from(IDS)),
    st.integers(0, 9),
)
def test_state_of_an_older_release_is_gone_on_with_as_if_it_had_been_written_now(
    make_worker: MakeWorker, steps: list[str], own: set[str], back: int
) -> None:
    """With ticks of its log in it, which end in the middle of what a tick wrote."""
    log = log_of(*((step, "R1 C0") if step in IDS else step for step in (*steps, "retire")))
    now, before = make_worker(), make_worker()
    for worker in (now, before):
        list(carried_out(worker, log.records))
    as_before(before, own.__contains__)
    pages = list(now.tables.receipts())
    assert pages == [replace(page, alone=set()) for page in before.tables.receipts()]
    amid = Cutoff(pages[back % len(pages)].at, IDS[back % 3]) if pages else Cutoff(0, "")
    for record in (log.forget(amid.batch_id, amid.at), log.retire("~"), log.forget("~")):
        (mine,), (other,) = carried_out(now, [record]), carried_out(before, [record])
        assert mine.leaving.forgotten == other.leaving.forgotten
        assert now.states(IDS) == before.states(IDS)
        listed = {batch_id for page in before.tables.receipts() for batch_id in page.ids}
        assert listed == {batch_id for batch_id in IDS if now.tables.batch(batch_id).receipt is not None}
    assert left(now) == left(before) == {}


def test_a_cutoff_amid_what_a_tick_wrote_leaves_the_rest_in_its_row(make_worker: MakeWorker) -> None:
    log = log_of(*ALL, "retire")
    worker = make_worker()
    list(carried_out(worker, [*log.records, log.forget("b", 6)]))
    assert [(page.at, page.ids) for page in worker.tables.receipts()] == [(6, {"bb", "c"})]
    assert worker.tables.batch("b").last == -1
    assert worker.tables.batch("bb").state is State.RETIRED


@pytest.mark.parametrize("rows_written", range(13))
def test_a_tick_of_which_a_crash_has_left_a_beginning_forgets_none(make_worker: MakeWorker, rows_written: int) -> None:
    """At least once: folded again it retires what is left, and its row has both."""
    log = log_of(*ALL, "retire")
    worker = make_worker()
    for work in worker.join.changes(log.records):
        rows: Mapping[bytes, bytes | None] = work.rows
        if work.leaving.alone:
            assert len(rows) == 12
            rows = dict(list(rows.items())[:rows_written])
        worker.tables.write(rows, worker.store.offset, work.touched, work.grown)
    worker.start()
    list(carried_out(worker, [log.records[-1]]))
    assert [(page.at, page.ids) for page in worker.tables.receipts()] == [(6, set(IDS))]
    list(carried_out(worker, [log.forget("~")]))
    assert not left(worker)


@pytest.mark.parametrize("rows_written", range(6))
def test_receipts_of_which_a_crash_has_forgotten_some_go_the_next_time(
    make_worker: MakeWorker, rows_written: int
) -> None:
    log = log_of(*ALL, "retire")
    worker = make_worker()
    list(carried_out(worker, log.records))
    goes = log.forget("~")
    (work,) = worker.join.changes([goes])
    worker.tables.write(dict(list(work.rows.items())[:rows_written]), worker.store.offset, ())
    worker.start()
    list(carried_out(worker, [goes]))
    assert not left(worker)
