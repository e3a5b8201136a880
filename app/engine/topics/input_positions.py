"""Where reading of the inputs continues: where the group committed, if that was for the topic that exists now.

An offset does not say of which topic it is. One that was deleted and made again may be longer than what was committed
of the old one, and its beginning would never be read. So a commit carries the id of the topic (KIP-516) as its
metadata; an offset of another id counts as none. A commit without an id is of an older release, or of a broker that has
no ids.
"""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata

from app.engine.kafka.cluster import topic_ids
from app.lazy_log import Logger

log = Logger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0  # seconds between two questions: twice as long each time


class Positions:
    """The ids of the inputs as they were when their partitions were taken over."""

    def __init__(self, inputs: Collection[str]) -> None:
        self._inputs = inputs
        #: The ids of the inputs, as far as the broker reports them, as they were at the last call of :meth:`committed`.
        self.ids: Mapping[str, str] = {}
        #: The partitions whose committed offset was one of another topic of the same name, at the last call.
        self.anew: list[TopicPartition] = []

    async def committed(
        self, consumer: Any, partitions: Collection[TopicPartition]
    ) -> dict[TopicPartition, int | None]:
        """The offset of each partition that was committed of the topic that is there now; None where none was.

        A broker that ends, or moves on, meanwhile is asked again, until the caller gives up. Raises KafkaError where
        asking again is of no use.
        """
        self.ids = await self._ids(consumer._client)  # noqa: SLF001 - the consumer asks for no ids itself
        found = await consumer._coordinator.fetch_committed_offsets(list(partitions))  # noqa: SLF001 - it gives out no metadata
        self.anew.clear()
        return {partition: self._offset(partition, found.get(partition)) for partition in partitions}

    async def _ids(self, client: Any) -> Mapping[str, str]:
        pause = _FIRST_PAUSE
        while True:
            try:
                return await topic_ids(client, self._inputs)
            except KafkaError as error:
                if not error.retriable:
                    raise
                log.warning("the broker did not say which topics there are; it is asked again", error=repr(error))
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def commit(self, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, OffsetAndMetadata]:
        """The offsets as they are committed."""
        return {
            partition: OffsetAndMetadata(offset, self.ids.get(partition.topic, ""))
            for partition, offset in offsets.items()
        }

    def _offset(self, partition: TopicPartition, committed: OffsetAndMetadata | None) -> int | None:
        if committed is None:
            return None
        now = self.ids.get(partition.topic)
        if not now or not committed.metadata or committed.metadata == now:
            return int(committed.offset)
        log.error(
            "an input topic was deleted and made anew since it was last read; it is read from its beginning",
            topic=partition.topic,
            partition=partition.partition,
            committed_of_the_old_one=committed.offset,
        )
        self.anew.append(partition)
        return None
