"""Connections to nodes: each on its own, with a back-off; and metadata from a node that is likely to answer.

A node that is away is tried by each client after 50 ms, then after twice as long each time, at most a second, less up
to a fifth by chance. Connects to one node don't wait for another's. Whoever wants a connection while the node is
backed off waits for its turn, so that loops that ask again and again are paced by it, without knowing.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.conn import CloseReason, create_conn
from aiokafka.errors import KafkaError, NodeNotReadyError, RequestTimedOutError, StaleMetadata
from aiokafka.protocol.metadata import MetadataRequest

from app.engine.kafka.aiokafka_patches.backoff import LONGEST, delay

# The client's own logger: its lines are the client's, and are kept down as such.
log = logging.getLogger("aiokafka.client")

#: Seconds. A connection that held for less is no sign that the node is well.
_STEADY = LONGEST

#: Seconds for which others are preferred to a node that did not answer in time: until the cluster has taken it out.
_SILENT = 10.0

#: So many updates of the metadata may follow each other at once, as at a start; then they are spaced.
_UPDATES_AT_ONCE = 3

#: Seconds that closing a client waits for what its connections have still to send.
_CLOSE_PATIENCE = 1.0

_BOOTSTRAP = ("bootstrap", ConnectionGroup.DEFAULT)


class Node:
    """What a client knows of a node: how often in a row it could not be connected to, and until when it is left."""

    def __init__(self) -> None:
        self.failures = 0
        self.tries = 0
        self.not_before = 0.0
        self.silent = -_SILENT
        self._connected: dict[Any, float] = {}

    @property
    def doubtful(self) -> bool:
        """Whether it is better to ask another: it could not be connected to, or did not answer in time lately."""
        now = time.monotonic()
        holds = any(now - since > _STEADY for since in self._connected.values())
        return (self.failures > 0 and not holds) or now - self.silent < _SILENT

    def failed(self) -> None:
        """Note a failed try."""
        self.tries += 1
        self.failures += 1
        self.not_before = time.monotonic() + delay(self.failures)

    def connected(self, group: Any) -> None:
        """Note that one of its connections is made. What failed before counts until that has held for a while."""
        self._connected[group] = time.monotonic()

    def before_try(self, group: Any) -> float:
        """Seconds to wait before the next try for this connection."""
        now = time.monotonic()
        since = self._connected.pop(group, None)
        if since is not None:
            if now - since > _STEADY:
                self.failures = 0
            else:
                # It let this client in and closed soon after: as good as a failed try.
                self.failures += 1
                self.not_before = since + delay(self.failures)
        return max(0.0, self.not_before - now)


class Nodes:
    """What a client knows of its nodes."""

    def __init__(self) -> None:
        self.closed = False
        self._nodes: dict[Any, Node] = {}
        self._locks: dict[Any, asyncio.Lock] = {}

    def node(self, node_id: Any) -> Node:
        """What is known of a node."""
        return self._nodes.setdefault(node_id, Node())

    def lock(self, connection: Any) -> asyncio.Lock:
        """The lock that makes a node's connection once."""
        return self._locks.setdefault(connection, asyncio.Lock())


_known: WeakKeyDictionary[Any, Nodes] = WeakKeyDictionary()


def of(client: Any) -> Nodes:
    """What a client knows of its nodes."""
    nodes = _known.get(client)
    if nodes is None:
        nodes = _known[client] = Nodes()
    return nodes


def install() -> None:
    """Change it for all clients of the process. Idempotent."""
    AIOKafkaClient._get_conn = _get_conn  # noqa: SLF001 - the one place where a connection is made
    AIOKafkaClient._metadata_update = _metadata_update  # noqa: SLF001 - the one place where metadata is asked for
    AIOKafkaClient._md_synchronizer = _md_synchronizer  # noqa: SLF001 - the task that asks
    AIOKafkaClient.get_random_node = _get_random_node
    AIOKafkaClient.send = _send
    AIOKafkaClient.close = _close


async def _get_conn(self: Any, node_id: Any, *, group: Any = ConnectionGroup.DEFAULT, no_hint: bool = False) -> Any:  # noqa: ARG001 - aiokafka's signature
    """The connection to a node, made if need be; None when that can't be had now."""
    nodes, key = of(self), (node_id, group)
    if (present := _open(self, key)) is not None:
        return present
    node = nodes.node(node_id)
    tries = node.tries
    async with nodes.lock(key):
        if (present := _open(self, key)) is not None:
            return present
        if node.tries != tries:
            return None  # somebody else's try failed while this one waited for its turn
        if nodes.closed:  # by whoever gave it up: what still asks is paced, and connects to nobody
            await asyncio.sleep(LONGEST)
            return None
        await asyncio.sleep(node.before_try(group))
        try:
            broker = self.cluster.broker_metadata(node_id)
            if broker is None:
                message = f"Broker id {node_id} not in current metadata"
                raise StaleMetadata(message)
            made = await _connect(self, broker.host, broker.port, on_close=self._on_connection_closed)
        except (OSError, TimeoutError, KafkaError) as error:
            node.failed()
            log.error("Unable connect to node with id %s: %s", node_id, str(error) or type(error).__name__)  # noqa: TRY400 - as aiokafka says it
            # A node that can't be reached is a sign that the metadata is stale.
            self.force_metadata_update()
            return None
        if of(self).closed:  # meanwhile
            made.close()
            return None
        node.connected(group)
        self._conns[key] = made
        return made


def _open(client: Any, key: Any) -> Any:
    connection = client._conns.get(key)  # noqa: SLF001 - aiokafka's
    if connection is None or connection.connected():
        return connection
    del client._conns[key]  # noqa: SLF001 - aiokafka's
    return None


async def _connect(client: Any, host: str, port: int, on_close: Any = None) -> Any:
    return await create_conn(
        host,
        port,
        client_id=client._client_id,  # noqa: SLF001 - aiokafka's, as all below
        request_timeout_ms=client._request_timeout_ms,  # noqa: SLF001
        ssl_context=client._ssl_context,  # noqa: SLF001
        security_protocol=client._security_protocol,  # noqa: SLF001
        on_close=on_close,
        max_idle_ms=client._connections_max_idle_ms,  # noqa: SLF001
        sasl_mechanism=client._sasl_mechanism,  # noqa: SLF001
        sasl_plain_username=client._sasl_plain_username,  # noqa: SLF001
        sasl_plain_password=client._sasl_plain_password,  # noqa: SLF001
        sasl_kerberos_service_name=client._sasl_kerberos_service_name,  # noqa: SLF001
        sasl_kerberos_domain_name=client._sasl_kerberos_domain_name,  # noqa: SLF001
        sasl_oauth_token_provider=client._sasl_oauth_token_provider,  # noqa: SLF001
    )


async def _send(self: Any, node_id: Any, request: Any, *, group: Any = ConnectionGroup.DEFAULT) -> Any:
    """Send a request to a node and return its answer. Raises KafkaError.

    A time-out is the connection's to act on (:mod:`~app.engine.kafka.aiokafka_patches.answers`); aiokafka closes
    whatever connection the node has by then.
    """
    connection = await self._get_conn(node_id, group=group)
    if connection is None:
        message = f"Attempt to send a request to node which is not ready (node id {node_id})."
        raise NodeNotReadyError(message)
    try:
        return await connection.send(request)
    except RequestTimedOutError:
        of(self).node(node_id).silent = time.monotonic()
        raise


def _likely(client: Any) -> Iterator[Any]:
    """The nodes, the likely to answer first: connected ones, those that never failed, the one whose turn is next."""
    ids = [broker.nodeId for broker in client.cluster.brokers()]
    if _BOOTSTRAP in client._conns:  # noqa: SLF001 - aiokafka's
        ids.append("bootstrap")
    random.shuffle(ids)
    return iter(sorted(ids, key=lambda node_id: _reluctance(client, node_id)))


def _reluctance(client: Any, node_id: Any) -> tuple[int, float]:
    nodes = of(client)
    node = nodes.node(node_id)
    connection = client._conns.get((node_id, ConnectionGroup.DEFAULT))  # noqa: SLF001 - aiokafka's
    if connection is not None and connection.connected() and not node.doubtful:
        return 0, 0.0
    if nodes.lock((node_id, ConnectionGroup.DEFAULT)).locked() or node.doubtful:
        return 2, node.not_before
    return 1, 0.0


def _get_random_node(self: Any) -> Any:
    """A node to ask what any node can answer; by chance among those most likely to."""
    return next(_likely(self), None)


async def _metadata_update(self: Any, cluster_metadata: Any, topics: Any) -> bool:
    """Ask node after node for metadata, then those of the bootstrap list; whether one answered."""
    request = MetadataRequest(list(topics) if topics else None)
    asked = []
    for node_id in _likely(self):
        asked.append(node_id)
        connection = await self._get_conn(node_id)
        if connection is None:
            continue
        try:
            metadata = await connection.send(request)
        except (KafkaError, TimeoutError) as error:
            log.warning("Unable to request metadata from node with id %s: %r", node_id, error)
            of(self).node(node_id).silent = time.monotonic()
            continue
        return _taken(self, cluster_metadata, metadata)
    # None of those that were there when metadata was last read: others may have come since.
    known = {(broker.host, broker.port) for broker in self.cluster.brokers()}
    for host, port, _ in self.hosts:
        if (host, port) in known:
            continue
        try:
            connection = await _connect(self, host, port)
        except (OSError, TimeoutError, KafkaError):
            continue
        try:
            return _taken(self, cluster_metadata, await connection.send(request))
        except (KafkaError, TimeoutError):
            continue
        finally:
            connection.close()
    log.error("Unable to update metadata from %s", asked)
    cluster_metadata.failed_update(None)
    return False


def _taken(client: Any, cluster_metadata: Any, metadata: Any) -> bool:
    # No broker is an answer of one that has just begun: there is nothing to be learnt from it.
    if not metadata.brokers:
        return False
    cluster_metadata.update_metadata(metadata)
    if _BOOTSTRAP in client._conns and client.cluster.brokers():  # noqa: SLF001 - aiokafka's
        client._conns.pop(_BOOTSTRAP).close()  # noqa: SLF001 - aiokafka's
    return True


async def _md_synchronizer(self: Any) -> None:
    """Update the metadata when it is wanted, or old; without end.

    What is wanted again within a second of an answer is spaced: a partition without a leader, or a node that is away,
    makes each part of a client ask as fast as it is answered.
    """
    in_a_row, answered = 0, 0.0
    while True:
        await asyncio.wait([self._md_update_waiter], timeout=self._metadata_max_age_ms / 1000)
        in_a_row = in_a_row + 1 if time.monotonic() - answered < LONGEST else 0
        await asyncio.sleep(delay(in_a_row - _UPDATES_AT_ONCE))
        topics = self._topics
        if self._md_update_fut is None:
            self._md_update_fut = asyncio.get_running_loop().create_future()
        try:
            updated = await self._metadata_update(self.cluster, topics)
        except Exception:
            # Without this task nobody would ever be told of a new leader again.
            log.exception("Unexpected error while updating metadata")
            updated = False
        answered = time.monotonic()
        if topics != self._topics:
            continue  # what is wanted has changed meanwhile
        self._md_update_waiter = asyncio.get_running_loop().create_future()
        if not self._md_update_fut.done():
            self._md_update_fut.set_result(updated)
        self._md_update_fut = None


async def _close(self: Any) -> None:
    """Close all connections. One that can't send what it still has is cut after a second."""
    of(self).closed = True
    if self._sync_task:
        self._sync_task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._sync_task
        self._sync_task = None
    transports = {}
    for connection in self._conns.values():
        writer = connection._writer  # noqa: SLF001 - aiokafka's
        closed = connection.close(reason=CloseReason.SHUTDOWN)
        if closed is not None and writer is not None:
            transports[closed] = writer.transport
    if transports:
        _, pending = await asyncio.wait(transports, timeout=_CLOSE_PATIENCE)
        for closed in pending:
            transports[closed].abort()
