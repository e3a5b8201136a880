"""What the clients do by themselves is watched: a refused coordinator, a dead task, a loop that no longer turns."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka import errors

from app.engine.kafka import client_watch
from app.engine.kafka.authorization import AuthorizationError
from app.engine.kafka.client_errors import GroupError, explained
from app.engine.kafka.client_watch import LAST_LOOK, SILENT_LOOKS, ClientWatch, Thread
from app.errors import OperatorError
from app.settings import Settings


class Coordinator:
    """A coordinator that has something to say."""

    def __init__(self, *said: BaseException) -> None:
        self.said = list(said)
        self.rejoined = 0
        self._closing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._coordination_task = None

    def check_errors(self) -> None:
        if self.said:
            raise self.said.pop(0)

    def request_rejoin(self) -> None:
        self.rejoined += 1


class Part:
    """A part of a client with its task."""

    def __init__(self, **tasks: Any) -> None:
        self.__dict__.update(tasks)


class Consumer:
    """A consumer of which only this is looked at."""

    def __init__(self, coordinator: Any, fetching: Any = None, metadata: Any = None) -> None:
        self._closed = False
        self._coordinator = coordinator
        self._subscription = Part(subscription=None)
        self._fetcher = Part(_fetch_task=fetching)
        self._client = Part(_sync_task=metadata)


class Silent:
    """A loop that takes calls and never makes them."""

    def call_soon_threadsafe(self, *_: Any) -> None:
        return


class Closed:
    """A loop that is closed."""

    def call_soon_threadsafe(self, *_: Any) -> None:
        message = "Event loop is closed"
        raise RuntimeError(message)


async def watched(consumer: Any, looks: int, loop: Any = None) -> tuple[ClientWatch, list[BaseException]]:
    """The watch after so many looks, and what it ended the worker with."""
    failures: list[BaseException] = []
    here = loop or asyncio.get_running_loop()
    watch = ClientWatch(Settings(), lambda: Thread(here, consumer), lambda: (), failures.append)
    left = looks

    async def sleep(_: float) -> None:
        nonlocal left
        if not left:
            raise asyncio.CancelledError
        left -= 1
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    with pytest.raises(asyncio.CancelledError):
        await watch.watch(sleep)
    return watch, failures


FINAL: list[tuple[BaseException, type[OperatorError], str]] = [
    (errors.InvalidSessionTimeoutError(), GroupError, "ROLLCALL_SESSION_TIMEOUT_SECONDS is 6"),
    (errors.GroupAuthorizationFailedError("rollcall"), AuthorizationError, "Read on Group rollcall"),
    (errors.InconsistentGroupProtocolError(), GroupError, "ROLLCALL_APP_ID='rollcall'"),
    (errors.InvalidGroupIdError(), GroupError, "ROLLCALL_APP_ID='rollcall'"),
    (errors.KafkaError("GroupMaxSizeReachedError()"), GroupError, "group.max.size"),
]


@pytest.mark.parametrize(("said", "kind", "line"), FINAL, ids=[type(case[0]).__name__ for case in FINAL])
async def test_a_final_refusal_of_the_coordinator_ends_the_worker(
    said: BaseException, kind: type[OperatorError], line: str
) -> None:
    watch, failures = await watched(Consumer(Coordinator(said)), looks=3)
    (failure,) = failures
    assert isinstance(failure, kind)
    assert line in str(failure)
    assert watch.trouble is not None
    assert line in watch.trouble


async def test_a_refusal_that_may_pass_is_waited_for_and_the_group_joined_anew() -> None:
    coordinator = Coordinator(errors.KafkaError("UnknownError()"), errors.KafkaError("UnknownError()"))
    watch, failures = await watched(Consumer(coordinator), looks=5)
    assert failures == []
    assert coordinator.rejoined == 2
    assert watch.trouble is None


async def test_one_that_does_not_pass_ends_the_worker_and_names_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_watch, "GROUP_PATIENCE", -1.0)
    _, failures = await watched(Consumer(Coordinator(errors.KafkaError("UnknownError()"))), looks=3)
    assert isinstance(failures[0], GroupError)
    assert "consumer group rollcall (ROLLCALL_APP_ID)" in str(failures[0])


async def dead() -> asyncio.Task[None]:
    async def die() -> None:
        message = "broken"
        raise ValueError(message)

    task = asyncio.create_task(die())
    await asyncio.wait({task})
    return task


@pytest.mark.parametrize("part", ["fetching", "metadata"])
async def test_a_background_task_that_died_ends_the_worker_by_name(part: str) -> None:
    consumer = Consumer(Coordinator(), **{part: await dead()})
    watch, failures = await watched(consumer, looks=5)
    assert f"the consumer's {part} has ended by itself" in str(failures[0])
    assert "broken" in str(failures[0])
    assert watch.trouble is not None


async def test_a_consumer_that_is_closed_has_dead_tasks_and_no_trouble() -> None:
    consumer = Consumer(Coordinator(errors.InvalidGroupIdError()), fetching=await dead())
    consumer._closed = True
    _, failures = await watched(consumer, looks=9)
    assert failures == []


async def test_a_loop_that_no_longer_turns_is_not_live_and_ends_the_worker_at_last() -> None:
    watch, failures = await watched(Consumer(Coordinator()), SILENT_LOOKS, Silent())
    assert (watch.trouble, failures) == (None, [])
    watch, failures = await watched(Consumer(Coordinator()), SILENT_LOOKS + 1, Silent())
    assert watch.trouble is not None
    assert "has not turned for 15 s" in watch.trouble
    assert failures == []
    _, failures = await watched(Consumer(Coordinator()), LAST_LOOK + 1, Silent())
    assert len(failures) == 1


async def test_a_thread_that_has_ended_ends_the_worker() -> None:
    _, failures = await watched(Consumer(Coordinator()), 1, Closed())
    assert "the consumer's thread has ended by itself" in str(failures[0])


def wrapped(cause: BaseException) -> BaseException:
    """As a client wraps what it met."""
    error: BaseException = errors.KafkaError("an error of the client")
    error.__cause__ = cause
    return error


MEANT: list[tuple[BaseException, str]] = [
    (errors.TopicAuthorizationFailedError({"huleedu.els.batch.essays.ready.v1"}), "Write on Topic huleedu.els.batch"),
    (errors.TopicAuthorizationFailedError("rollcall-log"), "Read on Topic rollcall-log, Write on Topic rollcall-log"),
    (errors.TransactionalIdAuthorizationFailed("rollcall-2"), "Write on TransactionalId rollcall-2"),
    (errors.ClusterAuthorizationFailedError(), "IdempotentWrite on Cluster kafka-cluster"),
    (errors.InvalidTransactionTimeout(), "transaction.max.timeout.ms"),
    (errors.UnsupportedVersionError(), "Kafka 2.5 or later"),
]


@pytest.mark.parametrize("wrap", [lambda error: error, wrapped])
@pytest.mark.parametrize(("error", "line"), MEANT, ids=[type(case[0]).__name__ for case in MEANT])
def test_what_a_client_raises_is_told_as_an_operator_can_use_it(
    error: BaseException, line: str, wrap: Callable[[BaseException], BaseException]
) -> None:
    found = explained(Settings(), wrap(error))
    assert isinstance(found, OperatorError)
    assert line in str(found)


def test_what_may_pass_is_left_as_it_is() -> None:
    error = errors.NotLeaderForPartitionError()
    assert explained(Settings(), error) is error
