"""Probes: contents for each partition of the log, so many a second, and how long each partition gave no answer.

Each partition of the log has a batch with more slots than probes are sent; a probe is a content for it, through the
input partition of the same number, and is answered by a slot event of its own. A probe is sent whether or not the last
one was answered: what counts is when a partition answers again, not how many wait.
"""

import asyncio
import contextlib
import json
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.partitioner import murmur2

from app.engine.ending import all_ended
from bench.records import ID, envelope
from bench.workload import CONTENT, MOMENT, REGISTERED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SLOT = "huleedu.els.essay.slot.assigned.v1"

#: Probes a second to each partition: what is told is told to a twentieth of a second.
RATE = 20

#: Slots of a batch: for 300 s of probes.
SLOTS = 6000


class Probes:
    """Sends probes within its context. ``name`` sets its batches apart from those of other probes of the app id."""

    def __init__(self, bootstrap: str, partitions: int, *, name: str = "probe", exactly_once: bool = True) -> None:
        self.partitions = partitions
        self._batches = [_batch(name, number, partitions) for number in range(partitions)]
        self._producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=0)
        self._consumers = {
            level: AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level=level, fetch_max_wait_ms=100)
            for level in (("read_committed", "read_uncommitted") if exactly_once else ("read_uncommitted",))
        }
        self._sent: dict[str, float] = {}
        #: When each probe was sent, and when its answer came; by partition, in order.
        self.answered: list[dict[str, tuple[float, float]]] = [{} for _ in range(partitions)]
        #: The same, for when the answer was written: a reader of committed records may get it later.
        self.written = [{} for _ in range(partitions)] if exactly_once else self.answered
        self._came = asyncio.Event()
        self._beside: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await self._producer.start()
        partitions = [TopicPartition(_SLOT, number) for number in await self._producer.partitions_for(_SLOT)]
        for consumer in self._consumers.values():
            await consumer.start()
            consumer.assign(partitions)
            await consumer.seek_to_end(*partitions)
            for partition in partitions:
                await consumer.position(partition)
        for number, batch in enumerate(self._batches):
            await self._producer.send_and_wait(REGISTERED, _registered(batch), batch.encode(), number % 3)
        self._beside = [asyncio.create_task(self._send())]
        for consumer, answers in zip(self._consumers.values(), (self.answered, self.written), strict=False):
            self._beside.append(asyncio.create_task(self._read(consumer, answers)))
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _: TracebackType | None
    ) -> None:
        await all_ended(self._beside)
        for consumer in self._consumers.values():
            await consumer.stop()
        with contextlib.suppress(Exception):
            await self._producer.stop()

    async def settled(self, within: float) -> None:
        """Wait until every partition answers what was sent after this call. Raises TimeoutError."""
        since = time.monotonic()
        async with asyncio.timeout(within):
            while not all(any(sent > since for sent, _ in answers.values()) for answers in self.answered):
                self._came.clear()
                await self._came.wait()

    def longest(self, since: float, until: float, *, written: bool = False) -> list[float]:
        """For each partition, the longest that a probe of this time waited for its answer, in seconds.

        Those without an answer have waited until now. With ``written`` an answer counts from when it was written, not
        from when a reader of committed records got it.
        """
        now, answers = time.monotonic(), self.written if written else self.answered
        waits = [[0.0] for _ in range(self.partitions)]
        for probe, sent in list(self._sent.items()):
            if since <= sent <= until:
                number = int(probe.partition("-")[0])
                _, came = answers[number].get(probe, (sent, now))
                waits[number].append(came - sent)
        return [max(seconds) for seconds in waits]

    async def _send(self) -> None:
        begun = time.monotonic()
        for turn in range(SLOTS):
            await asyncio.sleep(max(0.0, begun + turn / RATE - time.monotonic()))
            for number, batch in enumerate(self._batches):
                probe = f"{number}-{turn}"
                self._sent[probe] = time.monotonic()
                await self._producer.send(CONTENT, _content(batch, probe), probe.encode(), number)

    async def _read(self, consumer: AIOKafkaConsumer, answers: list[dict[str, tuple[float, float]]]) -> None:
        while True:
            fetched: Mapping[TopicPartition, Any] = await consumer.getmany(timeout_ms=100)
            now = time.monotonic()
            for records in fetched.values():
                for record in records:
                    self._answer(record.value, now, answers)
            self._came.set()

    def _answer(self, value: bytes, now: float, answers: list[dict[str, tuple[float, float]]]) -> None:
        data = json.loads(value)["data"]
        probe = data["file_upload_id"]
        if data["batch_id"] in self._batches and probe in self._sent:
            answers[int(probe.partition("-")[0])].setdefault(probe, (self._sent[probe], now))


def _batch(name: str, number: int, partitions: int) -> str:
    """A batch id that belongs to this partition of the log."""
    tried: Iterator[str] = (f"{name}-{turn}" for turn in range(100_000))
    return next(batch for batch in tried if (murmur2(batch.encode()) & 0x7FFFFFFF) % partitions == number)


def _registered(batch: str) -> bytes:
    data = {
        "entity_id": batch,
        "essay_ids": [f"{batch}-{number}" for number in range(SLOTS)],
        "expected_essay_count": SLOTS,
        "course_code": "ENG5",
        "user_id": "bench",
    }
    return envelope(REGISTERED, data)


def _content(batch: str, probe: str) -> bytes:
    data = {
        "entity_id": batch,
        "file_upload_id": probe,
        "original_file_name": f"{probe}.txt",
        "raw_file_storage_id": probe,
        "text_storage_id": probe,
        "file_size_bytes": 1,
        "correlation_id": ID,
        "timestamp": MOMENT,
    }
    return envelope(CONTENT, data)
