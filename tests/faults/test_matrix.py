"""The short form of the fault matrix: every fault, in one run for each guarantee, under traffic that goes on.

`python3 run.py faults` is the long one: there each guarantee has all faults, many times.
"""

from pathlib import Path

import pytest

from tests.faults.faults import FAULTS
from tests.faults.matrix import run
from tests.faults.results import table
from tests.faults.stage import Plan

pytestmark = pytest.mark.kafka


#: What is lost in the middle of something (a worker, its time, the broker) strikes in both guarantees; what ends or
#: begins in order in that one where more can go wrong with it: transactions that are open, or stalls without any.
#: What takes a broker that is a process comes first: once it was killed it comes back warm, in the JVM that all share.
STRIKES = {
    "at_least_once": ["slow", "broker-kill", "kill", "wipe", "pause"],
    "exactly_once": ["broker-kill", "broker-term", "kill", "pause", "term", "add", "remove"],
}


def test_every_fault_is_among_them() -> None:
    assert {name for names in STRIKES.values() for name in names} == set(FAULTS)


@pytest.mark.parametrize("guarantee", STRIKES)
def test_no_fault_loses_doubles_or_bends_anything(guarantee: str, tmp_path: Path) -> None:
    # Each fault strikes into a burst; while it is waited out, 20 inputs a second show which partitions are served.
    result = run(Plan(guarantee, STRIKES[guarantee], tmp_path, events_per_round=400, drip=2, owed=8, warm=True))
    assert result.right, "\n".join([table([result]), *result.problems, *result.details[:40]])
    struck = {name for name, row in result.rows.items() if row.rounds}
    assert struck == set(STRIKES[guarantee]), "a fault did not strike while work was left"
