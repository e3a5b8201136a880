"""Answers about the partitions of this worker, from the counts and the local databases: what is committed, no more."""

import heapq
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from aiokafka import TopicPartition

from agents.processor import JoinProcessor
from app.api.cluster.peer_models import LocalChanges, LocalOverview, LocalPage, LocalStanding, Ranked
from app.api.cluster.reading import Batches, Rows, handed_on
from app.api.errors import refuse, unavailable
from app.api.offload import Pace, Turns
from app.api.present import views
from app.api.present.models import BatchSummary, Counts, InputInfo, PartitionInfo
from app.core.batch_state import State
from app.core.names import INPUTS
from app.engine.kafka.partitioner import partition_for
from app.engine.task import Task
from app.engine.task_manager import TaskManager
from app.engine.topics.ensure import log_topic
from app.history.times import iso
from app.policy import policy_of
from app.standing import standings
from tables.glances import Glance
from tables.index import ids_after

Place = tuple[int, str]

#: How long a list is looked for before what there is is answered, in seconds.
_SEARCH_SECONDS = 1.0

#: The most changed batches that are told at a time.
_MOST_CHANGED = 100


class Wanted(NamedTuple):
    """Which batches a list is to have. Without ``state`` and ``search`` those that wait, the longest wait first."""

    state: State | None = None
    search: str = ""
    stuck: bool = False

    @property
    def waiting(self) -> bool:
        """Whether the list is in the order of waiting; else it is in the order of ids."""
        return not self.search and self.state in {None, State.OPEN, State.UNREGISTERED}

    def params(self) -> dict[str, str]:
        """The same as parameters of a question."""
        given = {"state": self.state.value if self.state else "", "search": self.search}
        return {name: value for name, value in given.items() if value} | ({"stuck": "true"} if self.stuck else {})


class LocalState:
    """The partitions of this worker."""

    def __init__(self, engine: TaskManager[JoinProcessor]) -> None:
        self._engine = engine
        self._turns = Turns()
        self._batches = Batches(self._turns)
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
        """What this worker has to say of the overview."""
        lags: Mapping[TopicPartition, int] = self._engine.lags()
        return LocalOverview(
            ready=self._engine.ready,
            partitions=[
                PartitionInfo(
                    partition=partition,
                    owner=self.url,
                    ready=self.serves(partition),
                    lag=lags.get(TopicPartition(self._log, partition)),
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
                    pending_uploads=standing.pending_uploads,
                    oldest_pending=standing.oldest_pending,
                    stuck=standing.stuck,
                )
                for partition, standing in sorted(standings(self._engine).items())
            ],
        )

    async def page(self, wanted: Wanted, after: Place | None, limit: int) -> LocalPage:
        """The first ``limit`` batches of a list behind ``after``, of this worker's partitions."""
        partitions = sorted(partition for partition in self._engine.tasks if self._listed(partition))
        found: list[Ranked] = []
        reached: list[Place] = []
        async with self._turns.pace() as pace:
            deadline = time.monotonic() + _SEARCH_SECONDS
            for partition in partitions:
                task = self._engine.tasks.get(partition)
                if task is None or not task.serving:
                    raise handed_on(partition)
                ranked, stopped = await self._of_partition(task, wanted, after, limit, pace, deadline)
                found += ranked
                if stopped is not None:
                    reached.append(stopped)
        limit_reached = min(reached, default=None)
        found.sort(key=lambda entry: entry.place)
        if limit_reached is not None:
            found = [entry for entry in found if entry.place <= limit_reached]
        if len(found) > limit:
            found = found[:limit]
            limit_reached = found[-1].place
        return LocalPage(partitions=partitions, items=found, reached=limit_reached)

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
                    if glance.state is State.UNREGISTERED and not glance.pending:
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

    async def _of_partition(
        self, task: Task[JoinProcessor], wanted: Wanted, after: Place | None, limit: int, pace: Pace, deadline: float
    ) -> tuple[list[Ranked], Place | None]:
        """The first of a partition, and up to where it was looked at; None: to its end."""
        found: list[Ranked] = []
        now = self.now()
        while True:
            places = self._waiting(task, wanted, after) if wanted.waiting else self._by_id(task, wanted, after)
            for place in places:
                after = place
                # Small ones at once: what is iterated over must not change meanwhile.
                glance = self._batches.at_once(task, place[1])
                large = glance is None
                if glance is None:
                    glance = await self._batches.glance(task, place[1], pace)
                if (wanted.state is None or glance.state is wanted.state) and glance.last >= 0:
                    shown = views.summary(glance, task.partition, now, self._stuck_after)
                    if shown.stuck or not wanted.stuck:
                        found.append(Ranked(place=place, batch=shown, expires_at=self._expiry(glance)))
                if len(found) == limit or time.monotonic() > deadline:
                    return found, place
                if large or pace.due:
                    break
            else:
                return found, None

            await pace.step()
            if not task.serving:
                raise handed_on(task.partition)

    def _waiting(self, task: Task[JoinProcessor], wanted: Wanted, after: Place | None) -> Iterator[Place]:
        """The places of those that wait, behind ``after``; merged from both lines."""
        lines = []
        if wanted.state in {None, State.OPEN}:
            lines.append(task.processor.counts.open.after(after))
        if wanted.state in {None, State.UNREGISTERED}:
            lines.append(task.processor.counts.unregistered.after(after))
        latest = self.now() - self._stuck_after if wanted.stuck else None
        for place in heapq.merge(*lines):
            if latest is not None and place[0] > latest:
                return
            yield place

    def _by_id(self, task: Task[JoinProcessor], wanted: Wanted, after: Place | None) -> Iterator[Place]:
        """The places of all that there are, whose ids begin with what is searched: in order of length and id."""
        for batch_id in ids_after(task.store, wanted.search, None if after is None else after[1]):
            yield len(batch_id.encode()), batch_id

    def _expiry(self, glance: Glance) -> str | None:
        ttl = policy_of(self._settings).pending_ttl
        if glance.state is not State.UNREGISTERED or glance.waits_since is None or not ttl:
            return None
        return iso(glance.waits_since + ttl)

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
