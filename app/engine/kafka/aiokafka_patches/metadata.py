"""Metadata from a node that is likely to answer, and from those of the bootstrap list when no known one does."""

import asyncio
import logging
import random
import time
from collections.abc import Iterator
from typing import Any

from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.errors import KafkaError
from aiokafka.protocol.metadata import MetadataRequest

from app.engine.kafka.aiokafka_patches.backoff import LONGEST, delay
from app.engine.kafka.aiokafka_patches.known_nodes import of
from app.engine.kafka.aiokafka_patches.nodes import connect

# The client's own logger: its lines are the client's, and are kept down as such.
log = logging.getLogger("aiokafka.client")

#: Updates of the metadata that may follow each other at once, as at a start; further ones are spaced.
_UPDATES_AT_ONCE = 3

_BOOTSTRAP = ("bootstrap", ConnectionGroup.DEFAULT)


def install() -> None:
    """Change it for all clients of the process. Idempotent."""
    AIOKafkaClient._metadata_update = _metadata_update  # noqa: SLF001 - the one place where metadata is asked for
    AIOKafkaClient._md_synchronizer = _md_synchronizer  # noqa: SLF001 - the task that asks
    AIOKafkaClient.get_random_node = _get_random_node


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
            connection = await connect(self, host, port)
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
            # Without this task the client would never learn of a new leader again.
            log.exception("Unexpected error while updating metadata")
            updated = False
        answered = time.monotonic()
        if topics != self._topics:
            continue  # what is wanted has changed meanwhile
        self._md_update_waiter = asyncio.get_running_loop().create_future()
        if not self._md_update_fut.done():
            self._md_update_fut.set_result(updated)
        self._md_update_fut = None
