"""What is where in a cluster, and moving it: asked of the brokers by protocol, since no client here can."""

import asyncio
import random
import socket
import struct
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TypeVar

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import AlterPartitionReassignmentsRequest

from demo.kafka.cluster import KafkaCluster
from tests.support.patience import PATIENCE

T = TypeVar("T")

GROUP, TRANSACTION = 0, 1
_METADATA_LOG = b"__cluster_metadata"


class Quorum:
    """Questions to a cluster of which every node runs."""

    def __init__(self, cluster: KafkaCluster) -> None:
        self._cluster = cluster

    def controller(self) -> int:
        """The node that is the active controller (DescribeQuorum, version 0). Raises OSError when none answers."""
        topic = bytes([len(_METADATA_LOG) + 1]) + _METADATA_LOG
        body = b"\x02" + topic + b"\x02" + struct.pack(">i", 0) + b"\0\0\0"
        answer = self._call(55, 0, body)
        # An error (2 bytes), one topic (1) with its name, one partition (1): its index (4), error (2) and leader (4).
        start = 2 + 1 + len(topic) + 1 + 4 + 2
        return int(struct.unpack(">i", answer[start : start + 4])[0])

    def coordinator(self, kind: int, name: str) -> int:
        """The node that is the coordinator of a group or of a transactional id."""

        async def ask(client: AIOKafkaClient) -> int:
            async with asyncio.timeout(PATIENCE):  # the first question makes the topic of which it is the leader
                while True:
                    try:
                        return int(await client.coordinator_lookup(kind, name))
                    except KafkaError as error:
                        if not error.retriable:
                            raise
                        await asyncio.sleep(0.2)

        return self._with_client(ask)

    def leaders(self, topic: str) -> dict[int, int]:
        """The leader of each partition of a topic."""

        async def ask(client: AIOKafkaClient) -> dict[int, int]:
            await client.set_topics([topic])
            partitions = client.cluster.partitions_for_topic(topic) or set()
            return {number: client.cluster._partitions[topic][number].leader for number in partitions}

        return self._with_client(ask)

    def in_sync(self, topic: str) -> int:
        """How many replicas of a topic are in sync: of that partition which has the fewest."""

        async def ask(client: AIOKafkaClient) -> int:
            await client.set_topics([topic])
            return min(len(partition.isr) for partition in client.cluster._partitions[topic].values())

        return self._with_client(ask)

    def reassign(self, replicas: Mapping[tuple[str, int], Sequence[int]]) -> None:
        """Give partitions these replicas; the first is the preferred leader. Returns when it is under way."""
        by_topic: dict[str, list[tuple[int, list[int], dict[int, bytes]]]] = {}
        for (topic, number), nodes in replicas.items():
            by_topic.setdefault(topic, []).append((number, list(nodes), {}))

        async def ask(client: AIOKafkaClient) -> None:
            request = AlterPartitionReassignmentsRequest(
                30_000, [(topic, partitions, {}) for topic, partitions in by_topic.items()], {}
            )
            node = client.get_random_node()
            response = await client.send(node, request)
            errors = [
                (topic, number, code)
                for topic, partitions, _ in response.responses
                for number, code, *_ in partitions
                if code
            ]
            if response.error_code or errors:
                message = f"the reassignment was refused: {response.error_code} {response.error_message} {errors}"
                raise AssertionError(message)

        self._with_client(ask)

    def elect_preferred(self) -> None:
        """Make the first replica of every partition its leader (ElectLeaders, version 1: type 0, null for all)."""
        self._call(43, 1, struct.pack(">bii", 0, -1, 30_000), flexible=False)

    def _with_client(self, ask: Callable[[AIOKafkaClient], Coroutine[object, object, T]]) -> T:
        async def go() -> T:
            client = AIOKafkaClient(bootstrap_servers=self._cluster.bootstrap, request_timeout_ms=10_000)
            await client.bootstrap()
            try:
                return await ask(client)
            finally:
                await client.close()

        return asyncio.run(go())

    def _call(self, kind: int, version: int, body: bytes, *, flexible: bool = True) -> bytes:
        """Send a request to one node, and return the body of the answer."""
        tags = b"\0" if flexible else b""
        request = struct.pack(">hhih", kind, version, 1, 6) + b"quorum" + tags + body
        address = random.choice([kafka.bootstrap for kafka in self._cluster.nodes.values()])  # noqa: S311 - any node
        host, _, port = address.partition(":")
        with socket.create_connection((host, int(port)), 10) as connection, connection.makefile("rb") as answers:
            connection.sendall(struct.pack(">i", len(request)) + request)
            (size,) = struct.unpack(">i", answers.read(4))
            return answers.read(size)[4 + len(tags) :]
