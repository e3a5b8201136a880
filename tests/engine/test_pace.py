"""The pace of small chunks and polls: who waits, for how long, whose turn is next, and what ends a wait."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from app.engine.pace import LONGEST_WAIT, MOST_TAKEN, REST, ChunkPace, PollPace, taken
from app.engine.record_queue import ENOUGH_RECORDS, RecordQueue
from tests.crash.clock import VirtualLoop
from tests.engine.fakes import Fetched

CHUNK = 10_000


def records(count: int, start: int = 0, size: int = 10) -> list[Fetched]:
    """Records as they are offered to a queue."""
    return [Fetched("log", 0, offset, 0, b"key", b"x" * size, ()) for offset in range(start, start + count)]


def queue_of(count: int, *, size: int = 10, chunk: int = CHUNK) -> RecordQueue:
    """A queue with so many records."""
    queue = RecordQueue(chunk)
    queue.offer(records(count, size=size))
    return queue


def played(play: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run it in virtual time: nothing waits for real, and seconds are exact."""
    loop = VirtualLoop(lambda _task: None)
    try:
        loop.run_until_complete(play())
    finally:
        loop.close()


def now() -> float:
    """Virtual seconds."""
    return asyncio.get_running_loop().time()


async def spend(pace: ChunkPace, turns: int) -> None:
    """Take all turns that were kept."""
    for _ in range(turns):
        await pace.turn(queue_of(1))


async def kept_waiting(pace: ChunkPace, turns: int, seconds: float) -> tuple[RecordQueue, asyncio.Task[None]]:
    """A queue with one record that has waited for so long, and the wait for its turn: all turns are taken."""
    await spend(pace, turns)
    queue = queue_of(1)
    turn = asyncio.create_task(pace.turn(queue))
    await asyncio.sleep(seconds)
    assert not turn.done()
    return queue, turn


def test_nothing_waits_while_there_are_turns() -> None:
    async def play() -> None:
        waited: list[float] = []
        pace = ChunkPace(100, waited.append)
        await spend(pace, 100)
        for _ in range(200):  # two seconds at half the rate, in pairs
            await asyncio.sleep(0.02)
            await pace.turn(queue_of(1))
        assert waited == [0.0] * 300

    played(play)


def test_a_small_chunk_waits_when_no_turn_is_left_and_gathers_what_comes() -> None:
    async def play() -> None:
        waited: list[float] = []
        pace = ChunkPace(10, waited.append)
        queue, turn = await kept_waiting(pace, 10, 0.05)
        queue.offer(records(2, start=1))
        await turn
        assert now() == pytest.approx(0.1)
        assert waited[-1] == pytest.approx(0.1)
        assert len(queue.take()) == 3

    played(play)


@pytest.mark.parametrize(
    "queue",
    [
        queue_of(ENOUGH_RECORDS),
        queue_of(2, size=600_000),
        queue_of(5, chunk=5),
    ],
    ids=["records", "bytes", "as many as a chunk may have"],
)
def test_a_full_chunk_neither_waits_nor_takes_a_turn(queue: RecordQueue) -> None:
    async def play() -> None:
        pace = ChunkPace(1, lambda _: None)
        for _ in range(50):
            await pace.turn(queue)
        assert now() == 0
        await pace.turn(queue_of(1))
        assert now() == 0, "the only turn was still there"
        await pace.turn(queue)
        assert now() == 0

    played(play)


def test_a_chunk_that_becomes_full_waits_no_longer() -> None:
    async def play() -> None:
        pace = ChunkPace(1, lambda _: None)
        queue, turn = await kept_waiting(pace, 1, 0.01)
        queue.offer(records(ENOUGH_RECORDS - 2, start=1))
        await asyncio.sleep(0.01)
        assert not turn.done()
        queue.offer(records(1, start=ENOUGH_RECORDS - 1))
        await turn
        assert now() == pytest.approx(0.02)

    played(play)


def test_a_closed_queue_ends_the_wait_at_once_and_is_no_chunk() -> None:
    async def play() -> None:
        waited: list[float] = []
        pace = ChunkPace(1, waited.append)
        queue, turn = await kept_waiting(pace, 1, 0.01)
        queue.close()
        await turn
        assert now() == pytest.approx(0.01)
        assert len(waited) == 1

    played(play)


def test_a_wait_that_is_cancelled_leaves_nobody_waiting_for_it() -> None:
    async def play() -> None:
        pace = ChunkPace(10, lambda _: None)
        await spend(pace, 10)
        first, second = (asyncio.create_task(pace.turn(queue_of(1))) for _ in range(2))
        await asyncio.sleep(0.01)
        first.cancel()
        await second
        assert now() == pytest.approx(0.1), "the turn of the one that is gone"

    played(play)


def test_turns_go_round_and_keep_to_the_rate() -> None:
    async def play() -> None:
        begun: list[int] = []
        pace = ChunkPace(20, lambda _: None)
        await spend(pace, 20)

        async def task(number: int) -> None:
            while True:
                await pace.turn(queue_of(1))
                begun.append(number)

        tasks = [asyncio.create_task(task(number)) for number in range(4)]
        await asyncio.sleep(2.01)
        for each in tasks:
            each.cancel()
        assert len(begun) == 40
        assert set(Counter(begun).values()) == {10}
        assert begun[:4] * 10 == begun

    played(play)


def test_a_chunk_takes_as_many_turns_as_it_costs_up_to_five() -> None:
    assert [taken(records) for records in (1, 17, 65, 1000)] == [1, 2, MOST_TAKEN, MOST_TAKEN]

    async def play() -> None:
        pace = ChunkPace(10, lambda _: None)
        await spend(pace, 9)
        await pace.turn(queue_of(65))
        assert now() == 0, "there was a turn left: the others wait for what it took beyond"
        await pace.turn(queue_of(1))
        assert now() == pytest.approx(0.25), "half a second, but for the bound"
        await pace.turn(queue_of(1))
        assert now() == pytest.approx(0.5)

    played(play)


def test_a_wait_is_bounded_however_many_wait() -> None:
    async def play() -> None:
        waited: list[float] = []
        pace = ChunkPace(10, waited.append)
        await spend(pace, 10)
        waited.clear()
        await asyncio.gather(*(pace.turn(queue_of(1)) for _ in range(100)))
        assert len(waited) == 100
        assert max(waited) == pytest.approx(LONGEST_WAIT)
        assert now() == pytest.approx(LONGEST_WAIT)

    played(play)


def test_who_went_without_a_turn_has_taken_none_from_those_that_still_wait() -> None:
    async def play() -> None:
        pace = ChunkPace(2, lambda _: None)
        await spend(pace, 2)
        late = [asyncio.create_task(pace.turn(queue_of(1))) for _ in range(3)]  # until 0.25
        await asyncio.sleep(0.3)
        assert all(task.done() for task in late)
        await pace.turn(queue_of(1))
        assert now() == pytest.approx(0.5), "the turn that half a second brings"

    played(play)


def test_nothing_is_paced_at_a_rate_of_0() -> None:
    async def play() -> None:
        chunks, polls = ChunkPace(0, lambda _: None), PollPace(0)
        for _ in range(1000):
            await chunks.turn(queue_of(1))
            polls.polled(1, now())
            assert polls.rest == 0
        assert now() == 0

    played(play)


def test_polls_rest_above_the_rate_alone_and_never_behind_a_large_one() -> None:
    polls = PollPace(100)
    clock = 0.0
    for _ in range(1000):  # each event is read twice: 95 a second
        clock += 1 / 190
        polls.polled(1, clock)
        assert polls.rest == 0
    for _ in range(10_000):  # 105 a second, until those that were kept are used up
        clock += 1 / 210
        polls.polled(1, clock)
    assert polls.rest == REST
    polls.polled(256, clock)
    assert polls.rest == 0
    polls.polled(1, clock + 0.001)
    assert polls.rest == REST
    polls.polled(1, clock + 1)
    assert polls.rest == 0
