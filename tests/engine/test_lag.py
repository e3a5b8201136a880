"""The lag: what lies between a worker and the end of its partitions, without asking the broker."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.subscription_state import SubscriptionState, TopicPartitionState

from app.core.names import CONTENT
from app.engine.lag import lags
from app.engine.task_manager import TaskManager
from app.engine.topics.ensure import log_topic
from app.settings import Settings
from app.topology import topology

SETTINGS = Settings(_env_file=None)  # type: ignore[call-arg]
LOG = TopicPartition(log_topic(SETTINGS), 0)
INPUT = TopicPartition(CONTENT, 2)


@dataclass
class Stub:
    """A task, or the repartitioner."""

    acknowledged: Any = None
    log: TopicPartition = LOG
    serving: bool = False


@pytest.fixture
def engine() -> TaskManager[Any]:
    made = TaskManager(SETTINGS, topology(SETTINGS), lambda _: None)
    made.tasks[0] = cast("Any", Stub())
    made._repartitioner = cast("Any", Stub(acknowledged={}))
    made._queues = dict.fromkeys((LOG, INPUT), cast("Any", SimpleNamespace(offer=lambda _: None)))
    return made


def fetched(first: int, last: int) -> list[Any]:
    return [SimpleNamespace(offset=offset) for offset in range(first, last + 1)]


def app(engine: TaskManager[Any], **states: tuple[int, int] | None) -> Any:
    """An app whose consumer stands at (position, end) of the log and of an input; None where it does not know."""
    partitions = {"log": LOG, "content": INPUT}
    known = {
        partitions[name]: SimpleNamespace(
            highwater=None if state is None else state[1],
            position=None if state is None else state[0],
            has_valid_position=state is not None,
        )
        for name, state in states.items()
    }
    assignment = SimpleNamespace(tps=set(known), state_value=known.get)
    subscription = SimpleNamespace(subscription=SimpleNamespace(assignment=assignment))
    consumer = SimpleNamespace(_thread=SimpleNamespace(_consumer=SimpleNamespace(_subscription=subscription)))
    return SimpleNamespace(engine=engine, consumer=consumer)


def test_what_has_not_been_fetched_is_behind(engine: TaskManager[Any]) -> None:
    assert lags(app(engine, log=(40, 100), content=(7, 7))) == {LOG: 60, INPUT: 0}


def test_what_was_fetched_and_is_not_acknowledged_is_behind(engine: TaskManager[Any]) -> None:
    engine.deliver({LOG: fetched(40, 69), INPUT: fetched(5, 6)})
    assert lags(app(engine, log=(70, 100), content=(7, 7))) == {LOG: 60, INPUT: 2}
    cast("Any", engine.tasks[0]).acknowledged = 60
    cast("Any", engine._repartitioner).acknowledged[INPUT] = 7
    assert lags(app(engine, log=(70, 100), content=(7, 7))) == {LOG: 40, INPUT: 0}


def test_markers_that_the_position_has_passed_are_not_behind(engine: TaskManager[Any]) -> None:
    engine.deliver({INPUT: fetched(5, 6)})
    cast("Any", engine._repartitioner).acknowledged[INPUT] = 7
    assert lags(app(engine, content=(9, 9))) == {INPUT: 0}


def test_records_that_come_again_after_a_seek_do_not_count_twice(engine: TaskManager[Any]) -> None:
    engine.deliver({LOG: fetched(0, 9)})
    cast("Any", engine.tasks[0]).acknowledged = 10
    engine.deliver({LOG: fetched(3, 9)})
    assert engine.in_hand(LOG) == 0


def test_after_partitions_were_let_go_nothing_is_in_hand(engine: TaskManager[Any]) -> None:
    engine.deliver({LOG: fetched(0, 9)})
    assert engine.in_hand(LOG) == 10
    engine.forget()
    assert engine.in_hand(LOG) == 0


def test_a_partition_of_which_nothing_is_known_is_left_out(engine: TaskManager[Any]) -> None:
    assert lags(app(engine, log=None, content=(1, 3))) == {INPUT: 2}


def test_before_the_consumer_has_started_there_is_no_lag_to_speak_of(engine: TaskManager[Any]) -> None:
    without: Any = SimpleNamespace(_thread=SimpleNamespace(_consumer=None))
    assert lags(cast("Any", SimpleNamespace(engine=engine, consumer=without))) == {}
    idle: Any = SimpleNamespace(_subscription=SimpleNamespace(subscription=None))
    thread = SimpleNamespace(_thread=SimpleNamespace(_consumer=idle))
    assert lags(cast("Any", SimpleNamespace(engine=engine, consumer=thread))) == {}


def test_committed_offsets_are_those_of_the_group_and_of_the_transactions(engine: TaskManager[Any]) -> None:
    engine.committed({INPUT: 7})
    assert engine.committed_offsets() == {INPUT: 7}
    cast("Any", engine.tasks[0]).acknowledged = 60
    assert engine.committed_offsets() == {INPUT: 7, LOG: 60}


def test_the_client_still_keeps_what_the_lag_is_read_from() -> None:
    """The private names of aiokafka that are reached for; its version is pinned."""
    assert "subscription" in dir(SubscriptionState)
    assert {"has_valid_position", "position"} <= set(dir(TopicPartitionState))
    assert "highwater" in TopicPartitionState.__init__.__code__.co_names
