"""A real Kafka with topics, a client and workers, and one place that ends all of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from demo.kafka import EmbeddedKafka
from tests.oracle import topics
from tests.support.kafka_io import KafkaIO, Reader
from tests.support.worker import Worker

# Counts that differ on purpose: the three topics need not be co-partitioned.
PARTITIONS = {topics.REGISTERED: 3, topics.CONTENT: 5, topics.FAILED: 1}


class Stage:
    """An embedded Kafka with the input topics, and any number of workers. Leaving this context ends everything."""

    def __init__(self, home: Path, *, settings: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.settings = dict(settings or {})
        self.kafka = EmbeddedKafka(data_dir=home / "kafka")
        self.workers: list[Worker] = []

    def __enter__(self) -> Self:
        try:
            self.kafka.start()
            self.io = KafkaIO(self.kafka.bootstrap).__enter__()
            self.io.create_topics(PARTITIONS)
        except BaseException:
            self.kafka.close()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        for worker in self.workers:
            worker.close()
        try:
            self.io.__exit__()
        finally:
            self.kafka.close()

    def worker(self, *, app_id: str = "rollcall", settings: Mapping[str, str] | None = None) -> Worker:
        """Return a new worker, not started, with a data directory and a port of its own."""
        home = self.home / f"worker-{len(self.workers)}"
        worker = Worker(self.kafka.bootstrap, home, app_id=app_id, settings=self.settings | dict(settings or {}))
        self.workers.append(worker)
        return worker

    def reader(self, *, read_committed: bool = False) -> Reader:
        """Return a reader of all output topics; the worker creates them, so one must be starting."""
        return self.io.reader(topics.OUTPUTS, read_committed=read_committed)

    def wait_taken(self, app_id: str = "rollcall", within: float = 60) -> None:
        """Wait until the workers of an app id have committed all inputs."""
        self.io.wait_taken(app_id, topics.INPUTS, within)
