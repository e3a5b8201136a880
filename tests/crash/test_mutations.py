"""With a precaution taken out, or two steps swapped, the driver fails: it can see what it is there to see."""

import pytest

from tests.crash import catalogue, mutations
from tests.crash.catalogue import ONCE, TRIALS, Trial, attempt
from tests.crash.scenario import Scenario
from tests.crash.sweep import Report
from tests.crash.test_enumeration import EVERY

MOST = 150


def test_what_strikes_where_a_mutation_shows_is_tried_first(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Scenario] = []

    def noted(scenarios: list[Scenario], **_: object) -> Report:
        tried.extend(scenarios)
        return Report()

    monkeypatch.setattr(catalogue, "sweep", noted)
    near, anywhere = (Trial(mutations.no_barrier, ONCE, "crash", near=number) for number in (81, 0))
    attempt(near, MOST, enough=1)
    distances = [near.distance(scenario) for scenario in tried]
    assert distances == sorted(distances)
    assert distances[0] <= 1
    found, tried[:] = set(tried), []
    attempt(anywhere, MOST, enough=1)
    assert found == set(tried)
    assert len(found) == MOST


@pytest.mark.parametrize("trial", [trial for trial in TRIALS if not trial.harmless], ids=lambda trial: trial.name)
def test_the_driver_notices(trial: Trial) -> None:
    caught = attempt(trial, MOST, enough=1)
    assert caught.caught, f"{trial.what} Not noticed in {caught.runs} runs"


@pytest.mark.parametrize("trial", [trial for trial in TRIALS if trial.harmless], ids=lambda trial: trial.name)
def test_a_harmless_swap_is_not_reported(trial: Trial) -> None:
    """The order within a transaction can't be seen before the commit; outside of one the same swap is caught."""
    caught = attempt(trial, 280 // EVERY, enough=1)
    assert not caught.caught, caught.first
