"""A look at how the changelog and the log begin: what they say about the number of partitions that they were made with.

Partitions can be added to a topic and never taken away. Keys then belong elsewhere, and a batch whose records stand in
one partition continues in another. The topics themselves don't show that, so two other things are asked, a fetch of
each partition:

* the record of the count (:mod:`app.engine.state.origin`), with which each changelog of this release begins;
* where there is none, because an older release made it: whether the keys that the log begins with stand where its
  present count puts them.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaTimeoutError

from app.engine.kafka.clients import connection
from app.engine.kafka.partitioner import partition_for
from app.engine.ports import Router
from app.engine.state import origin
from app.engine.topics.checks import way_out
from app.engine.topics.plans import changelog_topic, log_topic
from app.settings import Settings

#: Bytes of a partition that are looked at; a batch is sent whole, however large it is. Some 50 inputs.
_LOOK_BYTES: Final = 64 * 1024

#: Seconds until a broker that sends nothing is given up.
_PATIENCE: Final = 30.0


class Seen(NamedTuple):
    """What was seen: the count that the state was made with, where that is known, and what is wrong, a line each."""

    recorded: int | None = None
    refusals: tuple[str, ...] = ()


async def look(settings: Settings, router: Router, partitions: Mapping[str, int]) -> Seen:
    """Look at the log and the changelog, as far as they exist. ``partitions`` says how many each topic has.

    Raises KafkaError.
    """
    log, changelog = log_topic(settings), changelog_topic(settings)
    places = [TopicPartition(name, number) for name in (changelog, log) for number in range(partitions.get(name, 0))]
    heads = await _heads(settings, places) if places else {}
    counts = {
        origin.read(record.value).partitions
        for place, records in heads.items()
        if place.topic == changelog
        for record in records
        if record.key == origin.KEY and record.value is not None
    }
    if counts:
        return Seen(min(counts))
    return judge(log, partitions.get(log, 0), list(_keys(heads, log, router)))


def judge(log: str, count: int, keys: Sequence[tuple[int, int, bytes]]) -> Seen:
    """What the keys of the log (partition, offset, key) say about a count that was not recorded.

    With ``count`` all in their place, nothing. Else the count that has them all in their place is the one that the
    state was made with; where none has, records were already written under both, and only a copy puts that right.
    """
    strays = [(number, offset, key) for number, offset, key in keys if partition_for(key, count) != number]
    if not strays:
        return Seen()
    for fewer in range(count - 1, 0, -1):
        if all(partition_for(key, fewer) == number for number, _, key in keys):
            return Seen(fewer)
    number, offset, key = strays[0]
    line = (
        f"topic {log} has {count} partitions, and partition {number} has at offset {offset} a record of batch "
        f"{key.decode(errors='replace')!r}, which belongs to partition {partition_for(key, count)}: partitions were "
        f"added, and batches are torn in two (`faust -A app audit` names them). {way_out(count)}"
    )
    return Seen(None, (line,))


def _keys(heads: Mapping[TopicPartition, Sequence[Any]], log: str, router: Router) -> Iterator[tuple[int, int, bytes]]:
    """The keys of re-keyed inputs; what another program wrote into the log stands anywhere."""
    for place, records in heads.items():
        if place.topic == log:
            for record in records:
                if router.routed(record):
                    yield place.partition, record.offset, record.key


async def _heads(settings: Settings, places: Sequence[TopicPartition]) -> dict[TopicPartition, list[Any]]:
    """The first records of each partition that has any, as a committed reader sees them."""
    reader = AIOKafkaConsumer(
        **connection(settings),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        max_partition_fetch_bytes=_LOOK_BYTES,
        fetch_max_wait_ms=20,
    )
    found: dict[TopicPartition, list[Any]] = {}
    try:
        await reader.start()
        reader.assign(places)
        begins, ends = await reader.beginning_offsets(places), await reader.end_offsets(places)
        left = {place for place in places if begins[place] < ends[place]}
        reader.pause(*(set(places) - left))
        for place in left:
            reader.seek(place, begins[place])
        deadline = asyncio.get_running_loop().time() + _PATIENCE
        while left:
            for place, records in (await reader.getmany(*left, timeout_ms=50)).items():
                found[place] = records
                left.discard(place)
                reader.pause(place)
            for place in tuple(left):
                # Nothing but markers and aborted transactions: the position passes them.
                if await reader.position(place) >= ends[place]:
                    left.discard(place)
                    reader.pause(place)
            if left and asyncio.get_running_loop().time() > deadline:
                message = f"the broker has sent nothing of {', '.join(map(str, sorted(left)))} for {_PATIENCE:.0f} s"
                raise KafkaTimeoutError(message)
    finally:
        await reader.stop()
    return found
