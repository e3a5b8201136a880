"""`run.py scale` without its measurements: the fit, what follows from it, and what is written."""

import json
import random
from dataclasses import replace

import pytest

from bench.scale.__main__ import as_json
from bench.scale.fit import FitError, fit
from bench.scale.model import Results, fitted, predicted
from bench.scale.rebalance import Moved
from bench.scale.restored import Restored
from bench.scale.table import tables
from bench.scale.throughput import Seen

# What everything costs in a world made up: ms CPU a second and worker, us a poll, a chunk, an event; and so on.
WORKER, POLL, CHUNK, EVENT = 0.008, 200e-6, 500e-6, 30e-6
IDLE, BROKER_POLL, BROKER_CHUNK, BROKER_EVENT = 0.05, 100e-6, 300e-6, 5e-6
CHUNK_RECORDS = 1000
POLL_RECORDS = 500


def seen(brokers: int, workers: int, rate: float, seconds: float = 6.0) -> Seen:
    """A cell as this world would have it; a rate of 0 is a backlog of 40,000."""
    events = rate * seconds if rate else 40_000.0
    chunks = events / (CHUNK_RECORDS if not rate else 4)
    polls = events / (POLL_RECORDS if not rate else 2 + rate / 1000 / workers)
    return Seen(
        brokers,
        workers,
        rate,
        seconds,
        seconds - 1,
        events,
        chunks,
        polls,
        WORKER * workers * seconds + POLL * polls + CHUNK * chunks + EVENT * events,
        brokers * (IDLE * seconds + BROKER_POLL * polls + BROKER_CHUNK * chunks + BROKER_EVENT * events),
    )


def moved(partitions: int) -> Moved:
    """Rebalances of this world: a second, and 20 ms a partition that comes."""
    seconds = 1 + 0.01 * partitions  # of two workers each has a half
    return Moved(
        partitions,
        first=3 + 0.05 * partitions,
        first_cpu=2.0,
        join=seconds,
        join_cpu=2.0,
        term=seconds,
        kill=seconds,
        idle_cpu=0.01,
        memory_mb=95 + partitions,
        sockets=9,
        files=9,
    )


CELLS = [seen(brokers, workers, rate) for brokers in (1, 3) for workers in (1, 2, 4, 8) for rate in (400, 2000, 0)]
RESULTS = Results(
    CELLS,
    [moved(partitions) for partitions in (12, 96, 384)],
    [Restored(records, 0.1 + records / 150_000, 2.0) for records in (20_000, 80_000, 240_000)],
)


def test_the_fit_finds_the_costs_that_observations_were_made_of() -> None:
    found = fitted(RESULTS).fits
    assert found["workers"].values == pytest.approx((WORKER, POLL, CHUNK, EVENT))
    assert found["1 brokers"].values == pytest.approx((IDLE, BROKER_POLL, BROKER_CHUNK, BROKER_EVENT))
    assert found["3 brokers"].values == pytest.approx((3 * IDLE, 3 * BROKER_POLL, 3 * BROKER_CHUNK, 3 * BROKER_EVENT))
    assert found["first"].values == pytest.approx((3, 0.05))
    assert {name: found[name].values for name in ("join", "term", "kill")} == dict.fromkeys(
        ("join", "term", "kill"), pytest.approx((1, 0.02))
    )
    assert found["restore"].values == pytest.approx((0.1, 1 / 150_000))
    assert max(fitted_one.worst for fitted_one in found.values()) < 1e-9


def test_noise_of_five_percent_moves_the_cost_of_an_event_little_and_shows_in_the_residuals() -> None:
    rng = random.Random(7)  # noqa: S311 - test data
    noisy = [replace(cell, worker_cpu=cell.worker_cpu * rng.uniform(0.95, 1.05)) for cell in CELLS]
    found = fitted(Results(noisy)).fits["workers"]
    assert found["event"] == pytest.approx(EVENT, rel=0.1)
    assert 0.01 < found.worst < 0.1


def test_a_fit_that_leaves_much_unexplained_is_said_not_to_be_relied_on() -> None:
    disturbed = [replace(CELLS[0], worker_cpu=3 * CELLS[0].worker_cpu), *CELLS[1:]]
    warning = "The fit workers leaves up to"
    assert warning in tables(Results(disturbed), fitted(Results(disturbed)))
    assert warning not in tables(RESULTS, fitted(RESULTS))


def test_a_residual_is_a_share_of_what_was_observed() -> None:
    found = fit(("slope",), [(1.0,), (1.0,)], [1.0, 3.0])
    slope = (1 + 1 / 3) / (1 + 1 / 9)
    assert found.values == pytest.approx((slope,))
    assert found.residuals == pytest.approx((1 - slope, 1 - slope / 3))


def test_a_cost_is_never_negative() -> None:
    found = fit(("base", "slope"), [(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)], [1.0, 2.5, 4.0])
    assert found["base"] == 0
    assert found["slope"] > 1


@pytest.mark.parametrize(
    ("rows", "observed", "reason"),
    [
        ([(1.0, 2.0)], [1.0], "1 observations do not settle 2"),
        ([(1.0, 2.0), (2.0, 4.0)], [1.0, 2.0], "do not tell a, b apart"),
        ([(1.0, 0.0), (2.0, 0.0)], [1.0, 2.0], "no observation has any b"),
        ([(1.0, 2.0), (2.0, 5.0)], [1.0, 0.0], "not above 0"),
    ],
)
def test_what_settles_no_coefficient_is_refused_with_the_reason(
    rows: list[tuple[float, float]], observed: list[float], reason: str
) -> None:
    with pytest.raises(FitError, match=reason):
        fit(("a", "b"), rows, observed)


def test_what_follows_for_a_rate_is_arithmetic_from_the_fit() -> None:
    found = predicted(fitted(RESULTS), 1_000_000)
    assert found is not None
    cores = 30 + 0.0002 * 1_000_000 / POLL_RECORDS + 0.0005 * 1_000_000 / CHUNK_RECORDS
    assert found.cores == pytest.approx(cores)
    assert found.workers == 53  # 30.9 / (0.6 - 0.008) = 52.2
    assert found.partitions == 3 * 53
    assert found.broker_cores["1 brokers"] == pytest.approx(0.05 + 0.2 + 0.3 + 5)
    assert found.restore_records == pytest.approx(1_000_000 * 86_400 / 53)
    assert found.restore_seconds == pytest.approx(0.1 + found.restore_records / 150_000)
    assert found.takeover_seconds == pytest.approx(1 + 3 * 0.02)


def test_the_tables_hold_each_cell_fit_and_prediction_in_a_hundred_columns() -> None:
    text = tables(RESULTS, fitted(RESULTS))
    assert max(map(len, text.splitlines())) <= 100
    assert text.count("backlog 8,000/s") == 8
    for line in (
        "30 us CPU an event",
        "8 ms CPU a second and worker",
        "200 us CPU a poll",
        "500 us CPU a chunk",
        "1,000,000 events/s:",
    ):
        assert line in text
    assert "30.0 us x 1,000,000 + 500 us x 1,000,000 / 1,000 records a chunk\n" in text
    assert "+ 200 us x 1,000,000 / 500 a poll = 30.90 cores of workers" in text


def test_parts_that_were_left_out_are_left_out_of_the_tables_and_the_json() -> None:
    results = Results(moved=RESULTS.moved)
    model = fitted(results)
    text = tables(results, model)
    assert "Throughput" not in text
    assert "What follows" not in text
    document = json.loads(json.dumps(as_json({"quick": True}, results, model, ["restores: away"])))
    assert (document["throughput"], document["predictions"], document["failed"]) == ([], [], ["restores: away"])
    assert set(document["fits"]) == {"first", "join", "term", "kill", "memory_mb"}
    assert len(document["fits"]["term"]["residuals"]) == 3
