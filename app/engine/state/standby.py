"""Standby copies: databases of partitions that other workers own, kept close to the end of their changelog.

A takeover by a worker that has one restores only what is behind it. A copy is nobody's truth: it is labelled and
checked as every local database is (:mod:`app.engine.state.provenance`), once when it is begun and once more at the
takeover. A copy that can't be kept (the disk is full, the changelog was cut) is given up with a line, until the group
assigns anew; the worker goes on.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from app.engine.ending import ended
from app.engine.kafka import broker_errors
from app.engine.kafka.clients import new_reader, start_patiently
from app.engine.kafka.crowded import NoConnectionError
from app.engine.ports import TopicNames
from app.engine.state.provenance import ask
from app.engine.state.restore import prepare
from app.engine.state.store import Store
from app.engine.topics.plans import changelog_topic
from app.errors import OperatorError
from app.lazy_log import Logger
from app.native.records import rows_of
from app.settings import Settings

log = Logger(__name__)

#: Bytes of a fetch, of one partition and in all: a write of so many takes some milliseconds of the worker's loop.
_PARTITION_BYTES, _FETCH_BYTES = 256 * 1024, 1024 * 1024

#: The pause behind the writes of a fetch, as a multiple of the time that they took: following takes a quarter of the
#: loop at the most.
_PAUSE = 3

#: Seconds until a broker that failed is asked again.
_RETRY_SECONDS = 2.0


class Standbys:
    """The standby copies of one worker. ``store`` makes the database of a partition, not opened."""

    def __init__(self, settings: Settings, topics: TopicNames, store: Callable[[int], Store]) -> None:
        self._settings = settings
        self._topics = topics
        self._store = store
        self._topic = changelog_topic(settings)
        self._stores: dict[int, Store] = {}
        self._runner: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        #: How far each copy is, and how far its changelog: may be read in any thread.
        self.offsets: Mapping[int, int] = {}
        self._ends: Mapping[int, int] = {}

    @property
    def partitions(self) -> list[int]:
        """The partitions that are followed."""
        return sorted(self._stores)

    @property
    def lag(self) -> int:
        """Records of the changelogs that the copies lack, as far as is known (an upper bound)."""
        return sum(max(0, end - self.offsets.get(number, 0)) for number, end in self._ends.items())

    async def follow(self, partitions: Collection[int]) -> None:
        """Follow these partitions from now on, and no others. The caller owns none of them."""
        async with self._lock:
            await self._follow(frozenset(partitions))

    async def let_go(self, partitions: Collection[int]) -> None:
        """Close the copies of these partitions, which this worker is about to take over."""
        async with self._lock:
            if self._stores.keys() & partitions:
                await self._follow(self._stores.keys() - partitions)

    async def _follow(self, partitions: Collection[int]) -> None:
        if self._stores.keys() == partitions:
            return
        runner, self._runner = self._runner, None
        if runner is not None:
            await ended(runner)
        self._close()
        for number in self._stores.keys() - partitions:
            del self._stores[number]
        self.offsets = {number: offset for number, offset in self.offsets.items() if number in partitions}
        self._ends = {number: end for number, end in self._ends.items() if number in partitions}
        for number in partitions:
            self._stores.setdefault(number, self._store(number))
        if partitions:
            log.info("standby copies are kept", log_partitions=self.partitions)
            self._runner = asyncio.create_task(self._run(), name="standbys")

    async def _run(self) -> None:
        while True:
            try:
                reader = new_reader(self._settings, whole=True, bounds=(_PARTITION_BYTES, _FETCH_BYTES))
                try:
                    await start_patiently(self._settings, reader)
                    await self._copy(reader)
                finally:
                    with contextlib.suppress(KafkaError, OSError):
                        await reader.stop()
            except OffsetOutOfRangeError as error:
                self._give_up(error)
                return
            except (KafkaError, OSError, NoConnectionError) as error:
                log.debug("standby copies can't be kept up", error=broker_errors.told(error))
                self._close()
                await asyncio.sleep(_RETRY_SECONDS)
            except OperatorError as error:
                self._give_up(error)
                return

    def _give_up(self, error: Exception) -> None:
        log.warning("standby copies are given up until the group assigns anew", error=str(error))
        self._close()
        self._stores.clear()
        self.offsets, self._ends = {}, {}

    def _close(self) -> None:
        for store in self._stores.values():
            store.close()

    async def _copy(self, reader: AIOKafkaConsumer) -> None:
        """Follow to the end of time. Raises KafkaError, and OperatorError where a copy can't be kept."""
        loop = asyncio.get_running_loop()
        provenance = await ask(self._settings, self._topics)
        for store in self._stores.values():
            store.open()
        stores = {TopicPartition(self._topic, number): store for number, store in self._stores.items()}
        reader.assign(list(stores))
        begins, ends = await reader.beginning_offsets(list(stores)), await reader.end_offsets(list(stores))
        await prepare(self._settings, reader, stores, begins, ends, provenance)
        for place, store in stores.items():
            reader.seek(place, store.offset)
        self._tell(stores, ends)
        while True:
            fetched = await reader.getmany(timeout_ms=500)
            begun = loop.time()
            for place, records in fetched.items():
                stores[place].write(rows_of(records), records[-1].offset + 1)
            for place, store in stores.items():
                # The position passes the markers of transactions, which are never delivered.
                position = await reader.position(place)
                if position > self.offsets.get(place.partition, 0):
                    store.write((), position)
            ends = {place: reader.highwater(place) or end for place, end in ends.items()}
            for place, store in stores.items():
                if store.offset >= ends[place]:
                    store.is_current()
            self._tell(stores, ends)
            await asyncio.sleep((loop.time() - begun) * _PAUSE)

    def _tell(self, stores: Mapping[TopicPartition, Store], ends: Mapping[TopicPartition, int]) -> None:
        self.offsets = {place.partition: store.offset for place, store in stores.items()}
        self._ends = {place.partition: end for place, end in ends.items()}
