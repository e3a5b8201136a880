"""The changelog into the local database: from where the database stands to the end, for all partitions of a worker at
once.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from aiokafka import TopicPartition

from app.engine.kafka import new_reader
from app.settings import Settings
from tables.store import Store

log = structlog.get_logger(__name__)


@dataclass
class Progress:
    """How far a restore is: records of the changelog read, and how many there were to read (an upper bound:
    compaction
    leaves holes).
    """

    done: int = 0
    total: int = 0

    @property
    def running(self) -> bool:
        """Whether a restore is under way."""
        return self.done < self.total


async def restore(settings: Settings, topic: str, stores: Mapping[int, Store], progress: Progress) -> None:
    """Bring the stores of the partitions up to the end of the changelog, as a committed reader sees it.

    Called once the partition is this worker's alone to write: with transactions, its former owner is fenced and what
    it left open is aborted, so that the end that is read here is the end. A store that claims to be beyond the end
    (the topic was made anew) is emptied and restored whole.

    Raises KafkaError when the broker fails; the stores are then somewhere between, at the offset that each says.
    """
    if not stores:
        return
    started = time.monotonic()
    reader = new_reader(settings, whole=True)
    await reader.start()
    try:
        partitions = {TopicPartition(topic, number): store for number, store in stores.items()}
        reader.assign(list(partitions))
        ends = await reader.end_offsets(list(partitions))
        starts = await reader.beginning_offsets(list(partitions))
        progress.done = progress.total = 0
        left = {}
        for partition, store in partitions.items():
            if store.offset > ends[partition]:
                log.warning("local state is ahead of the changelog and will be restored", partition=partition.partition)
                store.wipe()
            start = max(store.offset, starts[partition])
            reader.seek(partition, start)
            if start < ends[partition]:
                left[partition] = start
                progress.total += ends[partition] - start
            else:
                reader.pause(partition)
        while left:
            for partition, records in (await reader.getmany(*left, timeout_ms=50)).items():
                partitions[partition].write(((record.key, record.value) for record in records), records[-1].offset + 1)
            for partition in tuple(left):
                # The position passes commit markers, which take an offset and are never delivered.
                position = await reader.position(partition)
                progress.done += position - left[partition]
                left[partition] = position
                if position >= ends[partition]:
                    # Behind the last record there may be markers; the store stands at the end, not before them.
                    partitions[partition].write((), position)
                    del left[partition]
                    reader.pause(partition)
        progress.done = progress.total
        if progress.total:
            log.info(
                "state restored",
                partitions=sorted(stores),
                records=progress.total,
                seconds=round(time.monotonic() - started, 2),
            )
    finally:
        await reader.stop()
