"""What a worker runs: the repartitioner, and a task for each partition of the log that it owns.

Faust says when partitions are assigned and revoked, fetches, and commits; the engine does the work between. After
each assignment, in this order: fence (this worker is the only writer), restore (state is what the changelog says),
then the committed offset is read and records come. State and offset are read after fencing, so whoever holds a
partition has both right.
"""

import asyncio
import contextlib
import functools
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Generic

import structlog
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaTimeoutError

from app.engine.clock import BrokerClock
from app.engine.deadline import Deadline
from app.engine.kafka.clients import leaders_known, new_producer, start_patiently, stop_producer
from app.engine.ports import P, Topology
from app.engine.publish import append_time
from app.engine.repartition import Repartitioner
from app.engine.state.provenance import ask
from app.engine.state.restore import Progress, restore
from app.engine.task import Task
from app.engine.topics.ensure import changelog_topic, log_topic
from app.settings import Settings

log = structlog.get_logger(__name__)

#: Seconds for all that letting partitions go takes: the chunk under way, the producers' end, the commit. Less than the
#: shipped session time-out of 6 s.
RELEASE_SECONDS = 5.0

#: Of those, what is kept for the steps behind each: the commit has that for itself.
_COMMIT_RESERVE = 1.0

#: Seconds that the producer of all partitions has at the least to say good-bye, when all else has taken too long.
_LAST_WORDS = 0.3

#: How many transactions of a partition may fail in a row, with none that succeeded between them, before the worker
#: stops. A broker that restarts can make each of its workers' transactions fail once a restart, and a paused worker
#: may fence its successor late; what fails three times over, each time after a session time-out, is not that.
_TRIES = 3


class TaskManager(Generic[P]):
    """Owns the repartitioner and the tasks of one worker.

    ``on_failure`` is told once when the worker can't go on; ``on_fenced`` when a transaction failed on a partition that
    the group leaves with this worker. The partitions are then to be taken over again (:meth:`release`,
    :meth:`acquire`). When that was of no use three times in a row, it is ``on_failure`` that is told.
    """

    def __init__(
        self,
        settings: Settings,
        topology: Topology[P],
        on_failure: Callable[[BaseException], None],
        on_fenced: Callable[[BaseException], None] | None = None,
    ) -> None:
        self.settings = settings
        self.topology = topology
        self.observer = topology.observer
        self.progress = Progress()
        self.clock = BrokerClock()
        self.ready = False
        self.tasks: dict[int, Task[P]] = {}
        self._log_topic = log_topic(settings)
        self._on_failure = on_failure
        self._on_fenced = on_fenced
        self._failed = False
        self._failures_in_a_row: dict[int, int] = {}
        self._shared: AIOKafkaProducer | None = None
        self._repartitioner: Repartitioner | None = None
        self._acquiring: asyncio.Task[bool] | None = None
        self._stop_by: Deadline | None = None
        self._committed: dict[TopicPartition, int] = {}
        self._delivered: dict[TopicPartition, tuple[int, int]] = {}
        #: Records that each assigned partition has left to work off; the application sets it (:mod:`app.engine.lag`).
        self.lags: Callable[[], Mapping[TopicPartition, int]] = dict

    async def acquire(self, assigned: Collection[TopicPartition]) -> bool:
        """Take over the partitions: fence, restore, start. False when a :meth:`release` came in between.

        Raises what went wrong otherwise; the worker can't go on then.
        """
        await self.release()
        self.forget()
        self._acquiring = asyncio.create_task(self._acquire(assigned), name="acquire")
        done, _ = await asyncio.wait({self._acquiring})
        task = done.pop()
        if task.cancelled():
            return False
        return task.result()

    async def _acquire(self, assigned: Collection[TopicPartition]) -> bool:
        started = time.monotonic()
        if self._shared is None:
            shared = new_producer(self.settings)
            try:
                await start_patiently(shared)
            except BaseException:
                await shared.stop()
                raise
            self._shared = shared
        owned = sorted(partition.partition for partition in assigned if partition.topic == self._log_topic)
        for partition in owned:
            self.tasks[partition] = Task(
                partition,
                self.settings,
                self.topology,
                self._shared,
                self._fail,
                functools.partial(self._fenced, partition),
                clock=self.clock,
            )
        # Opened before anything is awaited, closed only by release(): one owner for every database handle.
        for task in self.tasks.values():
            task.store.open()
        await asyncio.gather(*(task.fence() for task in self.tasks.values()))
        stores = {partition: task.store for partition, task in self.tasks.items()}
        if stores:
            provenance = await ask(self.settings, self.topology.topics)
            await restore(self.settings, changelog_topic(self.settings), stores, self.progress, provenance)
            await asyncio.gather(*(task.settle(provenance) for task in self.tasks.values()))
        if any(partition.topic in self.topology.topics.inputs for partition in assigned):
            self._repartitioner = Repartitioner(self.settings, self.topology, self._shared, self._fail, self.clock)
            await self._repartitioner.start()
        for task in self.tasks.values():
            task.start(max(1, self.settings.cache_uploads // len(self.tasks)))
        self.observer.taken_over(time.monotonic() - started)
        log.info(
            "partitions acquired",
            log_partitions=owned,
            inputs=sum(partition.topic in self.topology.topics.inputs for partition in assigned),
            seconds=round(time.monotonic() - started, 2),
        )
        return True

    def stop_by(self, deadline: Deadline) -> None:
        """The worker ends: from now on every release keeps within this deadline as well."""
        self._stop_by = deadline

    def release_deadline(self) -> Deadline:
        """By when a release that begins now must be over, its commit included."""
        return Deadline(RELEASE_SECONDS) if self._stop_by is None else self._stop_by.within(RELEASE_SECONDS)

    async def release(self, deadline: Deadline | None = None) -> None:
        """Let all partitions go: chunks under way are finished or given up, databases are closed.

        All of it is over by the deadline, which keeps something for the commit that follows. Offsets stay to be
        committed.
        """
        if deadline is None:
            deadline = self.release_deadline()
        self.ready = False
        if self._acquiring is not None and not self._acquiring.done():
            self._acquiring.cancel()
            await asyncio.wait({self._acquiring})
        self._acquiring = None
        work_ends = deadline.within(deadline.left(_COMMIT_RESERVE))
        tasks, repartitioner = list(self.tasks.values()), self._repartitioner
        if repartitioner is not None or tasks:
            await asyncio.gather(
                *(task.close(work_ends) for task in tasks),
                *([] if repartitioner is None else [repartitioner.close(work_ends)]),
            )

    def forget(self) -> None:
        """Drop what was released, once its offsets have been committed."""
        self.tasks.clear()
        self._repartitioner = None
        self._committed.clear()
        self._delivered.clear()

    async def write(self, partition: int, key: bytes, value: bytes, headers: Sequence[tuple[str, bytes]]) -> int:
        """Write a record into a partition of the log, whoever owns it, and return its offset once it is acknowledged.

        Raises KafkaError; KafkaTimeoutError too while the worker has no producer yet.
        """
        if self._shared is None:
            message = "this worker has not been given partitions yet"
            raise KafkaTimeoutError(message)
        await leaders_known(self._shared, [self._log_topic], patience=5.0)
        sent = await self._shared.send_and_wait(
            self._log_topic, partition=partition, key=key, value=value, headers=list(headers)
        )
        self.clock.acknowledged(append_time(sent))
        return int(sent.offset)

    def producers(self) -> list[AIOKafkaProducer]:
        """The producers that there are at the moment."""
        made = [self._shared, *(task.producer for task in self.tasks.values())]
        return [producer for producer in made if producer is not None]

    async def stop(self) -> None:
        """Release everything, producers included. Never raises."""
        await self.release()
        if self._shared is not None:
            with contextlib.suppress(Exception):
                await stop_producer(self._shared, max(_LAST_WORDS, self.release_deadline().left()))
            self._shared = None

    def deliver(self, fetched: Mapping[TopicPartition, Sequence[Any]]) -> None:
        """Hand fetched records to where they belong."""
        for partition, records in fetched.items():
            if not records:
                continue
            first, last = self._delivered.get(partition, (records[0].offset, 0))
            self._delivered[partition] = first, max(last, records[-1].offset + 1)
            if partition.topic == self._log_topic:
                task = self.tasks.get(partition.partition)
                if task is not None:
                    task.queue.offer(records)
            elif self._repartitioner is not None:
                self._repartitioner.offer(partition, records)

    def in_hand(self, partition: TopicPartition) -> int:
        """How many offsets of a partition have been delivered and not yet acknowledged."""
        span = self._delivered.get(partition)
        if span is None:
            return 0
        acknowledged = self._acknowledged(partition)
        return max(0, span[1] - (span[0] if acknowledged is None else acknowledged))

    def committed_offsets(self) -> dict[TopicPartition, int]:
        """The next offset after what was committed since the partitions were taken over; those without are left out."""
        offsets = dict(self._committed)
        if self.settings.exactly_once:
            offsets |= {task.log: task.acknowledged for task in self.tasks.values() if task.acknowledged is not None}
        return offsets

    def _acknowledged(self, partition: TopicPartition) -> int | None:
        if partition.topic != self._log_topic:
            return None if self._repartitioner is None else self._repartitioner.acknowledged.get(partition)
        task = self.tasks.get(partition.partition)
        return None if task is None else task.acknowledged

    def full(self) -> set[TopicPartition]:
        """The partitions of the log from which nothing more should be fetched for now."""
        return {task.log for task in self.tasks.values() if task.queue.full}

    @property
    def hop_full(self) -> bool:
        """Whether nothing more should be fetched from the inputs for now."""
        return self._repartitioner is not None and self._repartitioner.full

    def committable(self) -> dict[TopicPartition, int]:
        """Offsets to commit through the group: of the inputs, and of the log unless transactions commit those.

        Only what is new.
        """
        offsets = {} if self._repartitioner is None else dict(self._repartitioner.acknowledged)
        if not self.settings.exactly_once:
            offsets |= {task.log: task.acknowledged for task in self.tasks.values() if task.acknowledged is not None}
        return {partition: offset for partition, offset in offsets.items() if self._committed.get(partition) != offset}

    def committed(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Note what the group took."""
        self._committed.update(offsets)
        self.observer.committed(len(offsets))

    def _fenced(self, partition: int, error: BaseException) -> None:
        task = self.tasks.get(partition)
        progressed = task is not None and task.acknowledged is not None
        failed = self._failures_in_a_row[partition] = 1 if progressed else self._failures_in_a_row.get(partition, 0) + 1
        if self._on_fenced is None or failed >= _TRIES:
            self._fail(error)
        else:
            self._on_fenced(error)

    def _fail(self, error: BaseException) -> None:
        if not self._failed:
            self._failed = True
            self._on_failure(error)
