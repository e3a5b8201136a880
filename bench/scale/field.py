"""Workers of one run: started, watched, counted; and the cores that each is held on."""

import asyncio
import json
import os
import re
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from aiokafka import AIOKafkaProducer

from bench import topics, trial
from bench.contestants import Rollcall, Site
from bench.process import ContestantError, Process, cpu_seconds, peak_rss
from bench.stage import Stage
from bench.trial import Running
from bench.watcher import Watcher
from bench.workload import Event

#: Seconds until a run is given up: a start with the most partitions takes about 40 on two busy cores.
PATIENCE = 300.0

#: A worker that is killed is missed after this time: the shipped default.
SESSION_SECONDS = 6

#: Slices of a fixed rate a second: a twentieth of a second's events at once would be a chunk of their own making.
_SLICES = 200


class Cores(NamedTuple):
    """Which cores are whose: the workers share one, whatever their number, and the rest is the brokers' and ours."""

    workers: frozenset[int]
    rest: frozenset[int]


def split_cores() -> Cores:
    """The last core for the workers, the others for the rest; all for all where there is only one."""
    cores = sorted(os.sched_getaffinity(0))
    return Cores(frozenset(cores[-1:]), frozenset(cores[:-1] or cores))


@contextmanager
def held_on(cores: Iterable[int]) -> Iterator[None]:
    """What is started within runs on these cores alone: a process inherits them from who starts it."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Scaled(Rollcall):
    """Rollcall as it is shipped, with this session time-out."""

    def __init__(self, session_seconds: int = SESSION_SECONDS) -> None:
        super().__init__("rollcall", "exactly_once")
        self._session_seconds = session_seconds

    def environment(self, site: Site) -> dict[str, str]:
        """Its settings."""
        return super().environment(site) | {"ROLLCALL_SESSION_TIMEOUT_SECONDS": str(self._session_seconds)}


class Field:
    """Workers of one app id with ``partitions`` of the internal topics, on new topics; all gone at the end."""

    def __init__(self, stage: Stage, partitions: int, contestant: Rollcall, cores: Cores) -> None:
        app_id, home = stage.next_run()
        self.partitions = partitions
        self.cores = cores
        self.running = Running(
            stage,
            contestant,
            Site(stage.bootstrap, app_id, home, partitions),
            [],
            Watcher(stage.bootstrap, stage.partitions),
            {},
            {},
        )
        self._ends = ExitStack()
        self._started = 0

    async def __aenter__(self) -> Self:
        stage = self.running.stage
        await topics.make(stage.bootstrap, stage.partitions, stage.replicas)
        await self.running.watcher.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.__exit__(kind, error, trace)
        await self.running.watcher.__aexit__()

    @property
    def workers(self) -> list[Process]:
        """Those that run."""
        return self.running.processes

    def start(self, number: int | None = None) -> Process:
        """Start a worker; with the ``number`` of a former one in its directory."""
        with held_on(self.cores.workers):
            process = self._ends.enter_context(trial.start(self.running, self._started if number is None else number))
        self._started += number is None
        self.workers.append(process)
        return process

    async def spread(self) -> float:
        """Wait until all partitions are owned, in even shares, restored and served; the moment (monotonic)."""
        share = self.partitions // len(self.workers)
        await self.until(lambda: self._owned() == self.partitions and all(self._serves(w, share) for w in self.workers))
        return time.monotonic()

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for a condition. Raises ContestantError when a worker ends, or after :data:`PATIENCE`.

        A worker that does not answer yet does not fulfil it.
        """

        def answered() -> bool:
            try:
                return true()
            except OSError:
                return False

        deadline = time.monotonic() + PATIENCE
        while not await asyncio.to_thread(answered):
            self.running.check()
            if time.monotonic() > deadline:
                raise ContestantError(self.workers[0].with_log(f"not within {PATIENCE:.0f} s"))
            await asyncio.sleep(0.1)

    def cpu(self) -> float:
        """CPU seconds of all workers that run."""
        return self.running.cpu()

    def total(self, name: str) -> float:
        """The sum of a metric over all workers and labels. Raises OSError where one of them does not answer."""
        return sum(metric(process, name) for process in self.workers)

    def _owned(self) -> float:
        return self.total("rollcall_log_partitions")

    @staticmethod
    def _serves(process: Process, share: int) -> bool:
        return metric(process, "rollcall_log_partitions") >= share and process.answers("/health/ready")


def metric(process: Process, name: str) -> float:
    """The sum of a metric over its labels. Raises OSError where the worker does not answer."""
    with urllib.request.urlopen(f"http://127.0.0.1:{process.port}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if re.match(rf"{name}[ {{]", line))


def lines(log: Path, event: str) -> list[dict[str, Any]]:
    """The lines of a JSON log that tell of this event."""
    text = log.read_text("utf-8", "replace")
    return [json.loads(line) for line in text.splitlines() if line.startswith("{") and f'"{event}"' in line]


def resources(process: Process) -> dict[str, float]:
    """What a worker holds: peak memory in MB, threads, open files, and those of them that are sockets."""
    proc = Path(f"/proc/{process.pid}")
    files = []
    for path in (proc / "fd").iterdir():
        try:
            files.append(str(path.readlink()))
        except OSError:  # closed meanwhile
            continue
    return {
        "memory_mb": peak_rss(process.pid) / 1e6,
        "threads": len(list((proc / "task").iterdir())),
        "files": len(files),
        "sockets": sum(name.startswith("socket:") for name in files),
        "cpu_seconds": cpu_seconds(process.pid),
    }


async def send(bootstrap: str, events: Iterable[Event], rate: float | None = None) -> None:
    """Send events, so many a second, or as fast as it goes; returns when all are acknowledged."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks=1, linger_ms=5, max_batch_size=96 * 1024)
    await producer.start()
    try:
        begun, waiting = time.monotonic(), []
        for number, event in enumerate(events):
            if rate is not None and number % max(1, int(rate / _SLICES)) == 0:
                await asyncio.sleep(max(0.0, begun + number / rate - time.monotonic()))
            waiting.append(await producer.send(event.topic, event.value, event.key, event.partition))
        await asyncio.gather(*waiting)
    finally:
        await producer.stop()
