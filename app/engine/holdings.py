"""What a worker holds: the partitions that are its own, the records that come for them, the offsets that follow."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic

from aiokafka import TopicPartition

from app.engine.pace import ChunkPace, PollPace
from app.engine.ports import P, Topology
from app.engine.record_queue import RecordQueue
from app.engine.state.standby import Standbys
from app.engine.state.store import Store
from app.engine.task import Task, store_path
from app.engine.topics.ensure import log_topic
from app.settings import Settings

if TYPE_CHECKING:
    from app.engine.repartition import Repartitioner


class Holdings(Generic[P]):
    """The tasks and the input partitions of one worker, and the standby copies beside them.

    A partition is held from the moment at which it was taken over until it is let go; each time it has another queue.
    """

    def __init__(self, settings: Settings, topology: Topology[P]) -> None:
        self.settings = settings
        self.topology = topology
        self.observer = topology.observer
        self.tasks: dict[int, Task[P]] = {}
        self.standbys = Standbys(settings, topology.topics, lambda number: Store(store_path(settings, number)))
        #: Records that each assigned partition has left to work off; the application sets it (:mod:`app.engine.lag`).
        self.lags: Callable[[], Mapping[TopicPartition, int]] = dict
        self._log_topic = log_topic(settings)
        self._repartitioner: Repartitioner | None = None
        self._queues: dict[TopicPartition, RecordQueue] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._delivered: dict[TopicPartition, tuple[int, int]] = {}
        self._chunk_pace = ChunkPace(settings.chunks_per_second, self.observer.chunk_begun)
        #: How soon the consumer asks for more.
        self.poll_pace = PollPace(settings.chunks_per_second)

    def near(self) -> dict[int, int]:
        """The partitions of the log that this worker has state of on its disk, with how far the standby copies are.

        May be asked in any thread.
        """
        on_disk = (number for number in range(self.settings.partitions) if store_path(self.settings, number).is_dir())
        return {**dict.fromkeys(on_disk, 0), **self.standbys.offsets}

    def runs(self) -> list[int]:
        """The partitions of the log that this worker has taken over. May be asked in any thread."""
        return [place.partition for place in self.held() if place.topic == self._log_topic]

    def held(self) -> dict[TopicPartition, RecordQueue]:
        """The partitions that this worker holds, each with the queue that stands for this time of holding it."""
        return dict(self._queues)

    def next_offset(self, partition: TopicPartition) -> int | None:
        """From where a partition that is held must be fetched on; None where nothing of it has come yet."""
        queue = self._queues.get(partition)
        return None if queue is None else queue.position

    def folded(self) -> dict[TopicPartition, int]:
        """For each partition of the log, the offset from which it goes on (exactly once), or may go on at the most: its
        state has all before.
        """
        return {task.log: task.folded for task in self.tasks.values()}

    def deliver(
        self,
        fetched: Mapping[TopicPartition, Sequence[Any]],
        held: Mapping[TopicPartition, RecordQueue] | None = None,
    ) -> set[TopicPartition]:
        """Hand fetched records to where they belong; the partitions whose records were dropped.

        ``held`` is what :meth:`held` said when the fetch began. A partition that was let go since, even one that came
        back, has another position by now: records of before would tear a hole, or come twice.
        """
        dropped = set()
        for partition, records in fetched.items():
            if not records:
                continue
            queue = self._queues.get(partition)
            if queue is None or (held is not None and held.get(partition) is not queue):
                dropped.add(partition)
                continue
            first, last = self._delivered.get(partition, (records[0].offset, 0))
            self._delivered[partition] = first, max(last, records[-1].offset + 1)
            queue.offer(records)
        return dropped

    def in_hand(self, partition: TopicPartition) -> int:
        """How many offsets of a partition have been delivered and not yet acknowledged."""
        span = self._delivered.get(partition)
        if span is None:
            return 0
        acknowledged = self._acknowledged(partition)
        return max(0, span[1] - (span[0] if acknowledged is None else acknowledged))

    def committed_offsets(self) -> dict[TopicPartition, int]:
        """The next offset after what was committed since the partitions were taken over; those without are left out.

        Of the log with transactions: what they have committed.
        """
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
        """Offsets to commit through the group: of the inputs, and of the log. Only what is new.

        With transactions those of the log are for who looks on: a takeover believes the state. So they are also those
        that it began with, which a worker that was killed may not have come to commit.
        """
        offsets = {} if self._repartitioner is None else dict(self._repartitioner.acknowledged)
        for task in self.tasks.values():
            began_at = task.folded if self.settings.exactly_once and task.folded else None
            offset = began_at if task.acknowledged is None else task.acknowledged
            if offset is not None:
                offsets[task.log] = offset
        return {partition: offset for partition, offset in offsets.items() if self._committed.get(partition) != offset}

    def committed(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Note what the group took."""
        self._committed.update(offsets)
        self.observer.committed(len(offsets))

    def forget(self, partitions: Collection[TopicPartition] | None = None) -> None:
        """Drop what was released, once its offsets have been committed."""
        if partitions is None:
            self._repartitioner = None
            partitions = [*self._committed, *self._delivered, *(task.log for task in self.tasks.values())]
        for partition in partitions:
            self._committed.pop(partition, None)
            self._delivered.pop(partition, None)
            if partition.topic == self._log_topic:
                self.tasks.pop(partition.partition, None)
            elif self._repartitioner is not None:
                self._repartitioner.acknowledged.pop(partition, None)
        self._share_out()

    @property
    def _share(self) -> int:
        """What each task may have of the cache."""
        return max(1, self.settings.cache_uploads // max(1, len(self.tasks)))

    def _share_out(self) -> None:
        for task in self.tasks.values():
            if task.serving:
                task.processor.resize(self._share)
