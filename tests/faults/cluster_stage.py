"""A stage with a cluster of three brokers, and a network of its own for the first worker."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from app.engine.kafka import aiokafka_patches
from demo.kafka.cluster import KafkaCluster
from tests.faults.quorum import Quorum
from tests.faults.traffic import Client
from tests.support.brokers import SETTINGS
from tests.support.fault_proxy import FaultProxy
from tests.support.stage import PARTITIONS, Stage
from tests.support.worker import Worker

REPLICAS = 3


class ClusterStage(Stage):
    """Three brokers with every topic on all of them; the first worker's connections go through ``proxy``."""

    io: Client

    def __init__(self, home: Path, *, settings: Mapping[str, str]) -> None:
        super().__init__(home, settings={**settings, "ROLLCALL_REPLICATION_FACTOR": str(REPLICAS)})
        self.cluster = KafkaCluster(home / "kafka", config={**SETTINGS, "group.min.session.timeout.ms": "1000"})
        self.kafka = self.cluster.nodes[1]
        self.quorum = Quorum(self.cluster)
        self.proxy = FaultProxy(self.cluster.doors)
        # The client that judges has to live through a silent broker as well.
        aiokafka_patches.install()

    def __enter__(self) -> Self:
        try:
            self.cluster.start()
            self.proxy.__enter__()
            self.io = self._ends.enter_context(Client(self.cluster.bootstrap))
            self.io.create_topics(PARTITIONS, REPLICAS)
        except BaseException:
            self.cluster.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        for kafka in self.cluster.nodes.values():
            kafka.resume()
        try:
            super().__exit__(*exc)
            self.proxy.__exit__()
        finally:
            self.cluster.close()

    def worker(self, *, app_id: str = "rollcall", settings: Mapping[str, str] | None = None) -> Worker:
        """Return a new worker, not started; the first one's brokers are behind the proxy."""
        broker = self.cluster.bootstrap if self.workers else self.cluster.behind
        return super().worker(app_id=app_id, settings={"ROLLCALL_BROKER": broker, **(settings or {})})
