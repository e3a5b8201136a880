"""A node that is away: how often it is tried, who is asked instead, and that nobody waits for it who need not.

The brokers are sockets of this process; time-outs are shortened, and no bound is on the machine's speed.
"""

import asyncio
import contextlib
import socket
import time
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import ApiVersionRequest
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.group import HeartbeatRequest
from aiokafka.protocol.metadata import MetadataRequest

from app.engine.kafka import clients
from app.engine.kafka.aiokafka_patches import answers, backoff, known_nodes, nodes
from app.engine.kafka.crowded import NoConnectionError
from app.settings import Settings
from tests.engine.silent import LONG, SHORT, cluster, run
from tests.support.fake_broker import METADATA, FakeBroker


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (ApiVersionRequest, MetadataRequest, FindCoordinatorRequest, HeartbeatRequest):
        monkeypatch.setitem(answers._SECONDS, kind, SHORT)
    monkeypatch.setattr(answers, "QUICK", SHORT)


def test_a_connect_to_one_node_does_not_wait_for_that_to_another() -> None:
    async def scene() -> None:
        async with cluster(2) as (brokers, client):
            silent, well = brokers
            silent.silent = {18}
            silent.mute()
            for connection in list(client._conns.values()):
                connection.close()
            held = asyncio.ensure_future(client.ready(silent.node, group=ConnectionGroup.COORDINATION))
            await asyncio.sleep(SHORT / 8)
            assert await client.ready(well.node)
            assert not held.done()
            assert not await held

    run(scene)


def test_a_host_that_takes_no_connection_is_given_up_after_the_time_of_a_connect_not_that_of_a_delivery() -> None:
    async def scene() -> None:
        with socket.socket() as full, socket.socket() as first, socket.socket() as second:
            full.bind(("127.0.0.1", 0))
            full.listen(0)  # takes one connection, and further ones are left without an answer: what nobody accepts
            for client in (first, second):
                client.settimeout(0)
                with contextlib.suppress(BlockingIOError):
                    client.connect(full.getsockname())
            started = time.monotonic()
            with pytest.raises(TimeoutError):
                await create_conn("127.0.0.1", full.getsockname()[1], request_timeout_ms=round(LONG * 1000))
            assert time.monotonic() - started < LONG

    run(scene)


def test_closing_a_client_does_not_wait_for_what_a_dead_network_does_not_take() -> None:
    async def unread(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(4)
        writer.write(b"")
        await asyncio.sleep(LONG)

    async def scene() -> None:
        async with cluster(1) as ([broker], client):
            connection = client._conns[broker.node, ConnectionGroup.DEFAULT]
            connection._writer.transport.pause_reading()
            broker.mute()
            server = await asyncio.start_server(unread, "127.0.0.1", 0, limit=2**10)
            reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
            writer.write(b"x" * 2**26)  # more than any socket buffer takes: the rest stays with the transport
            connection._writer, connection._reader = writer, reader
            connection._closed_fut = asyncio.ensure_future(writer.wait_closed())
            started = time.monotonic()
            await client.close()
            assert time.monotonic() - started < LONG / 2
            server.close()

    run(scene)


def test_a_node_that_is_away_is_tried_seldom_by_every_client_and_at_once_again_when_it_is_back() -> None:
    """Many parts of a client want it at the same time, each as fast as it is refused: what is counted are tries."""

    async def scene() -> None:
        async with cluster(2) as (brokers, client):
            away = brokers[1]
            await away.away()
            tries = []

            async def counted(host: str, port: int, **options: Any) -> Any:
                tries.append(port)
                return await create_conn(host, port, **options)

            async def want(group: str) -> None:
                while True:
                    if await client.ready(away.node, group=group):
                        return
                    await asyncio.sleep(0.001)

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(f"{nodes.__name__}.create_conn", counted)
                wanting = [
                    asyncio.ensure_future(want(group)) for group in (ConnectionGroup.DEFAULT,) * 4 + ("other",) * 4
                ]
                await asyncio.sleep(3)
                # 50, 100, 200, ... 800 ms, less a fifth by chance: 6 to 7 tries in 3 s, of two connections each.
                assert 2 <= tries.count(away.port) <= 2 * 8
                asked = brokers[0].asked.count(METADATA)
                assert asked <= 12  # the survivor is asked as seldom: each failed try wants new metadata
                await away.listen()
                await asyncio.wait_for(asyncio.gather(*wanting), LONG)

    run(scene)


def test_a_node_that_lets_in_and_closes_at_once_is_backed_off_as_well() -> None:
    async def scene() -> None:
        node = known_nodes.Node()
        waits = []
        for _ in range(6):
            waits.append(node.before_try("default"))
            node.connected("default")
        assert waits[0] == 0
        assert all(wait > backoff.FIRST / 2 for wait in waits[1:])
        assert waits[-1] > 4 * backoff.FIRST

    run(scene)


def test_a_client_that_was_given_up_connects_to_nobody() -> None:
    """A producer that has no time left is closed with records in hand, and its sender goes on asking for the node."""

    async def scene() -> None:
        async with cluster(1) as ([broker], client):
            await client.close()
            before = broker.connections

            async def ask() -> None:
                while True:
                    assert not await client.ready(broker.node)

            asking = asyncio.ensure_future(ask())
            await asyncio.sleep(0.2)
            asking.cancel()
            assert broker.connections == before

    run(scene)


def test_a_client_that_is_started_while_the_broker_is_away_is_started_when_it_is_back() -> None:
    """In the middle of a takeover, say, which the group begins whenever it likes."""

    async def scene() -> None:
        async with FakeBroker(1) as broker:
            await broker.away()
            settings = Settings(broker=f"127.0.0.1:{broker.port}")
            reader = clients.new_reader(settings)
            with pytest.raises(NoConnectionError, match=r"no connection for 0 s .*max\.connections\.per\.ip"):
                await clients.start_patiently(settings, reader, patience=0)
            starting = asyncio.ensure_future(clients.start_patiently(settings, reader))
            await asyncio.sleep(0.1)
            assert not starting.done()
            await broker.listen()
            await asyncio.wait_for(starting, LONG)
            await reader.stop()

    run(scene)


def test_when_no_known_node_answers_those_of_the_setting_are_asked() -> None:
    """Nodes may have come since the metadata was last read, and those that it names may be gone for good."""

    async def scene() -> None:
        async with FakeBroker(1) as gone, FakeBroker(2) as other:
            client = AIOKafkaClient(bootstrap_servers=[f"127.0.0.1:{gone.port}", f"127.0.0.1:{other.port}"])
            other.known = [gone]
            await client.bootstrap()
            other.known = [other]
            await gone.away()
            deadline = time.monotonic() + LONG
            while {broker.nodeId for broker in client.cluster.brokers()} != {2}:
                assert time.monotonic() < deadline
                await client.force_metadata_update()
            await client.close()

    run(scene)


def test_a_delay_doubles_up_to_a_second_and_chance_takes_a_fifth_at_most() -> None:
    assert backoff.delay(0) == 0
    for failures, full in ((1, 0.05), (2, 0.1), (5, 0.8), (6, 1.0), (1000, 1.0)):
        delays = [backoff.delay(failures) for _ in range(200)]
        assert max(delays) <= full
        assert min(delays) >= 0.8 * full
        assert len(set(delays)) > 1


def test_leaders_known_keeps_its_patience_though_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (ApiVersionRequest, MetadataRequest):
        monkeypatch.setitem(answers._SECONDS, kind, 1.5 * LONG)

    async def scene() -> None:
        async with FakeBroker(1) as broker:
            producer = clients.new_producer(Settings(broker=f"127.0.0.1:{broker.port}"))
            await producer.client.bootstrap()
            broker.silent = {METADATA, 18}
            broker.mute()
            started = time.monotonic()
            with pytest.raises(KafkaError, match="no leader known for t"):
                await clients.leaders_known(producer, ["t"], patience=0.5)
            assert time.monotonic() - started < LONG
            await producer.stop()

    run(scene)


def test_metadata_that_is_wanted_again_and_again_is_asked_for_ever_more_seldom() -> None:
    """A partition without a leader makes each part of a client want it as fast as it is answered."""

    async def scene() -> None:
        async with cluster(1) as ([broker], client):
            before, ends = broker.asked.count(METADATA), time.monotonic() + 3
            while time.monotonic() < ends:
                await client.force_metadata_update()
            # 3 at once, then after 50, 100, 200, 400, 800 ms, less a fifth by chance: 9 to 10 in 3 s.
            assert broker.asked.count(METADATA) - before <= 12

    run(scene)
