"""The repartitioner: the stateless stage between the inputs and the log.

One for a worker, over all input partitions that it owns.

At least once, whatever the guarantee: it sends in order and without gaps and acknowledges an input when the log has
it, so all that a crash can do is to make it send again what the log already has, which the log's reader skips
(:mod:`tables.input_watermarks`). It therefore needs no transaction.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition

from app.engine.clock import BrokerClock
from app.engine.deadline import Deadline
from app.engine.ending import ended
from app.engine.kafka.clients import leaders_known
from app.engine.ports import Record, Topology
from app.engine.publish import Publisher, TooLargeError
from app.engine.record_queue import FULL_BYTES, RecordQueue
from app.engine.topics.ensure import log_topic
from app.lazy_log import Logger
from app.settings import Settings

log = Logger(__name__)


class Repartitioner:
    """Re-keys what is offered to it.

    ``acknowledged`` says, by input partition, the next offset that may be committed.
    """

    def __init__(
        self,
        settings: Settings,
        topology: Topology[Any],
        shared: AIOKafkaProducer,
        on_failure: Callable[[BaseException], None],
        clock: BrokerClock | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock or BrokerClock()
        self.acknowledged: dict[TopicPartition, int] = {}
        self._shared = shared
        self._on_failure = on_failure
        self._log = log_topic(settings)
        self._topology = topology
        self._publisher: Publisher | None = None
        self._arrived = asyncio.Event()
        self._at_rest = asyncio.Event()
        self._at_rest.set()
        self._queues: dict[TopicPartition, RecordQueue] = {}
        self._closing = False
        self._runner: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to re-key."""
        counts = await leaders_known(self._shared, [self._log])
        self._publisher = Publisher(self._shared, counts, self._topology.bulk)
        self._publisher.on_appended = self.clock.acknowledged
        self._runner = asyncio.create_task(self._run(), name="repartitioner")

    def take(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, RecordQueue]:
        """Begin with these input partitions: the queue that the records of each are to be offered to, in order."""
        queues = {partition: RecordQueue(self.settings.max_poll_records, self._arrived) for partition in partitions}
        self._queues |= queues
        return queues

    def offer(self, partition: TopicPartition, records: Sequence[Record]) -> None:
        """Offer records of an input partition to its queue; with the first ones it is begun, if it was not yet."""
        queue = self._queues.get(partition) or self.take([partition])[partition]
        queue.offer(records)

    async def let_go(self, partitions: Collection[TopicPartition], deadline: Deadline) -> None:
        """Stop with these input partitions: what waits is dropped, what is under way may finish until the deadline.

        What finishes later is not acknowledged: the next owner repeats it. Never raises.
        """
        for partition in partitions:
            queue = self._queues.get(partition)
            if queue is not None:
                queue.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline.left()):
                await self._at_rest.wait()
        for partition in partitions:
            self._queues.pop(partition, None)

    @property
    def full(self) -> bool:
        """Whether nothing more should be fetched for now, of all input partitions together."""
        queues = self._queues.values()
        return (
            sum(queue.records for queue in queues) >= 2 * self.settings.max_poll_records
            or sum(queue.bytes for queue in queues) > FULL_BYTES
        )

    async def close(self, deadline: Deadline) -> None:
        """Stop: what waits is dropped, what is under way may finish until the deadline. Never raises."""
        self._closing = True
        for queue in self._queues.values():
            queue.close()
        self._arrived.set()
        if self._runner is not None:
            grace = deadline.left()
            done, _ = await asyncio.wait({self._runner}, timeout=grace)
            if not done:
                log.warning("the hop did not finish in time and will repeat itself", grace=round(grace, 1))
                await ended(self._runner)

    async def _run(self) -> None:
        try:
            while not self._closing:
                if not await self._pass_on():
                    self._arrived.clear()
                    await self._arrived.wait()
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - the worker is stopped with whatever it is
            self._on_failure(error)

    async def _pass_on(self) -> int:
        """Re-key what is there, up to a chunk, and wait until the log has it; how many records that were."""
        publisher = self._publisher
        if publisher is None:
            message = "the repartitioner was not started"
            raise RuntimeError(message)
        passed: dict[TopicPartition, tuple[RecordQueue, int]] = {}
        taken: list[tuple[TopicPartition, Sequence[Any]]] = []
        count = 0
        for partition, queue in list(self._queues.items()):
            records = queue.take(self.settings.max_poll_records - count)
            if not records:
                continue
            passed[partition] = queue, records[-1].offset + 1
            taken.append((partition, records))
            count += len(records)
            # Next time it is the others' turn.
            self._queues[partition] = self._queues.pop(partition)
        if taken:
            self._at_rest.clear()
            try:
                for partition, records in taken:
                    await publisher.routed(self._log, partition, records, self._topology.router)
                await publisher.flush()
            except TooLargeError as error:
                raise _too_large(error, taken) from error
            finally:
                self._at_rest.set()
            for partition, (queue, end) in passed.items():
                if self._queues.get(partition) is queue:  # else it was let go meanwhile, and may even be back
                    self.acknowledged[partition] = end
            self._topology.observer.rekeyed(count)
        return count


def _too_large(error: TooLargeError, taken: Sequence[tuple[TopicPartition, Sequence[Any]]]) -> TooLargeError:
    """The error with the place of the largest record."""
    sizes = [
        (len(record.value or b"") + len(record.key or b""), *partition, record.offset)
        for partition, records in taken
        for record in records
    ]
    size, topic, partition, offset = max(sizes)
    place = f"{topic} partition {partition} offset {offset}"
    return TooLargeError(error.topic, error.partition, f"a record of {size} bytes, made from {place},")
