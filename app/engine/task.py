"""A task: one partition of the log with its store and its processor.

It takes what has been fetched, up to a limit (a trickle makes small chunks, load makes large ones), folds it,
publishes, writes, and acknowledges, in the order that :mod:`app.engine` lays down. One chunk is under way at a time;
the tasks of a worker overlap each other. Small chunks are begun at a pace that all tasks share
(:mod:`app.engine.pace`).
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from app.engine.beside import beside
from app.engine.clock import BrokerClock
from app.engine.commit import Committer
from app.engine.deadline import Deadline
from app.engine.ending import ended
from app.engine.kafka import broker_errors
from app.engine.kafka.aiokafka_patches.forgotten import ForgottenError
from app.engine.kafka.client_errors import final
from app.engine.pace import ChunkPace
from app.engine.ports import P, Topology
from app.engine.publish import PublishError, TooLargeError
from app.engine.record_queue import RecordQueue
from app.engine.state.provenance import Provenance
from app.engine.state.store import Store
from app.engine.ticker import Ticker
from app.engine.topics.ensure import log_topic
from app.engine.turns import turn
from app.lazy_log import Logger
from app.settings import Settings

log = Logger(__name__)

#: How long a task whose transaction failed waits for its partition to be taken away, beyond the session time-out (the
#: time in which the group notices that a worker is away), in seconds.
_REVOKE_PATIENCE = 2.0

#: Seconds of a release that are kept for a producer's end, when the chunk that it is to send does not come to its own.
_PRODUCER_STOPS = 1.0

#: Between two steps of background work, each of 4 ms, in seconds: it takes a sixth of the time at most.
_BACKGROUND_PAUSE = 0.02


def store_path(settings: Settings, partition: int) -> Path:
    """Where a worker has the database of a partition of the log."""
    return Path(settings.datadir) / settings.app_id / f"partition-{partition}"


class Task(Generic[P]):
    """One partition of the log. Made by the engine when it is assigned, closed when it is revoked.

    Life: :meth:`fence`; restore of ``store`` by the caller; :meth:`start`; ``queue.offer`` as records come;
    :meth:`close`. ``acknowledged`` is the next offset of the log that may be committed through the group; exactly once
    its transaction has.
    """

    def __init__(
        self,
        partition: int,
        settings: Settings,
        topology: Topology[P],
        shared: AIOKafkaProducer,
        on_failure: Callable[[BaseException], None],
        on_fenced: Callable[[BaseException], None] | None = None,
        *,
        clock: BrokerClock | None = None,
    ) -> None:
        self.partition = partition
        self.settings = settings
        self.log = TopicPartition(log_topic(settings), partition)
        self.store = Store(store_path(settings, partition))
        self.queue = RecordQueue(settings.max_poll_records)
        self.acknowledged: int | None = None
        #: From which offset of the log this task goes on (exactly once), or does at the most: its state has all before.
        self.folded = 0
        self.clock = clock or BrokerClock()
        self._topology = topology
        self._pace = ChunkPace(settings.chunks_per_second, topology.observer.chunk_begun)
        self._on_failure = on_failure
        self._on_fenced = on_fenced or on_failure
        self._committer = Committer(partition, settings, topology, shared, self.store, self.clock)
        self._ticker = Ticker(self.log, settings.tick_seconds, topology, shared, self.clock)
        self._processor: P | None = None
        self._runner: asyncio.Task[None] | None = None
        self._background: asyncio.Task[None] | None = None

    async def fence(self) -> None:
        """Make this worker the partition's only writer (:meth:`app.engine.commit.Committer.fence`)."""
        await self._committer.fence()

    async def settle(self, provenance: Provenance) -> None:
        """Hold the restored state against the log that is there. Raises ProvenanceError."""
        await self._committer.settle(provenance)

    def start(self, capacity: int, pace: ChunkPace | None = None) -> None:
        """Begin to fold; the store is restored.

        ``capacity`` is the task's share of the cache, ``pace`` that of all tasks of the worker; else it has its own.
        """
        self._pace = pace or self._pace
        self._committer.stands_at = self.store.offset
        self._processor = self._topology.processor(self.partition, self.store, capacity, self.clock.moment)
        self._runner = asyncio.create_task(self._run(), name=f"task {self.partition}")
        self._background = asyncio.create_task(self._work_beside(), name=f"background {self.partition}")

    @property
    def serving(self) -> bool:
        """Whether ``store`` may be read: it is restored, and the partition has not been let go.

        To be asked again after anything that was awaited.
        """
        return self._runner is not None and not self.queue.closed.is_set()

    @property
    def producer(self) -> AIOKafkaProducer | None:
        """The task's own producer, which writes its transactions."""
        return self._committer.producer

    @property
    def processor(self) -> P:
        """The partition's processor. Raises RuntimeError before :meth:`start`."""
        if self._processor is None:
            message = f"task {self.partition} was not started"
            raise RuntimeError(message)
        return self._processor

    async def close(self, deadline: Deadline) -> None:
        """Stop: what waits is dropped, and the chunk under way may finish.

        The chunk has the time until the deadline less that of the producer's end. Never raises.
        """
        self.queue.close()
        if self._background is not None:
            self._background.cancel()
        if self._runner is not None:
            grace = deadline.left(0.0 if self.producer is None else _PRODUCER_STOPS)
            done, _ = await asyncio.wait({self._runner}, timeout=grace)
            if not done:
                log.warning(
                    "a chunk did not finish in time and will be repeated",
                    partition=self.partition,
                    grace=round(grace, 1),
                )
                await ended(self._runner)
        try:
            await self._committer.close(max(_PRODUCER_STOPS / 2, deadline.left()))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it is no longer ours to use
            log.warning("a producer did not stop cleanly", partition=self.partition, error=str(error))
        try:
            async with turn():
                self.store.close()
        finally:
            self.store.close()  # also where the wait for the turn was cancelled

    async def _run(self) -> None:
        try:
            while not self.queue.closed.is_set():
                if self.queue.records:
                    await self._pace.turn(self.queue)
                chunk = self.queue.take()
                if chunk:
                    await self._chunk(chunk)
                else:
                    await self.queue.wait(self.settings.tick_seconds)
                if not self.queue.closed.is_set():
                    await self._ticker.tick_if_due(self.processor, self.acknowledged)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - the worker is stopped with whatever it is
            retried = self.producer is not None and isinstance(error, KafkaError | PublishError)
            # What is too large once is too large again: no other owner could help.
            if not retried or isinstance(error, TooLargeError) or final(self.settings, error):
                self._on_failure(error)
            elif not await self._revoked(error):
                self._on_fenced(error)

    async def _work_beside(self) -> None:
        """Do the processor's background work, in steps that keep nothing waiting."""
        try:
            for _ in self.processor.background():
                await asyncio.sleep(_BACKGROUND_PAUSE)
                if not self.serving:
                    return
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - as for a chunk: the worker is stopped with whatever it is
            self._on_failure(error)

    async def _revoked(self, error: BaseException) -> bool:
        """Whether the group takes the partition away in time, now that a transaction failed.

        Most likely another worker has it by now: this one was paused, or cut off.
        """
        self._topology.observer.transaction_aborted()
        if isinstance(error, ForgottenError) or isinstance(error.__cause__, ForgottenError):
            return self.queue.closed.is_set()  # nobody has taken it
        log.warning(
            "a transaction failed; waiting for the group to take the partition away",
            partition=self.partition,
            error=broker_errors.told(error),
        )
        try:
            await asyncio.wait_for(self.queue.closed.wait(), self.settings.session_timeout_seconds + _REVOKE_PATIENCE)
        except TimeoutError:
            return False
        return True

    async def _chunk(self, chunk: Sequence[Any]) -> None:
        processor, bulk = self.processor, self._topology.bulk
        if bulk is not None:
            await beside(len(chunk), bulk.read_ahead, chunk)
        started = time.perf_counter()
        self.clock.read(chunk[-1].timestamp)
        # Mostly one set of changes. Between two the partition may be let go: the next owner goes on from there.
        for changes in processor.process(chunk):
            if changes is None:
                await asyncio.sleep(0)
                continue
            folded = time.perf_counter()
            try:
                await self._committer.commit(changes)
            except TooLargeError as error:
                record = changes.largest(error.topic, f"{self.log.topic} partition {self.partition}", chunk[0].offset)
                raise TooLargeError(error.topic, error.partition, record) from error
            processor.written(changes, self._committer.stands_at)
            self.store.is_current()
            self.acknowledged = changes.end
            self._topology.observer.processed(changes.records, folded - started, time.perf_counter() - folded)
            if self.queue.closed.is_set():
                return
            started = time.perf_counter()
