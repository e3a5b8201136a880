"""Whether a store is a beginning of the changelog that is there, and not of one that went on otherwise.

A cluster that was set back to a backup keeps all its ids, and so does a topic that an unclean election has cut; both go
on from an earlier end with other rows. A store that had more then stands at an offset that exists again, of another
history. So what the changelog says just before that offset must be in the store.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

from aiokafka import TopicPartition

from app.engine.state.store import Store

#: Offsets before the store's end that are looked at: several transactions of a trickle, one fetch.
_TAIL: Final = 64

Fetch = Callable[[Any, Iterable[TopicPartition]], Awaitable[Mapping[TopicPartition, list[Any]]]]


async def diverged(
    reader: Any, stores: Mapping[TopicPartition, Store], begins: Mapping[TopicPartition, int], fetch: Fetch
) -> list[TopicPartition]:
    """The partitions whose stores lack a key that the changelog has just before where they stand.

    Keys are held against each other and not values: at least once, a store may have newer values than its offset says.
    A key that was compacted away, or has a tombstone, says nothing. Moves the reader's positions.
    """
    left = {partition: store.offset for partition, store in stores.items() if store.offset > begins[partition]}
    last: dict[TopicPartition, dict[bytes, bool]] = {partition: {} for partition in left}
    for partition, end in left.items():
        reader.seek(partition, max(begins[partition], end - _TAIL))
    while left:
        for partition, records in (await fetch(reader, tuple(left))).items():
            last[partition].update(
                (record.key, record.value is not None)
                for record in records
                if record.offset < left[partition] and record.key is not None
            )
        for partition in tuple(left):
            if await reader.position(partition) >= left[partition]:
                del left[partition]
    return [
        partition
        for partition, keys in last.items()
        if any(present and stores[partition].get(key) is None for key, present in keys.items())
    ]
