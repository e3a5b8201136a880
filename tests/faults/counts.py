"""What all runs so far have come to: a file of counts that each run adds to."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.faults.results import Result

#: What is added up for each fault; ``longest`` is the longest time to recover (seconds), of all runs.
COUNTED = ("rounds", "inputs", "lost", "wrong", "repeated", "conflicting")

#: The counts that are kept with the code.
KEPT = Path(__file__).with_name("counts.json")

Counts = dict[str, dict[str, float]]


def read(path: Path) -> Counts:
    """The counts so far; none where there is no file yet."""
    counts: Counts = json.loads(path.read_text()) if path.exists() else {}
    return counts


def added(counts: Mapping[str, Mapping[str, float]], results: Iterable[Result], brokers: int) -> Counts:
    """The counts with those of a run, by number of brokers, guarantee and fault; state answers under ``state``."""
    summed: Counts = {name: dict(row) for name, row in counts.items()}
    for result in results:
        for fault, row in result.rows.items():
            none: dict[str, float] = dict.fromkeys((*COUNTED, "longest"), 0)
            so_far = summed.setdefault(f"{brokers} {result.guarantee} {fault}", none)
            for name in COUNTED:
                so_far[name] += getattr(row, name)
            so_far["longest"] = max([so_far["longest"], *row.recovered])
        state = summed.setdefault(f"{brokers} {result.guarantee} state", {"batches": 0, "wrong": 0})
        state["batches"] += result.state_batches
        state["wrong"] += result.state_wrong
    return summed


def add(path: Path, results: Iterable[Result], brokers: int) -> Counts:
    """Add a run's counts to the file, which is there whole or not at all; what it has then."""
    counts = added(read(path), results, brokers)
    scratch = path.with_name(f".{path.name}.part")
    scratch.write_text(json.dumps(counts, indent=2, sort_keys=True) + "\n")
    scratch.replace(path)
    return counts
