"""Connections to nodes: each on its own, with a back-off.

A node that is away is tried by each client after 50 ms, then after twice as long each time, at most a second, less up
to a fifth by chance. Connects to one node don't wait for another's. A caller that wants a connection while the node is
backed off waits for its turn, so that loops that ask again and again are paced by it, without knowing.
"""

import asyncio
import contextlib
import logging
import time
from typing import Any

from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.conn import CloseReason, create_conn
from aiokafka.errors import KafkaError, NodeNotReadyError, RequestTimedOutError, StaleMetadata

from app.engine.kafka.aiokafka_patches.backoff import LONGEST
from app.engine.kafka.aiokafka_patches.known_nodes import of

# The client's own logger: its lines are the client's, and are kept down as such.
log = logging.getLogger("aiokafka.client")

#: Seconds that closing a client waits for what its connections have still to send.
_CLOSE_PATIENCE = 1.0


def install() -> None:
    """Change it for all clients of the process. Idempotent."""
    AIOKafkaClient._get_conn = _get_conn  # noqa: SLF001 - the one place where a connection is made
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
        broker = self.cluster.broker_metadata(node_id)
        try:
            if broker is None:
                message = f"Broker id {node_id} not in current metadata"
                raise StaleMetadata(message)
            connection = await connect(self, broker.host, broker.port, on_close=self._on_connection_closed)
        except (OSError, TimeoutError, KafkaError) as error:
            node.failed()
            if broker is not None:
                node.closings.failed(broker.host, broker.port, error)
            log.error("Unable connect to node with id %s: %s", node_id, str(error) or type(error).__name__)  # noqa: TRY400 - as aiokafka says it
            # A node that can't be reached is a sign that the metadata is stale.
            self.force_metadata_update()
            return None
        if of(self).closed:  # meanwhile
            connection.close()
            return None
        node.connected(group)
        node.closings.connected()
        self._conns[key] = connection
        return connection


def _open(client: Any, key: Any) -> Any:
    connection = client._conns.get(key)  # noqa: SLF001 - aiokafka's
    if connection is None or connection.connected():
        return connection
    del client._conns[key]  # noqa: SLF001 - aiokafka's
    return None


async def connect(client: Any, host: str, port: int, on_close: Any = None) -> Any:
    """Connect to an address as the client does. Raises OSError, TimeoutError and KafkaError."""
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
