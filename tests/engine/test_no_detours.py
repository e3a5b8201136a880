"""An event on its way takes no turn of a loop that it does not need: no task and no queue in between.

Nothing here is about how fast a machine is: turns of the loop are counted.
"""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka.client import ConnectionGroup
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.structs import TopicPartition

from app.engine.faust.fetch_thread import FetchThread
from app.engine.kafka import fetch
from app.engine.record_queue import RecordQueue
from tests.engine.fakes import Fetched
from tests.engine.silent import LONG, cluster, run
from tests.support.patience import PATIENCE

A = TopicPartition("t", 0)


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_who_waits_for_an_answer_waits_for_nothing_around_it() -> None:
    async def scene() -> None:
        async with cluster(1) as ([broker], client):
            connection = client._conns[broker.node, ConnectionGroup.DEFAULT]
            answer = connection.send(MetadataRequest([]))
            assert isinstance(answer, asyncio.Future)
            assert not isinstance(answer, asyncio.Task)
            assert (await answer).brokers

    run(scene)


def test_a_task_that_waits_for_records_has_them_in_the_next_turn() -> None:
    async def scene() -> None:
        queue = RecordQueue(100)
        waiting = asyncio.create_task(queue.wait(LONG))
        await turns(2)
        queue.offer([Fetched("t", 0, 0, 0, None, b"v", ())])
        await turns(1)
        assert waiting.done()

    run(scene)


def test_a_task_that_waits_for_records_waits_no_longer_than_it_says() -> None:
    async def scene() -> None:
        queue = RecordQueue(100)
        await queue.wait(0.01)
        assert not queue.take()

    run(scene)


@pytest.mark.parametrize("found", [True, False])
def test_who_waits_for_a_fetch_is_told_with_its_answer(found: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001 - a parameter
    async def ask(*_: object) -> bool:
        return found

    async def scene() -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        told: list[Any] = []
        fetcher = SimpleNamespace(_fetch_waiters={waiter}, _notify=told.append)
        assert await fetch._told_at_once(fetcher, None, 1, None) is found
        assert told == ([waiter] if found else [])

    monkeypatch.setattr(fetch, "_ask", ask)
    run(scene)


@pytest.mark.parametrize("error", [None, KeyError("t")])
def test_records_are_asked_for_beside_the_queue_of_the_consumers_thread(error: KeyError | None) -> None:
    async def scene() -> None:
        thread: Any = FetchThread.__new__(FetchThread)
        thread.parent_loop = thread.thread_loop = asyncio.get_running_loop()
        thread._method_queue = None
        thread._ensure_consumer = lambda: "consumer"

        async def fetch_records(*asked: object, **options: object) -> object:
            if error is not None:
                raise error
            return asked, options

        thread._fetch_records = fetch_records
        asking = cast("Any", thread.getmany({A}, timeout=PATIENCE))
        if error is None:
            assert await asking == (("consumer", {A}), {"timeout": PATIENCE})
        else:
            with pytest.raises(KeyError):
                await asking
        assert thread._method_queue is None

    run(scene)
