"""The consumer: whole fetches to the engine, and the commit of what is behind its barrier."""

import asyncio
import logging
import time
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, cast

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from app.engine.deadline import Deadline
from app.engine.faust.consumer_thread import COMMIT_PATIENCE, LAST_COMMIT, ConsumerThread, RebalanceListener
from app.engine.kafka import broker_errors
from app.engine.task_manager import TaskManager
from app.lazy_log import Logger
from app.security import client_options

if TYPE_CHECKING:
    from mode.utils.locks import Event

    from app.engine.faust.app import App
    from app.engine.faust.recovery import TableManager

log = Logger(__name__)

#: While a task is full the others are polled for so long at a time (seconds), so that it is not kept waiting once it
#: has room.
_SHORT_POLL = 0.02
_LONG_POLL = 1.0


class Consumer(driver.Consumer):
    """Faust's consumer, with the engine where the streams were."""

    logger = logging.getLogger("faust.rollcall")
    RebalanceListener = RebalanceListener
    #: Whether the client's positions may lie behind what the queues have: to be set back before anything is fetched.
    _astray = False

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

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Begin with what is new, which is not fetched until it was taken over; what is kept goes on."""
        self.pause_partitions(assigned - self.engine.held().keys())
        await super().on_partitions_assigned(assigned, generation_id)

    async def let_go(self, partitions: Collection[TopicPartition]) -> None:
        """Let some of the partitions go, then commit what they finished: one budget of time for both."""
        deadline = self.engine.release_deadline()
        with self.engine.letting_go():
            await self.engine.release(deadline, partitions=partitions)
            await self._commit_last(deadline)
            self.engine.forget(partitions)

    async def begin(self, partitions: Collection[TopicPartition]) -> None:
        """Read partitions that were taken over from their committed offsets on, and fetch them from now on.

        What is read from there is of the topics that are there now. Raises IllegalStateError where one of them has
        been taken away meanwhile.
        """
        await self.thread.begin_at_committed(partitions)
        self.engine.topology.router.identify(self.thread.positions.ids)
        self.resume_partitions({TP(place.topic, place.partition) for place in partitions})

    async def _drain_messages(self, fetcher: Any) -> None:
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):  # noqa: SLF001 - as the overridden method does
                await self._poll()
                if self.engine.poll_pace.rest:
                    await self.sleep(self.engine.poll_pace.rest)
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
        if self._astray and not await self._rewind():
            await self.sleep(_SHORT_POLL)
            return
        full = self.engine.full()
        wanted = self._get_active_partitions() - full
        if self.engine.hop_full:
            wanted = {partition for partition in wanted if partition.topic not in self.engine.topology.topics.inputs}
        if not wanted:
            await self.sleep(_SHORT_POLL)
            return
        held = self.engine.held()
        short = bool(full) or self.engine.hop_full
        fetched = await self._fetched_of(wanted, _SHORT_POLL if short else _LONG_POLL)
        if not fetched:
            await asyncio.sleep(0)
        elif self.engine.deliver(fetched, held):
            # Fetched while its partition was let go: its position has moved.
            self._astray = True

    async def _fetched_of(self, wanted: set[TP], patience: float) -> Any:
        """What there is of these partitions, after so many seconds at the latest; nothing where that can't be said."""
        started = time.perf_counter()
        try:
            fetched = await self._getmany(active_partitions=wanted, timeout=patience)
        except OffsetOutOfRangeError as error:
            await self._out_of_range(error.args[0])
            return {}
        except NoOffsetForPartitionError:
            # Between an assignment and its seek: the client looks for an offset of its own.
            self._astray = True
            return {}
        except KafkaError as error:
            if type(error) is not KafkaError:
                raise
            # What the client's coordinator has to say: whoever asks the client next is handed it.
            cast("App", self.app).clients.group_error(error)
            await self.sleep(_LONG_POLL)
            return {}
        ended = time.perf_counter()
        self.engine.observer.polled(ended - started)
        self.engine.poll_pace.polled(sum(map(len, fetched.values())), ended)
        return fetched

    async def _out_of_range(self, positions: Mapping[TopicPartition, int]) -> None:
        """Records were deleted, or a topic made again, under the running worker. Raises PositionError for the log."""
        try:
            await cast("ConsumerThread", self._thread).go_on(positions)
        except (KafkaError, IllegalStateError) as error:  # the broker is away, or a rebalance: it comes up again
            log.debug("positions that are out of range can't be looked at yet", error=broker_errors.told(error))
            await self.sleep(_SHORT_POLL)

    async def _rewind(self) -> bool:
        """Have each partition that is held fetched from where its queue ends; what it has is passed over.

        One that was just taken over, of which nothing has come, begins where its takeover has it begin, also where that
        is not over: a poll that was under way may have been handed records behind its seek, and those were dropped.
        False where it could not be done: to be tried again before anything is fetched, or what was dropped is lost.
        """
        try:
            ends = {place: self.engine.next_offset(place) for place in self.engine.held()}
            await self.thread.seek_all({place: end for place, end in ends.items() if end is not None})
            if fresh := {place for place, end in ends.items() if end is None}:
                await self.thread.begin_at_committed(fresh)
        except (KafkaError, IllegalStateError) as error:  # the broker is away, or a rebalance under way
            log.debug("positions can't be set back yet", error=broker_errors.told(error))
            return False
        self._astray = False
        return True

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
        with self.engine.letting_go():
            await self.engine.release(deadline)
            await self._commit_last(deadline)
            self.engine.forget()

    async def _commit_last(self, deadline: Deadline) -> None:
        """Commit before the partitions are somebody else's; again while the group is just changing its generation."""
        await self._commit_within(max(LAST_COMMIT, deadline.left()))
        while self.engine.committable() and self.thread.joining and deadline.left():
            await asyncio.sleep(_SHORT_POLL)
            await self._commit_within(deadline.left())

    async def reacquire(self, partitions: Collection[TopicPartition] | None = None) -> None:
        """Let partitions go, or all, and take them over again, as after an assignment. They are still this worker's.

        Where it is some of them the others go on.
        """
        recovery = cast("TableManager", self.app.tables).recovery
        recovery.signal_recovery_start.clear()
        if partitions is None:
            self.stop_flow()
            await self.wait_empty()
        else:
            self.pause_partitions({TP(place.topic, place.partition) for place in partitions})
            await self.let_go(partitions)
        recovery.signal_recovery_start.set()

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
