"""A transaction that fails on a partition that stays this worker's: what is tried again, and when it is given up."""

import json
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2

from app.engine.kafka.clients import new_producer
from app.engine.task_manager import TaskManager
from app.settings import Settings
from app.topology import topology
from tests.contract.cases import CASES
from tests.engine.harness import bug, flat, metric, plain_log
from tests.oracle import judge, topics
from tests.support.play import await_outputs
from tests.support.stage import PARTITIONS, Stage

if TYPE_CHECKING:
    from tests.oracle.records import InputRecord


#: The broker's answer to the first partition that is to be added to a transaction.
FORGETS = """
def install():
    from aiokafka.errors import InvalidProducerIdMapping
    from aiokafka.producer.sender import AddPartitionsToTxnHandler

    handle, seen = AddPartitionsToTxnHandler.handle_response, []

    def forgets(self, answer):
        if self._sender._txn_manager.transactional_id not in seen and any(
            topic.startswith("huleedu.els") for topic, _ in answer.errors
        ):
            seen.append(self._sender._txn_manager.transactional_id)
            raise InvalidProducerIdMapping
        return handle(self, answer)

    AddPartitionsToTxnHandler.handle_response = forgets
"""

#: A poll that was under way before is handed the records that come after the seek: it lasts, and the takeover does too.
SLOWLY = """
    import asyncio
    from app.engine.faust import consumer
    from app.engine.faust.consumer_thread import ConsumerThread

    consumer._LONG_POLL = 6.0
    begin_at = ConsumerThread._begin_at_committed

    async def begin_slowly(self, partitions):
        begun = await begin_at(self, partitions)
        await asyncio.sleep(3.0)
        return begun

    ConsumerThread._begin_at_committed = begin_slowly
"""


def of_the_first(partitions: int, *names: str) -> list[str]:
    """A batch id for each name that is the first partition's of so many."""
    return [
        next(
            batch
            for number in count()
            if (murmur2((batch := f"{name}-{number}").encode()) & 0x7FFFFFFF) % partitions == 0
        )
        for name in names
    ]


class Told:
    """An engine with one partition, and what it tells."""

    def __init__(self) -> None:
        self.failures: list[BaseException] = []
        self.fenced: list[BaseException] = []
        self.engine = TaskManager(
            Settings(), topology(Settings()), self.failures.append, lambda _, error: self.fenced.append(error)
        )

    def fails(self, partition: int, *, after: int | None) -> None:
        """A transaction of the partition fails, once the task has acknowledged the log up to ``after``."""
        self.engine.tasks[partition] = cast("Any", SimpleNamespace(acknowledged=after))
        self.engine._fenced(partition, KafkaError("invalid state"))


def test_a_transaction_that_fails_again_and_again_without_one_that_succeeds_stops_the_worker_at_the_third() -> None:
    told = Told()
    told.fails(0, after=None)
    told.fails(0, after=None)
    assert not told.failures
    told.fails(0, after=None)
    assert len(told.fenced) == 2
    assert len(told.failures) == 1


def test_one_that_succeeds_in_between_begins_the_count_anew() -> None:
    told = Told()
    for _ in range(5):
        told.fails(0, after=None)
        told.fails(0, after=7)
    assert not told.failures
    assert len(told.fenced) == 10


def test_each_partition_has_a_count_of_its_own() -> None:
    told = Told()
    for partition in (0, 1, 0, 1):
        told.fails(partition, after=None)
    assert not told.failures
    told.fails(1, after=None)
    assert len(told.failures) == 1


@pytest.mark.kafka
@pytest.mark.parametrize("slowly", ["", SLOWLY], ids=["usual", "while_a_poll_goes_on"])
def test_a_partition_whose_transactional_id_the_broker_has_forgotten_is_taken_over_again_at_once(
    tmp_path: Path, slowly: str
) -> None:
    """After a holiday. The group's view of the member is not waited for, which would take a session time-out."""
    # The session: beyond the patience of every wait here.
    settings = {"ROLLCALL_SESSION_TIMEOUT_SECONDS": "300", **bug(tmp_path / "forgets", FORGETS + slowly)}
    with Stage(tmp_path, settings=settings) as stage:
        worker = stage.worker()
        worker.start()
        read = stage.reader(read_committed=True)
        stage.io.produce(flat("R2 C0 C1", "after-the-holiday"))
        read.require(lambda found: any(output.topic == topics.READY for output in found), "a ready batch")
        worker.stop()
        text = plain_log(worker)
        assert "has forgotten the transactional id" in text
        assert '"exception"' not in text
        assert sum(record.topic == topics.READY for record in read.records) == 1


@pytest.mark.kafka
def test_a_partition_that_is_fenced_by_a_stranger_is_taken_over_again_alone_and_goes_on(tmp_path: Path) -> None:
    async def fence(settings: Settings) -> None:
        producer = new_producer(settings, f"{settings.app_id}-0")
        await producer.start()
        await producer.stop()

    with Stage(tmp_path, settings={"ROLLCALL_PARTITIONS": "2"}) as stage:
        worker = stage.worker()
        worker.start()
        read = stage.reader(read_committed=True)
        inputs: list[InputRecord] = []
        for name in of_the_first(2, "before", "once", "twice", "thrice", "again"):  # more often than may fail in a row
            if inputs:
                stage.io.call(fence(Settings(broker=stage.kafka.bootstrap)))
            for step in CASES[0].messages(name):
                inputs += stage.io.produce(step)
            assert await_outputs(read, inputs), name
        assert judge(inputs, read.records).right
        assert metric(worker, "rollcall_transaction_aborts_total") == 4
        worker.stop()
        assert worker.exit_code == 0
        lines = (json.loads(line) for line in plain_log(worker).splitlines() if "partitions acquired" in line)
        acquired = [(line["inputs"], line["kept"], line["log_partitions"]) for line in lines]
        everything = sum(PARTITIONS.values())
        assert acquired == [(everything, 0, [0, 1]), *[(0, everything + 1, [0])] * 4]
