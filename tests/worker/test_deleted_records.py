"""Records that are deleted before they were read: the log's stop the worker, an input's are told and it goes on."""

import time
from collections.abc import Iterator
from itertools import count

import pytest
from aiokafka.admin import RecordsToDelete
from aiokafka.errors import PolicyViolationError
from aiokafka.structs import TopicPartition

from tests.engine.harness import flat, log_lines, metric, plain_log, until
from tests.oracle import topics
from tests.support.events import Message
from tests.support.patience import slowness
from tests.support.stage import Stage
from tests.support.worker import Worker

pytestmark = pytest.mark.kafka

GAP = "records of an input were deleted before they were read"
NAMES = count()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("deleted")) as made:
        yield made


# Those that delete inputs come last: a group that comes later has nothing to commit where all was deleted.


def worker_with_state(stage: Stage, app_id: str) -> Worker:
    """A worker that has folded a batch, running."""
    worker = stage.worker(app_id=app_id)
    worker.start()
    batch = f"deleted-{next(NAMES)}"
    read = stage.reader()
    stage.io.produce(flat("R2 C0 F1", batch))
    read.require(lambda found: any(output.topic == topics.READY for output in found), "a ready batch")
    stage.wait_taken(app_id)
    return worker


def delete_all(stage: Stage, topic: str) -> dict[int, int]:
    """Delete every record of a topic that there is; where each partition begins now."""
    ends = {number: end for (_, number), end in stage.io.ends([topic]).items()}
    wanted = {TopicPartition(topic, number): RecordsToDelete(end) for number, end in ends.items() if end}
    stage.io.call(stage.io._admin.delete_records(wanted))
    return ends


def gap(worker: Worker, topic: str) -> list[dict[str, int]]:
    """The offsets that the worker's lines about a topic name."""
    return [
        {name: line[name] for name in ("read_up_to", "begins_at", "missed")}
        for line in log_lines(worker)
        if line.get("event", "").startswith(GAP) and line["topic"] == topic
    ]


@pytest.mark.parametrize("moment", ["start", "running"])
def test_a_log_whose_records_were_deleted_before_they_were_folded_stops_the_worker(stage: Stage, moment: str) -> None:
    app_id = f"cut-{moment}"
    worker = worker_with_state(stage, app_id)
    log = f"{app_id}-log"
    if moment == "start":
        worker.stop()
    else:
        worker.pause()
        time.sleep(slowness())  # as above
    for number in range(3):
        stage.io.call(stage.io._producer.send_and_wait(log, b"unread", key=b"k", partition=number))
    delete_all(stage, log)
    if moment == "start":
        worker.launch()
    else:
        worker.resume()
    assert worker.wait_end() != 0
    text = plain_log(worker)
    assert f"{log} partition " in text
    assert "were deleted (retention, or DeleteRecords)" in text
    assert "ROLLCALL_APP_ID" in text
    assert "Traceback" not in text


def test_internal_topics_that_were_deleted_under_a_group_that_goes_on_are_refused(stage: Stage) -> None:
    """The broker forgets what was committed of a topic with it; what was committed of the inputs stays."""
    worker = worker_with_state(stage, "gone")
    worker.stop()
    stage.io.call(stage.io._admin.delete_topics(["gone-log", "gone-tables-changelog"]))
    worker.launch()
    assert worker.wait_end() != 0
    text = plain_log(worker)
    assert "gone-log is empty, but " in text
    assert "deleted and made again" in text
    assert "Traceback" not in text


def test_a_log_that_was_made_again_under_its_changelog_is_refused(stage: Stage) -> None:
    worker = worker_with_state(stage, "log-anew")
    worker.stop()
    stage.io.call(stage.io._admin.delete_topics(["log-anew-log"]))
    worker.launch()
    assert worker.wait_end() != 0
    text = plain_log(worker)
    assert "topic log-anew-log was made anew: " in text
    assert "Traceback" not in text


def test_a_changelog_that_was_made_again_under_its_log_is_refused_with_a_way_out_that_works(stage: Stage) -> None:
    worker = worker_with_state(stage, "changelog-anew")
    worker.stop()
    stage.io.call(stage.io._admin.delete_topics(["changelog-anew-tables-changelog"]))
    worker.launch()
    assert worker.wait_end() != 0
    text = plain_log(worker)
    assert "topic changelog-anew-tables-changelog partition " in text
    assert "replay --into NEW" in text
    assert "Traceback" not in text


@pytest.fixture(scope="class")
def worker(stage: Stage) -> Iterator[Worker]:
    """A worker that goes on, and stops in time in the end."""
    made = worker_with_state(stage, "goes-on")
    yield made
    made.stop()


class TestUnderAWorkerThatGoesOn:
    """What is deleted here is nothing to a worker, so one has all of it."""

    def test_records_of_the_changelog_can_not_be_deleted_while_its_policy_is_what_it_must_be(
        self, stage: Stage, worker: Worker
    ) -> None:
        """The broker refuses it: of a compacted topic nothing is deleted from the front. A changed policy is refused by
        us (tests/engine/test_settings_changed.py).
        """
        changelog = f"{worker.app_id}-tables-changelog"
        delete = {TopicPartition(changelog, number): RecordsToDelete(1) for number in range(3)}
        with pytest.raises(PolicyViolationError):
            stage.io.call(stage.io._admin.delete_records(delete))

    @pytest.mark.parametrize("topic", [topics.READY, topics.DEAD])
    def test_records_of_what_is_written_for_others_may_be_deleted(
        self, stage: Stage, worker: Worker, topic: str
    ) -> None:
        stage.io.produce([*flat("R1 C0", f"before-{next(NAMES)}"), Message(topics.CONTENT, None, b"no event")])
        stage.wait_folded(worker.app_id)
        assert delete_all(stage, topic)
        read = stage.reader()
        batch = f"after-{next(NAMES)}"
        stage.io.produce(flat("R1 C0", batch))
        read.require(
            lambda found: any(output.topic == topics.READY and output.key == batch.encode() for output in found),
            "a ready batch",
        )
        assert worker.alive


def test_an_input_whose_records_were_deleted_unread_is_read_on_and_told_at_start(stage: Stage) -> None:
    worker = worker_with_state(stage, "gap-start")
    worker.stop()
    stage.io.produce(flat("C0 C1 F2 F3", f"lost-{next(NAMES)}"))
    begins = delete_all(stage, topics.FAILED)
    worker.start()
    lines = until(lambda: gap(worker, topics.FAILED), "a line about the gap")
    assert [line["begins_at"] for line in lines] == [begins[0]]
    assert all(line["missed"] == line["begins_at"] - line["read_up_to"] > 0 for line in lines)
    assert metric(worker, "rollcall_missed_input_offsets_total") == lines[0]["missed"]
    assert metric(worker, "rollcall_input_gaps_total") == 1
    read = stage.reader()
    stage.io.produce(flat("R1 F0", f"after-{next(NAMES)}"))
    read.require(lambda found: any(output.topic == topics.ERRORS for output in found), "what came after the gap")
    worker.stop()


def test_an_input_whose_records_are_deleted_under_the_running_worker_is_told(stage: Stage) -> None:
    worker = worker_with_state(stage, "gap-running")
    worker.pause()
    time.sleep(slowness())  # the fetch that is under way comes back empty: the broker holds it for half a second
    stage.io.produce(flat("C0 C1 C2 C3 C4 C5 C6 C7", f"lost-{next(NAMES)}"))
    delete_all(stage, topics.CONTENT)
    worker.resume()
    until(lambda: gap(worker, topics.CONTENT), "a line about the gap")
    assert metric(worker, "rollcall_missed_input_offsets_total") > 0
    read = stage.reader()
    stage.io.produce(flat("R1 C0", f"after-{next(NAMES)}"))
    read.require(lambda found: any(output.topic == topics.READY for output in found), "what came after the gap")
    worker.stop()
