import pytest

from bench.statistics import Spread, percentile, ratios, spread


def test_a_spread_is_minimum_median_and_maximum() -> None:
    assert spread([3, 1, 10]) == Spread(1, 3, 10)
    assert spread([4, 1, 2, 3]).median == 2.5


def test_a_spread_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        spread([])


def test_ratios_are_taken_round_by_round_and_a_round_that_lacks_one_is_left_out() -> None:
    assert ratios([10, 30, 7], [5, 10]) == [2, 3]


def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed() -> None:
    hundred = [float(value) for value in range(100, 0, -1)]
    assert (percentile(hundred, 50), percentile(hundred, 99), percentile(hundred, 100)) == (50, 99, 100)
    assert percentile([7.0], 99) == 7
