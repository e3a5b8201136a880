"""What a worker holds while partitions come and go at the same time: no takeover falls into a release."""

import asyncio
from typing import Any, cast

import pytest
from aiokafka import TopicPartition

from app.engine import task_manager
from app.engine.task import Task
from app.engine.task_manager import TaskManager
from app.engine.topics.ensure import log_topic
from app.settings import Settings
from app.topology import topology

SETTINGS = Settings(_env_file=None)  # type: ignore[call-arg]
A, B = (TopicPartition(log_topic(SETTINGS), number) for number in (0, 1))


class Engine:
    """An engine whose takeovers and ends take as long as the test wants; ``open`` are the tasks with a database."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open: list[Task[Any]] = []
        self.most_open = 0
        self.takes = asyncio.Event()
        self.takes.set()
        self.ends = asyncio.Event()
        self.ends.set()
        monkeypatch.setattr(task_manager, "take_over", self._take_over)
        monkeypatch.setattr(Task, "start", lambda *_: None)
        monkeypatch.setattr(Task, "close", self._close())
        self.manager: TaskManager[Any] = TaskManager(SETTINGS, topology(SETTINGS), lambda _: None)
        self.manager._shared = cast("Any", object())

    async def _take_over(self, *arguments: Any) -> None:
        self.open += arguments[2].values()
        assert len({task.partition for task in self.open}) == len(self.open), "a database is opened twice"
        await self.takes.wait()

    def _close(self) -> Any:
        async def close(task: Task[Any], _: Any) -> None:
            await self.ends.wait()
            if task in self.open:
                self.open.remove(task)

        return close

    async def let_go(self, *partitions: TopicPartition) -> None:
        """As the consumer does: release, commit, forget."""
        with self.manager.letting_go():
            await self.manager.release(partitions=partitions or None)
            await asyncio.sleep(0)  # the commit
            self.manager.forget(partitions or None)


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_what_is_held_is_not_taken_over_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        engine = Engine(monkeypatch)
        assert await engine.manager.acquire([A]) == frozenset({A})
        first = engine.manager.tasks[0]
        assert await engine.manager.acquire([A, B]) == frozenset({B})
        assert engine.manager.tasks[0] is first
        assert set(engine.manager.held()) == {A, B}

    asyncio.run(play())


def test_all_partitions_of_a_worker_share_one_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        engine = Engine(monkeypatch)
        paces: list[object] = []
        monkeypatch.setattr(Task, "start", lambda _task, _share, pace: paces.append(pace))
        await engine.manager.acquire([A])
        await engine.manager.acquire([A, B])
        assert len(paces) == 2
        assert len(set(map(id, paces))) == 1

    asyncio.run(play())


@pytest.mark.parametrize("partitions", [(), (A,)], ids=["all", "one"])
def test_nothing_is_taken_over_until_what_was_let_go_is_forgotten(
    partitions: tuple[TopicPartition, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would be forgotten too, with its database open, and the next takeover would find that in use."""

    async def play() -> None:
        engine = Engine(monkeypatch)
        await engine.manager.acquire([A])
        engine.ends.clear()
        going = asyncio.create_task(engine.let_go(*partitions))
        await turns()
        coming = asyncio.create_task(engine.manager.acquire([A, B]))
        await turns()
        engine.ends.set()
        await going
        assert await coming is None, "to be asked for anew"
        assert not engine.open
        assert not engine.manager.held()
        assert await engine.manager.acquire([A, B]) == frozenset({A, B})
        assert engine.open == [engine.manager.tasks[0], engine.manager.tasks[1]]

    asyncio.run(play())


def test_a_takeover_is_broken_off_by_the_loss_of_one_of_its_partitions_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        engine = Engine(monkeypatch)
        await engine.manager.acquire([A])
        engine.takes.clear()
        coming = asyncio.create_task(engine.manager.acquire([A, B]))
        await turns()
        await engine.let_go(B)
        assert await coming is None
        assert engine.open == [engine.manager.tasks[0]]
        assert set(engine.manager.held()) == {A}

        coming = asyncio.create_task(engine.manager.acquire([A, B]))
        await turns()
        await engine.let_go(A)
        engine.takes.set()
        assert await coming == frozenset({B})
        assert set(engine.manager.held()) == {B}

    asyncio.run(play())


def test_what_is_taken_over_while_something_else_is_let_go_is_begun_when_that_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else it would be held and never be fetched: the worker is ready, and the partition stands still."""

    async def play() -> None:
        engine = Engine(monkeypatch)
        await engine.manager.acquire([A])
        engine.takes.clear()
        coming = asyncio.create_task(engine.manager.acquire([A, B]))
        await turns()
        engine.ends.clear()
        going = asyncio.create_task(engine.let_go(A))
        await turns()
        engine.takes.set()
        assert await coming is None
        engine.ends.set()
        await going
        assert set(engine.manager.held()) == {B}
        assert await engine.manager.acquire([B]) == frozenset({B})
        assert await engine.manager.acquire([B]) == frozenset()

    asyncio.run(play())


def test_records_that_were_fetched_before_a_partition_was_let_go_and_came_back_are_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def play() -> None:
        engine = Engine(monkeypatch)
        await engine.manager.acquire([A])
        held = engine.manager.held()
        await engine.let_go(A)
        await engine.manager.acquire([A])
        record = cast("Any", type("Record", (), {"offset": 7, "value": b""})())
        assert engine.manager.deliver({A: [record]}, held) == {A}
        assert engine.manager.next_offset(A) is None
        assert engine.manager.deliver({A: [record]}, engine.manager.held()) == set()
        assert engine.manager.next_offset(A) == 8

    asyncio.run(play())
