"""The crash points of a seed, in both guarantees: nothing is lost, wrong, or repeated that may not be.

One in fifteen of them here, others in one guarantee than in the other; ``python -m tests.crash`` enumerates all, and so
do these tests with ``ROLLCALL_CRASH_EVERY=1``. ``ROLLCALL_CRASH_SEEDS`` (comma separated) enumerates more seeds,
``ROLLCALL_CRASH_PAIRS`` more pairs.
"""

import os
from collections.abc import Iterable

import pytest

from tests.crash.catalogue import SEED
from tests.crash.scenario import GUARANTEES, Point, Scenario
from tests.crash.sweep import Report, crashes, keepers, pairs, sweep, zombies

SEEDS = [int(seed) for seed in os.environ.get("ROLLCALL_CRASH_SEEDS", str(SEED)).split(",")]
PAIRS = int(os.environ.get("ROLLCALL_CRASH_PAIRS", "6"))
EVERY = int(os.environ.get("ROLLCALL_CRASH_EVERY", "15"))

in_both = pytest.mark.parametrize("guarantee", GUARANTEES)
of_every_seed = pytest.mark.parametrize("seed", SEEDS)


def some(scenarios: Iterable[Scenario], guarantee: str, *, fewer: int = 1) -> list[Scenario]:
    """A part of the scenarios, spread evenly; ``fewer`` times as small a part as others, unless all are asked for.

    In odd steps: a point stands two or four times in the list, before and after its effect, without and with a wipe;
    so each kind is met.
    """
    step = EVERY if EVERY == 1 else EVERY * fewer | 1
    return list(scenarios)[GUARANTEES.index(guarantee) % step :: step]


def right(report: Report, at_least: int) -> bool:
    """Whether nothing was found in a good number of runs; what was found is said, with the lines that repeat it."""
    assert sum(report.runs.values()) >= at_least
    if report.bad:
        pytest.fail("\n".join(report.lines()))
    return True


@in_both
@pytest.mark.parametrize("seed", range(1, 7))
def test_an_undisturbed_run_repeats_nothing(seed: int, guarantee: str) -> None:
    assert right(sweep([Scenario(seed, guarantee)]), 1)


@in_both
@of_every_seed
def test_a_crash_at_any_point_with_and_without_a_wipe_harms_nothing(seed: int, guarantee: str) -> None:
    assert right(sweep(some(crashes(seed, guarantee), guarantee)), 200 // EVERY)


@in_both
@of_every_seed
def test_a_worker_that_is_paused_at_any_point_and_wakes_late_harms_nothing(seed: int, guarantee: str) -> None:
    late = [zombie for zombie in zombies(seed, guarantee) if not zombie.wake]
    assert right(sweep(some(late, guarantee)), 70 // EVERY)


@in_both
@of_every_seed
def test_a_worker_that_wakes_while_its_successor_begins_harms_nothing(seed: int, guarantee: str) -> None:
    early = [zombie for zombie in zombies(seed, guarantee) if zombie.wake]
    assert right(sweep(early if len(SEEDS) > 1 else some(early, guarantee)), 70 // EVERY)


@in_both
@of_every_seed
def test_a_worker_that_keeps_what_another_one_had_meanwhile_harms_nothing(seed: int, guarantee: str) -> None:
    """The group would have it let all go. That it goes on from where its own state stands makes it harmless anyway."""
    assert right(sweep(some(keepers(seed, guarantee), guarantee, fewer=2)), 240 // (2 * EVERY))


@in_both
@of_every_seed
def test_a_second_crash_while_the_first_is_mended_harms_nothing(seed: int, guarantee: str) -> None:
    assert right(sweep(pairs(seed, guarantee, PAIRS)), PAIRS)


@pytest.mark.parametrize(
    "scenario",
    [
        # The repartitioner's send of a paused worker reaches the log when the upload has expired: it is not pending
        # again.
        Scenario(3, "exactly_once", crash=Point(7), zombie=True, wake=56),
        Scenario(7, "exactly_once", crash=Point(7), zombie=True, wake=41),
        # A paused worker's late rows lie behind its successor's: its own database lacks those.
        Scenario(3, "at_least_once", crash=Point(7), zombie=True),
        # Paused before its fence, it fences its rightful successor, which is started again.
        Scenario(1, "exactly_once", crash=Point(2), zombie=True, wake=35),
        # A chunk's rows reach the changelog in part.
        Scenario(1, "at_least_once", crash=Point(48)),
    ],
    ids=lambda scenario: scenario.command.partition("--")[2],
)
def test_what_was_once_found_stays_right(scenario: Scenario) -> None:
    assert right(sweep([scenario]), 1)
