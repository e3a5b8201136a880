"""The short form of the fault matrix on three brokers: connections that fall silent, and a broker that freezes.

`python3 run.py faults --brokers 3` has the others.
"""

from pathlib import Path

import pytest

from tests.faults.matrix import run
from tests.faults.results import table
from tests.faults.stage import Plan

pytestmark = pytest.mark.kafka


def test_with_three_brokers_silence_stops_nobody_and_costs_nothing(tmp_path: Path) -> None:
    """Both faults stay on until every partition is served again: a worker that waits for their end fails this."""
    faults = ["half-open", "freeze-leader"]
    result = run(Plan("exactly_once", faults, tmp_path, events_per_round=200, session_seconds=6, brokers=3, drip=2))
    assert result.right, "\n".join([table([result]), *result.problems, *result.details[:40]])
