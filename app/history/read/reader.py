"""Reads partitions of topics from one offset to another, as a committed reader."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaTimeoutError

from app.engine.kafka.authorization import principal
from app.engine.kafka.clients import admin_client, connection
from app.errors import OperatorError
from app.settings import Settings

#: Seconds without an answer after which a broker is no longer waited for.
PATIENCE = 30.0

#: How long transactions that are open are waited for, in seconds.
SETTLING = 10.0

#: From where (inclusive) to where (exclusive) a partition is read.
Spans = Mapping[TopicPartition, tuple[int, int]]

Progress = Callable[[int, int], None]


class MissingTopicError(OperatorError):
    """A topic that there is nothing to be read without is not there. The message names it and the app id."""


def no_progress(_done: int, _total: int) -> None:
    """For callers that show none."""


@asynccontextmanager
async def opened(settings: Settings, *, isolation: str = "read_committed") -> AsyncIterator[AIOKafkaConsumer]:
    """A committed reader without a group. Raises KafkaError when the broker can't be reached."""
    reader = AIOKafkaConsumer(
        **connection(settings),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level=isolation,
        max_partition_fetch_bytes=8 * 1024 * 1024,
        # One span after the other is read, to an end that is known: a fetch that waits for more only holds up the next.
        fetch_max_wait_ms=20,
    )
    try:
        await reader.start()
        yield reader
    finally:
        await reader.stop()


async def partition_counts(settings: Settings, topics: Iterable[str]) -> dict[str, int]:
    """How many partitions each topic has; one that does not exist is left out."""
    async with admin_client(settings) as admin:
        existing = set(await admin.list_topics())
        wanted = [topic for topic in topics if topic in existing]
        described = await admin.describe_topics(wanted) if wanted else []
    return {entry["topic"]: len(entry["partitions"]) for entry in described}


async def existing(settings: Settings, topic: str) -> int:
    """How many partitions a topic has. Raises MissingTopicError: a client that asked for it might have it created."""
    counts = await partition_counts(settings, [topic])
    if topic not in counts:
        message = f"topic {topic} does not exist on {settings.broker}: is ROLLCALL_APP_ID={settings.app_id} right?"
        if settings.sasl_username or settings.ssl_certfile:
            message += f" (A broker hides a topic from whom its ACLs deny Describe: {principal(settings)[0]} here.)"
        raise MissingTopicError(message)
    return counts[topic]


async def committed_offsets(settings: Settings, topic: str) -> dict[int, int]:
    """How far the app's group has committed ``topic``, by partition; partitions without a commit are left out."""
    async with admin_client(settings) as admin:
        found = await admin.list_consumer_group_offsets(settings.app_id)
    return {place.partition: meta.offset for place, meta in found.items() if place.topic == topic and meta.offset >= 0}


async def spans(
    reader: AIOKafkaConsumer, partitions: Iterable[TopicPartition], starts: Mapping[TopicPartition, int] | None = None
) -> dict[TopicPartition, tuple[int, int]]:
    """The committed range of each partition as of now: first and next offset; from ``starts`` on where given."""
    wanted = list(partitions)
    if not wanted:
        return {}
    _know(reader, wanted)
    ends, begins = await reader.end_offsets(wanted), await reader.beginning_offsets(wanted)
    given = starts or {}
    return {partition: (max(begins[partition], given.get(partition, 0)), ends[partition]) for partition in wanted}


def _know(reader: AIOKafkaConsumer, partitions: Iterable[TopicPartition]) -> None:
    """Let the reader ask for all topics at once: it takes a tenth of a second for each that it does not know."""
    wanted = list(partitions)
    reader.assign(wanted)
    reader.pause(*wanted)


async def unsettled(
    settings: Settings, reader: AIOKafkaConsumer, partitions: Iterable[TopicPartition]
) -> set[TopicPartition]:
    """The partitions on which transactions are still open that were so at the call: a committed reader stops before
    them, and misses what others have committed behind.

    They are waited for, up to ``SETTLING`` seconds: one that runs ends in milliseconds, one of a worker that was killed
    when its partition is taken over, or by its time-out.
    """
    wanted = list(partitions)
    async with opened(settings, isolation="read_uncommitted") as other:
        _know(other, wanted)
        ends = await other.end_offsets(wanted) if wanted else {}
    _know(reader, wanted)
    deadline = time.monotonic() + SETTLING
    while wanted:
        committed = await reader.end_offsets(wanted)
        wanted = [partition for partition in wanted if committed[partition] < ends[partition]]
        if not wanted or time.monotonic() > deadline:
            break
        await asyncio.sleep(0.05)
    return set(wanted)


async def read(
    reader: AIOKafkaConsumer, wanted: Spans, progress: Progress = no_progress
) -> AsyncGenerator[tuple[TopicPartition, list[Any]]]:
    """The records of the spans, in batches, each partition's in order.

    ``progress`` is called with the offsets done and in all. Raises KafkaTimeoutError when nothing moves for
    ``PATIENCE`` seconds.
    """
    left = {partition: start for partition, (start, end) in wanted.items() if start < end}
    total = sum(end - start for start, end in wanted.values() if start < end)
    done = 0
    reader.assign(list(left))
    for partition, start in left.items():
        reader.seek(partition, start)
    moved = time.monotonic()
    while left:
        fetched = await reader.getmany(*left, timeout_ms=100)
        for partition, records in fetched.items():
            end = wanted[partition][1]
            inside = records if records[-1].offset < end else [record for record in records if record.offset < end]
            if inside:
                yield partition, inside
        for partition in tuple(left):
            # The position passes commit markers, which take an offset and are never delivered.
            position = await reader.position(partition)
            if position != left[partition]:
                moved = time.monotonic()
            done += min(position, wanted[partition][1]) - left[partition]
            left[partition] = position
            if position >= wanted[partition][1]:
                del left[partition]
                reader.pause(partition)
        progress(done, total)
        if time.monotonic() > moved + PATIENCE:
            message = f"the broker has sent nothing of {', '.join(map(str, left))} for {PATIENCE:.0f} s"
            raise KafkaTimeoutError(message)
        await asyncio.sleep(0)  # a worker that answers from here has other work, too
