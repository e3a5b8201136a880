"""Contents that are folded together, batch by batch, come to the same as one by one: rows, outputs and their order."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

import agents.contents
from agents.chunk_changes import ChunkChanges
from agents.join import Join
from app import native
from app.core import fold
from app.engine.state.memory_store import MemoryStore
from app.settings import Settings
from tables.partition_state import PartitionState
from tests.agents.log import EMITTED_AT, Log, Record
from tests.core.examples import examples
from tests.core.play import sent
from tests.support.indexed import as_fetched

BATCHES = 3
CUTS = st.lists(st.integers(0, 60), max_size=3)
SETTINGS = Settings(_env_file=None)  # type: ignore[call-arg]


def one_by_one(*_: object) -> tuple[tuple[()], tuple[()]]:
    """Leave all contents to be folded by themselves."""
    return (), ()


def folded(records: list[Record], cuts: list[int]) -> list[ChunkChanges]:
    """Fold records in chunks that end before these places."""
    store = MemoryStore()
    tables = PartitionState(store, 100)
    join = Join(0, tables, SETTINGS, lambda: EMITTED_AT)
    found = []
    bounds = sorted({0, *(cut for cut in cuts if cut < len(records)), len(records)})
    for begin, end in pairwise(bounds):
        found.append(join.fold(as_fetched(records[begin:end])))
        tables.write(found[-1].rows, 1, found[-1].touched)
    return found


def told(changes: ChunkChanges) -> list[Any]:
    """All that changes say, in its order."""
    closed = [(key, value) for key, value in changes.closed.items()]
    counted = dict(changes.outcomes), dict(changes.dead), changes.completed, changes.notes, changes.grown, closed
    return [list(changes.rows.items()), changes.outputs, list(changes.touched), changes.records, changes.end, *counted]


@st.composite
def logs(draw: st.DrawFn) -> Log:
    """Draw a log of contents of a few batches that take turns, with repeats, failures and registrations among them."""
    log = Log()
    kinds = ["C", "C", "C", "C", "C", "C", "F", "R", "again"]
    for number in range(BATCHES):
        slots = draw(st.sampled_from([0, 2, 5, 5, 9, 9]))
        if slots:
            log.send(sent(f"R{slots}", f"b{number}")[0])
    for number, kind, again in draw(
        st.lists(st.tuples(st.integers(0, BATCHES - 1), st.sampled_from(kinds), st.integers(0, 9)), max_size=50)
    ):
        batch = f"b{number}"
        if kind == "again":
            if log.records:
                log.again(log.records[again % len(log.records)])
        elif kind == "C":
            upload = again if draw(st.integers(0, 9)) < 9 else (again + 1) % 10
            log.send(sent(f"C{again}@{upload}" if upload != again else f"C{again}", batch)[0])
        else:
            log.send(sent(f"{kind}{again if kind == 'F' else 5}", batch)[0])
    return log


@examples(150)
@given(logs(), CUTS)
def test_what_is_folded_together_is_what_is_folded_one_by_one(log: Log, cuts: list[int]) -> None:
    if not log.records:
        return
    together = folded(log.records, cuts)
    with pytest.MonkeyPatch.context() as patch, capture_logs() as lines:
        patch.setattr(agents.contents, "_FEW", 2)  # one is folded by itself whatever it says
        by_few = folded(log.records, cuts)
        patch.setattr(native, "AVAILABLE", False)
        by_the_twin = folded(log.records, cuts)
        patch.setattr(agents.contents, "take_contents", one_by_one)
        alone = folded(log.records, cuts)
    assert not lines  # what can't be folded together is folded one by one, and that would come to the same
    assert [told(changes) for changes in together] == [told(changes) for changes in alone]
    assert [told(changes) for changes in by_few] == [told(changes) for changes in alone]
    assert [told(changes) for changes in by_the_twin] == [told(changes) for changes in alone]


@pytest.mark.parametrize(
    "tokens",
    [
        "R9 C0 C1 C2 C0@5 C3 C4",  # a text again, under another upload
        "R9 C0 C1 C2 C5@0 C3 C4",  # an upload with another text
        "R9 C0 C1 C2 C1 C3 C4",
        "R9 C0 C1 C2 C3 R9 C4 C1@7 C5 C6",  # the same, in a run behind another
        "R9 C0 C1 C2 C3 R9 C4 C7@1 C5 C6",
        "R4 C0 C1 C2 C3 C4 C5",
        "R5 C0 C1 C2 C3 C4",
    ],
)
def test_what_is_no_run_of_new_contents_is_folded_one_by_one(tokens: str) -> None:
    log = Log()
    log.send(sent("C0", "the first of its input partition")[0])
    for message in sent(tokens):
        log.send(message)
    together = folded(log.records, [])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "AVAILABLE", False)
        by_the_twin = folded(log.records, [])
        patch.setattr(agents.contents, "take_contents", one_by_one)
        alone = folded(log.records, [])
    assert [told(changes) for changes in together] == [told(changes) for changes in alone]
    assert [told(changes) for changes in by_the_twin] == [told(changes) for changes in alone]


def test_contents_of_batches_that_take_turns_are_folded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    # All of these are plain ones to the twin; the native part leaves it those in which a producer has ways of its own.
    monkeypatch.setattr(native, "AVAILABLE", False)
    log = Log()
    counted: list[int] = []
    for number in range(BATCHES):
        log.send(sent("R9", f"b{number}")[0])
    for place in range(8):
        for number in range(BATCHES):
            log.send(sent(f"C{place}", f"b{number}")[0])

    def counting(*given: Any) -> Any:
        taken = fold.take_contents(*given)
        counted.append(len(taken[0]))
        return taken

    monkeypatch.setattr(agents.contents, "take_contents", counting)
    (changes,) = folded(log.records, [])
    # The first of an input partition is looked at by itself.
    assert sum(counted) == 8 * BATCHES - 1
    assert len(changes.outputs) == 8 * BATCHES


def test_a_bug_in_folding_together_is_logged_and_harms_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "AVAILABLE", False)  # as above
    log = Log()
    for message in sent("R9 C0 C1 C2 C3 C4 C5"):
        log.send(message)
    right = folded(log.records, [])
    monkeypatch.setattr(agents.contents, "take_contents", lambda *_: 1 // 0)
    with capture_logs() as lines:
        found = folded(log.records, [])
    assert [told(changes) for changes in found] == [told(changes) for changes in right]
    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("contents could not be folded together and are folded one by one", "error")
    ]
