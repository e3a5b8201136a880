"""Every codec of Kafka is read and written, whoever chose it: a producer, or a topic that its broker recompresses for.

One broker and one worker: the inputs come under every codec; the log, the changelog and the outputs, which the worker
writes uncompressed, have a codec of their own each.
"""

import asyncio
from collections.abc import Iterator
from functools import partial
from itertools import cycle

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.structs import RecordMetadata, TopicPartition

from app.engine.kafka.decompress import LARGEST_BATCH
from app.engine.topics.ensure import plans
from app.settings import Settings
from app.topology import TOPICS
from tests.engine.harness import plain_log
from tests.oracle import topics
from tests.oracle.records import OutputRecord
from tests.support import events
from tests.support.forks import run_all
from tests.support.kafka_io import Reader
from tests.support.stage import PARTITIONS, Stage
from tests.support.worker import Worker

pytestmark = pytest.mark.kafka

CODECS = ("zstd", "lz4", "snappy", "gzip")
SLOTS = 2


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A broker on which each topic has a codec; one input is as its producers have it."""
    with Stage(tmp_path_factory.mktemp("codecs")) as made:
        asyncio.run(choose_codecs(made.kafka.bootstrap))
        yield made


async def choose_codecs(bootstrap: str) -> None:
    inputs = dict(zip(PARTITIONS, ("snappy", "producer", "gzip"), strict=True))
    others = {topic: plan for topic, plan in plans(Settings(app_id="rollcall"), TOPICS).items() if topic not in inputs}
    codecs = cycle(CODECS)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.alter_configs(
            [
                ConfigResource(ConfigResourceType.TOPIC, topic, {"compression.type": codec})
                for topic, codec in inputs.items()
            ]
        )
        await admin.create_topics(
            [
                NewTopic(
                    topic, plan.partitions, 1, topic_configs=dict(plan.config) | {"compression.type": next(codecs)}
                )
                for topic, plan in sorted(others.items())
            ]
        )
    finally:
        await admin.close()


async def send(bootstrap: str, codec: str | None, messages: list[events.Message]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, compression_type=codec, linger_ms=5)
    await producer.start()
    try:
        for sent in [await producer.send(message.topic, value=message.value, key=message.key) for message in messages]:
            await sent
    finally:
        await producer.stop()


def batches_of(codec: str | None) -> list[events.Message]:
    """Two batches and bytes that are no message: one with a text too many, one whose only upload failed."""
    name = f"under-{codec}"
    sent = [
        events.content(name, f"{name}-0", f"{name}-text-0"),
        events.registration(name, events.essay_ids(name, SLOTS)),
        *(events.content(name, f"{name}-{number}", f"{name}-text-{number}") for number in range(1, SLOTS + 1)),
        events.registration(f"{name}-failed", events.essay_ids(f"{name}-failed", 1)),
        events.failure(f"{name}-failed", f"{name}-failure"),
    ]
    return [events.Message(topics.CONTENT, b"k", b"\xff not an envelope " * 50), *map(events.message, sent)]


@pytest.fixture(scope="module")
def worker(stage: Stage) -> Worker:
    """A worker that is ready."""
    made = stage.worker()
    made.start()
    return made


@pytest.fixture(scope="module")
def reader(stage: Stage, worker: Worker) -> Reader:  # noqa: ARG001 - the worker may still make topics
    """All outputs."""
    return stage.reader()


def counted(records: list[OutputRecord], *of: str) -> int:
    return sum(record.topic in of for record in records)


def test_a_batch_is_served_whatever_codec_its_producers_and_its_topics_have(stage: Stage, reader: Reader) -> None:
    codecs = (*CODECS, None)
    for codec in codecs:
        asyncio.run(send(stage.kafka.bootstrap, codec, batches_of(codec)))
    said = (topics.READY, topics.ERRORS, topics.EXCESS, topics.DEAD)
    reader.require(
        lambda records: [counted(records, topic) for topic in said] == [len(codecs)] * len(said),
        "one of each for each codec",
    )


def test_a_restore_and_the_commands_read_them_too(stage: Stage, worker: Worker, reader: Reader) -> None:
    stage.wait_taken()
    worker.stop()
    worker.wipe()
    worker.start()
    assert '"event": "state restored"' in worker.log.read_text()
    again = [output for output in batches_of("zstd") if output.topic == topics.CONTENT][1:]
    asyncio.run(send(stage.kafka.bootstrap, "zstd", again))  # known, so said again from what was restored
    reader.require(
        lambda records: counted(records, topics.SLOT, topics.EXCESS) == len(again) * (len(CODECS) + 1 + 1),
        "what was said of the texts before the restore",
    )
    verbs = (["audit"], ["replay"], ["dlq", "list"], ["batch", "timeline", "under-zstd"])
    for done in run_all([[*verb, "--json"] for verb in verbs], worker.env):
        assert (done.returncode, done.stderr) == (0, ""), (done.args, done.stdout)


#: Snappy makes nothing smaller than a twentieth: of a batch of a megabyte come 22 at most.
@pytest.mark.parametrize("codec", ["zstd", "lz4", "gzip"])
def test_a_batch_that_would_fill_the_memory_stops_the_worker_with_its_place_and_the_way_on(
    stage: Stage, worker: Worker, codec: str
) -> None:
    """What lies before it is done, what lies behind it is done once it is given up."""
    if not worker.alive:
        worker.start()
    reader = stage.reader()
    bootstrap, name = stage.kafka.bootstrap, f"bomb-{codec}"
    (before, behind) = (
        [events.message(events.content(f"{name}-{part}", f"{name}-{part}", f"{name}-{part}"))]
        for part in ("before", "behind")
    )
    asyncio.run(send(bootstrap, codec, [*before, events.message(events.registration(f"{name}-before", ["e"]))]))
    reader.require(partial(ready, f"{name}-before"), "what lies before it")
    place = asyncio.run(send_bomb(bootstrap, codec))
    asyncio.run(send(bootstrap, codec, [*behind, events.message(events.registration(f"{name}-behind", ["e"]))]))
    assert worker.wait_end() == 1
    text = plain_log(worker)
    assert (
        f"{topics.CONTENT} partition {place.partition}, offsets {place.offset} to {place.offset}: the batch can't be"
        in text
    )
    assert f"decompressed it has more than {LARGEST_BATCH} bytes" in text
    assert f"kafka-delete-records.sh, offset {place.offset + 1}" in text
    assert "Traceback" not in text
    partition = TopicPartition(topics.CONTENT, place.partition)
    stage.io.call(stage.io._admin.delete_records({partition: RecordsToDelete(place.offset + 1)}))
    worker.start()
    reader.require(partial(ready, f"{name}-behind"), "what lies behind it")


def ready(batch: str, records: list[OutputRecord]) -> bool:
    return any(record.topic == topics.READY and record.key == batch.encode() for record in records)


async def send_bomb(bootstrap: str, codec: str) -> RecordMetadata:
    """Send a megabyte or less that is 100 MiB when it is decompressed."""
    value = bytes(100 * 1024 * 1024)
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, compression_type=codec, max_request_size=2 * len(value), request_timeout_ms=120_000
    )
    await producer.start()
    try:
        return await producer.send_and_wait(topics.CONTENT, value=value, key=b"k")
    finally:
        await producer.stop()
