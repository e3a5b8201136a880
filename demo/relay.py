"""The outbox relay: a poller that publishes unpublished rows in order and marks them after the acknowledgements.

Publishing and marking are two steps in two systems, so a crash between them publishes the rows again: at least once,
with a new `event_id`. The demo makes that crash happen at the keys it is given, once each, by ending the relay at that
very point and starting it anew.
"""

import asyncio
import json
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer

from demo.events import envelope
from demo.outbox import ServiceDatabase

POLL_INTERVAL = 0.05
"""Seconds between two looks at an empty outbox."""
RESTART_DELAY = 0.3
"""Seconds that a crashed relay is away."""
CHUNK = 50
"""Rows published between two marks."""


class RelayCrashError(RuntimeError):
    """The relay died after the broker's acknowledgement and before the rows were marked."""


class Producer(Protocol):
    """What the relay needs of an `AIOKafkaProducer`: `send` enqueues and returns the acknowledgement's future."""

    async def send(self, topic: str, value: bytes, key: bytes) -> asyncio.Future[Any]:
        """Enqueue one message."""


ProducerFactory = Callable[[], AbstractAsyncContextManager[Producer]]


def kafka_producer(bootstrap: str) -> ProducerFactory:
    """Return a factory of idempotent producers with acks=all: the broker keeps the order and drops network repeats."""

    def factory() -> AbstractAsyncContextManager[Producer]:
        producer: AbstractAsyncContextManager[Producer] = AIOKafkaProducer(
            bootstrap_servers=bootstrap, acks="all", enable_idempotence=True
        )
        return producer

    return factory


class Relay:
    """Publishes one service's outbox, each row no sooner than `delay` seconds after it was written."""

    def __init__(
        self, database: ServiceDatabase, producers: ProducerFactory, *, delay: float, crash_at: Iterable[str] = ()
    ) -> None:
        self._database = database
        self._producers = producers
        self._delay = delay
        self._crash_at = set(crash_at)
        self.crashes = 0

    @property
    def drained(self) -> bool:
        """Whether every event is published and marked."""
        return self._database.unpublished() == 0

    async def run(self) -> None:
        """Relay until cancelled; a crash that the demo provoked is followed by a restart, as a supervisor would do."""
        while True:
            try:
                async with self._producers() as producer:
                    while True:
                        if not await self.relay_once(producer):
                            await asyncio.sleep(POLL_INTERVAL)
            except RelayCrashError:
                self.crashes += 1
                await asyncio.sleep(RESTART_DELAY)

    async def relay_once(self, producer: Producer) -> int:
        """Publish the rows that are due, wait for their acknowledgements, mark them; return how many.

        Raises RelayCrashError between the two steps at a key that is chosen for it.
        """
        rows = self._database.due_events(delay=self._delay, limit=CHUNK)
        acknowledgements = [
            await producer.send(
                row.topic,
                value=envelope(row.topic, row.source_service, row.correlation_id, json.loads(row.data)),
                key=row.key.encode(),
            )
            for row in rows
        ]
        await asyncio.gather(*acknowledgements)
        crashing = self._crash_at.intersection(row.key for row in rows)
        if crashing:
            self._crash_at -= crashing
            raise RelayCrashError(sorted(crashing))
        if rows:
            self._database.mark_published(rows)
        return len(rows)
