"""The publisher: what is added goes out in order, all of it or a beginning of it, and it is told where it ended."""

import asyncio
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaTimeoutError, MessageSizeTooLargeError
from aiokafka.partitioner import DefaultPartitioner

from agents.chunk_changes import ChunkChanges
from app.core.messages import Message
from app.core.names import SLOT_ASSIGNED
from app.core.payloads import EssaySlotAssigned
from app.engine.kafka.clients import MAX_BATCH_BYTES, MAX_RECORD_BYTES, leaders_known, new_producer
from app.engine.kafka.decompress import LARGEST_RECORD
from app.engine.kafka.partitioner import partition_for, partitions_for
from app.engine.publish import Publisher, PublishError, TooLargeError, fits
from app.settings import Settings
from demo.kafka import EmbeddedKafka
from tests.engine.fakes import Producer
from tests.engine.harness import create
from tests.support.brokers import borrowed
from tests.support.events import uid
from tests.support.kafka_io import KafkaIO

QUARTER = b"x" * (MAX_BATCH_BYTES // 4)  # with its header, three of these go into a batch and four don't


def publisher(producer: object, counts: dict[str, int] | None = None) -> Publisher:
    """A publisher on a producer of memory."""
    return Publisher(producer, counts or {"t": 3})


async def test_the_order_of_a_partition_is_kept_over_several_batches() -> None:
    producer = Producer()
    out = publisher(producer)
    for number in range(10):
        out.add("t", 0, str(number).encode(), QUARTER)
    ends = await out.flush()
    batches = producer.batches["t", 0]
    assert [len(batch) for batch in batches] == [3, 3, 3, 1]
    assert [record.key for batch in batches for record in batch] == [str(number).encode() for number in range(10)]
    assert ends == {("t", 0): 10}


async def test_a_record_larger_than_a_batch_goes_alone_and_keeps_its_place() -> None:
    producer = Producer()
    out = publisher(producer)
    for value in (b"before", b"x" * (3 * MAX_BATCH_BYTES), b"after"):
        out.add("t", 0, None, value)
    await out.flush()
    assert [[len(record.value or b"") for record in batch] for batch in producer.batches["t", 0]] == [
        [6],
        [3_000_000],
        [5],
    ]


async def test_a_record_that_only_fits_compressed_is_compressed_and_those_around_it_are_not() -> None:
    """It came in a compressed batch of a few kilobytes: the topic that it came from bounds that, not the record."""
    producer = AIOKafkaProducer()
    out = publisher(producer)
    for value in (b"before", b"x" * (MAX_RECORD_BYTES + 1), b"after"):
        out.add("t", 0, None, value)
    built = [bytes(batch._build()) for batch in out._batches.take()["t", 0]]
    await producer.stop()
    assert [len(batch) < MAX_BATCH_BYTES for batch in built] == [True] * 3
    codecs = [
        batch[22] & 7 for batch in built
    ]  # the attributes' lower byte, behind 8 + 4 + 4 + 1 + 4 and one of its own
    assert codecs == [0, 1, 0]


def test_what_no_message_holds_even_when_compressed_is_known() -> None:
    noise = os.urandom(MAX_RECORD_BYTES)
    assert fits(None, noise[: -64 * 1024])
    assert not fits(None, noise)
    assert not fits(noise, b"value")
    assert fits(b"key", b"x" * (LARGEST_RECORD - 3))
    assert not fits(b"key", b"x" * LARGEST_RECORD), "nobody could read it"


async def test_keys_values_and_headers_arrive_as_they_were_given_null_included() -> None:
    producer = Producer()
    out = publisher(producer)
    out.add("t", 1, None, None, [("a", b"1"), ("b", None)])
    out.add("t", 1, b"", b"", None)
    await out.flush()
    assert [tuple(batch) for batch in producer.batches["t", 1][0]] == [
        (None, None, (("a", b"1"), ("b", None))),
        (b"", b"", ()),
    ]


async def test_flush_does_not_return_before_the_last_acknowledgement() -> None:
    producer = Producer(holds=lambda _: True)
    out = publisher(producer)
    out.add("t", 0, b"a", b"1")
    out.add("t", 1, b"b", b"2")
    flushing = asyncio.create_task(out.flush())
    await asyncio.sleep(0.3)  # three times the tenth of a second after which Faust's own flush gives up
    assert not flushing.done()
    first, producer.held = producer.held[:1], producer.held[1:]
    for _, future, metadata in first:
        future.set_result(metadata)
    await asyncio.sleep(0.05)
    assert not flushing.done()
    producer.acknowledge()
    assert await flushing == {("t", 0): 1, ("t", 1): 1}


async def test_a_batch_is_not_sent_before_the_one_in_front_of_it_is_acknowledged() -> None:
    producer = Producer(holds=lambda _: True)
    out = publisher(producer)
    for _ in range(4):
        out.add("t", 0, None, QUARTER)
    flushing = asyncio.create_task(out.flush())
    await asyncio.sleep(0.05)
    assert producer.steps == ["send t"]
    producer.acknowledge()
    await asyncio.sleep(0.05)
    assert producer.steps == ["send t", "ack t", "send t"]
    producer.acknowledge()
    await flushing


async def test_nothing_behind_a_refused_batch_of_its_partition_is_sent() -> None:
    producer = Producer(fails={("t", 0, 1): KafkaTimeoutError("late")})
    out = publisher(producer)
    for _ in range(12):
        out.add("t", 0, None, QUARTER)
    out.add("t", 1, None, b"another partition")
    with pytest.raises(PublishError, match=r"t partition 0.*KafkaTimeoutError.*will be repeated"):
        await out.flush()
    assert len(producer.batches["t", 0]) == 1
    assert len(producer.batches["t", 1]) == 1
    assert await out.flush() == {}


async def test_a_failure_is_told_only_when_nothing_is_under_way_any_more() -> None:
    producer = Producer(holds=lambda _: True, fails={("t", 0, 0): KafkaTimeoutError("late")})
    out = publisher(producer)
    out.add("t", 0, None, b"refused")
    out.add("t", 1, None, b"held")
    flushing = asyncio.create_task(out.flush())
    await asyncio.sleep(0.05)
    assert not flushing.done()
    producer.acknowledge()
    with pytest.raises(PublishError):
        await flushing


async def test_a_record_too_large_for_its_topic_says_which_setting_to_raise() -> None:
    out = publisher(Producer(fails={("t", 0, 0): MessageSizeTooLargeError()}))
    out.add("t", 0, None, b"large")
    with pytest.raises(PublishError, match=r"t partition 0.*max\.message\.bytes"):
        await out.flush()


async def test_an_acknowledgement_without_an_offset_is_told_as_such() -> None:
    class Retried(Producer):
        async def send_batch(self, batch: object, topic: str, *, partition: int) -> "asyncio.Future[object]":  # type: ignore[override]
            sent = await super().send_batch(batch, topic, partition=partition)
            answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
            answer.set_result(sent.result()._replace(offset=-1))
            return answer

    out = publisher(Retried())
    out.add("t", 0, None, b"x")
    assert await out.flush() == {("t", 0): -1}


async def test_a_record_without_a_key_goes_to_the_fallback_partition() -> None:
    producer = Producer()
    out = publisher(producer)
    out.keyed([("t", None, b"x", [])], fallback=5)
    assert list(await out.flush()) == [("t", 2)]


async def test_many_keyed_records_go_where_their_keys_say_in_the_order_in_which_they_were_added() -> None:
    producer = Producer()
    out = publisher(producer, {"t": 3, "u": 5})
    keys = [b"same" if number % 3 else uid("keyed", number).encode() for number in range(90)]
    out.keyed([("tu"[number % 2], key, b"%d" % number, []) for number, key in enumerate(keys)], fallback=0)
    await out.flush()
    for (topic, partition), batches in producer.batches.items():
        records = [record for batch in batches for record in batch]
        assert {partition_for(record.key or b"", {"t": 3, "u": 5}[topic]) for record in records} == {partition}
        assert [int(record.value or b"") for record in records] == sorted(
            int(record.value or b"") for record in records
        )
    assert sum(len(batch) for batches in producer.batches.values() for batch in batches) == 90


@pytest.mark.parametrize("partitions", [1, 2, 3, 5, 64, 10_000])
def test_partitions_are_those_of_kafkas_own_clients_for_keys_of_every_length(partitions: int) -> None:
    theirs, everything = DefaultPartitioner(), list(range(partitions))
    keys = [(uid("key", length, number) * 2).encode()[:length] for length in range(72) for number in range(30)]
    keys += [bytes([byte]) * length for byte in (0, 127, 128, 255) for length in range(1, 12)]
    keys += ["nyckel-ö".encode(), *(UUID(uid(number)).bytes for number in range(300))]
    expected = [theirs(key, everything, everything) for key in keys]
    assert partitions_for(keys, partitions) == expected
    assert [partition_for(key, partitions) for key in keys] == expected
    assert partitions_for(keys[:5], partitions) == expected[:5]  # few keys take another way
    assert partitions_for([], partitions) == []


@pytest.fixture(scope="module")
def kafka() -> Iterator[EmbeddedKafka]:
    with borrowed() as broker:
        yield broker


@pytest.mark.kafka
async def test_a_real_broker_has_the_records_where_the_publisher_says(kafka: EmbeddedKafka, tmp_path: Path) -> None:
    with KafkaIO(kafka.bootstrap) as io:
        create(io, "large", 2, {"max.message.bytes": "16777216"})
        producer = new_producer(Settings(broker=kafka.bootstrap, datadir=tmp_path))
        await producer.start()
        try:
            out = Publisher(producer, await leaders_known(producer, ["large"]))
            for _ in range(2):
                sizes = [QUARTER] * 7 + [QUARTER * 13] + [b"last"]
                for value in sizes:
                    out.add("large", 1, b"k", value)
                ends = await out.flush()
                assert ends == {("large", 1): io.ends(["large"])["large", 1]}
        finally:
            await producer.stop()
        read = io.reader(["large"])
        read.require(lambda records: len(records) == 18, "18 records")
        assert [record.value for record in read.records] == sizes * 2


@pytest.mark.kafka
async def test_a_topic_that_is_not_there_is_named_instead_of_waited_for(kafka: EmbeddedKafka, tmp_path: Path) -> None:
    producer = new_producer(Settings(broker=kafka.bootstrap, datadir=tmp_path))
    await producer.start()
    try:
        with pytest.raises(KafkaTimeoutError, match="no leader known for no-such-topic"):
            await leaders_known(producer, ["no-such-topic"], patience=0.5)
    finally:
        await producer.stop()


def test_a_record_that_a_topic_refuses_for_its_size_is_named_with_its_batch_and_its_place_in_the_log() -> None:
    work = ChunkChanges(datetime(2026, 3, 2, tzinfo=UTC), "tests", end=8)
    data = EssaySlotAssigned(
        batch_id="b",
        essay_id="e",
        file_upload_id="u",
        text_storage_id="t",
        original_file_name="x" * 1_100_000,
        correlation_id="c",
        timestamp=datetime(2026, 3, 2, tzinfo=UTC),
    )
    work.emit(Message(SLOT_ASSIGNED, "e", "id", "c", None, data), 7)
    record = work.largest(SLOT_ASSIGNED, "rollcall-log partition 2", 5)
    text = str(TooLargeError(SLOT_ASSIGNED, 1, record))
    for part in (SLOT_ASSIGNED, "partition 1", "batch b", "rollcall-log partition 2 offset 7", "max.message.bytes"):
        assert part in text
    work.rows[b"row of b"] = b"x"
    assert "row of b" in work.largest("changelog", "rollcall-log partition 2", 5)
    assert "offsets 5 to 7" in work.largest("changelog", "rollcall-log partition 2", 5)
