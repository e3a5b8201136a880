"""How the tests are spread over processes: what shares a broker or a worker stays together, the longest begins first.

A unit is a file, unless it is named here. The seconds of each unit stand in `tests/durations.json`; they only order the
units and weigh the progress, so figures of another machine do. `python -m tests --record-durations` writes them anew.
"""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DURATIONS = ROOT / "tests" / "durations.json"
# Of a unit that has none yet. It may be long, so it begins before most others.
UNKNOWN_SECONDS = 20.0

# Directories whose files share a fixture that is dear: a unit each.
SHARED = ("tests/api", "tests/board", "tests/history", "tests/refusals", "tests/security", "tests/worker/shared")
# Files of these directories that don't share it, and would have a second broker beside it.
OWN = frozenset({"tests/history/test_late_log.py"})
# Files whose tests share nothing dear and take long: each test is a unit.
APART = frozenset(
    f"tests/{name}.py"
    for name in (
        "core/test_conservation",
        "core/test_invariant",
        "crash/test_determinism",
        "crash/test_enumeration",
        "crash/test_mutations",
        "faults/test_fencing",
        "faults/test_matrix",
        "kafka/test_kafka_jars",
        "worker/test_faults",
    )
)


def unit_of(nodeid: str) -> str:
    """Return the unit of a test."""
    file = nodeid.partition("::")[0]
    if file in APART:
        return nodeid
    directory = file.rpartition("/")[0]
    return directory if directory in SHARED and file not in OWN else file


def recorded() -> dict[str, float]:
    """Return the seconds of each unit as they were recorded."""
    found: dict[str, float] = json.loads(DURATIONS.read_text("utf-8")) if DURATIONS.exists() else {}
    return found


def record(seconds: Mapping[str, float]) -> None:
    """Write the seconds of each unit, tenths at most: what takes less is left to chance."""
    kept = {unit: round(spent, 1) for unit, spent in sorted(seconds.items())}
    DURATIONS.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")


def longest_first(items: list[pytest.Item]) -> None:
    """Order tests by the duration of their units, each unit in one piece and in its own order."""
    seconds = recorded()
    units = {item.nodeid: unit_of(item.nodeid) for item in items}
    items.sort(key=lambda item: (-seconds.get(units[item.nodeid], UNKNOWN_SECONDS), units[item.nodeid]))


def weights(nodeids: list[str]) -> dict[str, float]:
    """Return the expected seconds of each test: a unit's, spread evenly over its tests."""
    seconds, sizes = recorded(), Counter(map(unit_of, nodeids))
    return {
        nodeid: seconds.get(unit_of(nodeid), UNKNOWN_SECONDS) / sizes[unit_of(nodeid)] + 0.001 for nodeid in nodeids
    }
