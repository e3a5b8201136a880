"""Answers about the partitions of this worker, from the counts and the local databases: what is committed, no more."""

from typing import TYPE_CHECKING

from aiokafka import TopicPartition

from agents.processor import JoinProcessor
from app.api.cluster.local_lists import LocalLists, Place, Wanted
from app.api.cluster.peer_models import LocalChanges, LocalOverview, LocalPage, LocalStanding
from app.api.cluster.reading import Batches, Rows
from app.api.errors import refuse, unavailable
from app.api.offload import Turns
from app.api.present import views
from app.api.present.models import Counts, InputInfo, PartitionInfo
from app.core.batch_state import State
from app.core.names import INPUTS
from app.engine.kafka.partitioner import partition_for
from app.engine.task import Task
from app.engine.task_manager import TaskManager
from app.engine.topics.ensure import log_topic
from app.history.times import iso
from app.standing import standings

if TYPE_CHECKING:
    from app.api.present.batch_models import BatchSummary

#: The most changed batches in one answer.
_MOST_CHANGED = 100


class LocalState:
    """The partitions of this worker."""

    def __init__(self, engine: TaskManager[JoinProcessor]) -> None:
        self._engine = engine
        self._turns = Turns()
        self._batches = Batches(self._turns)
        self._lists = LocalLists(engine, self._turns, self._batches)
        self._settings = engine.settings
        self._stuck_after = round(engine.settings.stuck_after_seconds * 1000)
        self._log = log_topic(engine.settings)

    @property
    def url(self) -> str:
        """How this worker is reached."""
        return self._settings.canonical_url

    def serves(self, partition: int) -> bool:
        """Whether this worker owns a partition and has restored it."""
        task = self._engine.tasks.get(partition)
        return task is not None and task.serving

    async def rows(self, batch_id: str) -> Rows:
        """The rows of a batch; none where nothing of it has been read.

        Raises ApiError 503 where its partition isn't this worker's, or is being restored.
        """
        task = self._task(partition_of(batch_id, self._settings.partitions))
        async with self._turns.pace() as pace:
            return await self._batches.rows(task, batch_id, pace)

    def overview(self) -> LocalOverview:
        """The part of the overview that is this worker's."""
        lags, begins = self._engine.lags(), self._engine.progress.log_begins
        return LocalOverview(
            ready=self._engine.ready,
            partitions=[
                PartitionInfo(
                    partition=partition,
                    owner=self.url,
                    ready=self.serves(partition),
                    lag=lags.get(TopicPartition(self._log, partition)),
                    begins_at=None if (begin := begins.get(partition)) is None else begin.offset,
                    begins_time=None if begin is None or begin.time is None else iso(begin.time),
                )
                for partition in sorted(self._engine.tasks)
            ],
            inputs=[
                InputInfo(topic=source.topic, partition=source.partition, lag=lag)
                for source, lag in sorted(lags.items())
                if source.topic in INPUTS
            ],
            standings=[
                LocalStanding(
                    partition=partition,
                    counts=Counts(**{name: getattr(standing, name) for name in Counts.model_fields}),
                    retired=standing.retired,
                    pending_uploads=standing.pending_uploads,
                    oldest_pending=standing.oldest_pending,
                    stuck=standing.stuck,
                    oldest_closed=self._oldest_closed(partition),
                )
                for partition, standing in sorted(standings(self._engine).items())
            ],
            standbys=self._engine.standbys.partitions,
            restore_left=max(0, self._engine.progress.total - self._engine.progress.done),
        )

    def _oldest_closed(self, partition: int) -> int | None:
        task = self._engine.tasks.get(partition)
        return None if task is None else task.processor.oldest_resting

    async def page(self, wanted: Wanted, after: Place | None, limit: int) -> LocalPage:
        """The first ``limit`` batches of a list behind ``after``, of this worker's partitions.

        Raises ApiError 503 where a partition is handed on meanwhile.
        """
        return await self._lists.page(
            [number for number in self._engine.tasks if self._listed(number)], wanted, after, limit
        )

    async def changes(self, cursor: str | None) -> LocalChanges:
        """The batches that changed since a former answer."""
        since = _cursor(cursor)
        changed: list[BatchSummary] = []
        removed: list[str] = []
        more = False
        numbers = {}
        async with self._turns.pace() as pace:
            now = self.now()
            for partition, task in list(self._engine.tasks.items()):
                if not self._listed(partition):
                    continue
                found = task.processor.counts.changes(
                    since.get(partition), max(1, _MOST_CHANGED // len(self._engine.tasks))
                )
                numbers[partition] = found.cursor
                more = more or found.more
                for batch_id in found.ids:
                    if not task.serving:
                        break
                    glance = await self._batches.glance(task, batch_id, pace)
                    if glance.state is State.RETIRED or (glance.state is State.UNREGISTERED and not glance.pending):
                        removed.append(batch_id)
                    else:
                        changed.append(views.summary(glance, partition, now, self._stuck_after))
                    await pace.step()
        return LocalChanges(
            cursor=".".join(f"{partition}-{number}" for partition, number in sorted(numbers.items())),
            changed=changed,
            removed=removed,
            more=more,
        )

    def _listed(self, partition: int) -> bool:
        task = self._engine.tasks.get(partition)
        return task is not None and task.serving and task.processor.counts.listed

    def _task(self, partition: int) -> Task[JoinProcessor]:
        task = self._engine.tasks.get(partition)
        if task is None:
            raise unavailable([partition], "its owner is another worker")
        if not task.serving:
            raise unavailable([partition], f"its owner, {self.url}, is restoring it; ask again in a moment")
        return task

    def now(self) -> int:
        """The time by the broker's clock (ms), which all that waits is measured by."""
        return self._engine.clock.now()


def partition_of(batch_id: str, partitions: int) -> int:
    """The partition of the log that a batch's records are in. Raises ApiError 400 where the id is no text."""
    try:
        return partition_for(batch_id.encode(), partitions)
    except UnicodeEncodeError:
        refuse("the batch id is not UTF-8")


def _cursor(text: str | None) -> dict[int, int]:
    try:
        return {
            int(partition): int(at)
            for partition, _, at in (part.partition("-") for part in (text or "").split(".") if part)
        }
    except ValueError:
        refuse("`cursor` is not one of a former answer")
