"""From Kafka to the view model: a reader without a group, of every partition of every topic that is shown."""

import time

from aiokafka import AIOKafkaConsumer, TopicPartition

from demo.board import Board
from demo.events import INPUTS, OLD_RULE, OUTPUTS, PARTITIONS, Record

WATCHED = (*INPUTS, *OUTPUTS, OLD_RULE)


class Watcher:
    """Reads all that is published, keeps it, and folds it into a `Board`. The topics must exist."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self.board = Board()
        self.records: list[Record] = []
        self.last_output_at = time.time()
        """When the last message that is no input was seen, Unix time."""

    async def run(self) -> None:
        """Read from the beginning until cancelled. Only what is committed counts, whatever guarantee is set."""
        async with AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap, auto_offset_reset="earliest", isolation_level="read_committed"
        ) as consumer:
            partitions = [
                TopicPartition(topic, number) for topic in WATCHED for number in await _numbers(consumer, topic)
            ]
            consumer.assign(partitions)
            async for message in consumer:
                record = Record(
                    topic=message.topic,
                    partition=message.partition,
                    offset=message.offset,
                    key=message.key,
                    value=message.value,
                    produced_at=message.timestamp / 1000,
                    seen_at=time.time(),
                )
                if record.topic not in INPUTS:
                    self.last_output_at = record.seen_at
                self.records.append(record)
                self.board.apply(record)


async def _numbers(consumer: AIOKafkaConsumer, topic: str) -> range:
    await consumer.topics()  # fetches the cluster's metadata, which the next call reads
    return range(len(consumer.partitions_for_topic(topic) or range(PARTITIONS)))
