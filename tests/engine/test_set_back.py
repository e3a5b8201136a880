"""What came of a partition while it changed hands is dropped, and fetched again, whatever comes between."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError, KafkaConnectionError, NoOffsetForPartitionError
from faust.types import TP

from app.engine.faust.consumer import Consumer
from app.engine.record_queue import RecordQueue
from app.engine.task_manager import TaskManager
from app.settings import Settings
from app.topology import topology
from tests.engine.harness import flat
from tests.engine.rig import of_log

LOG = TopicPartition("rollcall-log", 0)
OTHER = TopicPartition("rollcall-log", 1)


class Thread:
    """The client's thread: where it was told to go on, and how often it can't be asked."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.begun: list[set[TopicPartition]] = []
        self.sought: list[dict[TopicPartition, int]] = []

    async def seek_all(self, positions: Mapping[TopicPartition, int]) -> None:
        if self.failures:
            raise self.failures.pop()
        self.sought.append(dict(positions))

    async def begin_at_committed(self, partitions: Collection[TopicPartition]) -> None:
        self.begun.append(set(partitions))


class Polling(Consumer):
    """The consumer with an engine that holds two partitions, and a client that answers what it is told."""

    engine: Any = None
    thread: Any = None

    def __init__(self, thread: Thread) -> None:
        settings = Settings()
        self.thread = thread
        self.engine = TaskManager(settings, topology(settings), lambda _: None)
        self.engine._queues |= {place: RecordQueue(100) for place in (LOG, OTHER)}
        self.flow_active = True
        #: As Faust's, of what may be polled: the first is not, its takeover is under way.
        self._active_partitions = {TP(OTHER.topic, OTHER.partition)}
        self.answers: list[Any] = []
        self.pauses = 0

    async def _getmany(self, active_partitions: Any, timeout: float) -> Any:  # noqa: ASYNC109 - Faust's signature
        del active_partitions, timeout
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer

    async def sleep(self, n: Any) -> None:
        del n
        self.pauses += 1


def polling(monkeypatch: pytest.MonkeyPatch, home: Path, *failures: Exception) -> tuple[Polling, Thread]:
    monkeypatch.setenv("ROLLCALL_DATADIR", str(home))
    thread = Thread(*failures)
    return Polling(thread), thread


def taken_over_again(consumer: Polling) -> Mapping[TopicPartition, Any]:
    """While a poll is under way its partition is let go and comes back; the poll has records of it."""
    consumer.engine._queues[LOG] = RecordQueue(100)
    return {LOG: of_log(Settings(), flat("R1 C0", "dropped"))}


async def test_what_a_poll_brought_of_a_partition_that_was_taken_over_meanwhile_is_fetched_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    consumer, thread = polling(monkeypatch, tmp_path)
    consumer.engine._queues[OTHER].offer(of_log(Settings(), flat("R1", "kept")))
    consumer.answers = [lambda: taken_over_again(consumer), {}]
    await consumer._poll()
    assert not thread.begun
    await consumer._poll()
    assert thread.begun == [{LOG}]
    assert thread.sought == [{OTHER: 1}]
    consumer.answers = [{}]
    await consumer._poll()
    assert len(thread.begun) == 1


@pytest.mark.parametrize("error", [KafkaConnectionError("away"), IllegalStateError("a rebalance")], ids=str)
async def test_where_that_fails_nothing_is_fetched_until_it_was_done(
    error: Exception, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    consumer, thread = polling(monkeypatch, tmp_path, error, error)
    consumer.answers = [lambda: taken_over_again(consumer), {}]
    await consumer._poll()
    for _ in range(2):
        await consumer._poll()
        assert (thread.begun, len(consumer.answers)) == ([], 1)
    assert consumer.pauses == 2
    await consumer._poll()
    assert (thread.begun, len(consumer.answers)) == ([{LOG, OTHER}], 0)


async def test_a_partition_for_which_the_client_has_no_position_is_given_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    consumer, thread = polling(monkeypatch, tmp_path)
    consumer.answers = [NoOffsetForPartitionError({LOG: 0}), {}]
    await consumer._poll()
    await consumer._poll()
    assert thread.begun == [{LOG, OTHER}]
