import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from demo.file_service import FileService
from demo.plan import make_plan
from demo.relay import Relay, RelayCrashError
from tests.support.patience import PATIENCE

BATCH = make_plan(1, 1, 4).batches[0]
KEYS = [upload.file_upload_id for upload in BATCH.uploads]


class FakeProducer:
    """Keeps what it is sent; acknowledges at once, or fails every acknowledgement."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.failing = False
        self.started = 0

    async def send(self, topic: str, value: bytes, key: bytes) -> asyncio.Future[Any]:
        body = json.loads(value)
        assert body["event_type"] == topic
        self.sent.append((key.decode(), body))
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self.failing:
            future.set_exception(ConnectionError("no acknowledgement"))
        else:
            future.set_result(None)
        return future

    @asynccontextmanager
    async def factory(self) -> AsyncIterator["FakeProducer"]:
        self.started += 1
        yield self


@pytest.fixture
def service(tmp_path: Path) -> Iterator[FileService]:
    service = FileService(tmp_path / "files.sqlite")
    for upload in BATCH.uploads:
        service.upload(upload)
    yield service
    service.database.close()


async def test_rows_are_published_in_order_and_once(service: FileService) -> None:
    producer = FakeProducer()
    relay = Relay(service.database, producer.factory, delay=0)
    assert await relay.relay_once(producer) == len(KEYS)
    assert await relay.relay_once(producer) == 0
    assert [key for key, _ in producer.sent] == KEYS
    assert relay.drained


async def test_a_crash_between_publishing_and_marking_redelivers_with_a_new_event_id(service: FileService) -> None:
    producer = FakeProducer()
    relay = Relay(service.database, producer.factory, delay=0, crash_at=[KEYS[1]])
    with pytest.raises(RelayCrashError):
        await relay.relay_once(producer)
    assert not relay.drained
    assert await relay.relay_once(producer) == len(KEYS)
    first, again = producer.sent[: len(KEYS)], producer.sent[len(KEYS) :]
    assert [key for key, _ in first] == [key for key, _ in again] == KEYS
    for (_, earlier), (_, other) in zip(first, again, strict=True):
        assert earlier["event_id"] != other["event_id"]
        assert (earlier["data"], earlier["correlation_id"]) == (other["data"], other["correlation_id"])


async def test_rows_that_are_not_acknowledged_stay_unpublished(service: FileService) -> None:
    producer = FakeProducer()
    producer.failing = True
    relay = Relay(service.database, producer.factory, delay=0)
    with pytest.raises(ConnectionError):
        await relay.relay_once(producer)
    assert service.database.unpublished() == len(KEYS)


async def test_a_crashed_relay_is_started_again_with_a_new_producer(service: FileService) -> None:
    producer = FakeProducer()
    relay = Relay(service.database, producer.factory, delay=0, crash_at=[KEYS[0]])
    running = asyncio.create_task(relay.run())
    async with asyncio.timeout(PATIENCE):
        while not relay.drained:  # noqa: ASYNC110 - the state to wait for is in a database
            await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.wait([running])
    assert (relay.crashes, producer.started, len(producer.sent)) == (1, 2, 2 * len(KEYS))
