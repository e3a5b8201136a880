"""What the coordinator of the group refuses for good ends the worker, with a line that names setting or app id."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

from tests.oracle import topics as names
from tests.refusals.conftest import MAX_GROUP, MAX_SESSION_SECONDS, USERS, Guarded
from tests.security.conftest import Workers
from tests.support.kafka_io import KafkaIO
from tests.support.patience import PATIENCE
from tests.support.worker import Worker

pytestmark = pytest.mark.kafka

#: A refusal that may pass is waited for 30 s; 60 s are promised, and a loaded machine may take some more.
NOTICED_SECONDS = PATIENCE
USER = USERS[-4]


class Faust(RoundRobinPartitionAssignor):  # type: ignore[misc] # aiokafka has no types here
    """Another application whose members can join a worker's group."""

    name = "faust"


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    """Makes workers, and ends them."""
    made = Workers(tmp_path_factory.mktemp("workers"))
    yield made
    made.close()


@asynccontextmanager
async def members(guarded: Guarded, group: str, count: int, assignor: Any) -> AsyncIterator[None]:
    """So many members of another application are in a group."""
    consumers = [
        AIOKafkaConsumer(
            names.REGISTERED,
            bootstrap_servers=guarded.kafka.bootstrap,
            group_id=group,
            partition_assignment_strategy=[assignor],
        )
        for _ in range(count)
    ]
    try:
        for consumer in consumers:
            await consumer.start()
        yield
    finally:
        for consumer in consumers:
            await consumer.stop()


def ended(worker: Worker, *said: str) -> None:
    assert worker.wait_end(NOTICED_SECONDS) == 1
    log = worker.log.read_text()
    for text in said:
        assert text in log, worker.tail()
    assert log.count("the worker can't go on and stops") == 1, worker.tail()
    assert "Traceback" not in log, worker.tail()


def test_refusals_of_the_group(guarded: Guarded, workers: Workers) -> None:
    """All at once: what a worker does here is mostly to wait."""
    asyncio.run(refusals(guarded, workers))


async def refusals(guarded: Guarded, workers: Workers) -> None:
    with KafkaIO(guarded.kafka.bootstrap) as io:
        io.create_topics(dict.fromkeys(names.INPUTS, 3))
    # A user that may not see the broker's settings: the refusal comes from the coordinator itself.
    guarded_settings = guarded.settings(USER, ROLLCALL_SESSION_TIMEOUT_SECONDS=str(MAX_SESSION_SECONDS + 1))
    await guarded._acl(USER, 3, (("All", "Topic", "*"), ("All", "Group", "*"), ("All", "TransactionalId", "*")))
    async with (
        members(guarded, "taken", 1, RoundRobinPartitionAssignor),
        members(guarded, "full", MAX_GROUP, Faust),
    ):
        session = workers.launch(guarded.login, "session", guarded_settings)
        taken = workers.launch(guarded.kafka.bootstrap, "taken", {})
        full = workers.launch(guarded.kafka.bootstrap, "full", {})
        await asyncio.to_thread(
            ended, session, "ROLLCALL_SESSION_TIMEOUT_SECONDS is 21", "group.max.session.timeout.ms"
        )
        await asyncio.to_thread(ended, taken, "ROLLCALL_APP_ID='taken'", "members of another application")
        await asyncio.to_thread(ended, full, "the consumer group full (ROLLCALL_APP_ID)", "group.max.size")


def test_a_session_time_out_above_the_brokers_most_is_refused_at_start(guarded: Guarded, workers: Workers) -> None:
    settings = {"ROLLCALL_SESSION_TIMEOUT_SECONDS": str(MAX_SESSION_SECONDS + 1)}
    worker = workers.launch(guarded.kafka.bootstrap, "too-long", settings)
    assert worker.wait_end(NOTICED_SECONDS) == 1
    log = worker.log.read_text()
    assert "ROLLCALL_SESSION_TIMEOUT_SECONDS is 21 and the broker has group.max.session.timeout.ms=20000" in log
    assert "Traceback" not in log
