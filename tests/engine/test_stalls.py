"""Partitions that stand still on a real broker are told, with the cause and the way on, and once they go on again."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.protocol import fetch
from structlog.testing import capture_logs

from app.engine.kafka.clients import connection
from app.engine.kafka.stalls import AGAIN_SECONDS, ERRORS_SECONDS, OPEN_SECONDS, FetchErrors, Stalls
from app.settings import Settings
from demo.kafka import EmbeddedKafka
from tests.support.brokers import borrowed
from tests.support.kafka_io import KafkaIO
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.kafka

DAMAGED, SOUND, OPEN = (TopicPartition(name, 0) for name in ("damaged", "sound", "open"))


class Clock:
    """A clock that is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Watched:
    """A consumer as the worker's is, and what is told of its partitions."""

    def __init__(self, consumer: AIOKafkaConsumer, errors: FetchErrors) -> None:
        self.clock = Clock()
        self._stalls = Stalls(self.clock)
        self._consumer, self._errors = consumer, errors

    def look(self, seconds: float = 0.0) -> list[tuple[str, str, int]]:
        """What is told when so many seconds have passed: level, topic and offset of each line."""
        self.clock.now += seconds
        with capture_logs() as lines:
            self._stalls.look(self._consumer, self._errors)
        self.lines = lines
        return [(line["log_level"], line["topic"], line.get("offset", -1)) for line in lines]

    async def until(self, condition: Callable[[AIOKafkaConsumer], bool]) -> None:
        """Fetch until something holds."""
        async with asyncio.timeout(PATIENCE):
            while not condition(self._consumer):
                await self._consumer.getmany(timeout_ms=50)


@pytest.fixture(scope="module")
def kafka() -> Iterator[EmbeddedKafka]:
    """A broker of which a file is damaged, and mended again."""
    with borrowed() as made:
        with KafkaIO(made.bootstrap) as io:
            io.create_topics({partition.topic: 1 for partition in (DAMAGED, SOUND, OPEN)})
        yield made


@asynccontextmanager
async def watched(kafka: EmbeddedKafka, *partitions: TopicPartition) -> AsyncIterator[Watched]:
    consumer = AIOKafkaConsumer(
        **connection(Settings(broker=kafka.bootstrap)),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        fetch_max_wait_ms=50,
    )
    errors = FetchErrors()
    errors.listen(consumer._client)
    await consumer.start()
    try:
        consumer.assign(partitions)
        yield Watched(consumer, errors)
    finally:
        await consumer.stop()


def position(consumer: AIOKafkaConsumer, partition: TopicPartition) -> int:
    state = consumer._subscription.subscription.assignment.state_value(partition)
    return state.position if state.has_valid_position else -1


async def test_a_damaged_segment_is_told_with_the_brokers_answer_and_the_others_are_read(kafka: EmbeddedKafka) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
    await producer.start()
    for partition in (DAMAGED, SOUND):
        for _ in range(3):
            await producer.send_and_wait(partition.topic, b"x", partition=0)
    await producer.stop()
    assert kafka.data_dir is not None
    (segment,) = kafka.data_dir.rglob("damaged-0/00000000000000000000.log")
    whole = segment.read_bytes()
    with segment.open("r+b") as file:  # the size of the first batch, which can't be passed over then
        file.seek(8)
        file.write((1).to_bytes(4, "big"))
    async with watched(kafka, DAMAGED, SOUND) as here:
        await here.until(lambda reader: position(reader, SOUND) == 3 and bool(here._errors))
        assert here.look() == []
        assert here.look(ERRORS_SECONDS - 1) == []
        at = position(here._consumer, DAMAGED)
        assert here.look(2) == [("error", "damaged", at)]
        (line,) = here.lines
        assert "code" in line["cause"]
        assert "kafka-delete-records.sh" in line["remedy"]
        assert here.look(AGAIN_SECONDS - 1) == []
        assert here.look(2) == [("error", "damaged", at)]
        segment.write_bytes(whole)
        await here.until(lambda reader: position(reader, DAMAGED) == 3)
        assert here.look() == [("info", "damaged", -1)]
        assert here.look(10 * AGAIN_SECONDS) == []


async def test_a_transaction_that_is_never_ended_is_told_with_the_offset_where_it_begins(kafka: EmbeddedKafka) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id="hangs")
    await producer.start()
    try:
        await producer.begin_transaction()
        await producer.send_and_wait(OPEN.topic, b"x", partition=0)
        async with watched(kafka, OPEN) as here:
            await here.until(lambda reader: bool(reader.highwater(OPEN)))
            assert here.look() == []
            assert here.look(OPEN_SECONDS - 1) == []
            assert here.look(2) == [("error", "open", 0)]
            (line,) = here.lines
            assert "transaction" in line["cause"]
            assert "find-hanging" in line["remedy"]
            await producer.commit_transaction()
            await here.until(lambda reader: position(reader, OPEN) >= 1)
            assert here.look() == [("info", "open", -1)]
    finally:
        await producer.stop()


def test_each_answer_to_a_fetch_says_partition_and_error_first() -> None:
    """The watch over partitions that stand still reads no more of it (:mod:`app.engine.kafka.stalls`)."""
    answers = [answer for name, answer in vars(fetch).items() if re.fullmatch(r"FetchResponse_v\d+", name)]
    assert answers
    for answer in answers:
        topics = dict(zip(answer.SCHEMA.names, answer.SCHEMA.fields, strict=True))["topics"]
        assert topics.array_of.names[1] == "partitions"
        assert topics.array_of.fields[1].array_of.names[:2] == ("partition", "error_code")
