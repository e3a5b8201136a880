"""Topics that change under a running worker: inputs are read on, and what the worker can't go on without stops it."""

import asyncio
import time
from collections.abc import Iterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from app.engine.kafka.cluster import topic_ids
from tests.oracle import topics
from tests.support import events
from tests.support.kafka_io import Reader
from tests.support.stage import PARTITIONS, Stage
from tests.support.worker import Worker

pytestmark = pytest.mark.kafka

#: 30 s and 10 s are promised; without the watch it takes 298 s, or for ever. A loaded machine gets some more.
NOTICED_SECONDS = 90


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A broker of its own: its topics are deleted."""
    with Stage(tmp_path_factory.mktemp("changes")) as made:
        yield made


@pytest.fixture(scope="module")
def worker(stage: Stage) -> Worker:
    """A worker that has read something."""
    made = stage.worker()
    made.start()
    return made


@pytest.fixture(scope="module")
def reader(stage: Stage, worker: Worker) -> Reader:  # noqa: ARG001 - the worker makes the topics
    """All outputs."""
    return stage.reader()


async def administer(stage: Stage, delete: str | None = None, partitions: tuple[str, int] | None = None) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=stage.kafka.bootstrap)
    await admin.start()
    try:
        if delete is not None:
            await admin.delete_topics([delete])
        if partitions is not None:
            await admin.create_partitions({partitions[0]: NewPartitions(partitions[1])})
    finally:
        await admin.close()


def make_anew(stage: Stage, topic: str, partitions: int = 0) -> None:
    """Delete a topic and make it again; return when the broker has it: what is sent before is lost with the old."""
    client = stage.io._producer.client
    before = stage.io.call(topic_ids(client, [topic]))
    asyncio.run(administer(stage, delete=topic))
    stage.io.create_topics({topic: partitions or PARTITIONS[topic]})
    deadline = time.monotonic() + NOTICED_SECONDS
    while stage.io.call(topic_ids(client, [topic])).get(topic, before[topic]) == before[topic]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    stage.io.call(client.force_metadata_update())


def batch(name: str) -> list[events.Message]:
    slots = events.essay_ids(name, 1)
    return [events.message(events.registration(name, slots)), events.message(events.content(name, name, name))]


def bad(text: str) -> events.Message:
    """An input of the content topic that is no JSON."""
    return events.Message(topics.CONTENT, b"bad", text.encode())


def ready(reader: Reader, count: int) -> None:
    reader.require(
        lambda records: sum(record.topic == topics.READY for record in records) == count,
        f"{count} ready events",
        NOTICED_SECONDS,
    )


def said(worker: Worker, line: str) -> None:
    deadline = time.monotonic() + NOTICED_SECONDS
    while line not in worker.log.read_text():
        assert time.monotonic() < deadline, f"{line}\n{worker.tail()}"
        time.sleep(0.1)


def test_partitions_that_an_input_gets_are_read(stage: Stage, worker: Worker, reader: Reader) -> None:
    asyncio.run(administer(stage, partitions=(topics.REGISTERED, PARTITIONS[topics.REGISTERED] + 1)))
    said(worker, "an input topic got partitions; they are read from now on")
    stage.io.call(stage.io._producer.client.force_metadata_update())
    stage.io.produce(
        batch("new-partition"), lambda output: PARTITIONS[output.topic] if output.topic == topics.REGISTERED else 0
    )
    ready(reader, 1)


def test_an_input_that_was_made_anew_is_read_from_its_beginning(stage: Stage, worker: Worker, reader: Reader) -> None:
    """The new topic has more records than were committed of the old one, so no offset tells it.

    Nor does one tell its bad inputs from those of the old one.
    """
    stage.io.produce([bad("old 0"), bad("old 1")], lambda _: 0)
    stage.wait_taken()
    make_anew(stage, topics.FAILED)
    make_anew(stage, topics.CONTENT, 2)  # fewer than a member had of it: its share of them must not count
    names = [f"anew-{number}" for number in range(6)]
    stage.io.produce([bad("new 0"), *(made for name in names for made in batch(name))], lambda _: 0)
    said(worker, "an input topic was deleted and made anew; it is read from its beginning")
    ready(reader, 1 + len(names))
    reader.require(
        lambda records: (
            [record.value for record in records if record.topic == topics.DEAD] == [b"old 0", b"old 1", b"new 0"]
        ),
        "a dead letter for each bad input",
        NOTICED_SECONDS,
    )
    assert worker.alive


@pytest.mark.parametrize("topic", [topics.EXCESS, "rollcall-tables-changelog"])
def test_an_output_or_internal_topic_that_is_deleted_stops_the_worker(stage: Stage, worker: Worker, topic: str) -> None:
    if not worker.alive:
        worker.start()
    asyncio.run(administer(stage, delete=topic))
    assert worker.wait_end(NOTICED_SECONDS) == 1
    log = worker.log.read_text()
    assert f"topic {topic} was deleted" in log
    assert "Traceback" not in log, worker.tail()
