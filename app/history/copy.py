"""A copy of the log under a fresh app id: for rebuilding everything with real workers, beside those that run.

The copy has the same records, each on the partition of its key, **at the same times**: the topic takes the times of
its records while it is filled, and only then the broker's, as the log must. Deadlines therefore fire where they fired.
A worker that is started with the fresh app id folds the copy from its beginning; it reads the inputs from their
beginning as well, and skips each of them that the copy already has, by its position. Where every record of the log
stands where it belongs, it keeps its place; where partitions were added to the log, they are put together
(:mod:`app.history.read.places`).
"""

import asyncio
import re
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from app.engine.kafka import broker_errors
from app.engine.kafka.clients import admin_client, append, leaders_known, new_producer
from app.engine.ports import Record
from app.engine.topics.ensure import log_topic, plans
from app.errors import OperatorError
from app.history.read.places import by_time, in_place, targets
from app.history.read.reader import Progress, no_progress, opened, read, spans
from app.settings import Settings
from app.topology import TOPICS
from app.wire.record import copied_headers

_APP_ID = re.compile(r"[a-zA-Z0-9._-]{1,200}")
#: Records that are sent together where partitions are put together.
_CHUNK = 2_000
_TIMESTAMP_TYPE = "message.timestamp.type"


class CopyRefusedError(OperatorError):
    """The log can't be copied to that app id. The message says why."""


async def copy_log(settings: Settings, into: str, *, progress: Progress = no_progress) -> tuple[Settings, int]:
    """Copy the log as it is now to ``{into}-log``; the settings of the fresh app id, and how many records were copied.

    Raises CopyRefusedError where the app id is not a fresh one, KafkaError when the broker fails; what was copied by
    then stays, under an app id that is then not fresh any more.
    """
    if not _APP_ID.fullmatch(into) or into == settings.app_id:
        message = f"{into!r} is not an app id to copy to: another one, of letters, digits, '.', '_' and '-'"
        raise CopyRefusedError(message)
    fresh = settings.model_copy(update={"app_id": into})
    source, target = log_topic(settings), log_topic(fresh)
    partitions = await _create(settings, fresh, source, target)
    producer = new_producer(fresh)
    try:
        await producer.start()
        await leaders_known(producer, [target])
        async with opened(settings) as reader:
            ranges = await spans(reader, [TopicPartition(source, number) for number in range(partitions)])
            if await in_place(reader, ranges, fresh.partitions, no_progress):
                copied = await _copy(producer, reader, ranges, target, progress)
            else:
                copied = await _put_together(producer, settings, ranges, target, progress)
    finally:
        await producer.stop()
    await _alter(settings, target, dict(plans(fresh, TOPICS)[target].config))
    return fresh, copied


async def _copy(
    producer: AIOKafkaProducer,
    reader: AIOKafkaConsumer,
    ranges: Mapping[TopicPartition, tuple[int, int]],
    target: str,
    progress: Progress,
) -> int:
    """Copy each partition to the one of its number; how many records that were."""
    copied = 0
    async with aclosing(read(reader, ranges, progress)) as batches:
        async for partition, records in batches:
            await _send(producer, target, partition.partition, records)
            copied += len(records)
    return copied


async def _put_together(
    producer: AIOKafkaProducer,
    settings: Settings,
    ranges: Mapping[TopicPartition, tuple[int, int]],
    target: str,
    progress: Progress,
) -> int:
    """Copy each record to the partition of its key; how many records there were."""
    copied = 0
    parts: dict[int, list[Any]] = {}

    async def flush() -> None:
        await asyncio.gather(*(_send(producer, target, number, records) for number, records in parts.items()))
        parts.clear()

    async with aclosing(by_time(settings, ranges, progress)) as records:
        async for record in records:
            for number in targets(record, settings.partitions):
                parts.setdefault(number, []).append(record)
            copied += 1
            if copied % _CHUNK == 0:
                await flush()
    await flush()
    return copied


async def _create(settings: Settings, fresh: Settings, source: str, target: str) -> int:
    async with admin_client(settings) as admin:
        existing = set(await admin.list_topics())
        if source not in existing:
            message = f"topic {source} does not exist: there is nothing to copy"
            raise CopyRefusedError(message)
        taken = sorted(
            existing & {target, *(topic for topic in plans(fresh, TOPICS) if topic.startswith(f"{fresh.app_id}-"))}
        )
        if taken:
            message = f"{fresh.app_id} is not a fresh app id: {', '.join(taken)} exists"
            raise CopyRefusedError(message)
        partitions = len((await admin.describe_topics([source]))[0]["partitions"])
        config = dict(plans(fresh, TOPICS)[target].config) | {_TIMESTAMP_TYPE: "CreateTime"}
        response = await admin.create_topics(
            [NewTopic(target, fresh.partitions, settings.replication_factor, topic_configs=config)], timeout_ms=30_000
        )
    for topic, code, *detail in response.topic_errors:
        if code:
            added = f"; {detail[0]}" if detail and detail[0] else ""
            message = f"topic {topic} can't be created: {broker_errors.named(code)}{added}"
            raise CopyRefusedError(message)
    return partitions


async def _alter(settings: Settings, topic: str, config: dict[str, str]) -> None:
    async with admin_client(settings) as admin:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, config)])


async def _send(producer: AIOKafkaProducer, topic: str, partition: int, records: list[Record]) -> None:
    """Send records in order, with their own times, and wait until the broker has them."""
    batches: list[Any] = []
    for record in records:
        append(
            producer,
            batches,
            timestamp=record.timestamp,
            key=record.key,
            value=record.value,
            headers=copied_headers(record.headers),
        )
    for batch in batches:
        await (await producer.send_batch(batch, topic, partition=partition))
