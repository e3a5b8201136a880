"""Workers that are exchanged one by one under load: what a worker keeps over a rebalance goes on, and all is right."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.engine.harness import ACQUIRED, flat, log_lines, until
from tests.oracle import judge
from tests.oracle.records import InputRecord
from tests.support.play import await_outputs
from tests.support.stage import Stage
from tests.support.worker import Worker

pytestmark = pytest.mark.kafka


@contextmanager
def load(stage: Stage) -> Iterator[list[InputRecord]]:
    """Batches come within the context, a few every twentieth of a second; what was sent is in the list."""
    sent: list[InputRecord] = []
    over = threading.Event()

    def feed() -> None:
        with stage.client() as client:
            number = 0
            while not over.wait(0.05):
                sent.extend(client.produce(flat("C0 R3 C1 C2", f"batch-{number}")))
                number += 1

    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        yield sent
    finally:
        over.set()
        feeder.join()


def course(worker: Worker) -> tuple[list[set[int]], int]:
    """The partitions of the log that a worker held, after each change; and how many rebalances left it some of them.

    Raises AssertionError where it took over what it had.
    """
    held: set[int] = set()
    states: list[set[int]] = []
    keeps = 0
    for said in log_lines(worker):
        if said["event"] == "the worker starts":
            held = set()
        elif said["event"] == "partitions let go":
            held -= set(said["log_partitions"])
        elif said["event"] == "the group has rebalanced":
            keeps += bool(held)
            continue
        elif said["event"] == ACQUIRED:
            new = set(said["log_partitions"])
            assert not new & held, f"{worker.home.name} has taken over again what it held: {new & held}"
            held |= new
        else:
            continue
        states.append(set(held))
    return states, keeps


@pytest.mark.parametrize("guarantee", ["at_least_once", "exactly_once"])
def test_what_a_worker_keeps_is_not_taken_over_again_and_nothing_is_lost(guarantee: str, tmp_path: Path) -> None:
    settings = {
        "ROLLCALL_PROCESSING_GUARANTEE": guarantee,
        "ROLLCALL_PARTITIONS": "4",
        "ROLLCALL_JSON_LOGS": "true",
    }
    with Stage(tmp_path, settings=settings) as stage:
        workers = [stage.worker(), stage.worker(), stage.worker()]
        for worker in workers:
            worker.launch()
        for worker in workers:
            worker.wait_ready()
        read = stage.reader(read_committed=guarantee == "exactly_once")
        with load(stage) as inputs:
            first, second, third = workers
            first.stop()  # SIGTERM: ends in time
            assert first.exit_code == 0, first.tail()
            first.start()
            second.kill()
            second.start()
        stage.wait_folded()
        assert await_outputs(read, inputs, quiet=1)
        verdict = judge(inputs, read.records)
        assert (verdict.lost, verdict.wrong) == (0, 0), str(verdict)
        assert verdict.repeated == 0 or guarantee == "at_least_once", str(verdict)
        states, keeps = course(third)
        assert keeps >= 3, "each of three rebalances left it something"
        assert all(states[states.index(next(filter(None, states))) :]), "once it had some it was never without"
        until(
            lambda: sorted(number for worker in workers for number in course(worker)[0][-1]) == [0, 1, 2, 3],
            "each partition held once",
        )
