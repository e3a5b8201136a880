"""The changelog into the local database: from where the database stands to the end, for all partitions of a worker at
once.
"""

import asyncio
import functools
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from app.engine.kafka.clients import new_reader, start_patiently
from app.engine.state.age import outdated
from app.engine.state.divergence import diverged
from app.engine.state.provenance import Provenance, check_begin, check_changelog, claim
from app.engine.state.store import Store
from app.engine.topics.plans import DELETIONS_KEPT_MS
from app.engine.topics.positions import deleted_meanwhile
from app.lazy_log import Logger
from app.native.records import rows_of
from app.settings import Settings

log = Logger(__name__)


class LogBegin(NamedTuple):
    """Where a partition of the log begins: its offset, and the time (ms) of its first record; None where there is none,
    or nobody has asked yet.
    """

    offset: int
    time: int | None = None


@dataclass
class Progress:
    """How far a restore is: records of the changelog read, and how many there were to read (an upper bound:
    compaction
    leaves holes).
    """

    done: int = 0
    total: int = 0
    #: Where each partition of the log begins: as it was when it was taken over, or asked for last.
    log_begins: dict[int, LogBegin] = field(default_factory=dict)

    def begin_at(self, offsets: Mapping[int, int]) -> None:
        """Note where partitions of the log begin; the time is kept of one that begins where it did."""
        for number, offset in offsets.items():
            if self.log_begins.get(number, LogBegin(-1)).offset != offset:
                self.log_begins[number] = LogBegin(offset)

    @property
    def running(self) -> bool:
        """Whether a restore is under way."""
        return self.done < self.total


async def restore(
    settings: Settings,
    topic: str,
    stores: Mapping[int, Store],
    progress: Progress,
    provenance: Provenance | None = None,
) -> None:
    """Bring the stores of the partitions up to the end of the changelog, as a committed reader sees it.

    Called once the partition is this worker's alone to write: with transactions, its former owner is fenced and what
    it left open is aborted, so that the end that is read here is the end. A store that is no copy of what is
    ``provenance``, or claims to be beyond the end, is emptied and restored whole.

    Raises ProvenanceError where the changelog lacks what was written to it, and KafkaError when the broker fails; the
    stores are then somewhere between, at the offset that each says.
    """
    if not stores:
        return
    started = time.monotonic()
    reader = new_reader(settings, whole=True)
    await start_patiently(settings, reader)
    try:
        partitions = {TopicPartition(topic, number): store for number, store in stores.items()}
        reader.assign(list(partitions))
        ends = await reader.end_offsets(list(partitions))
        starts = await reader.beginning_offsets(list(partitions))
        progress.done = progress.total = 0
        left = {}
        await prepare(settings, reader, partitions, starts, ends, provenance)
        for partition, store in partitions.items():
            start = store.offset
            reader.seek(partition, start)
            if start < ends[partition]:
                left[partition] = start
                progress.total += ends[partition] - start
            else:
                reader.pause(partition)
        while left:
            fetched = await _fetch(settings, reader, left)
            for partition, records in fetched.items():
                partitions[partition].write(rows_of(records), records[-1].offset + 1, logged=False)
                # The next fetch is asked for, and answers are read, while the others are written.
                await asyncio.sleep(0)
            for partition in tuple(left):
                # The position passes commit markers, which take an offset and are never delivered.
                position = await reader.position(partition)
                progress.done += position - left[partition]
                left[partition] = position
                if position >= ends[partition]:
                    # Behind the last record there may be markers; the store stands at the end, not before them.
                    partitions[partition].write((), position, logged=False)
                    partitions[partition].is_current()
                    partitions[partition].flush(wait=False)
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


async def _fetch(settings: Settings, reader: Any, left: Iterable[TopicPartition]) -> dict[TopicPartition, list[Any]]:
    """What comes next of the partitions. Raises PositionError where it is no longer there."""
    try:
        fetched: dict[TopicPartition, list[Any]] = await reader.getmany(*left, timeout_ms=50)
    except OffsetOutOfRangeError as error:
        partition, offset = next(iter(error.args[0].items()))
        raise deleted_meanwhile(partition.topic, partition.partition, offset, settings.partitions) from error
    return fetched


def _empty(store: Store) -> None:
    """Throw away the rows of a store, and keep its label."""
    identity = store.identity
    store.wipe()
    if identity is not None:
        store.label(identity)


async def prepare(
    settings: Settings,
    reader: Any,
    stores: Mapping[TopicPartition, Store],
    begins: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
    provenance: Provenance | None,
) -> None:
    """Make sure that each store is a beginning of its changelog: one that is not is emptied."""
    for partition, store in stores.items():
        if provenance is not None:
            check_changelog(settings, partition.partition, ends[partition], provenance)
            claim(store, settings, partition.partition, provenance)
        kept = DELETIONS_KEPT_MS if provenance is None else provenance.deletions_kept
        if outdated(store, partition.partition, ends[partition], kept):
            _empty(store)
        if store.offset == 0 or store.offset >= ends[partition]:
            # An empty one reads all deletions from here on that are there now.
            store.is_current()
        if store.offset > ends[partition]:
            log.warning("local state is ahead of the changelog and will be restored", partition=partition.partition)
            _empty(store)
        check_begin(settings, partition.partition, begins[partition], store)
    for partition in await diverged(reader, stores, begins, functools.partial(_fetch, settings)):
        store = stores[partition]
        log.warning(
            "local state is of a changelog that went on otherwise (the cluster was set back?) and will be restored",
            partition=partition.partition,
            path=str(store.path),
            offset=store.offset,
        )
        _empty(store)
        check_begin(settings, partition.partition, begins[partition], store)
