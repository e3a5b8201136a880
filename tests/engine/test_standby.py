"""Standby copies: a takeover by their keeper restores only the tail, and nothing is lost with a kill under load."""

from pathlib import Path

import pytest

from tests.engine.harness import flat, log_lines, metric, until
from tests.engine.test_rolling import load
from tests.oracle import judge
from tests.support.play import await_outputs
from tests.support.stage import Stage
from tests.support.worker import Worker

pytestmark = pytest.mark.kafka


def restored(worker: Worker) -> int:
    """Changelog records that a worker's last restore has read; 0 if it read none."""
    return sum([line["records"] for line in log_lines(worker) if line["event"] == "state restored"][-1:])


@pytest.mark.parametrize("guarantee", ["at_least_once", "exactly_once"])
def test_the_keeper_of_a_copy_takes_over_with_the_tail_alone(guarantee: str, tmp_path: Path) -> None:
    settings = {
        "ROLLCALL_PROCESSING_GUARANTEE": guarantee,
        "ROLLCALL_PARTITIONS": "1",
        "ROLLCALL_STANDBYS": "1",
    }
    with Stage(tmp_path, settings=settings) as stage:
        owner, keeper = stage.worker(), stage.worker()
        owner.start()
        inputs = stage.io.produce(message for number in range(400) for message in flat("C0 R2 C1", f"early-{number}"))
        stage.wait_folded()
        read = stage.reader(read_committed=guarantee == "exactly_once")
        rows = int(metric(owner, "rollcall_state_rows"))
        keeper.start()
        until(lambda: metric(keeper, "rollcall_standby_partitions") == 1, "a standby copy")
        until(lambda: metric(keeper, "rollcall_standby_lag_records") == 0, "a copy that is warm")
        assert restored(keeper) == 0
        with load(stage) as late:
            until(lambda: len(late) > 40, "load")
            owner.kill()
            until(lambda: restored(keeper) > 0 or metric(keeper, "rollcall_log_partitions") == 1, "a takeover")
        stage.wait_folded()
        inputs += late
        assert await_outputs(read, inputs, quiet=1)
        assert restored(keeper) < rows / 4, "the tail, of what has come since the last look"
        verdict = judge(inputs, read.records)
        assert (verdict.lost, verdict.wrong) == (0, 0), str(verdict)
