"""The dead letters: newest first, one with its bytes, and one put back to where it came from.

The topic is read from its end in pieces, so that the newest ones cost the same however many there are.
"""

import base64
import heapq
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import InvalidTimestampError

from app.core import names
from app.engine.kafka.clients import append, leaders_known, new_producer
from app.engine.kafka.partitioner import partition_for
from app.engine.ports import PlacedRecord
from app.errors import OperatorError
from app.history.models import DeadLetter, DeadLetterContent, DeadLetterPage, Place
from app.history.read.reader import opened, partition_counts, read, spans
from app.history.times import iso
from app.settings import Settings
from app.wire import dead_letter as dead_letter_headers
from app.wire.decode import batch_id_for_routing

#: How many offsets are read at a time, going backwards.
_PIECE = 500

#: A search that finds nothing ends after so long, and can be gone on with.
_SEARCH_SECONDS = 5.0


class NotReplayableError(OperatorError):
    """A dead letter that can't be put back. The message says why."""


async def dead_letters(
    settings: Settings,
    *,
    reason: str | None = None,
    batch_id: str | None = None,
    limit: int = 50,
    before: str | None = None,
) -> DeadLetterPage:
    """Dead letters, newest first: of a reason, of a batch, and before the ``next`` of a page, where given.

    Raises ValueError where ``before`` is not such a ``next``, KafkaError when the broker can't be reached.
    """
    wanted = _wanted(reason, batch_id)
    deadline = time.monotonic() + _SEARCH_SECONDS
    cursor = {} if before is None else _cursor(before)
    found: list[DeadLetter] = []
    async with opened(settings) as reader:
        ranges = await spans(reader, await _partitions(settings))
        # How far back each partition has been looked at: where the next page begins.
        reached = {partition: min(end, cursor.get(partition.partition, end)) for partition, (_, end) in ranges.items()}
        begins = {partition: begin for partition, (begin, _) in ranges.items()}
        async with aclosing(_newest_first(reader, begins, dict(reached))) as records:
            async for partition, record in records:
                reached[partition] = record.offset
                letter = describe(record)
                if wanted(letter):
                    found.append(letter)
                if len(found) == limit or time.monotonic() > deadline:
                    break
            else:
                return DeadLetterPage(items=found, next=None)
    more = any(reached[partition] > begins[partition] for partition in reached)
    return DeadLetterPage(items=found, next=_written(reached) if more else None)


async def dead_letter(settings: Settings, partition: int, offset: int) -> DeadLetterContent | None:
    """A dead letter with its original bytes, or None where nothing is at that place."""
    record = await _record(settings, partition, offset)
    if record is None:
        return None
    text: str | None
    try:
        text = None if record.value is None else record.value.decode()
    except UnicodeDecodeError:
        text = None
    return DeadLetterContent(
        **dict(describe(record)),
        value_text=text,
        value_base64=None if record.value is None else base64.b64encode(record.value).decode(),
    )


async def replay_dead_letter(settings: Settings, partition: int, offset: int, *, who: str, why: str) -> Place | None:
    """Send the original bytes and key to the input topic that they came from, again.

    None where there is no such letter. Who did so, why, and which dead letter it was go along as headers, which
    nothing depends on. Raises NotReplayableError where the letter did not come from an input, and KafkaError.
    """
    record = await _record(settings, partition, offset)
    if record is None:
        return None
    source = describe(record).source
    if source is None or source.topic not in names.INPUTS:
        message = (
            f"dead letter {partition}/{offset} did not come from an input"
            f"{'' if source is None else f' but from {source.topic}'}: there is nowhere to put it back to"
        )
        raise NotReplayableError(message)
    headers = [
        (dead_letter_headers.REPLAYED_BY, who.encode()),
        (dead_letter_headers.REPLAYED_WHY, why.encode()),
        (dead_letter_headers.REPLAYED_FROM, f"{names.DEAD_LETTER}/{partition}/{offset}".encode()),
    ]
    producer = new_producer(settings)
    try:
        await producer.start()
        count = (await leaders_known(producer, [source.topic], patience=10.0))[source.topic]
        # Without a key, to the partition that it came from. A batch, since a send refuses a record with neither.
        target = partition_for(record.key, count) if record.key is not None else source.partition % count
        try:
            sent = await _send(producer, source.topic, target, record, headers, None)
        except InvalidTimestampError:
            # This machine's clock is too far ahead of the broker's, by which the letter got its own time.
            sent = await _send(producer, source.topic, target, record, headers, record.timestamp)
    finally:
        await producer.stop()
    return Place(topic=source.topic, partition=target, offset=sent.offset)


async def _send(
    producer: AIOKafkaProducer,
    topic: str,
    partition: int,
    record: PlacedRecord,
    headers: list[tuple[str, bytes]],
    timestamp: int | None,
) -> Any:
    batches: list[Any] = []
    append(producer, batches, timestamp=timestamp, key=record.key, value=record.value, headers=headers)
    return await (await producer.send_batch(batches[0], topic, partition=partition))


def describe(record: PlacedRecord) -> DeadLetter:
    """A record of the dead letters' topic, for people."""
    reason, detail, place = dead_letter_headers.read(record.headers)
    source = None if place is None else Place(topic=place[0], partition=place[1], offset=place[2])
    return DeadLetter(
        partition=record.partition,
        offset=record.offset,
        time=iso(record.timestamp),
        reason=reason,
        detail=detail,
        source=source,
        key=None if record.key is None else record.key.decode(errors="replace"),
        size=len(record.value or b""),
        batch_id=batch_id_for_routing(record.value),
    )


def _wanted(reason: str | None, batch_id: str | None) -> Callable[[DeadLetter], bool]:
    return lambda letter: (
        (reason is None or letter.reason == reason) and (batch_id is None or letter.batch_id == batch_id)
    )


async def _partitions(settings: Settings) -> list[TopicPartition]:
    counts = await partition_counts(settings, [names.DEAD_LETTER])
    return [TopicPartition(names.DEAD_LETTER, number) for number in range(counts.get(names.DEAD_LETTER, 0))]


async def _record(settings: Settings, partition: int, offset: int) -> Any:
    place = TopicPartition(names.DEAD_LETTER, partition)
    if place not in await _partitions(settings):
        return None
    async with opened(settings) as reader:
        begin, end = (await spans(reader, [place]))[place]
        if not begin <= offset < end:
            return None
        async with aclosing(read(reader, {place: (offset, offset + 1)})) as batches:
            async for _, records in batches:
                return records[0]
    return None


async def _newest_first(
    reader: AIOKafkaConsumer, begins: Mapping[TopicPartition, int], ends: dict[TopicPartition, int]
) -> AsyncGenerator[tuple[TopicPartition, Any]]:
    """The records of all partitions before ``ends``: each partition's backwards, the partitions merged by time."""
    pieces: dict[TopicPartition, list[Any]] = {}
    heap: list[tuple[int, int, TopicPartition]] = []

    async def refill(partition: TopicPartition) -> None:
        while not pieces.get(partition) and ends[partition] > begins[partition]:
            start = max(begins[partition], ends[partition] - _PIECE)
            piece: list[Any] = []
            async with aclosing(read(reader, {partition: (start, ends[partition])})) as batches:
                async for _, records in batches:
                    piece += records
            pieces[partition], ends[partition] = piece, start
        if pieces.get(partition):
            heapq.heappush(heap, (-pieces[partition][-1].timestamp, partition.partition, partition))

    for partition in ends:
        await refill(partition)
    while heap:
        _, _, partition = heapq.heappop(heap)
        record = pieces[partition].pop()
        await refill(partition)
        yield partition, record


def _cursor(text: str) -> dict[int, int]:
    try:
        return {int(number): int(offset) for number, _, offset in (part.partition("-") for part in text.split("."))}
    except ValueError:
        message = f"{text!r} is not the `next` of a page"
        raise ValueError(message) from None


def _written(reached: Mapping[TopicPartition, int]) -> str:
    return ".".join(f"{partition.partition}-{offset}" for partition, offset in sorted(reached.items()))
