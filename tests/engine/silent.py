"""Brokers that are sockets of this process, and a client of theirs, for what happens when they fall silent."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from aiokafka.client import AIOKafkaClient

from app.engine.kafka import clients
from tests.support.fake_broker import FakeBroker
from tests.support.patience import PATIENCE

#: Seconds. Far above any time-out of these tests, far below what they replace: it tells which of both ended a wait.
LONG = PATIENCE
SHORT = 0.4


def run(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def within() -> None:
        async with asyncio.timeout(2 * LONG):
            await scene()

    asyncio.run(within())


@contextlib.asynccontextmanager
async def cluster(count: int) -> AsyncIterator[tuple[list[FakeBroker], AIOKafkaClient]]:
    async with contextlib.AsyncExitStack() as stack:
        brokers = [await stack.enter_async_context(FakeBroker(number)) for number in range(1, count + 1)]
        for broker in brokers:
            broker.known = brokers
        client = AIOKafkaClient(
            bootstrap_servers=[f"127.0.0.1:{broker.port}" for broker in brokers],
            request_timeout_ms=round(clients.DELIVERY_TIMEOUT_MS),
            metadata_max_age_ms=10**8,
        )
        await client.bootstrap()
        try:
            for broker in brokers:
                await client.ready(broker.node)
            yield brokers, client
        finally:
            await client.close()
