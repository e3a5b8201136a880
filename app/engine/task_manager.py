"""What a worker runs: the repartitioner, and a task for each partition of the log that it owns.

Faust says when partitions are assigned and revoked, fetches, and commits; the engine does the work between. What comes
to this worker is taken over (:mod:`app.engine.takeover`), then records come, from the committed offset on. What stays
over a rebalance goes on as if there were none: from where its own task stands, never from what the group says.
"""

import asyncio
import contextlib
import functools
import time
from collections.abc import Callable, Collection, Iterator, Sequence

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaTimeoutError

from app.engine.clock import BrokerClock
from app.engine.deadline import Deadline
from app.engine.ending import ended
from app.engine.holdings import Holdings
from app.engine.kafka.clients import leaders_known, new_producer, start_patiently, stop_producer
from app.engine.ports import P, Topology
from app.engine.publish import append_time
from app.engine.repartition import Repartitioner
from app.engine.state.restore import Progress
from app.engine.takeover import take_over
from app.engine.task import Task
from app.lazy_log import Logger
from app.settings import Settings

log = Logger(__name__)

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


class TaskManager(Holdings[P]):
    """Takes over and lets go what a worker holds: owns the repartitioner and the tasks of one worker.

    ``on_failure`` is told once when the worker can't go on; ``on_fenced`` when a transaction failed on a partition that
    the group leaves with this worker. That partition is then to be taken over again (:meth:`release`, :meth:`acquire`),
    the others go on. When that was of no use three times in a row, it is ``on_failure`` that is told.
    """

    def __init__(
        self,
        settings: Settings,
        topology: Topology[P],
        on_failure: Callable[[BaseException], None],
        on_fenced: Callable[[TopicPartition, BaseException], None] | None = None,
    ) -> None:
        super().__init__(settings, topology)
        self.progress = Progress()
        self.clock = BrokerClock()
        self.ready = False
        self._on_failure = on_failure
        self._on_fenced = on_fenced
        self._failed = False
        self._failures_in_a_row: dict[int, int] = {}
        self._shared: AIOKafkaProducer | None = None
        self._acquiring: asyncio.Task[None] | None = None
        self._coming: frozenset[TopicPartition] = frozenset()
        self._untold: frozenset[TopicPartition] = frozenset()
        self._leaving = 0
        self._stop_by: Deadline | None = None

    async def acquire(self, assigned: Collection[TopicPartition]) -> frozenset[TopicPartition] | None:
        """Take over those of the partitions that this worker does not hold: fence, restore, start. The others go on.

        Returns those that were taken over, which are to be read from their committed offsets; None when something is
        being let go (:meth:`letting_go`), or a :meth:`release` came in between: the assignment may be another by then,
        and is to be asked for anew. What was taken over all the same comes with the next answer. Raises what went wrong
        otherwise; the worker can't go on then.
        """
        if self._leaving:
            return None
        gone = self._queues.keys() - assigned
        if gone:
            with self.letting_go():
                await self.release(partitions=gone)
                self.forget(gone)
        self._coming = frozenset(partition for partition in assigned if partition not in self._queues)
        if self._coming:
            self.ready = False
        self._acquiring = asyncio.create_task(self._acquire(self._coming), name="acquire")
        done, _ = await asyncio.wait({self._acquiring})
        task = done.pop()
        if task.cancelled():
            return None
        task.result()
        self._untold |= self._coming
        return None if self._leaving else self._told()

    def _told(self) -> frozenset[TopicPartition]:
        """What was taken over, and has not been said yet; what was let go again is left out."""
        taken, self._untold = self._untold & self._queues.keys(), frozenset()
        return taken

    async def _acquire(self, coming: Collection[TopicPartition]) -> None:
        started = time.monotonic()
        if self._shared is None:
            shared = new_producer(self.settings)
            try:
                await start_patiently(self.settings, shared)
            except BaseException:
                await shared.stop()
                raise
            self._shared = shared
        made = {
            number: Task(
                number,
                self.settings,
                self.topology,
                self._shared,
                self._fail,
                functools.partial(self._fenced, number),
                clock=self.clock,
            )
            for number in sorted(partition.partition for partition in coming if partition.topic == self._log_topic)
        }
        self.tasks |= made
        await self.standbys.let_go(made.keys())
        await take_over(self.settings, self.topology, made, self.progress)
        inputs = sorted(partition for partition in coming if partition.topic in self.topology.topics.inputs)
        if inputs and self._repartitioner is None:
            repartitioner = Repartitioner(self.settings, self.topology, self._shared, self._fail, self.clock)
            await repartitioner.start()
            self._repartitioner = repartitioner
        # Nothing is awaited from here on: all of them are held, or none.
        if self._repartitioner is not None:
            self._queues |= self._repartitioner.take(inputs)
        self._queues |= {task.log: task.queue for task in made.values()}
        for task in made.values():
            task.start(self._share, self._chunk_pace)
        self._share_out()
        if not coming and self._queues:
            return
        if coming:
            self.observer.taken_over(time.monotonic() - started)
        log.info(
            "partitions acquired",
            log_partitions=sorted(made),
            inputs=len(inputs),
            kept=len(self._queues) - len(coming),
            seconds=round(time.monotonic() - started, 2),
        )

    def stop_by(self, deadline: Deadline) -> None:
        """The worker ends: from now on every release keeps within this deadline as well."""
        self._stop_by = deadline

    def release_deadline(self) -> Deadline:
        """By when a release that begins now must be over, its commit included."""
        return Deadline(RELEASE_SECONDS) if self._stop_by is None else self._stop_by.within(RELEASE_SECONDS)

    async def release(
        self, deadline: Deadline | None = None, *, partitions: Collection[TopicPartition] | None = None
    ) -> None:
        """Let the partitions go, or all: chunks under way are finished or given up, databases are closed.

        All of it is over by the deadline, which keeps something for the commit that follows. Offsets stay to be
        committed, until :meth:`forget`. A takeover under way is broken off if it is of any of them.
        """
        if deadline is None:
            deadline = self.release_deadline()
        if partitions is None:
            self.ready = False
        with self.letting_go():
            await self._release(deadline.within(deadline.left(_COMMIT_RESERVE)), partitions)

    @contextlib.contextmanager
    def letting_go(self) -> Iterator[None]:
        """Take nothing over within: from before a :meth:`release` until behind its :meth:`forget`.

        A partition that was taken over in between would be forgotten with those that were let go: nobody would close
        its database, and the next takeover would find it in use.
        """
        self._leaving += 1
        try:
            yield
        finally:
            self._leaving -= 1

    async def _release(self, work_ends: Deadline, partitions: Collection[TopicPartition] | None) -> None:
        await self._break_off(partitions, work_ends)
        tasks, repartitioner = list(self.tasks.values()), self._repartitioner
        if partitions is None:
            self._queues.clear()
        else:
            leaving = {partition for partition in partitions if self._queues.pop(partition, None) is not None}
            tasks = [task for task in tasks if task.log in leaving]
        steps = [task.close(work_ends) for task in tasks]
        if repartitioner is not None and partitions is None:
            steps.append(repartitioner.close(work_ends))
        elif repartitioner is not None:
            inputs = sorted(partition for partition in leaving if partition.topic != self._log_topic)
            log.info(
                "partitions let go",
                log_partitions=sorted(task.partition for task in tasks),
                inputs=len(inputs),
                kept=len(self._queues),
            )
            steps.append(repartitioner.let_go(inputs, work_ends))
        await asyncio.gather(*steps)

    async def _break_off(self, partitions: Collection[TopicPartition] | None, deadline: Deadline) -> None:
        """End a takeover under way of any of the partitions; those of it that stay are taken over anew."""
        acquiring = self._acquiring
        if acquiring is None or acquiring.done() or not (partitions is None or self._coming & set(partitions)):
            return
        await ended(acquiring)
        begun = [task for task in self.tasks.values() if task.log not in self._queues]
        await asyncio.gather(*(task.close(deadline) for task in begun))
        for task in begun:
            self.tasks.pop(task.partition, None)

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
        await self.standbys.follow(())
        if self._shared is not None:
            with contextlib.suppress(Exception):
                await stop_producer(self._shared, max(_LAST_WORDS, self.release_deadline().left()))
            self._shared = None

    def _fenced(self, partition: int, error: BaseException) -> None:
        task = self.tasks.get(partition)
        progressed = task is not None and task.acknowledged is not None
        failed = self._failures_in_a_row[partition] = 1 if progressed else self._failures_in_a_row.get(partition, 0) + 1
        if self._on_fenced is None or failed >= _TRIES:
            self._fail(error)
        else:
            self._on_fenced(TopicPartition(self._log_topic, partition), error)

    def _fail(self, error: BaseException) -> None:
        if not self._failed:
            self._failed = True
            self._on_failure(error)
