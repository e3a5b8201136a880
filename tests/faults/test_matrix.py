"""The short form of the fault matrix: every fault once, in each guarantee, in one run under traffic that goes on.

`python3 run.py faults` is the long one.
"""

from pathlib import Path

import pytest

from tests.faults.faults import FAULTS
from tests.faults.matrix import Plan, run
from tests.faults.results import table

pytestmark = pytest.mark.kafka


@pytest.mark.parametrize("guarantee", ["at_least_once", "exactly_once"])
def test_no_fault_loses_doubles_or_bends_anything(guarantee: str, tmp_path: Path) -> None:
    result = run(Plan(guarantee, list(FAULTS), tmp_path, events_per_round=400))
    assert result.right, "\n".join([table([result]), *result.problems, *result.details[:40]])
    struck = {name for name, row in result.rows.items() if row.rounds}
    assert struck == set(FAULTS), "a fault did not strike while work was left"
