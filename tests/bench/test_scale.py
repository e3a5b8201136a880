"""`run.py scale` without its measurements: the fit, what follows from it, and what is written."""

import json
import math
import os
import random
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from app.engine.pace import MOST_TAKEN, taken
from app.engine.record_queue import ENOUGH_RECORDS
from bench.process import but_compilers, cpu_seconds, thread_seconds
from bench.scale.document import DocumentError, as_json, lacking, measured, read
from bench.scale.fit import FitError, fit
from bench.scale.model import CHUNK_RATE, POLL_RATE, Results, fitted, paced, predicted
from bench.scale.rebalance import Moved
from bench.scale.restored import Restored
from bench.scale.table import tables
from bench.scale.throughput import Seen, spread

# What everything costs in a world made up: ms CPU a second and worker, us a poll, a chunk, an event; and so on.
WORKER, POLL, LISTED, CHUNK, WRITE, EVENT = 0.008, 170e-6, 10e-6, 500e-6, 100e-6, 30e-6
IDLE, BROKER_WORKER, BROKER_POLL, BROKER_LISTED, BROKER_CHUNK = 0.05, 0.004, 91e-6, 3e-6, 300e-6
BROKER_WRITE, BROKER_EVENT = 40e-6, 5e-6
CHUNK_RECORDS = 1000
POLL_RECORDS = 500


def seen(brokers: int, workers: int, rate: float, seconds: float = 6.0) -> Seen:
    """A cell as this world would have it; a rate of 0 is a backlog of 40,000."""
    events = rate * seconds if rate else 40_000.0
    chunks = events / (CHUNK_RECORDS if not rate else 1 + rate / 100)
    polls = events / (POLL_RECORDS if not rate else 2 + rate / 1000 / workers)
    cell = Seen(brokers, workers, rate, seconds, seconds - 1, events, chunks, polls, 0.0, 0.0, broker_cores=8)
    turns = POLL * polls + LISTED * cell.listed + CHUNK * chunks + WRITE * cell.writes
    broker_turns = BROKER_POLL * polls + BROKER_LISTED * cell.listed + BROKER_CHUNK * chunks
    broker_turns += BROKER_WRITE * cell.writes
    return replace(
        cell,
        worker_cpu=WORKER * workers * seconds + turns + EVENT * events,
        broker_cpu=brokers * ((IDLE + BROKER_WORKER * workers) * seconds + broker_turns + BROKER_EVENT * events),
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
        idle_cpu=WORKER + POLL + LISTED * partitions,
        memory_mb=95 + partitions,
        sockets=9,
        files=9,
    )


CELLS = [seen(brokers, workers, rate) for brokers in (1, 3) for workers in (1, 2, 4, 8) for rate in (50, 400, 2000, 0)]
RESULTS = Results(
    CELLS,
    [moved(partitions) for partitions in (12, 96, 384)],
    [Restored(records, 0.1 + records / 150_000, 2.0) for records in (20_000, 80_000, 240_000)],
)


def test_the_fit_finds_the_costs_that_observations_were_made_of() -> None:
    found = fitted(RESULTS).fits
    for brokers in (1, 3):
        assert found[f"workers on {brokers}"].values == pytest.approx((WORKER, POLL, LISTED, CHUNK, WRITE, EVENT))
    of_brokers = (IDLE, BROKER_WORKER, BROKER_POLL, BROKER_LISTED, BROKER_CHUNK, BROKER_WRITE, BROKER_EVENT)
    assert found["1 brokers"].values == pytest.approx(of_brokers)
    assert found["3 brokers"].values == pytest.approx([3 * cost for cost in of_brokers])
    assert found["first"].values == pytest.approx((3, 0.05))
    assert {name: found[name].values for name in ("join", "term", "kill")} == dict.fromkeys(
        ("join", "term", "kill"), pytest.approx((1, 0.02))
    )
    assert found["restore"].values == pytest.approx((0.1, 1 / 150_000))
    assert max(fitted_one.worst for fitted_one in found.values()) < 1e-9


def test_noise_of_five_percent_moves_the_cost_of_an_event_little_and_shows_in_the_residuals() -> None:
    rng = random.Random(7)  # noqa: S311 - test data
    noisy = [replace(cell, worker_cpu=cell.worker_cpu * rng.uniform(0.95, 1.05)) for cell in CELLS]
    found = fitted(Results(noisy)).fits["workers on 1"]
    assert found["event"] == pytest.approx(EVENT, rel=0.1)
    assert 0.01 < found.worst < 0.1


def test_a_fit_that_leaves_much_unexplained_is_said_not_to_be_relied_on() -> None:
    disturbed = [replace(CELLS[0], worker_cpu=3 * CELLS[0].worker_cpu), *CELLS[1:]]
    warning = "The fit workers on 1 leaves up to"
    assert warning in tables(Results(disturbed), fitted(Results(disturbed)))
    assert warning not in tables(RESULTS, fitted(RESULTS))


def test_a_worker_with_nothing_to_do_is_a_cell_of_the_fit() -> None:
    assert len(fitted(RESULTS).fits["workers on 1"].residuals) == len(CELLS) // 2 + 1
    busier = replace(RESULTS, moved=[replace(moved, idle_cpu=3 * moved.idle_cpu) for moved in RESULTS.moved])
    assert fitted(busier).fits["workers on 1"]["worker"] > WORKER


def test_a_cell_whose_core_was_full_is_shown_as_such_and_is_no_part_of_the_fit() -> None:
    full = replace(CELLS[1], worker_cpu=0.9 * CELLS[1].seconds)
    results = Results([CELLS[0], full, *CELLS[2:]])
    assert fitted(results).fits["workers on 1"].values == pytest.approx((WORKER, POLL, LISTED, CHUNK, WRITE, EVENT))
    assert len(fitted(results).fits["workers on 1"].residuals) == len(CELLS) // 2 - 1
    assert "full core, 400/s" in tables(results, fitted(results))
    assert "full core" not in tables(RESULTS, fitted(RESULTS))


def test_what_the_observations_do_not_tell_apart_is_said() -> None:
    cheaper = [replace(cell, worker_cpu=cell.worker_cpu - 1.1 * CHUNK * cell.chunks) for cell in CELLS]
    assert "The fit workers on 1 has nothing for chunk: " in tables(Results(cheaper), fitted(Results(cheaper)))
    assert "has nothing for" not in tables(RESULTS, fitted(RESULTS))


def test_a_cell_is_full_as_well_where_the_brokers_have_no_core_left() -> None:
    cell = replace(CELLS[1], worker_cpu=0.7 * CELLS[1].seconds, broker_cpu=0.7 * CELLS[1].seconds)
    assert not cell.full
    assert replace(cell, broker_cores=1).full
    assert not replace(cell, broker_cores=1, rate=0).full


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
    found = predicted(fitted(RESULTS), 1_000_000, 1)
    assert found is not None
    # In a backlog: 30 us, 500 us a chunk of 1,000 that writes to all 24 partitions, 200 us a poll of 500 with its
    # three partitions.
    # Each other poll brings inputs, 1,000 of them, which go to all 24 partitions of the log.
    of_an_event = 30e-6 + (500e-6 + 24 * 100e-6) / 1000 + 200e-6 / 500 + 24 * 100e-6 / 1000
    assert found.workers == 61  # 35.7 us x 1,000,000 / (0.6 - 0.008) = 60.3
    assert found.workers == math.ceil(of_an_event * 1_000_000 / (0.6 - 0.008))
    assert found.partitions == 3 * 61
    # At the rate: as many chunks and polls as the pace has, 16,393 events/s for each worker.
    assert (found.chunks, found.polls) == (CHUNK_RATE / 5, POLL_RATE)
    assert found.writes == pytest.approx(20 * 24 + 20 * 24, rel=0.01)
    each = 0.008 + 0.0005 * 20 + 0.0002 * 40 + 0.0001 * found.writes + 30e-6 * 1_000_000 / 61
    assert found.cores == pytest.approx(61 * each)
    of_workers = 61 * (0.004 + 100e-6 * 40 + 300e-6 * 20 + 40e-6 * found.writes)
    assert found.broker_cores == pytest.approx(0.05 + of_workers + 5)
    assert found.restore_records == pytest.approx(1_000_000 * 86_400 / 61)
    assert found.restore_seconds == pytest.approx(0.1 + found.restore_records / 150_000)
    assert found.takeover_seconds == pytest.approx(1 + 3 * 0.02)


def test_what_was_measured_on_one_number_of_brokers_says_nothing_of_another() -> None:
    on_three = fitted(Results([replace(cell, worker_cpu=1.2 * cell.worker_cpu) for cell in CELLS if cell.brokers == 3]))
    assert set(on_three.fits) == {"workers on 3", "3 brokers"}
    assert on_three.fits["workers on 3"]["chunk"] == pytest.approx(1.2 * CHUNK)
    assert predicted(on_three, 1000, 1) is None
    assert predicted(on_three, 1000, 3) is not None


def test_at_a_trickle_an_event_is_a_chunk_and_two_polls() -> None:
    found = predicted(fitted(RESULTS), 40, 1)
    assert found is not None
    assert (found.workers, found.chunks, found.polls) == (1, 40, 80)
    assert found.writes == pytest.approx(40 + 40)
    assert found.cores == pytest.approx(0.008 + 40 * (500e-6 + 2 * 200e-6 + 2 * 100e-6 + 30e-6))


def test_the_more_records_chunks_have_the_fewer_of_them_begin() -> None:
    assert [paced(rate) for rate in (1, 100)] == [1, 100]
    for rate in (101.0, 400.0, 1000.0, 1299.0):
        assert paced(rate) * taken(rate / paced(rate)) == pytest.approx(CHUNK_RATE)
    assert paced(1300) == paced(20_000) == pytest.approx(CHUNK_RATE / MOST_TAKEN)
    assert paced(30_000) == pytest.approx(30_000 / ENOUGH_RECORDS)


def test_records_go_over_as_many_partitions_as_there_are_or_as_they_are() -> None:
    assert spread(1) == pytest.approx(1)
    assert spread(2) == pytest.approx(1 + 23 / 24)
    assert spread(10_000) == pytest.approx(24)


def test_what_a_jvm_compiles_is_no_cost_of_what_its_broker_is_asked() -> None:
    threads = {1: ("java", 0.5), 2: ("C2 CompilerThre", 9.0), 3: ("C1 CompilerThre", 2.0), 4: ("G1 Conc#0", 1.0)}
    assert but_compilers(threads) == {1: 0.5, 4: 1.0}


def test_the_cpu_seconds_of_threads_add_up_to_those_of_their_process() -> None:
    while time.thread_time() < 0.2:
        pass
    threads = thread_seconds(os.getpid())
    assert threads[threading.get_native_id()][1] > 0.05
    # Threads that have ended are the process's, and no longer among them.
    assert sum(seconds for _, seconds in threads.values()) <= cpu_seconds(os.getpid())


def test_the_tables_hold_each_cell_fit_and_prediction_in_a_hundred_columns() -> None:
    text = tables(RESULTS, fitted(RESULTS))
    assert max(map(len, text.splitlines())) <= 100
    assert text.count("backlog 8,000/s") == 8
    for line in (
        "30 us CPU an event",
        "8 ms CPU a second and worker",
        "170 us CPU a poll",
        "10 us CPU a partition of a poll",
        "500 us CPU a chunk",
        "100 us CPU a partition written to",
        "1,000,000 events/s, costs as on 1 brokers:",
        "35.7 us an event in a backlog x 1,000,000 / (0.6 - 0.008 of a core when idle)\n  = 61 workers",
        "a second of one: 20 chunks, 40 polls, 960 writes, 16,393 events:\n",
        "0.008 + 500 us x 20 + 200 us x 40 + 100 us x 960 + 30.0 us x 16,393\n",
    ):
        assert line in text


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


def test_what_was_written_is_read_again_as_it_was() -> None:
    document = json.loads(json.dumps(as_json({}, RESULTS, fitted(RESULTS), [])))
    assert measured(document) == RESULTS
    assert fitted(measured(document)) == fitted(RESULTS)


def test_what_is_no_such_document_is_refused_by_its_name_and_none_is_nothing(tmp_path: Path) -> None:
    assert read(tmp_path / "none.json") == Results()
    for name, text in (("broken.json", "{"), ("other.json", "{}"), ("older.json", '{"throughput": [{"x": 1}]}')):
        (tmp_path / name).write_text(text)
        with pytest.raises(DocumentError, match=name):
            read(tmp_path / name)


def test_only_what_a_document_lacks_is_measured_again() -> None:
    rates = (400.0, 2000.0)
    assert lacking(CELLS, 1, (1, 2, 4, 8), rates) == []
    assert lacking(CELLS, 3, (1, 2, 16), rates) == [16]
    broken_off = [cell for cell in CELLS if (cell.brokers, cell.workers, cell.rate) != (3, 2, 0)]
    assert lacking(broken_off, 3, (1, 2, 4), rates) == [2]
    assert lacking(broken_off, 1, (1, 2, 4), rates) == []
    assert lacking([], 1, (1, 2), rates) == [1, 2]
