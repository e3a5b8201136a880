"""Partitions that were added to the log and the changelog: refused whatever the setting says, with a way that tears no
batch; and the audit sees a batch that stands in two partitions.
"""

from collections.abc import Iterator

import pytest
from aiokafka.admin import NewPartitions
from aiokafka.structs import TopicPartition

from app.core import names
from app.engine.kafka.partitioner import partition_for
from app.history.copy import copy_log
from app.history.read.places import in_place
from app.history.read.reader import no_progress, opened, spans
from app.history.verify.audit import audit
from app.settings import Settings
from app.wire.record import SOURCE_HEADER, source_header
from tables import keys
from tests.engine.harness import envelopes, flat, plain_log, until
from tests.oracle import topics
from tests.support.stage import PARTITIONS, Stage
from tests.support.worker import Worker

pytestmark = pytest.mark.kafka

BATCHES = [f"added-{number}" for number in range(20)]
LOG, CHANGELOG = "rollcall-log", "rollcall-tables-changelog"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Twenty open batches, folded with three partitions; then both internal topics were given six."""
    with Stage(tmp_path_factory.mktemp("added")) as made:
        worker = made.worker()
        worker.start()
        made.io.produce([message for batch in BATCHES for message in flat("R2 C0", batch)])
        made.wait_taken()
        until(lambda: all(made.io.committed("rollcall").get((LOG, number), 0) for number in range(3)), "folded")
        worker.stop()
        for name in (LOG, CHANGELOG):
            made.io.call(made.io._admin.create_partitions({name: NewPartitions(6)}))
        yield made


def settings(stage: Stage, **chosen: object) -> Settings:
    return Settings(broker=stage.kafka.bootstrap, datadir=stage.home, **chosen)  # type: ignore[arg-type]  # by name


def refused(worker: Worker) -> str:
    """Start a worker that can't start; its log."""
    worker.launch()
    assert worker.wait_end() != 0
    text = plain_log(worker)
    assert "Traceback" not in text
    return text


@pytest.mark.parametrize("partitions", ["3", "6"])
def test_added_partitions_are_refused_whatever_the_setting_says(stage: Stage, partitions: str) -> None:
    """Also with an empty data directory: the count is recorded in the changelog."""
    text = refused(stage.worker(settings={"ROLLCALL_PARTITIONS": partitions}))
    for name in (LOG, CHANGELOG):
        assert f"topic {name} has 6 partitions, and the state of ROLLCALL_APP_ID=rollcall was made with 3" in text
    assert "`faust -A app replay --into NEW`" in text
    assert "set it to 6" not in text


def test_partitions_that_are_added_under_a_running_worker_stop_it(stage: Stage) -> None:
    worker = stage.worker(app_id="grows")
    worker.start()
    stage.io.call(stage.io._admin.create_partitions({"grows-log": NewPartitions(6)}))
    assert worker.wait_end() != 0
    text = plain_log(worker)
    assert "topic grows-log has 6 partitions, and the state of ROLLCALL_APP_ID=grows was made with 3" in text
    assert "`faust -A app replay --into NEW`" in text
    assert "Traceback" not in text


def test_the_audit_says_that_partitions_were_added_and_that_no_batch_is_torn_yet(stage: Stage) -> None:
    report = stage.io.call(audit(settings(stage, partitions=6)))
    assert report.same
    assert report.batches == len(BATCHES)
    assert [note for note in report.notes if "made with 3 partitions, and by now the log has 6" in note]


def test_the_way_out_makes_every_batch_ready_and_tears_none(stage: Stage) -> None:
    copied = stage.io.call(copy_log(settings(stage, partitions=3), "whole"))
    assert copied[1] == 40
    worker = stage.worker(app_id="whole", settings={"ROLLCALL_PARTITIONS": "3"})
    worker.start()
    read = stage.reader()
    stage.io.produce([message for batch in BATCHES for message in flat("C1", batch)])
    read.require(
        lambda found: {envelope["batch_id"] for envelope in envelopes(found, topics.READY)} == set(BATCHES),
        "all batches ready",
    )
    stage.wait_taken("whole")
    worker.stop()
    report = stage.io.call(audit(settings(stage, app_id="whole", partitions=3)))
    assert report.same, report
    assert (report.partitions, report.batches) == (3, len(BATCHES))


def test_the_audit_sees_a_batch_in_two_partitions_and_a_copy_puts_it_together(stage: Stage) -> None:
    """What an older release has written with six: an upload of a batch of the first three partitions, in the last."""
    torn = next(batch for batch in BATCHES if partition_for(batch.encode(), 6) >= 3)
    here, far = partition_for(torn.encode(), 3), partition_for(torn.encode(), 6)
    late = flat("R2 C0 C1", torn)[2]
    place = partition_for(late.key or b"", PARTITIONS[topics.CONTENT]), 10_000
    header = (SOURCE_HEADER, source_header(names.INPUTS.index(topics.CONTENT), *place))
    producer = stage.io._producer
    stage.io.call(producer.send_and_wait(LOG, late.value, torn.encode(), partition=far, headers=[header]))
    row = keys.named(keys.BATCHES, torn)
    stage.io.call(producer.send_and_wait(CHANGELOG, b"\x01\x90", row + bytes(16), partition=far))
    report = stage.io.call(audit(settings(stage, partitions=6)))
    assert not report.same
    (found,) = [difference for difference in report.differences if difference.field == "partitions"]
    assert (found.batch_id, found.changelog, found.log) == (torn, f"[{here}, {far}]", f"[{here}]")
    assert [note for note in report.notes if note.startswith("1 batches stand in several partitions")]
    fresh, copied = stage.io.call(copy_log(settings(stage, partitions=3), "together"))
    assert copied == 41
    ends = stage.io.ends(["together-log"])
    assert set(ends) == {("together-log", number) for number in range(3)}
    assert sum(ends.values()) == 41
    assert stage.io.call(in_place_of(fresh))


async def in_place_of(copy: Settings) -> bool:
    """Whether each record of a copy stands where its key belongs."""
    async with opened(copy) as reader:
        there = await spans(reader, [TopicPartition(copy.log_topic, number) for number in range(copy.partitions)])
        return await in_place(reader, there, copy.partitions, no_progress)
