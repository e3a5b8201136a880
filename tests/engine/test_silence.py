"""A broker or a connection that falls silent: how long it is waited for.

Time-outs are shortened, and no bound is on the machine's speed.
"""

import asyncio
import contextlib
import time
from typing import Any

import pytest
from aiokafka.client import ConnectionGroup
from aiokafka.conn import create_conn
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import NodeNotReadyError, RequestTimedOutError
from aiokafka.protocol.admin import ApiVersionRequest
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.group import HeartbeatRequest, JoinGroupRequest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.produce import ProduceRequest

from app.engine.kafka.aiokafka_patches import answers
from tests.engine.silent import LONG, SHORT, cluster, run
from tests.support.fake_broker import FIND_COORDINATOR, METADATA, FakeBroker
from tests.support.patience import PATIENCE

PRODUCE = 0


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (ApiVersionRequest, MetadataRequest, FindCoordinatorRequest, HeartbeatRequest):
        monkeypatch.setitem(answers._SECONDS, kind, SHORT)
    monkeypatch.setattr(answers, "QUICK", SHORT)


def test_a_mute_connection_is_closed_when_metadata_does_not_come_and_a_new_one_is_asked() -> None:
    async def scene() -> None:
        async with cluster(2) as (brokers, client):
            before = [client._conns[broker.node, ConnectionGroup.DEFAULT] for broker in brokers]
            for broker in brokers:
                broker.mute()
            started = time.monotonic()
            while not await client.force_metadata_update():
                pass
            assert time.monotonic() - started < LONG
            assert any(not connection.connected() for connection in before)
            assert any(connection.connected() for connection in client._conns.values())

    run(scene)


def test_a_coordinator_is_found_though_one_node_says_nothing() -> None:
    async def scene() -> None:
        async with cluster(3) as (brokers, client):
            brokers[0].silent = {FIND_COORDINATOR, METADATA, 18}
            brokers[0].mute()
            # The silent one is found out, whoever is asked first; on a busy machine a sound one may be late as well.
            found = None
            async with asyncio.timeout(PATIENCE):
                while found is None:
                    with contextlib.suppress(RequestTimedOutError, NodeNotReadyError):
                        found = await client.coordinator_lookup(0, "group")
            assert found in {broker.node for broker in brokers}

    run(scene)


def test_a_request_of_a_kind_that_takes_long_is_not_cut_short_by_one_behind_it() -> None:
    """A produce request waits for replicas; a metadata request behind it gives up alone and asks elsewhere."""

    async def scene() -> None:
        async with cluster(1) as ([broker], client):
            broker.silent = {PRODUCE, METADATA}
            connection = client._conns[broker.node, ConnectionGroup.DEFAULT]
            produce = asyncio.ensure_future(connection.send(_produce()))
            with pytest.raises(RequestTimedOutError):
                await connection.send(MetadataRequest([]))
            assert connection.connected()
            assert not produce.done()
            produce.cancel()
            with pytest.raises(RequestTimedOutError):
                await connection.send(MetadataRequest([]))
            assert not connection.connected()  # the oldest that somebody still waits for

    run(scene)


def _produce(size: int = 1) -> Any:
    return ProduceRequest(transactional_id=None, required_acks=-1, timeout=1000, topics=[("t", [(0, b"x" * size)])])


def test_each_kind_has_its_time_out() -> None:
    fetch = FetchRequest(500, 1, 1000, 1, [], rack_id="")
    join = JoinGroupRequest("group", 6000, 60_000, "", "", "consumer", [])
    assert answers.seconds(fetch, LONG) == 0.5 + answers.DISK
    assert answers.seconds(join, LONG) > 60
    assert answers.seconds(_produce(), LONG) == pytest.approx(answers.PRODUCED, abs=0.1)
    # A full batch over a line of the slowest speed that is no silence.
    assert answers.seconds(_produce(1_000_000), LONG) > 1_000_000 / answers.SLOWEST
    assert answers.seconds(object(), LONG) == LONG


@pytest.mark.parametrize("session_ms", [1000, 6000, 45_000])
def test_a_heartbeat_waits_no_longer_than_half_the_session(session_ms: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "QUICK", LONG)
    monkeypatch.setitem(answers._SECONDS, HeartbeatRequest, LONG)
    waited = []

    class Client:
        async def send(self, _: int, request: Any, **__: Any) -> None:
            waited.append(answers.seconds(request, LONG))

    coordinator = object.__new__(GroupCoordinator)
    coordinator.coordinator_id, coordinator._session_timeout_ms, coordinator._client = 1, session_ms, Client()
    asyncio.run(coordinator._send_req(HeartbeatRequest("group", 1, "member")))
    assert waited[0] <= session_ms / 2000


def test_bytes_that_arrive_are_no_silence() -> None:
    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readexactly(int.from_bytes(await reader.readexactly(4)))
        broker = FakeBroker(1)
        body = broker._answer(18) or b""
        frame = (len(body) + 4).to_bytes(4) + request[4:8] + body
        for byte in frame:  # 40 bytes, one every 50 ms: 2 s, five times the time-out
            writer.write(bytes([byte]))
            await asyncio.sleep(SHORT / 8)
        await reader.read()
        writer.close()

    async def scene() -> None:
        server = await asyncio.start_server(trickle, "127.0.0.1", 0)
        connection = await create_conn("127.0.0.1", server.sockets[0].getsockname()[1], request_timeout_ms=10_000)
        assert connection.connected()
        connection.close()
        server.close()

    run(scene)


def test_a_pause_of_this_process_is_no_silence_of_the_broker() -> None:
    async def scene() -> None:
        async with cluster(1) as ([broker], client):
            connection = client._conns[broker.node, ConnectionGroup.DEFAULT]
            answer = asyncio.ensure_future(connection.send(MetadataRequest([])))
            await asyncio.sleep(0)
            time.sleep(2 * SHORT)  # noqa: ASYNC251 - the loop stands still, as a stopped process does
            await answer
            assert connection.connected()

    run(scene)
