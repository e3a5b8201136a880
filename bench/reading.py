"""Reads a topic's partitions, for what is recorded of a run and played again in another."""

import asyncio
from collections.abc import Iterator, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.frames import Row

_FETCH_BYTES = 16 * 1024 * 1024


async def ends(bootstrap: str, topic: str, partitions: int) -> dict[int, int]:
    """The end offset of each partition."""
    consumer = await _consumer(bootstrap)
    try:
        places = await consumer.end_offsets([TopicPartition(topic, number) for number in range(partitions)])
    finally:
        await consumer.stop()
    return {place.partition: offset for place, offset in places.items()}


def rows(bootstrap: str, topic: str, begin: Mapping[int, int], end: Mapping[int, int], name: str) -> Iterator[Row]:
    """The records of a topic between two sets of offsets, as rows for a topic called ``name``.

    Where offsets hold no record (a marker of a transaction, or what was compacted away) there is no row. For a thread
    without an event loop.
    """
    with asyncio.Runner() as runner:
        consumer = runner.run(_consumer(bootstrap))
        try:
            left = {TopicPartition(topic, n): end[n] for n in begin if end[n] > begin[n]}
            runner.run(_seek(consumer, {place: begin[place.partition] for place in left}))
            while left:
                fetched = runner.run(consumer.getmany(*left, timeout_ms=500))
                for place, records in fetched.items():
                    for record in records:
                        if record.offset < left[place]:
                            yield Row(name, place.partition, record.key, record.value, tuple(record.headers))
                for place in tuple(left):
                    if runner.run(consumer.position(place)) >= left[place]:
                        del left[place]
        finally:
            runner.run(consumer.stop())


async def _seek(consumer: AIOKafkaConsumer, begin: Mapping[TopicPartition, int]) -> None:
    consumer.assign(list(begin))
    for place, offset in begin.items():
        consumer.seek(place, offset)


async def _consumer(bootstrap: str) -> AIOKafkaConsumer:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=_FETCH_BYTES,
    )
    await consumer.start()
    return consumer
