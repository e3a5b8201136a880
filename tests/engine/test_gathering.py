"""A task that waits for its turn, on a producer of memory: what comes meanwhile is one chunk, and a stop is at once."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.engine import pace, record_queue
from app.engine.deadline import Deadline
from app.engine.faust.consumer import Consumer
from app.engine.pace import REST
from tests.engine.harness import flat
from tests.engine.rig import GUARANTEES, Guarantee, Rig, of_log, running
from tests.support.patience import PATIENCE

#: Nothing is begun for want of patience: only a turn, records or a stop end a wait here.
NEVER = PATIENCE


@asynccontextmanager
async def without_turns(monkeypatch: pytest.MonkeyPatch, home: Path, guarantee: Guarantee) -> AsyncIterator[Rig]:
    """A task whose worker has used its only turn in a long time."""
    monkeypatch.setenv("ROLLCALL_CHUNKS_PER_SECOND", "0.001")
    monkeypatch.setattr(pace, "LONGEST_WAIT", NEVER)
    async with running(monkeypatch, home, guarantee) as rig:
        rig.feed("R1 C0", "first")
        await rig.until(lambda: rig.task.acknowledged == 2)
        yield rig


@pytest.mark.parametrize("guarantee", GUARANTEES)
async def test_what_comes_while_a_task_waits_for_its_turn_is_one_chunk(
    guarantee: Guarantee, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with without_turns(monkeypatch, tmp_path, guarantee) as rig:
        commits = rig.producer.steps.count("commit")
        for number, batch in enumerate(("second", "third")):
            rig.feed("R1 C0", batch, start=2 + 2 * number)
            await asyncio.sleep(0.1)
        assert rig.task.acknowledged == 2
        (turn,) = rig.task._pace._waiting
        turn.set_result(None)
        await rig.until(lambda: rig.task.acknowledged == 6)
        assert rig.producer.steps.count("commit") - commits == (1 if guarantee == "exactly_once" else 0)


@pytest.mark.parametrize("guarantee", GUARANTEES)
async def test_a_task_that_waits_for_its_turn_is_closed_at_once_and_has_acknowledged_nothing_of_it(
    guarantee: Guarantee, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with without_turns(monkeypatch, tmp_path, guarantee) as rig:
        rig.feed("R1 C0", "second", start=2)
        await asyncio.sleep(0.1)
        begun = time.monotonic()
        await rig.task.close(Deadline(PATIENCE))
        assert time.monotonic() - begun < PATIENCE / 2
        assert rig.task.acknowledged == 2
        assert not rig.failures


async def test_a_task_begins_at_once_with_a_chunk_that_is_full(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with without_turns(monkeypatch, tmp_path, "exactly_once") as rig:
        monkeypatch.setattr(record_queue, "ENOUGH_RECORDS", 100)
        full = flat(" ".join(["R99", *(f"C{number}" for number in range(99))]), "second")
        rig.task.queue.offer(of_log(rig.settings, full, 2))
        await rig.until(lambda: rig.task.acknowledged == 2 + len(full))


async def test_the_consumer_rests_behind_each_poll_that_was_one_too_many_and_behind_no_other() -> None:
    """Its loop, with polls of which every other one makes the next one wait."""
    slept: list[float] = []
    polls = [0.0, REST, 0.0, REST]

    async def poll(_: Any) -> None:
        consumer.engine.poll_pace.rest = polls.pop()
        if not polls:
            stopped.append(True)

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    stopped: list[bool] = []

    class Stopped:
        def is_set(self) -> bool:
            return bool(stopped)

    consumer = cast("Any", SimpleNamespace(_stopped=Stopped(), consumer_stopped_errors=(), sleep=sleep))
    consumer.engine = SimpleNamespace(poll_pace=SimpleNamespace(rest=0.0))
    consumer._poll = lambda: poll(consumer)
    await Consumer._drain_messages(consumer, consumer)
    assert slept == [REST, REST]
