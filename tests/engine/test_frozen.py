"""A broker that stands still: its process is frozen, answers nothing for a while, and goes on."""

import time
from collections.abc import Iterator

import pytest

from tests.engine.harness import acquired, flat, metric
from tests.oracle import judge
from tests.support.patience import slowness
from tests.support.play import await_outputs
from tests.support.stage import Stage

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("frozen"), own_broker=True) as made:
        yield made


def test_sigterm_ends_a_worker_in_time_though_the_broker_does_not_answer(stage: Stage) -> None:
    worker = stage.worker(app_id="frozen", settings={"ROLLCALL_HTTP_PORT": "0"})
    worker.launch()
    acquired(worker)
    stage.kafka.pause()
    try:
        time.sleep(0.5)
        worker.stop()
    finally:
        stage.kafka.resume()


def test_nothing_is_committed_while_the_broker_stands_still_and_all_is_right_afterwards(stage: Stage) -> None:
    """Four seconds, forty times what Faust's own flush waits for. The broker is stopped in the middle of the work."""
    worker = stage.worker()
    worker.start()
    read = stage.reader()
    stage.io.produce(record for number in range(20) for record in flat("R2 C0 C1", f"before-{number}"))
    stage.wait_folded()
    read.quiet(0.3)
    before = len(read.records)
    first = stage.io.produce(record for number in range(400) for record in flat("R2 C0 C1", f"frozen-{number}"))
    stage.kafka.pause()
    try:
        time.sleep(slowness())  # what was under way in the sockets arrives
        committed, folded = metric(worker, "rollcall_offset_commits_total"), metric(worker, "rollcall_records_total")
        time.sleep(3)
        assert metric(worker, "rollcall_offset_commits_total") == committed
        assert metric(worker, "rollcall_records_total") == folded
    finally:
        stage.kafka.resume()
    stage.wait_folded()
    await_outputs(read, first, quiet=0.5)
    verdict = judge(first, read.records[before:])
    assert (verdict.lost, verdict.wrong, verdict.repeated) == (0, 0, 0), str(verdict)
