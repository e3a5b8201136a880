"""The short form of the fault matrix: every fault once, in each guarantee.

`python3 run.py faults` is the long one.
"""

from pathlib import Path

import pytest

from tests.faults.faults import FAULTS
from tests.faults.matrix import run

pytestmark = pytest.mark.kafka


@pytest.mark.parametrize("guarantee", ["at_least_once", "exactly_once"])
def test_no_fault_loses_doubles_or_bends_anything(guarantee: str, tmp_path: Path) -> None:
    result = run(guarantee, list(FAULTS), home=tmp_path, batches=20)
    assert result.right, f"{result.as_json()}"
    assert result.rounds.total() >= len(FAULTS) - 1, "hardly a fault struck while work was left"
