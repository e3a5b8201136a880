"""A small synchronous Kafka client for tests: all is bounded in time, and a timeout says what was missing."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import CancelledError
from typing import Any, Self, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError

from app.engine.ending import all_ended
from tests.oracle.records import InputRecord, OutputRecord
from tests.support.events import Message
from tests.support.patience import PATIENCE

T = TypeVar("T")
CALL_SECONDS = PATIENCE  # no single call to the broker may take longer
MAX_REQUEST = 16 * 1024 * 1024  # bytes; the broker's limit decides, not the client's


class KafkaIO:
    """Producer, admin client and readers, synchronous, on an event loop in a thread of its own. A context manager."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="kafka-io", daemon=True)
        self._readers: list[Reader] = []

    def __enter__(self) -> Self:
        self._thread.start()
        self._producer, self._admin = self.call(self._start())
        return self

    def __exit__(self, *_exc: object) -> None:
        # Clients whose broker is gone may be cancelled in their own end: that is no failure of a test.
        with contextlib.suppress(CancelledError):
            self.call(self._stop())
        asyncio.run_coroutine_threadsafe(_cancel_others(), self._loop).result(CALL_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CALL_SECONDS)
        self._loop.close()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the client's loop. Raises TimeoutError after CALL_SECONDS."""
        return asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, CALL_SECONDS), self._loop).result()

    async def _start(self) -> tuple[AIOKafkaProducer, AIOKafkaAdminClient]:
        producer = AIOKafkaProducer(
            bootstrap_servers=self.bootstrap, acks="all", max_request_size=MAX_REQUEST, linger_ms=2
        )
        await producer.start()
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        return producer, admin

    async def _stop(self) -> None:
        for reader in self._readers:
            await reader.consumer.stop()
        await self._producer.stop()
        await self._admin.close()

    def create_topics(self, partitions: Mapping[str, int], replicas: int = 1) -> None:
        """Create topics, each with its number of partitions; one that is there already is left as it is."""
        new = [NewTopic(name, count, replicas) for name, count in partitions.items()]
        self.call(self._admin.create_topics(new))

    def topics(self) -> set[str]:
        """Return the names of the topics that exist."""
        return set(self.call(self._admin.list_topics()))

    def produce(
        self, messages: Iterable[Message], partition: Callable[[Message], int] | None = None
    ) -> list[InputRecord]:
        """Send messages in their order and return them, acknowledged, with their places.

        Without `partition` the key decides, and a message without a key goes anywhere.
        """
        return self.call(self._produce(list(messages), partition))

    async def _produce(
        self, messages: Sequence[Message], partition: Callable[[Message], int] | None
    ) -> list[InputRecord]:
        sent = [
            await self._producer.send(
                message.topic, value=message.value, key=message.key, partition=partition(message) if partition else None
            )
            for message in messages
        ]
        places = await asyncio.gather(*sent)
        return [
            InputRecord(record.topic, place.partition, place.offset, record.key, record.value)
            for record, place in zip(messages, places, strict=True)
        ]

    def committed(self, group: str) -> dict[tuple[str, int], int]:
        """Return the committed offsets of a consumer group; partitions without one are left out.

        A coordinator that is away, or has just moved to another broker, is asked again.
        """
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                found = self.call(self._admin.list_consumer_group_offsets(group))
            except (
                GroupCoordinatorNotAvailableError
            ):  # a broker that never had a group makes the offsets topic only now
                return {}
            except KafkaError as error:
                if not error.retriable or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                break
        return {(place.topic, place.partition): meta.offset for place, meta in found.items() if meta.offset >= 0}

    def ends(self, topics: Iterable[str]) -> dict[tuple[str, int], int]:
        """Return the end offsets of all partitions of topics."""
        return self.call(self._ends(list(topics)))

    async def _ends(self, topics: Sequence[str]) -> dict[tuple[str, int], int]:
        places = [
            TopicPartition(topic, number) for topic in topics for number in await self._producer.partitions_for(topic)
        ]
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap)
        await consumer.start()
        try:
            found = await consumer.end_offsets(places)
        finally:
            await consumer.stop()
        return {(place.topic, place.partition): offset for place, offset in found.items()}

    def wait_taken(self, group: str, topics: Iterable[str], within: float = PATIENCE) -> None:
        """Wait until a group has committed all that is on the topics now. Raises TimeoutError naming what is left."""
        ends = self.ends(topics)
        deadline = time.monotonic() + within
        pause = 0.05  # each question costs this process and the broker some ms
        while True:
            committed = self.committed(group)
            left = {
                place: f"{committed.get(place, 0)} of {end}"
                for place, end in ends.items()
                if committed.get(place, 0) < end
            }
            if not left:
                return
            if time.monotonic() > deadline:
                message = f"group {group} has not taken everything in {within} s; committed: {left}"
                raise TimeoutError(message)
            time.sleep(pause)
            pause = min(0.25, 1.3 * pause)

    def reader(self, topics: Iterable[str], *, read_committed: bool = False, within: float = PATIENCE) -> "Reader":
        """Return a reader of topics from their beginning, once all exist. Raises TimeoutError naming the others."""
        wanted = set(topics)
        deadline = time.monotonic() + within
        while missing := wanted - self.topics():
            if time.monotonic() > deadline:
                message = f"topics that were not created in {within} s: {sorted(missing)}"
                raise TimeoutError(message)
            time.sleep(0.1)
        reader = Reader(self, self.call(self._consumer(sorted(wanted), read_committed=read_committed)))
        self._readers.append(reader)
        return reader

    async def _consumer(self, topics: Sequence[str], *, read_committed: bool) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap,
            isolation_level="read_committed" if read_committed else "read_uncommitted",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            max_partition_fetch_bytes=MAX_REQUEST,
        )
        await consumer.start()
        places = [
            TopicPartition(topic, number) for topic in topics for number in await self._producer.partitions_for(topic)
        ]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        return consumer


async def _cancel_others() -> None:
    """End what a client that could not be stopped in order still runs on this loop.

    Once the loop is closed it could only complain, in the middle of another test.
    """
    await all_ended(asyncio.all_tasks() - {asyncio.current_task()})


class Reader:
    """Collects all records of its topics, in the order in which it meets them."""

    def __init__(self, io: KafkaIO, consumer: AIOKafkaConsumer) -> None:
        self.io = io
        self.consumer = consumer
        self.records: list[OutputRecord] = []

    def poll(self, seconds: float = 0.2) -> int:
        """Take what is there, waiting up to `seconds` for something; returns how many records came."""
        fetched = self.io.call(self.consumer.getmany(timeout_ms=int(seconds * 1000)))
        new = [
            OutputRecord(record.topic, record.partition, record.offset, record.key, record.value, tuple(record.headers))
            for records in fetched.values()
            for record in records
        ]
        self.records += new
        return len(new)

    def wait(self, done: Callable[[list[OutputRecord]], bool], within: float = PATIENCE) -> bool:
        """Read until `done` is true of all records so far; False if it is not within the time."""
        deadline = time.monotonic() + within
        while not done(self.records):
            if time.monotonic() > deadline:
                return False
            self.poll()
        return True

    def require(self, done: Callable[[list[OutputRecord]], bool], what: str, within: float = PATIENCE) -> None:
        """Read until `done` is true. Raises AssertionError that says `what` did not come, and what did."""
        if not self.wait(done, within):
            counts: dict[str, int] = {}
            for record in self.records:
                counts[record.topic] = counts.get(record.topic, 0) + 1
            message = f"{what}: not within {within} s; records so far: {counts}"
            raise AssertionError(message)

    def to_end(self, within: float = PATIENCE) -> None:
        """Read all that is on the topics now. Raises TimeoutError naming what is left."""
        ends = self.io.call(self._ends())
        deadline = time.monotonic() + within
        while left := {place: end for place, end in ends.items() if self.io.call(self.consumer.position(place)) < end}:
            if time.monotonic() > deadline:
                message = f"not read to their ends within {within} s: {left}"
                raise TimeoutError(message)
            self.poll()

    async def _ends(self) -> dict[TopicPartition, int]:
        found: dict[TopicPartition, int] = await self.consumer.end_offsets(self.consumer.assignment())
        return found

    def quiet(self, seconds: float = 2, within: float = PATIENCE) -> None:
        """Read until nothing has come for `seconds`. Raises AssertionError if that does not happen within the time."""
        last, deadline = time.monotonic(), time.monotonic() + within
        while time.monotonic() - last < seconds:
            if self.poll():
                last = time.monotonic()
            if time.monotonic() > deadline:
                message = f"still records after {within} s: {self.records[-1]}"
                raise AssertionError(message)
