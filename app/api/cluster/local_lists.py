"""Lists of batches of this worker's partitions: in the order of waiting, or of ids, a page at a time."""

import heapq
import time
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from agents.processor import JoinProcessor
from app.api.cluster.peer_models import LocalPage, Ranked
from app.api.cluster.reading import Batches, handed_on
from app.api.offload import Pace, Turns
from app.api.present import views
from app.core.batch_state import State
from app.engine.task import Task
from app.engine.task_manager import TaskManager
from app.history.times import iso
from app.policy import policy_of
from tables import keys
from tables.glances import Glance
from tables.index import ids_after

#: Where a batch stands in a list: since when it waits (ms) and its id, or the length of its id and the id.
Place = tuple[int, str]

#: Seconds after which a list is answered as far as it was found.
_SEARCH_SECONDS = 1.0


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


def cut(found: list[Ranked], reached: Place | None, limit: int) -> tuple[list[Ranked], Place | None]:
    """The first ``limit`` of what several parts have found, in order, and how far the list is known; None: to its end.

    Of a part that was not looked at to its end, nothing behind where that was (``reached``) is known.
    """
    ranked = sorted(found, key=lambda entry: entry.place)
    if reached is not None:
        ranked = [entry for entry in ranked if entry.place <= reached]
    if len(ranked) > limit:
        ranked = ranked[:limit]
        reached = ranked[-1].place
    return ranked, reached


class LocalLists:
    """The lists of this worker's batches."""

    def __init__(self, engine: TaskManager[JoinProcessor], turns: Turns, batches: Batches) -> None:
        self._engine = engine
        self._turns = turns
        self._batches = batches
        self._stuck_after = round(engine.settings.stuck_after_seconds * 1000)

    async def page(self, partitions: list[int], wanted: Wanted, after: Place | None, limit: int) -> LocalPage:
        """The first ``limit`` batches of a list behind ``after``, of these partitions, as far as a second takes it.

        Raises ApiError 503 where a partition is handed on meanwhile.
        """
        partitions = sorted(partitions)
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
        items, known_to = cut(found, min(reached, default=None), limit)
        return LocalPage(partitions=partitions, items=items, reached=known_to)

    async def _of_partition(
        self, task: Task[JoinProcessor], wanted: Wanted, after: Place | None, limit: int, pace: Pace, deadline: float
    ) -> tuple[list[Ranked], Place | None]:
        """The first of a partition, and up to where it was looked at; None: to its end."""
        found: list[Ranked] = []
        now = self._engine.clock.now()
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
                    entry = views.summary(glance, task.partition, now, self._stuck_after)
                    if entry.stuck or not wanted.stuck:
                        found.append(Ranked(place=place, batch=entry, expires_at=self._expiry(glance)))
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
        latest = self._engine.clock.now() - self._stuck_after if wanted.stuck else None
        for place in heapq.merge(*lines):
            if latest is not None and place[0] > latest:
                return
            yield place

    def _by_id(self, task: Task[JoinProcessor], wanted: Wanted, after: Place | None) -> Iterator[Place]:
        """The places of all that there are, whose ids begin with what is searched: in order of length and id."""
        behind = None if after is None else after[1]
        tables = [keys.BATCHES] if wanted.state is not State.RETIRED else []
        tables += [keys.RECEIPTS] if wanted.state in {None, State.RETIRED} else []
        found = (map(_place, ids_after(task.store, wanted.search, behind, table)) for table in tables)
        yield from (place for place, _ in groupby(heapq.merge(*found)))

    def _expiry(self, glance: Glance) -> str | None:
        ttl = policy_of(self._engine.settings).pending_ttl
        if glance.state is not State.UNREGISTERED or glance.waits_since is None or not ttl:
            return None
        return iso(glance.waits_since + ttl)


def _place(batch_id: str) -> Place:
    return len(batch_id.encode()), batch_id
