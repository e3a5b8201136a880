"""The counts of all runs: a run adds to them, and what was found stays found."""

from pathlib import Path

from tests.faults.counts import KEPT, add, read
from tests.faults.results import Result, Row


def run(**counts: int) -> Result:
    return Result("exactly_once", 1, 2, rows={"kill": Row(recovered=[1.5, 0.5], **counts)}, state_batches=7)


def test_a_run_is_added_to_what_was_counted_before(tmp_path: Path) -> None:
    path = tmp_path / "counts.json"
    add(path, [run(rounds=2, inputs=100)], 1)
    add(path, [run(rounds=3, inputs=50, lost=1)], 1)
    add(path, [run(rounds=1, inputs=9)], 3)
    assert read(path)["1 exactly_once kill"] == {
        "rounds": 5,
        "inputs": 150,
        "lost": 1,
        "wrong": 0,
        "repeated": 0,
        "conflicting": 0,
        "longest": 1.5,
    }
    assert read(path)["3 exactly_once kill"]["inputs"] == 9
    assert read(path)["1 exactly_once state"] == {"batches": 14, "wrong": 0}


def test_of_what_was_counted_so_far_nothing_was_lost_wrong_or_conflicting() -> None:
    for name, row in read(KEPT).items():
        assert not row.get("lost"), name
        assert not row.get("wrong"), name
        assert not row.get("conflicting"), name
        assert not (row.get("repeated") and "exactly_once" in name), name
