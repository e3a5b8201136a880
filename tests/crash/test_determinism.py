"""A run depends on its scenario and the code alone; else no line would repeat it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash.scenario import GUARANTEES, Point, Scenario
from tests.crash.sweep import crashes, examine

ROOT = Path(__file__).resolve().parents[2]

SCENARIOS = [
    Scenario(3, "at_least_once"),
    Scenario(3, "exactly_once", crash=Point(41, reached=True), then=Point(3), wipe=True),
    Scenario(4, "exactly_once", crash=Point(33), zombie=True, wake=9),
]


def repeated(scenario: Scenario, hash_seed: str) -> str:
    """Return the digest that the scenario's own command line prints, in a process with other string hashes."""
    words = [sys.executable, *scenario.command.split()[1:]]
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "ROLLCALL_PARTITIONS": "7"}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return next(line.split()[1] for line in done.stdout.splitlines() if line.startswith("digest"))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.command.partition("--")[2])
def test_the_line_of_a_run_repeats_it_byte_for_byte_in_another_process(scenario: Scenario) -> None:
    here = examine(scenario)[0].digest
    assert here == examine(scenario)[0].digest
    assert {repeated(scenario, "1"), repeated(scenario, "2")} == {here}


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_the_places_to_strike_at_are_those_of_a_run_to_its_end(guarantee: str) -> None:
    """They are counted in a run that ends where the first worker does."""
    whole = examine(Scenario(4, guarantee))[0].operations
    assert [point.crash.number for point in crashes(4, guarantee) if point.crash] == [
        operation.number for operation in whole for _ in range(2 if operation.kind == "read" else 4)
    ]


def test_another_seed_is_another_run() -> None:
    assert len({examine(Scenario(seed, "at_least_once"))[0].digest for seed in (1, 2, 3)}) == 3


def test_the_two_sides_of_an_effect_are_two_runs() -> None:
    runs = [examine(Scenario(3, "at_least_once", crash=Point(12, reached=side)))[0] for side in (False, True)]
    assert runs[0].digest != runs[1].digest


def test_a_point_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no crash point"):
        Point.parse("41c")
