"""A real cluster of Kafka nodes on loopback, each broker and controller, with the life of a Python object."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from demo.kafka.broker import EmbeddedKafka
from demo.kafka.node import new_cluster_id
from demo.kafka.ports import LOOPBACK, free_port

#: As a production cluster has it: three copies, of which one may be away. A node that is silent for 9 s is taken out
#: (Kafka's default; the embedded single broker has 3 s).
_CONFIG = {
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "share.coordinator.state.topic.replication.factor": "3",
    "share.coordinator.state.topic.min.isr": "2",
    "default.replication.factor": "3",
    "min.insync.replicas": "2",
    "broker.session.timeout.ms": "9000",
    "broker.heartbeat.interval.ms": "2000",
}


class KafkaCluster:
    """Three nodes. As a context manager they are started on entry and closed on exit.

    Each node (`nodes`, by its id from 1 on) is an `EmbeddedKafka`, to be killed, paused and started by itself. Beside
    its own listener it has one that is advertised at another port: `doors` says by that port where the node listens,
    for a proxy to stand between. Clients that are to come through the proxy bootstrap from `behind`.

    Args:
        data_dir: where the nodes keep their data, settings and logs, each in a directory of its own; never removed.
        config: broker settings that are added or that replace the default, for all nodes.
        heap: the largest Java heap of each node, in Java's notation.
        quick_start: as of `EmbeddedKafka`; switch it off for benchmarks.

    """

    def __init__(
        self,
        data_dir: Path,
        *,
        config: Mapping[str, str] | None = None,
        heap: str = "256m",
        quick_start: bool = True,
    ) -> None:
        cluster_id = new_cluster_id()
        ids = (1, 2, 3)
        self.doors: dict[int, int] = {}
        self.nodes: dict[int, EmbeddedKafka] = {}
        settings: dict[int, dict[str, str]] = {}
        for node in ids:
            behind, advertised = free_port(), free_port()
            self.doors[advertised] = behind
            settings[node] = {
                **_CONFIG,
                "node.id": str(node),
                "listeners": f"PROXIED://{LOOPBACK}:{behind}",
                "advertised.listeners": f"PROXIED://{LOOPBACK}:{advertised}",
                "listener.security.protocol.map": "PROXIED:PLAINTEXT",
                **(config or {}),
            }
            self.nodes[node] = EmbeddedKafka(
                data_dir=data_dir / f"node-{node}",
                config=settings[node],
                heap=heap,
                quick_start=quick_start,
                cluster_id=cluster_id,
            )
        voters = ",".join(f"{node}@{LOOPBACK}:{kafka.controller_port}" for node, kafka in self.nodes.items())
        for node, kafka in self.nodes.items():
            kafka.configure(settings[node] | {"controller.quorum.voters": voters})

    @property
    def bootstrap(self) -> str:
        """All nodes, each at its own listener."""
        return ",".join(kafka.bootstrap for kafka in self.nodes.values())

    @property
    def behind(self) -> str:
        """All nodes, each where it is advertised behind a proxy."""
        return ",".join(f"{LOOPBACK}:{port}" for port in self.doors)

    def __enter__(self) -> Self:
        """Start it."""
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def start(self) -> None:
        """Start the nodes that do not run, and return when all answer. Raises KafkaStartError, as theirs does."""
        for kafka in self.nodes.values():
            kafka.launch()
        for kafka in self.nodes.values():
            kafka.wait_until_up()

    def close(self) -> None:
        """End all nodes at once: their data is kept, and nothing waits for the last to find a quorum."""
        for kafka in self.nodes.values():
            kafka.kill()
        for kafka in self.nodes.values():
            kafka.close()
