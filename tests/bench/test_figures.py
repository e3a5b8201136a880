import json
import sysconfig
from pathlib import Path

import pytest

from bench import report
from bench.figures import Figure
from bench.plan import Plan

RESULTS = {
    "ours": [{"cpu": 6.0, "speed": 100.0}, {"cpu": 8.0, "speed": 90.0}, {"cpu": 7.0, "speed": 110.0}],
    "java-a": [{"cpu": 10.0, "speed": 50.0}, {"cpu": 10.0, "speed": 60.0}, {"cpu": 20.0, "speed": 55.0}],
    "java-b": [{"cpu": 30.0, "speed": 200.0}, {"cpu": 30.0, "speed": 210.0}, {"cpu": 30.0, "speed": 190.0}],
}


def test_a_ratio_is_that_of_the_medians_and_goes_against_the_best_of_the_others() -> None:
    outcome = Figure("f", "", "ours", "cpu", ("java-a", "java-b"), goal=0.5).outcome(RESULTS)
    assert outcome is not None
    assert (outcome.best, outcome.value, outcome.pairs) == ("java-a", 0.7, (0.6, 0.8, 0.35))
    assert outcome.reached is False


def test_where_more_is_better_the_best_is_the_highest_and_the_goal_a_lower_bound() -> None:
    figure = Figure("f", "", "ours", "speed", ("java-a", "java-b"), most=False, goal=0.5, high=True)
    outcome = figure.outcome(RESULTS)
    assert outcome is not None
    assert (outcome.best, outcome.value, outcome.reached) == ("java-b", 0.5, True)


def test_a_share_is_what_the_whole_takes_beyond_the_rest() -> None:
    outcome = Figure("f", "", "java-a", "cpu", ("ours",), kind="complement", goal=0.5).outcome(RESULTS)
    assert outcome is not None
    assert outcome.value == pytest.approx(0.3)
    assert outcome.pairs == pytest.approx((0.4, 0.2, 0.65))


def test_a_figure_without_a_comparison_is_reported_and_one_without_its_cells_is_left_out() -> None:
    reported = Figure("f", "", "ours", "cpu").outcome(RESULTS)
    assert reported is not None
    assert (reported.value, reported.reached, reported.spread.maximum) == (7.0, None, 8.0)
    assert Figure("f", "", "nobody", "cpu").outcome(RESULTS) is None
    assert Figure("f", "", "ours", "cpu", ("nobody",)).outcome(RESULTS) is None


def test_every_figure_can_be_run_alone_with_the_cells_that_it_needs() -> None:
    plan = Plan(1000, 4)
    names = [figure.name for figure in plan.figures]
    assert len(names) == len(set(names))
    for figure in plan.figures:
        _, cells = plan.select([figure.name], [])
        assert set(cells) == set(figure.cells)
    with pytest.raises(ValueError, match="no such figure: nonsense"):
        plan.select(["nonsense"], [])


def test_contestants_that_are_not_asked_for_have_no_cells() -> None:
    _, cells = Plan(1000, 4).select([], ["quix"])
    assert set(cells) == {"quix"}


def test_the_json_holds_spreads_values_goals_and_failures(tmp_path: Path) -> None:
    outcome = Figure("f", "title", "ours", "cpu", ("java-a",), goal=1.0, stretch=0.5).outcome(RESULTS)
    assert outcome is not None
    path = tmp_path / "r.json"
    report.write(path, report.as_json({"events": 5}, RESULTS, [outcome], {"quix": "no"}))
    read = json.loads(path.read_text())
    assert set(read) == {"made", "machine", "options", "cells", "figures", "failed"}
    assert read["machine"]["python_configured"] == sysconfig.get_config_var("CONFIG_ARGS")
    assert read["cells"]["ours"]["cpu"] == {"minimum": 6.0, "median": 7.0, "maximum": 8.0, "values": [6.0, 8.0, 7.0]}
    (figure,) = read["figures"]
    assert (figure["value"], figure["goal"], figure["stretch"], figure["reached"]) == (0.7, 1.0, 0.5, True)
    assert read["failed"] == {"quix": "no"}
    text = report.table(RESULTS, [outcome], {"quix": "no"})
    assert "FAILED quix: no (" in text
    assert "<= 1 (<= 0.5)" in text
