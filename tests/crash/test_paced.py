"""Chunks that wait for their turn: whatever happens meanwhile, nothing is lost, and a run repeats itself."""

import pytest

from app.engine.metrics import counted
from tests.crash.scenario import GUARANTEES, Point, Scenario
from tests.crash.sweep import crashes, examine, sweep, zombies
from tests.crash.test_enumeration import right, some

SEED = 2
JOB = "paced"


def waited() -> float:
    """Seconds, of all runs in this process."""
    return sum(sample.value for metric in counted.CHUNK_WAIT_SECONDS.collect() for sample in metric.samples)


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_chunks_wait_and_there_are_fewer_of_them(guarantee: str) -> None:
    before = waited()
    result, found = examine(Scenario(SEED, guarantee, job=JOB))
    assert not found
    assert waited() - before > 1
    unpaced, _ = examine(Scenario(SEED, guarantee))
    assert len(result.operations) < len(unpaced.operations)


def test_a_run_with_waits_in_it_repeats_itself() -> None:
    scenario = Scenario(SEED, "exactly_once", crash=Point(40), job=JOB)
    first, second = examine(scenario), examine(scenario)
    assert first[0].digest == second[0].digest
    assert first[1] == second[1] == []


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_a_crash_at_any_point_harms_nothing(guarantee: str) -> None:
    assert right(sweep(some(crashes(SEED, guarantee, job=JOB), guarantee, fewer=4)), 5)


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_a_worker_that_is_paused_and_wakes_late_harms_nothing(guarantee: str) -> None:
    assert right(sweep(some(zombies(SEED, guarantee, job=JOB), guarantee, fewer=4)), 5)
