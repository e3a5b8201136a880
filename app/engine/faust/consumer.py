"""The consumer: whole fetches to the engine, and the commit of what is behind its barrier."""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from app.engine.kafka import broker_errors
from app.engine.kafka.client_watch import Thread
from app.engine.kafka.clients import connection
from app.engine.kafka.fetch import WHOLE
from app.engine.kafka.stalls import FetchErrors
from app.engine.task_manager import TaskManager
from app.engine.topics.ensure import log_topic
from app.engine.topics.input_positions import Positions
from app.engine.topics.positions import check as positions_check
from app.engine.topics.positions import check_passed_on
from app.security import client_options

if TYPE_CHECKING:
    from mode.utils.locks import Event

    from app.engine.faust.app import App
    from app.engine.faust.recovery import TableManager

log = structlog.get_logger(__name__)

#: How long the group waits for a member in a rebalance: several times what letting partitions go may take (5 s).
REBALANCE_TIMEOUT_MS = 30_000

#: Seconds that a commit is tried: twice the time that a frozen replica holds it up (9 s), and some to find another
#: coordinator. What is not committed then is with the next commit. And what the last one has at the least.
COMMIT_PATIENCE, LAST_COMMIT = 20.0, 0.5

#: While a task is full the others are polled for so long at a time (seconds), so that it is not kept waiting once it
#: has room.
_SHORT_POLL = 0.02
_LONG_POLL = 1.0


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that the Kafka consumer lives in: heartbeats go on while the main loop folds."""

    logger = logging.getLogger("faust.rollcall")

    def _create_worker_consumer(self, transport: driver.Transport) -> AIOKafkaConsumer:  # noqa: ARG002 - as overridden
        app = cast("App", self.app)
        self.positions = Positions(cast("App", self.app).engine.topology.topics.inputs)
        session_ms = round(app.settings.session_timeout_seconds * 1000)
        consumer = AIOKafkaConsumer(
            **connection(app.settings),
            group_id=app.settings.app_id,
            partition_assignment_strategy=[app.assignor],
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            value_deserializer=WHOLE,
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=session_ms // 6,
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
        return cast("Mapping[TP, int]", await self.call_thread(self._seek_to_committed))

    async def _seek_to_committed(self) -> dict[TopicPartition, int | None]:
        consumer = self._ensure_consumer()
        committed = await self.positions.committed(consumer, consumer.assignment())
        for partition, offset in committed.items():
            if offset is not None:
                consumer.seek(partition, offset)
        fresh = [partition for partition, offset in committed.items() if offset is None]
        if fresh:
            await consumer.seek_to_beginning(*fresh)
        for partition in self.positions.anew:
            cast("App", self.app).engine.observer.input_gap(partition.topic, 0)
        begins = await self._check(committed)
        inputs = cast("App", self.app).engine.topology.topics.inputs
        # Said at once, or nobody could tell later that records were deleted before the first one was read.
        await self._commit_checked(
            {place: 0 for place in fresh if place.topic in inputs and not begins[place]}, COMMIT_PATIENCE
        )
        return committed

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
            log.info("the group has moved on; these offsets are its new owners' to commit", error=type(error).__name__)
            return {}
        except (KafkaError, TimeoutError) as error:
            log.warning("offsets could not be committed; trying again", error=broker_errors.told(error))
            return {}
        return owned

    async def look_again(self) -> None:
        """Ask for the partitions of all topics now; the group is told of those that are new."""
        await self.call_thread(self._look_again)

    async def _look_again(self) -> None:
        await self._ensure_consumer()._client.force_metadata_update()  # noqa: SLF001 - aiokafka looks every five minutes

    def watched(self) -> Thread | None:
        """What there is to watch of it, once it is started."""
        return None if self._consumer is None else Thread(self.thread_loop, self._consumer, self._fetch_errors)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Stilled: it watches Faust's streams, which nothing flows through."""


class Consumer(driver.Consumer):
    """Faust's consumer, with the engine where the streams were."""

    logger = logging.getLogger("faust.rollcall")

    @property
    def thread(self) -> ConsumerThread:
        """The thread that the Kafka client lives in."""
        return cast("ConsumerThread", self._thread)

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    @property
    def engine(self) -> TaskManager[Any]:
        """The engine of the app."""
        return cast("App", self.app).engine

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek every partition to its committed offset. What is read from there is of the topics that are there now."""
        committed = await super().seek_to_committed()
        self.engine.topology.router.identify(self.thread.positions.ids)
        return committed

    async def _drain_messages(self, fetcher: Any) -> None:
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):  # noqa: SLF001 - as the overridden method does
                await self._poll()
        except self.consumer_stopped_errors:
            if not self.app.should_stop:
                raise
        except asyncio.CancelledError:
            # Faust stops its fetcher by cancelling it, and takes that for a fault while a rebalance is under way.
            if not self.app.should_stop:
                raise
        except Exception as error:  # noqa: BLE001 - whatever can't be read, the worker is stopped with it, by name
            if not self.app.should_stop:
                cast("App", self.app).fail(error)

    async def _poll(self) -> None:
        if not self.flow_active:
            await self.wait(cast("Event", self.can_resume_flow))
            return
        generation = self.app.consumer_generation_id
        full = self.engine.full()
        wanted = self._get_active_partitions() - full
        if self.engine.hop_full:
            wanted = {partition for partition in wanted if partition.topic not in self.engine.topology.topics.inputs}
        if not wanted:
            await self.sleep(_SHORT_POLL)
            return
        short = bool(full) or self.engine.hop_full
        started = time.perf_counter()
        try:
            fetched = await self._getmany(active_partitions=wanted, timeout=_SHORT_POLL if short else _LONG_POLL)
        except OffsetOutOfRangeError as error:
            await self._out_of_range(error.args[0])
            return
        except NoOffsetForPartitionError:
            # Between an assignment and its seek: the client looks for an offset of its own.
            await self._rewind()
            return
        except KafkaError as error:
            if type(error) is not KafkaError:
                raise
            # What the client's coordinator has to say: whoever asks the client next is handed it.
            cast("App", self.app).clients.group_error(error)
            await self.sleep(_LONG_POLL)
            return
        self.engine.observer.polled(time.perf_counter() - started)
        if not fetched:
            await asyncio.sleep(0)
            return
        if self.flow_active and generation == self.app.consumer_generation_id:
            self.engine.deliver(fetched)
        else:
            # Fetched across a rebalance: the positions of these partitions have moved, so they are set back to what
            # was committed.
            await self._rewind()

    async def _out_of_range(self, positions: Mapping[TopicPartition, int]) -> None:
        """Records were deleted, or a topic made again, under the running worker. Raises PositionError for the log."""
        try:
            await cast("ConsumerThread", self._thread).go_on(positions)
        except (KafkaError, IllegalStateError) as error:  # the broker is away, or a rebalance: it comes up again
            log.debug("positions that are out of range can't be looked at yet", error=broker_errors.told(error))
            await self.sleep(_SHORT_POLL)

    async def _rewind(self) -> None:
        try:
            await self.perform_seek()
        except Exception as error:  # noqa: BLE001 - the rebalance that is under way seeks again when it completes
            log.debug("seek during a rebalance", error=str(error))

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:  # noqa: ARG002, FBT001, FBT002 - Faust's signature
        """Commit what is behind the barrier, and only that."""
        return await self._commit_within(COMMIT_PATIENCE)

    async def _commit_within(self, patience: float) -> bool:
        offsets = self.engine.committable()
        if not offsets:
            return False
        started = time.perf_counter()
        committed = await cast("ConsumerThread", self._thread).commit_checked(offsets, patience)
        self.engine.observer.commit_attempted(time.perf_counter() - started, taken=bool(committed))
        self.engine.committed(committed)
        return bool(committed)

    async def wait_empty(self) -> None:
        """Let all partitions go, then commit what they finished: one budget of time for both."""
        deadline = self.engine.release_deadline()
        await self.engine.release(deadline)
        await self._commit_within(max(LAST_COMMIT, deadline.left()))
        self.engine.forget()

    async def reacquire(self) -> None:
        """Let all partitions go and take them over again, as after an assignment. They are still this worker's."""
        self.stop_flow()
        await self.wait_empty()
        cast("TableManager", self.app.tables).recovery.signal_recovery_start.set()

    async def on_task_error(self, exc: BaseException) -> None:
        """Nothing is committed for an error's sake."""


class Producer(driver.Producer):
    """Faust's producer, which nothing is sent by. It is let in as every client is."""

    logger = logging.getLogger("faust.rollcall")

    def _settings_auth(self) -> Mapping[str, Any]:
        return client_options(cast("App", self.app).settings)


class Transport(driver.Transport):
    """Faust's transport, with this consumer and this producer."""

    Consumer = Consumer
    Producer = Producer
