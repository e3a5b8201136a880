"""Trap 1: an exception that the fold did not foresee, in the real worker on a real broker.

Faust would restart the handler and acknowledge the event. Here nothing of the poll is committed, the worker stops and
names the record, and one setting sends that one record to the dead letters.
"""

import re
from collections.abc import Iterator

import pytest

from app.engine.kafka.clients import MAX_RECORD_BYTES
from app.engine.kafka.partitioner import partition_for
from tests.engine.harness import bug, create, dead, flat, log_lines, metric, plain_log
from tests.oracle import judge, topics
from tests.oracle.records import InputRecord
from tests.support.stage import Stage
from tests.support.worker import Worker

pytestmark = pytest.mark.kafka

# A fold that fails on one text of one batch; every other record goes to the real one.
BUG = """
def install():
    import agents.contents as contents
    import agents.steps as steps

    def with_bug(take):
        def buggy(batch, event, *rest):
            secret_in_a_local_variable = "hunter2" + batch.batch_id
            if getattr(event, "text_id", "") == "poisoned.text-0001":
                raise ZeroDivisionError("nobody foresaw this")
            return take(batch, event, *rest)
        return buggy

    def contents_with_bug(take):
        def buggy(batch, events, at):
            for event in events:
                if event.text_id == "poisoned.text-0001":
                    raise ZeroDivisionError("nobody foresaw this")
            return take(batch, events, at)
        return buggy

    steps.take, contents.take_content = with_bug(steps.take), with_bug(contents.take_content)
    contents.take_contents = contents_with_bug(contents.take_contents)
"""
SAID = re.compile(
    r"(?P<topic>\S+) partition (?P<partition>\d+) offset (?P<offset>\d+) "
    r"\(offset (?P<at>\d+) of (?P<log>\S+) partition (?P<home>\d+)\), batch (?P<batch>\S+):"
)
BATCH = "poisoned"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("poison"), settings={"ROLLCALL_LOG_FORMAT": "json"}) as made:
        made.settings |= bug(made.home, BUG)
        made.io.create_topics(dict.fromkeys(topics.EVENTS_OUT, 3))
        create(made.io, topics.DEAD, 3, {"max.message.bytes": str(MAX_RECORD_BYTES), "retention.ms": "-1"})
        yield made


@pytest.fixture(scope="module")
def inputs(stage: Stage) -> list[InputRecord]:
    """A batch with the poisoned content in the middle, and twelve others, all there before any worker is."""
    sent = [message for number in range(12) for message in flat("R2 C0 C1", f"good-{number}")]
    return stage.io.produce([*flat("R3 C0", BATCH), *sent, *flat("C1 C2", BATCH)])


@pytest.fixture(params=["at_least_once", "exactly_once"])
def worker(request: pytest.FixtureRequest, stage: Stage) -> Worker:
    """A worker with the bug, not started; each guarantee has an app id of its own, so it reads all inputs."""
    guarantee: str = request.param
    return stage.worker(app_id=guarantee.replace("_", "-"), settings={"ROLLCALL_PROCESSING_GUARANTEE": guarantee})


def test_a_bug_in_the_fold_stops_the_worker_before_anything_of_the_poll_is_committed_and_one_record_can_be_skipped(
    stage: Stage, worker: Worker, inputs: list[InputRecord]
) -> None:
    (poison,) = [message for message in inputs if b'"poisoned.text-0001"' in (message.value or b"")]
    read = stage.reader(read_committed=True)
    read.quiet(0.5)
    before = len(read.records)

    worker.launch()
    assert worker.wait_end() != 0
    text = plain_log(worker)
    said = SAID.search(text)
    assert said, worker.tail()
    home, at = int(said["home"]), int(said["at"])
    log = f"{worker.app_id}-log"
    assert (said["log"], said["batch"], home) == (log, BATCH, partition_for(BATCH.encode(), 3))
    position = ":".join(map(str, poison.position))
    assert ":".join((said["topic"], said["partition"], said["offset"])) == position
    assert f"ROLLCALL_SKIP_POISON={position}" in text
    assert "ZeroDivisionError: nobody foresaw this" in text
    assert "hunter2" not in text, "the value of a local variable is in the log"
    assert stage.io.committed(worker.app_id).get((log, home), 0) <= at
    assert not dead(read.records[before:], "poison")

    worker.launch()
    assert worker.wait_end() != 0, "it goes on only when it is told to"
    assert stage.io.committed(worker.app_id).get((log, home), 0) <= at

    worker.env["ROLLCALL_SKIP_POISON"] = position
    worker.start(20)
    stage.wait_taken(worker.app_id)
    read.quiet(1.5)
    mine = read.records[before:]
    (letter,) = dead(mine, "poison")
    assert (letter.key, letter.value) == (poison.key, poison.value)
    source = [letter.header(f"rollcall.source.{part}") for part in ("topic", "partition", "offset")]
    assert source == [str(part) for part in poison.position]
    verdict = judge(
        [message for message in inputs if message is not poison], [message for message in mine if message is not letter]
    )
    assert (verdict.lost, verdict.wrong) == (0, 0), str(verdict)
    assert metric(worker, "rollcall_dead_letters_total") == 1
    worker.stop()
    assert all(line.keys() >= {"event", "level", "timestamp", "logger"} for line in log_lines(worker))
