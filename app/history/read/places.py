"""Where the records of a log belong, and a log whose records stand elsewhere put into one order.

Partitions that were added to a topic move its keys: a batch whose uploads stand in one partition continues in another.
A copy with each record on the partition of its key has every batch in one place again. What stood in one partition
keeps its order; what stood in several is ordered by the broker's time of each record, which is all there is to go by.
"""

import heapq
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, aclosing
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from app.engine.kafka.partitioner import partition_for
from app.engine.ports import PlacedRecord
from app.history.read.reader import Progress, no_progress, opened, read
from app.settings import Settings
from app.wire.record import is_act, is_tick, read_source


def home(record: PlacedRecord, count: int) -> int:
    """The partition, of ``count``, that a record of the log belongs to.

    What has a batch stands with it: re-keyed inputs and operators' acts. Anything else stays where it is, as far as
    there is such a partition.
    """
    key = record.key
    if key is not None and (read_source(record.headers) is not None or is_act(record.headers)):
        return partition_for(key, count)
    return int(record.partition) % count


def targets(record: PlacedRecord, count: int) -> Iterator[int]:
    """The partitions that a record is copied to where partitions are put together: a tick to all of them, since what is
    due by it may now be in any. One too many is harmless.
    """
    if is_tick(record.headers):
        yield from range(count)
    else:
        yield home(record, count)


async def in_place(
    reader: AIOKafkaConsumer, ranges: Mapping[TopicPartition, tuple[int, int]], count: int, progress: Progress
) -> bool:
    """Whether each record of the log stands in the partition that it belongs to."""
    if any(partition.partition >= count and begin < end for partition, (begin, end) in ranges.items()):
        return False
    async with aclosing(read(reader, ranges, progress)) as batches:
        async for partition, records in batches:
            if any(home(record, count) != partition.partition for record in records):
                return False
    return True


async def by_time(
    settings: Settings, ranges: Mapping[TopicPartition, tuple[int, int]], progress: Progress
) -> AsyncGenerator[Any, None]:
    """The records of all partitions in one order: each partition's own, and between them the broker's time."""
    total = sum(end - begin for begin, end in ranges.values())
    done = 0
    async with AsyncExitStack() as stack:
        waiting: list[tuple[int, int, int]] = []
        flows: dict[int, AsyncIterator[Any]] = {}
        heads: dict[int, Any] = {}
        for partition, span in ranges.items():
            # A reader each: they are drawn from at different speeds.
            reader = await stack.enter_async_context(opened(settings))
            flow = await stack.enter_async_context(aclosing(_records(reader, partition, span)))
            flows[partition.partition] = flow
            await _draw(flow, partition.partition, heads, waiting)
        while waiting:
            _, number, _ = heapq.heappop(waiting)
            yield heads[number]
            done += 1
            if done % 1000 == 0:
                progress(done, total)
            await _draw(flows[number], number, heads, waiting)


async def _draw(
    flow: AsyncIterator[Any], number: int, heads: dict[int, Any], waiting: list[tuple[int, int, int]]
) -> None:
    """Take the next record of a partition, and let it wait for its turn."""
    async for record in flow:
        heads[number] = record
        heapq.heappush(waiting, (record.timestamp, number, record.offset))
        return


async def _records(
    reader: AIOKafkaConsumer, partition: TopicPartition, span: tuple[int, int]
) -> AsyncGenerator[Any, None]:
    async with aclosing(read(reader, {partition: span}, no_progress)) as batches:
        async for _, records in batches:
            for record in records:
                yield record
