"""Start and stop: in order and in time, whatever the broker does, and without noise."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from demo.kafka import free_port
from tests.engine.harness import NOISE, bug, flat, log_lines, plain_log, until
from tests.oracle import judge, topics
from tests.support.play import await_outputs
from tests.support.stage import Stage
from tests.support.worker import Worker

pytestmark = pytest.mark.kafka

STUCK_CHUNK = """
def install():
    import asyncio
    from app.engine.publish import Publisher

    async def stuck(self):
        print("STUCK", flush=True)
        await asyncio.sleep(600)

    Publisher.flush = stuck
"""
SLOW_RESTORE = """
def install():
    import asyncio
    import app.engine.takeover as engine

    async def slow(*arguments):
        print("RESTORING", flush=True)
        await asyncio.sleep(30)

    engine.restore = slow
"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("stop")) as made:
        yield made


def test_a_broker_that_is_not_there_is_one_line_a_try_and_sigterm_still_ends_the_worker(tmp_path: Path) -> None:
    worker = Worker(f"127.0.0.1:{free_port()}", tmp_path)
    worker.launch()
    try:
        until(lambda: worker.log.exists() and plain_log(worker).count("trying again") >= 3, "three tries")
        worker.stop()
    finally:
        worker.close()
    lines = [line for line in log_lines(worker) if line["level"] in ("warning", "error", "critical")]
    tries = [line for line in lines if "trying again" in line["event"]]
    assert all(line["broker"] == worker.env["ROLLCALL_BROKER"] for line in tries)
    assert len(lines) <= 2 * len(tries), [line["event"] for line in lines]  # the client may add a line of its own
    assert not NOISE.search(plain_log(worker))


@pytest.mark.parametrize("guarantee", ["at_least_once", "exactly_once"])
def test_sigterm_ends_a_worker_in_order_and_a_restart_repeats_nothing(guarantee: str, stage: Stage) -> None:
    app_id = guarantee.replace("_", "-")
    worker = stage.worker(app_id=app_id, settings={"ROLLCALL_PROCESSING_GUARANTEE": guarantee})
    worker.start()
    read = stage.reader()
    stage.wait_folded(app_id)
    read.quiet(0.7)
    before = len(read.records)
    inputs = stage.io.produce(message for number in range(40) for message in flat("R4 C0-4", f"{app_id}-{number}"))
    await_outputs(read, inputs, quiet=0.1)
    stage.wait_folded(app_id)
    worker.stop()
    assert worker.exit_code == 0
    taken = [*topics.INPUTS, f"{app_id}-log"]
    committed, ends = stage.io.committed(app_id), stage.io.ends(taken)
    assert {place: end - committed.get(place, 0) for place, end in ends.items() if place[0] != f"{app_id}-log"} == {
        place: 0 for place in ends if place[0] != f"{app_id}-log"
    }
    log_ends = {place: end for place, end in ends.items() if place[0] == f"{app_id}-log"}
    assert {place: committed.get(place, 0) for place in log_ends} == log_ends
    assert not NOISE.search(plain_log(worker)), NOISE.findall(plain_log(worker))
    read.quiet(0.5)
    said = len(read.records)
    worker.start()
    read.quiet(1.5)
    assert read.records[said:] == []
    verdict = judge(inputs, read.records[before:])
    assert (verdict.lost, verdict.wrong, verdict.repeated) == (0, 0, 0), str(verdict)
    worker.stop()


def test_sigterm_under_load_ends_a_worker_in_time_and_the_next_one_loses_nothing(stage: Stage) -> None:
    worker = stage.worker(app_id="loaded")
    worker.start()
    read = stage.reader()
    stage.wait_folded("loaded")
    read.quiet(0.7)
    before = len(read.records)
    inputs = stage.io.produce(message for number in range(500) for message in flat("R2 C0 C1", f"load-{number}"))
    worker.stop()
    assert worker.exit_code == 0
    worker.start()
    stage.wait_taken("loaded")
    assert await_outputs(read, inputs, quiet=1)
    verdict = judge(inputs, read.records[before:])
    assert (verdict.lost, verdict.wrong, verdict.repeated) == (0, 0, 0), str(verdict)
    worker.stop()
    assert not NOISE.search(plain_log(worker))


def test_sigterm_during_a_rebalance_ends_the_worker_in_order(stage: Stage, tmp_path: Path) -> None:
    """What stops the fetcher then must not be taken for its restart. A rolling restart stops workers like this."""
    worker = stage.worker(app_id="rebalancing")
    another = stage.worker(app_id="rebalancing", settings={"ROLLCALL_HTTP_PORT": "0", **bug(tmp_path, SLOW_RESTORE)})
    worker.start()
    another.launch()
    until(lambda: another.log.exists() and "RESTORING" in plain_log(another), "a restore after a rebalance")
    worker.stop()
    another.stop()
    for each in (worker, another):
        assert each.exit_code == 0, each.tail()
        assert not NOISE.search(plain_log(each)), NOISE.findall(plain_log(each))


@pytest.mark.parametrize("guarantee", ["at_least_once", "exactly_once"])
def test_sigterm_during_a_chunk_that_hangs_ends_in_time_with_status_0_and_leaves_the_group(
    guarantee: str, stage: Stage, tmp_path: Path
) -> None:
    """All steps of a stop share one budget: a chunk that uses up its part leaves the others theirs."""
    app_id = f"hangs-{guarantee.replace('_', '-')}"
    session = "45"  # nobody is given up by the broker within this test: who is gone has said so
    settings = {"ROLLCALL_PROCESSING_GUARANTEE": guarantee, "ROLLCALL_SESSION_TIMEOUT_SECONDS": session}
    worker = stage.worker(app_id=app_id, settings=settings | bug(tmp_path, STUCK_CHUNK))
    worker.launch()  # it hangs at the first record that it finds, which may be before it is ready
    stage.io.produce(flat("R2 C0 C1", app_id))
    until(lambda: "STUCK" in plain_log(worker), "a chunk that hangs")
    assert members(stage, app_id) == 1
    worker.stop()
    assert worker.exit_code == 0, worker.tail()
    assert members(stage, app_id) == 0


def members(stage: Stage, group: str) -> int:
    """How many members the broker counts."""

    async def ask() -> int:
        admin = AIOKafkaAdminClient(bootstrap_servers=stage.kafka.bootstrap)
        await admin.start()
        try:
            (response,) = await admin.describe_consumer_groups([group])
        finally:
            await admin.close()
        return len(response.groups[0][5])

    return stage.io.call(ask())


def test_a_port_that_is_taken_stops_the_worker_with_a_clear_message(stage: Stage) -> None:
    worker = stage.worker(app_id="port-taken")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", worker.port))
        taken.listen()
        worker.launch()
        assert worker.wait_end() != 0
    text = plain_log(worker)
    assert str(worker.port) in text
    assert re.search(r"address already in use|taken|in use", text)
    assert "ROLLCALL_HTTP_PORT" in text
    assert "Traceback" not in text
