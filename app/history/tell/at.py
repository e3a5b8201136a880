"""The state of a batch as it was: its records folded again up to a place of the log."""

from contextlib import aclosing
from typing import NamedTuple

from aiokafka import TopicPartition

from app.core.batch import Batch
from app.engine.kafka.partitioner import partition_for
from app.engine.topics.ensure import log_topic
from app.history.read.beginning import Beginning, beginnings, facts_before
from app.history.read.reader import Progress, existing, no_progress, opened, read, spans
from app.history.read.reprocess import OneBatch
from app.settings import Settings


class Then(NamedTuple):
    """A batch as it was after ``records`` of it.

    ``offset`` and ``time`` (ms) are those of the latest one, None where there is none.
    ``end`` is where reading ended. ``beginning``: where the log begins, if it lacks its first records: what was before
    is then taken from the batch's facts, as far as it has any.
    """

    batch: Batch
    partition: int
    records: int
    offset: int | None
    time: int | None
    end: int
    beginning: Beginning | None = None


async def state_at(
    settings: Settings,
    batch_id: str,
    *,
    offset: int | None = None,
    time: int | None = None,
    progress: Progress = no_progress,
) -> Then:
    """The batch as of log offset ``offset`` (that record included) or log ``time`` (ms, included); else as of now.

    Raises MissingTopicError, and KafkaError when the broker can't be reached.
    """
    partition = partition_for(batch_id.encode(), await existing(settings, log_topic(settings)))
    log = TopicPartition(log_topic(settings), partition)
    folded = OneBatch(settings, partition, batch_id)
    records, last_offset, last_time = 0, None, None
    async with opened(settings) as reader:
        span = await spans(reader, [log])
        begin, end = span[log]
        beginning = (await beginnings(reader, span)).get(partition)
        if offset is not None:
            end = min(end, offset + 1)
        if time is not None:
            # The first record that is later. Append times of a partition don't fall, unless the broker's clock did.
            later = (await reader.offsets_for_times({log: time + 1}))[log]
            end = end if later is None else min(end, later.offset)
        if beginning is not None:
            folded.begin_with(await facts_before(reader, settings, partition, batch_id, min(begin, end)))
        async with aclosing(read(reader, {log: (begin, end)}, progress)) as batches:
            async for _, fetched in batches:
                for record in fetched:
                    if folded.take(record) is not None:
                        records, last_offset, last_time = records + 1, record.offset, record.timestamp
    return Then(folded.batch, partition, records, last_offset, last_time, end, beginning)
