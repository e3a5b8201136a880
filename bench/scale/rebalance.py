"""A first start, a second worker, a stop and a kill, by the number of partitions."""

import asyncio
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from bench.scale.field import SESSION_SECONDS, Cores, Field, Scaled, resources
from bench.stage import Stage, say

#: Between a rebalance and the next, for what is done beside.
_QUIET = 2.0

#: Seconds over which the idle CPU is counted.
_IDLE = 5.0


@dataclass(frozen=True)
class Moved:
    """How long it took until every partition was served again, in seconds, and what the workers used for it.

    Attributes:
        partitions: of the internal topics. One worker owns all of them, or each of two a half.
        first: from the first start until it is ready, the topics made.
        first_cpu: CPU seconds of that worker for it.
        join: from the start of a second worker until each has its half.
        join_cpu: CPU seconds of both.
        term: from SIGTERM to one until the other has all.
        kill: from kill -9, less the session time-out, after which alone the group can know.
        idle_cpu: cores that the one worker needs when nothing is sent.
        memory_mb: its peak, with all partitions.
        sockets: it has open then.
        files: as well.

    """

    partitions: int
    first: float
    first_cpu: float
    join: float
    join_cpu: float
    term: float
    kill: float
    idle_cpu: float
    memory_mb: float
    sockets: float
    files: float


async def rebalance(stage: Stage, cores: Cores, partitions: int, logs: Path | None = None) -> Moved:
    """Measure it. Raises ContestantError where a worker ends by itself. The workers' logs are kept in ``logs``."""
    async with Field(stage, partitions, Scaled(), cores) as field:
        try:
            moved = await _measure(field, partitions)
        finally:
            if logs is not None:
                for log in sorted(field.running.site.home.glob("worker-*/log.txt")):
                    shutil.copyfile(log, logs / f"{partitions}-{log.parent.name}.txt")
    say(
        f"{partitions} partitions: first start {moved.first:.1f} s ({moved.first_cpu:.1f} CPU s), second worker "
        f"{moved.join:.1f} s, stop {moved.term:.1f} s, kill {moved.kill:.1f} s beyond the session, "
        f"{moved.memory_mb:.0f} MB, {moved.sockets:.0f} sockets"
    )
    return moved


async def _measure(field: Field, partitions: int) -> Moved:
    begun = time.monotonic()
    first = field.start()
    first_seconds = await field.spread() - begun
    held = resources(first)
    await asyncio.sleep(_QUIET)
    cpu, begun = field.cpu(), time.monotonic()
    await asyncio.sleep(_IDLE)
    idle = (field.cpu() - cpu) / (time.monotonic() - begun)

    cpu, begun = field.cpu(), time.monotonic()
    field.start(1)
    join_seconds = await field.spread() - begun
    join_cpu = field.cpu() - cpu
    await asyncio.sleep(_QUIET)

    begun = time.monotonic()
    await asyncio.to_thread(field.workers.pop().stop)
    term_seconds = await field.spread() - begun

    field.start(1)
    await field.spread()
    await asyncio.sleep(_QUIET)
    begun = time.monotonic()
    field.workers.pop().kill()
    kill_seconds = await field.spread() - begun - SESSION_SECONDS
    field.workers[0].stop()
    return Moved(
        partitions,
        first_seconds,
        held["cpu_seconds"],
        join_seconds,
        join_cpu,
        term_seconds,
        max(0.0, kill_seconds),
        idle,
        held["memory_mb"],
        held["sockets"],
        held["files"],
    )
