"""Reading a span of a partition: to its end and no further, past what is never delivered, and not for ever."""

from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaTimeoutError

from app.history.read import reader as module
from app.history.read.reader import read
from tests.agents.log import Record

ONE, TWO = TopicPartition("t", 0), TopicPartition("t", 1)


class FakeConsumer:
    """A consumer over partitions in memory; an offset that is left out is a marker, which is never delivered."""

    def __init__(
        self, offsets: dict[TopicPartition, list[int]], ends: dict[TopicPartition, int], piece: int = 2
    ) -> None:
        self.offsets, self.ends, self.piece = offsets, ends, piece
        self.positions: dict[TopicPartition, int] = {}
        self.paused: set[TopicPartition] = set()

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.positions = dict.fromkeys(partitions, 0)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.positions[partition] = offset

    def pause(self, partition: TopicPartition) -> None:
        self.paused.add(partition)

    async def position(self, partition: TopicPartition) -> int:
        return self.positions[partition]

    async def getmany(self, *partitions: TopicPartition, timeout_ms: int) -> dict[TopicPartition, list[Any]]:
        assert timeout_ms > 0
        found = {}
        for partition in partitions:
            assert partition not in self.paused
            there = [offset for offset in self.offsets[partition] if offset >= self.positions[partition]][: self.piece]
            if there:
                found[partition] = [Record("t", partition.partition, offset, 0, None, b"", []) for offset in there]
                self.positions[partition] = there[-1] + 1
            else:
                self.positions[partition] = self.ends[partition]
        return found


async def offsets(consumer: Any, spans: dict[TopicPartition, tuple[int, int]]) -> dict[TopicPartition, list[int]]:
    found: dict[TopicPartition, list[int]] = {}
    async for partition, records in read(consumer, spans):
        found.setdefault(partition, []).extend(record.offset for record in records)
    return found


async def test_spans_are_read_whole_and_not_beyond_their_end() -> None:
    consumer = FakeConsumer({ONE: list(range(10)), TWO: list(range(5))}, {ONE: 10, TWO: 5}, piece=3)
    found = await offsets(consumer, {ONE: (2, 7), TWO: (0, 5)})
    assert found == {ONE: [2, 3, 4, 5, 6], TWO: [0, 1, 2, 3, 4]}


async def test_markers_at_the_end_of_a_span_are_passed() -> None:
    consumer = FakeConsumer({ONE: [0, 1, 3]}, {ONE: 6})
    assert await offsets(consumer, {ONE: (0, 6)}) == {ONE: [0, 1, 3]}
    assert await offsets(FakeConsumer({ONE: []}, {ONE: 2}), {ONE: (0, 2)}) == {}


async def test_an_empty_span_is_not_read() -> None:
    assert await offsets(FakeConsumer({ONE: [0]}, {ONE: 1}), {ONE: (1, 1)}) == {}


async def test_progress_ends_at_the_total() -> None:
    told: list[tuple[int, int]] = []
    consumer = FakeConsumer({ONE: list(range(5)), TWO: list(range(3))}, {ONE: 5, TWO: 3})
    async for _ in read(consumer, {ONE: (1, 4), TWO: (0, 3)}, lambda done, total: told.append((done, total))):
        pass
    assert told == sorted(told)
    assert told[-1] == (6, 6)


async def test_a_broker_that_sends_nothing_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.05)

    class Silent(FakeConsumer):
        async def getmany(self, *_partitions: TopicPartition, timeout_ms: int) -> dict[TopicPartition, list[Any]]:
            assert timeout_ms > 0
            return {}

    with pytest.raises(KafkaTimeoutError, match="has sent nothing"):
        await offsets(Silent({ONE: [0]}, {ONE: 1}), {ONE: (0, 1)})
