"""A broker made of memory: a producer whose acknowledgements the test gives, one by one, late or never."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from app.engine.kafka.clients import MAX_BATCH_BYTES

Place = tuple[str, int]


class Metadata(NamedTuple):
    """What an acknowledgement says."""

    offset: int


class Record(NamedTuple):
    """A record as a broker would have read it out of a batch."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class Fetched(NamedTuple):
    """A record as a consumer hands it on."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


@dataclass
class Producer:
    """Takes batches and keeps them. `steps` is everything that happened, in order.

    With `holds` a batch of that topic is acknowledged only by :meth:`acknowledge`; with `fails` it is refused.
    """

    holds: Callable[[str], bool] = lambda _topic: False
    fails: dict[tuple[str, int, int], Exception] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    batches: dict[Place, list[list[Record]]] = field(default_factory=dict)
    held: list[tuple[str, asyncio.Future[Metadata], Metadata]] = field(default_factory=list)

    def create_batch(self) -> BatchBuilder:
        """A batch as aiokafka makes one."""
        return BatchBuilder(MAX_BATCH_BYTES, 0)

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> asyncio.Future[Metadata]:
        """Take a batch; the future is its acknowledgement."""
        taken = [
            Record(record.key, record.value, tuple(record.headers))
            for record in _all(MemoryRecords(bytes(batch._build())))
        ]
        before = self.batches.setdefault((topic, partition), [])
        offset = sum(map(len, before))
        future: asyncio.Future[Metadata] = asyncio.get_running_loop().create_future()
        self.steps.append(f"send {topic}")
        error = self.fails.get((topic, partition, len(before)))
        if error is not None:
            future.set_exception(error)
            return future
        before.append(taken)
        if self.holds(topic):
            self.held.append((topic, future, Metadata(offset)))
        else:
            future.set_result(Metadata(offset))
        return future

    def acknowledge(self) -> None:
        """Acknowledge all that is held."""
        for topic, future, metadata in self.held:
            self.steps.append(f"ack {topic}")
            future.set_result(metadata)
        self.held.clear()

    async def begin_transaction(self) -> None:
        """Begin a transaction."""
        self.steps.append("begin")

    async def commit_transaction(self) -> None:
        """Commit: an error with anything unacknowledged, as a real one would never be."""
        assert not self.held, "committed with records under way"
        self.steps.append("commit")

    async def start(self) -> None:
        """Nothing to connect to."""
        self.steps.append("start")

    async def stop(self) -> None:
        """Nothing to disconnect from."""
        self.steps.append("stop")


def _all(records: MemoryRecords) -> list[Any]:
    found = []
    while records.has_next():
        batch = records.next_batch()
        assert batch is not None
        found += list(batch)
    return found
