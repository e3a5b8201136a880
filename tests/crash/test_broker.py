"""The simulated broker behaves as Kafka does where delivery depends on it."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import ProducerFenced

from tests.crash.broker import Broker, Row, Transaction
from tests.crash.clock import DeadlockError, VirtualLoop

PLACE = TopicPartition("t", 0)


def row(key: str, value: str | None = "v") -> Row:
    return key.encode(), None if value is None else value.encode(), ()


def in_virtual_time(course: Coroutine[Any, Any, None]) -> float:
    """Run a coroutine; the virtual seconds that it took."""
    loop = VirtualLoop(lambda _: None)
    try:
        loop.run_until_complete(course)
        return loop.time()
    finally:
        loop.close()


def committed(broker: Broker) -> list[bytes | None]:
    log = broker.logs[PLACE]
    return [record.key for record in log.read(0, log.end, committed=True)[0]]


def test_time_passes_without_waiting() -> None:
    assert in_virtual_time(asyncio.sleep(86_400)) == pytest.approx(86_400)


def test_a_world_that_stands_still_is_an_error_and_no_hang() -> None:
    async def wait_for_ever() -> None:
        await asyncio.Event().wait()

    course = wait_for_ever()
    with pytest.raises(DeadlockError):
        in_virtual_time(course)
    course.close()


def test_a_committed_reader_stops_at_an_open_transaction_and_passes_over_an_aborted_one() -> None:
    async def course() -> None:
        broker = Broker({"t": 1}, lambda: 0.0)
        first = Transaction("id", broker.fence("id"))
        broker.append(PLACE, [row("open")], first)
        broker.append(PLACE, [row("behind")])
        assert committed(broker) == []
        assert broker.logs[PLACE].stable_end() == 0
        broker.fence("id")  # aborts what is open
        assert committed(broker) == [b"behind"]
        second = Transaction("id", 1)
        broker.append(PLACE, [row("kept")], second)
        assert committed(broker) == [b"behind"]
        broker.commit(second)
        assert committed(broker) == [b"behind", b"kept"]
        assert broker.logs[PLACE].end == 5  # three records and two markers

    in_virtual_time(course())


def test_a_fenced_producer_can_neither_write_nor_commit() -> None:
    async def course() -> None:
        broker = Broker({"t": 1}, lambda: 0.0)
        late = Transaction("id", broker.fence("id"))
        broker.append(PLACE, [row("a")], late)
        broker.fence("id")
        for act in (
            lambda: broker.append(PLACE, [row("b")], late),
            lambda: broker.commit(late),
            lambda: broker.append(PLACE, [row("c")], Transaction("id", 0)),
        ):
            with pytest.raises(ProducerFenced):
                act()
        assert committed(broker) == []

    in_virtual_time(course())


def test_a_transaction_that_nobody_ends_is_aborted_in_time() -> None:
    async def course() -> None:
        broker = Broker({"t": 1}, lambda: 0.0)
        left = Transaction("id", broker.fence("id"))
        broker.append(PLACE, [row("a")], left)
        await asyncio.sleep(1000)
        assert left.outcome is False

    in_virtual_time(course())


def test_a_member_of_an_older_generation_can_not_commit() -> None:
    broker = Broker({"t": 1}, lambda: 0.0)
    first, second = broker.join(), broker.join()
    assert not broker.commit_offsets(first, {PLACE: 9})
    assert broker.commit_offsets(second, {PLACE: 4})
    assert broker.offsets == {PLACE: 4}


def test_compaction_keeps_the_last_committed_record_of_each_key_and_its_offset() -> None:
    async def course() -> None:
        broker = Broker({"t": 1}, lambda: 0.0)
        broker.append(PLACE, [row("a", "1"), row("b"), row("a", "2"), row("b", None)])
        aborted = Transaction("id", broker.fence("id"))
        broker.append(PLACE, [row("a", "3")], aborted)
        broker.fence("id")
        log = broker.logs[PLACE]
        end = log.end
        log.compact()
        assert [(record.offset, record.key, record.value) for record in log.records] == [
            (2, b"a", b"2"),
            (3, b"b", None),
        ]
        assert log.end == end
        assert log.read(0, 9, committed=True)[1] == end

    in_virtual_time(course())


def test_appends_have_offsets_in_a_row_and_the_brokers_time() -> None:
    async def course() -> None:
        loop = asyncio.get_running_loop()
        broker = Broker({"t": 1}, loop.time)
        assert broker.append(PLACE, [row("a"), row("b")]) == 0
        await asyncio.sleep(2.5)
        assert broker.append(PLACE, [row("c")]) == 2
        times = [record.timestamp for record in broker.logs[PLACE].records]
        assert times[2] - times[0] == 2500

    in_virtual_time(course())
