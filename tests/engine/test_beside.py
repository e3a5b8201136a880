"""Native work beside the event loop: what takes long leaves the loop to others; the little of a trickle is not kept."""

import asyncio
import threading
from pathlib import Path

import pytest
from aiokafka import TopicPartition

from app.engine import repartition
from app.engine.beside import MANY, beside
from app.engine.deadline import Deadline
from app.engine.publish import Publisher
from app.engine.repartition import Repartitioner
from app.engine.topics.plans import log_topic
from app.settings import Settings
from app.topology import topology
from tests.engine.fakes import Fetched, Producer
from tests.oracle import topics
from tests.support.patience import PATIENCE


async def test_the_loop_goes_on_while_a_large_chunk_is_worked_on() -> None:
    gone_on = threading.Event()
    asyncio.get_running_loop().call_soon(gone_on.set)
    assert await beside(MANY, gone_on.wait, 10.0)


async def test_the_little_of_a_trickle_is_done_at_once() -> None:
    assert await beside(MANY - 1, threading.get_ident) == threading.get_ident()


@pytest.mark.parametrize("records", [MANY - 1, MANY])
async def test_what_the_work_raises_the_caller_gets(records: int) -> None:
    with pytest.raises(ZeroDivisionError):
        await beside(records, divmod, 1, 0)


def record_of(partition: TopicPartition, offset: int) -> Fetched:
    """A record that has nothing but its place."""
    return Fetched(partition.topic, partition.partition, offset, 0, None, None, ())


async def test_letting_inputs_go_waits_for_those_that_are_being_routed_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = Settings(datadir=tmp_path, partitions=1)

    async def known(*_: object) -> dict[str, int]:
        return {log_topic(settings): 1}

    monkeypatch.setattr(repartition, "leaders_known", known)
    failures: list[BaseException] = []
    stage = Repartitioner(settings, topology(settings), Producer(), failures.append)
    goes, stays = (TopicPartition(topics.CONTENT, number) for number in range(2))
    routing, go_on, rekeyed = asyncio.Event(), asyncio.Event(), asyncio.Event()
    routed = Publisher.routed

    async def slowly(*arguments: object) -> None:
        routing.set()
        await go_on.wait()
        await routed(*arguments)  # type: ignore[arg-type] # its own

    monkeypatch.setattr(Publisher, "routed", slowly)
    stage.offer(goes, [record_of(goes, 7)])
    stage.offer(stays, [record_of(stays, 8)])
    await stage.start()
    await routing.wait()
    letting_go = asyncio.create_task(stage.let_go([goes], Deadline(10)))
    await asyncio.sleep(0)
    assert not letting_go.done()  # what is under way may finish
    go_on.set()
    await letting_go
    monkeypatch.setattr(stage._topology.observer, "rekeyed", lambda _: rekeyed.set())
    stage.offer(stays, [record_of(stays, 9)])
    await asyncio.wait_for(rekeyed.wait(), PATIENCE)
    await stage.close(Deadline(1))
    assert not failures
    assert stage.acknowledged == {goes: 8, stays: 10}
