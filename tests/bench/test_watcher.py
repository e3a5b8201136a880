import pytest

from bench.watcher import MOST, WORKS, Patience

SILENCE = 100.0


class Contestant:
    """One that has used so many CPU seconds, as the test says."""

    used = 50.0

    def cpu(self) -> float:
        return self.used


@pytest.fixture
def contestant() -> Contestant:
    return Contestant()


@pytest.fixture
def patience(contestant: Contestant) -> Patience:
    return Patience(contestant.cpu, SILENCE)


def test_one_that_hardly_does_anything_is_given_up_once_nothing_has_come_for_that_long(
    contestant: Contestant, patience: Patience
) -> None:
    contestant.used += SILENCE * WORKS * 0.9
    assert not patience.ended(SILENCE)
    assert patience.ended(SILENCE + 1)


def test_one_that_works_is_waited_for_ten_times_as_long(contestant: Contestant, patience: Patience) -> None:
    for times in range(1, MOST):
        contestant.used += SILENCE * WORKS
        assert not patience.ended(SILENCE * times + 1), times
    contestant.used += SILENCE * WORKS
    assert patience.ended(SILENCE * MOST + 1)


def test_one_that_has_worked_and_stops_is_given_up_after_as_long_again(
    contestant: Contestant, patience: Patience
) -> None:
    contestant.used += SILENCE * WORKS
    assert not patience.ended(SILENCE + 1)
    assert not patience.ended(SILENCE * 2)
    assert patience.ended(SILENCE * 2 + 1)


def test_what_has_come_meanwhile_makes_it_as_patient_as_at_first(contestant: Contestant, patience: Patience) -> None:
    contestant.used += SILENCE * WORKS
    assert not patience.ended(SILENCE + 1)
    assert not patience.ended(0)
    assert not patience.ended(SILENCE)
    assert patience.ended(SILENCE + 1)
