"""The broker, the parts that are loaded into it, and a directory for everything; one for a whole run of benchmarks."""

import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from bench import frames
from bench.process import but_compilers, cpu_seconds, thread_seconds
from bench.workload import Part
from demo.kafka import EmbeddedKafka
from demo.kafka.cluster import KafkaCluster

# Deleted topics are gone at once, or their gigabytes would pile up; and nothing is thrown away for its age, since the
# events say a moment of the past.
_BROKER = {"log.segment.delete.delay.ms": "1000", "log.retention.ms": "-1"}


def say(text: str) -> None:
    """Progress, on standard error."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


class Stage:
    """As a context manager everything of it is gone at the end. With three brokers each topic is on all of them."""

    def __init__(self, partitions: int, directory: Path | None = None, *, brokers: Literal[1, 3] = 1) -> None:
        self.partitions = partitions
        self.replicas = brokers
        self.home = Path(tempfile.mkdtemp(prefix="rollcall-bench-", dir=directory))
        self._kafka: EmbeddedKafka | KafkaCluster
        if brokers == 1:
            self._kafka = EmbeddedKafka(data_dir=self.broker_data, quick_start=False, heap="1g", config=_BROKER)
        else:
            self._kafka = KafkaCluster(self.broker_data, quick_start=False, heap="1g", config=_BROKER)
        self._runs = 0

    def __enter__(self) -> Self:
        try:
            self._kafka.start()
            (self.home / "parts").mkdir()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the broker and remove all data."""
        self._kafka.close()
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def bootstrap(self) -> str:
        """The broker's address."""
        return self._kafka.bootstrap

    @property
    def broker_data(self) -> Path:
        """Where the broker keeps its data."""
        return self.home / "kafka"

    def broker_cpu(self) -> float:
        """CPU seconds that the broker has used, or all brokers together."""
        return sum(map(cpu_seconds, self._pids()))

    def broker_work(self) -> dict[int, float]:
        """CPU seconds of each thread of the brokers, by its id, but for those in which their JVM compiles."""
        return {number: cpu for pid in self._pids() for number, cpu in but_compilers(thread_seconds(pid)).items()}

    def _pids(self) -> list[int]:
        nodes = self._kafka.nodes.values() if isinstance(self._kafka, KafkaCluster) else (self._kafka,)
        return [node.pid for node in nodes if node.pid is not None]

    def next_run(self) -> tuple[str, Path]:
        """An app id and a directory that no run had before."""
        self._runs += 1
        home = self.home / f"run-{self._runs}"
        home.mkdir()
        return f"bench-{os.getpid()}-{self._runs}", home

    def built(self, part: Part) -> Path:
        """The file with a part's batches; built when it is asked for the first time."""
        return self.file(repr(part), lambda: (frames.Row(*event) for event in part.events()), f"{part.count:,} events")

    def file(self, name: str, rows: Callable[[], Iterable[frames.Row]], what: str) -> Path:
        """A file of ready-made batches by any name; ``rows`` is asked for them if there is none yet."""
        path = self.home / "parts" / hashlib.sha256(name.encode()).hexdigest()[:16]
        if not path.exists():
            begun = time.monotonic()
            count = frames.write(path, rows())
            say(f"made {count:,} records ({what}) in {time.monotonic() - begun:.1f} s")
        return path

    def load(self, path: Path, rename: Mapping[str, str] | None = None) -> None:
        """Send a file's batches."""
        frames.send(self.bootstrap, path, rename=rename)
