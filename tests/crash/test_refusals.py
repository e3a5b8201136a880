"""Texts whose ids are too long for the ready event are dead letters, once, at each crash point and after each pause."""

import pytest

from app.core.batch import Batch
from app.core.facts import Refused
from tests.crash.scenario import GUARANTEES, Scenario
from tests.crash.sweep import crashes, examine, sweep, zombies
from tests.crash.test_enumeration import EVERY, right, some

SEED = 1


def test_the_script_has_texts_that_are_refused_early_and_late(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[bool] = []
    apply = Batch.apply

    def noted(self: Batch, fact: object) -> object:
        if isinstance(fact, Refused):
            held.append(fact.held >= 0)
        return apply(self, fact)  # type: ignore[arg-type]

    monkeypatch.setattr(Batch, "apply", noted)
    assert not examine(Scenario(SEED, "exactly_once", job="refusals"))[1]
    assert set(held) == {True, False}


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_a_crash_at_any_instant_harms_nothing(guarantee: str) -> None:
    assert right(sweep(some(crashes(SEED, guarantee, job="refusals"), guarantee, fewer=2)), 300 // (2 * EVERY))


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_a_worker_that_is_paused_and_wakes_late_harms_nothing(guarantee: str) -> None:
    assert right(sweep(some(zombies(SEED, guarantee, job="refusals"), guarantee, fewer=2)), 240 // (2 * EVERY))
