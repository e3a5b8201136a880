"""Sees from outside when a contestant is done: when the ready event of every batch can be read, read committed."""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.process import ContestantError, Process, cpu_seconds
from bench.topics import ECHO, READY

#: How long nothing may come before a contestant is given up that does nothing. The slowest says something every few
#: seconds, but where all batches stay open, which is a minute's work, and several on a machine that is slow today.
PATIENCE = 120.0
#: What part of a core one has that works: an idle worker takes a hundredth.
WORKS = 0.1
#: After how many such times one is given up that works: 20 minutes.
MOST = 10
_FETCH_BYTES = 16 * 1024 * 1024


class Patience:
    """For how long nothing may come of a contestant: it depends on whether it works.

    Args:
        cpu: tells the CPU seconds that it has used so far.
        silence: the seconds for one that does not work.

    """

    def __init__(self, cpu: Callable[[], float], silence: float) -> None:
        self._cpu = cpu
        self._silence = silence
        self._times = 1
        self._used = cpu()

    def ended(self, quiet: float) -> bool:
        """Whether it is at an end, after ``quiet`` seconds in which nothing came."""
        if quiet <= self._silence:
            self._times = 1
            return False
        if quiet <= self._silence * self._times:
            return False
        before, self._used = self._used, self._cpu()
        self._times += 1
        return self._times > MOST or self._used - before < self._silence * WORKS


class Watcher:
    """Reads the ready events, notes when each key came first, and counts those that came again."""

    def __init__(self, bootstrap: str, partitions: int) -> None:
        self.arrived: dict[bytes, float] = {}
        self.repeats = 0
        self._partitions = [TopicPartition(topic, n) for topic in (READY, ECHO) for n in range(partitions)]
        self._missing: set[bytes] = set()
        self._last = 0.0
        self._changed = asyncio.Event()
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=_FETCH_BYTES,
        )
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        self._consumer.assign(self._partitions)
        await self._consumer.seek_to_beginning(*self._partitions)
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        await self._consumer.stop()

    def expect(self, batches: Iterable[str]) -> None:
        """From now on wait for these as well."""
        self._missing |= {batch.encode() for batch in batches} - self.arrived.keys()
        self._last = time.monotonic()

    async def wait(self, processes: Iterable[Process], silence: float = PATIENCE) -> float:
        """Return the moment (monotonic, seconds) when the last expected batch came.

        Raises ContestantError when a process ends, or when nothing has come for ``silence`` seconds: from processes
        that did nothing meanwhile, or that have worked ten times as long for nothing.
        """
        running = list(processes)
        self._last = time.monotonic()
        patience = Patience(lambda: sum(cpu_seconds(process.pid) for process in running), silence)
        while self._missing:
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), 0.25)
            except TimeoutError:
                for process in running:
                    process.check()
                if self._task is not None and self._task.done():
                    self._task.result()
                quiet = time.monotonic() - self._last
                if patience.ended(quiet):
                    message = f"{len(self._missing)} batches are not ready, and none has come for {quiet:.0f} s"
                    raise ContestantError(running[0].with_log(message)) from None
        return self._last

    async def _watch(self) -> None:
        while True:
            for records in (await self._consumer.getmany(timeout_ms=500)).values():
                now = time.monotonic()
                for record in records:
                    key = record.key or b""
                    if key in self.arrived:
                        self.repeats += 1
                    else:
                        self.arrived[key] = now
                    if key in self._missing:
                        self._missing.discard(key)
                        self._last = now
            self._changed.set()
