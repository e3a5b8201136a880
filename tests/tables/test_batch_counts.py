"""The counts: after any chunk they say what counting everything again would say, also while they are still loaded."""

import random
import time
import tracemalloc
from collections.abc import Callable, Iterator  # noqa: TC003 - pytest reads the annotations of fixtures
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.acts import Discard, DiscardUpload, Extend, ForceComplete, Reopen
from app.core.batch import Batch
from app.core.batch_state import State
from app.engine.state.memory_store import MemoryStore
from app.engine.state.store import Store
from tables import batches, keys
from tables.batch_counts import MOST_CHANGES, BatchCounts, Standing
from tables.counts_loader import load_counts
from tests.agents.log import Log, Worker
from tests.core.examples import examples
from tests.core.play import SECOND, START
from tests.support.events import content, essay_ids, failure, message, registration, uid

NAMES = ("a", "b", "cc", "dd", "long-name", "å")
LATER = START + 10_000 * SECOND


def counted(store: Store, stuck_since: int) -> Standing:
    """Count everything anew, from the rows alone."""
    ids = {key[5:-16].decode() for key, _ in store.scan(b"b")}
    found = [batches.batch_of(counts, (value for _, value in store.scan(batches.prefix(counts)))) for counts in ids]
    states = [counts.state for counts in found]
    waiting = [counts for counts in found if counts.waits_since is not None]
    unregistered = [counts for counts in waiting if counts.state is State.UNREGISTERED]
    return Standing(
        len(unregistered),
        states.count(State.OPEN),
        states.count(State.COMPLETE),
        states.count(State.DISCARDED),
        sum(len(counts.pending) for counts in unregistered),
        min((counts.waits_since or 0 for counts in unregistered), default=None),
        sum((counts.waits_since or 0) <= stuck_since for counts in waiting),
        sum(1 for _ in store.scan(keys.RECEIPTS)),
    )


def events(log: Log, pick: random.Random, number: int) -> None:
    """Append records of all kinds, among them acts, ticks that expire, repeats."""
    for step in range(number):
        name = pick.choice(NAMES)
        upload = f"{name}-u{pick.randrange(5)}"
        act = uid(step, pick.random()), "Åsa", "because"
        slots = essay_ids(name, pick.choice([1, 2, 3]))
        kinds: list[Callable[[], object]] = [
            lambda: log.send(message(registration(name, slots))),  # noqa: B023 - called at once
            lambda: log.send(message(failure(name, upload))),  # noqa: B023
            *[lambda: log.send(message(content(name, upload, f"{upload}-text")))] * 3,  # noqa: B023
            lambda: log.act(name, ForceComplete(*act)),  # noqa: B023
            lambda: log.act(name, Discard(*act)),  # noqa: B023
            lambda: log.act(name, DiscardUpload(*act, upload)),  # noqa: B023
            lambda: log.act(name, Extend(*act, pick.choice([1, 20]))),  # noqa: B023
            lambda: log.act(name, Reopen(*act, (f"more-{pick.randrange(1000)}",))),  # noqa: B023
            log.tick,
            lambda: log.retire("~", max(0, len(log.records) - 1 - pick.randrange(9))),
            lambda: log.forget("~", max(0, len(log.records) - 1 - pick.randrange(20))),
            lambda: log.again(pick.choice(log.records)) if log.records else None,
        ]
        pick.choice(kinds)()


def fold(worker: Worker, counts: BatchCounts, records: list) -> None:  # type: ignore[type-arg]
    work = worker.fold(records)
    counts.take(work.changed, work.closed)
    counts.follow_receipts(work.leaving.retired, work.leaving.forgotten)


def known(standing: Standing, truth: Standing) -> Standing:
    """What the counts may not know yet is not compared."""
    return truth._replace(
        complete=truth.complete if standing.complete is not None else None,
        discarded=truth.discarded if standing.discarded is not None else None,
        retired=truth.retired if standing.retired is not None else None,
    )


@examples(90)
@given(st.randoms(use_true_random=False))
def test_after_any_chunk_the_census_is_what_counting_anew_says(pick: random.Random) -> None:
    log = Log()
    worker = Worker(MemoryStore(), readiness_timeout_seconds=9, pending_ttl_seconds=7)
    counts: BatchCounts | None = None
    taking: Iterator[None] = iter(())
    listed = False
    for _ in range(12):
        begin = len(log.records)
        events(log, pick, pick.randrange(1, 12))
        if counts is None or pick.random() < 0.2:
            # A start: the load begins, and goes on between chunks a row at a time.
            worker.start()
            counts = BatchCounts()
            taking, listed = load_counts(counts, worker.store, seconds=-1), False
        for _ in range(pick.randrange(4)):
            next(taking, None)
        assert listed <= counts.listed
        listed = counts.listed
        fold(worker, counts, log.records[begin:])
        if counts.listed:
            stuck_since = log.time - pick.randrange(30) * SECOND
            found = counts.standing(stuck_since)
            assert found == known(found, counted(worker.store, stuck_since))
    assert counts is not None
    for _ in taking:
        pass
    assert counts.standing(LATER) == counted(worker.store, LATER)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = Store(tmp_path / "partition-0")
    found.open()
    return found


def test_a_survey_of_a_real_database_counts_all_and_holds_nothing_in_between(store: Store) -> None:
    log = Log()
    events(log, random.Random(3), 400)  # noqa: S311 - the same each time is what is wanted
    for number in range(10):
        log.send(message(registration(f"open-{number}", [f"{number}-1"])))
        log.send(message(content(f"waiting-{number}", f"{number}-u", f"{number}-t")))
    worker = Worker(store, readiness_timeout_seconds=40, pending_ttl_seconds=30).run(log.records, range(7, 400, 7))
    counts = BatchCounts()
    steps = 0
    for _ in load_counts(counts, store, seconds=-1):
        steps += 1
        store.close()  # fails, or the next open does, where an iterator is still held
        store.open()
    assert steps > 20 + len(NAMES)
    assert counts.standing(LATER) == counted(worker.store, LATER)
    assert (counts.standing(LATER).complete or 0) > 0


def batch(name: str, *, waits: bool = True) -> Batch:
    """A batch as the fold leaves it: open, or complete."""
    worker = Worker(MemoryStore())
    log = Log()
    log.send(message(registration(name, [f"{name}-1"])))
    if not waits:
        log.send(message(content(name, f"{name}-u", f"{name}-t")))
    worker.fold(log.records)
    return worker.tables.batch(name)


def finished() -> BatchCounts:
    counts = BatchCounts()
    counts.listed = True
    counts.finished()
    return counts


def test_changes_are_told_once_the_latest_first_and_only_to_those_who_ask() -> None:
    counts = finished()
    a, b = batch("a"), batch("b")
    counts.take([a], {})
    first = counts.changes(None, 10)
    assert (first.ids, first.more) == ([], False)
    counts.take([a, b], {})
    counts.take([a], {})
    second = counts.changes(first.cursor, 10)
    assert (second.ids, second.more) == (["a", "b"], False)
    assert counts.changes(second.cursor, 10).ids == []
    assert counts.changes(first.cursor, 1) == (["a"], second.cursor, True)


def test_who_asks_too_late_is_told_that_there_is_more(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = finished()
    cursor = counts.changes(None, 10).cursor
    later = time.monotonic() + 60
    monkeypatch.setattr("tables.batch_counts.time.monotonic", lambda: later)
    counts.take([batch("a")], {})
    other = counts.changes(None, 10)
    counts.take([batch("b")], {})
    told = counts.changes(cursor, 10)
    assert (told.ids, told.more) == (["b"], True)
    assert counts.changes(other.cursor, 10) == (["b"], told.cursor, False)
    assert counts.changes(10**9, 10).more  # a cursor of other counts: the partition came back


def test_no_more_changes_are_remembered_than_is_said() -> None:
    counts = finished()
    cursor = counts.changes(None, 10).cursor
    template = batch("template")
    for number in range(MOST_CHANGES + 500):
        template.batch_id = f"batch-{number}"
        counts.take([template], {})
    told = counts.changes(cursor, 10 * MOST_CHANGES)
    assert len(told.ids) == MOST_CHANGES
    assert told.more


def test_the_census_takes_as_much_memory_as_it_says() -> None:
    counts = finished()
    template = batch("template")
    ids = [uid("batch", number).encode() for number in range(20_000)]  # while nobody traces: that is five times as fast
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number, batch_id in enumerate(ids):
        template.batch_id = batch_id.decode()
        template.opened_at = START + number
        counts.take([template], {})
    each = (tracemalloc.get_traced_memory()[0] - before) / 20_000
    tracemalloc.stop()
    assert len(counts.open) == 20_000
    assert 150 < each < 400, each
