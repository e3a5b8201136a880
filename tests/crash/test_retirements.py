"""Batches are retired, and receipts forgotten, at the same records whatever crashes, and after each pause."""

import pytest

from app.core.batch import Batch
from app.core.facts import Forgotten, Retired
from app.core.names import DEAD_LETTER as DEAD
from tests.crash.scenario import GUARANTEES, Scenario
from tests.crash.sweep import crashes, examine, pairs, sweep, zombies
from tests.crash.test_enumeration import EVERY, PAIRS, right, some

SEED = 2


@pytest.mark.parametrize("job", ["retirements", "forgetting"])
def test_the_script_has_batches_that_are_retired_and_forgotten(monkeypatch: pytest.MonkeyPatch, job: str) -> None:
    met: list[type] = []
    apply = Batch.apply

    def noted(self: Batch, fact: object) -> object:
        met.append(type(fact))
        return apply(self, fact)  # type: ignore[arg-type]

    monkeypatch.setattr(Batch, "apply", noted)
    result, found = examine(Scenario(SEED, "exactly_once", job=job))
    assert not found
    assert {Retired, Forgotten} <= set(met)
    reasons = {dict(record.headers).get("rollcall.reason") for record in result.broker.topic(DEAD)[0].records}
    assert b"batch_retired" in reasons or job == "forgetting"


@pytest.mark.parametrize("guarantee", GUARANTEES)
@pytest.mark.parametrize("job", ["retirements", "forgetting"])
def test_a_crash_at_any_instant_harms_nothing(guarantee: str, job: str) -> None:
    assert right(sweep(some(crashes(SEED, guarantee, job=job), guarantee, fewer=2)), 300 // (2 * EVERY))


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_two_crashes_harm_nothing(guarantee: str) -> None:
    assert right(sweep(pairs(SEED, guarantee, PAIRS, job="forgetting")), PAIRS)


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_a_worker_that_is_paused_and_wakes_late_harms_nothing(guarantee: str) -> None:
    assert right(sweep(some(zombies(SEED, guarantee, job="retirements"), guarantee, fewer=2)), 240 // (2 * EVERY))
