"""ROLLCALL_INSTANCE_ID: a restart within the session time-out moves nothing; one id for two workers ends the first."""

from pathlib import Path

import pytest

from tests.engine.harness import flat, log_lines, plain_log, until
from tests.oracle import judge
from tests.support.play import await_outputs
from tests.support.stage import Stage

pytestmark = pytest.mark.kafka

#: Beyond every wait here: nobody is given up by the broker.
SESSION = {"ROLLCALL_SESSION_TIMEOUT_SECONDS": "300"}


def test_a_restart_within_the_session_moves_nothing_and_nothing_is_lost(tmp_path: Path) -> None:
    with Stage(tmp_path, settings=SESSION) as stage:
        first = stage.worker(settings={"ROLLCALL_INSTANCE_ID": "first"})
        second = stage.worker(settings={"ROLLCALL_INSTANCE_ID": "second"})
        first.start()
        second.start()
        until(lambda: '"log_partitions": [' in plain_log(second), "partitions")
        stage.io.produce(flat("R2 C0 C1", "before"))
        stage.wait_folded()
        before = [line for line in log_lines(second) if "rebalanced" in line["event"] or "let go" in line["event"]]
        first.stop()
        read = stage.reader(read_committed=True)
        inputs = stage.io.produce(message for number in range(20) for message in flat("R2 C0 C1", f"b-{number}"))
        first.start()
        assert await_outputs(read, inputs, quiet=1)
        stage.wait_folded()
        after = [line for line in log_lines(second) if "rebalanced" in line["event"] or "let go" in line["event"]]
        assert after == before, "the other one heard of no rebalance"
        verdict = judge(inputs, [record for record in read.records if b"before" not in (record.value or b"")])
        assert (verdict.lost, verdict.wrong, verdict.repeated) == (0, 0, 0), str(verdict)


def test_a_second_worker_with_the_same_id_ends_the_first_one_with_a_line_that_names_the_setting(tmp_path: Path) -> None:
    with Stage(tmp_path, settings=SESSION | {"ROLLCALL_INSTANCE_ID": "twin"}) as stage:
        first, second = stage.worker(), stage.worker()
        first.start()
        second.launch()
        assert first.wait_end() == 1
        second.wait_ready()
        errors = [line["error"] for line in log_lines(first) if line["level"] == "error" and "error" in line]
        assert any("ROLLCALL_INSTANCE_ID='twin'" in error and "one of its own" in error for error in errors), errors
        read = stage.reader(read_committed=True)
        inputs = stage.io.produce(flat("R2 C0 C1", "twins"))
        assert await_outputs(read, inputs, quiet=1)
