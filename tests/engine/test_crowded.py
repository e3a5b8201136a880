"""A broker that takes connections and closes them at once: told with its likely cause, and waited for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.errors import KafkaConnectionError
from aiokafka.structs import BrokerMetadata
from structlog.testing import capture_logs

from app.engine.kafka import broker_diagnosis, clients, crowded
from app.settings import Settings
from tests.support.fake_broker import FakeBroker
from tests.support.patience import PATIENCE

TOLD = "a broker closes connections as soon as they are made; trying again"


@asynccontextmanager
async def listening(*, closes: bool) -> AsyncIterator[int]:
    """The port of a server that closes each connection at once, or says nothing."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not closes:
            await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def test_only_a_broker_that_closes_what_it_took_is_crowded() -> None:
    async with listening(closes=True) as port, listening(closes=False) as silent:
        gone = asyncio.get_running_loop()
        free = (await gone.create_server(asyncio.Protocol, "127.0.0.1", 0)).sockets[0].getsockname()[1]
        found = await crowded.closing(
            [("127.0.0.1", port), ("127.0.0.1", silent), ("127.0.0.1", free), ("127.0.0.1", 1)]
        )
        assert found == [f"127.0.0.1:{port}"]


async def test_a_client_that_is_turned_away_says_so_and_ends_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "_TOLD_AFTER", 0.0)
    async with listening(closes=True) as port:
        settings = Settings(broker=f"127.0.0.1:{port}", partitions=6, app_id="mine")
        producer = clients.new_producer(settings)
        with capture_logs() as lines, pytest.raises(crowded.NoConnectionError) as caught:
            await clients.start_patiently(settings, producer, patience=1.0)
        await producer.stop()
    (line,) = [line for line in lines if line["event"] == TOLD]  # it is said again after half a minute
    assert line["broker"] == f"127.0.0.1:{port}"
    assert "max.connections.per.ip" in line["cause"]
    assert "each worker behind this address holds up to 7" in line["remedy"]
    text = str(caught.value)
    assert text.startswith(f"ROLLCALL_BROKER=127.0.0.1:{port}: no connection for 1 s")
    assert "Too many connections" in text
    assert "\n" not in text


async def test_a_client_of_which_a_node_takes_no_further_connection_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that has some of the connections that it needs: its others try for ever."""
    monkeypatch.setattr(crowded, "_CLOSED_FOR", 0.3)
    async with FakeBroker(1) as broker, listening(closes=True) as port:
        client = AIOKafkaClient(bootstrap_servers=f"127.0.0.1:{broker.port}")
        await client.bootstrap()
        monkeypatch.setattr(
            client.cluster, "broker_metadata", lambda node: BrokerMetadata(node, "127.0.0.1", port, None)
        )
        with capture_logs() as lines:
            async with asyncio.timeout(PATIENCE):
                while not lines:
                    assert await client._get_conn(1, group=ConnectionGroup.COORDINATION) is None
        await client.close()
    assert (lines[0]["event"], lines[0]["broker"]) == (TOLD, f"127.0.0.1:{port}")


async def test_a_node_that_closes_now_and_then_or_is_not_there_is_not_told() -> None:
    closings, closed = crowded.Closings(), KafkaConnectionError("Connection at h:1 closed")
    with capture_logs() as lines:
        for _ in range(20):  # within a moment: a broker that goes down
            closings.failed("h", 1, closed)
        for number in range(20):
            closings._since -= 10
            closings.failed("h", 1, closed if number % 4 else ConnectionRefusedError())
    assert lines == []


async def test_a_running_worker_that_is_turned_away_says_so_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowded, "AGAIN", 0.0)
    looks = 0

    async def sleep(_: float) -> None:
        nonlocal looks
        looks += 1
        if looks > 2:
            raise asyncio.CancelledError

    async with listening(closes=True) as port:
        with capture_logs() as lines, pytest.raises(asyncio.CancelledError):
            await broker_diagnosis.watch(Settings(broker=f"127.0.0.1:{port}"), sleep)
    assert [line["event"] for line in lines if line["event"] == TOLD] == [TOLD] * 2
