"""A task: one partition of the log with its store and its processor.

It takes what has been fetched, up to a limit (a trickle makes small chunks, load makes large ones), folds it,
publishes, writes, and acknowledges, in the order that :mod:`app.engine` lays down. One chunk is under way at a time;
the tasks of a worker overlap each other.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic

import structlog
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from app.engine.clock import BrokerClock
from app.engine.deadline import Deadline
from app.engine.kafka import broker_errors
from app.engine.kafka.aiokafka_patches.forgotten import ForgottenError
from app.engine.kafka.client_errors import final
from app.engine.kafka.clients import leaders_known, new_producer, start_patiently, stop_producer
from app.engine.ports import Changes, P, Topology
from app.engine.publish import Publisher, PublishError, TooLargeError, append_time
from app.engine.record_queue import RecordQueue
from app.engine.state import origin
from app.engine.state.provenance import Provenance, check_origin
from app.engine.state.store import Store
from app.engine.topics.ensure import changelog_topic, log_topic, plans
from app.settings import Settings

log = structlog.get_logger(__name__)

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
    :meth:`close`. ``acknowledged`` is the next offset of the log that may be committed (at least once), or was
    (exactly once).
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
        #: How far the group had folded the log when this worker was about to restore the partition.
        self.folded = 0
        self.clock = clock or BrokerClock()
        self._shared = shared
        self._topology = topology
        self._on_failure = on_failure
        self._on_fenced = on_fenced or on_failure
        self._changelog = changelog_topic(settings)
        self._producer: AIOKafkaProducer | None = None
        self._publisher: Publisher | None = None
        self._processor: P | None = None
        self._stands_at = 0
        self._runner: asyncio.Task[None] | None = None
        self._background: asyncio.Task[None] | None = None
        self._next_tick = 0.0
        self._ticked = -1

    async def fence(self) -> None:
        """Make this worker the partition's only writer, as far as the guarantee has it.

        With transactions the epoch of the partition's transactional id rises: the former owner can no longer write,
        commit or send, and what it had open is aborted. Everything that is read of the partition's state is read
        after this.
        """
        if self.settings.exactly_once:
            self._producer = new_producer(self.settings, f"{self.settings.app_id}-{self.partition}")
            await start_patiently(self.settings, self._producer)
        producer = self._producer or self._shared
        counts = await leaders_known(producer, plans(self.settings, self._topology.topics))
        self._publisher = Publisher(producer, counts, self._topology.bulk, transactional=self._producer is not None)

    async def settle(self, provenance: Provenance) -> None:
        """Hold the restored state against the log that is there. State that does not say whose it is says so from here.

        Raises ProvenanceError where the two do not belong together. Nothing has been folded then.
        """
        missing = check_origin(self.settings, self.partition, self.store, provenance)
        publisher = self._publisher
        if missing is None or publisher is None:
            return
        rows = {origin.KEY: origin.value(missing)}
        if self._producer is not None:
            await self._producer.begin_transaction()
        publisher.timestamp = self.clock.now() if self.clock.known else 0
        publisher.add(self._changelog, self.partition, *next(iter(rows.items())))
        ends = await publisher.flush()
        if self._producer is not None:
            await self._producer.commit_transaction()
        self._stands_at = self.store.offset
        self._advance(ends[self._changelog, self.partition], len(rows))
        self.store.write(rows, self._stands_at)

    def start(self, capacity: int) -> None:
        """Begin to fold; the store is restored. ``capacity`` is the task's share of the cache."""
        self._stands_at = self.store.offset
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
        return self._producer

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
            grace = deadline.left(0.0 if self._producer is None else _PRODUCER_STOPS)
            done, _ = await asyncio.wait({self._runner}, timeout=grace)
            if not done:
                log.warning(
                    "a chunk did not finish in time and will be repeated",
                    partition=self.partition,
                    grace=round(grace, 1),
                )
                self._runner.cancel()
                await asyncio.wait({self._runner})
        if self._producer is not None:
            try:
                await stop_producer(self._producer, max(_PRODUCER_STOPS / 2, deadline.left()))
            except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it is no longer ours to use
                log.warning("a producer did not stop cleanly", partition=self.partition, error=str(error))
            self._producer = None
        self.store.close()

    async def _run(self) -> None:
        try:
            while not self.queue.closed.is_set():
                chunk = self.queue.take()
                if chunk:
                    await self._chunk(chunk)
                else:
                    await self.queue.wait(self.settings.tick_seconds)
                await self._tick_if_due()
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - the worker is stopped with whatever it is
            retried = self._producer is not None and isinstance(error, KafkaError | PublishError)
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
        processor, publisher = self.processor, self._publisher
        if publisher is None:
            message = f"task {self.partition} was not fenced"
            raise RuntimeError(message)
        started = time.perf_counter()
        self.clock.read(chunk[-1].timestamp)
        # Mostly one set of changes. Between two the partition may be let go: the next owner goes on from there.
        for changes in processor.process(chunk):
            if changes is None:
                await asyncio.sleep(0)
                continue
            folded = time.perf_counter()
            publisher.timestamp = self.clock.now()
            try:
                if self._producer is not None:
                    changelog_end = await self._transact(self._producer, publisher, changes)
                else:
                    changelog_end = await self._publish(publisher, changes)
            except TooLargeError as error:
                record = changes.largest(error.topic, f"{self.log.topic} partition {self.partition}", chunk[0].offset)
                raise TooLargeError(error.topic, error.partition, record) from error
            self._advance(changelog_end, len(changes.rows))
            processor.written(changes, self._stands_at)
            self.acknowledged = changes.end
            self._topology.observer.processed(changes.records, folded - started, time.perf_counter() - folded)
            if self.queue.closed.is_set():
                return
            started = time.perf_counter()

    def _advance(self, changelog_end: int, rows: int) -> None:
        """Say how far of the changelog the local database is, once it has the ``rows`` that end at ``changelog_end``.

        At least once nobody is fenced: a worker that was paused appends behind what its successor wrote, and must not
        take that for its own. It stands further on only if its rows adjoin what it has; else it stays where it is and
        the next restore reads on from there. (So it does after a batch that was retried over a restart of the broker,
        which is acknowledged without its offset.)
        """
        if self._producer is not None:
            self._stands_at = max(self._stands_at, changelog_end)
        elif changelog_end == self._stands_at + rows:
            self._stands_at = changelog_end

    async def _publish(self, publisher: Publisher, changes: Changes) -> int:
        """At least once: all outputs acknowledged, then the changelog.

        State never says more than what was said aloud.
        """
        publisher.changes(changes, fallback=self.partition)
        await publisher.flush()
        self._add_rows(publisher, changes)
        ends = await publisher.flush()
        return ends.get((self._changelog, self.partition), 0)

    async def _transact(self, producer: AIOKafkaProducer, publisher: Publisher, changes: Changes) -> int:
        """Exactly once: outputs, changelog and the offset of the log, or none of them."""
        await producer.begin_transaction()
        publisher.changes(changes, fallback=self.partition)
        self._add_rows(publisher, changes)
        # Started first, so that its round trips and those of the records overlap.
        offsets = asyncio.ensure_future(
            producer.send_offsets_to_transaction({self.log: changes.end}, self.settings.app_id)
        )
        try:
            ends = await publisher.flush()
        except BaseException:
            offsets.cancel()
            raise
        await offsets
        await producer.commit_transaction()
        return ends.get((self._changelog, self.partition), 0)

    def _add_rows(self, publisher: Publisher, changes: Changes) -> None:
        publisher.rows(self._changelog, self.partition, changes.rows)

    async def _tick_if_due(self) -> None:
        """Write a tick into the partition when a deadline is due there by the broker's clock, as far as it is known.

        Late, repeated or stray ticks are harmless: what fires is decided by the append time that the broker gives the
        tick, when it is read back. So one is written too where nothing is known of that clock yet and something waits:
        its acknowledgement tells the time. While one is still to be read, there is no other.
        """
        now = time.monotonic()
        processor = self._processor
        if processor is None or self.queue.closed.is_set() or (now < self._next_tick and not processor.behind):
            return
        self._next_tick = now + self.settings.tick_seconds
        if self._ticked >= (self.acknowledged or 0):
            return
        deadline = processor.next_deadline()
        if self.clock.known:
            if deadline is None or deadline > self.clock.now():
                return
        elif deadline is None and not processor.waits:
            return
        says = [*self._topology.tick, *(processor.tick(self.clock.now()) if self.clock.known else [])]
        sent = await self._shared.send_and_wait(self.log.topic, b"", key=None, partition=self.partition, headers=says)
        self._ticked = sent.offset
        self.clock.acknowledged(append_time(sent))
