"""A real task on a real RocksDB and a producer of memory, whose acknowledgements come when the test says so."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal, get_args

import pytest

from app.core.names import INPUTS
from app.engine import commit
from app.engine.deadline import Deadline
from app.engine.task import Task
from app.engine.topics.ensure import changelog_topic, log_topic, plans
from app.settings import Settings
from app.topology import TOPICS, topology
from app.wire.record import SOURCE_HEADER, source_header
from tests.engine.fakes import Fetched, Producer
from tests.engine.harness import flat
from tests.support.events import Message
from tests.support.patience import PATIENCE

Guarantee = Literal["at_least_once", "exactly_once"]
GUARANTEES: tuple[Guarantee, ...] = get_args(Guarantee)


def of_log(settings: Settings, sent: Sequence[Message], start: int = 0) -> list[Fetched]:
    """Inputs as the repartitioner puts them into partition 0 of the log."""
    return [
        Fetched(
            log_topic(settings),
            0,
            offset,
            1_700_000_000_000 + offset,
            record.key,
            record.value,
            ((SOURCE_HEADER, source_header(INPUTS.index(record.topic), 0, offset)),),
        )
        for offset, record in enumerate(sent, start)
    ]


class Rig:
    """A started task on a producer of memory.

    `failures` is what it gave up with, `fenced` what it gave its partition up with.
    """

    def __init__(self, settings: Settings, producer: Producer) -> None:
        self.settings = settings
        self.producer = producer
        self.failures: list[BaseException] = []
        self.fenced: list[BaseException] = []
        self.task = Task(0, settings, topology(settings), producer, self.failures.append, self.fenced.append)
        self.changelog = changelog_topic(settings)

    def feed(self, notation: str, batch: str = "one", start: int = 0) -> list[Fetched]:
        """Hand inputs to the task as if they had been fetched."""
        records = of_log(self.settings, flat(notation, batch), start)
        self.task.queue.offer(records)
        return records

    async def until(self, true: Callable[[], Any]) -> None:
        """Wait until something is true."""
        async with asyncio.timeout(PATIENCE):
            while not true():  # noqa: ASYNC110 - what is waited for announces nothing
                await asyncio.sleep(0.01)

    @property
    def untouched(self) -> bool:
        """Whether nothing was offered for commit and nothing is in the local database."""
        return self.task.acknowledged is None and self.task.store.offset == 0 and not list(self.task.store.scan(b"b"))

    @property
    def sent(self) -> set[str]:
        """The topics that something was sent to."""
        return {topic for topic, _ in self.producer.batches}


@asynccontextmanager
async def started(monkeypatch: pytest.MonkeyPatch, task: Task[Any], producer: Producer) -> AsyncIterator[None]:
    """Let a task run on a producer of memory; it is closed at the end."""

    async def known(*_: object) -> dict[str, int]:
        return dict.fromkeys(plans(task.settings, TOPICS), 1)

    monkeypatch.setattr(commit, "leaders_known", known)
    monkeypatch.setattr(commit, "new_producer", lambda *_: producer)
    task.store.open()
    try:
        await task.fence()
        task.start(1000)
        yield
    finally:
        await task.close(Deadline(0.1))


@asynccontextmanager
async def running(
    monkeypatch: pytest.MonkeyPatch, home: Path, guarantee: Guarantee, skip: str = "", **producer: Any
) -> AsyncIterator[Rig]:
    """A task that runs."""
    settings = Settings(
        datadir=home, processing_guarantee=guarantee, partitions=1, skip_poison=skip, session_timeout_seconds=1
    )
    rig = Rig(settings, Producer(**producer))
    async with started(monkeypatch, rig.task, rig.producer):
        yield rig
