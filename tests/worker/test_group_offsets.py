"""The group's offsets of the log, set by hand or forgotten by the broker: the state says where the log goes on."""

from collections.abc import Iterator, Mapping

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import RecordsToDelete
from aiokafka.protocol.admin import DeleteGroupsRequest
from aiokafka.structs import TopicPartition

from app.engine.kafka.partitioner import partition_for
from app.wire.acts import encode
from tests.core.acting import force
from tests.engine.harness import flat, log_lines, until
from tests.oracle import topics
from tests.oracle.records import OutputRecord
from tests.support.stage import Stage
from tests.support.worker import Worker

pytestmark = pytest.mark.kafka

GUARANTEES = ("exactly_once", "at_least_once")
PARTITIONS = 3
AHEAD = "the group's offset of the log is ahead of what the state has folded"
FORGOTTEN = "the group has no offset of the log"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("offsets")) as made:
        yield made


def with_an_act_that_nobody_has_folded(stage: Stage, guarantee: str, batch: str) -> Worker:
    """A worker that has ended with an open batch; then an operator's record that makes it ready came into its log."""
    app_id = batch
    worker = stage.worker(app_id=app_id, settings={"ROLLCALL_PROCESSING_GUARANTEE": guarantee})
    worker.start()
    stage.io.produce(flat("R2 C0", batch))
    stage.wait_folded(app_id)
    worker.stop()
    key, value, headers = encode(batch, force())
    place = partition_for(batch.encode(), PARTITIONS)
    stage.io.call(
        stage.io._producer.send_and_wait(f"{app_id}-log", partition=place, key=key, value=value, headers=headers)
    )
    return worker


def commit(stage: Stage, app_id: str, offsets: Mapping[tuple[str, int], int]) -> None:
    """Set offsets of a group without members, as Kafka's own tools do."""

    async def commit() -> None:
        consumer = AIOKafkaConsumer(bootstrap_servers=stage.kafka.bootstrap, group_id=app_id, enable_auto_commit=False)
        await consumer.start()
        try:
            places = {TopicPartition(*place): offset for place, offset in offsets.items()}
            consumer.assign(list(places))
            await consumer.commit(places)
        finally:
            await consumer.stop()

    stage.io.call(commit())


async def forget(stage: Stage, app_id: str) -> None:
    """Delete a group without members, as a broker does after a week."""
    admin = stage.io._admin
    answer = await admin._send_request(DeleteGroupsRequest([app_id]), await admin.find_coordinator(app_id))
    assert answer.results == [(app_id, 0)]


def told(worker: Worker, line: str) -> list[tuple[int, int | None]]:
    """What the worker's lines of a kind say: folded, and committed."""
    return [
        (said["folded"], said.get("committed")) for said in log_lines(worker) if said.get("event", "").startswith(line)
    ]


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_a_record_of_the_log_that_the_groups_offset_was_set_beyond_is_folded_all_the_same(
    stage: Stage, guarantee: str
) -> None:
    batch = f"ahead-{guarantee.replace('_', '-')}"
    worker = with_an_act_that_nobody_has_folded(stage, guarantee, batch)
    ends = stage.io.ends([f"{batch}-log"])
    place = (f"{batch}-log", partition_for(batch.encode(), PARTITIONS))
    folded = stage.io.committed(batch)[place]
    assert folded < ends[place]
    commit(stage, batch, ends)

    worker.start()
    read = stage.reader(read_committed=guarantee == "exactly_once")
    read.require(lambda found: ready(found, batch), "the batch that an operator forced")
    assert told(worker, AHEAD) == [(folded, ends[place])]
    worker.stop()


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_a_group_that_the_broker_has_forgotten_goes_on_from_the_state_though_the_log_lacks_its_first_records(
    stage: Stage, guarantee: str
) -> None:
    batch = f"forgotten-{guarantee.replace('_', '-')}"
    worker = with_an_act_that_nobody_has_folded(stage, guarantee, batch)
    place = TopicPartition(f"{batch}-log", partition_for(batch.encode(), PARTITIONS))
    folded = stage.io.committed(batch)[place.topic, place.partition]
    stage.io.call(forget(stage, batch))
    stage.io.call(stage.io._admin.delete_records({place: RecordsToDelete(folded)}))

    worker.start()
    read = stage.reader(read_committed=guarantee == "exactly_once")
    read.require(lambda found: ready(found, batch), "the batch that an operator forced")
    assert (folded, None) in told(worker, FORGOTTEN)
    # The inputs are read anew, and what the log had of them changes nothing.
    stage.wait_folded(batch)
    read.quiet()
    assigned = [
        output for output in read.records if output.topic == topics.SLOT and batch.encode() in (output.value or b"")
    ]
    assert len(assigned) == 1
    worker.stop()


def test_exactly_once_the_state_says_where_the_log_goes_on_though_the_groups_offset_did_not_follow_in_time(
    stage: Stage,
) -> None:
    """As after a kill behind a transaction, before the next commit through the group; the log has deleted records."""
    batch = "behind"
    worker = with_an_act_that_nobody_has_folded(stage, "exactly_once", batch)
    place = TopicPartition(f"{batch}-log", partition_for(batch.encode(), PARTITIONS))
    folded = stage.io.committed(batch)[place.topic, place.partition]
    commit(stage, batch, {(place.topic, place.partition): 0})
    stage.io.call(stage.io._admin.delete_records({place: RecordsToDelete(folded)}))

    worker.start()
    read = stage.reader(read_committed=True)
    read.require(lambda found: ready(found, batch), "the batch that an operator forced")
    assert not told(worker, AHEAD)
    stage.wait_folded(batch)
    worker.stop()


def test_exactly_once_a_worker_that_was_killed_and_has_nothing_new_to_do_has_the_group_know_how_far_it_is(
    stage: Stage,
) -> None:
    batch = "idle"
    # The first look at deadlines may write a tick, since the broker's clock is not known yet; folded, it takes the
    # group's offset with it. A minute is the longest that it can be put off.
    worker = stage.worker(app_id=batch, settings={"ROLLCALL_TICK_SECONDS": "60"})
    worker.start()
    stage.io.produce(flat("R1 C0", batch))
    stage.wait_folded(batch)
    worker.stop()
    log = (f"{batch}-log", partition_for(batch.encode(), PARTITIONS))
    folded = stage.io.committed(batch)[log]
    commit(stage, batch, {log: 0})

    worker.start()
    until(lambda: stage.io.committed(batch)[log] == folded, "the group's offset follows the state")
    worker.stop()


def ready(found: list[OutputRecord], batch: str) -> bool:
    return any(output.topic == topics.READY and batch.encode() in (output.value or b"") for output in found)
