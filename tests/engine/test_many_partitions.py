"""A worker with hundreds of partitions: what it does for each does not grow with their number."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from app.engine import takeover
from app.engine.deadline import Deadline
from app.engine.kafka.aiokafka_patches import metadata
from app.engine.kafka.clients import leaders_known, new_producer
from app.engine.state.restore import Progress
from app.engine.task import Task
from app.engine.turns import turn
from app.settings import Settings
from app.topology import topology
from tests.engine.fakes import Producer
from tests.support.patience import PATIENCE
from tests.support.stage import Stage

TASKS = 8
TOPICS = {"many-a": 6, "many-b": 6}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("many")) as made:
        made.io.create_topics(TOPICS)
        yield made


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Topics in each answer about metadata that any client was given."""
    seen: list[int] = []
    taken = metadata._taken

    def counted(client: Any, cluster: Any, answer: Any) -> bool:
        seen.append(len(answer.topics))
        return taken(client, cluster, answer)

    monkeypatch.setattr(metadata, "_taken", counted)
    return seen


@asynccontextmanager
async def producers(settings: Settings, prefix: str) -> AsyncIterator[tuple[AIOKafkaProducer, list[AIOKafkaProducer]]]:
    """The shared producer of a worker, and those of its tasks, started at once."""
    shared = new_producer(settings)
    await shared.start()
    own = [new_producer(settings, f"{prefix}-{number}", shared) for number in range(TASKS)]
    try:
        await leaders_known(shared, TOPICS)
        await asyncio.gather(*(producer.start() for producer in own))
        yield shared, own
    finally:
        await asyncio.gather(*(producer.stop() for producer in own))
        await shared.stop()


def run(stage: Stage, body: Callable[[Settings], Any]) -> None:
    stage.io.call(body(Settings(broker=stage.kafka.bootstrap)))


@pytest.mark.kafka
def test_the_metadata_is_asked_for_and_kept_once_however_many_tasks_have_a_producer(
    stage: Stage, answers: list[int]
) -> None:
    async def body(settings: Settings) -> None:
        async with producers(settings, "once"):
            pass  # on a new broker the coordinators are made now, and looked for again and again meanwhile
        answers.clear()
        async with producers(settings, "once") as (shared, own):
            first = len(answers)
            assert first <= 3, "the shared one asks as it starts, and no other"
            assert {id(producer.client.cluster) for producer in own} == {id(shared.client.cluster)}
            for number, producer in enumerate(own):
                async with producer.transaction():
                    for topic in TOPICS:
                        await producer.send_and_wait(topic, b"value", partition=number % 6)
            assert answers[first:] == []  # each knew the leaders
            await asyncio.gather(*(producer.client.force_metadata_update() for producer in own))
            assert len(answers) - first <= 2  # one for all, and one more for who came while it was under way

    run(stage, body)


@pytest.mark.kafka
def test_a_task_learns_through_the_shared_producer_of_a_topic_that_is_made_later(
    stage: Stage, answers: list[int]
) -> None:
    async def body(settings: Settings) -> None:
        async with producers(settings, "later") as (shared, own):
            await asyncio.to_thread(stage.io.create_topics, {"many-later": 1})
            async with own[0].transaction():
                await own[0].send_and_wait("many-later", b"value", partition=0)
            assert "many-later" in shared.client.cluster.topics()
            assert TOPICS.keys() <= shared.client.cluster.topics()
            async with own[1].transaction():
                await own[1].send_and_wait("many-later", b"value", partition=0)
            assert answers

    run(stage, body)


class Turns:
    """Counts the turns of the loop within its context, and at which of them something was done."""

    def __init__(self) -> None:
        self.first: dict[int, int] = {}
        self._count = 0

    async def __aenter__(self) -> Self:
        self._beating = asyncio.create_task(self._beat())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._beating.cancel()

    async def _beat(self) -> None:
        while True:
            self._count += 1
            await asyncio.sleep(0)

    def note(self, number: int) -> None:
        """Note the turn in which this task does something for the first time."""
        self.first.setdefault(number, self._count)

    @property
    def apart(self) -> bool:
        """Whether each task did it in a turn of its own."""
        return len(set(self.first.values())) == TASKS


async def nothing(*_: object) -> Any:
    """Stands for what a takeover does at the broker."""
    return SimpleNamespace(committed={})


async def test_the_loop_goes_on_while_a_takeover_opens_its_databases(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(takeover, "ask", nothing)
    monkeypatch.setattr(takeover, "restore", nothing)
    settings = Settings(datadir=tmp_path)
    async with Turns() as turns:
        tasks: dict[int, Any] = {
            number: SimpleNamespace(
                log=TopicPartition("log", number),
                store=SimpleNamespace(open=partial(turns.note, number), get=lambda _: None),
                fence=nothing,
                settle=nothing,
                folded=0,
            )
            for number in range(TASKS)
        }
        await takeover.take_over(settings, topology(settings), tasks, Progress())
        assert turns.apart, turns.first


async def test_the_loop_goes_on_while_a_release_closes_its_databases(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = Settings(datadir=tmp_path)
    async with Turns() as turns:
        tasks = [Task(number, settings, topology(settings), Producer(), lambda _error: None) for number in range(TASKS)]
        for task in tasks:
            monkeypatch.setattr(task.store, "close", partial(turns.note, task.partition))
        await asyncio.gather(*(task.close(Deadline(PATIENCE)) for task in tasks))
        assert turns.apart, turns.first


async def test_a_database_is_closed_though_the_wait_for_its_turn_is_cancelled(tmp_path: Path) -> None:
    settings = Settings(datadir=tmp_path)
    task = Task(0, settings, topology(settings), Producer(), lambda _error: None)
    task.store.open()
    async with turn():
        closing = asyncio.create_task(task.close(Deadline(PATIENCE)))
        await asyncio.sleep(0.01)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
    with pytest.raises(RuntimeError, match="is not open"):
        task.store.get(b"key")
