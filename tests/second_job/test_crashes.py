"""The second job at the crash points of the driver: nothing is lost, wrong, or repeated that may not be.

A part of them, as in :mod:`tests.crash.test_enumeration`; ``python -m tests.crash --job orders`` enumerates all.
"""

import pytest

from tests.crash.catalogue import SEED, Trial, attempt
from tests.crash.scenario import GUARANTEES, Point, Scenario
from tests.crash.sweep import crashes, pairs, sweep, zombies
from tests.crash.test_enumeration import EVERY, PAIRS, right, some
from tests.second_job.mutations import TRIALS

JOB = "orders"
in_both = pytest.mark.parametrize("guarantee", GUARANTEES)


@in_both
@pytest.mark.parametrize("seed", range(1, 4))
def test_an_undisturbed_run_repeats_nothing(seed: int, guarantee: str) -> None:
    assert right(sweep([Scenario(seed, guarantee, job=JOB)]), 1)


@in_both
def test_a_crash_at_any_point_with_and_without_a_wipe_harms_nothing(guarantee: str) -> None:
    found = crashes(SEED, guarantee, job=JOB)
    assert right(sweep(some(found, guarantee, fewer=2)), 240 // (2 * EVERY))


@in_both
def test_a_worker_that_is_paused_at_any_point_harms_nothing(guarantee: str) -> None:
    found = zombies(SEED, guarantee, job=JOB)
    assert right(sweep(some(found, guarantee, fewer=2)), 200 // (2 * EVERY))


@in_both
def test_a_second_crash_while_the_first_is_mended_harms_nothing(guarantee: str) -> None:
    assert right(sweep(pairs(SEED, guarantee, PAIRS, job=JOB)), PAIRS)


def test_a_successor_whose_clock_is_behind_says_what_is_due_late_and_then_rests() -> None:
    scenario = Scenario(3, "exactly_once", crash=Point(110), zombie=True, wake=9, job=JOB)
    assert right(sweep([scenario]), 1)


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.name)
def test_the_driver_notices(trial: Trial) -> None:
    caught = attempt(trial, 100, enough=1)
    assert caught.caught, f"{trial.what} Not noticed in {caught.runs} runs"
