"""With a precaution taken out, or two steps swapped, the driver fails: it can see what it is there to see."""

import pytest

from tests.crash.catalogue import TRIALS, Trial, attempt
from tests.crash.test_enumeration import EVERY

MOST = 150


@pytest.mark.parametrize("trial", [trial for trial in TRIALS if not trial.harmless], ids=lambda trial: trial.name)
def test_the_driver_notices(trial: Trial) -> None:
    caught = attempt(trial, MOST, enough=1)
    assert caught.caught, f"{trial.what} Not noticed in {caught.runs} runs"


@pytest.mark.parametrize("trial", [trial for trial in TRIALS if trial.harmless], ids=lambda trial: trial.name)
def test_a_harmless_swap_is_not_reported(trial: Trial) -> None:
    """The order within a transaction can't be seen before the commit; outside of one the same swap is caught."""
    caught = attempt(trial, 280 // EVERY, enough=1)
    assert not caught.caught, caught.first
