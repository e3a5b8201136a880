"""A real Kafka with topics, a client and workers, and one place that ends all of it."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from demo.kafka import EmbeddedKafka
from tests.oracle import topics
from tests.support.brokers import borrowed
from tests.support.kafka_io import KafkaIO, Reader
from tests.support.patience import PATIENCE
from tests.support.worker import Worker

# Counts that differ on purpose: the three topics need not be co-partitioned.
PARTITIONS = {topics.REGISTERED: 3, topics.CONTENT: 5, topics.FAILED: 1}


class Stage:
    """An embedded Kafka with the input topics, and any number of workers. Leaving this context ends everything.

    The broker, `kafka`, is there from the beginning of the context; it is a borrowed one, see `brokers`. With
    ``own_broker`` it is a process of its own, which can be killed and paused.
    """

    kafka: EmbeddedKafka

    def __init__(self, home: Path, *, settings: Mapping[str, str] | None = None, own_broker: bool = False) -> None:
        self.home = home
        self.settings = dict(settings or {})
        self.workers: list[Worker] = []
        self._own_broker = own_broker
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as begun:
            self.kafka = begun.enter_context(borrowed(own=self._own_broker))
            self.io = begun.enter_context(self.client())
            self.io.create_topics(PARTITIONS)
            self._ends = begun.pop_all()
        return self

    def __exit__(self, *_exc: object) -> None:
        for worker in self.workers:
            worker.close()
        self._ends.close()

    def client(self) -> KafkaIO:
        """Return the client that this stage works with, not entered yet."""
        return KafkaIO(self.kafka.bootstrap)

    def worker(self, *, app_id: str = "rollcall", settings: Mapping[str, str] | None = None) -> Worker:
        """Return a new worker, not started, with a data directory and a port of its own."""
        home = self.home / f"worker-{len(self.workers)}"
        worker = Worker(self.kafka.bootstrap, home, app_id=app_id, settings=self.settings | dict(settings or {}))
        self.workers.append(worker)
        return worker

    def reader(self, *, read_committed: bool = False) -> Reader:
        """Return a reader of all output topics; the worker creates them, so one must be starting."""
        return self.io.reader(topics.OUTPUTS, read_committed=read_committed)

    def wait_taken(self, app_id: str = "rollcall", within: float = PATIENCE) -> None:
        """Wait until the workers of an app id have committed all inputs."""
        self.io.wait_taken(app_id, topics.INPUTS, within)

    def wait_folded(self, app_id: str = "rollcall", within: float = PATIENCE) -> None:
        """Wait until the workers of an app id have taken all inputs and have said all that follows from them."""
        self.wait_taken(app_id, within)
        self.io.wait_taken(app_id, [f"{app_id}-log"], within)
