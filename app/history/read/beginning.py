"""A log that begins late, since its retention has deleted what came before: from where and when on there is something,
and what the changelog still says of batches that began before it.
"""

from collections.abc import Mapping
from contextlib import aclosing
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from app.core.facts import Fact, Retired
from app.engine.topics.ensure import changelog_topic
from app.history.read.reader import read, spans
from app.history.times import iso
from app.settings import Settings
from tables import batches, keys, receipts

_LENGTH = len(keys.BATCHES) + 4
_RANGE = 16  # first and last offset


class Beginning(NamedTuple):
    """The first record that a partition of the log has: its offset and log time (ms), None where there is none."""

    topic: str
    partition: int
    offset: int
    time: int | None

    def __str__(self) -> str:
        moment = "" if self.time is None else f" ({iso(self.time)})"
        return (
            f"{self.topic} partition {self.partition} begins at offset {self.offset}{moment}: what was before is gone"
        )


class Kept(NamedTuple):
    """What the changelog says of the batches of a partition: the offset of the first fact, or the receipt."""

    first: Mapping[str, int]
    receipts: Mapping[str, Retired]


async def beginnings(reader: AIOKafkaConsumer, logs: Mapping[TopicPartition, tuple[int, int]]) -> dict[int, Beginning]:
    """Where the partitions begin that lack their first records."""
    found = {}
    for place, (begin, end) in logs.items():
        if begin:
            time = None
            async with aclosing(read(reader, {place: (begin, end)})) as fetched:
                async for _, records in fetched:
                    time = records[0].timestamp
                    break
            found[place.partition] = Beginning(place.topic, place.partition, begin, time)
    return found


async def kept(reader: AIOKafkaConsumer, settings: Settings, number: int) -> Kept:
    """What the changelog says of the batches of a partition."""
    rows = await _rows(reader, settings, number)
    first: dict[str, int] = {}
    for key in rows:
        if key.startswith(keys.BATCHES):
            batch_id, at = key[_LENGTH:-_RANGE].decode(), int.from_bytes(key[-_RANGE : -_RANGE // 2])
            first[batch_id] = min(at, first.get(batch_id, at))
    found = {key[_LENGTH:].decode(): value for key, value in rows.items() if key.startswith(keys.RECEIPTS)}
    return Kept(first, {batch_id: _receipt(value) for batch_id, value in found.items()})


async def facts_before(
    reader: AIOKafkaConsumer, settings: Settings, number: int, batch_id: str, offset: int
) -> list[list[Fact]]:
    """The facts of a batch from before a log offset, as the changelog still has them, in rows; its receipt's alone."""
    rows = await _rows(reader, settings, number, batch_id)
    receipt = rows.pop(receipts.key(batch_id), None)
    values = [value for _, value in sorted(rows.items())] if receipt is None else [receipt]
    before = ([fact for fact in row if fact.at < offset] for row in batches.rows_of(values))
    return [row for row in before if row]


def _receipt(value: bytes) -> Retired:
    (fact,) = batches.facts_of(value)
    if not isinstance(fact, Retired):
        message = f"a row of the receipts table has a fact that is none: {fact}"
        raise TypeError(message)
    return fact


async def _rows(
    reader: AIOKafkaConsumer, settings: Settings, number: int, batch_id: str | None = None
) -> dict[bytes, bytes]:
    """The rows of facts and receipts that a restore would have, of one batch where it is given."""
    place = TopicPartition(changelog_topic(settings), number)
    wanted = (keys.BATCHES, keys.RECEIPTS)
    if batch_id is not None:
        wanted = (batches.prefix(batch_id), receipts.key(batch_id))
    rows: dict[bytes, bytes] = {}
    async with aclosing(read(reader, await spans(reader, [place]))) as fetched:
        async for _, records in fetched:
            for record in records:
                if record.key is not None and record.key.startswith(wanted):
                    rows.pop(record.key, None)
                    if record.value is not None:
                        rows[record.key] = record.value
    return rows
