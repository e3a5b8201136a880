"""A record that concerns very many uploads is done in parts: with the same outcome, whatever comes in between."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.chunk_changes import ChunkChanges
from agents.join import Join
from agents.parts import BOUNDS, Bounds
from app.core import names
from app.core.acts import Discard, Reopen
from app.core.facts import Fact
from tables import batches, keys
from tests.agents.log import Log, MakeWorker, Output, Record, Worker
from tests.core.acting import discard, discard_upload, extend, reopen
from tests.core.examples import examples
from tests.core.play import SECOND, START, sent
from tests.support.budgets import small_budgets

DAY = 86_400
SMALL = Bounds(2, 1500, 4000)  # two uploads, or two originals of some 700 bytes, a part
Said = list[tuple[str, bytes | None, bytes | None]]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(Join, "bounds", SMALL)
    with small_budgets():
        yield


def said(outputs: Sequence[Output]) -> Said:
    return [(topic, key, value) for topic, key, value, _ in outputs]


def carried_out(worker: Worker, records: Sequence[Record], *, until: int | None = None) -> Iterator[ChunkChanges]:
    """Fold records as a task does: each work is written before the next is made."""
    for number, work in enumerate(worker.join.changes(records)):
        worker.outputs += work.outputs
        worker.tables.write(work.rows, worker.store.offset + len(work.rows), work.touched)
        yield work
        if number == until:
            return


def facts(worker: Worker, batch: str = "b") -> list[Fact]:
    return [fact for row in batches.rows_of(worker.store.values(batches.prefix(batch))) for fact in row]


def filled(notation: str, *then: object) -> Log:
    """A log of a batch's inputs, and what operators and the clock do next: a number is a tick at so many seconds."""
    log = Log()
    for message in sent(notation):
        log.send(message)
    for moment in then:
        if isinstance(moment, int):
            log.tick(START + moment * SECOND)
        else:
            log.act("b", moment)  # type: ignore[arg-type]
    return log


LOGS = {
    "a tick that gives up": lambda: filled("C0 C1 C1@7 F2 C3 C4", 2 * DAY),
    "a tick that gives up what was put off": lambda: filled("C0 C1 C2 C3 C4", extend(60), DAY + 30, 2 * DAY),
    "a registration with pending uploads": lambda: filled("C0 F1 C2 C3 F4 C5 R4 C6"),
    "a registration that completes": lambda: filled("C0 C1 C2 C3 C4 R5"),
    "a registration that refuses some": lambda: filled("C0 L1 L2 F3 L4 C5 L6 R4 C7 L1"),
    "a discard": lambda: filled("C0 C1 F2 C3 C4", discard()),
    "one upload and then all": lambda: filled("C0 C1 F2 C3 C4", discard_upload(1), discard()),
    "a re-opening": lambda: filled("R1 C0 C1 C2 C3 C4 C5", reopen("x", "y", "z", "u")),
    "a re-opening with slots to spare": lambda: filled("R1 C0 C1 C2 C3", reopen(*"xyzuvw")),
}


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", LOGS)
def test_parts_say_and_keep_what_the_whole_would(make_worker: MakeWorker, name: str) -> None:
    log = LOGS[name]()
    whole, parted = make_worker(), make_worker()
    whole.run(log.records)
    works = list(carried_out(parted, log.records))
    assert len(works) > 2
    assert said(parted.outputs) == said(whole.outputs)
    assert parted.states(["b"]) == whole.states(["b"]) == parted.live(["b"])
    assert parted.rows() == whole.rows()
    assert facts(parted) == facts(whole)
    assert sum(work.records for work in works) == len(log.records)
    assert works[-1].end == len(log.records)
    assert Counter(w for work in works for w in work.outcomes.elements()) == Counter(
        w for work in whole.works for w in work.outcomes.elements()
    )


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", LOGS)
def test_a_crash_between_any_two_parts_changes_nothing(make_worker: MakeWorker, name: str) -> None:
    log = LOGS[name]()
    whole = make_worker().run(log.records)
    count = len(list(carried_out(make_worker(), log.records)))
    for crash in range(count - 1):
        worker = make_worker()
        *_, last = carried_out(worker, log.records, until=crash)
        assert last.end < len(log.records) or crash == count - 1
        worker.start()
        list(carried_out(worker, log.records[last.end :]))
        assert said(worker.outputs) == said(whole.outputs), f"a crash after work {crash}"
        assert worker.states(["b"]) == whole.states(["b"])
        assert worker.rows() == whole.rows()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", LOGS)
def test_a_part_of_which_only_a_beginning_was_written_is_made_whole(make_worker: MakeWorker, name: str) -> None:
    """At least once: outputs are repeated then, never lost, and the state comes out the same."""
    log = LOGS[name]()
    whole = make_worker().run(log.records)
    count = len(list(carried_out(make_worker(), log.records)))
    for crash in range(count):
        torn = make_worker()
        end = 0
        for number, work in enumerate(torn.join.changes(log.records)):
            torn.outputs += work.outputs
            rows = list(work.rows.items())
            if number == crash:
                torn.tables.write(dict(rows[: len(rows) // 2]), torn.store.offset, ())
                break
            torn.tables.write(work.rows, torn.store.offset, work.touched)
            end = work.end
        torn.start()
        list(carried_out(torn, log.records[end:]))
        assert set(said(torn.outputs)) == set(said(whole.outputs))
        assert torn.states(["b"]) == whole.states(["b"])
        # A row too many in `waiting` is found out at the next deadline.
        late = [log.tick(START + 9 * DAY * SECOND)]
        list(carried_out(torn, late))
        # One too many in `closed` when the batch would be retired.
        right = make_worker().run(log.records).rows()
        assert {key: value for key, value in torn.rows().items() if key in right or key[:1] != keys.CLOSED} == right
        log.records.pop()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", LOGS)
def test_a_part_has_the_same_key_and_value_however_the_log_is_cut_into_chunks(
    make_worker: MakeWorker, name: str
) -> None:
    """No key has two meanings: a worker that was paused writes what its successor wrote."""
    log = LOGS[name]()
    found: dict[bytes, bytes] = {}
    for size in range(1, len(log.records) + 1):
        worker = make_worker()
        for begin in range(0, len(log.records), size):
            for work in carried_out(worker, log.records[begin : begin + size]):
                for key, value in work.rows.items():
                    if key.startswith(keys.BATCHES) and value is not None:
                        assert found.setdefault(key, value) == value


@examples(20)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=12), st.sets(st.integers(1, 20), max_size=4))
def test_a_tick_over_many_batches_is_cut_and_all_of_it_is_done(
    make_worker: MakeWorker, pending: list[int], cuts: set[int]
) -> None:
    log, ids = Log(), [f"b{number}" for number in range(len(pending))]
    for batch, count in zip(ids, pending, strict=True):
        for message in sent(" ".join(f"C{number}" for number in range(count)) or "R3", batch):
            log.send(message)
    log.tick(START + 2 * DAY * SECOND)
    whole, parted = make_worker().run(log.records), make_worker()
    parted.join.bounds = SMALL  # type: ignore[misc] # of this one alone
    bounds = [0, *sorted(cut for cut in cuts if cut < len(log.records)), len(log.records)]
    works = [work for begin, end in pairwise(bounds) for work in carried_out(parted, log.records[begin:end])]
    assert Counter(said(parted.outputs)) == Counter(said(whole.outputs))
    assert parted.states(ids) == whole.states(ids)
    assert parted.rows() == whole.rows()
    assert all(sum(topic == names.EXPIRED for topic, *_ in work.outputs) <= 4 for work in works)


def test_the_bounds_that_belong_to_the_stored_format_are_those_that_are_in_use() -> None:
    """A row of a part says how much was left, so where a record is cut may never change."""
    assert Join.bounds == Bounds(1000, 8 * 1024 * 1024, 16 * 1024 * 1024)


@pytest.mark.parametrize("event", ["a tick that gives up", "a registration that refuses"])
def test_no_part_is_larger_than_its_bounds(make_worker: MakeWorker, event: str) -> None:
    """300 originals of 0.9 MB each, due at one tick, are 257 MiB: no work holds more than a chunk of the log does."""
    large = "x" * 900_000
    log = Log()
    for message in sent("L0-39"):
        assert message.value is not None
        log.send(replace(message, value=message.value[:-1] + b',"filling":"' + large.encode() + b'"}'))
    worker = make_worker()
    for begin in range(0, 40, 8):
        worker.fold(log.records[begin : begin + 8])
    with small_budgets():
        record = log.tick(START + 2 * DAY * SECOND) if "tick" in event else log.send(sent("R3")[0])
        works = list(carried_out(worker, [record]))
    assert max(work.size for work in works) <= BOUNDS.size + 40 * 2000  # 2,000 bytes of envelope for each
    assert sum(len(work.outputs) for work in works) == 40


def test_acts_of_many_uploads_know_that_they_are(make_worker: MakeWorker) -> None:
    """Those that give up or retake many are done in parts; the others concern one."""
    worker = make_worker()
    worker.join.bounds = SMALL  # type: ignore[misc] # of this one alone
    for act, parts in ((discard(), True), (discard_upload(0), False), (extend(5), False)):
        log = filled("C0 C1 C2 C3")
        worker.start()
        list(carried_out(worker, log.records))
        works = list(worker.join.changes([log.act("b", act)], SMALL))
        assert any(work.in_parts for work in works) is parts
        assert isinstance(act, Discard | Reopen) is parts
