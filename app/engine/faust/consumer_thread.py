"""The thread that the Kafka consumer lives in: what is asked of the group and of the broker for it."""

import asyncio
import logging
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from app.engine.faust.fetch_thread import FetchThread
from app.engine.kafka import broker_errors
from app.engine.kafka.aiokafka_patches import keeping
from app.engine.kafka.client_watch import Thread
from app.engine.kafka.clients import connection
from app.engine.kafka.fetch import INDEXED
from app.engine.kafka.stalls import FetchErrors
from app.engine.state.restore import LogBegin
from app.engine.topics.ensure import log_topic
from app.engine.topics.input_positions import Positions
from app.engine.topics.positions import check as positions_check
from app.engine.topics.positions import check_passed_on, deleted_before, from_state
from app.lazy_log import Logger

if TYPE_CHECKING:
    from app.engine.faust.app import App

log = Logger(__name__)

#: How long the group waits for a member in a rebalance: several times what letting partitions go may take (5 s).
REBALANCE_TIMEOUT_MS = 30_000

#: A member hears of a rebalance with its next heartbeat, and what moves waits for the last one to hear of it.
HEARTBEAT_MS = 500

#: Seconds that a commit is tried: twice the time that a frozen replica holds it up (9 s), and some to find another
#: coordinator. What is not committed then is with the next commit. And what the last one has at the least.
COMMIT_PATIENCE, LAST_COMMIT = 20.0, 0.5

#: Seconds for the question where the log begins, which is asked again.
_LOOK_PATIENCE = 10.0


class RebalanceListener(driver.ConsumerRebalanceListener):
    """Faust's listener, which takes it that every rebalance begins with partitions that are let go."""

    async def on_partitions_assigned(self, assigned: Any) -> None:
        """Tell Faust of the rebalance, then of its end."""
        app = cast("App", self._thread.app)
        if not app.rebalancing:
            app.on_rebalance_start()
        await super().on_partitions_assigned(assigned)


class ConsumerThread(FetchThread):
    """The thread that the Kafka consumer lives in: heartbeats go on while the main loop folds."""

    logger = logging.getLogger("faust.rollcall")

    def _create_worker_consumer(self, transport: driver.Transport) -> AIOKafkaConsumer:  # noqa: ARG002 - as overridden
        app = cast("App", self.app)
        self.positions = Positions(cast("App", self.app).engine.topology.topics.inputs)
        session_ms = round(app.settings.session_timeout_seconds * 1000)
        consumer = AIOKafkaConsumer(
            **connection(app.settings),
            group_id=app.settings.app_id,
            group_instance_id=app.settings.instance_id or None,
            partition_assignment_strategy=[app.assignor],
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            value_deserializer=INDEXED,
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=min(session_ms // 6, HEARTBEAT_MS),
            rebalance_timeout_ms=REBALANCE_TIMEOUT_MS,
            max_poll_interval_ms=3_600_000,  # nothing is polled during a restore; 1 h x 300,000 rows/s is 10^9 rows
            request_timeout_ms=40_000,
            fetch_max_wait_ms=500,
            max_partition_fetch_bytes=4 * 1024 * 1024,
            fetch_max_bytes=32 * 1024 * 1024,
            retry_backoff_ms=50,
        )
        self._fetch_errors = FetchErrors()
        self._fetch_errors.listen(consumer._client)  # noqa: SLF001 - the fetcher keeps an error's partition to itself
        return consumer

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek every partition to its committed offset, or to its beginning where none is."""
        return await self.begin_at_committed(self._ensure_consumer().assignment())

    async def begin_at_committed(self, partitions: Collection[TopicPartition]) -> Mapping[TP, int]:
        """Seek these partitions to their committed offset, or to their beginning where none is.

        Raises IllegalStateError where one of them has been taken away meanwhile.
        """
        return cast("Mapping[TP, int]", await self.call_thread(self._begin_at_committed, frozenset(partitions)))

    async def _begin_at_committed(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int | None]:
        consumer = self._ensure_consumer()
        committed = await self.positions.committed(consumer, partitions)
        committed |= await self._by_state(consumer, committed)
        for partition, offset in committed.items():
            if offset is not None:
                consumer.seek(partition, offset)
        fresh = [partition for partition, offset in committed.items() if offset is None]
        if fresh:
            await consumer.seek_to_beginning(*fresh)
        for partition in self.positions.anew:
            cast("App", self.app).engine.observer.input_gap(partition.topic, 0)
        begins = await self._check(committed)
        consumer.resume(*partitions)
        inputs = cast("App", self.app).engine.topology.topics.inputs
        # Said at once, or nobody could tell later that records were deleted before the first one was read.
        await self._commit_checked(
            {place: 0 for place in fresh if place.topic in inputs and not begins[place]}, COMMIT_PATIENCE
        )
        return committed

    async def _by_state(
        self, consumer: AIOKafkaConsumer, committed: Mapping[TopicPartition, int | None]
    ) -> dict[TopicPartition, int]:
        """The partitions of the log that go on elsewhere than the group says, by their state
        (:func:`~app.engine.topics.positions.from_state`).
        """
        app = cast("App", self.app)
        others = from_state(committed, app.engine.folded(), exactly_once=app.settings.exactly_once)
        begins = await consumer.beginning_offsets(list(others)) if others else {}
        for partition, begin in begins.items():
            if others[partition] < begin <= (committed[partition] or 0):
                deleted_before(partition, others.pop(partition), begin, committed[partition])
        return others

    async def _check(self, positions: Mapping[TopicPartition, int | None]) -> Mapping[TopicPartition, int]:
        """Hold where reading goes on against what there is; where each partition begins.

        Raises PositionError where the log lacks records.
        """
        consumer, app = self._ensure_consumer(), cast("App", self.app)
        settings = app.settings
        name = log_topic(settings)
        whole = {TopicPartition(name, number) for number in range(settings.partitions)}
        begins, ends = (
            await consumer.beginning_offsets(list(positions)),
            await consumer.end_offsets([*positions, *whole]),
        )
        logs = {place.partition: begins[place] for place in positions if place.topic == name}
        app.engine.progress.begin_at(logs)
        anew = positions_check(name, positions, begins, ends)
        check_passed_on(name, positions, sum(ends[partition] for partition in whole))
        for partition, missed in anew.items():
            app.engine.observer.input_gap(partition.topic, missed)
        assignment = getattr(consumer._subscription.subscription, "assignment", None)  # noqa: SLF001 - lags are read off there
        for partition in positions:
            state = None if assignment is None else assignment.state_value(partition)
            if state is not None and state.highwater is None:
                # So that one whose first fetch fails, and every one behind it, has a lag all the same.
                state.highwater = ends[partition]
        if anew:
            await consumer.seek_to_beginning(*anew)
        return cast("Mapping[TopicPartition, int]", begins)

    async def go_on(self, positions: Mapping[TopicPartition, int]) -> None:
        """Go on where a position has turned out to be out of range. Raises PositionError where it is the log's."""
        await self.call_thread(self._go_on, positions)

    async def _go_on(self, positions: Mapping[TopicPartition, int]) -> None:
        assigned = self._ensure_consumer().assignment()
        await self._check({partition: offset for partition, offset in positions.items() if partition in assigned})

    async def commit_checked(
        self, offsets: Mapping[TopicPartition, int], patience: float = COMMIT_PATIENCE
    ) -> dict[TopicPartition, int]:
        """Commit what is still assigned; what the group took within so many seconds.

        A refusal (the group has moved on) is an answer, not an error.
        """
        try:
            return cast("dict[TopicPartition, int]", await self.call_thread(self._commit_checked, offsets, patience))
        except RuntimeError:
            if not self.thread_loop.is_closed():
                raise
            return {}  # after a crash the thread has ended before us; what it does not commit is repeated

    async def _commit_checked(
        self, offsets: Mapping[TopicPartition, int], patience: float
    ) -> dict[TopicPartition, int]:
        consumer = self._ensure_consumer()
        assigned = consumer.assignment()
        owned = {partition: offset for partition, offset in offsets.items() if partition in assigned}
        if not owned:
            return {}
        try:
            # The client itself tries for as long as it takes.
            async with asyncio.timeout(patience):
                await consumer.commit(self.positions.commit(owned))
        except (CommitFailedError, IllegalStateError) as error:
            if self.joining:
                log.debug("the group changes; these offsets are committed when it has", error=type(error).__name__)
                return {}
            log.info("the group has moved on; these offsets are its new owners' to commit", error=type(error).__name__)
            return {}
        except (KafkaError, TimeoutError) as error:
            log.warning("offsets could not be committed; trying again", error=broker_errors.told(error))
            return {}
        return owned

    async def seek_all(self, positions: Mapping[TopicPartition, int]) -> None:
        """Seek partitions, as far as they are still assigned."""
        await self.call_thread(self._seek_all, positions)

    async def _seek_all(self, positions: Mapping[TopicPartition, int]) -> None:
        consumer = self._ensure_consumer()
        for partition, offset in positions.items():
            if partition in consumer.assignment():
                consumer.seek(partition, offset)

    async def note_log_begins(self) -> None:
        """Ask where the partitions of the log begin that are assigned. Raises KafkaError and TimeoutError."""
        # Beside the thread's own queue, which commits and takeovers go through: a broker that is away is waited for.
        asked = asyncio.run_coroutine_threadsafe(self._note_log_begins(), self.thread_loop)
        async with asyncio.timeout(_LOOK_PATIENCE):
            await asyncio.wrap_future(asked)

    async def _note_log_begins(self) -> None:
        consumer, app = self._ensure_consumer(), cast("App", self.app)
        places = [place for place in consumer.assignment() if place.topic == log_topic(app.settings)]
        if places:
            begins = await consumer.beginning_offsets(places)
            firsts = await consumer.offsets_for_times(dict.fromkeys(places, 0))
            app.engine.progress.log_begins = {
                place.partition: LogBegin(begins[place], None if first is None else int(first.timestamp))
                for place, first in firsts.items()
            }

    async def look_again(self) -> None:
        """Ask for the partitions of all topics now; the group is told of those that are new."""
        await self.call_thread(self._look_again)

    async def _look_again(self) -> None:
        await self._ensure_consumer()._client.force_metadata_update()  # noqa: SLF001 - aiokafka looks every five minutes

    @property
    def joining(self) -> bool:
        """Whether this member is just joining a rebalance of its group. May be asked on any thread."""
        return self._consumer is not None and keeping.joining(self._consumer._coordinator)  # noqa: SLF001 - it gives out no such thing

    @property
    def member(self) -> str:
        """Which member of the group this is, by the last join; empty before the first. May be asked on any thread."""
        return "" if self._consumer is None else str(self._consumer._coordinator.member_id)  # noqa: SLF001 - as above

    def watched(self) -> Thread | None:
        """What there is to watch of it, once it is started."""
        return None if self._consumer is None else Thread(self.thread_loop, self._consumer, self._fetch_errors)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Stilled: it watches Faust's streams, which nothing flows through."""
