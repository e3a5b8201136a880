"""Tasks that have to end do, whatever becomes of a cancellation."""

import asyncio

import pytest

from app.engine import ending
from app.engine.ending import all_ended, ended


async def deaf(times: int) -> None:
    """Lose so many cancellations, as ``asyncio.wait_for`` may one."""
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            if not times:
                raise
            times -= 1


@pytest.mark.parametrize("lost", [0, 1, 3])
def test_a_task_that_loses_a_cancellation_is_cancelled_again(monkeypatch: pytest.MonkeyPatch, lost: int) -> None:
    monkeypatch.setattr(ending, "_AGAIN", 0.01)

    async def run() -> bool:
        task = asyncio.create_task(deaf(lost))
        await asyncio.sleep(0)
        async with asyncio.timeout(60):
            await ended(task)
        return task.cancelled()

    assert asyncio.run(run())


def test_of_several_each_is_cancelled_until_it_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "_AGAIN", 0.01)

    async def run() -> list[bool]:
        tasks = [asyncio.create_task(deaf(lost)) for lost in (0, 1, 3)]
        await asyncio.sleep(0)
        async with asyncio.timeout(60):
            await all_ended(tasks)
        return [task.cancelled() for task in tasks]

    assert asyncio.run(run()) == [True, True, True]


def test_what_a_task_does_at_its_end_is_not_torn() -> None:
    done = []

    async def tidy() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.05)
            done.append(True)

    async def run() -> None:
        task = asyncio.create_task(tidy())
        await asyncio.sleep(0)
        await ended(task)

    asyncio.run(run())
    assert done == [True]


def test_the_error_of_a_task_that_has_failed_is_not_raised() -> None:
    async def fails() -> None:
        raise ValueError

    async def run() -> None:
        task = asyncio.create_task(fails())
        await asyncio.sleep(0)
        await ended(task)
        assert isinstance(task.exception(), ValueError)

    asyncio.run(run())
